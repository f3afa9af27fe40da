"""Scores without a stimulus in training equal those of fitting again with the penalty kept."""

import numpy as np
import pytest

from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.encoding_scores import fold_correlations
from brainalign.patterns import Patterns
from brainalign.resampling.training_left_out import training_changes


def refitted(x, y, train, test, alphas, scale):
    """Ridge with a free intercept and penalties of the whole training set."""
    found = np.empty((test.sum(), y.shape[1]))
    for target, alpha in enumerate(alphas):
        a, b = x[train] - x[train].mean(axis=0), y[train, target] - y[train, target].mean()
        weights = np.linalg.solve(a.T @ a + alpha * scale * np.eye(x.shape[1]), a.T @ b)
        found[:, target] = (x[test] - x[train].mean(axis=0)) @ weights + y[train, target].mean()
    return found


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("n_features", [12, 70])
def test_changes_are_those_of_fitting_again(size: int, n_features: int) -> None:
    rng = np.random.default_rng(0)
    n = 45
    x = rng.standard_normal((n, n_features)) + 2
    y = x[:, :5] @ rng.standard_normal((5, 4)) + rng.standard_normal((n, 4)) + 7
    units = np.arange(n) // size
    ids = tuple(map(str, range(n)))
    groups = dict(zip(ids, units.tolist(), strict=True))
    measure = Encoding(alphas=(1e-2, 1e-1, 1.0), n_folds=3, n_inner_folds=3)
    fitted = measure.score(Patterns(x, ids, "x"), Patterns(y, ids, "y"), groups)
    test = fitted.folds == 1
    train = ~test
    scale = ((x[train] - x[train].mean(axis=0)) ** 2).sum() / train.sum()
    whole = refitted(x, y, train, test, fitted.alphas[1], scale)
    np.testing.assert_allclose(whole, fitted.predictions[test], atol=1e-6)
    ours, theirs = measure._ridge("kernel").prepared(x, None, train)
    found = training_changes(ours, theirs, (y[train], y[test]), fitted.alphas[1], units[train], units.max() + 1)
    one = np.zeros(test.sum(), int)
    before = np.arctanh(fold_correlations(whole, y[test], one))
    for unit in np.unique(units[train])[:4]:
        kept = train & (units != unit)
        again = refitted(x, y, kept, test, fitted.alphas[1], scale)
        np.testing.assert_allclose(found[unit], np.arctanh(fold_correlations(again, y[test], one)) - before, atol=2e-4)
    assert not found[np.unique(units[test])].any()
