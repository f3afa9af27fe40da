"""The tables of the page, every cell already in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from brainalign.report.measure import measure_label
from brainalign.report.results import Results
from brainalign.report.rule_style import rule_styles
from brainalign.report.scores import groups
from brainalign.report.style import words
from brainalign.report.wording import counted, scope_of, spanned

_CELL = ("network", "dataset", "roi", "time", "layer", "measure")


@dataclass(frozen=True)
class Table:
    """Column names, rows of text, which columns hold numbers, which rows are bold, headings before rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    bold: frozenset[int] = frozenset()
    headings: Mapping[int, str] = field(default_factory=dict)


def number(value: float, digits: int = 3) -> str:
    """Return ``value`` with ``digits`` decimals, a true minus sign, and a dash where there is none."""
    return "–" if pd.isna(value) else f"{value:.{digits}f}".replace("-", "−")


def p_value(value: float) -> str:
    """Return a p value to three decimals, never as zero."""
    return "–" if pd.isna(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def contrast_tables(results: Results) -> tuple[Table, Table | None]:
    """Return the contrasts at the declared layers, and those at the other layers if there are any.

    Where no layer is declared for a ROI all its contrasts are in the first table.
    """
    table = results.contrasts
    chosen = results.at_declared_layer(table)
    return _contrasts(results, table[chosen]), _contrasts(results, table[~chosen]) if (~chosen).any() else None


def criteria_table(results: Results) -> Table:
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


def _contrasts(results: Results, table: pd.DataFrame) -> Table:
    columns = ("Contrast", "Δ", "CI", "p", "p adjusted", "Family", "MDE", "Verdict")
    short = {rule: style.short for rule, style in rule_styles(results.rules).items()}
    rows: list[tuple[str, ...]] = []
    headings, bold = {}, []
    for (network, dataset, roi, time, layer, measure), cell in groups(table, *_CELL):
        place = f"{results.dataset_label(dataset)} {roi}{_at(time)}"
        sizes = f"{spanned(cell.n_subjects)} subjects, {spanned(cell.n_stimuli)} stimuli, {spanned(cell.n_seeds)} seeds"
        headings[len(rows)] = (
            f"{place} · {words(network)}, {layer} · {measure_label(measure)} · {sizes} · {scope_of(cell, results)}"
        )
        for row in cell.to_dict("records"):
            if row["p_adjusted"] < results.alpha:
                bold.append(len(rows))
            rows.append((
                f"{short[row['rule_a']]} − {short[row['rule_b']]}",
                number(row["delta"]),
                "–" if pd.isna(row["ci_low"]) else f"[{number(row['ci_low'])}, {number(row['ci_high'])}]",
                p_value(row["p"]),
                p_value(row["p_adjusted"]),
                f"{_whole(row['family_size'])}, {row['correction']}: {words(row['family'])}",
                number(row["mde"]),
                row["verdict"],
            ))  # fmt: skip
    return Table(columns, tuple(rows), frozenset({1, 2, 3, 4, 6}), frozenset(bold), headings)


def gate_table(results: Results) -> Table:
    """Return the gates that fired; cells with the same sentence share a row."""
    gates = results.gates
    rows = []
    keys = ["dataset", "roi", "network", "measure", "gate", "severity", "sentence"]
    for (dataset, roi, network, measure, gate, severity, sentence), cells in groups(gates, *keys):
        layers = ", ".join(dict.fromkeys(cells.layer)) or "all"
        times = cells.time.nunique()
        where = f"{words(network)}, {layers}" + (f" ({counted(times, 'time')})" if times else "")
        rows.append(
            (f"{results.dataset_label(dataset)} {roi}", where, measure_label(measure), gate, severity, sentence)
        )
    return Table(("Recording", "Network, layers", "Measure", "Gate", "Severity", "What it says"), tuple(rows))


def training_table(results: Results) -> Table:
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


def failure_table(results: Results) -> Table:
    """Return the populations, or parts of them, that the study went on without."""
    rows = []
    for row in results.failures.to_dict("records"):
        dataset = row["recording"]
        where = results.dataset_label(dataset) if dataset else "all"
        rows.append((words(row["rule"]), words(row["network"]), row["stage"], where, row["reason"]))
    return Table(("Rule", "Network", "Failed in", "Recording", "What happened"), tuple(rows))


def compared_table(results: Results) -> Table:
    """Return one row per recording, ROI, network and measure: what was compared with what."""
    columns = ("Recording", "What", "ROI", "Subjects", "Stimuli", "Network", "Layers", "Seeds", "Measure", "Ranked at")
    rows = []
    scores = results.alignment[results.alignment.rule != "low_level"]
    for (dataset, roi, network, measure), part in groups(scores, "dataset", "roi", "network", "measure"):
        layers = results.layers(network)
        about = results.study["recordings"].get(dataset, {})
        what: Sequence[str] = [about.get("title", ""), about.get("modality", "")]
        rows.append((
            results.dataset_label(dataset), ", ".join(text for text in what if text), roi, str(part.subject.nunique()),
            _whole(part.n_stimuli.max()), words(network), str(part.layer.nunique()), str(part.seed.nunique()),
            measure_label(measure), layer if (layer := results.ranking_layer(roi)) in layers else "every layer",
        ))  # fmt: skip
    return Table(columns, tuple(rows), frozenset({3, 4, 6, 7}))


def _at(time: float) -> str:
    return "" if pd.isna(time) else f", {1000 * time:.0f} ms"


def _whole(value: float) -> str:
    return "–" if pd.isna(value) else str(int(value))


def _mean_sd(values: pd.Series) -> str:
    values = values.dropna()
    if values.empty:
        return "–"
    return number(values.mean()) + (f" ± {number(values.std(ddof=1))}" if len(values) > 1 else "")
