"""Trials of one subject: repeats, runs, effects before onset, channels, units."""

from collections.abc import Iterator

import numpy as np

from brainalign.data_check.finding import Finding
from brainalign.randomness import numpy_stream
from brainalign.readers.units import UNITS, misfit
from brainalign.recordings.recording import Recording
from brainalign.recordings.recording_checks import blocks

# a channel with this share of its values at its own maximum or minimum was clipped
_CLIPPED = 0.05
_ALPHA, _N_PERMUTATIONS = 0.01, 199
_MOST_STIMULI = 2000


def check_trials(one: Recording) -> Iterator[Finding]:
    """Yield what is found in the trials of one subject."""
    where = f"{one.dataset}/{one.subject}"
    yield from _repeats(one, where)
    yield from _runs(one, where)
    yield from _before_onset(one, where)
    yield from _channels(one, where)
    for kind, mask in one.rois.items():
        unit = UNITS.get(kind, ("",))[0]
        if unit and (one.unit == unit or unit in one.unit.split(", ")):
            fault = misfit(np.asarray(one.data[: min(len(one.data), 500)][:, mask], dtype=np.float64), kind)
            if fault:
                yield Finding("unit", where, f"{fault}.", severe=True)


def _repeats(one: Recording, where: str) -> Iterator[Finding]:
    counts = np.unique(one.stimulus_ids, return_counts=True)[1]
    once = int((counts == 1).sum())
    if once == len(counts):
        text = "every stimulus has one trial: there is no noise ceiling of trials and no distance across folds."
        yield Finding("repeats", where, f"{text} Hold scores against other subjects, or get the single trials.")
    elif once:
        text = f"{once} of {len(counts)} stimuli have one trial, and folds cannot hold them."
        yield Finding("repeats", where, f"{text} Leave them out of measures of trials.")
    if counts.max() >= 4 * counts.min() and counts.max() > 4:
        text = (
            f"stimuli have {counts.min()} to {counts.max()} trials: means differ in noise. Draw as many of each, or use"
        )
        yield Finding("repeats", where, f"{text} distances across folds.")


def _runs(one: Recording, where: str) -> Iterator[Finding]:
    if one.runs is None:
        if len(set(one.stimulus_ids)) < len(one.stimulus_ids):
            text = "stimuli repeat but runs are not known: repeats may share a run. Give runs = one name per trial."
            yield Finding("runs", where, text)
        return
    ids, stimulus = np.unique(one.stimulus_ids, return_inverse=True)
    names, run = np.unique(one.runs, return_inverse=True)
    shown = np.zeros((len(ids), len(names)), dtype=bool)
    shown[stimulus, run] = True
    alone = shown.sum(axis=1) == 1
    if len(names) > 1 and alone.all():
        text = (
            f"every stimulus was shown in one of {len(names)} runs only: pairs within a run share its noise, others "
            "do not. "
            "Give runs = 'centre_each' if stimuli were dealt to runs at random; distances across runs are not possible."
        )
        yield Finding("runs", where, text)
    elif len(names) > 1 and alone.any():
        text = f"{int(alone.sum())} of {len(ids)} stimuli were shown in one run only."
        yield Finding("runs", where, f"{text} Leave them out of distances across runs.")
    if len(names) > 1:
        pairs = shown.astype(np.float64) @ shown.T
        together = (pairs[np.triu_indices(len(ids), 1)] > 0).mean()
        if 0 < together < 1 and not alone.all():
            text = f"{together:.0%} of pairs of stimuli share a run and the others do not."
            yield Finding("runs", where, f"{text} Centre runs, or use distances across runs.")


