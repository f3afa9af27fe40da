import pytest

from brainalign.errors import SpecError
from brainalign.inference.scope import Scope, resolve_scope


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((6, 20, 3), Scope()),
        ((5, 20, 3), Scope(subjects="fixed")),
        ((6, 19, 3), Scope(stimuli="fixed")),
        ((6, 20, 2), Scope(seeds="fixed")),
        ((1, 10, 1), Scope("fixed", "fixed", "fixed")),
    ],
)
def test_small_samples_are_fixed(sizes, expected):
    assert resolve_scope(None, *sizes) == expected


def test_what_was_declared_fixed_stays_fixed():
    assert resolve_scope({"subjects": "fixed"}, 20, 100, 10) == Scope(subjects="fixed")
    assert resolve_scope(Scope(stimuli="fixed"), 20, 100, 10) == Scope(stimuli="fixed")


@pytest.mark.parametrize(
    ("requested", "sizes", "message"),
    [
        (None, (10, 9, 5), "9 stimuli are too few"),
        ({"subjects": "random"}, (1, 50, 5), 'subjects = "fixed"'),
        (Scope(), (1, 50, 5), 'subjects = "fixed"'),
        ({"subject": "random"}, (10, 50, 5), "Unknown factor 'subject'"),
        ({"subjects": "some"}, (10, 50, 5), "'random' or 'fixed'"),
    ],
)
def test_impossible_scopes_are_refused_in_one_line(requested, sizes, message):
    with pytest.raises(SpecError, match=message) as error:
        resolve_scope(requested, *sizes)
    assert "\n" not in str(error.value)


def test_sentences():
    assert Scope().sentence == "Inference extends to new subjects, stimuli and network initialisations."
    assert Scope(subjects="fixed", seeds="fixed").sentence == (
        "Inference extends to new stimuli; it holds for these subjects and network initialisations only."
    )
    assert "no inference" in Scope("fixed", "fixed", "fixed").sentence
