"""What a scorecard is asked about: rules with options, under the names that tables show."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from brainalign.errors import SpecError, nearest
from brainalign.plausibility.probe import Control
from brainalign.rules.learning_rule import learning_rules


class Candidate(NamedTuple):
    """A rule with options, under the name that a table shows."""

    label: str
    rule: str
    options: tuple[tuple[str, Any], ...] = ()


def candidates(names: Iterable[str] = ()) -> list[Candidate]:
    """Return rules with their own options; all of them without names."""
    known = learning_rules()
    for name in names:
        if name not in known:
            msg = f"Unknown rule {name!r}. Choose one of: {', '.join(known)}.{nearest(name, known)}"
            raise SpecError(msg)
    return [Candidate(name, name) for name in (tuple(names) or known)]


def from_control(control: Control) -> Candidate:
    """Return the rule that a probe's control is."""
    return Candidate(control.rule, control.rule, tuple(control.options.items()))