def _before_onset(one: Recording, where: str) -> Iterator[Finding]:
    """Yield a finding if two halves of the trials agree on stimuli before these were shown."""
    times = np.asarray(one.times)
    early = times < 0
    ids, stimulus = np.unique(one.stimulus_ids, return_inverse=True)
    counts = np.bincount(stimulus)
    # so many tell as well as all, and products of all pairs stay small
    kept = (counts >= 2) & (np.cumsum(counts >= 2) <= _MOST_STIMULI)
    if early.sum() < 2 or kept.sum() < 3:
        return
    order = np.argsort(stimulus, kind="stable")
    place = np.empty(len(stimulus), dtype=int)
    place[order] = (np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)) % 2
    row = np.where(kept, np.cumsum(kept) - 1, -1)[stimulus]  # of each trial among the stimuli that are kept
    halves = np.zeros((2, int(kept.sum()), len(one.channels), int(early.sum())))
    for part in blocks(one.data):
        own = np.flatnonzero(row[part] >= 0) + part.start
        np.add.at(halves, (place[own], row[own]), one.data[own][:, :, early])
    n = np.stack([np.bincount(stimulus[place == half], minlength=len(ids)) for half in (0, 1)])
    first, second = (_standard(halves[half] / n[half][kept][:, None, None]) for half in (0, 1))
    alike = first @ second.T
    rows = np.arange(len(alike))
    observed = alike[rows, rows].sum()
    rng = numpy_stream(0, "before onset")
    null = [alike[rows, rng.permutation(len(rows))].sum() for _ in range(_N_PERMUTATIONS)]
    p = (1 + sum(value >= observed for value in null)) / (_N_PERMUTATIONS + 1)
    if p <= _ALPHA:
        text = (
            f"responses before onset tell stimuli apart (r = {observed:.3f} between halves of the trials, p = "
            f"{p:.3g}). Look "
            "for a filter that smears, a fixed order of stimuli, or a delay of the screen."
        )
        yield Finding("before onset", where, text)


def _standard(half: np.ndarray) -> np.ndarray:
    """Return responses ``(n_stimuli, n_features)`` of which products summed over stimuli are the mean correlation.

    Of two halves: the correlation over stimuli of each channel at each time, on average over these.
    """
    values = (half - half.mean(axis=0)).reshape(len(half), -1)
    norm = np.sqrt((values**2).sum(axis=0))
    scale = norm * np.sqrt(values.shape[1])
    return np.divide(values, scale, out=np.zeros(values.shape), where=norm > 0)


def _channels(one: Recording, where: str) -> Iterator[Finding]:
    shape = (len(one.channels),)
    low, high = np.full(shape, np.inf), np.full(shape, -np.inf)
    for part in blocks(one.data):
        low = np.minimum(low, one.data[part].min(axis=(0, 2)))
        high = np.maximum(high, one.data[part].max(axis=(0, 2)))
    flat = high - low <= 1e-12 * np.maximum(np.abs(low), np.abs(high))
    if flat.any():
        yield Finding(
            "flat channel", where, f"{_some(one, flat)} never vary. Drop them: recording.drop_channels(names)."
        )
    at_edge = np.zeros((2, *shape))
    for part in blocks(one.data):
        own = one.data[part]
        at_edge[0] += (own == low[:, None]).sum(axis=(0, 2))
        at_edge[1] += (own == high[:, None]).sum(axis=(0, 2))
    size = len(one.data) * len(one.times)
    # few values, as of counts, repeat their extremes without being clipped
    clipped = ~flat & (at_edge.max(axis=0) > _CLIPPED * size) & (size >= 100) & (one.modality in ("EEG", "MEG", "fMRI"))
    if clipped.any():
        share = at_edge.max(axis=0)[clipped].max() / size
        text = (
            f"{_some(one, clipped)} hold one extreme value in up to {share:.0%} of samples. Drop them, or those trials."
        )
        yield Finding("saturated channel", where, text)


def _some(one: Recording, mask: np.ndarray) -> str:
    names = [channel for channel, bad in zip(one.channels, mask, strict=True) if bad]
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return f"{len(names)} of {len(mask)} channels ({shown})"
