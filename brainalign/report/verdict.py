"""What can be said about the order of rules for one recording, ROI, network and measure."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from brainalign.report.measure import measure_label
from brainalign.report.results import Results
from brainalign.report.scores import groups, panel_rows, panel_title, panels
from brainalign.report.style import words
from brainalign.report.wording import scope_of

NOT_SUPPORTED = "RANKING NOT SUPPORTED"


@dataclass(frozen=True)
class Verdict:
    """A heading, whether an order of rules is supported anywhere, what is said, why, and for whom it holds."""

    heading: str
    supported: bool
    statements: tuple[str, ...]
    reasons: tuple[str, ...]
    scope: str


def verdicts(results: Results) -> list[Verdict]:
    """Return one verdict per recording, ROI, network and measure, from the ranks and gates alone."""
    found = []
    scores = results.alignment[results.alignment.rule != "low_level"]
    for dataset, roi in panels(scores):
        groups = panel_rows(scores, dataset, roi)[["network", "measure"]].drop_duplicates()
        for network, measure in groups.to_numpy():
            heading = f"{panel_title(results, dataset, roi)} · {words(network)} · {measure_label(measure)}"
            found.append(
                _verdict(results, heading, {"dataset": dataset, "roi": roi, "network": network, "measure": measure})
            )
    return found


def _verdict(results: Results, heading: str, where: dict[str, str]) -> Verdict:
    ranks, gates, contrasts = (
        _match(table[results.at_declared_layer(table)], where)
        for table in (results.ranks, results.gates, results.contrasts)
    )
    cells = [(_cell_name(layer, time), rows) for (layer, time), rows in groups(ranks, "layer", "time")]
    supported = [(name, rows) for name, rows in cells if rows.supported.all()]
    refused = [name for name, rows in cells if not rows.supported.all()]
    statements = [f"At {name} the data support the order {order_of(rows)}." for name, rows in supported]
    if refused:
        place = f"at {refused[0]}" if len(refused) == 1 else f"in {len(refused)} of {len(cells)} cells"
        statements.insert(0, f"{NOT_SUPPORTED} {place}.")
    if not cells:
        statements.append("No ranking was computed.")
    scope = f"Scope: {scope_of(contrasts, results)}" if len(contrasts) else ""
    return Verdict(heading, bool(supported), tuple(statements), tuple(_reasons(gates)), scope)


def order_of(rows: pd.DataFrame) -> str:
    """Return the rules of a cell, best first: ``>`` where rank sets are apart, ``~`` where they overlap."""
    text = ""
    previous_high: int | None = None
    for row in rows.sort_values(["rank", "rank_low"], kind="stable").to_dict("records"):
        low, high = int(row["rank_low"]), int(row["rank_high"])
        place = f"{low}" if low == high else f"{low}–{high}"
        sign = "" if previous_high is None else " > " if previous_high < low else " ~ "
        text += f"{sign}{words(row['rule'])} (rank {place})"
        previous_high = high
    return text


def _match(table: pd.DataFrame, where: dict[str, str]) -> pd.DataFrame:
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def _cell_name(layer: str, time: float) -> str:
    return f"layer {layer}" if pd.isna(time) else f"layer {layer}, {1000 * time:.0f} ms"


def _reasons(gates: pd.DataFrame) -> Iterator[str]:
    order = gates.assign(stop=gates.severity != "stop").sort_values(["stop", "gate"], kind="stable")
    for (gate,), rows in groups(order, "gate"):
        sentences = list(dict.fromkeys(rows.sentence))
        more = f" ({len(sentences) - 1} more in the table of gates)" if len(sentences) > 1 else ""
        yield f"{gate}: {sentences[0]}{more}"
