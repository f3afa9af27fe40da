"""Ridge regression in the space of features: himalaya's numbers, on any backend, in memory that features set."""

import tracemalloc

import numpy as np
import pytest
from himalaya.ridge import RidgeCV
from sklearn.model_selection import PredefinedSplit

from brainalign.comparisons.primal_ridge import primal_ridge
from brainalign.comparisons.ridge import himalaya_here
from brainalign.computing import computing_on

ALPHAS = np.logspace(-4, 4, 20)


def problem(n: int, p: int, t: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x, test = rng.normal(size=(n, p)), rng.normal(size=(30, p))
    y = x @ rng.normal(size=(p, t)) * rng.uniform(0, 1, t) + p * rng.normal(size=(n, t))
    return x / np.sqrt((x**2).sum() / n), test, (y - y.mean(axis=0)) / y.std(axis=0), rng.permutation(np.arange(n) % 5)


@pytest.mark.parametrize(("n", "p"), [(150, 20), (120, 110), (40, 60)])
def test_it_gives_what_himalaya_gives(n: int, p: int) -> None:
    x, test, y, inner = problem(n, p, 25)
    ours, chosen = primal_ridge(x, test, y, inner, ALPHAS)
    with himalaya_here():
        theirs = RidgeCV(ALPHAS, fit_intercept=True, cv=PredefinedSplit(inner), solver_params={"warn": False}).fit(x, y)
        np.testing.assert_allclose(ours, theirs.predict(test), atol=1e-10)
    np.testing.assert_allclose(chosen, theirs.best_alphas_, rtol=1e-10)
    assert len(set(chosen)) > 3


@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-10), ("float32", 1e-4)])
def test_torch_gives_the_same(dtype: str, error: float) -> None:
    x, test, y, inner = problem(150, 20, 25)
    x, test, y = x.astype(dtype), test.astype(dtype), y.astype(dtype)
    ours, chosen = primal_ridge(x, test, y, inner, ALPHAS)
    with computing_on("cpu", with_torch=True), himalaya_here():
        again, best = primal_ridge(x, test, y, inner, ALPHAS)
    assert (ours.dtype, again.dtype) == (dtype, dtype)
    np.testing.assert_allclose(ours, again, atol=error)
    assert (best == chosen).all()


def test_it_holds_nothing_of_the_size_of_training_times_validation_rows() -> None:
    x, test, y, inner = problem(4_000, 20, 10)
    tracemalloc.start()
    primal_ridge(x, test, y, inner, ALPHAS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * (x.nbytes + y.nbytes)  # penalties x rows x rows would be 400 MB more
