"""Temporal generalisation: models fitted at one time, tested at every other."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.encoding_scores import LARGEST_R
from brainalign.comparisons.group_folds import group_folds
from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.patterns import Patterns
from brainalign.randomness import stream_seed
from brainalign.recordings.recording import Recording
from brainalign.rounding import no_spread

# numbers of one block of targets by times
_BLOCK = 2**24


def encoding_generalisation(
    features: Patterns,
    responses: np.ndarray,
    stimulus_ids: "tuple[str, ...] | list[str]",
    measure: Encoding | None = None,
    groups: Mapping[str, str | int] | None = None,
) -> np.ndarray:
    """Return how well models fitted to responses at one time predict held-out responses at every time.

    Parameters
    ----------
    features
        A row per stimulus.
    responses
        ``(n_stimuli, n_channels, n_times)`` mean responses.
    stimulus_ids
        Of the rows of responses.
    measure
        Ridge regression with its folds, which all times share; penalties are chosen at the time of the fit.
    groups
        Stimulus id to label, see :meth:`Encoding.score`.

    Returns
    -------
    numpy.ndarray
        ``(n_times, n_times)``: fitted at the first, tested at the second; mean over channels of the correlation within
        folds. The diagonal is the time-resolved encoding score.

    Raises
    ------
    StimulusMismatchError
        If shapes do not fit.

    Examples
    --------
    >>> rng, ids = np.random.default_rng(0), [f"stimulus {k}" for k in range(40)]
    >>> features = Patterns(rng.standard_normal((40, 4)), ids, "layer")
    >>> clean = features.values @ rng.standard_normal((4, 3))
    >>> noise = rng.standard_normal((40, 3, 3))
    >>> found = encoding_generalisation(features, clean[:, :, None] * [0, 3, 3] + noise, ids)
    >>> found.shape, bool(found[1, 2] > 0.8 > 0.5 > found[0, 1])
    ((3, 3), True)
    """
    values = np.asarray(responses, np.float64)
    if values.ndim != 3 or len(values) != len(stimulus_ids):
        msg = f"Responses {values.shape} for {len(stimulus_ids)} ids; expected (stimuli, channels, times)."
        raise StimulusMismatchError(msg)
    n, n_channels, n_times = values.shape
    measure = measure or Encoding()
    total = np.zeros((n_times, n_times))
    width = max(1, _BLOCK // (n_times * max(n, n_times)))
    for start in range(0, n_channels, width):
        block = values[:, start : start + width]
        # targets are fitted one by one, so that all times go through one decomposition of the features
        flat = Patterns(block.reshape(n, -1), tuple(stimulus_ids), "Responses")
        fitted = measure.score(features, flat, groups)
        total += _across(fitted.predictions.reshape(block.shape), block, fitted.folds).sum(axis=0)
    return total / n_channels


def _across(predictions: np.ndarray, responses: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return ``(n_channels, n_times, n_times)`` correlations of predictions at one time with responses at another."""
    n_folds = int(folds.max()) + 1
    z = np.zeros((responses.shape[1], responses.shape[2], responses.shape[2]))
    for fold in range(n_folds):
        sides = []
        for side in (predictions, responses):
            own = side[folds == fold]
            centred = own - own.mean(axis=0)
            norm = np.linalg.norm(centred, axis=0)
            flat = no_spread(norm, np.linalg.norm(own, axis=0))
            sides.append(np.where(flat, 0.0, centred / np.where(flat, 1.0, norm)))
        r = np.einsum("nct,ncu->ctu", *sides, optimize=True)
        z += np.arctanh(np.clip(r, -LARGEST_R, LARGEST_R))
    return np.tanh(z / n_folds)


def decoding_generalisation(
    recording: Recording, categories: Mapping[str, str], n_folds: int = 5, seed: int = 0, roi: str | None = None
) -> np.ndarray:
    """Return how well categories are decoded at every time by a classifier of one time, balanced; 1/classes is chance.

    Linear discriminants with shrunk covariance (Ledoit & Wolf) are fitted by
    :class:`mne.decoding.GeneralizingEstimator`. Folds are of stimuli: trials of one stimulus are never on both sides.

    Parameters
    ----------
    recording
        Trials of one subject.
    categories
        Stimulus id to category; trials of other stimuli are left out.
    n_folds, seed
        Folds of the stimuli of each category.
    roi
        Channels; all unless given.

    Returns
    -------
    numpy.ndarray
        ``(n_times, n_times)`` balanced accuracy, mean over folds; fitted at the first, tested at the second time.

    Raises
    ------
    SpecError
        If there are fewer than two categories, or fewer stimuli of one than folds.
    """
    from mne.decoding import GeneralizingEstimator

    data, labels, folds = labelled_trials(recording, categories, n_folds, seed, roi)
    total = np.zeros((data.shape[2],) * 2)
    for fold in range(n_folds):
        model = GeneralizingEstimator(classifier(), scoring="balanced_accuracy", n_jobs=1, verbose="error")
        model.fit(data[folds != fold], labels[folds != fold])
        total += model.score(data[folds == fold], labels[folds == fold])
    return total / n_folds


def classifier() -> Any:
    """Return the linear discriminant that times are decoded with."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def labelled_trials(
    recording: Recording, categories: Mapping[str, str], n_folds: int, seed: int, roi: str | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return trials ``(n_trials, n_channels, n_times)`` with categories, their codes and the fold of their stimulus."""
    one = recording if roi is None else recording.select(roi)
    kept = np.array([stimulus in categories for stimulus in one.stimulus_ids])
    ids = [stimulus for stimulus, there in zip(one.stimulus_ids, kept, strict=True) if there]
    stimuli = list(dict.fromkeys(ids))
    names = sorted({categories[stimulus] for stimulus in stimuli})
    sizes = {name: sum(categories[stimulus] == name for stimulus in stimuli) for name in names}
    if len(names) < 2 or n_folds < 2 or min(sizes.values()) < n_folds:
        msg = (
            f"{one.name}: {len(stimuli)} stimuli of {sizes} in {n_folds} folds; expected two categories or more, each "
            "with a stimulus for every fold."
        )
        raise SpecError(msg)
    of_stimulus: dict[str, int] = {}
    for name in names:
        own = [stimulus for stimulus in stimuli if categories[stimulus] == name]
        dealt = group_folds(np.arange(len(own)), n_folds, stream_seed(seed, "decoding folds", name))
        of_stimulus |= dict(zip(own, map(int, dealt), strict=True))
    labels = np.array([names.index(categories[stimulus]) for stimulus in ids])
    return np.asarray(one.data, np.float64)[kept], labels, np.array([of_stimulus[stimulus] for stimulus in ids])
