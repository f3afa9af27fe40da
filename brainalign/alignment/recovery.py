"""Whether a simulated recording gave its known answer back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from brainalign.columns import LOW_LEVEL, OWN_START, TRAINED
from brainalign.recordings.source import RecordingSource


def recovery(source: RecordingSource, scores: pd.DataFrame, ranks: pd.DataFrame) -> str:
    """Say whether a simulated recording's known answer was found; nothing for a real one."""
    rule = getattr(source, "rule", None)
    if not source.simulated or rule is None:
        return ""
    own = scores[(scores.dataset == source.label) & scores.final & (scores.role != LOW_LEVEL)]
    own = own[own.measure == own.measure.iloc[0]]
    planted = own[(own.rule == rule) & (own.role == TRAINED)]
    if latencies := getattr(source, "latencies", {}):
        return _order_in_time(rule, latencies, planted)
    if regions := getattr(source, "regions", {}):
        return _regions(rule, regions, planted)
    return _layer(source.label, rule, getattr(source, "layer", ""), own, ranks)


def _order_in_time(rule: str, latencies: Mapping[str, float], planted: pd.DataFrame) -> str:
    """Say when the scores of planted layers are highest, and whether each leads at its own latency."""
    order = sorted(latencies, key=lambda layer: latencies[layer])
    truth = ", ".join(f"{layer} at {_ms(latencies[layer])}" for layer in order)
    said = f"SIMULATED truth: layers of a network trained with {rule} answer one after another: {truth}."
    planted = planted[planted.roi == planted.roi.iloc[0]] if len(planted) else planted
    courses = planted.groupby(["layer", "time"], observed=True).score.mean().unstack()
    if not set(order) <= set(courses.index) or courses.loc[order].isna().all(axis=1).any():
        return said
    times = courses.columns.to_numpy(float)
    peaks = {layer: times[int(np.nanargmax(courses.loc[layer].to_numpy(float)))] for layer in order}
    found = ", ".join(f"{layer} at {_ms(peak)}" for layer, peak in peaks.items())
    said = f"{said} Their mean scores are highest: {found}."
    if len(order) == 1:
        return said
    at = {layer: times[abs(times - latencies[layer]).argmin()] for layer in order}
    table = courses.loc[order, list(at.values())].set_axis(order, axis=1)
    return f"{said} {_diagonal(table, 'the planted order', 'latency')}"


def _regions(rule: str, regions: Mapping[str, str], planted: pd.DataFrame) -> str:
    """Say which layer has the highest score in each region, and whether each leads in its own."""
    truth = ", ".join(f"{roi} as {layer}" for roi, layer in regions.items())
    said = f"SIMULATED truth: regions answer as layers of a network trained with {rule}: {truth}."
    means = planted.groupby(["layer", "roi"], observed=True).score.mean().unstack()
    own = {roi: layer for roi, layer in regions.items() if roi in means and layer in means.index}
    if not own or means.isna().all(axis=None):
        return said
    found = ", ".join(f"{roi} {means[roi].idxmax()}" for roi in own)
    said = f"{said} The layer with the highest mean score: {found}."
    if len(own) == 1 or len(set(own.values())) < len(own):
        return said
    table = means.loc[list(own.values()), list(own)].set_axis(list(own.values()), axis=1)
    return f"{said} {_diagonal(table, 'the planted layer of every region', 'region')}"


def _diagonal(table: pd.DataFrame, what: str, of: str) -> str:
    """Say whether planted layers (rows) lead where they were planted (columns), once what all share is taken out.

    Layers of one network are alike, and some are easier to see than others; so a layer is held against the others at
    the same place, and against itself at other places.
    """
    centred = table.sub(table.mean(axis=1), axis=0).sub(table.mean(axis=0), axis=1)
    rows = "; ".join(f"{layer} {', '.join(f'{score:.2f}' for score in row)}" for layer, row in table.iterrows())
    found = all(centred[layer].idxmax() == layer for layer in table)
    return (
        f"Scores of planted layers by {of}: {rows}. Less the mean of each layer and of each {of}, "
        f"{'the highest are on the diagonal: ' if found else 'some of the highest are off the diagonal: '}{what} was "
        f"{'' if found else 'NOT '}recovered."
    )


def _ms(time: float) -> str:
    return f"{1000 * time:.0f} ms"


def _layer(label: str, rule: str, layer: str, table: pd.DataFrame, ranks: pd.DataFrame) -> str:
    """Say whether the planted layer and rule have the highest score."""
    means = table.groupby(["role", "rule", "layer"], observed=True).score.mean()
    highest: Any = means.idxmax()
    role, best_rule, best_layer = highest
    at = ranks[(ranks.dataset == label) & (ranks.layer == layer) & (ranks.measure == table.measure.iloc[0])]
    own = at[at.rule == rule]
    alone = bool(len(own) and own.supported.all() and (own.rank_high == 1).all())
    when = " before its first step" if role == OWN_START else ""
    best = f"{best_layer}, {best_rule}{when}"
    found = f"SIMULATED truth: {layer} of a network trained with {rule}. Highest mean score: {best}"
    if role != OWN_START and (best_rule, best_layer) == (rule, layer):
        how = "; the inference ranks it first alone." if alone else "; the inference does not rank it first alone."
        return f"{found}. The planted layer and rule were recovered{how}"
    return f"{found}. The planted layer and rule were NOT recovered: candidates differ by less than the noise resolves."
