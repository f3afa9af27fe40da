"""Trials and stimuli that a user holds as arrays, read as recordings under ids."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from brainalign.arrays import as_numbers
from brainalign.datasets.stimuli import Stimuli, checked_ids
from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.patterns import Patterns
from brainalign.recordings.own_options import ABOUT
from brainalign.recordings.recording import ALL, Recording

__all__ = ["ALL", "has_patterns", "own_stimuli", "own_trials", "recordings_among"]


def recordings_among(trials: Any) -> list[Recording]:
    """Return trials that are recordings; none where they are arrays.

    Raises
    ------
    SpecError
        If some are recordings and some arrays: what is said of the one would be no option of the other.
    """
    given = trials.values() if isinstance(trials, Mapping) else [trials] if isinstance(trials, Recording) else trials
    each = list(given) if isinstance(trials, (Mapping, Recording, list, tuple)) else []
    found = [one for one in each if isinstance(one, Recording)]
    if found and len(found) < len(each):
        msg = (
            f"own_recording: {len(found)} of {len(each)} trials are recordings; expected all or none. Make the others "
            "recordings: Recording.from_array(array, ids)."
        )
        raise SpecError(msg)
    return found


def has_patterns(trials: Any) -> bool:
    """Return whether some trials are :class:`~brainalign.patterns.Patterns`, which have ids of their own."""
    each = trials.values() if isinstance(trials, Mapping) else trials if isinstance(trials, (list, tuple)) else [trials]
    return any(isinstance(one, Patterns) for one in each)


def own_stimuli(given: Any, ids: Any, name: str) -> tuple[Stimuli | None, tuple[str, ...] | None]:
    """Return pictures and their ids: those of :class:`Stimuli`, a folder, images with ``ids``, or names alone.

    Raises
    ------
    SpecError
        If it is none of these.
    StimulusMismatchError
        If images have no ids, or another number of them.
    """
    if given is None:
        return None, None
    if isinstance(given, Stimuli):
        return given, given.ids
    if isinstance(given, (str, Path)):
        shown = Stimuli.from_folder(given)
        return shown, shown.ids
    if isinstance(given, Sequence) and len(given) and isinstance(given[0], str):
        return None, checked_ids(given, f"Stimuli of {name!r}")
    if not hasattr(given, "__len__") or np.ndim(given[0]) != 3:
        msg = (
            f"own_recording: stimuli is {type(given).__name__}; expected Stimuli, a folder of pictures, images (n, "
            "height, width, channels) with ids, a list of names, or None."
        )
        raise SpecError(msg)
    if ids is None or isinstance(ids, Mapping) or len(ids) != len(given):
        n_ids = 0 if ids is None else len(ids)
        msg = (
            f"own_recording: {len(given)} images with {n_ids} ids; expected one id per image. Where trials have ids of "
            "their own, give stimuli = Stimuli(ids, images, name)."
        )
        raise StimulusMismatchError(msg)
    shown = Stimuli(ids, given, f"Stimuli of {name}")
    return shown, shown.ids


def own_trials(
    given: Any,
    ids: Any,
    known: tuple[str, ...] | None,
    options: tuple[str, Sequence[str] | None, Sequence[float] | None, Any],
    about: Mapping[str, str],
) -> tuple[dict[str, Recording], bool]:
    """Return one recording per subject by name, and whether rows were taken for the stimuli in their order.

    Parameters
    ----------
    given
        One array, a list of arrays, recordings or patterns, or a mapping from subject to one.
    ids
        Id of each trial; by subject, or a list of lists, where subjects differ.
    known
        Ids of the stimuli, for arrays without ids.
    options
        Name, subjects, times and ROIs.
    about
        ``modality`` and ``unit``; a recording of unknown modality has the one given here.

    Raises
    ------
    SpecError
        If an option does not fit.
    StimulusMismatchError
        If ids do not fit, or an array could be read in two ways.
    """
    name, subjects, times, rois = options
    if isinstance(given, (Mapping, list, tuple)) and not len(given):
        msg = "own_recording: trials is empty; expected those of at least one subject, such as trials = [array]."
        raise SpecError(msg)
    each = _by_subject(given, ids, known, subjects, times)
    found, guessed = {}, False
    ids_of = {} if recordings_among(given) else _ids_of(tuple(each), ids)
    for subject, one in each.items():
        if isinstance(one, Recording):
            found[subject] = _named(one, subject, rois, about["modality"])
            continue
        own = one.stimulus_ids if isinstance(one, Patterns) else ids_of[subject]
        array = one.values if isinstance(one, Patterns) else as_numbers(one, f"Trials of {subject!r}")
        if own is None:
            guessed = True
            own = known
            if known is None or len(array) != len(known):
                n_known = "no" if known is None else len(known)
                msg = (
                    f"own_recording: subject {subject!r} has {len(array)} trials for {n_known} stimuli, and no ids; "
                    "expected to be told which trial is which. Give ids = one per trial."
                )
                raise StimulusMismatchError(msg)
        labels: Any = {"subject": subject, "dataset": name, "modality": about["modality"], "unit": about["unit"]}
        found[subject] = Recording.from_array(array, own, times=times, rois=rois, **labels)
    return found, guessed


def _by_subject(
    given: Any,
    ids: Any,
    known: tuple[str, ...] | None,
    subjects: Sequence[str] | None,
    times: Sequence[float] | None,
) -> dict[str, Any]:
    if isinstance(given, Mapping):
        if subjects is not None:
            msg = "own_recording: subjects are the names of trials by subject; leave subjects out."
            raise SpecError(msg)
        return {str(subject): one for subject, one in given.items()}
    if isinstance(given, (Recording, Patterns)) or hasattr(given, "obs_descriptors"):
        given = [given]
    listed = isinstance(given, (list, tuple)) and len(given)
    if listed and (datasets := [one for one in given if hasattr(one, "obs_descriptors")]):
        known_ids = ", ".join(map(repr, datasets[0].obs_descriptors or {})) or "none"
        msg = (
            "own_recording: trials are data sets of rsatoolbox; expected arrays or Patterns. Give trials = "
            f"[from_rsatoolbox(one, NAME) for one in datasets], with NAME one of: {known_ids}."
        )
        raise SpecError(msg)
    if not (listed and (isinstance(given[0], (Recording, Patterns)) or np.ndim(given[0]) > 1)):
        given = _arrays(as_numbers(given, "Trials"), ids, known, subjects, times)
    carried = [one.subject for one in given if isinstance(one, Recording)]
    names = list(subjects) if subjects is not None else carried or [f"s{k + 1:02d}" for k in range(len(given))]
    if len(names) != len(given) or len(set(names)) != len(given):
        msg = (
            f"own_recording: {len(set(names))} different names of subjects for {len(given)} recordings; expected one "
            "each. Give subjects = one name each."
        )
        raise SpecError(msg)
    return dict(zip(map(str, names), given, strict=True))


def _arrays(
    array: np.ndarray,
    ids: Any,
    known: tuple[str, ...] | None,
    subjects: Sequence[str] | None,
    times: Sequence[float] | None,
) -> list[np.ndarray]:
    """Return what an array is of each subject, where there is one way to read it."""
    if array.ndim == 4:
        return list(array)
    if array.ndim != 3 or (subjects is not None and len(subjects) == 1):
        return [array]
    n = len(known or ()) if ids is None else len(ids)
    trials_first = array.shape[0] == n
    # an axis of times leaves no axis for subjects
    subjects_first = array.shape[1] == n and times is None
    if trials_first and subjects_first and subjects is None:
        msg = (
            f"Trials have shape {array.shape} for {n} ids: (n_trials, n_channels, n_times) or (n_subjects, n_trials, "
            "n_channels), and nothing tells which. Give times = seconds for the first, list(trials) for the second."
        )
        raise StimulusMismatchError(msg)
    if subjects_first and (subjects is None or len(subjects) == len(array)):
        return list(array)
    return [array]


def _ids_of(subjects: Sequence[str], ids: Any) -> dict[str, Any]:
    """Return ids by subject, each as it was given."""
    if isinstance(ids, Mapping):
        lacking, more = [one for one in subjects if one not in ids], [one for one in ids if one not in subjects]
        if lacking:
            msg = f"own_recording: no ids of subject {lacking[0]!r}; ids are of {', '.join(map(str, ids))}. Add them."
            raise SpecError(msg)
        if more:
            known = ", ".join(subjects)
            msg = (
                f"own_recording: ids are of {more[0]!r}, who has no trials; subjects are {known}. Leave these ids out."
            )
            raise SpecError(msg)
        return dict(ids)
    if ids is None or not len(ids) or isinstance(ids[0], str) or np.ndim(ids[0]) != 1:
        return dict.fromkeys(subjects, ids)
    if len(ids) != len(subjects):
        msg = f"own_recording: {len(ids)} lists of ids for {len(subjects)} subjects; expected one list per subject."
        raise SpecError(msg)
    return dict(zip(subjects, ids, strict=True))


def _named(one: Recording, subject: str, rois: Any, modality: str) -> Recording:
    """Return a recording under its subject's name, with ROIs and a modality."""
    masks = (one.rois if rois is None else rois) or {ALL: np.ones(len(one.channels), dtype=bool)}
    modality = modality if one.modality == ABOUT["modality"] else one.modality
    return replace(one, subject=subject, rois=masks, modality=modality)
