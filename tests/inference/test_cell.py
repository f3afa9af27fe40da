import pytest
from test_gates import RULES, UNTRAINED, some_draws

from brainalign.errors import SpecError
from brainalign.inference.cell import compare_rules
from brainalign.inference.contrast import contrast
from brainalign.inference.scope import Scope


def test_every_pair_and_every_control_is_compared_once():
    draws = some_draws()
    cell = compare_rules(draws, RULES, Scope(), UNTRAINED)
    assert list(cell.contrasts) == [("bp", "fa"), ("bp", "dfa"), ("fa", "dfa")]
    assert cell.contrasts["bp", "dfa"] == contrast(draws, RULES["bp"], RULES["dfa"], Scope())
    assert cell.vs_untrained["fa"] == contrast(draws, RULES["fa"], UNTRAINED["fa"], Scope())
    assert (cell.n_subjects, cell.n_stimuli, cell.n_seeds) == (12, 60, 10)
    assert cell.ceiling is not None


def test_an_unsupported_scope_is_downgraded():
    cell = compare_rules(some_draws(n_subjects=5, n_units=19), RULES, Scope(), UNTRAINED)
    assert cell.scope == Scope("fixed", "fixed", "random")
    assert cell.contrasts["bp", "fa"].scope == cell.scope
    with pytest.raises(SpecError, match="too few for any test"):
        compare_rules(some_draws(n_units=9), RULES, Scope())


def test_no_rule_is_refused():
    with pytest.raises(SpecError, match="No rule"):
        compare_rules(some_draws(), {}, Scope())
