"""RDMs of one subject, patch by patch."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from brainalign.condensed import Condensed
from brainalign.dissimilarities.dissimilarity import Dissimilarity
from brainalign.dissimilarities.trials import Trials
from brainalign.errors import DataError
from brainalign.geometry.geometry import Geometry
from brainalign.recordings.recording import Recording
from brainalign.searchlights.patches import Patches

#: Numbers of patches that are worked on at once: 2 MB.
_TOGETHER = 2**18


class PatchRDMs:
    """The responses of one subject, of which RDMs of patches are made when they are asked for.

    Mean responses are kept where the dissimilarity needs no more, and trials are let go.

    Parameters
    ----------
    recording
        With one time and a geometry.
    ids
        Stimuli, in the order of the RDMs.
    distance
        The dissimilarity.
    """

    def __init__(self, recording: Recording, ids: Sequence[str], distance: Dissimilarity) -> None:
        assert recording.geometry is not None  # its caller has looked
        self.subject, self.name, self.distance = recording.subject, recording.name, distance
        self.geometry: Geometry = recording.geometry
        self.ids = tuple(ids)
        self.failures: dict[int, str] = {}
        self._trials: Trials | None = None
        self._means = np.empty((0, 0))
        if distance.needs == "means":
            # channels first, so that a patch is a few whole rows
            self._means = np.ascontiguousarray(recording.means(self.ids)[:, :, 0].T)
        else:
            data = (recording.data, recording.stimulus_ids, self.ids, recording.runs, recording.name)
            self._trials = Trials.of(*data)

    def at(self, kept: np.ndarray, ids: Sequence[str]) -> None:
        """Keep some channels, given by position, and some stimuli, in this order."""
        self.geometry = self.geometry.at(kept)
        place = {one: k for k, one in enumerate(self.ids)}
        if self._trials is None:
            self._means = np.ascontiguousarray(self._means[kept][:, [place[one] for one in ids]])
        else:
            names = [self.ids[k] for k in self._trials.stimulus]
            runs = None if self._trials.runs is None else [str(k) for k in self._trials.runs]
            self._trials = Trials.of(self._trials.data[:, kept], names, ids, runs, self.name)
        self.ids = tuple(ids)

    def block(self, patches: Patches, which: np.ndarray) -> Condensed:
        """Return the RDMs of patches ``which``, ``(n_patches, n_pairs)``; NaN where a patch has none."""
        n = len(self.ids)
        values, rounding = np.full((len(which), n * (n - 1) // 2), np.nan), np.zeros(len(which))
        if self._trials is None:
            self._of_means(patches, which, values, rounding)
        else:
            for row, k in enumerate(which):
                try:
                    values[row], rounding[row] = self._of_trials(self._trials, patches.of(k))
                except DataError as error:
                    self.failures[int(k)] = str(error)
        return Condensed(values, rounding)

    def _of_means(self, patches: Patches, which: np.ndarray, values: np.ndarray, rounding: np.ndarray) -> None:
        """Fill in RDMs of mean responses, patches of one size together, as many as fit into a cache."""
        sizes = patches.sizes[which]
        for size in np.unique(sizes):
            rows = np.flatnonzero(sizes == size)
            width = max(1, _TOGETHER // (int(size) * len(self.ids)))
            for start in range(0, len(rows), width):
                some = rows[start : start + width]
                channels = np.stack([patches.of(which[row]) for row in some])
                values[some], rounding[some] = self.distance.of_sets(self._means[channels], self.ids)
        for row in np.flatnonzero(np.isnan(values).any(axis=1)):
            self.failures[int(which[row])] = self._why(patches.of(which[row]))

    def _why(self, channels: np.ndarray) -> str:
        """Return why a patch has no RDM."""
        if self.failures:
            return next(iter(self.failures.values()))  # the first is told, and the others are counted
        try:
            self.distance.pairs(self._means[channels].T, self.ids)
        except DataError as error:
            return str(error)
        return "no finite dissimilarity"

    def _of_trials(self, trials: Trials, channels: np.ndarray) -> tuple[np.ndarray, float]:
        values, rounding = self.distance.of_trials(replace(trials, data=trials.data[:, channels]))
        return values[0], float(rounding[0])
