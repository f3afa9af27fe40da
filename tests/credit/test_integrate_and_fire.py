"""Leaky integrate-and-fire neurons against their analytic intervals, and what inhibition does."""

from itertools import pairwise
from math import ceil, exp, log

import pytest
import torch
from torch import Tensor

from brainalign.credit.integrate_and_fire import IntegrateAndFire


def _times(neurons: IntegrateAndFire, current: Tensor, threshold: float = 13.0) -> list[int]:
    spikes = neurons.spikes(current.view(-1, 1, 1), torch.tensor([threshold], dtype=current.dtype))
    return spikes.flatten().nonzero().flatten().tolist()


@pytest.mark.parametrize(("tau", "drive", "refractory"), [(100.0, 0.4, 0.0), (100.0, 0.4, 5.0), (20.0, 1.0, 2.0)])
def test_intervals_approach_the_analytic_ones_as_steps_shrink(tau: float, drive: float, refractory: float) -> None:
    # tau dv/dt = -v + tau drive reaches the threshold after -tau ln(1 - threshold / (tau drive)).
    expected = refractory - tau * log(1 - 13 / (tau * drive))
    for dt in (0.1, 0.01):
        neurons = IntegrateAndFire(tau, dt, refractory)
        current = torch.full((round(250 / dt),), drive * dt, dtype=torch.float64)
        times = _times(neurons, current)
        assert len(times) > 2
        intervals = [b - a for a, b in pairwise(times)]
        assert max(intervals) == min(intervals)
        assert intervals[0] * dt == pytest.approx(expected, abs=2 * dt + 0.02 * dt * expected)


def test_intervals_on_the_grid_are_the_documented_ones_and_weak_input_is_silent() -> None:
    k = exp(-1 / 100)
    for current in (0.2, 0.5, 3.0):
        times = _times(IntegrateAndFire(100.0, 1.0), torch.full((400,), current, dtype=torch.float64))
        assert times[1] - times[0] == ceil(log(1 - 13 * (1 - k) / current) / log(k))
    assert not _times(IntegrateAndFire(100.0, 1.0), torch.full((400,), 0.99 * 13 * (1 - k), dtype=torch.float64))


def test_subtracting_the_threshold_loses_nothing_that_came_in() -> None:
    current = 13 * torch.rand(50, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    spikes = IntegrateAndFire(1e12, 1.0, subtract=True).spikes(current.view(-1, 1, 1), torch.tensor([13.0]).double())
    assert spikes.flatten().cumsum(0).tolist() == (current.cumsum(0) / 13).floor().tolist()
    assert spikes.sum() > IntegrateAndFire(1e12, 1.0).spikes(current.view(-1, 1, 1), torch.tensor([13.0])).sum()


def test_a_spike_inhibits_the_others_one_step_later_and_never_below_the_floor() -> None:
    current = torch.zeros(4, 1, 3, dtype=torch.float64)
    current[0, 0, 0] = 20
    current[1:, 0, 1:] = 12
    level = torch.full((3,), 10.0, dtype=torch.float64)

    def of_the_second(**options: float) -> list[float]:
        return IntegrateAndFire(1e9, 1.0, **options).spikes(current, level)[:, 0, 1].tolist()

    assert of_the_second() == [0, 1, 1, 1]
    assert of_the_second(inhibition=15.0) == [0, 0, 0, 1]  # 12 - 15 = -3, then 9, then 21 mV
    assert of_the_second(inhibition=100.0, floor=-5.0) == [0, 0, 0, 1]  # -5, 7, 19 mV
    assert of_the_second(inhibition=100.0) == [0, 0, 0, 0]


def test_of_several_above_threshold_one_fires_the_one_furthest_above() -> None:
    current = torch.tensor([[[11.0, 14.0, 12.0]]], dtype=torch.float64)
    level = torch.tensor([10.0, 13.5, 10.0], dtype=torch.float64)
    assert IntegrateAndFire(10.0, 1.0).spikes(current, level).tolist() == [[[1, 1, 1]]]
    assert IntegrateAndFire(10.0, 1.0, one=True).spikes(current, level).tolist() == [[[0, 0, 1]]]
    assert not IntegrateAndFire(10.0, 1.0, one=True).spikes(current / 2, level).any()
