"""Scores of models in every patch, a block of patches after another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from brainalign.comparisons.comparators import tau_a
from brainalign.condensed import Condensed
from brainalign.errors import DataError
from brainalign.rdms import RDMs
from brainalign.searchlights.comparable import LINEAR, ceilings, comparable
from brainalign.searchlights.label_permutations import LabelPermutations
from brainalign.searchlights.patch_rdms import PatchRDMs
from brainalign.searchlights.patches import Patches

#: Bytes of RDMs that are held at once.
BLOCK_BYTES = 2**26


@dataclass(frozen=True, eq=False)
class PatchScores:
    """Scores of models in patches.

    Parameters
    ----------
    scores
        ``(n_subjects, n_models, n_centres)``, NaN where a patch has no RDM.
    ceiling
        ``(2, n_centres)`` lower and upper, ``None`` where none was asked for.
    """

    scores: np.ndarray
    ceiling: np.ndarray | None


class PatchScoring:
    """How models are compared with patches.

    Parameters
    ----------
    models
        RDMs over the stimuli of the subjects, in their order.
    comparator
        One of :data:`brainalign.searchlights.comparable.COMPARATORS`.
    maps
        ``(n_models,)`` the map of each model, from 0; models of one map are its seeds.

    Raises
    ------
    DataError
        If the RDM of a model is constant.
    """

    def __init__(self, models: RDMs, comparator: str, maps: np.ndarray) -> None:
        self.models, self.comparator = Condensed.of(models), comparator
        self.average = np.stack([(maps == k) / (maps == k).sum() for k in range(int(maps.max()) + 1)])
        shape = comparable(self.models, "corr" if comparator == "tau-a" else comparator)
        bad = ~np.isfinite(shape).all(axis=1)
        if bad.any():
            row = int(bad.argmax())
            names = models.descriptors.get("map", tuple(map(str, range(len(models)))))
            msg = f"The RDM of model {names[row]!r} is constant; expected dissimilarities that differ. Leave it out."
            raise DataError(msg)
        self.rows = shape if comparator in LINEAR else np.empty((len(models), 0))

    @property
    def targets(self) -> np.ndarray:
        """``(n_maps, n_pairs)`` rows whose product with a brain's is the mean score over seeds."""
        return self.average @ self.rows

    def run(
        self,
        subjects: Sequence[PatchRDMs],
        patches: Patches,
        ceiling: bool = False,
        permutations: LabelPermutations | None = None,
        progress: Callable[[str], None] = lambda text: None,
    ) -> PatchScores:
        """Return the scores of all models in all patches of all subjects; ``progress`` is told of tenths."""
        n, n_pairs = len(patches), self.models.values.shape[1]
        scores = np.empty((len(subjects), len(self.models), n))
        bounds = np.empty((2, n)) if ceiling else None
        held = len(subjects) if ceiling or permutations else 1
        width = max(1, BLOCK_BYTES // (8 * n_pairs * (held * (2 if ceiling else 1) + 4)))
        # patches of one size are made together
        order = np.argsort(patches.sizes, kind="stable")
        for start in range(0, n, width):
            which = order[start : start + width]
            if start * 10 // n != (start - width) * 10 // n:
                progress(f"{start} of {n} centres")
            rdms, rows = [], []
            for k, subject in enumerate(subjects):
                found = subject.block(patches, which)
                own, scores[k][:, which] = self._scores(found)
                if ceiling or permutations:
                    rows.append(own)
                if ceiling:
                    rdms.append(found)
            if bounds is not None:
                bounds[:, which] = ceilings(np.stack(rows), self.comparator, rdms)
            if permutations:
                observed = self.average @ scores[:, :, which].mean(axis=0)
                permutations.add(which, np.mean(rows, axis=0), observed)
        for one in subjects:
            if len(one.failures) == n:
                msg = f"{one.name}: no centre can be scored. {one.failures[min(one.failures)]}"
                raise DataError(msg)
        return PatchScores(scores, bounds)

    def _scores(self, rdms: Condensed) -> tuple[np.ndarray, np.ndarray]:
        """Return rows of the patches, and scores ``(n_models, n_patches)``."""
        if self.comparator in LINEAR:
            rows = comparable(rdms, self.comparator)
            return rows, self.rows @ rows.T
        found = np.full((len(self.models), len(rdms)), np.nan)
        there = np.isfinite(rdms.values).all(axis=1)
        there &= ~rdms.constant
        if there.any():
            found[:, there] = tau_a(self.models, rdms.rows(there))
        return np.empty((0, 0)), found
