"""Which rows of the score table a figure shows, and the means it draws."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from brainalign.alignment.result import AlignmentResult


def final_scores(results: AlignmentResult, network: str, measure: str) -> pd.DataFrame:
    """Return the rows of ``network`` and ``measure`` at the last checkpoint of every rule and seed."""
    table = results.shown_scores
    table = table[(table.network == network) & (table.measure == measure)]
    last = table.groupby(["rule", "seed"], dropna=False, observed=True).epoch.transform("max")
    return table[(table.epoch == last) | last.isna()]


def peak_times(scores: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Return the time in s at which scores are highest, for each (dataset, roi) that was scored at several times.

    It is the time of the highest mean over rules, layers, seeds and subjects: one for all rules, so that it favours
    none, but chosen on the data that are shown.
    """
    found = {}
    for dataset, roi in panels(scores):
        means = panel_rows(scores, dataset, roi).groupby("time", sort=True).score.mean().dropna()
        if len(means) > 1:
            found[dataset, roi] = float(means.index[int(means.argmax())])
    return found


def at_one_time(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one time for each (dataset, roi), see :func:`peak_times`."""
    kept = pd.Series(True, index=scores.index)
    for (dataset, roi), time in peak_times(scores).items():
        kept &= (scores.dataset != dataset) | (scores.roi != roi) | (scores.time == time)
    return scores[kept]


def groups(table: pd.DataFrame, *keys: str) -> list[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Return ``(values of keys, rows)`` in order of appearance; an empty time is a value like any other."""
    return [(values, rows) for values, rows in table.groupby(list(keys), sort=False, dropna=False, observed=True)]


def panels(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the (dataset, roi) pairs of ``table`` in order of appearance."""
    return [(str(dataset), str(roi)) for dataset, roi in table[["dataset", "roi"]].drop_duplicates().to_numpy()]


def panel_rows(table: pd.DataFrame, dataset: str, roi: str) -> pd.DataFrame:
    """Return the rows of one (dataset, roi)."""
    return table[(table.dataset == dataset) & (table.roi == roi)]


def panel_title(results: AlignmentResult, dataset: str, roi: str) -> str:
    """Return the title of a panel; simulated recordings say so."""
    return f"{results.dataset_label(dataset)} · {roi}"


@dataclass(frozen=True, eq=False)
class ScorePanel:
    """What a panel of one (dataset, roi) shows: rows at one time, controls there, and that time where there are more.

    ``controls`` is the mean score of each low-level control.
    """

    dataset: str
    roi: str
    title: str
    rows: pd.DataFrame
    controls: pd.Series
    time: float | None


def score_panels(results: AlignmentResult, network: str, measure: str) -> list[ScorePanel]:
    """Return a panel for each (dataset, roi), at one time."""
    every = final_scores(results, network, measure)
    scores, times = at_one_time(every), peak_times(every)
    return [
        ScorePanel(
            dataset=dataset,
            roi=roi,
            title=panel_title(results, dataset, roi),
            rows=panel_rows(scores, dataset, roi),
            controls=low_level_scores(results, dataset, roi, measure, times.get((dataset, roi))),
            time=times.get((dataset, roi)),
        )
        for dataset, roi in panels(scores)
    ]


def chosen_layer(results: AlignmentResult, table: pd.DataFrame, roi: str) -> tuple[pd.DataFrame, str]:
    """Return the rows at the layer declared for ``roi``, or all of them, and words that say which.

    No layer is ever picked by its score: the best layer on the data that are shown would be a biased choice.
    """
    layer = results.ranking_layer(roi)
    if layer is not None and (table.layer == layer).any():
        return table[table.layer == layer], f"layer {layer}"
    n_layers = table.layer.nunique()
    return table, f"mean over {n_layers} layers" if n_layers > 1 else f"layer {table.layer.iloc[0]}"


def mean_by(table: pd.DataFrame, *keys: str) -> pd.Series:
    """Return the mean score by ``keys``, each layer, time, seed and subject weighing the same."""
    return table.groupby(list(keys), sort=False, observed=True).score.mean()


def low_level_scores(
    results: AlignmentResult, dataset: str, roi: str, measure: str, time: float | None = None
) -> pd.Series:
    """Return the mean score of each low-level control over subjects and times, or at one time in s."""
    rows = panel_rows(results.low_level[results.low_level.measure == measure], dataset, roi)
    return mean_by(rows if time is None else rows[rows.time == time], "layer")


def ceiling_of(table: pd.DataFrame) -> tuple[float, float] | None:
    """Return the mean lower and upper noise ceiling, or ``None`` where none could be estimated.

    Where there is one bound only, both are that bound: a line instead of a band.
    """
    lower, upper = float(table.ceiling_lower.mean()), float(table.ceiling_upper.mean())
    if pd.isna(lower) and pd.isna(upper):
        return None
    return upper if pd.isna(lower) else lower, lower if pd.isna(upper) else upper
