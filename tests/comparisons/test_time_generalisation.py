"""Encoding at every time, and models of one time at every other, against direct loops."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.encoding_scores import fold_correlations
from brainalign.comparisons.prepared import Prepared
from brainalign.comparisons.time_generalisation import (
    classifier,
    decoding_generalisation,
    encoding_generalisation,
    labelled_trials,
)
from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.patterns import Patterns
from brainalign.recordings.recording import Recording
from brainalign.resampling.samples import Samples

IDS = tuple(f"stimulus {k}" for k in range(40))
MEASURE = Encoding(n_folds=4, n_inner_folds=3, alphas=(0.01, 1.0, 100.0))


def world(n_features: int = 6) -> tuple[Patterns, np.ndarray]:
    rng = np.random.default_rng(5)
    features = rng.standard_normal((40, n_features))
    clean = features[:, :4] @ rng.standard_normal((4, 3))
    gains = np.array([0, 1, 2, 1.5])
    return Patterns(features, IDS, "layer"), clean[:, :, None] * gains + rng.standard_normal((40, 3, 4))


def test_generalisation_equals_a_direct_loop() -> None:
    features, responses = world()
    found = encoding_generalisation(features, responses, IDS, MEASURE)
    for t in range(4):
        fitted = MEASURE.score(features, Patterns(responses[:, :, t], IDS, "Responses"))
        for u in range(4):
            expected = fold_correlations(fitted.predictions, responses[:, :, u], fitted.folds).mean()
            assert found[t, u] == pytest.approx(expected, abs=1e-10)
    assert found[1:, 1:].min() > max(0.3, np.abs(found[0]).max())


@pytest.mark.parametrize("n_features", [6, 80])
def test_scores_of_all_times_are_those_of_each_time_alone(n_features: int) -> None:
    features, responses = world(n_features)
    whole = Prepared(("a", "b"), (0.0, 0.1, 0.2, 0.3), IDS, 3, None, None, (responses[:, :2], responses[:, 2:]))
    together = list(MEASURE.draws([features], whole, Samples("leave_one_out")))
    assert len(together) == 4
    for t, draws in enumerate(together):
        alone = replace(whole, times=(0.0,), content=tuple(one[:, :, [t]] for one in whole.content))
        (own,) = MEASURE.draws([features], alone, Samples("leave_one_out"))
        np.testing.assert_allclose(draws.observed, own.observed, atol=1e-10)
        np.testing.assert_allclose(draws.draws, own.draws, atol=1e-10)
        np.testing.assert_allclose(draws.training, own.training, atol=1e-10)


def test_times_in_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    features, responses = world()
    whole = Prepared(("a",), (0.0, 0.1, 0.2, 0.3), IDS, 3, None, None, (responses,))
    together = [one.observed for one in MEASURE.draws([features], whole, Samples("none"))]
    monkeypatch.setattr("brainalign.comparisons.encoding._TIMES", 40 * 3 * 3)
    np.testing.assert_allclose(
        [one.observed for one in MEASURE.draws([features], whole, Samples("none"))], together, atol=1e-10
    )
    monkeypatch.setattr("brainalign.comparisons.time_generalisation._BLOCK", 1)
    blocks = encoding_generalisation(features, responses, IDS, MEASURE)
    monkeypatch.undo()
    np.testing.assert_allclose(blocks, encoding_generalisation(features, responses, IDS, MEASURE), atol=1e-10)


def recording() -> Recording:
    rng, ids = np.random.default_rng(7), IDS[:20]
    sign = np.array([1.0 if k < 10 else -1.0 for k in range(20)])
    pattern, gains = rng.standard_normal(4), np.array([0, 1.0, 1.0])
    data = np.tile(sign[:, None, None] * pattern[:, None] * gains, (3, 1, 1)) + rng.standard_normal((60, 4, 3))
    return Recording(
        data=data, stimulus_ids=ids * 3, channels=tuple("abcd"), times=(-0.1, 0.1, 0.2), subject="s1",
        dataset="made up", modality="EEG", unit="arbitrary", rois={"all": np.ones(4, bool)},
    )  # fmt: skip


def test_decoding_equals_a_direct_loop() -> None:
    categories = {one: "face" if k < 10 else "object" for k, one in enumerate(IDS[:20])}
    found = decoding_generalisation(recording(), categories, n_folds=5)
    data, labels, folds = labelled_trials(recording(), categories, 5, 0)
    assert all(len(set(folds[k::20])) == 1 for k in range(20))  # a stimulus is in one fold
    for t in range(3):
        for u in range(3):
            own = []
            for fold in range(5):
                model = classifier().fit(data[folds != fold][:, :, t], labels[folds != fold])
                predicted = model.predict(data[folds == fold][:, :, u])
                own.append(balanced_accuracy_score(labels[folds == fold], predicted))
            assert found[t, u] == pytest.approx(np.mean(own), abs=1e-10)
    assert found[1:, 1:].min() > 0.8
    assert abs(found[0, 0] - 0.5) < 0.25


def test_what_does_not_fit_is_refused() -> None:
    features, responses = world()
    with pytest.raises(StimulusMismatchError, match="expected \\(stimuli, channels, times\\)"):
        encoding_generalisation(features, responses[:, 0], IDS)
    with pytest.raises(SpecError, match="expected two categories or more"):
        decoding_generalisation(recording(), dict.fromkeys(IDS[:20], "face"))
