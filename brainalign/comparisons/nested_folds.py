"""Folds of stimuli for testing and, within training stimuli, for choosing: one kind for all that is fitted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from brainalign.comparisons.group_folds import coded, group_folds
from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.randomness import stream_seed
from brainalign.resampling.predictions_bootstrap import MIN_FOLD

MIN_STIMULI = 10
_STREAM = "encoding"


@dataclass(frozen=True)
class NestedFolds:
    """Folds that keep groups together, of a seed; they depend on groups, never on features.

    Parameters
    ----------
    n_folds, n_inner_folds
        Folds for testing and, within training stimuli, for choosing a penalty.
    seed
        Of the folds.
    """

    n_folds: int
    n_inner_folds: int
    seed: int

    def outer(self, groups: Sequence[str | int] | np.ndarray) -> np.ndarray:
        """Return the test fold of each stimulus, ``(n_stimuli,)``."""
        return outer_folds(groups, self.n_folds, self.seed)

    def inner(self, groups: np.ndarray, fold: int) -> np.ndarray:
        """Return the inner fold of each training stimulus of a test fold, given their groups."""
        return group_folds(groups, self.n_inner_folds, stream_seed(self.seed, _STREAM, "inner", fold))

    def checked(self, groups: np.ndarray) -> np.ndarray:
        """Return the test fold of each stimulus, ``(n_stimuli,)``; too few stimuli raise :class:`SpecError`."""
        n_stimuli, n_groups = len(groups), len(np.unique(groups))
        if n_stimuli < MIN_STIMULI:
            msg = f"Encoding got {n_stimuli} stimuli, expected at least {MIN_STIMULI}; use RSA, or record more stimuli."
            raise SpecError(msg)
        if n_groups < self.n_folds:
            msg = f"Encoding got {n_groups} groups for n_folds = {self.n_folds}; set n_folds to {n_groups} or less."
            raise SpecError(msg)
        folds = self.outer(groups)
        smallest = int(np.bincount(folds).min())
        if smallest < MIN_FOLD:
            msg = (
                f"The smallest of {self.n_folds} test folds holds {smallest} stimuli, expected at least {MIN_FOLD} to "
                f"correlate within it; set n_folds to {max(2, n_stimuli // MIN_FOLD)} or less."
            )
            raise SpecError(msg)
        fewest = min(len(np.unique(groups[folds != fold])) for fold in range(self.n_folds))
        if fewest < self.n_inner_folds:
            msg = (
                f"Training stimuli form {fewest} groups for n_inner_folds = {self.n_inner_folds}; "
                f"set n_inner_folds to {fewest} or less."
            )
            raise SpecError(msg)
        return folds


def groups_of(ids: Sequence[str], groups: Mapping[str, str | int] | None) -> np.ndarray:
    """Return the group of each row, coded from 0 in the order of first mention."""
    missing = [stimulus for stimulus in ids if stimulus not in groups] if groups is not None else []
    if missing:
        msg = f"{len(missing)} of {len(ids)} stimuli have no group, first: {missing[:3]}; give every stimulus one."
        raise StimulusMismatchError(msg)
    return coded(ids if groups is None else [groups[stimulus] for stimulus in ids])


def outer_folds(groups: Sequence[str | int] | np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Return the test fold of each stimulus, ``(n_stimuli,)``, of measures with that seed."""
    return group_folds(groups, n_folds, stream_seed(seed, _STREAM, "outer"))
