import pytest

from brainalign.comparisons.comparison import Comparison, comparison, comparisons
from brainalign.errors import SpecError


def test_comparisons_are_found_by_file_name_and_named_alike():
    found = comparisons()
    assert {"rsa", "encoding"} <= set(found)
    for name, kind in found.items():
        assert issubclass(kind, Comparison)
        assert kind.name == name
        assert kind().label.startswith(name)


def test_options_make_a_comparison_and_unknown_ones_are_refused():
    made = comparison("rsa", {"comparator": "corr", "partial": ["pixels"]})
    assert made.label == "rsa corr given pixels"
    with pytest.raises(
        SpecError, match="banded_ridge, cca, encoding, layer_choice, linear_cka, pls, procrustes, regression_rsa, rsa, "
    ):
        comparison("cka")
    with pytest.raises(SpecError, match="comparator"):
        comparison("rsa", {"method": "corr"})
