"""A reproduced table as Markdown: our figures beside the published ones, and what differs between the protocols."""

from collections.abc import Sequence

import pandas as pd

from brainalign.reproduction.presets import Preset
from brainalign.reproduction.published import PublishedTable

#: What a cell says that was trained for fewer epochs or seeds than its preset asks for.
SHORTENED = "SHORTENED"

#: Columns that a table of cells shows even where they are empty.
_ALWAYS = ("method", "preset", "ours")

_PRESET_HEAD = (
    *("preset", "rule's options", "network's options", "augmentation", "optimiser", "rate", "schedule", "clip"),
    *("batch", "epochs", "seeds", "found"),
)


def reproduction_page(
    table: PublishedTable, cells: pd.DataFrame, used: Sequence[Preset], stale: Sequence[bool] = ()
) -> str:
    """Return a page: one table per column of the published table, then the differences and how options were found.

    Parameters
    ----------
    table
        What was published.
    cells
        One row per cell, see :data:`brainalign.reproduction.reproduce.CELL`.
    used
        Presets that serve its cells.
    stale
        For each cell, whether it was trained by other code than today's.
    """
    lines = [f"# {table.title}", "", f"{table.citation}.", "", f"Published: {table.source}", ""]
    lines += ["Ours: test accuracy in percent (or loss) after the last epoch, mean ± s.d. over seeds.", ""]
    if table.gap is not None:
        lines += [_gap(table), ""]
    if cells.shortened.eq(True).any():
        lines += [
            f"**{SHORTENED}** marks cells that were trained for fewer epochs or seeds than their preset says.",
            "",
        ]
    for column in table.columns:
        own = cells[cells.column == column.name]
        lines += _section(own, column.missing)
    lines += ["## What differs from the paper", "", *(f"- {sentence}" for sentence in table.differences)]
    lines += [f"- {row.method}: {sentence}" for row in table.rows for sentence in row.differences]
    lines += [
        "",
        "## Our presets",
        "",
        "A search chooses options on validation samples of the training split; the last column says what it found.",
        "",
    ]
    lines += [f"| {' | '.join(_PRESET_HEAD)} |", f"|{'---|' * len(_PRESET_HEAD)}"]
    lines += [f"| {' | '.join(_protocol(preset))} |" for preset in used]
    return "\n".join([*lines, *_code(cells, stale)]) + "\n"


def comparison(cell: pd.Series) -> dict[str, str]:
    """Return one cell as texts, for a table; what a table never has is left out."""
    both = pd.notna(cell.difference)
    digits = 2 if cell.measure == "accuracy" else 4
    gap = plus_minus(100 * cell.gap_closed, 100 * cell.gap_closed_sd, 0) if pd.notna(cell.gap_closed) else ""
    return {
        "method": cell.method,
        "preset": cell.label,
        "published": plus_minus(cell.published, cell.published_sd, digits),
        "ours": plus_minus(cell.ours, cell.ours_sd, digits),
        "difference": f"{cell.difference:+.{digits}f}" if both else "",
        "as good": ("yes" if cell.at_or_above else "no") if pd.notna(cell.at_or_above) else "",
        "gap closed, %": gap,
        "seeds": "" if pd.isna(cell.n_seeds) else f"{cell.n_seeds:.0f}",
        "epochs": "" if pd.isna(cell.epochs) else f"{cell.epochs:g}",
        "note": cell.note or "",
    }


def heading(cells: pd.DataFrame) -> str:
    """Return what the cells of one column were trained on, ours and the paper's."""
    first = cells.iloc[0]
    measure = "" if first.measure == "accuracy" else ", test loss (less is better)"
    ours = [title for title in cells.data.dropna().unique() if title != first.published_data]
    if not ours:
        return f"{first.network}, {first.published_data}{measure}"
    return f"{first.network}, ours on {ours[0]}, published on {first.published_data}{measure}"


def plus_minus(value: float | None, sd: float | None, digits: int = 2) -> str:
    """Return a mean and s.d., with two decimals as published."""
    if pd.isna(value):
        return ""
    return f"{value:.{digits}f}" if pd.isna(sd) else f"{value:.{digits}f} ± {sd:.{digits}f}"


