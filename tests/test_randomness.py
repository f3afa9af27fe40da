"""Random streams: named, reproducible, independent of each other."""

import hashlib

import numpy as np
import torch

from brainalign.randomness import numpy_stream, stream, stream_seed


def test_the_seed_is_the_first_63_bits_of_a_hash_of_the_name() -> None:
    expected = int(hashlib.sha256(b"3/order/7").hexdigest()[:16], 16) // 2
    assert stream_seed(3, "order", 7) == expected
    assert 0 <= expected < 2**63


def test_the_same_name_draws_the_same_numbers_however_often_it_is_asked() -> None:
    first = torch.rand(5, generator=stream(0, "order", 1))
    torch.rand(100, generator=stream(0, "noise", 1))  # a draw for another purpose shifts nothing
    assert torch.equal(first, torch.rand(5, generator=stream(0, "order", 1)))
    np.testing.assert_array_equal(numpy_stream(0, "fold").random(5), numpy_stream(0, "fold").random(5))


def test_seed_purpose_and_epoch_each_make_another_stream() -> None:
    seeds = {stream_seed(s, purpose, epoch) for s in range(20) for purpose in ("order", "noise") for epoch in range(20)}
    assert len(seeds) == 800


def test_streams_of_neighbouring_seeds_are_uncorrelated() -> None:
    draws = np.stack([numpy_stream(s, "init").standard_normal(20_000) for s in range(6)])
    off_diagonal = np.corrcoef(draws)[np.triu_indices(6, 1)]
    assert np.abs(off_diagonal).max() < 4 / np.sqrt(20_000)


def test_streams_leave_global_generators_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    torch.rand(7, generator=stream(0, "order"))
    assert torch.equal(torch.rand(3), expected)
