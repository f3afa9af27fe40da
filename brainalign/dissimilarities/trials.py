"""Trials of one subject as dissimilarities take them: under their stimuli, in folds of independent noise."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from brainalign.errors import DataError, SpecError
from brainalign.mapped import HELD_BYTES, add_rows, release
from brainalign.randomness import numpy_stream


@dataclass(frozen=True, eq=False)
class Trials:
    """Responses to stimuli that were shown more than once.

    Parameters
    ----------
    data
        ``(n_trials, n_channels, n_times)`` finite numbers.
    stimulus
        ``(n_trials,)`` position of the stimulus of each trial in ``ids``.
    ids
        ``n_stimuli`` ids, each with one trial at least.
    runs
        ``(n_trials,)`` position of the run of each trial from 0; ``None`` without runs.
    name
        Of the recording, for messages.
    """

    data: np.ndarray
    stimulus: np.ndarray
    ids: tuple[str, ...]
    runs: np.ndarray | None = None
    name: str = "These trials"

    @classmethod
    def of(
        cls,
        data: np.ndarray,
        trial_ids: Sequence[str],
        ids: Sequence[str],
        runs: Sequence[str] | None = None,
        name: str = "These trials",
    ) -> "Trials":
        """Return the trials of ``ids``, in their order; others are left out."""
        row = {stimulus: k for k, stimulus in enumerate(ids)}
        stimulus = np.array([row.get(one, -1) for one in trial_ids])
        kept = stimulus >= 0
        missing = [one for k, one in enumerate(ids) if not (stimulus == k).any()]
        if missing:
            msg = (
                f"{name} have none of {len(missing)} stimuli (first: {missing[:3]}), expected one each; leave them out."
            )
            raise DataError(msg)
        which = None if runs is None else np.unique(np.asarray(runs)[kept], return_inverse=True)[1].ravel()
        return cls(
            data=data if kept.all() else data[kept], stimulus=stimulus[kept], ids=tuple(ids), runs=which, name=name
        )

    @property
    def n_times(self) -> int:
        """Number of times."""
        return self.data.shape[2]

    def at(self, time: int) -> np.ndarray:
        """Return ``(n_trials, n_channels)`` at one time, float64."""
        one = np.array(self.data[:, :, time], dtype=np.float64)
        release(self.data)
        return one

    def means(self, time: int) -> np.ndarray:
        """Return the mean response to each stimulus, ``(n_stimuli, n_channels)``."""
        total = np.zeros((len(self.ids), self.data.shape[1]))
        add_rows(total, self.stimulus, self.at(time))
        return total / np.bincount(self.stimulus, minlength=len(self.ids))[:, None]

    def folds(self, n_folds: int, seed: int) -> np.ndarray:
        """Return the fold of each trial, ``(n_trials,)`` from 0: its run, or, with ``n_folds``, one that is dealt.

        Trials of a stimulus are shuffled and dealt in turn, so that folds hold each stimulus equally often.

        Raises
        ------
        DataError
            If there are fewer than two runs, or a stimulus has trials in one fold only.
        """
        if n_folds:
            folds = np.empty(len(self.stimulus), dtype=np.int64)
            rng = numpy_stream(seed, "folds of trials")
            for k in range(len(self.ids)):
                rows = rng.permutation(np.flatnonzero(self.stimulus == k))
                folds[rows] = np.arange(len(rows)) % n_folds
        elif self.runs is None or self.runs.max(initial=0) < 1:
            count = "no runs" if self.runs is None else "one run"
            msg = (
                f"{self.name}: {count}, expected two or more, whose noise is independent; give runs = one name per "
                "trial, or say n_folds to deal the trials of each stimulus to folds."
            )
            raise DataError(msg)
        else:
            folds = self.runs
        cells = counts_of(self.stimulus, folds, len(self.ids))
        alone = (cells > 0).sum(axis=0) < 2
        if alone.any():
            what = "folds" if n_folds else "runs"
            msg = (
                f"{self.name}: stimulus {self.ids[int(alone.argmax())]!r} was shown in one of the {what} only "
                f"({int(alone.sum())} of {len(alone)} are), expected two or more; leave it out."
            )
            raise DataError(msg)
        return folds

    @cached_property
    def residuals(self) -> tuple[np.ndarray, int]:
        """Trials less what their stimulus and run explain, ``(n_trials, n_channels, n_times)``, and degrees of freedom.

        About the mean of a stimulus within its run where stimuli were repeated within runs; otherwise about the sum of
        an effect of the stimulus and one of the run.

        Raises
        ------
        DataError
            If no stimulus was repeated.
        """
        runs = np.zeros(len(self.stimulus), dtype=np.int64) if self.runs is None else self.runs
        n_runs, n_stimuli = int(runs.max()) + 1, len(self.ids)
        counts = counts_of(self.stimulus, runs, n_stimuli)
        dof = int((counts - 1)[counts > 1].sum())
        if dof >= len(self.stimulus) / 4:
            kept = counts[runs, self.stimulus] > 1
            data = np.asarray(self.data[kept], dtype=np.float64)
            cell = np.unique(runs[kept] * n_stimuli + self.stimulus[kept], return_inverse=True)[1].ravel()
            return data - _means(data, cell)[cell], dof
        dof = len(self.stimulus) - n_stimuli - n_runs + 1
        if dof < 1:
            msg = (
                f"{self.name}: {len(self.stimulus)} trials of {n_stimuli} stimuli leave no residuals, expected "
                "repeats; say noise = 'none' to compare patterns without a noise covariance."
            )
            raise DataError(msg)
        data = np.asarray(self.data, dtype=np.float64)
        data = data - data.mean(axis=0)
        for _ in range(_SWEEPS):
            data = data - _means(data, self.stimulus)[self.stimulus]
            of_runs = _means(data, runs)
            data = data - of_runs[runs]
            if np.abs(of_runs).max() <= 1e-12 * np.abs(data).max(initial=1e-300):
                break
        return data, dof

    def residual_blocks(self) -> Iterator[tuple[np.ndarray, int]]:
        """Yield :attr:`residuals` and degrees of freedom for some times after others, so that all are never held.

        Trials that fit into memory are one block.
        """
        size = 8 * self.data.shape[0] * self.data.shape[1]
        width = max(1, HELD_BYTES // size)
        if width >= self.n_times:
            yield self.residuals
            return
        for start in range(0, self.n_times, width):
            part = np.array(self.data[:, :, start : start + width])
            release(self.data)
            yield Trials(data=part, stimulus=self.stimulus, ids=self.ids, runs=self.runs, name=self.name).residuals


# alternating between effects of stimuli and of runs; one is enough where designs are balanced
_SWEEPS = 200


def counts_of(stimulus: np.ndarray, folds: np.ndarray, n_stimuli: int) -> np.ndarray:
    """Return how many trials of each stimulus are in each fold, ``(n_folds, n_stimuli)``."""
    n_folds = int(folds.max()) + 1
    return np.bincount(folds * n_stimuli + stimulus, minlength=n_folds * n_stimuli).reshape(n_folds, n_stimuli)


def sums_of(data: np.ndarray, stimulus: np.ndarray, folds: np.ndarray, n_stimuli: int) -> np.ndarray:
    """Return sums of trials ``(n_trials, n_channels)`` by fold and stimulus, ``(n_folds, n_stimuli, n_channels)``."""
    n_folds = int(folds.max()) + 1
    total = np.zeros((n_folds * n_stimuli, data.shape[1]))
    add_rows(total, folds * n_stimuli + stimulus, data)
    return total.reshape(n_folds, n_stimuli, -1)


def _means(data: np.ndarray, label: np.ndarray) -> np.ndarray:
    total = np.zeros((int(label.max()) + 1, *data.shape[1:]))
    add_rows(total, label, data)
    return total / np.bincount(label).reshape(-1, *(1,) * (data.ndim - 1))


def check_folds(n_folds: int) -> None:
    """Raise :class:`SpecError` unless ``n_folds`` is 0, for runs, or a number of folds."""
    if n_folds < 0 or n_folds == 1:
        msg = f"n_folds = {n_folds}, expected 0 for runs, or 2 or more."
        raise SpecError(msg)
