"""When rules differ, all times together: a table of clusters over time, of recordings with times."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from brainalign import tables
from brainalign.alignment.place_scores import Cell, PlaceScores, Population
from brainalign.alignment.score_table import controls_of
from brainalign.errors import SpecError
from brainalign.inference.clusters import MIN_SUBJECTS, clusters
from brainalign.recordings.brain import Brain
from brainalign.roles import COMPARED, READOUT_ONLY

#: Flips of signs where there are too many to look at all.
N_FLIPS = 5000
_FAMILY = ["network", "dataset", "measure"]
_TEST = ["kind", "rule_a", "rule_b", "roi", "layer"]

Pair = tuple[str, Population, Population]


def check_clusters(method: str, brains: Sequence[Brain]) -> None:
    """Refuse clusters of recordings that cannot have them, before anything is scored.

    Raises
    ------
    SpecError
        If no recording has several times; or one that has is a group mean, has fewer than six subjects, or is scored
        in windows only.
    """
    if method == "none":
        return
    timed = [brain for brain in brains if _n_times(brain) > 1]
    if not timed:
        names = ", ".join(brain.source.label for brain in brains)
        msg = f"clusters = {method!r}, but {names} has one time only; expected several. Leave clusters out."
        raise SpecError(msg)
    for brain in timed:
        name, n = brain.source.label, min(sum(len(one.subjects) for one in brain.movies(roi)) for roi in brain.rois)
        if n < MIN_SUBJECTS:
            why = "is one subject, or a group mean" if n == 1 else f"has {n} subjects"
            msg = f"clusters = {method!r}, but {name} {why}; expected {MIN_SUBJECTS} subjects or more. Leave it out."
            raise SpecError(msg)
        if brain.spec.only_windows:
            msg = f"clusters = {method!r}, but {name} is scored in windows only; expected every time. Name the windows."
            raise SpecError(msg)


def _n_times(brain: Brain) -> int:
    return max(len(one.times) for roi in brain.rois for one in brain.movies(roi))


def cluster_table(
    place: PlaceScores, dataset: str, method: str, alpha: float, layer: str | None = None, seed: int = 0
) -> pd.DataFrame:
    """Return a row for each cluster of times at which two rules differ, and one for each test that found none.

    Scores are means over seeds; signs of the differences of whole subjects are flipped, so that subjects are random,
    and stimuli and seeds fixed.

    Parameters
    ----------
    place
        Scores of one measure in one ROI at all its times.
    dataset
        Name of the recording.
    method
        ``"cluster"``, ``"tfce"``, or ``"none"``: no rows.
    alpha
        Level of what is listed: of several clusters those with p at most this, else the one with the smallest.
    layer
        The declared layer; every layer without.
    seed
        Of random flips.
    """
    if method == "none" or len(place.times) < 2:
        return tables.empty("clusters")
    rows = []
    for cell in place.cells:
        if layer is not None and cell[1] != layer and layer in {own for name, own in place.cells if name == cell[0]}:
            continue
        for kind, a, b in _pairs(place.cells[cell]):
            where = {"network": cell[0], "dataset": dataset, "roi": place.roi, "layer": cell[1]}
            about = {"kind": kind, "rule_a": a[1], "rule_b": b[1], "role_b": b[0], "measure": place.measure, **where}
            difference = _courses(place, cell, a) - _courses(place, cell, b)
            found = _found(difference, np.asarray(place.times), method, alpha, seed)
            rows += [{**about, "method": method, "n_subjects": len(difference), **one} for one in found]
    if not rows:
        return tables.empty("clusters")
    return tables.cast("clusters", pd.DataFrame(rows).assign(p_adjusted=np.nan, family_size=0))


def adjusted_clusters(table: pd.DataFrame) -> pd.DataFrame:
    """Return clusters with p times the number of tests of their network, recording and measure (Bonferroni)."""
    if table.empty:
        return table
    size = pd.Series(0, index=table.index)
    for _, own in table.groupby(_FAMILY, observed=True):
        size.loc[own.index] = len(own[_TEST].astype(str).drop_duplicates())
    return tables.cast("clusters", table.assign(family_size=size, p_adjusted=np.minimum(table.p * size, 1.0)))


def _pairs(populations: dict[Population, list[int]]) -> Iterator[Pair]:
    """Yield each rule with its controls, and each two rules; backprop is the second."""
    trained = sorted((one for one in populations if one[0] in COMPARED), key=lambda one: one[1] == "backprop")
    for a, b in combinations(trained, 2):
        yield ("vs_backprop" if b[1] == "backprop" else "pair"), a, b
    controls = controls_of(populations)
    readout = next((one for one in populations if one[0] == READOUT_ONLY), None)
    for one in trained:
        if readout is not None:
            yield "vs_readout_only", one, readout
        if one[1] in controls:
            yield "vs_untrained", one, controls[one[1]]


def _courses(place: PlaceScores, cell: Cell, population: Population) -> np.ndarray:
    """Return ``(n_subjects, n_times)`` means over the seeds that have a score everywhere; NaN where there are none."""
    scores = place.scores[:, place.cells[cell][population]]
    defined = np.isfinite(scores).all(axis=(0, 2))
    return scores[:, defined].mean(axis=1).T if defined.any() else np.full(scores.shape[::2], np.nan).T


def _found(difference: np.ndarray, times: np.ndarray, method: str, alpha: float, seed: int) -> list[dict[str, object]]:
    nothing = {"seconds_first": np.nan, "seconds_last": np.nan, "seconds_peak": np.nan, "t": np.nan, "delta": np.nan}
    if not np.isfinite(difference).all():
        return [{**nothing, "p": np.nan, "reason": "Some scores are undefined: nothing was tested."}]
    if not difference.any():
        return [{**nothing, "p": np.nan, "reason": "The scores are the same: nothing was tested."}]
    test = clusters(difference, method, n_permutations=N_FLIPS, seed=seed, alternative="two-sided")
    if method == "tfce":
        parts, p = _runs(test.p_points <= alpha), test.p_points
    else:
        parts = [np.flatnonzero(test.labels == k + 1) for k in range(len(test.p))]
        small = [one for one in parts if test.p_points[one[0]] <= alpha]
        p, parts = test.p_points, small or sorted(parts, key=lambda one: test.p_points[one[0]])[:1]
    mean = difference.mean(axis=0)
    rows = []
    for one in parts:
        top = one[int(np.abs(test.t[one]).argmax())]
        about = {"seconds_first": times[one[0]], "seconds_last": times[one[-1]], "seconds_peak": times[top]}
        rows.append({**about, "t": test.t[top], "delta": mean[one].mean(), "p": float(p[one].min()), "reason": ""})
    none = "No point is at the level." if method == "tfce" else "No time forms a cluster."
    return rows or [{**nothing, "p": float(p.min()), "reason": none}]


def _runs(inside: np.ndarray) -> list[np.ndarray]:
    """Return the positions of each run of neighbours."""
    where = np.flatnonzero(inside)
    return [one for one in np.split(where, np.flatnonzero(np.diff(where) > 1) + 1) if len(one)]
