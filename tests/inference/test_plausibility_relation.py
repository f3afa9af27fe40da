import numpy as np
import pytest

from brainalign.errors import SpecError
from brainalign.inference.plausibility_relation import plausibility_relation

RULES = [f"rule {k}" for k in range(10)]


def named(values):
    return dict(zip(RULES, map(float, values), strict=False))


def test_variants_of_one_rule_count_once():
    plausible = named(range(10))
    aligned = named(range(10))
    errors = dict.fromkeys(RULES, 0.01)
    alone = plausibility_relation(plausible, aligned, errors)
    families = dict(zip(RULES, "abcccccccc", strict=True))
    with pytest.raises(SpecError, match="3 families"):
        plausibility_relation(plausible, aligned, errors, families)
    few = plausibility_relation(plausible, aligned, errors, dict(zip(RULES, "abcddddddd", strict=True)))
    assert alone.p < 0.001
    assert np.isnan(few.p)
    assert "fewer than 8 have no p" in few.sentence
    assert (few.n_rules, few.n_families) == (10, 4)


def test_p_is_nominal_and_the_interval_holds_errors_of_scores():
    rng = np.random.default_rng(0)
    errors = dict.fromkeys(RULES, 0.01)
    found = [
        plausibility_relation(named(rng.random(10)), named(rng.random(10)), errors, n_draws=199) for _ in range(200)
    ]
    assert np.mean([one.p <= 0.05 for one in found]) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 200)
    sharp = plausibility_relation(named(range(10)), named(range(10)), errors)
    blunt = plausibility_relation(named(range(10)), named(range(10)), dict.fromkeys(RULES, 20.0))
    assert blunt.ci_low < sharp.ci_low - 0.5


def test_rules_must_be_the_same():
    with pytest.raises(SpecError, match="expected the same"):
        plausibility_relation(named(range(10)), named(range(9)), named(range(10)))
