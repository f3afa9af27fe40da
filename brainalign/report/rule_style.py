"""The colour, marker and names of a learning rule, the same in every figure of a report."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from brainalign.report.style import words, wrapped

# Okabe and Ito (2008), in an order that keeps neighbours apart for dichromats; yellow is too light for lines.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#999933", "#332288")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")

#: Letters in a line of a name, and in a name that may stand in a tight place.
_LINE, _LONGEST = 32, 20


@dataclass(frozen=True)
class RuleStyle:
    """How one rule is drawn: colour, marker (for readers without colour), name, and a name for tight places."""

    colour: str
    marker: str
    label: str
    short: str


def rule_styles(rules: Sequence[str]) -> dict[str, RuleStyle]:
    """Return a style for each rule; untrained is grey, backprop black, the others by their place in ``rules``."""
    short = _short_names(rules)
    styles = {}
    others = [rule for rule in rules if rule not in ("untrained", "backprop")]
    for rule in rules:
        if rule == "untrained":
            colour, marker = "#8C8C8C", "o"
        elif rule == "backprop":
            colour, marker = "#1A1A1A", "o"
        else:
            place = others.index(rule)
            colour = _COLOURS[place % len(_COLOURS)]
            # Past the last colour the marker moves on by one, so that no two rules share both.
            marker = _MARKERS[(place + place // len(_COLOURS) + 1) % len(_MARKERS)]
        styles[rule] = RuleStyle(colour, marker, wrapped(words(rule), _LINE), short[rule])
    return styles


def _short_names(rules: Sequence[str]) -> dict[str, str]:
    """Return initials where they are told apart; else the name, or where that is long, initials with a number."""
    initials = {rule: "".join(part[0] for part in rule.split("_") if part).upper() for rule in rules}
    uses, seen, short = Counter(initials.values()), Counter[str](), {}
    for rule in rules:
        name = words(rule)
        if "_" in rule and uses[initials[rule]] == 1:
            name = initials[rule]
        elif "_" in rule and len(name) > _LONGEST:
            seen[initials[rule]] += 1
            name = f"{initials[rule]}-{seen[initials[rule]]}"
        short[rule] = name
    return short
