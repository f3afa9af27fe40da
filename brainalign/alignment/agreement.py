"""Whether geometry and encoding tell the same story about the order of rules."""

import pandas as pd

from brainalign.specs import ScoringSpec

_WORDS = {"rsa": "RSA", "encoding": "encoding"}


def agreement(ranks: pd.DataFrame, scoring: ScoringSpec) -> list[str]:
    """Return a sentence for each network and ROI that was scored by both families of measures.

    An order is called robust only if RSA and encoding both support one, and no pair of rules stands the other way round
    in the two. Layers are those declared for ranking; without a declaration each layer is judged.

    Parameters
    ----------
    ranks
        Table of rules in cells, see the architecture page; semi-partial scores are left out.
    scoring
        Names the declared layers.
    """
    if not len(ranks):
        return []
    table = ranks[~ranks.measure.str.contains("semipartial")]
    table = table.assign(kind=table.measure.str.partition(":")[0])
    sentences = []
    for key, cell in table.groupby(["network", "dataset", "roi", "layer"], sort=False):
        network, dataset, roi, layer = map(str, key)
        if scoring.ranking_layer.get(roi, layer) != layer or cell.kind.nunique() < 2:
            continue
        supported = cell.groupby("kind").supported.all()
        where = f"{dataset} {roi}, {network} {layer}"
        if not supported.any():
            continue
        if not supported.all():
            yes, no = (_WORDS[supported.index[supported == value][0]] for value in (True, False))
            sentences.append(f"{where}: measure-dependent; {yes} supports an order of the rules, {no} does not.")
        elif _reversed(cell):
            sentences.append(f"{where}: measure-dependent; RSA and encoding order some rules in opposite ways.")
        else:
            sentences.append(
                f"{where}: robust; RSA and encoding both support an order, and neither reverses the other."
            )
    return sentences


def _reversed(cell: pd.DataFrame) -> bool:
    """Return whether the rank sets of two rules are apart one way in one measure and the other way in the other."""
    low, high = (cell.pivot(index="rule", columns="kind", values=name) for name in ("rank_low", "rank_high"))
    return any(
        high.loc[a, first] < low.loc[b, first] and low.loc[a, second] > high.loc[b, second]
        for first, second in (("rsa", "encoding"), ("encoding", "rsa"))
        for a in low.index
        for b in low.index
    )
