"""What each level of each random factor does to the difference of two rules."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from brainalign.errors import SpecError
from brainalign.inference.scope import Scope
from brainalign.resampling.score_draws import ScoreDraws


@dataclass(frozen=True, eq=False)
class Influence:
    """How much each level of each random factor moves a difference; squares add up to the variance of each factor.

    Parameters
    ----------
    levels
        Names of the levels, such as ``("stimulus", 3)`` or ``("seed", 0)``. Tests that share a level move together.
    values
        ``(n_levels,)`` in units of the score.
    """

    levels: tuple[Hashable, ...]
    values: np.ndarray

    @classmethod
    def of(
        cls,
        draws: ScoreDraws,
        rows_a: Sequence[int] | np.ndarray,
        rows_b: Sequence[int] | np.ndarray,
        scope: Scope,
        paired: bool = True,
        seeds: Sequence[Hashable] | None = None,
    ) -> "Influence":
        """Return the influences on the difference of the mean scores of two rules.

        Parameters
        ----------
        draws
            Scores without each stimulus.
        rows_a, rows_b
            Rows of the seeds of each rule.
        scope
            What is random; subjects or stimuli at least.
        paired
            Whether seed k of one and seed k of the other share their initialisation.
        seeds
            Names of the paired seeds; default: their places.

        Raises
        ------
        SpecError
            If scores are bootstrap draws, or nothing but seeds is random.
        """
        if not draws.left_out or scope.brains_fixed:
            msg = (
                f"Influences were asked of {'scores' if draws.left_out else 'bootstrap draws'} under "
                f"{scope.sentence!r}; expected scores without each stimulus, and subjects or stimuli that are random. "
                'Set resampling = "leave_one_out", or correct by another method.'
            )
            raise SpecError(msg)
        a, b = np.asarray(rows_a, int), np.asarray(rows_b, int)
        found: list[tuple[list[Hashable], np.ndarray]] = []
        if scope.stimuli == "random":
            found += _of_stimuli(draws, a, b)
        if scope.subjects == "random" and draws.n_subjects > 1:
            means = draws.observed[a].mean(axis=0) - draws.observed[b].mean(axis=0)
            found.append(([("subject", k) for k in range(len(means))], _centred(means)))
        if scope.seeds == "random" and min(len(a), len(b)) > 1:
            found += _of_seeds(draws, a, b, paired, seeds)
        return cls(tuple(name for names, _ in found for name in names), np.concatenate([own for _, own in found]))

    @property
    def size(self) -> float:
        """Root of the sum of squares."""
        return float(np.sqrt((self.values**2).sum()))


def _of_stimuli(draws: ScoreDraws, a: np.ndarray, b: np.ndarray) -> list[tuple[list[Hashable], np.ndarray]]:
    """Return what each stimulus does as one that is scored and, for encoding models, as one of the training set."""
    found = []
    for name, samples in (("stimulus", draws.draws), ("training stimulus", draws.training)):
        if samples is not None:
            without = (samples[:, a].mean(axis=1) - samples[:, b].mean(axis=1)).mean(axis=1)
            own = (without - without.mean()) * np.sqrt((len(without) - 1) / len(without))
            levels: list[Hashable] = [(name, k) for k in range(len(own))]
            found.append((levels, own))
    return found


def _of_seeds(
    draws: ScoreDraws, a: np.ndarray, b: np.ndarray, paired: bool, seeds: Sequence[Hashable] | None
) -> list[tuple[list[Hashable], np.ndarray]]:
    own = draws.observed.mean(axis=1)
    if paired:
        names = range(len(a)) if seeds is None else seeds
        return [([("seed", name) for name in names], _centred(own[a] - own[b]))]
    # a network belongs to one rule, and all tests of that rule share it
    return [([("network", int(k)) for k in a], _centred(own[a])), ([("network", int(k)) for k in b], -_centred(own[b]))]


def _centred(means: np.ndarray) -> np.ndarray:
    """Return deviations whose squares add up to the variance of the mean."""
    return (means - means.mean()) / np.sqrt(len(means) * (len(means) - 1))
