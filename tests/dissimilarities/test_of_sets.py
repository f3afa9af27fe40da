"""Many small sets at once are each set by itself."""

import numpy as np
import pytest

from brainalign.dissimilarities.dissimilarity import dissimilarity

IDS = tuple("abcdefg")


@pytest.mark.parametrize("name", ["correlation", "cosine", "euclidean", "squared_euclidean"])
def test_sets_are_each_set_alone(name: str) -> None:
    sets = np.random.default_rng(0).normal(5, 1, (4, 9, 7))
    sets[2, :, 3] = 2.0  # constant
    sets[3, :, 5] = 0.0
    distance = dissimilarity(name)
    values, rounding = distance.of_sets(sets, IDS)
    undefined = {"correlation": [2, 3], "cosine": [3]}.get(name, [])
    assert np.flatnonzero(np.isnan(values).any(axis=1)).tolist() == undefined
    for k in set(range(4)) - set(undefined):
        alone, error = distance.pairs(sets[k].T, IDS)
        assert np.abs(values[k] - alone).max() < 1e-14
        assert rounding[k] == pytest.approx(error)
