"""Whether measures of different kinds tell the same story about the order of rules."""

import itertools
from collections.abc import Mapping
from typing import Any

import pandas as pd

_ROBUST = "robust; measures of {kinds} all support an order, and none reverses another."
_OPPOSITE = "measure-dependent; measures of {kinds} order some rules in opposite ways."
_ONE = "measure-dependent; measures of {yes} support an order of the rules, those of {no} do not."


def agreement(ranks: pd.DataFrame, measures: pd.DataFrame, ranking_layer: Mapping[str, str]) -> list[str]:
    """Return a sentence for each network and ROI that was scored by measures of several kinds.

    An order is called robust only if every kind supports one, and no pair of rules stands the other way round in two of
    them. Layers are those declared for ranking; without a declaration each layer is judged. Where there are several
    times, each is judged, and sentences say how many times they are about.

    Parameters
    ----------
    ranks
        Table of rules in cells.
    measures
        Table of measures; those that take controls out of the score are left out.
    ranking_layer
        ROI to the layer declared for it.
    """
    if not len(ranks):
        return []
    kinds = {row["measure"]: row["kind"] for row in measures.to_dict("records") if row["held"] == "[]"}
    table = ranks[ranks.measure.isin(list(kinds))]
    table = table.assign(kind=table.measure.astype(object).map(kinds))
    found = []
    for key, place in table.groupby(["network", "dataset", "roi", "layer"], sort=False, observed=True):
        network, dataset, roi, layer = map(str, key)
        if ranking_layer.get(roi, layer) != layer:
            continue
        said: dict[str, list[float]] = {}
        cells: list[tuple[Any, pd.DataFrame]] = list(place.groupby("time", sort=True, dropna=False))
        for time, cell in cells:
            if sentence := _judge(cell):
                said.setdefault(sentence, []).append(time)
        where = f"{dataset} {roi}, {network} {layer}"
        found += [f"{where}{_at(times, len(cells))}: {sentence}" for sentence, times in said.items()]
    return found


def _judge(cell: pd.DataFrame) -> str:
    """Return what is said of one cell; nothing where one kind was scored, or no kind supports an order."""
    supported = cell.groupby("kind", sort=False).supported.all()
    if len(supported) < 2 or not supported.any():
        return ""
    if not supported.all():
        yes, no = (_listed(list(supported.index[supported == value])) for value in (True, False))
        return _ONE.format(yes=yes, no=no)
    return (_OPPOSITE if _reversed(cell) else _ROBUST).format(kinds=_listed(list(supported.index)))


def _reversed(cell: pd.DataFrame) -> bool:
    """Return whether the rank sets of two rules are apart one way in one kind and the other way in another."""
    kinds = dict(zip(cell.measure.astype(object), cell.kind, strict=True))
    low, high = (
        cell.assign(measure=cell.measure.astype(object), rule=cell.rule.astype(object)).pivot(
            index="rule", columns="measure", values=name
        )
        for name in ("rank_low", "rank_high")
    )
    return any(
        high.loc[a, first] < low.loc[b, first] and low.loc[a, second] > high.loc[b, second]
        for first, second in itertools.permutations(kinds, 2)
        if kinds[first] != kinds[second]
        for a in low.index
        for b in low.index
    )


def _listed(kinds: list[str]) -> str:
    return kinds[0] if len(kinds) == 1 else f"{', '.join(kinds[:-1])} and {kinds[-1]}"


def _at(times: list[float], n_times: int) -> str:
    """Return when a sentence holds, where there are several times."""
    if n_times == 1:
        return ""
    span = f"{1000 * min(times):.0f}" + (f" to {1000 * max(times):.0f}" if len(times) > 1 else "")
    return f", {len(times)} of {n_times} times ({span} ms)"
