"""Bootstrap samples of stimuli (or clusters of them) and of subjects."""

from collections.abc import Mapping, Sequence

import numpy as np

from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.randomness import numpy_stream


def draw_stimuli(
    n_stimuli: int,
    n_draws: int,
    seed: int,
    groups: Sequence[str | int] | np.ndarray | None = None,
    strata: Sequence[str | int] | np.ndarray | None = None,
) -> tuple[np.ndarray, int, int]:
    """Draw stimuli with replacement.

    Parameters
    ----------
    n_stimuli
        Number of stimuli.
    n_draws
        Number of bootstrap samples.
    seed
        Equal seeds (with equal groups and strata) give equal draws.
    groups
        Cluster label per stimulus; whole clusters are drawn. ``None`` draws single stimuli.
    strata
        Label per stimulus; the number of clusters drawn from each stratum is kept.

    Returns
    -------
    counts
        ``(n_draws, n_stimuli)`` int64, how often each stimulus occurs.
    n_units
        Number of stimuli or clusters that were drawn.
    n_strata
        Number of strata, 1 without ``strata``.

    Raises
    ------
    SpecError
        If labels do not match the stimuli, a cluster spans strata, or a stratum holds a single unit.
    """
    unit = _codes(groups, n_stimuli, "groups")
    stratum = _codes(strata if strata is not None else np.zeros(n_stimuli, int), n_stimuli, "strata")
    n_units, n_strata = int(unit.max()) + 1, int(stratum.max()) + 1
    stratum_of_unit = np.zeros(n_units, int)
    stratum_of_unit[unit] = stratum
    if not np.array_equal(stratum_of_unit[unit], stratum):
        msg = "A group of stimuli spans several folds. Assign folds by group, so that each group lies in one fold."
        raise SpecError(msg)
    rng = numpy_stream(seed, "stimulus bootstrap")
    counts = np.zeros((n_draws, n_units), np.int64)
    for number in range(n_strata):
        members = np.flatnonzero(stratum_of_unit == number)
        if len(members) < 2:
            msg = (
                f"Stratum {number} holds {len(members)} unit of resampling, expected at least 2. Use fewer groups"
                " or folds."
            )
            raise SpecError(msg)
        counts[:, members] = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), size=n_draws)
    return counts[:, unit], n_units, n_strata


def draw_subjects(n_subjects: int, n_draws: int, seed: int) -> np.ndarray:
    """Return ``(n_draws, n_subjects)`` indices of subjects drawn with replacement."""
    return numpy_stream(seed, "subject bootstrap").integers(0, n_subjects, size=(n_draws, n_subjects))


def labels_of(groups: Mapping[str, str | int], ids: Sequence[str]) -> list[str | int]:
    """Return the group of each stimulus; one without a group raises :class:`StimulusMismatchError`."""
    missing = [stimulus for stimulus in ids if stimulus not in groups]
    if missing:
        msg = f"{len(missing)} of {len(ids)} stimuli have no group, first: {missing[:3]}; give every stimulus one."
        raise StimulusMismatchError(msg)
    return [groups[stimulus] for stimulus in ids]


def _codes(labels: Sequence[str | int] | np.ndarray | None, n_stimuli: int, name: str) -> np.ndarray:
    if labels is None:
        return np.arange(n_stimuli)
    values = np.asarray(labels)
    if values.shape != (n_stimuli,):
        msg = f"{name} has shape {values.shape}, expected one label for each of {n_stimuli} stimuli."
        raise SpecError(msg)
    return np.unique(values, return_inverse=True)[1]