def comparisons(cells: pd.DataFrame) -> list[dict[str, str]]:
    """Return cells as texts, without columns that none of them fills.

    A rule is as good as published only where it exceeds its control, the row whose label ends in ``_plasticity_off``:
    the 95 % interval of the difference of means (Welch) is on its side of 0. Where it is not, and without a control
    that was trained, nothing is decided.
    """
    rows = [{**comparison(cell), **_beside_control(cell, cells)} for _, cell in cells.iterrows()]
    filled = [name for name in rows[0] if name in _ALWAYS or any(row[name] for row in rows)] if rows else []
    return [{name: row[name] for name in filled} for row in rows]


def _beside_control(cell: pd.Series, cells: pd.DataFrame) -> dict[str, str]:
    """Return what "as good" says of a rule that its control does not bear out; nothing of others."""
    control = cells[(cells.column == cell.column) & (cells.label == f"{cell.label}_plasticity_off")]
    if control.empty or pd.isna(cell.at_or_above) or not cell.at_or_above:
        return {}
    other = control.iloc[0]
    if pd.isna(other.ours):
        return {"as good": "undecided: control not measured"}
    sign = 1 if cell.measure == "accuracy" else -1
    if sign * (cell.ours - other.ours) <= 0:
        return {"as good": "no better than control"}
    return {} if _apart(cell, other) else {"as good": "undecided: interval to control holds 0"}


def _apart(cell: pd.Series, control: pd.Series) -> bool:
    """Return whether the 95 % interval of the difference of means leaves 0 out; never so with single seeds."""
    from scipy.stats import ttest_ind_from_stats

    if any(pd.isna(one.ours_sd) or pd.isna(one.n_seeds) or one.n_seeds < 2 for one in (cell, control)):
        return False
    if cell.ours_sd == control.ours_sd == 0:
        return True
    samples = ((one.ours, one.ours_sd, one.n_seeds) for one in (cell, control))
    return bool(ttest_ind_from_stats(*next(samples), *next(samples), equal_var=False).pvalue < 0.05)


def _section(cells: pd.DataFrame, missing: str) -> list[str]:
    lines = [f"## {heading(cells)}", ""]
    if missing:
        return [*lines, f"Not at hand: {missing}.", ""]
    rows = comparisons(cells)
    lines += [f"| {' | '.join(rows[0])} |", f"|{'---|' * len(rows[0])}"]
    lines += [f"| {' | '.join(row.values())} |" for row in rows]
    return [*lines, ""]


def _gap(table: PublishedTable) -> str:
    assert table.gap is not None
    names = {row.label: row.method for row in table.rows}
    return (
        f"Gap closed: share of the way from {names[table.gap.worse]} (0 %) to {names[table.gap.better]} (100 %), taken "
        "seed by seed."
    )


def _protocol(preset: Preset) -> tuple[str, ...]:
    spec = preset.spec
    optimizer = ", ".join([spec.optimizer, *(f"{name} {value}" for name, value in spec.optimizer_options.items())])
    schedule = spec.schedule + (f", warm-up {spec.warmup:g}" if spec.warmup else "")
    options, network = (
        ", ".join(f"{name} {value}" for name, value in given.items())
        for given in (spec.rule_options, spec.network_options)
    )
    rest = (f"{spec.batch_size}", f"{spec.epochs:g}", f"{len(spec.seeds)}", preset.found)
    clip = f"{spec.clip:g}" if spec.clip else "none"
    how = (options, network, spec.augment, optimizer, f"{spec.learning_rate:g}", schedule, clip)
    return (f"`{preset.name}`", *how, *rest)


def _code(cells: pd.DataFrame, stale: Sequence[bool]) -> list[str]:
    """Say which cells today's code did not train, since finished ones are not trained again when code changes."""
    trained = cells.code.notna().sum()
    if not trained:
        return []
    older = cells[list(stale)] if any(stale) else cells[:0]
    if older.empty:
        return ["", f"Every trained cell ({trained}) was trained by today's code."]
    return ["", f"Trained by other code than today's ({len(older)} of {trained} cells): {_named(older)}."]


def _named(cells: pd.DataFrame) -> str:
    return "; ".join(f"{column}: {', '.join(own.method)}" for column, own in cells.groupby("column", sort=False))
