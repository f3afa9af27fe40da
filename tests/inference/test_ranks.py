from dataclasses import replace
from itertools import combinations

import pytest
from test_contrast import some_draws

from brainalign.errors import SpecError
from brainalign.inference.contrast import contrast
from brainalign.inference.ranks import rank_sets
from brainalign.inference.scope import Scope

TEMPLATE = contrast(some_draws(), [0, 1, 2], [3, 4, 5], Scope())


def with_p(means, p):
    """Contrasts of all pairs with given p values, 1 where none is given."""
    return {
        (a, b): replace(TEMPLATE, delta=means[a] - means[b], p=p.get(a + b, p.get(b + a, 1.0)))
        for a, b in combinations(means, 2)
    }


def test_all_pairs_differ():
    means = {"a": 0.1, "b": 0.3, "c": 0.2}
    sets = rank_sets(means, with_p(means, {"ab": 1e-6, "ac": 1e-6, "bc": 1e-6}))
    assert [(item.rule, item.rank, item.rank_low, item.rank_high) for item in sets] == [
        ("b", 1, 1, 1),
        ("c", 2, 2, 2),
        ("a", 3, 3, 3),
    ]


def test_no_pair_differs():
    means = {"a": 0.1, "b": 0.3, "c": 0.2}
    assert {(item.rank_low, item.rank_high) for item in rank_sets(means, with_p(means, {}))} == {(1, 3)}


def test_one_pair_differs_after_holm():
    means = {"a": 0.1, "b": 0.3, "c": 0.2}
    # of three tests .016 passes .05/3; .03 does not pass .05/2
    sets = {item.rule: item for item in rank_sets(means, with_p(means, {"ab": 0.016, "ac": 0.03}))}
    assert (sets["b"].rank_low, sets["b"].rank_high) == (1, 2)
    assert (sets["a"].rank_low, sets["a"].rank_high) == (2, 3)
    assert (sets["c"].rank_low, sets["c"].rank_high) == (1, 3)


def test_a_test_that_could_not_be_made_excludes_nothing():
    means = {"a": 0.1, "b": 0.3}
    assert [item.rank_high for item in rank_sets(means, with_p(means, {"ab": float("nan")}))] == [2, 2]


def test_a_missing_pair_is_refused():
    means = {"a": 0.1, "b": 0.3, "c": 0.2}
    contrasts = with_p(means, {})
    del contrasts["a", "b"]
    with pytest.raises(SpecError, match="each of 3 pairs"):
        rank_sets(means, contrasts)
