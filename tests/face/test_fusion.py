"""Fusion of simulated EEG with simulated fMRI: the layers that were planted come back in their order."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

import brainalign as ba
from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.inference.fusion import fuse
from brainalign.rdms import RDMs
from brainalign.recordings.movie import Movie

PLANTED = {"network_options": {"widths": [24, 16]}, "training": {"epochs": 2}, "n_stimuli": 40, "noise": 0.5}


@pytest.fixture(scope="module")
def found() -> object:
    eeg = ba.recording("simulated_eeg", n_subjects=6, rate=50.0, latencies={"hidden1": 0.1, "hidden2": 0.25}, **PLANTED)
    fmri = ba.recording("simulated_fmri", n_subjects=4, n_runs=3, **PLANTED)
    return ba.fusion(eeg, fmri, n_permutations=500)


def test_regions_follow_each_other_as_they_were_planted(found) -> None:
    assert found.peaks["early"] == pytest.approx(0.1, abs=0.05)
    assert found.peaks["late"] == pytest.approx(0.25, abs=0.05)
    early = found.table[found.table.time < 0]
    assert not (early.p_adjusted < 0.05).any()
    at_peak = found.table[found.table.time == found.peaks["late"]].set_index("roi")
    assert at_peak.p_adjusted["late"] < 0.05


def test_it_says_what_was_tested_and_draws_a_panel_for_each_region(found) -> None:
    assert "stimulus labels permuted 500 times" in found.sentence
    assert "late" in str(found)
    assert len(found.plot().axes) == 2


def test_a_score_is_the_mean_over_the_subjects_of_the_region() -> None:
    rng, ids = np.random.default_rng(1), tuple(f"s{k}" for k in range(14))
    movie = Movie(rng.random((3, 2, 91)), np.zeros((3, 2)), ids, ("a", "b", "c"), (0.0, 0.1), "correlation")
    region = RDMs(rng.random((4, 91)), ids, "correlation", {"subject": tuple("wxyz")})
    table = fuse(movie, {"IT": region}, n_permutations=200)
    mean = movie.values.mean(axis=0)
    expected = [np.mean([spearmanr(rdm, own)[0] for own in region.dissimilarities]) for rdm in mean]
    np.testing.assert_allclose(table.score, expected, atol=1e-12)
    assert (table.p_adjusted >= table.p_max).all()
    assert (table.p_max >= table.p).all()


def test_noise_is_significant_at_some_time_no_more_often_than_the_level() -> None:
    rng, ids = np.random.default_rng(2), tuple(f"s{k}" for k in range(12))
    hits = []
    for _ in range(100):
        movie = Movie(rng.random((1, 5, 66)), np.zeros((1, 5)), ids, ("a",), tuple(range(5)), "correlation")
        regions = {roi: RDMs(rng.random((2, 66)), ids, "correlation", {"subject": ("x", "y")}) for roi in ("A", "B")}
        hits.append(fuse(movie, regions, n_permutations=99).p_adjusted.min() < 0.05)
    assert np.mean(hits) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 100)


def test_other_stimuli_and_recordings_without_times_are_refused() -> None:
    rng = np.random.default_rng(0)
    ids, others = ([f"{name} {k}" for k in range(12)] for name in "ab")
    space, other = (
        ba.own_recording(None, rdms=ba.RDMs(rng.random((2, 66)), own, "correlation", {"subject": ("x", "y")}), ids=own)
        for own in (ids, others)
    )
    about = {"subject": ("x", "x"), "time": ("0.0", "0.1")}
    movie = ba.own_recording(None, rdms=ba.RDMs(rng.random((2, 66)), ids, "correlation", about), ids=ids)
    with pytest.raises(StimulusMismatchError, match="0 stimuli are shared by 12 in time and 12 in"):
        ba.fusion(movie, other)
    with pytest.raises(SpecError, match="has one time, expected several"):
        ba.fusion(space, movie)
    with pytest.raises(SpecError, match="has no ROI 'V9'"):
        ba.fusion(movie, space, regions=("V9",))
    assert isinstance(ba.fusion(movie, space, n_permutations=50).table, pd.DataFrame)
