"""Nuisance RDMs: order and head motion within runs, from confounds of fMRIPrep, in functions and in a study."""

from dataclasses import replace

import numpy as np
import pytest

from brainalign.alignment.align import align
from brainalign.comparisons.nuisance import motion_distance, presentation_order
from brainalign.comparisons.regression_rsa import RegressionRSA
from brainalign.errors import DataError, SpecError, StimulusMismatchError
from brainalign.readers.confounds import motion_of_events, read_confounds
from brainalign.recordings.brain import Brain
from brainalign.recordings.pseudo_trials import pseudo_trials
from brainalign.recordings.recording import Recording
from brainalign.specs import RecordingSpec, ScoringSpec
from tests.synthetic_world import World


def recording(ids: tuple[str, ...], runs: tuple[str, ...] | None = None, motion: np.ndarray | None = None) -> Recording:
    data = np.ones((len(ids), 1, 1))
    return Recording(data, ids, ("v",), (0.0,), "s", "toy", "fMRI", "a.u.", runs=runs, motion=motion)


def test_distances_are_means_over_pairs_of_trials_of_one_run() -> None:
    rng = np.random.default_rng(0)
    ids, runs = tuple("abcabcaab"), tuple("111222333")
    moved = rng.normal(size=(9, 6)) * np.array([1, 1, 1, 0.02, 0.02, 0.02])
    found = motion_distance(recording(ids, runs, moved), ("a", "b", "c")).matrices()[0]
    scaled = moved * [1, 1, 1, 50, 50, 50]
    for k, one in enumerate("abc"):
        for j, other in enumerate("abc"):
            apart = [
                np.linalg.norm(scaled[p] - scaled[q])
                for p in range(9)
                for q in range(9)
                if (ids[p], ids[q]) == (one, other) and runs[p] == runs[q]
            ]
            if k != j:
                assert found[k, j] == pytest.approx(np.mean(apart))
    # a jump between runs is none: parameters of runs refer to different images
    jumped = moved + 100 * (np.array(runs) == "2")[:, None]
    again = motion_distance(recording(ids, runs, jumped), ("a", "b", "c")).matrices()[0]
    assert np.abs(again - found).max() < 1e-9


def test_motion_of_events_is_that_of_the_volumes_that_answer(data_dir: str) -> None:
    path = f"{data_dir}/formats/confounds/test-v21_desc-confounds_timeseries.tsv"
    motion, names = read_confounds(path, ["motion6"])
    assert names[:3] == ("trans_x", "trans_y", "trans_z")
    found = motion_of_events(motion, [0.0, 10.0], [4.0, 0.0], seconds=2.0, shift=5.0)
    assert found[0] == pytest.approx(motion[[2, 3]].mean(axis=0))  # middles at 5 and 7 s
    assert found[1] == pytest.approx(motion[7])  # 15 s
    with pytest.raises(DataError, match=r"The event at 1e\+06 s has no volume 5 s later"):
        motion_of_events(motion, [1e6], [1.0], seconds=2.0)


def test_what_does_not_fit_is_one_line() -> None:
    with pytest.raises(StimulusMismatchError, match=r"motion is \(3, 5\) for 3 trials; expected \(n_trials, 6\)"):
        recording(tuple("abc"), motion=np.zeros((3, 5)))
    one = recording(tuple("abc"), motion=np.zeros((3, 6)))
    for made in (motion_distance, presentation_order):
        with pytest.raises(DataError, match="has no trial of 'd'"):
            made(one, ("a", "d"))
    with pytest.raises(DataError, match="says nothing of head motion; expected motion of each trial"):
        motion_distance(recording(tuple("abc")), ("a", "b"))


def test_motion_follows_its_trials_and_enters_the_key() -> None:
    moved = np.arange(18.0).reshape(3, 6)
    one = recording(tuple("abc"), motion=moved)
    assert one.key != recording(tuple("abc")).key
    np.testing.assert_array_equal(one.subset(["c", "a"]).motion, moved[[0, 2]])
    twice = recording(tuple("aabb"), motion=np.repeat(moved[:2], 2, axis=0) + np.array([[0.0], [1], [0], [1]]))
    np.testing.assert_allclose(pseudo_trials(twice, 2, 0).motion, moved[:2] + 0.5)


def test_a_study_takes_motion_out_of_each_subject_and_refuses_recordings_without() -> None:
    world = World(n_stimuli=24, n_subjects=6, n_seeds=2, n_channels=4, layers=("hidden1",))
    source = replace(world.source(), geometry={"V1": None})
    rng = np.random.default_rng(0)
    moved = [replace(one, motion=rng.normal(size=(len(one.data), 6))) for one in source.trials]
    spec = RecordingSpec("made_up", measures=("regression_rsa",))
    asked = {"regression_rsa": {"controls": ["luminance"], "dissimilarity": "squared_euclidean"}}
    found = {}
    for nuisance in ((), ("motion",), ("order", "motion")):
        own = {"regression_rsa": {**asked["regression_rsa"], "nuisance": list(nuisance)}}
        scoring = ScoringSpec(low_level=False, options=own)
        found[nuisance] = align(world.instances(), replace(source, trials=tuple(moved)), spec, scoring)
        if nuisance:
            words = "says nothing of head motion"
            with pytest.raises(DataError, match=words):
                align(world.instances(), source, spec, scoring)
            (measure,) = RegressionRSA.of_study(scoring)
            measure.check(Brain(replace(source, trials=tuple(moved)), spec))
            with pytest.raises(DataError, match=words):
                measure.check(Brain(source, spec))
    (title,) = found["order", "motion"].measures.title
    assert "presentation order and head motion" in title
    scores = [one.scores[one.scores.role != "low_level"].score.to_numpy() for one in found.values()]
    assert np.abs(scores[0] - scores[1]).max() > 1e-6
    published = replace(world.source(), trials=())
    with pytest.raises(SpecError, match="comes as RDMs only"):
        align(world.instances(), published, spec, ScoringSpec(options=own))
