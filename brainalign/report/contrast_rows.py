"""Which contrasts a figure shows."""

import pandas as pd

from brainalign.report.results import Results

MOST_PAIRS = 10


def forest_rows(results: Results, network: str, measure: str) -> pd.DataFrame:
    """Return the contrasts of recordings and ROIs with one layer and one time, each pair of rules once.

    Beyond ``MOST_PAIRS`` pairs only the comparisons with untrained and with backprop are drawn.
    """
    table = _declared(results, network, measure)
    reference = table[["rule_a", "rule_b"]].isin(["backprop", "untrained"]).any(axis=1)
    pairs = (table.kind == "pair") & ~reference
    if table[pairs].groupby(["dataset", "roi"]).size().max() > MOST_PAIRS:
        pairs &= False
    return table[_is_single(table) & (pairs | (table.kind != "pair"))]


def profile_rows(results: Results, network: str, measure: str) -> pd.DataFrame:
    """Return the contrasts with untrained and with backprop where there are several layers, or several times."""
    table = _declared(results, network, measure)
    table = table[~_is_single(table) & (table.kind != "pair")]
    several = table.groupby(["dataset", "roi"])[["layer", "time"]].transform("nunique")
    return table[
        (several.layer == 1) | (several.time <= 1)
    ]  # a line has one axis: layers and times at once are a table


def _declared(results: Results, network: str, measure: str) -> pd.DataFrame:
    table = results.contrasts
    table = table[(table.network == network) & (table.measure == measure)]
    return table[results.at_declared_layer(table)]


def _is_single(table: pd.DataFrame) -> pd.Series:
    counts = table.groupby(["dataset", "roi"])[["layer", "time"]].transform("nunique")
    return (counts.layer <= 1) & (counts.time <= 1)
