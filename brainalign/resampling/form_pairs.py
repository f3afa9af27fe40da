"""Whitened and unbiased inner products of RDMs without each stimulus in turn, for the price of a few products."""

from functools import cached_property

import numpy as np

from brainalign.condensed import Condensed
from brainalign.resampling.form_draws import standardised
from brainalign.resampling.linear_pairs import by_stimulus
from brainalign.resampling.pair_form import PairForm
from brainalign.resampling.pair_scores import semi_partial
from brainalign.whitening import squares


class FormPairs:
    """Scores of every model with every brain on a form of pairs and rows, as observed and without each stimulus.

    Without stimulus k the products of pairs lose ``sum_j X_kj Y_kj``, row sums lose ``X_ak``, and the form has factors
    for one stimulus fewer.

    Parameters
    ----------
    models
        Condensed RDMs ``(n_models, n_pairs)``.
    n_stimuli
        How many; each is a unit of its own.
    form
        The inner product.
    centred
        Whether the mean of each RDM is taken out.
    nuisance
        RDMs taken out of every model: scores are then semi-partial correlations.
    """

    def __init__(
        self,
        models: Condensed,
        n_stimuli: int,
        form: type[PairForm],
        centred: bool = False,
        nuisance: Condensed | None = None,
    ) -> None:
        self.n_stimuli, self.form, self.centred, self.nuisance = n_stimuli, form, centred, nuisance
        self._rows = self._standardised(self._with_nuisance(models))

    @cached_property
    def _own(self) -> tuple[np.ndarray, np.ndarray]:
        square = squares(self._rows, self.n_stimuli)
        return square, self._with_itself(square)

    def scores(self, brains: Condensed, resampled: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(n_models, n_brains)`` observed and ``(n_stimuli, n_models, n_brains)`` without each stimulus.

        NaN where a model or brain is constant but for rounding. The latter has no rows where it is not asked for.
        """
        held = 0 if self.nuisance is None else len(self.nuisance)
        square = squares(self._standardised(self._with_nuisance(brains.finite("brain"))), self.n_stimuli)
        cross = self._cross(self._own[0], square, resampled)
        left, right = self._own[1][: len(cross)], self._with_itself(square)[: len(cross)]
        scores = semi_partial(cross, left, right, held)
        return scores[0], scores[1:]

    def grams(self, brains: Condensed, resampled: bool = True) -> np.ndarray:
        """Return products of brains ``(n_stimuli + 1, n_brains, n_brains)``: of all stimuli, then without each."""
        square = squares(self._standardised(brains), self.n_stimuli)
        return self._cross(square, square, resampled)

    def _standardised(self, rdms: Condensed) -> np.ndarray:
        return standardised(rdms, self.centred or self.form.offset_free)

    def _with_nuisance(self, rdms: Condensed) -> Condensed:
        return rdms if self.nuisance is None else rdms.joined(self.nuisance)

    def _factors(self, n: int) -> tuple[float, float, float]:
        of_pairs, of_rows, of_sums = self.form.without_one(n)
        if self.centred and not self.form.offset_free:
            # ones are an eigenvector: what the mean adds follows from the sums alone
            flat = of_pairs * n * (n - 1) / 2 + of_rows * n * (n - 1) ** 2 + of_sums * (n * (n - 1)) ** 2
            of_sums -= flat / (n * (n - 1)) ** 2
        return of_pairs, of_rows, of_sums

    def _cross(self, left: np.ndarray, right: np.ndarray, resampled: bool) -> np.ndarray:
        """Return ``(1 + n_stimuli, n_left, n_right)``, the first row of all stimuli, or that row alone."""
        n = self.n_stimuli
        r, s = left.sum(axis=2), right.sum(axis=2)
        pairs = left.reshape(len(left), -1) @ right.reshape(len(right), -1).T / 2
        rows, sums = r @ s.T, np.outer(r.sum(axis=1), s.sum(axis=1))
        of_pairs, of_rows, of_sums = self._factors(n)
        observed = of_pairs * pairs + of_rows * rows + of_sums * sums
        if not resampled:
            return observed[None]
        lost = by_stimulus(left, right)
        there = np.tensordot(r, right, axes=(1, 1)).transpose(2, 0, 1) + np.tensordot(left, s, axes=(1, 1)).transpose(
            1, 0, 2
        )
        own_left, own_right = r.T[:, :, None], s.T[:, None, :]
        rows = rows - there + lost - own_left * own_right
        sums = (r.sum(axis=1)[None, :, None] - 2 * own_left) * (s.sum(axis=1)[None, None] - 2 * own_right)
        of_pairs, of_rows, of_sums = self._factors(n - 1)
        return np.concatenate([observed[None], of_pairs * (pairs - lost) + of_rows * rows + of_sums * sums])

    def _with_itself(self, square: np.ndarray) -> np.ndarray:
        """Return ``(1 + n_stimuli, n_rows)`` products of rows with themselves."""
        n = self.n_stimuli
        r = square.sum(axis=2)
        lost = np.einsum("mij,mij->im", square, square)
        pairs, rows, sums = lost.sum(axis=0) / 2, (r**2).sum(axis=1), r.sum(axis=1)
        of_pairs, of_rows, of_sums = self._factors(n)
        observed = of_pairs * pairs + of_rows * rows + of_sums * sums**2
        rows = rows - 2 * np.einsum("ma,mak->km", r, square) + lost - r.T**2
        of_pairs, of_rows, of_sums = self._factors(n - 1)
        without = of_pairs * (pairs - lost) + of_rows * rows + of_sums * (sums - 2 * r.T) ** 2
        return np.concatenate([observed[None], without])
