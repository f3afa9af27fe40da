"""Small regressions run on one thread, large ones as they are told."""

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from brainalign.comparisons.threads import few_threads


def threads() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def test_a_small_fit_has_one_thread_and_a_large_one_keeps_its_own() -> None:
    assert np.ones((2, 2)).sum() == 4  # BLAS is loaded
    with threadpool_limits(2, user_api="blas"):
        with few_threads(160, 50, 300):
            assert threads() == {1}
        assert threads() == {2}
        with few_threads(5000, 10_000):
            assert threads() == {2}
