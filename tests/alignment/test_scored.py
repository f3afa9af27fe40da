"""Scores of layers: against an oracle, joined on ids, with their ceilings."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import rankdata, spearmanr

from brainalign.alignment.scored import Scored, control, layer_rdms, layers_of, score_encoding, score_rsa
from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.response_ceiling import response_ceiling
from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.low_level import low_level_rdms
from brainalign.patterns import Patterns
from brainalign.specs import ScoringSpec
from tests.synthetic_world import World, reordered

QUICK = ScoringSpec(n_bootstrap=100)
WORLD = World(n_stimuli=20, n_subjects=6, n_seeds=2)


def _rsa(world: World = WORLD, scoring: ScoringSpec = QUICK, earlier: bool = False) -> Scored:
    instances = [*(world.instances(step=5, final=False) if earlier else []), *world.instances()]
    return score_rsa(layer_rdms(layers_of(instances), scoring.dissimilarity), world.source().rdms("V1"), scoring)


def test_every_rsa_score_is_a_spearman_correlation() -> None:
    scored, brains = _rsa(earlier=True), WORLD.source().rdms("V1")
    features = {
        (one.rule, one.seed, one.step, layer): values
        for one in (*WORLD.instances(), *WORLD.instances(step=5, final=False))
        for layer, values in one.activations.layers.items()
    }
    assert len(scored.models) == len(features) == 24
    for model, own in zip(scored.models, scored.scores, strict=True):
        rdm = pdist(features[model.rule, model.seed, model.step, model.layer].astype(np.float64), "correlation")
        expected = [spearmanr(rdm, brain).statistic for brain in brains.dissimilarities]
        np.testing.assert_allclose(own, expected, atol=1e-10)


def test_rows_are_final_networks_first_then_earlier_ones() -> None:
    scored = _rsa(earlier=True)
    assert [model.final for model in scored.models] == [True] * 12 + [False] * 12
    assert scored.draws.n_models == 12
    assert scored.earlier.shape == (12, 6)
    assert [model.layer_index for model in scored.models[:4]] == [0, 1, 0, 1]


def test_networks_in_another_order_of_stimuli_score_and_draw_the_same() -> None:
    brains, instances = WORLD.source().rdms("V1"), WORLD.instances()
    straight = score_rsa(layer_rdms(layers_of(instances), "correlation"), brains, QUICK)
    shuffled = reordered(instances, WORLD.ids[::-1])
    again = score_rsa(layer_rdms(layers_of(shuffled), "correlation"), brains, QUICK)
    np.testing.assert_allclose(again.scores, straight.scores, atol=1e-10)
    np.testing.assert_allclose(again.draws.draws, straight.draws.draws, atol=1e-10)


def test_brains_in_another_order_of_stimuli_score_the_same() -> None:
    brains, layers = WORLD.source().rdms("V1"), layer_rdms(layers_of(WORLD.instances()), "correlation")
    straight = score_rsa(layers, brains, QUICK)
    again = score_rsa(layers, brains.subset(WORLD.ids[::-1]), QUICK)
    np.testing.assert_allclose(again.scores, straight.scores, atol=1e-10)
    np.testing.assert_allclose(again.ceiling, straight.ceiling, atol=1e-10)


def test_stimuli_that_only_one_side_saw_are_refused() -> None:
    brains = WORLD.source().rdms("V1")
    for instances in (reordered(WORLD.instances(), WORLD.ids[:-1]), replace(WORLD, n_stimuli=21).instances()):
        with pytest.raises(StimulusMismatchError):
            score_rsa(layer_rdms(layers_of(instances), "correlation"), brains, QUICK)


def test_a_semipartial_score_correlates_what_the_controls_leave_over() -> None:
    source = WORLD.source()
    held = low_level_rdms(source.stimuli(), (8, 8))
    nuisance = {name: held[name] for name in ("pixels", "gabor")}
    layers, brains = layer_rdms(layers_of(WORLD.instances()), "correlation"), source.rdms("V1")
    scored = score_rsa(layers, brains, QUICK, nuisance)
    assert scored.measure == "rsa spearman without pixels, gabor"
    columns = np.stack([rankdata(rdm.dissimilarities[0]) for rdm in nuisance.values()] + [np.ones(190)], axis=1)
    for (_, rdm), own in zip(layers, scored.scores, strict=True):
        ranked = rankdata(rdm.dissimilarities[0])
        left = ranked - columns @ np.linalg.lstsq(columns, ranked)[0]
        expected = [np.corrcoef(left, rankdata(brain))[0, 1] for brain in brains.dissimilarities]
        np.testing.assert_allclose(own, expected, atol=1e-10)


def test_earlier_checkpoints_have_no_semipartial_score() -> None:
    nuisance = low_level_rdms(WORLD.source().stimuli(), (8, 8))
    instances = [*WORLD.instances(), *WORLD.instances(step=5, final=False)]
    layers = layer_rdms(layers_of(instances), "correlation")
    scored = score_rsa(layers, WORLD.source().rdms("V1"), QUICK, nuisance)
    assert len(scored.models) == len(scored.scores) == 12


def test_one_subject_has_no_ceiling() -> None:
    assert np.isnan(_rsa(replace(WORLD, n_subjects=1)).ceiling).all()
    ceiling = _rsa().ceiling
    assert (ceiling[0] < ceiling[1]).all()


TRIALS = World(n_stimuli=40, n_subjects=2, n_seeds=2, n_channels=5, rules=("untrained", "backprop"))


def test_encoding_fits_all_subjects_together_as_it_fits_each_alone() -> None:
    source, layers = TRIALS.source(), layers_of(TRIALS.instances())
    scored = score_encoding(
        [*layers, (control("noise"), layers[0][1], TRIALS.ids)], source.recordings(), "V1", QUICK, None
    )
    assert scored.measure == Encoding().label == "encoding ridge"
    assert (scored.n_stimuli, scored.n_targets, scored.subjects) == (40, 10, ("s1", "s2"))
    np.testing.assert_allclose(scored.scores[-1], scored.scores[0], atol=1e-10)
    for (model, features, ids), own in zip(layers, scored.scores, strict=False):
        for k, recording in enumerate(source.recordings()):
            seen, responses = recording.average("V1")
            alone = Encoding(seed=QUICK.seed).score(Patterns(features, ids), Patterns(responses[:, :, 0], seen))
            assert own[k] == pytest.approx(alone.r.mean(), abs=1e-6), model
    means = {rule: scored.scores[[m.rule == rule for m in scored.models]].mean() for rule in TRIALS.rules}
    assert means["backprop"] > means["untrained"] + 0.1


def test_encoding_ceiling_is_the_mean_over_responses_of_each_subject() -> None:
    recordings = TRIALS.source().recordings()
    scored = score_encoding(layers_of(TRIALS.instances()), recordings, "V1", QUICK, None)
    assert np.isnan(scored.ceiling[0]).all()
    expected = [response_ceiling(recording, "V1") for recording in recordings]
    np.testing.assert_allclose(scored.ceiling[1], expected)


def test_encoding_joins_on_ids() -> None:
    recordings = TRIALS.source().recordings()
    order = np.random.default_rng(0).permutation(TRIALS.ids).tolist()
    straight = score_encoding(layers_of(TRIALS.instances()), recordings, "V1", QUICK, None)
    again = score_encoding(layers_of(reordered(TRIALS.instances(), order)), recordings, "V1", QUICK, None)
    np.testing.assert_allclose(again.scores, straight.scores, atol=1e-8)
    moved = (recordings[0], replace(recordings[1], data=recordings[1].data[::-1], stimulus_ids=TRIALS.ids[::-1] * 3))
    again = score_encoding(layers_of(TRIALS.instances()), moved, "V1", QUICK, None)
    np.testing.assert_allclose(again.scores, straight.scores, atol=1e-8)


def test_encoding_refuses_stimuli_that_networks_or_subjects_lack() -> None:
    recordings = TRIALS.source().recordings()
    with pytest.raises(StimulusMismatchError):
        score_encoding(layers_of(reordered(TRIALS.instances(), TRIALS.ids[1:])), recordings, "V1", QUICK, None)
    other = tuple(f"other {k}" for k in range(40)) * 3
    pair = (recordings[0], replace(recordings[1], stimulus_ids=other))
    with pytest.raises(StimulusMismatchError):
        score_encoding(layers_of(TRIALS.instances()), pair, "V1", QUICK, None)


def test_encoding_of_a_time_course_is_refused() -> None:
    one = TRIALS.source().recordings()[0]
    course = replace(one, data=np.repeat(one.data, 2, axis=2), times=(0.0, 0.1))
    with pytest.raises(SpecError, match=r"2 times; encoding expects one\. Average over a time window"):
        score_encoding(layers_of(TRIALS.instances()), (course,), "V1", QUICK, None)


def test_earlier_checkpoints_are_predicted_with_the_same_folds() -> None:
    recordings = TRIALS.source().recordings()
    instances = [*TRIALS.instances(step=5, final=False), *TRIALS.instances()]  # the same features twice
    scored = score_encoding(layers_of(instances), recordings, "V1", QUICK, None)
    np.testing.assert_allclose(scored.earlier, scored.draws.observed, atol=1e-10)
