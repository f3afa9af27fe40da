"""One test fold of a banded ridge model: what it predicts, and what without some of its training stimuli."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from brainalign.resampling.training_left_out import INTERCEPT


@dataclass(frozen=True, eq=False)
class BandedFold:
    """A model ``(sum_k s_kt K_k + I) c_t = y_t`` of each target t, fitted to the training stimuli of a fold.

    Parameters
    ----------
    train
        ``(n_stimuli,)`` which stimuli it is fitted to; the others are predicted.
    ours, theirs
        ``(n_spaces, n_train, n_train)`` and ``(n_spaces, n_test, n_train)`` kernels, centred on the training stimuli.
    targets
        ``(n_train, n_targets)`` responses less their means, of unit deviation.
    deviation
        ``(n_targets,)`` of the responses.
    shares
        ``(n_spaces, n_targets)`` what each kernel is multiplied with, penalties included.
    dual
        ``(n_train, n_targets)`` c.
    """

    train: np.ndarray
    ours: np.ndarray
    theirs: np.ndarray
    targets: np.ndarray
    deviation: np.ndarray
    shares: np.ndarray
    dual: np.ndarray

    def parts(self) -> np.ndarray:
        """Return what each space adds to predictions less the training mean, ``(n_spaces, n_test, n_targets)``."""
        return self.shares[:, None] * (self.theirs @ self.dual) * self.deviation

    def parts_without(self, left_out: np.ndarray) -> np.ndarray:
        """Return the same by the model that is fitted without some stimuli, its penalties kept.

        Nothing is fitted again: with ``B = (K + I)^-1``, ``c`` without the stimuli g is ``c - B_g B_gg^-1 c_g``.

        Parameters
        ----------
        left_out
            ``(n_stimuli,)`` which stimuli.

        Returns
        -------
        numpy.ndarray
            ``(n_spaces + 1, n_test, n_targets)``; the last is how far the mean of the training stimuli moves.
        """
        own = np.flatnonzero(left_out[self.train])
        dual, mean = np.empty_like(self.dual), np.empty_like(self.dual[0])
        for targets, constant, inverse in self._inverses:
            c = inverse @ self.targets[:, targets]
            if len(own):
                c = c - inverse[:, own] @ np.linalg.solve(inverse[np.ix_(own, own)], c[own])
            dual[:, targets], mean[targets] = c, constant * c.sum(axis=0)
        moved = self.shares[:, None] * (self.theirs @ dual)
        return np.concatenate([moved, np.broadcast_to(mean, moved.shape[1:])[None]]) * self.deviation

    @cached_property
    def _inverses(self) -> list[tuple[np.ndarray, float, np.ndarray]]:
        """Which targets have the same shares, the weight of the constant, and the inverse of their kernel with it."""
        which = np.unique(self.shares, axis=1, return_inverse=True)[1].ravel()
        found = []
        for number in range(int(which.max()) + 1):
            targets = np.flatnonzero(which == number)
            shares = self.shares[:, targets[0]]
            constant = INTERCEPT * (1 + float(shares.sum()))
            kernel = np.tensordot(shares, self.ours, 1) + constant
            found.append((targets, constant, np.linalg.inv(kernel + np.eye(len(kernel)))))
        return found
