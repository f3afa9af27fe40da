"""What a score rests on: which stimuli, in which order, which of them are one, and what became of runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from brainalign.activations import Activations
from brainalign.alignment.align import align, check_recording
from brainalign.alignment.instance import Instance
from brainalign.alignment.mean_rdm import MeanRDM
from brainalign.alignment.mean_rdms import mean_rdms
from brainalign.alignment.result import AlignmentResult
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.recordings.brain import Brain
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec, ScoringSpec
from tests.synthetic_world import World, reordered

WORLD = World(n_stimuli=40, n_subjects=3, n_seeds=2, n_channels=4, rules=("untrained", "backprop"), layers=("hidden1",))
SPEC = RecordingSpec("trials", subjects="fixed", measures=("rsa", "encoding"))
QUICK = ScoringSpec(n_bootstrap=100, low_level=False)
TABLES = ("scores", "contrasts", "ranks", "gates")


@dataclass(frozen=True)
class Trials(RecordingSource):
    """Stimuli and trials; RDMs follow from the trials."""

    shown: Stimuli | None = None
    trials: tuple[Recording, ...] = ()
    title, modality, citation, rois = "Trials", "made up", "nobody", ("V1",)

    def stimuli(self) -> Stimuli:
        assert self.shown is not None
        return self.shown

    def recordings(self) -> tuple[Recording, ...]:
        return self.trials


def _source(trials: Sequence[Recording] | None = None, shown: Stimuli | None = None) -> Trials:
    made = WORLD.source()
    return Trials(None, shown or made.shown, tuple(made.trials if trials is None else trials))


def _without(recording: Recording, ids: Sequence[str]) -> Recording:
    return recording.drop_trials(np.isin(recording.stimulus_ids, ids))


def _align(source: Trials, instances: Sequence[Instance] | None = None, **declared: object) -> AlignmentResult:
    return align(instances or WORLD.instances(), source, replace(SPEC, **declared), QUICK)


def _equal(one: AlignmentResult, other: AlignmentResult) -> None:
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), rtol=1e-10, atol=1e-10)


@pytest.fixture(scope="module")
def aligned() -> AlignmentResult:
    return _align(_source())


# -- order ------------------------------------------------------------------------------------------------------------


def test_the_order_of_trials_and_channels_changes_nothing(aligned: AlignmentResult) -> None:
    rng = np.random.default_rng(0)
    moved = []
    for one in WORLD.source().trials:
        trials, channels = rng.permutation(120), rng.permutation(4)
        moved.append(
            replace(
                one,
                data=one.data[trials][:, channels],
                stimulus_ids=tuple(one.stimulus_ids[k] for k in trials),
                channels=tuple(one.channels[k] for k in channels),
            )
        )
    _equal(_align(_source(moved)), aligned)


def test_the_order_of_networks_stimuli_changes_nothing(aligned: AlignmentResult) -> None:
    shuffled = np.random.default_rng(1).permutation(WORLD.ids).tolist()
    _equal(_align(_source(), reordered(WORLD.instances(), shuffled)), aligned)


def test_the_order_of_trials_with_runs_changes_nothing_either() -> None:
    runs = tuple(np.repeat(["1", "2", "3"], 40))
    drift = np.repeat([[0.0], [4.0], [-3.0]], 40, axis=0)[:, :, None]
    drifting = [replace(one, data=one.data + drift, runs=runs) for one in WORLD.source().trials]
    drifting = [one.drop_trials(np.arange(120) % 17 == 3) for one in drifting]
    order = np.random.default_rng(2).permutation(len(drifting[0].data))
    moved = [
        replace(
            one,
            data=one.data[order],
            stimulus_ids=tuple(one.stimulus_ids[k] for k in order),
            runs=tuple(f"run {one.runs[k]}" for k in order),
        )
        for one in drifting
    ]
    _equal(_align(_source(moved)), _align(_source(drifting)))


# -- which stimuli ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", ["rsa", "encoding"])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_subject_with_fewer_stimuli_raises_wherever_it_stands(position: int, measure: str) -> None:
    trials = list(WORLD.source().trials)
    trials[position] = _without(trials[position], WORLD.ids[:3])
    message = rf"'trials': of the 40 stimuli that are shown, subject 's{position + 1}' lacks 3 \(stimulus 0, stimulus 1"
    for call in (
        lambda: _align(_source(trials), measures=(measure,)),
        lambda: check_recording(Brain(_source(trials), replace(SPEC, measures=(measure,))), 2),
    ):
        with pytest.raises(StimulusMismatchError, match=message):
            call()


@pytest.mark.parametrize("position", [0, 2])
def test_shared_stimuli_are_scored_and_said(position: int) -> None:
    trials = list(WORLD.source().trials)
    trials[position] = _without(trials[position], WORLD.ids[:3])
    found = _align(_source(trials), stimuli="shared")
    assert set(found.scores.n_stimuli) == {37}
    assert set(found.contrasts.n_stimuli) == {37}
    for kind in ("RSA", "encoding"):
        sentence = (
            f"trials V1, {kind}: scored on 37 of 40 stimuli, those to which every subject responded (as declared)."
        )
        assert sentence in found.scope_sentences
    kept = WORLD.ids[3:]
    by_hand = _source([_without(one, WORLD.ids[:3]) for one in trials], WORLD.source().stimuli().subset(kept))
    _equal(_align(by_hand, reordered(WORLD.instances(), kept)), found)


def test_own_stimuli_are_scored_as_each_subject_alone_and_hold_stimuli_fixed() -> None:
    world = replace(WORLD, n_subjects=6)
    trials = [_without(one, world.ids[k : k + 2]) for k, one in enumerate(world.source().trials)]
    scoring = replace(QUICK, low_level=True)
    spec = replace(SPEC, subjects="random", stimuli="own")
    found = align(world.instances(), _source(trials), spec, scoring)
    assert set(found.scores.n_stimuli) == {38}
    assert found.scores.ceiling_lower.isna().all()
    assert set(found.contrasts.scope_stimuli) == {"fixed"}
    assert set(found.contrasts.scope_subjects) == {"random"}
    assert found.contrasts.se.gt(0).all()
    assert (
        "trials V1, RSA: each subject was scored on stimuli of its own (38 of 40, as declared), so that stimuli "
        "are fixed and there is no noise ceiling over subjects."
    ) in found.scope_sentences
    one = _without(world.source().trials[2], world.ids[2:4])
    ids = [i for i in world.ids if i in set(one.stimulus_ids)]
    alone = _source([one], WORLD.source().stimuli().subset(ids))
    alone = align(reordered(world.instances(), ids), alone, SPEC, scoring).scores
    own = found.scores[found.scores.subject == "s3"].reset_index(drop=True)
    np.testing.assert_allclose(own.score, alone.score, atol=1e-10)
    assert list(own.layer) == list(alone.layer)


def test_own_stimuli_that_are_the_same_are_the_plain_case(aligned: AlignmentResult) -> None:
    found = _align(_source(), stimuli="own")
    _equal(found, aligned)
    assert found.scope_sentences == aligned.scope_sentences


def test_networks_that_saw_other_stimuli_are_refused_by_both_measures() -> None:
    more, fewer = replace(WORLD, n_stimuli=41).instances(), reordered(WORLD.instances(), WORLD.ids[1:])
    for measure in ("rsa", "encoding"):
        with pytest.raises(
            StimulusMismatchError, match=r"41 stimuli.*have 1 that it does not show \(\['stimulus 40'\]\)"
        ):
            _align(_source(), more, measures=(measure,))
        with pytest.raises(StimulusMismatchError, match=r"lack 1 of the 40 that 'trials' is scored on"):
            _align(_source(), fewer, measures=(measure,))


def test_mean_rdms_are_over_stimuli_that_every_subject_saw() -> None:
    trials = list(WORLD.source().trials)
    trials[1] = _without(trials[1], WORLD.ids[:3])
    for declared in ("shared", "own"):
        spec = replace(SPEC, stimuli=declared)
        shown = Brain(_source(trials), spec).displayed(("V1",))
        assert shown.ids == WORLD.ids[3:]
        found = mean_rdms(Brain(_source(trials), spec), shown.ids, {})
        expected = [movie.rdms().subset(shown.ids) for movie in Brain(_source(trials), spec).movies("V1")]
        expected = np.concatenate([one.dissimilarities for one in expected]).mean(axis=0)
        np.testing.assert_allclose(found[MeanRDM("trials", "V1")].dissimilarities[0], expected)
    apart = [_without(one, WORLD.ids[20 * k : 20 * k + 20]) for k, one in enumerate(trials[:1] + trials[2:])]
    with pytest.raises(SpecError, match="0 stimuli are with all subjects, expected at least 3"):
        check_recording(Brain(_source(apart), replace(SPEC, stimuli="own")), 2)


# -- the same picture under two ids -----------------------------------------------------------------------------------


def _leak(one_picture: bool) -> AlignmentResult:
    """Responses and layers that know nothing of each other; each of 40 pictures has two ids."""
    rng = np.random.default_rng(5)
    ids = tuple(f"picture {k}{twin}" for twin in "ab" for k in range(40))
    images = np.tile(rng.integers(0, 256, (40, 16, 16, 1)), (2, 1, 1, 1)).astype(np.uint8)
    if not one_picture:  # pixels that no eye tells apart
        images[40:] = images[40:] ^ 1
    response = np.tile(rng.standard_normal((40, 30)), (2, 1)) + 0.3 * rng.standard_normal((80, 30))
    brain = Recording(
        response[:, :, None], ids, tuple(f"c{k}" for k in range(30)), (0.0,), "s1", "trials", "fMRI", "beta",
        {"V1": np.ones(30, dtype=bool)},
    )  # fmt: skip
    layer = np.tile(rng.standard_normal((40, 60)), (2, 1)).astype(np.float32)
    shown = [
        Instance(rule, "mlp", 0, 1, 1.0, True, Activations({"hidden1": layer}, ids, rule), (16, 16), role)
        for rule, role in (("untrained", "untrained"), ("backprop", "trained"))
    ]
    source = Trials(None, Stimuli(ids, images, "doubles"), (brain,))
    return align(shown, source, SPEC, QUICK)


def test_a_picture_under_two_ids_is_never_trained_and_tested_on() -> None:
    leaking, right = _leak(False), _leak(True)
    encoding = [t.scores[t.scores.measure.str.startswith("encoding")].score for t in (leaking, right)]
    assert (encoding[0] > 0.6).all()  # pure noise
    assert (encoding[1].abs() < 0.08).all()
    assert set(right.contrasts.n_stimuli) == {40}
    assert (right.scores.n_stimuli == 80).all()
    assert right.scope_sentences[-1] == (
        "trials: 80 stimuli are 40 different ones: some are the same picture, or were declared to belong together. "
        "These are drawn together, never divided between training and test, and not compared with each other."
    )
    assert (
        "trials: 40 pairs of pictures are nearly identical (r > 0.99 in grey at 32 x 32 pixels; "
        in (leaking.scope_sentences[-1])
    )
    assert leaking.scope_sentences[-1].endswith("give them one of Stimuli's group_labels if they show the same thing.")


def test_pairs_of_one_picture_are_no_observation() -> None:
    """What doubles add to a score is their own pairs, which are alike to everything."""
    ids, first = WORLD.ids, WORLD.ids[:8]
    images = WORLD.source().stimuli().images
    doubled = (*ids, *(f"{one} again" for one in first))
    spec, scoring = replace(SPEC, measures=("rsa",)), replace(QUICK, partial=("luminance",))

    def with_doubles(one: Instance) -> Instance:
        layers = {name: np.concatenate([x, x[:8]]) for name, x in one.activations.layers.items()}
        return replace(one, activations=Activations(layers, doubled, one.activations.key))

    def again(one: Recording) -> Recording:
        rows = np.isin(one.stimulus_ids, first)
        more = tuple(f"{i} again" for i, row in zip(one.stimulus_ids, rows, strict=True) if row)
        return replace(one, data=np.concatenate([one.data, one.data[rows]]), stimulus_ids=one.stimulus_ids + more)

    shown = Stimuli(doubled, np.concatenate([images, images[:8]]), "doubles")
    instances = [*WORLD.instances(step=3, final=False), *WORLD.instances()]
    source = _source([again(one) for one in WORLD.source().trials], shown)
    found = align([with_doubles(one) for one in instances], source, spec, scoring)
    # by hand: every pair as often as it is there, none of a picture with itself
    weight = np.array([2.0] * 8 + [1.0] * 32)
    upper = np.triu_indices(40, 1)
    repeats = (weight[upper[0]] * weight[upper[1]]).astype(int)
    table = found.scores[found.scores.measure == "rsa spearman"].set_index(["rule", "seed", "final", "subject"])
    for one in instances:
        layer = np.repeat(pdist(one.activations.layers["hidden1"].astype(float), "correlation"), repeats)
        for recording in WORLD.source().trials:
            brain = np.repeat(pdist(recording.means(ids)[:, :, 0], "correlation"), repeats)
            score = table.score[one.rule, one.seed, one.final, recording.subject]
            # pairs of doubles are equal to rounding, which ranks may see
            assert score == pytest.approx(spearmanr(layer, brain).statistic, abs=1e-10)


def test_declared_groups_reach_folds_and_draws() -> None:
    plain = WORLD.source().stimuli()
    source = _source(shown=replace(plain, group_labels=tuple(k // 2 for k in range(40))))
    found = _align(source)
    assert set(found.contrasts.n_stimuli) == {20}
    each = _align(_source(shown=replace(plain, group_labels=tuple(range(40)))))
    _equal(each, _align(_source()))
    few = _source(shown=replace(plain, group_labels=tuple(k // 8 for k in range(40))))
    with pytest.raises(SpecError, match="'trials', ROI 'V1': 5 stimuli are too few"):
        check_recording(Brain(few, SPEC), 2)


# -- runs -------------------------------------------------------------------------------------------------------------


def test_runs_are_centred_and_said_unless_declared_otherwise() -> None:
    runs = tuple(np.repeat(["1", "2", "3"], 40))
    drift = np.repeat(np.array([[0.0, 0, 0, 0], [9.0, 8, -9, 5], [-30.0, 20, 20, -40]]), 40, axis=0)[:, :, None]
    first = [replace(one, runs=runs) for one in WORLD.source().trials]
    # half of the stimuli were seen in two runs only
    first = [one.drop_trials(np.arange(120) >= 100) for one in first]
    drifting = [replace(one, data=one.data + drift[:100]) for one in first]
    still, found = _align(_source(first)), _align(_source(drifting))
    left = _align(_source(drifting), runs="ignore")
    encoding = [t.scores[t.scores.measure.str.startswith("encoding")].score.to_numpy() for t in (still, found, left)]
    np.testing.assert_allclose(encoding[1], encoding[0], atol=1e-9)
    assert encoding[2].mean() < encoding[0].mean() - 0.1
    said = "trials: what differs between runs was estimated from the stimuli that they share, and taken out; the mean "
    assert said + "pattern over all runs stayed." in found.scope_sentences
    assert "trials: trials have runs, and what differs between runs was left in (as declared)." in left.scope_sentences
    each = _align(_source(drifting), runs="centre_each")
    assert any("the mean over the stimuli of each run was made the same" in one for one in each.scope_sentences)


def test_a_source_with_rdms_of_its_own_says_that_runs_did_not_reach_them() -> None:
    made = WORLD.source()
    with_runs = tuple(replace(one, runs=("1",) * 60 + ("2",) * 60) for one in made.trials)
    found = align(WORLD.instances(), replace(made, trials=with_runs), replace(SPEC, measures=("rsa",)), QUICK)
    assert "made_up, RSA: RDMs are those of the source; what is declared of runs did not reach them." in (
        found.scope_sentences
    )


def test_the_dissimilarity_of_recordings_is_declared_and_reaches_them() -> None:
    spec = replace(SPEC, dissimilarity="squared_euclidean")
    movie = Brain(_source(), spec).movies("V1")[0]
    one = WORLD.source().trials[0]
    expected = pdist(one.means(WORLD.ids)[:, :, 0], "sqeuclidean") / len(one.channels)
    np.testing.assert_allclose(movie.values[0, 0], expected)
    assert movie.measure == "squared_euclidean"


def test_rdms_that_were_published_keep_their_dissimilarity() -> None:
    spec = RecordingSpec("made_up", dissimilarity="cosine")
    with pytest.raises(
        SpecError, match="was published as RDMs of 'correlation' distances; dissimilarity = 'cosine' needs"
    ):
        Brain(WORLD.source(), spec).movies("V1")
    assert Brain(WORLD.source(), replace(spec, dissimilarity="correlation")).movies("V1")[0].measure == "correlation"
