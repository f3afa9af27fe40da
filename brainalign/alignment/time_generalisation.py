"""Temporal generalisation of networks: encoding models of one time, tested at every other."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from brainalign import tables
from brainalign.alignment.instance import Instance
from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.prepared_responses import prepared_responses
from brainalign.comparisons.time_generalisation import encoding_generalisation
from brainalign.errors import DataError, SpecError
from brainalign.extraction.activations import Activations
from brainalign.inference.clusters import MIN_SUBJECTS, clusters
from brainalign.recordings.brain import Brain
from brainalign.specs import ScoringSpec

#: Role, rule, network, ROI and layer.
Key = tuple[str, str, str, str, str]


def check_time_generalisation(scoring: ScoringSpec, brains: Sequence[Brain]) -> None:
    """Refuse temporal generalisation of recordings that cannot have it, before anything is scored.

    Raises
    ------
    SpecError
        If no recording has several times, or one that has comes as RDMs only.
    """
    if not scoring.time_generalisation:
        return
    timed = [brain for brain in brains if timed_rois(brain)]
    if not timed:
        names = ", ".join(brain.source.label for brain in brains)
        msg = f"time_generalisation is true, but {names} has one time only; expected several. Leave the option out."
        raise SpecError(msg)
    for brain in timed:
        if not brain.has_trials:
            msg = (
                f"time_generalisation is true, but {brain.source.label} comes as RDMs only; expected "
                "responses, which models can predict. Leave the option out."
            )
            raise SpecError(msg)


def timed_rois(brain: Brain) -> list[str]:
    """Return the ROIs that were recorded at several times."""
    return [roi for roi in brain.rois if max(len(one.times) for one in brain.movies(roi)) > 1]


class TimeGeneralisation:
    """Mean scores of layers by pairs of times; each network is let go at once.

    Parameters
    ----------
    brain
        The recording; ROIs with one time have no rows.
    scoring
        Encoding options, ranking layers, and whether clusters of pairs of times are tested.
    """

    def __init__(self, brain: Brain, scoring: ScoringSpec) -> None:
        self.brain, self.scoring = brain, scoring
        self.measure: Encoding = Encoding.of_study(scoring)[0]
        self._parts = {roi: prepared_responses(*brain.place(roi), predicted=False) for roi in timed_rois(brain)}
        self._sums: dict[Key, np.ndarray] = {}
        self._seeds: dict[Key, int] = {}

    def add(self, one: Instance, shown: Activations) -> None:
        """Add the layers of a network; a layer that is constant has no score."""
        for roi in self._parts:
            declared = str(self.scoring.ranking_layer.get(roi))
            for layer in [declared] if declared in shown.layers else list(shown.layers):
                key = (one.role, one.rule, one.network, roi, layer)
                try:
                    scores = self._scores(shown, layer, roi)
                except DataError:
                    continue
                self._sums[key] = self._sums.get(key, 0) + scores
                self._seeds[key] = self._seeds.get(key, 0) + 1

    def table(self) -> pd.DataFrame:
        """Return the table ``time_generalisation``."""
        found = [self._rows(key, total / self._seeds[key]) for key, total in self._sums.items()]
        if not found:
            return tables.empty("time_generalisation")
        return tables.cast("time_generalisation", pd.concat(found, ignore_index=True))

    def _scores(self, shown: Activations, layer: str, roi: str) -> np.ndarray:
        """Return ``(n_subjects, n_times, n_times)``."""
        found = []
        for part in self._parts[roi]:
            ids = part.stimulus_ids
            groups = None if part.groups is None else dict(zip(ids, part.groups, strict=True))
            features = shown.patterns(layer)
            found += [encoding_generalisation(features, one, ids, self.measure, groups) for one in part.content]
        return np.stack(found)

    def _rows(self, key: Key, scores: np.ndarray) -> pd.DataFrame:
        role, rule, network, roi, layer = key
        times = np.asarray(self._parts[roi][0].times)
        n = len(scores)
        p = np.full(scores.shape[1:], np.nan)
        if self.scoring.clusters != "none" and n >= MIN_SUBJECTS:
            p = clusters(scores, self.scoring.clusters, seed=self.scoring.seed).p_points
        about = {"role": role, "rule": rule, "network": network, "dataset": self.brain.source.label, "roi": roi}
        numbers = {
            "layer": layer,
            "seconds_fitted": np.repeat(times, len(times)),
            "seconds_tested": np.tile(times, len(times)),
            "score": scores.mean(axis=0).ravel(),
            "se": (scores.std(axis=0, ddof=1) / np.sqrt(n)).ravel() if n > 1 else np.nan,
            "p": p.ravel(),
            "n_subjects": n,
            "n_seeds": self._seeds[key],
        }
        return pd.DataFrame({**about, **numbers})
