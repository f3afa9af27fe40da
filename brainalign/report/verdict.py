"""What can be said about the order of rules for one recording, ROI, network and measure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from brainalign.alignment.equal_accuracy import TOLERANCE
from brainalign.alignment.result import AlignmentResult
from brainalign.report.scores import groups, panel_rows, panel_title, panels
from brainalign.report.style import words
from brainalign.report.table import number
from brainalign.report.wording import counted, in_ms, listed, scope_of

NOT_SUPPORTED = "RANKING NOT SUPPORTED"
#: Up to so many times of a layer have a sentence each.
MOST_TIMES = 3

# Layer, time and ranks; where they support an order, also whether it leads all controls and what is said of that.
_Cell = tuple[str, float, pd.DataFrame]
_Supported = tuple[str, float, pd.DataFrame, tuple[bool, str]]


@dataclass(frozen=True)
class Verdict:
    """What is said of the order of rules.

    Parameters
    ----------
    heading
        Recording, ROI, network and measure.
    state
        ``"supported"``: in every cell the data support an order, and its first rule scores above every low-level
        control. ``"limited"``: some cells support an order, or a control does as well or was not scored.
        ``"refused"``: no cell supports one.
    statements, reasons, scope
        What is said, why, and for whom it holds.
    cell
        Recording, ROI, network and measure as tables have them.
    """

    heading: str
    state: str
    statements: tuple[str, ...]
    reasons: tuple[str, ...]
    scope: str
    cell: tuple[str, ...] = ()


def verdicts(results: AlignmentResult) -> list[Verdict]:
    """Return one verdict per recording, ROI, network and measure, from ranks, gates and scores of controls."""
    found = []
    scores = results.network_scores
    for dataset, roi in panels(scores):
        groups = panel_rows(scores, dataset, roi)[["network", "measure"]].drop_duplicates()
        for network, measure in groups.to_numpy():
            heading = f"{panel_title(results, dataset, roi)} · {words(network)} · {results.about(measure).title}"
            found.append(
                _verdict(results, heading, {"dataset": dataset, "roi": roi, "network": network, "measure": measure})
            )
    return found


def _verdict(results: AlignmentResult, heading: str, where: dict[str, str]) -> Verdict:
    ranks, gates, contrasts = (
        _match(table[results.at_declared_layer(table)], where)
        for table in (results.ranks, results.gates, results.contrasts)
    )
    cells = [(layer, time, rows) for (layer, time), rows in groups(ranks, "layer", "time")]
    supported = [
        (layer, time, rows, against_controls(results, rows)) for layer, time, rows in cells if rows.supported.all()
    ]
    alone = bool(cells) and all(len(rows) == 1 for *_, rows in cells)
    refused = [_cell_name(layer, time) for layer, time, rows in cells if not rows.supported.all() and not alone]
    statements = _statements(cells, supported)
    if refused:
        place = f"at {refused[0]}" if len(refused) == 1 else f"in {len(refused)} of {len(cells)} cells"
        statements.insert(0, f"{NOT_SUPPORTED} {place}.")
    if not cells:
        statements.append("No ranking was computed.")
    if alone:
        statements.append(f"{words(str(cells[0][2].rule.iloc[0]))} stands alone: there is nothing to rank.")
    statements += _missing(results, where)
    scope = f"Scope: {scope_of(contrasts, results)}" if len(contrasts) else ""
    whole = not refused and all(above for *_, (above, _) in supported)
    state = "refused" if not supported else "supported" if whole else "limited"
    reasons = list(_reasons(gates))
    if supported and ranks.layer.nunique() > 1:
        several = counted(ranks.layer.nunique(), "layer")
        reasons.append(f"No layer was declared beforehand: {several} were looked at, each by itself.")
    if supported:
        reasons += _accuracies(results, where, set(ranks.rule))
    return Verdict(
        heading=heading,
        state=state,
        statements=tuple(statements),
        reasons=tuple(reasons),
        scope=scope,
        cell=tuple(where.values()),
    )


def _statements(cells: Sequence[_Cell], supported: Sequence[_Supported]) -> list[str]:
    """Return a sentence for each supported order, or for each layer where it was asked at many times."""
    found = []
    for layer in dict.fromkeys(layer for layer, *_ in supported):
        own = [one for one in supported if one[0] == layer]
        n_times = sum(one[0] == layer for one in cells)
        if n_times <= MOST_TIMES:
            found += [
                f"At {_cell_name(layer, time)} the data support the order {order_of(rows)}. {said}"
                for _, time, rows, (_, said) in own
            ]
            continue
        times = sorted(time for _, time, *_ in own)
        span = f"{1000 * times[0]:.0f} to {in_ms(times[-1])}" if len(times) > 1 else in_ms(times[0])
        _, time, rows, (_, said) = max(own, key=lambda one: float(one[2].mean_score.max()))
        found.append(
            f"At layer {layer} an order is supported at {len(own)} of {n_times} times, {span}. At {in_ms(time)}, where "
            f"one of these scores is highest, it is {order_of(rows)}. {said}"
        )
    return found


def against_controls(results: AlignmentResult, rows: pd.DataFrame) -> tuple[bool, str]:
    """Return whether the first rule of a cell scores above every low-level control, and a sentence that says so.

    Controls that a measure takes out of the score have none of it. The tables hold no test of such a lead.
    """
    first = rows.sort_values(["rank", "rank_low"], kind="stable").iloc[0]
    rule, score = words(first["rule"]), float(first.mean_score)
    if held := results.about(first.measure).held:
        names = listed([words(name) for name in held])
        more = "Other low-level controls were not taken out."
        return score > 0, f"{rule} scores {number(score)} with {names} taken out. {more}"
    table = _match(results.low_level, {name: first[name] for name in ("dataset", "roi", "measure")})
    at_time = table.time.isna() if pd.isna(first.time) else table.time == first.time
    controls = table[at_time].groupby("layer", sort=False, observed=True).score.mean().dropna()
    if controls.empty:
        return False, f"{rule} scores {number(score)}. Low-level controls were not scored."
    best, reached = words(str(controls.idxmax())), float(controls.max())
    if score > reached:
        lead = f"{rule} scores {number(score)}, the best low-level control, {best}, {number(reached)}."
        return True, f"{lead} That lead was not tested."
    return False, f"But the low-level control {best} scores {number(reached)}, the best rule, {rule}, {number(score)}."


def _accuracies(results: AlignmentResult, where: dict[str, str], ranked: set[str]) -> Iterator[str]:
    """Say where rules in an order ended with other accuracies, so that these may explain it."""
    table = results.training
    table = table[(table.network == where["network"]) & table.rule.isin(ranked)]
    last = table[table.step == table.groupby("rule", observed=True).step.transform("max")]
    ends = last.groupby("rule", observed=True).val_accuracy.mean().dropna()
    if len(ends) < 2 or ends.max() - ends.min() <= TOLERANCE:
        return
    compared = len(_match(results.ranks_at_equal_accuracy, where)) > 0
    yield (
        f"Rules ended with validation accuracies from {number(ends.min())} to {number(ends.max())}: accuracy alone may "
        "explain an order. "
        + (
            "Equal accuracy has a section of its own."
            if compared
            else 'checkpoints = "all" compares at equal accuracy.'
        )
    )


def _missing(results: AlignmentResult, where: dict[str, str]) -> Iterator[str]:
    """Say which populations of the network are not compared."""
    why = {"training": "its training failed", "scoring": "a layer of it could not be scored"}
    for row in results.failures.to_dict("records"):
        here = row["network"] == where["network"] and row["recording"] in ("", where["dataset"])
        if here and row["stage"] in why:
            yield f"Not compared: {words(row['rule'])}, since {why[row['stage']]}."


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
    return f"layer {layer}" if pd.isna(time) else f"layer {layer}, {in_ms(time)}"


def _reasons(gates: pd.DataFrame) -> Iterator[str]:
    order = gates.assign(stop=gates.severity != "stop").sort_values(["stop", "gate"], kind="stable")
    for (gate,), rows in groups(order, "gate"):
        sentences = list(dict.fromkeys(rows.sentence))
        more = f" ({len(sentences) - 1} more in the table of gates)" if len(sentences) > 1 else ""
        yield f"{gate}: {sentences[0]}{more}"
