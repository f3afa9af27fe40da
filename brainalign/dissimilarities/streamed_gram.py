"""Inner products of patterns that are too wide to be held, from blocks of their features."""

from collections.abc import Sequence

import numpy as np

from brainalign.dissimilarities.dissimilarity import refuse
from brainalign.errors import DataError, StimulusMismatchError
from brainalign.rounding import no_spread


class StreamedGram:
    """All that correlation, cosine and Euclidean distances need of patterns, ``n_stimuli^2`` numbers.

    ``G = sum X_b X_b'``, row sums ``s`` over blocks ``b`` of features; then ``d_ij^2 = G_ii + G_jj - 2 G_ij`` and
    ``r_ij = (G_ij - s_i s_j / p) / sqrt((G_ii - s_i^2 / p) (G_jj - s_j^2 / p))``.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(5, 1000))
    >>> streamed = StreamedGram(tuple("abcde"))
    >>> for start in range(0, 1000, 100):
    ...     streamed.add(x[:, start : start + 100])
    >>> i, j = np.triu_indices(5, 1)
    >>> bool(np.allclose(streamed.correlation(), 1 - np.corrcoef(x)[i, j]))
    True

    Parameters
    ----------
    stimulus_ids
        Ids of the rows, in order.
    """

    def __init__(self, stimulus_ids: Sequence[str]) -> None:
        self.stimulus_ids = tuple(stimulus_ids)
        n = len(self.stimulus_ids)
        self.gram, self.sums, self.n_features = np.zeros((n, n)), np.zeros(n), 0
        self._centred = np.zeros((n, n))

    def add(self, block: np.ndarray) -> None:
        """Add features ``(n_stimuli, n_features_of_block)`` of all stimuli.

        Raises
        ------
        StimulusMismatchError
            If there is not one row for each stimulus.
        DataError
            If a number is not finite.
        """
        values = np.asarray(block, dtype=np.float64)
        if values.ndim != 2 or len(values) != len(self.stimulus_ids):
            msg = (
                f"A block of features has shape {values.shape} for {len(self.stimulus_ids)} stimuli; expected one row "
                "each. Give some features of all stimuli at a time."
            )
            raise StimulusMismatchError(msg)
        if not np.isfinite(values).all():
            row = int((~np.isfinite(values).all(axis=1)).argmax())
            msg = f"Pattern of stimulus {self.stimulus_ids[row]!r} holds NaN or infinity, expected finite features."
            raise DataError(msg)
        self.gram += values @ values.T
        self.sums += values.sum(axis=1)
        centred = values - values.mean(axis=0)
        self._centred += centred @ centred.T
        self.n_features += values.shape[1]

    def squared_euclidean(self) -> np.ndarray:
        """Return ``|x_i - x_j|^2 / n_features``, ``(n_pairs,)``."""
        first, second = np.triu_indices(len(self.sums), 1)
        own = np.diagonal(self._centred)
        distances = (own[first] + own[second] - 2 * self._centred[first, second]) / self.n_features
        return np.maximum(distances, 0.0)

    def correlation(self) -> np.ndarray:
        """Return ``1 - r``, ``(n_pairs,)``; a constant pattern raises :class:`DataError`."""
        product = self.gram - np.outer(self.sums, self.sums) / self.n_features
        norms, sizes = np.sqrt(np.maximum(np.diagonal(product), 0)), np.sqrt(np.diagonal(self.gram))
        refuse(no_spread(norms, sizes), self.stimulus_ids, "constant", "correlation")
        first, second = np.triu_indices(len(self.sums), 1)
        return np.maximum(1 - product[first, second] / norms[first] / norms[second], 0.0)
