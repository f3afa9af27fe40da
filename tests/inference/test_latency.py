import numpy as np
import pytest

from brainalign.errors import SpecError
from brainalign.inference.course_errors import CourseErrors
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


@pytest.mark.parametrize("noise", [0.1, 0.3, 1.0])
def test_intervals_hold_the_true_peak_and_the_true_onset(noise: float):
    true = {"peak": PEAK, "onset": PEAK - 0.04 * np.sqrt(2 * np.log(2))}
    held, wide = {kind: [] for kind in true}, []
    for seed in range(20):
        own = courses(20, noise, seed)
        for kind, moment in true.items():
            found = latency(own, TIMES, kind)
            wide += [found.ci_high - found.ci_low] * (kind == "peak")
            held[kind].append(found.ci_low <= moment <= found.ci_high or bool(found.gate))
    # twice the jackknife error holds the onset in .7 to .85 of these
    assert all(np.mean(own) >= 0.95 for own in held.values())
    assert noise > 0.3 or np.median(wide) < 0.08


def test_stimuli_that_peak_at_times_of_their_own_widen_the_interval():
    rng = np.random.default_rng(3)
    when = PEAK + 0.1 * rng.standard_normal((24, 1))
    of_stimuli = np.exp(-((TIMES - when) ** 2) / (2 * 0.04**2))
    own = of_stimuli.mean(axis=0) + 0.02 * rng.standard_normal((20, len(TIMES)))
    without = (of_stimuli.sum(axis=0) - of_stimuli) / 23
    fixed, random = latency(own, TIMES), latency(own, TIMES, without=without)
    assert (fixed.seconds, fixed.se) == (random.seconds, random.se)
    assert random.ci_high - random.ci_low > 1.5 * (fixed.ci_high - fixed.ci_low)
    # stimuli that are nearly alike: nothing but subjects is left
    less = latency(own, TIMES, without=own.mean(axis=0) + 0.01 * (without - without.mean(axis=0)))
    assert (less.ci_low, less.ci_high) == pytest.approx((fixed.ci_low, fixed.ci_high), abs=0.011)
    with pytest.raises(SpecError, match="Courses without each stimulus"):
        latency(own, TIMES, without=without[:, 1:])


def test_a_time_that_no_other_is_above_is_in_the_set_and_one_that_is_far_below_is_not():
    flat = 0.5 * np.random.default_rng(0).standard_normal((12, len(TIMES)))
    everywhere = CourseErrors.of(flat).peaks(0.05)
    assert len(everywhere) > 0.7 * len(TIMES)
    step = flat + 3.0 * (TIMES > 0.2)
    assert TIMES[CourseErrors.of(step).peaks(0.05)].min() > 0.2
    (gap,) = CourseErrors.of(0.02 * flat + (TIMES > 0.2)).onsets(0.05, 0.5, np.flatnonzero(TIMES > 0))
    assert TIMES[gap] <= 0.2 < TIMES[gap + 1]


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
