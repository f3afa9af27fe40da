"""Regression RSA in a study: every sample is the regression of what is left; non-negative weights by enumeration."""

import numpy as np
import pytest

from brainalign.comparisons.layer_choice import LayerChoice
from brainalign.comparisons.nuisance import presentation_order
from brainalign.comparisons.prepared import Prepared
from brainalign.comparisons.rdm_regression import RDMRegression
from brainalign.comparisons.regression_rsa import RegressionRSA
from brainalign.condensed import Condensed
from brainalign.errors import SpecError
from brainalign.patterns import Patterns
from brainalign.rdms import RDMs, compute_rdms
from brainalign.recordings.movie import Movie
from brainalign.recordings.recording import Recording
from brainalign.resampling.samples import Samples
from brainalign.specs import ScoringSpec

N = 14
IDS = tuple(f"s{k}" for k in range(N))


def world(seed: int = 0) -> tuple[list[RDMs], dict[str, RDMs], RDMs]:
    rng = np.random.default_rng(seed)
    a, b, c, d = (compute_rdms(rng.normal(size=(N, 5)), IDS, "squared_euclidean") for _ in range(4))
    brains = 0.5 * a.dissimilarities + 0.5 * c.dissimilarities + 3 * rng.random((2, N * (N - 1) // 2))
    return [a, b], {"pixels": c, "gabor": d}, RDMs(brains, IDS, "x", {"subject": ("p", "q")})


def prepared(controls: dict[str, RDMs], brains: RDMs) -> Prepared:
    movie = Movie.of_rdms(brains)
    beside = Condensed(*(np.concatenate([getattr(one, name) for one in controls.values()])
                         for name in ("dissimilarities", "rounding")))  # fmt: skip
    return Prepared(movie.subjects, movie.times, IDS, 0, None, None, (movie, [beside] * 2))


@pytest.mark.parametrize("comparator", ["corr", "spearman", "corr_cov"])
@pytest.mark.parametrize("nonnegative", [True, False])
def test_scores_without_each_stimulus_are_regressions_of_the_others(comparator: str, nonnegative: bool) -> None:
    layers, controls, brains = world()
    measure = RegressionRSA("squared_euclidean", comparator, nonnegative=nonnegative)
    (found,) = measure.draws(layers, prepared(controls, brains), Samples("leave_one_out"))
    for k in (None, 0, 9):
        ids = tuple(one for one in IDS if k is None or one != IDS[k])
        held = {name: one.subset(ids) for name, one in controls.items()}
        own = found.observed if k is None else found.draws[k]
        for row, layer in enumerate(layers):
            expected = measure.score(layer.subset(ids), brains.subset(ids), held)
            np.testing.assert_allclose(own[row], expected, atol=1e-10)
    assert found.observed[0].min() > 0.05 > found.observed[1].max()


@pytest.mark.parametrize("comparator", ["corr", "spearman"])
def test_a_bootstrap_sample_is_the_regression_of_its_pairs(comparator: str) -> None:
    layers, controls, brains = world(1)
    measure = RegressionRSA("squared_euclidean", comparator)
    (found,) = measure.draws(layers, prepared(controls, brains), Samples("bootstrap", 4, 3))
    for counts, draw in zip(found.stimulus_counts, found.draws, strict=True):
        drawn = np.repeat(np.arange(N), counts)
        i, j = np.triu_indices(len(drawn), 1)
        i, j = (side[drawn[i] != drawn[j]] for side in (i, j))
        pairs = [one.matrices()[:, drawn[i], drawn[j]] for one in (layers[0], *controls.values(), brains)]
        rows = Condensed.of(np.concatenate(pairs))
        rows = rows.centred_ranks("x") if comparator == "spearman" else rows.centred("x")
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        for s, y in enumerate(rows[3:]):
            from scipy.optimize import nnls

            whole, alone = (1 - nnls(x.T, y)[1] ** 2 for x in (rows[:3], rows[1:3]))
            assert draw[0, s] == pytest.approx(whole - alone, abs=1e-9)


def test_a_layer_that_repeats_a_control_has_nothing_of_its_own_and_a_constant_one_no_score() -> None:
    _, controls, brains = world(2)
    flat = RDMs(np.ones((1, N * (N - 1) // 2)), IDS, "x")
    layers = [controls["pixels"], flat]
    (found,) = RegressionRSA("squared_euclidean").draws(layers, prepared(controls, brains), Samples("none"))
    np.testing.assert_allclose(found.observed[0], 0, atol=1e-9)
    assert np.isnan(found.observed[1]).all()
    whole = RDMRegression.fit(controls, brains, "corr").r2
    assert (whole > 0.1).all()


def test_whitened_regression_has_no_bootstrap_and_says_so() -> None:
    scoring = ScoringSpec(resampling="bootstrap", options={"regression_rsa": {"comparator": "corr_cov"}})
    with pytest.raises(SpecError, match="has no bootstrap; set resampling = 'leave_one_out'"):
        RegressionRSA.of_study(scoring)
    with pytest.raises(SpecError, match="expected one of: corr, corr_cov, spearman"):
        RegressionRSA(comparator="tau-a")


def test_each_subject_has_its_own_layer_in_a_study() -> None:
    rng = np.random.default_rng(0)
    ids = tuple(f"s{k}" for k in range(60))
    layers = {name: Patterns(rng.normal(size=(60, 5)), ids, name) for name in ("early", "late")}
    people = tuple(
        (layers[name].values @ rng.normal(size=(5, 4)) + rng.normal(size=(60, 4)))[:, :, None]
        for name in ("early", "late")
    )
    measure = LayerChoice(alphas=(0.01, 0.1, 1.0), n_folds=4)
    brain = Prepared(("p", "q"), (0.0,), ids, 8, None, None, people)
    (found,) = measure.draws([measure.network(layers)], brain, Samples("leave_one_out"))
    for s, (name, responses) in enumerate(zip(("early", "late"), people, strict=True)):
        alone, chosen = measure.chosen(layers, Patterns(responses[:, :, 0], ids))
        assert chosen == (name,) * 4
        assert found.observed[0, s] == pytest.approx(alone.r.mean(), abs=1e-10)
    assert found.draws.shape == (60, 1, 2)
    assert found.training is not None


def test_the_order_in_which_stimuli_were_shown_is_taken_out_of_each_subject() -> None:
    rng = np.random.default_rng(0)
    ids = tuple(f"s{k}" for k in range(20))
    layer = compute_rdms(rng.normal(size=(20, 4)), ids, "squared_euclidean")
    recordings, brains, layers = [], [], []
    for subject in ("p", "q"):
        shown = tuple(ids[k] for k in rng.permutation(20))
        trials = np.cumsum(rng.normal(size=(20, 1, 1)), axis=0)
        recordings.append(Recording(trials, shown, ("c",), (0.0,), subject, "toy", "EEG", "uV"))
        brains.append(presentation_order(recordings[-1], ids).dissimilarities[0] + 2 * rng.random(190))
        layers.append(presentation_order(recordings[-1], ids))
    rdms = RDMs(np.stack(brains), ids, "x", {"subject": ("p", "q")})
    flat = [Condensed.of(compute_rdms(rng.normal(size=(20, 4)), ids, "squared_euclidean"))] * 2
    orders = [Condensed.of(one) for one in layers]
    movie = Movie.of_rdms(rdms)
    of_order = RDMs(layers[0].dissimilarities, ids, "x")
    for nuisance, beside in (((), flat), (("order",), [a.joined(b) for a, b in zip(flat, orders, strict=True)])):
        measure = RegressionRSA("squared_euclidean", nuisance=nuisance)
        content = Prepared(movie.subjects, movie.times, ids, 0, None, None, (movie, beside))
        (found,) = measure.draws([of_order, layer], content, Samples("leave_one_out"))
        first = found.observed[0, 0]
        assert first < 1e-9 if nuisance else first > 0.5
        assert found.draws.shape == (20, 2, 2)
    assert "Gabor energy and presentation order" in RegressionRSA(nuisance=("order",)).describe().title
    with pytest.raises(SpecError, match="expected some of: order, motion"):
        RegressionRSA(nuisance=("speed",))


def test_order_is_counted_within_runs() -> None:
    one = Recording(np.ones((5, 1, 1)), ("a", "b", "b", "c", "a"), ("c",), (0.0,), "p", "toy", "EEG", "uV",
                    runs=("1", "1", "2", "2", "2"))  # fmt: skip
    found = presentation_order(one, ("a", "b", "c")).dissimilarities[0]
    np.testing.assert_allclose(found, [(1 + 2) / 2, 1, 1])
