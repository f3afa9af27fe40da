"""When the scores of each rule peak, and when they begin: a table of recordings with times."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from brainalign import tables
from brainalign.alignment.place_scores import PlaceScores
from brainalign.inference.latency import Latency, latency
from brainalign.inference.scope import MIN_RANDOM_STIMULI

#: Subjects, and times after onset, that a latency needs.
_FEWEST = 3


def latency_table(place: PlaceScores, dataset: str) -> pd.DataFrame:
    """Return a row for the peak and for the onset of every population and layer of one measure in one ROI.

    Latencies are those of the mean over seeds; intervals are over subjects and, where there are scores without each of
    20 stimuli or more, over stimuli. A row without a latency says why none is claimed. There are no rows where there
    are fewer than three times after onset.
    """
    times = np.asarray(place.times, float)
    if len(times) < _FEWEST or (times > 0).sum() < _FEWEST:
        return tables.empty("latencies")
    rows = []
    for (network, layer), populations in place.cells.items():
        for (role, rule), models in populations.items():
            scores = place.scores[:, models]
            defined = np.isfinite(scores).all(axis=(0, 2))
            courses = scores[:, defined].mean(axis=1).T if defined.any() else np.full(scores.shape[::2], np.nan).T
            where = {"role": role, "rule": rule, "network": network, "dataset": dataset, "roi": place.roi}
            without = _without(place, models, defined)
            for kind in ("peak", "onset"):
                found = vars(_latency(courses, times, kind, without))
                rows.append({**where, "layer": layer, "measure": place.measure, **found})
    return tables.cast("latencies", pd.DataFrame(rows).rename(columns={"kind": "moment"}))


def _without(place: PlaceScores, models: Sequence[int], defined: np.ndarray) -> np.ndarray | None:
    """Return what each stimulus does to the mean course, ``(n_levels, n_times)``; none where stimuli are fixed."""
    first = place.draws[0]
    if not first.left_out or first.n_units < MIN_RANDOM_STIMULI or not defined.any():
        return None
    rows = [place.rows.index(row) for row, kept in zip(models, defined, strict=True) if kept]
    # a stimulus is a level of its own as one of the training set of a fitted model
    kinds = [name for name in ("draws", "training") if getattr(first, name) is not None]
    parts = [np.stack([getattr(one, name)[:, rows].mean(axis=(1, 2)) for one in place.draws], axis=1) for name in kinds]
    found = np.concatenate([own - own.mean(axis=0) for own in parts])
    return found if np.isfinite(found).all() else None


def _latency(courses: np.ndarray, times: np.ndarray, kind: str, without: np.ndarray | None) -> Latency:
    n, nan = len(courses), float("nan")
    gate = ""
    if n < _FEWEST:
        subjects = "1 subject" if n == 1 else f"{n} subjects"
        gate = f"{subjects}, fewer than {_FEWEST}: no latency is claimed."
    elif not np.isfinite(courses).all():
        gate = "Some scores are undefined: no latency is claimed."
    if gate:
        return Latency(kind=kind, seconds=nan, se=nan, ci_low=nan, ci_high=nan, n_subjects=n, gate=gate)
    return latency(courses, times, kind, without)
