"""Stimuli as spikes, and traces of them."""

import pytest
import torch

from brainalign.credit.spike_trains import (
    decay,
    draw_uniform,
    firing_rates,
    intensities,
    poisson_spikes,
    regular_spikes,
    time_steps,
    trace,
)  # fmt: skip
from brainalign.errors import SpecError


def test_intensities_undo_standardisation_of_images_with_black_and_white() -> None:
    pixels = torch.rand(5, 1, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    pixels[:, 0, 0, :2] = torch.tensor([0.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(intensities((pixels - 0.13) / 0.31), pixels, rtol=0, atol=1e-12)
    assert torch.equal(intensities(torch.full((1, 1, 2, 2), 0.7)), torch.zeros(1, 1, 2, 2))


def test_poisson_spikes_have_the_rate_and_no_more_than_chance_variance() -> None:
    rates = torch.tensor([[0.0, 5.0, 63.75, 500.0]])
    uniform = draw_uniform((20000, 1, 4), torch.Generator().manual_seed(0))
    spikes = poisson_spikes(rates, uniform, dt=2.0)
    error = (2 * rates / 1000 * (1 - 2 * rates / 1000) / 20000).sqrt() * 500
    assert ((firing_rates(spikes, 2.0) - rates).abs() <= 4 * error + 0.01).all()
    assert set(spikes.unique().tolist()) == {0.0, 1.0}


def test_uniform_numbers_cover_sixteen_bits_evenly() -> None:
    drawn = draw_uniform((3, 70001), torch.Generator().manual_seed(1)).double().flatten()
    assert drawn.min() < -32700
    assert drawn.max() > 32700
    assert abs(drawn.mean() + 0.5) < 4 * 65536 / 12**0.5 / 210003**0.5


def test_regular_spikes_are_evenly_spaced_brighter_first() -> None:
    spikes = regular_spikes(torch.tensor([[50.0, 100.0, 0.0, 200.0, 1000.0]]), steps=16, dt=5.0)
    times = [spikes[:, 0, k].nonzero().flatten().tolist() for k in range(5)]
    assert times == [[3, 7, 11, 15], [1, 3, 5, 7, 9, 11, 13, 15], [], list(range(16)), list(range(16))]


@pytest.mark.parametrize("nearest", [False, True])
def test_a_trace_is_the_fading_sum_of_earlier_spikes(nearest: bool) -> None:
    spikes = torch.zeros(12, 1, 1, dtype=torch.float64)
    spikes[[2, 3, 7]] = 1
    k = decay(20.0, 2.0)
    found = trace(spikes, k, nearest).flatten()
    for t in range(12):
        earlier = [s for s in (2, 3, 7) if s < t]
        expected = sum(k ** (t - s) for s in (earlier[-1:] if nearest else earlier))
        assert float(found[t]) == pytest.approx(expected, abs=1e-12)


def test_a_presentation_needs_two_steps() -> None:
    assert time_steps(100.0, 2.0) == 50
    for duration, dt in ((1.0, 1.0), (10.0, 0.0), (10.0, -1.0)):
        with pytest.raises(SpecError, match="time steps; expected at least 2"):
            time_steps(duration, dt)
