"""Scores of layers: against an oracle, joined on ids, with their ceilings, at every time."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import rankdata, spearmanr

from brainalign.alignment import scoring
from brainalign.alignment.instance import Instance
from brainalign.alignment.scored import Scored
from brainalign.alignment.scoring import Scoring
from brainalign.comparisons.comparators import compare
from brainalign.comparisons.comparison import Comparison
from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.response_ceiling import response_ceiling
from brainalign.comparisons.rsa import RSA
from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.low_level import low_level_features, low_level_rdms
from brainalign.patterns import Patterns
from brainalign.rdms import compute_rdms
from brainalign.recordings.brain import Brain
from brainalign.recordings.source import RecordingSource
from brainalign.resampling.samples import Samples
from brainalign.specs import RecordingSpec
from tests.alignment.trials import of_trials
from tests.synthetic_world import World, reordered

WORLD = World(n_stimuli=20, n_subjects=6, n_seeds=2)
TRIALS = World(n_stimuli=40, n_subjects=2, n_seeds=2, n_channels=5, rules=("untrained", "backprop"))
DRAWS = Samples("bootstrap", 100, 0)


def _scores(
    instances: Iterable[Instance],
    source: RecordingSource,
    measures: Sequence[Comparison] = (RSA(),),
    samples: Samples = DRAWS,
    controls: bool = False,
) -> list[Scored]:
    stimuli = source.stimuli()
    features = low_level_features(stimuli, (8, 8))
    low = {name: Patterns(values, stimuli.ids, name) for name, values in features.items()}
    scored = Scoring(Brain(source, RecordingSpec("made_up", rois=("V1",))), ("V1",), measures, samples, low, controls)
    for one in instances:
        scored.show(one)
    return list(scored.finish())


def _both(world: World) -> list[Instance]:
    return [*world.instances(step=5, final=False), *world.instances()]


def test_every_rsa_score_is_a_spearman_correlation() -> None:
    [scored], brains = _scores(_both(WORLD), WORLD.source()), WORLD.source().rdms("V1")
    features = {
        (one.rule, one.seed, one.step, layer): values
        for one in _both(WORLD)
        for layer, values in one.activations.layers.items()
    }
    assert len(scored.models) == len(features) == 24
    for model, own in zip(scored.models, scored.scores, strict=True):
        rdm = pdist(features[model.rule, model.seed, model.step, model.layer].astype(np.float64), "correlation")
        expected = [spearmanr(rdm, brain).statistic for brain in brains.dissimilarities]
        np.testing.assert_allclose(own, expected, atol=1e-10)


def test_rows_are_final_networks_first_then_controls_then_earlier_ones() -> None:
    [scored] = _scores(_both(WORLD), WORLD.source(), controls=True)
    assert [model.final for model in scored.models] == [True] * 15 + [False] * 12
    assert [model.role for model in scored.models[12:15]] == ["low_level"] * 3
    assert scored.draws.n_models == 15
    assert scored.earlier.shape == (12, 6)
    assert [model.layer_index for model in scored.models[:4]] == [0, 1, 0, 1]


def test_blocks_of_layers_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    measures = (RSA(), Encoding(seed=0))
    whole = _scores(_both(TRIALS), TRIALS.source(), measures, controls=True)
    monkeypatch.setattr(scoring, "_WAITING_BYTES", 1)
    parts = _scores(_both(TRIALS), TRIALS.source(), measures, controls=True)
    for one, other in zip(whole, parts, strict=True):
        assert one.models == other.models
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-12)
        np.testing.assert_allclose(one.draws.draws, other.draws.draws, atol=1e-12)
        np.testing.assert_allclose(one.ceiling, other.ceiling, atol=1e-12)


def test_activations_are_let_go_before_the_next_network_is_asked_for() -> None:
    import gc
    import weakref

    alive: list[weakref.ref] = []

    def one_after_another() -> Iterable[Instance]:
        for one in WORLD.instances():
            gc.collect()
            assert sum(ref() is not None for ref in alive) <= 1
            layers = {name: values.copy() for name, values in one.activations.layers.items()}
            shown = replace(one, activations=replace(one.activations, layers=layers))
            alive.append(weakref.ref(shown.activations))
            del layers
            yield shown

    _scores(one_after_another(), WORLD.source())


def test_networks_in_another_order_of_stimuli_score_and_draw_the_same() -> None:
    [straight] = _scores(WORLD.instances(), WORLD.source())
    [again] = _scores(reordered(WORLD.instances(), WORLD.ids[::-1]), WORLD.source())
    np.testing.assert_allclose(again.scores, straight.scores, atol=1e-10)
    np.testing.assert_allclose(again.draws.draws, straight.draws.draws, atol=1e-10)


def test_brains_in_another_order_of_stimuli_score_the_same() -> None:
    source = WORLD.source()
    turned = replace(source, geometry={roi: rdms.subset(WORLD.ids[::-1]) for roi, rdms in source.geometry.items()})
    [straight], [again] = (_scores(WORLD.instances(), one) for one in (source, turned))
    np.testing.assert_allclose(again.scores, straight.scores, atol=1e-10)
    np.testing.assert_allclose(again.ceiling, straight.ceiling, atol=1e-10)


@pytest.mark.parametrize("measure", [RSA(), Encoding()])
def test_stimuli_that_only_one_side_saw_are_refused(measure: Comparison) -> None:
    for instances in (reordered(TRIALS.instances(), TRIALS.ids[:-1]), replace(TRIALS, n_stimuli=41).instances()):
        with pytest.raises(StimulusMismatchError):
            _scores(instances, TRIALS.source(), (measure,))


def test_a_semipartial_score_correlates_what_the_controls_leave_over() -> None:
    source = WORLD.source()
    held = low_level_rdms(source.stimuli(), (8, 8))
    [scored] = _scores(WORLD.instances(), source, (RSA(partial=("pixels", "gabor"), semi=True),))
    assert scored.measure == "rsa spearman without pixels, gabor"
    nuisance = [rankdata(held[name].dissimilarities[0]) for name in ("pixels", "gabor")]
    columns = np.stack([*nuisance, np.ones(190)], axis=1)
    features = {(one.rule, one.seed): one.activations.layers for one in WORLD.instances()}
    brains = source.rdms("V1")
    for model, own in zip(scored.models, scored.scores, strict=True):
        ranked = rankdata(pdist(features[model.rule, model.seed][model.layer].astype(float), "correlation"))
        left = ranked - columns @ np.linalg.lstsq(columns, ranked)[0]
        expected = [np.corrcoef(left, rankdata(brain))[0, 1] for brain in brains.dissimilarities]
        np.testing.assert_allclose(own, expected, atol=1e-10)


def test_earlier_checkpoints_and_controls_have_no_semipartial_score() -> None:
    measure = RSA(partial=("pixels",), semi=True)
    [scored] = _scores(_both(WORLD), WORLD.source(), (measure,), controls=True)
    assert len(scored.models) == len(scored.scores) == 12
    assert all(model.final and model.role != "low_level" for model in scored.models)


def test_one_subject_has_no_ceiling() -> None:
    one = replace(WORLD, n_subjects=1)
    assert np.isnan(_scores(one.instances(), one.source())[0].ceiling).all()
    ceiling = _scores(WORLD.instances(), WORLD.source())[0].ceiling
    assert (ceiling[0] < ceiling[1]).all()


def test_samples_without_each_stimulus_leave_scores_and_ceilings_as_they_are() -> None:
    for comparator in ("spearman", "corr", "cosine", "rho-a"):
        measures = (RSA(comparator=comparator),)
        [drawn] = _scores(_both(WORLD), WORLD.source(), measures)
        [left] = _scores(_both(WORLD), WORLD.source(), measures, Samples("leave_one_out"))
        assert left.draws.left_out
        assert left.draws.draws.shape == (20, 12, 6)
        np.testing.assert_allclose(left.scores, drawn.scores, atol=1e-10)
        np.testing.assert_allclose(left.ceiling, drawn.ceiling, atol=1e-10)


def test_encoding_fits_all_subjects_together_as_it_fits_each_alone() -> None:
    source = TRIALS.source()
    [scored] = _scores(TRIALS.instances(), source, (Encoding(seed=0),))
    assert scored.measure == Encoding().label == "encoding ridge"
    assert (scored.n_stimuli, scored.n_targets, scored.subjects) == (40, 10, ("s1", "s2"))
    shown = {(one.rule, one.seed): one.activations for one in TRIALS.instances()}
    for model, own in zip(scored.models, scored.scores, strict=True):
        for k, recording in enumerate(source.recordings()):
            seen, responses = recording.average("V1")
            layer = shown[model.rule, model.seed].patterns(model.layer)
            alone = Encoding(seed=0).score(layer, Patterns(responses[:, :, 0], seen))
            assert own[k] == pytest.approx(alone.r.mean(), abs=1e-6), model
    means = {rule: scored.scores[[m.rule == rule for m in scored.models]].mean() for rule in TRIALS.rules}
    assert means["backprop"] > means["untrained"] + 0.1


def test_encoding_ceiling_is_the_mean_over_responses_of_each_subject() -> None:
    [scored] = _scores(TRIALS.instances(), TRIALS.source(), (Encoding(),))
    assert np.isnan(scored.ceiling[0]).all()
    expected = [response_ceiling(recording, "V1") for recording in TRIALS.source().recordings()]
    np.testing.assert_allclose(scored.ceiling[1], expected)


def test_encoding_joins_on_ids() -> None:
    source = TRIALS.source()
    order = np.random.default_rng(0).permutation(TRIALS.ids).tolist()
    [straight] = _scores(TRIALS.instances(), source, (Encoding(),))
    [again] = _scores(reordered(TRIALS.instances(), order), source, (Encoding(),))
    np.testing.assert_allclose(again.scores, straight.scores, atol=1e-8)
    first, second = source.recordings()
    moved = replace(second, data=second.data[::-1], stimulus_ids=TRIALS.ids[::-1] * 3)
    [again] = _scores(TRIALS.instances(), replace(source, trials=(first, moved)), (Encoding(),))
    np.testing.assert_allclose(again.scores, straight.scores, atol=1e-8)


def test_earlier_checkpoints_are_predicted_with_the_same_folds() -> None:
    [scored] = _scores(_both(TRIALS), TRIALS.source(), (Encoding(),))  # the same features twice
    np.testing.assert_allclose(scored.earlier, scored.draws.observed, atol=1e-10)


# -- times ------------------------------------------------------------------------------------------------------------


def _over_time(gains: tuple[float, ...] = (1.0, 2.0, 0.5)) -> RecordingSource:
    """Return trials whose times are the same responses in more or less noise."""
    source, rng = TRIALS.source(), np.random.default_rng(0)
    times = tuple(0.1 * k for k in range(len(gains)))
    trials = []
    for one in source.recordings():
        data = np.concatenate([gain * one.data + rng.standard_normal(one.data.shape) for gain in gains], axis=2)
        trials.append(replace(one, data=data, times=times))
    return replace(source, trials=tuple(trials), geometry={})


@pytest.mark.parametrize("measure", [RSA(), RSA(comparator="corr"), Encoding()])
@pytest.mark.parametrize("kind", ["bootstrap", "leave_one_out", "none"])
def test_each_time_is_scored_as_if_it_were_alone(measure: Comparison, kind: str) -> None:
    source = _over_time()
    samples = Samples(kind, 20, 0)
    found = _scores(TRIALS.instances(), of_trials(source), (measure,), samples)
    assert [one.time for one in found] == pytest.approx([0.0, 0.1, 0.2])
    for k, one in enumerate(found):
        cut = [replace(r, data=r.data[:, :, k : k + 1], times=(0.0,)) for r in source.recordings()]
        [alone] = _scores(TRIALS.instances(), of_trials(replace(source, trials=tuple(cut))), (measure,), samples)
        assert np.isnan(alone.time)
        np.testing.assert_allclose(one.scores, alone.scores, atol=1e-10)
        np.testing.assert_allclose(one.draws.draws, alone.draws.draws, atol=1e-10)
        np.testing.assert_allclose(one.ceiling, alone.ceiling, atol=1e-10)


def test_stimuli_are_left_out_one_by_one_unless_a_bootstrap_is_asked_for() -> None:
    assert Samples("default").at(1).kind == "leave_one_out"
    assert Samples("default").at(2).kind == "leave_one_out"
    assert Samples("bootstrap").at(300).kind == "bootstrap"


def test_subjects_with_other_times_are_refused() -> None:
    source = _over_time()
    first, second = source.recordings()
    late = replace(second, times=tuple(time + 1 for time in second.times))
    with pytest.raises(SpecError, match="has 3 times from 1 s, 's1' has 3 from 0 s; expected the same"):
        _scores(TRIALS.instances(), of_trials(replace(source, trials=(first, late))))


def test_measures_never_score_under_another_name() -> None:
    """Kendall's tau-a would have been rho-a, and a partial score a semi-partial one."""
    for kind in ("bootstrap", "leave_one_out", "none"):
        [scored] = _scores(WORLD.instances(), WORLD.source(), (RSA(comparator="tau-a"),), Samples(kind, 20, 0))
        first = WORLD.instances()[0].activations
        layer = compute_rdms(first.layers["hidden1"], first.stimulus_ids)
        expected = compare(layer, WORLD.source().rdms("V1"), "tau-a")
        np.testing.assert_allclose(scored.draws.observed[0], expected[0], atol=1e-10)
    with pytest.raises(SpecError, match="take pixels out of layers only, not out of brains; say semi=True"):
        _scores(WORLD.instances(), WORLD.source(), (RSA(partial=("pixels",)),))
    with pytest.raises(SpecError, match="Samples are of kind 'boot'; expected one of: default, bootstrap"):
        Samples("boot")
