"""The tables of the page, every cell already in words."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.report.contrast_rows import rival_names
from brainalign.report.rule_style import rule_styles
from brainalign.report.scores import at_one_time, final_scores, groups, mean_by, peak_times
from brainalign.report.style import words
from brainalign.report.wording import contrast_sizes, counted, in_ms, scope_of
from brainalign.roles import CHOSEN_LAYER, OWN_START

_CELL = ("network", "dataset", "roi", "time", "layer", "measure")

#: Rows of a table on the page, and sentences of one gate; the files hold all.
MOST_ROWS = 1000
MOST_SENTENCES = 5


@dataclass(frozen=True)
class Table:
    """Column names, rows of text, which columns hold numbers, which rows are bold, headings before rows, and a note.

    The note says what is not shown.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    bold: frozenset[int] = frozenset()
    headings: Mapping[int, str] = field(default_factory=dict)
    note: str = ""


def number(value: float, digits: int = 3) -> str:
    """Return ``value`` with ``digits`` decimals, a true minus sign, and a dash where there is none."""
    return "–" if pd.isna(value) else f"{value:.{digits}f}".replace("-", "−")


def p_value(value: float) -> str:
    """Return a p value to three decimals, never as zero."""
    return "–" if pd.isna(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def contrast_tables(results: AlignmentResult) -> tuple[Table, Table | None]:
    """Return the contrasts at the declared layers, and those at the other layers if there are any.

    Where no layer is declared for a ROI all its contrasts are in the first table.
    """
    table = results.contrasts
    chosen = results.at_declared_layer(table)
    return _contrasts(results, table[chosen]), _contrasts(results, table[~chosen]) if (~chosen).any() else None


def criteria_table(results: AlignmentResult) -> Table:
    """Return the criteria of the literature, measured and claimed, disagreements first and bold."""
    said = {True: "met", False: "not met", None: "cannot tell"}
    rows, bold = [], []
    for k, row in enumerate(results.criteria.to_dict("records")):
        claimed = "–" if row["claimed"] is None else f"{said[row['claimed']]} ({row['claim_source']})"
        certified = "" if row["certified"] else ", not certified"
        measured = f"{said[row['measured']]} ({row['probes'] + certified if row['probes'] else 'not probed here'})"
        rows.append(
            (words(row["rule"]), words(row["network"]), f"{row['criterion']} {row['title']}", measured, claimed)
        )
        if row["disagrees"]:
            bold.append(k)
    columns = ("Rule", "Network", "Criterion", "Measured", "Claimed")
    return Table(columns, tuple(rows), bold=frozenset(bold))


def limited(results: AlignmentResult, table: pd.DataFrame, file: str = "contrasts.csv") -> tuple[pd.DataFrame, str]:
    """Return the contrasts that fit on a page, and a note on the others, all of which are in ``file``.

    Where there are several times these are the ones at the time at which figures with one time are drawn.
    """
    kept = pd.Series(True, index=table.index)
    for (network, measure), rows in groups(table, "network", "measure"):
        for (dataset, roi), time in peak_times(final_scores(results, network, measure)).items():
            here = rows[(rows.dataset == dataset) & (rows.roi == roi)]
            if here.time.nunique() > 1:
                kept[here.index[here.time != time]] = False
    shown, notes = table[kept], []
    if len(shown) < len(table):
        notes.append("at the time of the highest mean score over rules and layers, chosen on the same data")
    if len(shown) > MOST_ROWS:
        shown = shown.iloc[:MOST_ROWS]
        notes.append(f"the first {MOST_ROWS}")
    if not notes:
        return table, ""
    how = ", of these ".join(notes)
    return shown, f"Shown are {len(shown)} of {len(table)} contrasts: those {how}. All are in {file}."


def _contrasts(results: AlignmentResult, table: pd.DataFrame) -> Table:
    table, note = limited(results, table)
    columns = ("Contrast", "Δ", "CI", "p", "p adjusted", "Family", "MDE", "Verdict")
    short = {rule: style.short for rule, style in rule_styles(results.rules).items()}
    rows: list[tuple[str, ...]] = []
    headings, bold = {}, []
    for (network, dataset, roi, time, layer, measure), cell in groups(table, *_CELL):
        sizes = contrast_sizes(cell)
        place = place_of(results, dict(zip(_CELL, (network, dataset, roi, time, layer, measure), strict=True)))
        headings[len(rows)] = f"{place} · {sizes} · {scope_of(cell, results)}"
        for row, rival in zip(cell.to_dict("records"), rival_names(results, cell, short), strict=True):
            if row["p_adjusted"] < results.alpha:
                bold.append(len(rows))
            rows.append((
                f"{short[row['rule_a']]} − {rival}",
                number(row["delta"]),
                "–" if pd.isna(row["ci_low"]) else f"[{number(row['ci_low'])}, {number(row['ci_high'])}]",
                p_value(row["p"]),
                p_value(row["p_adjusted"]),
                f"{_whole(row['family_size'])}, {row['correction']}: {words(row['family'])}",
                number(row["mde"]),
                row["verdict"],
            ))  # fmt: skip
    return Table(
        columns=columns,
        rows=tuple(rows),
        numeric=frozenset({1, 2, 3, 4, 6}),
        bold=frozenset(bold),
        headings=headings,
        note=note,
    )


def place_of(results: AlignmentResult, row: Mapping[Any, Any]) -> str:
    """Return recording, ROI, time, network, layer and measure of a row in words."""
    where = f"{results.dataset_label(row['dataset'])} {row['roi']}{_at(row['time'])}"
    return f"{where} · {words(row['network'])}, {row['layer']} · {results.about(row['measure']).title}"


def gate_table(results: AlignmentResult) -> Table:
    """Return the gates that fired; cells with the same sentence share a row, and a gate has some rows at most."""
    gates = results.gates
    rows: list[tuple[str, ...]] = []
    said: Counter[tuple[str, ...]] = Counter()
    keys = ["dataset", "roi", "network", "measure", "gate", "severity", "sentence"]
    for (dataset, roi, network, measure, gate, severity, sentence), cells in groups(gates, *keys):
        said[dataset, roi, network, measure, gate] += 1
        if said[dataset, roi, network, measure, gate] > MOST_SENTENCES and gates.time.nunique() > 1:
            continue
        layers = ", ".join(dict.fromkeys(cells.layer)) or "all"
        times = cells.time.nunique()
        where = f"{words(network)}, {layers}" + (f" ({counted(times, 'time')})" if times else "")
        rows.append(
            (f"{results.dataset_label(dataset)} {roi}", where, results.about(measure).title, gate, severity, sentence)
        )
    left_out = sum(said.values()) - len(rows)
    note = f"{left_out} more sentences of these gates, at other layers and times, are in gates.csv." if left_out else ""
    columns = ("Recording", "Network, layers", "Measure", "Gate", "Severity", "What it says")
    return Table(columns, tuple(rows), note=note)


def training_table(results: AlignmentResult) -> Table:
    """Return the final accuracy (mean ± s.d. over seeds) and the time per step of every rule."""
    columns = (
        "Rule",
        "Network",
        "Data set",
        "Seeds",
        "Epochs",
        "Validation accuracy",
        "Test accuracy",
        "ms per step",
        "Learning rate",
    )
    rows = []
    table = results.training
    for (network, dataset), part in groups(table, "network", "dataset"):
        for rule in results.rules:
            of_rule = part[part.rule == rule].sort_values("step")
            if of_rule.empty:
                continue
            final = of_rule.groupby("seed").last()
            rates = of_rule.learning_rate.dropna().unique()
            rows.append((
                words(rule), words(network), dataset, str(len(final)), f"{of_rule.epoch.max():g}",
                _mean_sd(final.val_accuracy), _mean_sd(final.test_accuracy), number(of_rule.ms_per_step.mean(), 1),
                ", ".join(f"{rate:g}" for rate in rates) or "–",
            ))  # fmt: skip
    return Table(columns, tuple(rows), frozenset({3, 4, 5, 6, 7, 8}))


def ceiling_table(results: AlignmentResult) -> Table:
    """Return every noise ceiling with its interval, or why there is none; at one time where there are several."""
    table, note = results.ceilings, ""
    timed = table.time.notna()
    if timed.any():
        highest = table[timed].groupby(["dataset", "roi"], observed=True).ceiling_lower.idxmax().dropna()
        times = {(table.dataset[k], table.roi[k]): table.time[k] for k in highest}
        at = [times.get(place) for place in zip(table.dataset, table.roi, strict=True)]
        shown = table[~timed | (table.time == pd.Series(at, index=table.index, dtype="float64"))]
        note = f"Shown are {len(shown)} of {len(table)}, at the time of the highest. All are in ceilings.csv."
        table = shown
    rows = [
        (
            f"{results.dataset_label(row['dataset'])} {row['roi']}{_at(row['time'])}",
            row["kind"] + (f" ({row['comparator']})" if row["comparator"] else ""),
            row["bound"],
            row["subject"] or "all",
            row["reason"] or _bounds(row["ceiling_lower"], row["ceiling_upper"]),
            "–" if pd.isna(row["ci_low"]) else f"[{number(row['ci_low'])}, {number(row['ci_high'])}]",
            row["scope"] or "–",
        )
        for row in table.head(MOST_ROWS).to_dict("records")
    ]
    columns = ("Recording", "Of", "Estimate", "Subject", "Ceiling", "95 % interval", "Over")
    return Table(columns, tuple(rows), note=note)


def cluster_table(results: AlignmentResult) -> Table:
    """Return the clusters of times at which rules differ, and tests that found none; those at the level bold."""
    table = results.clusters.sort_values("p_adjusted", kind="stable")
    rows = []
    for row in table.head(MOST_ROWS).to_dict("records"):
        where = f"{results.dataset_label(row['dataset'])} {row['roi']}, {words(row['network'])} {row['layer']}"
        span = row["reason"] or f"{in_ms(row['seconds_first'])} to {in_ms(row['seconds_last'])}"
        about = (where, results.about(row["measure"]).title, f"{words(row['rule_a'])} − {words(row['rule_b'])}", span)
        numbers = (number(row["delta"]), number(row["t"], 2), p_value(row["p"]), p_value(row["p_adjusted"]))
        rows.append((*about, *numbers))
    columns = ("Where", "Measure", "Difference", "Times", "Mean", "Largest t", "p", "p adjusted")
    bold = frozenset(k for k, p in enumerate(table.p_adjusted.head(MOST_ROWS)) if p <= results.alpha)
    left = len(table) - MOST_ROWS
    note = f"{left} more rows are in clusters.csv." if left > 0 else ""
    return Table(columns, tuple(rows), numeric=frozenset(range(4, 8)), bold=bold, note=note)


def dimensionality_table(results: AlignmentResult) -> Table:
    """Return the effective dimensionality of every layer, mean over seeds, beside its mean score in every ROI."""
    dimensions = results.dimensionality[results.dimensionality.role != OWN_START]
    if dimensions.empty:
        return Table((), ())
    scores = pd.concat([
        at_one_time(final_scores(results, network, measure))
        for network in results.networks
        for measure in results.scored_measures
    ])  # fmt: skip
    place, where = ["dataset", "roi", "measure"], ["network", "layer", "rule"]
    means = mean_by(scores, *place, *where)
    rows = []
    of_layer = dimensions.groupby(["dataset", *where], sort=False, observed=True)
    for keys, own in of_layer:
        dataset, network, layer, rule = map(str, keys)
        value = own.participation_ratio
        spread = number(value.std(ddof=1), 2) if len(own) > 1 else "–"
        for roi, measure in scores[scores.dataset == dataset][["roi", "measure"]].drop_duplicates().to_numpy():
            score = means.get((dataset, roi, measure, network, layer, rule))
            if score is not None:
                about = (f"{results.dataset_label(dataset)} {roi}", results.about(measure).title)
                numbers = (number(value.mean(), 1), spread, str(int(own.n_stimuli.iloc[0])), number(score))
                rows.append((*about, words(network), layer, words(rule), *numbers))
    columns = ("Where", "Measure", "Network", "Layer", "Rule", "Dimensionality", "SD over seeds", "Stimuli", "Score")
    left = len(rows) - MOST_ROWS
    note = f"{left} more rows follow from dimensionality.csv and alignment.csv." if left > 0 else ""
    return Table(columns, tuple(rows[:MOST_ROWS]), numeric=frozenset(range(5, 9)), note=note)


def _bounds(lower: float, upper: float) -> str:
    return number(lower) if lower == upper else f"{number(lower)} to {number(upper)}"


def failure_table(results: AlignmentResult) -> Table:
    """Return the populations, or parts of them, that the study went on without."""
    rows = []
    for row in results.failures.to_dict("records"):
        dataset = row["recording"]
        where = results.dataset_label(dataset) if dataset else "all"
        rows.append((words(row["rule"]), words(row["network"]), row["stage"], where, row["reason"]))
    return Table(("Rule", "Network", "Failed in", "Recording", "What happened"), tuple(rows))


def compared_table(results: AlignmentResult) -> Table:
    """Return one row per recording, ROI, network and measure: what was compared with what."""
    columns = ("Recording", "What", "ROI", "Subjects", "Stimuli", "Network", "Layers", "Seeds", "Measure", "Ranked at")
    rows = []
    scores = results.network_scores
    for (dataset, roi, network, measure), part in groups(scores, "dataset", "roi", "network", "measure"):
        declared = results.ranking_layer(roi)
        ranked = declared if declared in results.layers(network) else "every layer"
        ranked = CHOSEN_LAYER if set(part.layer) == {CHOSEN_LAYER} else ranked
        about = results.facts["recordings"].get(dataset, {})
        what: Sequence[str] = [about.get("title", ""), about.get("modality", "")]
        rows.append((
            results.dataset_label(dataset), ", ".join(text for text in what if text), roi, str(part.subject.nunique()),
            _whole(part.n_stimuli.max()), words(network), str(part.layer.nunique()), str(part.seed.nunique()),
            results.about(measure).title, ranked,
        ))  # fmt: skip
    return Table(columns, tuple(rows), frozenset({3, 4, 6, 7}))


def _at(time: float) -> str:
    return "" if pd.isna(time) else f", {in_ms(time)}"


def _whole(value: float) -> str:
    return "–" if pd.isna(value) else str(int(value))


def _mean_sd(values: pd.Series) -> str:
    values = values.dropna()
    if values.empty:
        return "–"
    return number(values.mean()) + (f" ± {number(values.std(ddof=1))}" if len(values) > 1 else "")
