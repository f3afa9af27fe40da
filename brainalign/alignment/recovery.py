"""Whether a simulated recording gave its known answer back."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

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
    """Say at which times the scores of planted layers are highest."""
    order = sorted(latencies, key=lambda layer: latencies[layer])
    truth = ", ".join(f"{layer} at {1000 * latencies[layer]:.0f} ms" for layer in order)
    said = f"SIMULATED truth: layers of a network trained with {rule} answer one after another: {truth}."
    planted = planted[planted.roi == planted.roi.iloc[0]] if len(planted) else planted
    courses = planted.groupby(["layer", "time"], observed=True).score.mean()
    if not set(order) <= set(courses.index.get_level_values("layer")) or courses.isna().all():
        return said
    peaks = [float(courses[layer].idxmax()) for layer in order]
    found = ", ".join(f"{layer} at {1000 * peak:.0f} ms" for layer, peak in zip(order, peaks, strict=True))
    said = f"{said} Their mean scores are highest: {found}."
    if len(order) == 1:
        return said
    kept = all(first < second for first, second in pairwise(peaks))
    return f"{said} The planted order was {'' if kept else 'NOT '}recovered."


def _regions(rule: str, regions: Mapping[str, str], planted: pd.DataFrame) -> str:
    """Say which layer has the highest score in each region: the diagonal of layers by regions."""
    truth = ", ".join(f"{roi} as {layer}" for roi, layer in regions.items())
    said = f"SIMULATED truth: regions answer as layers of a network trained with {rule}: {truth}."
    means = planted.groupby(["roi", "layer"], observed=True).score.mean()
    scored = [roi for roi in regions if roi in means.index.get_level_values("roi") and means[roi].notna().any()]
    if not scored:
        return said
    best = {roi: str(means[roi].idxmax()) for roi in scored}
    wrong = [roi for roi in scored if best[roi] != regions[roi]]
    found = ", ".join(f"{roi} {layer}" for roi, layer in best.items())
    outcome = f"NOT recovered in {', '.join(wrong)}" if wrong else "recovered in every region"
    return f"{said} The layer with the highest mean score: {found}. The planted layers were {outcome}."


def _layer(label: str, rule: str, layer: str, table: pd.DataFrame, ranks: pd.DataFrame) -> str:
    """Say whether the planted layer and rule have the highest score."""
    means = table.groupby(["role", "rule", "layer"], observed=True).score.mean()
    best_of_all: Any = means.idxmax()
    role, best_rule, best_layer = best_of_all
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
