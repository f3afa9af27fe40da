"""Rules that change a network alike are not ranked against each other; their scores stay."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from brainalign import tables
from brainalign.alignment.result import AlignmentResult
from brainalign.support import equals_backpropagation
from brainalign.training.checkpoint import Checkpoint

_CELL = ["network", "dataset", "roi", "time", "layer", "measure"]


def equal_rules(trained: Sequence[Checkpoint]) -> dict[str, list[str]]:
    """Return network to the rules that change it as backpropagation does, where there are several."""
    found: dict[str, list[str]] = {}
    for one in trained:
        if one.spec.rule == "backprop" or equals_backpropagation(one.rule, one.network):
            found.setdefault(one.network.name, []).append(one.spec.rule)
    return {network: rules for network, rules in found.items() if len(rules) > 1}


def share_places(alignment: AlignmentResult, equal: Mapping[str, Sequence[str]]) -> AlignmentResult:
    """Return the tables with one place for rules that are the same, and one line in every cell that says so.

    Parameters
    ----------
    alignment
        Scores, contrasts, ranks and gates.
    equal
        Network to the rules that change it as backpropagation does, that one among them. Fewer than two are no tie.
    """
    ranks, gates, contrasts = (getattr(alignment, name).copy() for name in ("ranks", "gates", "contrasts"))
    said = []
    for network, rules in equal.items():
        if len(rules) < 2:
            continue
        among = (ranks.network == network) & ranks.rule.isin(rules)
        for cell, rows in ranks[among].groupby(_CELL, observed=True, dropna=False, sort=False):
            ranks.loc[rows.index, ["rank", "rank_low"]] = min(rows["rank"].min(), rows.rank_low.min())
            ranks.loc[rows.index, "rank_high"] = rows.rank_high.max()
            said.append({**dict(zip(_CELL, cell, strict=True)), **_gate(network, rules)})
        both = (contrasts.network == network) & contrasts.rule_a.isin(rules) & contrasts.rule_b.isin(rules)
        contrasts["verdict"] = contrasts.verdict.astype(object).mask(both, "no inference possible")
    if not said:
        return alignment
    joined = pd.concat([gates.astype({"gate": object}), pd.DataFrame(said)], ignore_index=True)
    return replace(
        alignment,
        ranks=tables.cast("ranks", ranks),
        gates=tables.cast("gates", joined),
        contrasts=tables.cast("contrasts", contrasts),
    )


def _gate(network: str, rules: Sequence[str]) -> dict[str, str]:
    others = ", ".join(rule for rule in rules if rule != "backprop")
    return {
        "gate": "G11",
        "severity": "warn",
        "sentence": f"On {network}, {others} equals backpropagation (cosine of updates above .9999, measured): "
        f"{' and '.join(rules)} are not ranked against each other.",
    }
