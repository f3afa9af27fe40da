"""A recording source: every subject's trials, published RDMs, pictures, and what networks were trained on."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy.spatial.distance import squareform

from brainalign.data_check.finding import Finding
from brainalign.data_check.trials import check_trials
from brainalign.datasets.dataset import dataset
from brainalign.datasets.near_identical import near_identical_between
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import BrainalignError, DataError, SpecError
from brainalign.randomness import numpy_stream
from brainalign.rdms import RDMs
from brainalign.recordings.brain_notes import NEAR
from brainalign.recordings.movie import subjects_of, times_of
from brainalign.recordings.source import RecordingSource

_SAME = 0.9999
# accuracies of noise lie above chance at about half of the times
NEARLY_ALL = 0.9
# more stimuli tell no more, and take longer
_MOST_STIMULI, _N_PERMUTATIONS, _ALPHA = 200, 199, 0.01
_CHANCE = {"decoding_accuracy": 0.5}


def check_source(source: RecordingSource, trained_on: str = "") -> Iterator[Finding]:
    """Yield what is found in a source, one subject in memory at a time.

    Parameters
    ----------
    source
        The recordings.
    trained_on
        Name of the data set that networks learn from; its pictures are compared with those that the brain was shown.

    Raises
    ------
    SpecError
        If ``trained_on`` is no data set, or the source has no pictures to compare with it.
    """
    label = source.label
    shown = source.stimuli()
    if shown is not None:
        yield from check_pictures(shown, shown.near_identical(NEAR), label)
    if trained_on:
        if shown is None:
            msg = f"{label} comes without pictures; nothing can be compared with {trained_on!r}. Leave trained_on out."
            raise SpecError(msg)
        yield from _training(shown, trained_on, label, source.data_dir)
    ids = set(source.stimulus_ids())
    subjects = 0
    for one in source.each():
        subjects += 1
        yield from check_trials(one)
        held = set(one.stimulus_ids)
        if ids - held:
            text = f"{len(ids - held)} of {len(ids)} stimuli have no trial, such as {min(ids - held)!r}."
            remedy = "Score the stimuli that all have: stimuli = 'shared'."
            yield Finding("missing stimuli", f"{one.dataset}/{one.subject}", f"{text} {remedy}")
        if held - ids:
            text = f"{len(held - ids)} stimuli of trials are not among what was shown, such as {min(held - ids)!r}."
            yield Finding("missing stimuli", f"{one.dataset}/{one.subject}", f"{text} Correct the ids.")
    yield from check_rdms({roi: _published(source, roi) for roi in source.rois}, label, subjects)


def check_pictures(shown: Stimuli, near: Sequence[tuple[str, str, float]], label: str) -> Iterator[Finding]:
    """Yield what is found in pictures, of which ``near`` are the pairs that are nearly identical."""
    twins = len(shown) - len(set(shown.groups))
    if twins:
        text = (
            f"{twins} stimuli are pictures that others show too. They count as one in folds and draws; remove doubles."
        )
        yield Finding("identical stimuli", label, text)
    if near:
        first, second, r = max(near, key=lambda pair: pair[2])
        text = (
            f"{len(near)} pairs of pictures are nearly identical (r > {NEAR:g}, grey, 32 x 32 pixels; {first} and "
            f"{second}: "
            f"{r:.4f}). Give them one group_label if they show the same thing."
        )
        yield Finding("near-identical stimuli", label, text)


def _training(shown: Stimuli, name: str, label: str, data_dir: str | None) -> Iterator[Finding]:
    images = learnt_pictures(name, data_dir)
    if images is None:
        msg = f"Data set {name!r} has no pictures; expected one of images. Leave trained_on out."
        raise SpecError(msg)
    yield from check_training(shown, images, name, label)


def learnt_pictures(name: str, data_dir: str | None) -> np.ndarray | None:
    """Return the pictures that networks learn from, ``(n, height, width, channels)`` uint8; None where it has none."""
    images = np.asarray(dataset(name, data_dir).train().images)
    return images.transpose(0, 2, 3, 1) if images.dtype == np.uint8 else None


def check_training(shown: Stimuli, images: np.ndarray, name: str, label: str) -> Iterator[Finding]:
    """Yield a finding if a brain was shown what networks learn from, the training set ``name``."""
    pairs = list(near_identical_between(shown.images, images, NEAR))
    if pairs:
        rows = {k for k, _, _ in pairs}
        same = sum(r > _SAME for _, _, r in pairs)
        k, other, r = max(pairs, key=lambda pair: pair[2])
        text = (
            f"{len(rows)} of {len(shown)} pictures are in the training set of {name}, or nearly ({same} pairs with r "
            f"> {_SAME:g};"
            f" {shown.ids[k]} and training picture {other}: {r:.4f}). Leave them out, or train on another set."
        )
        yield Finding("training pictures", label, text, severe=same > 0)


def _published(source: RecordingSource, roi: str) -> RDMs | None:
    try:
        return source.published_rdms(roi)
    except DataError:
        return None


def check_rdms(published: Mapping[str, RDMs | None], label: str, n_trials: int) -> Iterator[Finding]:
    """Yield what is found in published RDMs by ROI, of a source with so many subjects with trials."""
    for roi, rdms in published.items():
        if rdms is None:
            continue
        people = dict.fromkeys(subjects_of(rdms))
        if len(people) < 3 and not n_trials:
            what = f"{len(people)} subject" + ("s" if len(people) > 1 else f" ({next(iter(people))})")
            text = f"RDMs of {what}: no noise ceiling over people. Say what the score is held against."
            yield Finding("ceiling", f"{label}, {roi}", text)
        yield from _rdms_before_onset(rdms, f"{label}, {roi}")
        yield from _resemblance(rdms, f"{label}, {roi}")


def _rdms_before_onset(rdms: RDMs, where: str) -> Iterator[Finding]:
    """Yield a finding if a decoding accuracy is above chance before stimuli were shown."""
    times = np.array(times_of(rdms))
    chance = _CHANCE.get(rdms.measure)
    if chance is None or (times < 0).sum() < 3 or not (times > 0).any():
        return
    excess = rdms.dissimilarities.mean(axis=1) - chance
    before, peak = excess[times < 0], excess[times > 0].max()
    if (before > 0).mean() >= NEARLY_ALL or before.mean() > 0.1 * peak:
        text = (
            f"mean accuracy before onset is {chance + before.mean():.3f} and above chance ({chance:g}) at "
            f"{(before > 0).mean():.0%} of times; its peak is {chance + peak:.3f}. Take it for the floor, or look for "
            "a "
            "filter that smears."
        )
        yield Finding("before onset", where, text)


def _resemblance(rdms: RDMs, where: str) -> Iterator[Finding]:
    """Yield a finding if the mean RDM before stimuli were shown resembles that after, more than with ids exchanged."""
    times = np.array(times_of(rdms))
    if (times < 0).sum() < 3 or (times > 0).sum() < 3:
        return
    n = min(len(rdms.stimulus_ids), _MOST_STIMULI)
    early, late = (
        squareform(rdms.dissimilarities[rows].mean(axis=0))[:n, :n] for rows in (times < 0, times > 0)
    )  # fmt: skip
    upper = np.triu_indices(n, 1)
    rng = numpy_stream(0, "resemblance before onset")
    orders = [np.arange(n), *(rng.permutation(n) for _ in range(_N_PERMUTATIONS))]
    r = [float(np.corrcoef(early[np.ix_(order, order)][upper], late[upper])[0, 1]) for order in orders]
    p = float(np.mean(np.array(r) >= r[0]))
    if p <= _ALPHA:
        text = (
            f"RDMs before onset resemble those after (r = {r[0]:.2f} between their means, p = {p:.3g} by exchange of "
            "ids), so that scores before onset are not 0. Hold scores against those, not against 0."
        )
        yield Finding("before onset", where, text)


def overlap(first: tuple[str, ...], second: tuple[str, ...], names: tuple[str, str]) -> Iterator[Finding]:
    """Yield a finding if two sets of stimuli share ids, as recordings of one picture library do."""
    shared = sorted(set(first) & set(second))
    if shared:
        text = (
            f"{len(shared)} stimuli are in both, such as {shared[0]!r} ({len(set(first))} and {len(set(second))} in "
            "all). Do "
            "not take one for training and the other for test without leaving these out."
        )
        yield Finding("identical stimuli", " and ".join(names), text)


def unreadable(where: str, error: BrainalignError) -> Finding:
    """Return the finding that something cannot be read."""
    return Finding("unreadable", where, " ".join(str(error).split()), severe=True)
