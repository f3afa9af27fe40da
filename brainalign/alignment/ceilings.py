"""The noise ceilings of a recording as rows: every estimate with its interval, or the reason why there is none."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from brainalign import tables
from brainalign.comparisons.ceilings import ceilings_table
from brainalign.comparisons.comparison import Comparison
from brainalign.comparisons.description import PREDICTION
from brainalign.rdms import RDMs
from brainalign.recordings.brain import Brain
from brainalign.recordings.movie import Movie
from brainalign.resampling.condensed_pairs import METHODS
from brainalign.storage import is_sealed, locked, seal

_NAMES = {"measure_kind": "kind", "kind": "bound", "lower": "ceiling_lower", "upper": "ceiling_upper",
          "low": "ci_low", "high": "ci_high"}  # fmt: skip


def ceilings_of(brain: Brain, measures: Sequence[Comparison]) -> pd.DataFrame:
    """Return the noise ceilings that the recordings of a study admit, for the measures that were asked for.

    Those of geometry are by the comparators of the measures; those of prediction are there where a measure predicts
    responses. Trials are read again, one subject at a time, where they were let go.

    Parameters
    ----------
    brain
        The recordings.
    measures
        What networks are scored by.

    Returns
    -------
    pandas.DataFrame
        The table ``ceilings``: a row for each ROI, time, comparator, and estimate, between subjects or within one.
    """
    about = [one.describe() for one in measures]
    comparators = list(dict.fromkeys(one.comparator for one in about if one.comparator in METHODS))
    predicted = any(one.kind == PREDICTION for one in about)
    kinds = [*comparators, *([""] if predicted else [])]
    parts = [_of_place(brain, roi, comparator) for roi in brain.rois for comparator in kinds]
    found = [one for one in parts if len(one)]
    return tables.cast("ceilings", pd.concat(found, ignore_index=True)) if found else tables.empty("ceilings")


def kept_ceilings(folder: Path, brain: Brain, measures: Sequence[Comparison]) -> pd.DataFrame:
    """Return :func:`ceilings_of` from an earlier run that wrote them to ``folder``, or make and write them."""
    if not is_sealed(folder):
        made = ceilings_of(brain, measures)
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            tables.write(folder, "ceilings", made, tables.EXACT)
            seal(folder)
    with locked(folder, shared=True):
        return tables.read(folder, "ceilings")


def _of_place(brain: Brain, roi: str, comparator: str) -> pd.DataFrame:
    """Return the rows of one ROI by one comparator, or, without one, those of predictions."""
    rows = []
    for movie in brain.movies(roi) if comparator else ():
        for k, time in enumerate(movie.times):
            rdms = RDMs(movie.values[:, k], movie.stimulus_ids, movie.measure, {"subject": movie.subjects})
            rows.append(ceilings_table(rdms, (), comparator).assign(time=_time(movie, time)))
    for part, _ in brain.parts if brain.has_trials else ():
        for one in part:
            for time in one.times:
                table = ceilings_table(None, [one.window(time, time)], comparator or "corr", roi)
                kept = table[(table.measure_kind == PREDICTION) == (not comparator)]
                rows.append(kept.assign(time=time if len(one.times) > 1 else np.nan))
    if not rows:
        return tables.empty("ceilings")
    table = pd.concat(rows, ignore_index=True).rename(columns=_NAMES)
    return table.assign(dataset=brain.source.label, roi=roi, comparator=comparator)


def _time(movie: Movie, time: float) -> float:
    return time if len(movie.times) > 1 else np.nan
