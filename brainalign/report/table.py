"""The tables of the page, every cell already in words."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from brainalign.report.results import Results
from brainalign.report.rule_style import rule_styles
from brainalign.report.scores import groups
from brainalign.report.style import measure_label, words
from brainalign.report.wording import counted


@dataclass(frozen=True)
class Table:
    """Column names, rows of text, which columns hold numbers, which rows stand out, which columns never wrap."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    bold: frozenset[int] = frozenset()
    unbroken: frozenset[int] = frozenset()


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


def _contrasts(results: Results, table: pd.DataFrame) -> Table:
    columns = (
        "Recording",
        "Network, layer",
        "Measure",
        "Contrast",
        "Δ",
        "CI",
        "p",
        "p adjusted",
        "Family",
        "n",
        "Random",
        "MDE",
        "Verdict",
    )
    short = {rule: style.short for rule, style in rule_styles(results.rules).items()}
    rows = []
    for row in table.to_dict("records"):
        scopes = [name for name in ("subjects", "stimuli", "seeds") if row[f"scope_{name}"] == "random"]
        rows.append((
            f"{results.dataset_label(row['dataset'])} {row['roi']}{_at(row['time'])}",
            f"{words(row['network'])}, {row['layer']}",
            measure_label(row["measure"]),
            f"{short[row['rule_a']]} − {short[row['rule_b']]}",
            number(row["delta"]),
            "–" if pd.isna(row["ci_low"]) else f"[{number(row['ci_low'])}, {number(row['ci_high'])}]",
            p_value(row["p"]),
            p_value(row["p_adjusted"]),
            f"{_whole(row['family_size'])}, {row['correction']}: {words(row['family'])}",
            f"{_whole(row['n_subjects'])} / {_whole(row['n_stimuli'])} / {_whole(row['n_seeds'])}",
            "all" if len(scopes) == 3 else ", ".join(scopes) or "none",
            number(row["mde"]),
            row["verdict"],
        ))  # fmt: skip
    bold = frozenset(k for k, p in enumerate(table.p_adjusted) if p < results.alpha)
    return Table(columns, tuple(rows), frozenset({4, 5, 6, 7, 9, 11}), bold, frozenset({3}))


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


def compared_table(results: Results) -> Table:
    """Return one row per recording, ROI, network and measure: what was compared with what."""
    columns = ("Recording", "What", "ROI", "Subjects", "Stimuli", "Network", "Layers", "Seeds", "Measure", "Ranked at")
    rows = []
    scores = results.alignment[results.alignment.rule != "low_level"]
    for (dataset, roi, network, measure), part in groups(scores, "dataset", "roi", "network", "measure"):
        about = results.study["recordings"].get(dataset, {})
        what: Sequence[str] = [about.get("title", ""), about.get("modality", "")]
        rows.append((
            results.dataset_label(dataset), ", ".join(text for text in what if text), roi, str(part.subject.nunique()),
            _whole(part.n_stimuli.max()), words(network), str(part.layer.nunique()), str(part.seed.nunique()),
            measure_label(measure), results.ranking_layer(roi) or "every layer",
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
