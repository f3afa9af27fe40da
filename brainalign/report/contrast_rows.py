"""Which contrasts a figure shows, and what its marks mean."""

from typing import Any

import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.columns import OWN_START, UNTRAINED

MOST_PAIRS = 10


def forest_rows(results: AlignmentResult, network: str, measure: str) -> pd.DataFrame:
    """Return the contrasts of recordings and ROIs with one layer and one time, each pair of rules once.

    Beyond ``MOST_PAIRS`` pairs only the comparisons with untrained and with backprop are drawn.
    """
    table = _declared(results, network, measure)
    reference = (table[["rule_a", "rule_b"]] == "backprop").any(axis=1)
    pairs = (table.kind == "pair") & ~reference
    if table[pairs].groupby(["dataset", "roi"], observed=True).size().max() > MOST_PAIRS:
        pairs &= False
    return table[_is_single(table) & (pairs | (table.kind != "pair"))]


def profile_rows(results: AlignmentResult, network: str, measure: str) -> pd.DataFrame:
    """Return the contrasts with untrained and with backprop where there are several layers, or several times."""
    table = _declared(results, network, measure)
    table = table[~_is_single(table) & (table.kind != "pair")]
    several = table.groupby(["dataset", "roi"], observed=True)[["layer", "time"]].transform("nunique")
    return table[
        (several.layer == 1) | (several.time <= 1)
    ]  # a line has one axis: layers and times at once are a table


def _declared(results: AlignmentResult, network: str, measure: str) -> pd.DataFrame:
    table = results.contrasts
    table = table[(table.network == network) & (table.measure == measure)]
    return table[results.at_declared_layer(table)]


def _is_single(table: pd.DataFrame) -> pd.Series:
    counts = table.groupby(["dataset", "roi"], observed=True)[["layer", "time"]].transform("nunique")
    return (counts.layer <= 1) & (counts.time <= 1)


def rival_names(results: AlignmentResult, rows: pd.DataFrame, names: dict[str, str]) -> list[str]:
    """Return ``names`` of the rules that are subtracted; a rule's own networks before training are untrained ones."""
    untrained = next((names[rule] for rule in results.rules if rule in results.untrained), UNTRAINED)
    return [
        untrained if role == OWN_START else names[rule] for rule, role in zip(rows.rule_b, rows.role_b, strict=True)
    ]


def contrast_legend(alpha: float) -> list[Any]:
    """Return what filled, open and lines mean."""
    from matplotlib.lines import Line2D

    plain: dict[str, Any] = {"marker": "o", "linestyle": "", "color": "black", "markersize": 4}
    return [
        Line2D([], [], **plain, label=f"adjusted p < {alpha:g}"),
        Line2D([], [], **plain, markerfacecolor="white", label="not significant, or no p value"),
        Line2D([], [], color="black", linewidth=1.1, label=f"{100 * (1 - alpha):g}% confidence interval"),
    ]
