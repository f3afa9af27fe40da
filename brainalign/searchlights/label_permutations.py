"""Permuted stimulus labels, the same for every centre and every map."""

from collections.abc import Mapping, Sequence

import numpy as np

from brainalign.errors import SpecError
from brainalign.inference.permutation import permuted_order
from brainalign.randomness import numpy_stream
from brainalign.resampling.draw_units import labels_of
from brainalign.searchlights.map_test import MapTest, from_largest

#: Permutations at once, and pairs above which null scores are made in float32.
_TOGETHER, _MANY_PAIRS = 64, 500


class LabelPermutations:
    """Null scores of maps under permuted stimulus labels, gathered block by block.

    Labels of the models' RDMs are permuted, rows and columns together; entries of an RDM never are. Of the null scores
    only how often they reach the observed one, and the largest over centres, are kept.

    Parameters
    ----------
    targets
        ``(n_maps, n_pairs)`` mean over seeds of rows whose products are scores.
    ids
        ``n_stimuli`` ids.
    n_permutations
        Number of permutations; no p is below ``1 / (n_permutations + 1)``.
    seed
        Of the permutations.
    strata
        Stimulus id to label; stimuli are permuted within strata only.
    n_centres
        Of each map.

    Raises
    ------
    SpecError
        If there are fewer than 1 permutations.
    StimulusMismatchError
        If a stimulus has no stratum.
    """

    def __init__(
        self,
        targets: np.ndarray,
        ids: Sequence[str],
        n_permutations: int,
        seed: int,
        strata: Mapping[str, str | int] | None,
        n_centres: int,
    ) -> None:
        from scipy.spatial.distance import squareform

        if n_permutations < 1:
            msg = f"permutations = {n_permutations}; expected 0 for none, or 1000 or more for figures."
            raise SpecError(msg)
        labels = np.zeros(len(ids), int) if strata is None else np.asarray(labels_of(strata, ids))
        rng = numpy_stream(seed, "searchlight permutation")
        kind = np.float32 if targets.shape[1] > _MANY_PAIRS else np.float64
        self.orders = np.stack([permuted_order(rng, labels) for _ in range(n_permutations)])
        self.slack = 1e-6 if kind is np.float32 else 1e-10
        self.within = strata is not None
        self._square = np.stack([squareform(one, checks=False).ravel() for one in targets]).astype(kind)
        self._first, self._second = np.triu_indices(len(ids), 1)
        self._observed = np.full((len(targets), n_centres), np.nan)
        self._reached = np.zeros((len(targets), n_centres), dtype=np.int64)
        self._largest = np.full((len(targets), n_permutations), -np.inf)
        self._same = np.zeros(len(targets), dtype=np.int64)
        self._begun = False

    def add(self, which: np.ndarray, rows: np.ndarray, observed: np.ndarray) -> None:
        """Take in centres ``(n_here,)``: mean rows of brains ``(n_here, n_pairs)`` and scores ``(n_maps, n_here)``."""
        there = np.isfinite(observed).all(axis=0)
        centres, first = which[there], not self._begun
        self._begun = True
        self._observed[:, centres] = observed[:, there]
        brains = np.ascontiguousarray(rows[there].T, dtype=self._square.dtype)
        for start in range(0, len(self.orders), _TOGETHER):
            orders = self.orders[start : start + _TOGETHER]
            pairs = orders[:, self._first] * orders.shape[1] + orders[:, self._second]
            for k, square in enumerate(self._square):
                relabelled = square[pairs]
                if first:
                    # a model that a permutation leaves as it is reaches what was observed, whatever the brain
                    own = square[self._first * orders.shape[1] + self._second]
                    self._same[k] += (np.abs(relabelled - own).max(axis=1) <= 1e-6 * np.abs(own).max()).sum()
                null = relabelled @ brains
                self._reached[k, centres] += (null >= self._observed[k, centres] - self.slack).sum(axis=0)
                if null.size:
                    found = self._largest[k, start : start + len(orders)]
                    np.maximum(found, null.max(axis=1), out=found)

    def finish(self) -> MapTest:
        """Return the p values."""
        n = len(self.orders)
        p = np.where(np.isfinite(self._observed), (1 + self._reached) / (n + 1), np.nan)
        p_fwe, p_all = from_largest(self._observed, self._largest, self.slack)
        where = " within strata" if self.within else ""
        attainable = (1 + self._same) / (n + 1)
        sentence = (
            f"Stimulus labels of the models were permuted {n} times{where}, alike for all centres and maps; p adjusts "
            "for all centres of a map by the largest mean score. Stimuli and subjects are fixed. The smallest "
            f"attainable p is {attainable.max():.3g}."
        )
        return MapTest(p=p, p_fwe=p_fwe, p_all=p_all, attainable=attainable, sentence=sentence)
