import numpy as np
import pytest

from brainalign.errors import SpecError
from brainalign.inference.latency import latency
from brainalign.inference.pre_stimulus import pre_stimulus

TIMES = np.arange(-0.1, 0.5, 0.01)
PEAK = 0.153


def courses(n_subjects: int, noise: float, seed: int = 0, size: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    when = PEAK + 0.01 * rng.standard_normal((n_subjects, 1))
    rise = np.exp(-((TIMES - when) ** 2) / (2 * 0.04**2))
    return size * rise + noise * rng.standard_normal((n_subjects, len(TIMES)))


def test_peak_and_half_peak_of_clean_courses():
    clean = courses(24, 0.0)
    peak, onset = latency(clean, TIMES), latency(clean, TIMES, "onset")
    assert peak.seconds == pytest.approx(PEAK, abs=0.005)
    assert onset.seconds == pytest.approx(PEAK - 0.04 * np.sqrt(2 * np.log(2)), abs=0.008)
    assert peak.ci_low < peak.seconds < peak.ci_high


def test_the_jackknife_error_of_a_mean_is_its_standard_error():
    # a parabola whose vertex is linear in the data: the latency of the mean is nearly the mean of latencies
    when = 0.2 + 0.02 * np.random.default_rng(1).standard_normal((12, 1))
    parabola = 1 - (TIMES - when) ** 2
    found = latency(parabola - parabola[:, TIMES < 0].mean(axis=1, keepdims=True), TIMES)
    assert found.se == pytest.approx(when.std(ddof=1) / np.sqrt(12), rel=0.05)


def test_intervals_cover_the_true_peak():
    covered = []
    for seed in range(200):
        found = latency(courses(20, 0.3, seed), TIMES)
        covered.append(found.ci_low <= PEAK <= found.ci_high)
    assert np.mean(covered) >= 0.85


def test_an_onset_of_few_subjects_is_not_claimed():
    found = latency(courses(12, 0.1), TIMES, "onset")
    assert np.isnan(found.seconds)
    assert found.gate.startswith("12 subjects, fewer than 20: no onset is claimed")


def test_noise_has_no_latency():
    gates = [latency(courses(20, 1.0, seed, size=0.0), TIMES).gate for seed in range(100)]
    assert np.mean([not gate for gate in gates]) <= 0.12
    assert any("no latency is claimed" in gate for gate in gates)


def test_shapes_and_kinds_are_checked():
    with pytest.raises(SpecError, match="expected 'peak' or 'onset'"):
        latency(courses(5, 0.1), TIMES, "middle")
    with pytest.raises(SpecError, match="three or more"):
        latency(courses(2, 0.1), TIMES)


def test_the_gate_before_onset_is_nominal_and_sees_drifts():
    rng = np.random.default_rng(0)
    hits = [pre_stimulus(rng.standard_normal((10, len(TIMES))), TIMES) is not None for _ in range(600)]
    assert np.mean(hits) == pytest.approx(0.05, abs=2.6 * np.sqrt(0.05 * 0.95 / 600))
    gate = pre_stimulus(rng.standard_normal((10, len(TIMES))) + 1, TIMES)
    assert (gate.code, gate.severity) == ("G8", "stop")
    assert "leakage, drift or blocked stimuli" in gate.sentence
    assert pre_stimulus(np.ones((4, 3)), np.array([0.1, 0.2, 0.3])) is None
