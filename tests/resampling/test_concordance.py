"""Weighted agreements of orders equal counting every two entries, and scipy's tau of copies."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from brainalign.resampling.concordance import Concordance


def by_hand(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    signs = np.sign(x[:, None] - x) * np.sign(y[:, None] - y)
    return float(w @ signs @ w) / 2


@pytest.mark.parametrize("n", [2, 5, 255, 256, 257, 700])
@pytest.mark.parametrize("levels", [3, 40, 10**6])
def test_sums_are_those_of_every_two_entries(n: int, levels: int) -> None:
    rng = np.random.default_rng([n, levels])
    x, y = (rng.integers(0, levels, n).astype(float) for _ in range(2))
    weights = rng.integers(0, 4, (20, n)).astype(float)
    found = Concordance(x, y).sums(weights)
    np.testing.assert_array_equal(found, [by_hand(x, y, w) for w in weights])


def test_tau_of_copies_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random(300), rng.random(300)
    w = rng.integers(0, 3, 300)
    copies = np.repeat(np.arange(300), w)
    found = Concordance(x, y).sums(w[None])[0]
    ties = (w * (w - 1) / 2).sum()
    whole = len(copies) * (len(copies) - 1) / 2
    assert found / (whole - ties) == pytest.approx(kendalltau(x[copies], y[copies]).statistic, abs=1e-12)


def test_no_weights_give_no_sums() -> None:
    assert Concordance(np.arange(4.0), np.arange(4.0)).sums(np.empty((0, 4))).shape == (0,)
