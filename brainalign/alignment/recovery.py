"""Whether a simulated recording gave its known answer back."""

import pandas as pd

from brainalign.columns import LOW_LEVEL, OWN_START
from brainalign.recordings.source import RecordingSource


def recovery(source: RecordingSource, scores: pd.DataFrame, ranks: pd.DataFrame) -> str:
    """Say whether a simulated recording's known answer was found; nothing for a real one."""
    rule, layer = getattr(source, "rule", None), getattr(source, "layer", None)
    if not source.simulated or rule is None:
        return ""
    latencies = getattr(source, "latencies", {})
    if latencies:
        order = ", ".join(
            f"{one} at {1000 * time:.0f} ms" for one, time in sorted(latencies.items(), key=lambda x: x[1])
        )
        return f"SIMULATED truth: layers of a network trained with {rule} answer one after another: {order}."
    table = scores[(scores.dataset == source.label) & scores.final & (scores.role != LOW_LEVEL)]
    table = table[table.measure == table.measure.iloc[0]]
    means = table.groupby(["role", "rule", "layer"], observed=True).score.mean()
    role, best_rule, best_layer = means.idxmax()
    at = ranks[(ranks.dataset == source.label) & (ranks.layer == layer) & (ranks.measure == table.measure.iloc[0])]
    own = at[at.rule == rule]
    alone = bool(len(own) and own.supported.all() and (own.rank_high == 1).all())
    when = " before its first step" if role == OWN_START else ""
    best = f"{best_layer}, {best_rule}{when}"
    found = f"SIMULATED truth: {layer} of a network trained with {rule}. Highest mean score: {best}"
    if role != OWN_START and (best_rule, best_layer) == (rule, layer):
        how = "; the inference ranks it first alone." if alone else "; the inference does not rank it first alone."
        return f"{found}. The planted layer and rule were recovered{how}"
    return f"{found}. The planted layer and rule were NOT recovered: candidates differ by less than the noise resolves."
