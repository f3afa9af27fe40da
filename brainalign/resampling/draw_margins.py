"""Scores of samples of stimuli, reduced to what inference needs of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from brainalign.resampling.score_draws import ScoreDraws


@dataclass(frozen=True, eq=False)
class DrawMargins:
    """Means of draws over the seeds of each rule, and over subjects.

    Variances of mean scores and of their differences, by bootstrap or without each stimulus, need no more: they are
    functions of these two margins. With 5 seeds that is a quarter of all draws.

    Parameters
    ----------
    groups
        Rows of the seeds of each rule at each layer.
    by_subject
        ``(n_draws, n_groups, n_subjects)`` mean over the rows of each group.
    by_model
        ``(n_draws, n_models)`` mean over subjects; as many rows as the groups hold.
    rest
        All else that is known of the draws: :class:`ScoreDraws` of no models.
    """

    groups: tuple[tuple[int, ...], ...]
    by_subject: np.ndarray
    by_model: np.ndarray
    rest: ScoreDraws

    @classmethod
    def of(cls, draws: ScoreDraws, groups: Sequence[Sequence[int]]) -> "DrawMargins":
        """Return the margins of the rows in ``groups``; rows in none are let go."""
        rows = [row for group in groups for row in group]
        by_subject = [draws.draws[:, list(group)].mean(axis=1) for group in groups]
        empty = np.empty((draws.n_draws, 0, draws.n_subjects))
        return cls(
            tuple(tuple(group) for group in groups),
            np.stack(by_subject, axis=1) if by_subject else empty,
            draws.draws[:, rows].mean(axis=2),
            replace(draws, observed=np.empty((0, draws.n_subjects)), draws=empty),
        )

    def of_groups(self, chosen: Sequence[int], observed: np.ndarray) -> ScoreDraws:
        """Return draws of some groups, one after another, which have these margins.

        A row is the mean of its group at each subject plus its own distance from that mean over subjects.

        Parameters
        ----------
        chosen
            Which groups.
        observed
            ``(n_rows, n_subjects)`` scores of all rows of the sample as it is.
        """
        first = np.cumsum([0, *(len(group) for group in self.groups)])
        parts = []
        for group in chosen:
            own = self.by_model[:, first[group] : first[group + 1]]
            apart = own - own.mean(axis=1, keepdims=True)
            parts.append(self.by_subject[:, group, None] + apart[:, :, None])
        rows = [row for group in chosen for row in self.groups[group]]
        return replace(self.rest, observed=observed[rows], draws=np.concatenate(parts, axis=1))
