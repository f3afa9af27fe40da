"""Any order of trials, runs and channels, labels with them, leaves every score as it is."""

from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brainalign.dissimilarities.dissimilarity import dissimilarity
from brainalign.recordings.movie import Movie
from brainalign.recordings.noise_normalisation import whitened
from brainalign.recordings.recording import Recording
from brainalign.recordings.reliability import reliability
from brainalign.recordings.run_scaling import z_scored

IDS = tuple(f"s{k}" for k in range(6))


def recording() -> Recording:
    rng = np.random.default_rng(0)
    stimulus = np.tile(np.arange(6), 8)
    signal = rng.standard_normal((6, 5, 3))
    data = signal[stimulus] + rng.standard_normal((48, 5, 3))
    runs = tuple(f"r{k // 12}" for k in range(48))
    rois = {"a": np.array([1, 1, 1, 0, 1], dtype=bool)}
    ids, channels, times = tuple(IDS[k] for k in stimulus), ("A", "B", "C", "D", "E"), (0.0, 0.1, 0.2)
    return Recording(data, ids, channels, times, "s", "d", "EEG", "V", rois, runs)


def reordered(one: Recording, trials: list[int], channels: list[int], runs: list[int]) -> Recording:
    """Return the same trials and channels in another order, runs under other names."""
    named = {f"r{k}": f"run {name}" for k, name in enumerate(runs)}
    return replace(
        one,
        data=one.data[trials][:, channels],
        stimulus_ids=tuple(one.stimulus_ids[k] for k in trials),
        channels=tuple(one.channels[k] for k in channels),
        rois={roi: mask[channels] for roi, mask in one.rois.items()},
        runs=tuple(named[(one.runs or ())[k]] for k in trials),
    )


orders = given(
    st.permutations(range(48)), st.permutations(range(5)), st.permutations(range(4)), st.permutations(range(6))
)  # fmt: skip
some = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@some
@orders
def test_rdms_of_means_and_of_trials(trials: list[int], channels: list[int], runs: list[int], ids: list[int]) -> None:
    one = recording()
    other = reordered(one, trials, channels, runs)
    for name in ("correlation", "euclidean", "crossnobis"):
        made = []
        for each in (one, other):
            if dissimilarity(name).needs == "means":
                made.append(Movie.of_recordings([each], "a", IDS, name).values)
            else:
                made.append(Movie.of_trials(each.select("a"), IDS, name).values)
        np.testing.assert_allclose(made[1], made[0], rtol=1e-8, atol=1e-10)
    shuffled = [IDS[k] for k in ids]
    rdms = Movie.of_recordings([other], "a", shuffled, "correlation").each()
    expected = Movie.of_recordings([one], "a", IDS, "correlation").each()
    np.testing.assert_allclose(rdms.subset(IDS).dissimilarities, expected.dissimilarities, rtol=1e-9, atol=1e-12)


@some
@orders
def test_whitening_scaling_and_reliability(
    trials: list[int], channels: list[int], runs: list[int], ids: list[int]
) -> None:
    del ids
    one = recording()
    other = reordered(one, trials, channels, runs)
    names = [f"run {runs[k]}" for k in range(4)]
    np.testing.assert_allclose(
        reliability(other, names), reliability(one, ["r0", "r1", "r2", "r3"])[channels], rtol=1e-9, atol=1e-12
    )
    training = np.array([run in ("r0", "r1", "r2") for run in one.runs or ()])
    for change in (z_scored, lambda each: whitened(each, training if each is one else training[trials])):
        np.testing.assert_allclose(change(other).data, change(one).data[trials][:, channels], rtol=1e-7, atol=1e-10)
