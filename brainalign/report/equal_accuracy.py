"""What the page says of rules at checkpoints of equal accuracy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from brainalign.alignment.equal_accuracy import equal_accuracy_sentences
from brainalign.alignment.result import AlignmentResult
from brainalign.report.rule_style import rule_styles
from brainalign.report.style import words
from brainalign.report.table import Table, limited, number, p_value, place_of
from brainalign.report.verdict import Verdict, verdicts

_PAIR = ("network", "dataset", "roi", "layer", "measure", "rule_a", "rule_b")
_NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True)
class EqualAccuracy:
    """A section of the page.

    Parameters
    ----------
    said
        What accuracies were compared, a sentence or two for each network.
    checkpoints
        The checkpoint of each rule.
    verdicts
        What is said of the order of rules there.
    differences
        Differences of rules at the end and there, at declared layers.
    """

    said: tuple[str, ...]
    checkpoints: Table
    verdicts: tuple[Verdict, ...]
    differences: Table


def equal_accuracy(results: AlignmentResult) -> EqualAccuracy | None:
    """Return the section; none where no accuracies were compared."""
    if results.equal_accuracy.empty:
        return None
    there = results.at_equal_accuracy
    ranked = there.ranks[["dataset", "roi", "network", "measure"]].drop_duplicates()
    cells = {tuple(map(str, row)) for row in ranked.to_numpy()}
    said = [one for one in verdicts(there) if one.cell in cells]
    return EqualAccuracy(
        tuple(equal_accuracy_sentences(results.equal_accuracy)),
        _checkpoints(results),
        tuple(said),
        _differences(results),
    )


def _checkpoints(results: AlignmentResult) -> Table:
    rows = [
        (
            words(row["rule"]),
            words(row["network"]),
            str(row["checkpoint"]),
            number(row["accuracy"]),
            number(row["accuracy_end"]),
            "yes" if row["matched"] else _NOT_COMPARABLE,
        )
        for row in results.equal_accuracy.to_dict("records")
    ]
    columns = ("Rule", "Network", "Checkpoint (step)", "Validation accuracy", "At the end", "Compared")
    return Table(columns, tuple(rows), frozenset({2, 3, 4}))


def _differences(results: AlignmentResult) -> Table:
    """Return the differences of rules that take part, at declared layers, with the other of the two moments beside."""
    part = set(results.equal_accuracy.rule)
    table = results.contrasts[results.at_declared_layer(results.contrasts)]
    table = table[table.kind.isin(["vs_backprop", "pair"]) & table.rule_a.isin(part) & table.rule_b.isin(part)]
    table, note = limited(results, table, "contrasts_at_equal_accuracy.csv")
    there = {_key(row): row for row in results.contrasts_at_equal_accuracy.to_dict("records")}
    short = {rule: style.short for rule, style in rule_styles(results.rules).items()}
    rows: list[tuple[str, ...]] = []
    headings, bold = {}, []
    previous = None
    for row in table.to_dict("records"):
        if (heading := place_of(results, row)) != previous:
            headings[len(rows)] = previous = heading
        equal = there.get(_key(row))
        if equal is not None and equal["p_adjusted"] < results.alpha:
            bold.append(len(rows))
        ends = (number(row["delta"]), p_value(row["p_adjusted"]))
        rows.append((f"{short[row['rule_a']]} − {short[row['rule_b']]}", *ends, *_there(equal)))
    columns = ("Difference", "Δ at the end", "p adjusted", "Δ at equal accuracy", "CI", "p adjusted", "Verdict")
    return Table(
        columns=columns,
        rows=tuple(rows),
        numeric=frozenset({1, 2, 3, 4, 5}),
        bold=frozenset(bold),
        headings=headings,
        note=note,
    )


def _there(row: Mapping[Any, Any] | None) -> tuple[str, ...]:
    if row is None:
        return ("–", "–", "–", _NOT_COMPARABLE)
    interval = "–" if pd.isna(row["ci_low"]) else f"[{number(row['ci_low'])}, {number(row['ci_high'])}]"
    return (number(row["delta"]), interval, p_value(row["p_adjusted"]), row["verdict"])


def _key(row: Mapping[Any, Any]) -> tuple[str, ...]:
    return (*(str(row[name]) for name in _PAIR), str(row["time"]))
