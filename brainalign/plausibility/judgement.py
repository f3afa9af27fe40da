"""What a scorecard says of the criteria of the literature, beside what is claimed."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from brainalign import tables
from brainalign.plausibility.criterion import CRITERIA, Criterion
from brainalign.plausibility.subject import PROBED, probed_network
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import learning_rules

_COLUMNS = tables.TABLES["criteria"].names
_INSIDE = "; gradients are exact inside the blocks of this network, so that no claim is set against the mark"


def criteria(table: pd.DataFrame, rules: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return what a scorecard says of the criteria of the literature beside what is claimed, disagreements first.

    A claim and a measurement disagree only where both mean the same: a claim that a criterion is met is contradicted by
    the probes that mean what it says (:attr:`Criterion.refuted_by`), a claim that it is not met by a measurement that
    it is. A claim with a reading of its own is shown and contradicted by nothing. So is every claim on a network with
    several synapses in a block: claims are about rules, and inside a block the gradient is exact.

    Parameters
    ----------
    table
        A scorecard.
    rules
        Label in the table to name of the rule, where they differ; claims are the rule's.

    Returns
    -------
    pandas.DataFrame
        Columns rule, network, criterion, title, source, measured (True, False or None), probes (those that decide),
        certified, reading (what the mark means), claimed (None where no claim is on file), claim_source, disagrees.
    """
    claims = {name: rule.claims for name, rule in learning_rules().items()}
    rows = []
    for (rule, network), part in table.groupby(["rule", "network"], sort=False):
        outcome = part.set_index("probe")
        inside = _gradient_inside(str(network))
        for criterion in CRITERIA:
            codes = [code for code in criterion.probes if code in outcome.index]
            passed = [outcome.loc[code, "pass"] for code in codes]
            # A probe that was not asked for leaves open what the others do not deny.
            passed += [None] * (len(criterion.probes) - len(codes))
            measured = False if False in passed else None if None in passed or not codes else True
            deciding = [code for code, one in zip(codes, passed, strict=False) if one is measured] or codes
            claim = claims.get((rules or {}).get(str(rule), str(rule)), {}).get(criterion.code)
            claimed = None if claim is None else claim.met
            rows.append(
                {
                    "rule": rule, "network": network, "criterion": criterion.code, "title": criterion.title,
                    "source": criterion.source, "measured": measured, "probes": ", ".join(deciding),
                    "certified": bool(codes) and all(bool(outcome.loc[code, "certified"]) for code in deciding),
                    "reading": criterion.reading + _INSIDE * inside, "claimed": claimed, "claim_source": _source(claim),
                    "disagrees": not inside and _contradicted(claim, criterion, measured, outcome["pass"].to_dict()),
                }
            )  # fmt: skip
    found = pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"measured": object, "claimed": object})
    return found.sort_values("disagrees", ascending=False, kind="stable").reset_index(drop=True)


def _gradient_inside(network: str) -> bool:
    """Return whether a block of the probed network, named as tables name it, has several synapses."""
    name = network.split(",")[0]
    return name in PROBED and any(len(block.synapses) > 1 for block in probed_network(name).blocks)


def _source(claim: Claim | None) -> str:
    if claim is None:
        return ""
    return f"{claim.source}; means: {claim.reading}" if claim.reading else claim.source


def _contradicted(claim: Claim | None, criterion: Criterion, measured: bool | None, marks: Mapping[Any, Any]) -> bool:
    if claim is None or claim.reading:
        return False
    if claim.met:
        return any(marks.get(code) is False for code in criterion.refuted_by or criterion.probes)
    return measured is True
