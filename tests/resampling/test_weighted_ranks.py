import numpy as np
from scipy.stats import rankdata

from brainalign.resampling.weighted_ranks import WeightedRanks, rank_rows


def test_ranks_equal_those_of_repeated_values():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 6, (4, 30)).astype(float)
    ranker = WeightedRanks(values)
    for _ in range(5):
        weights = rng.integers(0, 4, 30).astype(float)
        times = weights.astype(int)
        for row, ranks in zip(values, ranker.centred(weights), strict=True):
            expanded = np.repeat(row, times)
            expected = rankdata(expanded) - (len(expanded) + 1) / 2
            np.testing.assert_array_equal(np.repeat(ranks, times), expected)


def test_unit_weights_give_mid_ranks():
    values = np.array([[3.0, 1.0, 3.0, 2.0]])
    np.testing.assert_array_equal(rank_rows(values, np.ones(4)), [[1, -1.5, 1, -0.5]])
