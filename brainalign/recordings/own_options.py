"""Which options :func:`~brainalign.recordings.own.own_recording` takes: each is used, or refused in one line."""

from collections.abc import Mapping
from typing import Any

from brainalign.errors import SpecError
from brainalign.rdms import RDMs
from brainalign.recordings.recording import Recording

#: Text that says what a recording is, and what is said unless it is given.
ABOUT = {
    "title": "{name}",
    "modality": "unknown modality",
    "citation": "unpublished data",
    "unit": "arbitrary",
    "dissimilarity": "unknown",
}


def check_texts(name: str, about: Mapping[str, str]) -> None:
    """Raise :class:`SpecError` where an option has no such name, or is no text; an empty ``name`` is none given."""
    for key, value in about.items():
        if key not in ABOUT:
            msg = f"own_recording: unknown option {key!r}. Choose one of: {', '.join(ABOUT)}."
            raise SpecError(msg)
        if not isinstance(value, str) or not value.strip():
            msg = f"own_recording: {key} is {value!r}; expected text."
            raise SpecError(msg)
    if not isinstance(name, str) or (name and not name.strip()):
        msg = f"own_recording: name is {name!r}; expected text, such as 'my_eeg'."
        raise SpecError(msg)


def check_for_trials(options: Mapping[str, Any], carriers: list[Recording], patterns: bool = False) -> None:
    """Raise :class:`SpecError` where trials have no use for an option, or say it themselves.

    Parameters
    ----------
    options
        By name; None where it was not given.
    carriers
        Trials that are recordings; none where they are arrays.
    patterns
        Whether trials are patterns, which have ids of their own.
    """
    _check_subjects(options["subjects"])
    if options.get("dissimilarity") is not None:
        remedy = "Leave it out, and say which to compute where they are compared"
        msg = f"own_recording: dissimilarity was given, but it is that of RDMs, and trials have none. {remedy}."
        raise SpecError(msg)
    if carriers:
        _refuse_known(options, ("times", "unit", "ids"), "recordings")
    if patterns:
        _refuse_known(options, ("ids",), "patterns")
    for one in carriers:
        _check_agrees("modality", options.get("modality"), one.modality, one.name)


def check_for_rdms(options: Mapping[str, Any], rdms: Any) -> None:
    """Raise :class:`SpecError` where RDMs have no use for an option, or say it themselves.

    Parameters
    ----------
    options
        By name; None where it was not given.
    rdms
        As they were given: by ROI or not.
    """
    _check_subjects(options["subjects"])
    if options.get("unit") is not None:
        msg = "own_recording: unit was given, but it is that of trials, and RDMs have none. Leave unit out."
        raise SpecError(msg)
    if isinstance(rdms, Mapping):
        _refuse_known(options, ("rois",), "RDMs by ROI")
    for one in rdms.values() if isinstance(rdms, Mapping) else [rdms]:
        if isinstance(one, RDMs):
            _check_agrees("dissimilarity", options.get("dissimilarity"), one.measure, "RDMs")


def _refuse_known(options: Mapping[str, Any], names: tuple[str, ...], what: str) -> None:
    for name in names:
        if options.get(name) is not None:
            msg = f"own_recording: {name} was given, but {what} have {name} of their own. Leave {name} out."
            raise SpecError(msg)


def _check_agrees(option: str, given: str | None, own: str, whose: str) -> None:
    """Raise where something says otherwise itself; what is unknown there is what the option is for."""
    if given is not None and own not in (given, ABOUT[option]):
        msg = f"own_recording: {option} is {given!r}, but {whose} say {own!r} themselves. Leave {option} out."
        raise SpecError(msg)


def _check_subjects(subjects: Any) -> None:
    if isinstance(subjects, (str, bytes)):
        msg = f"own_recording: subjects is {subjects!r}; expected a list of names. Give subjects = [{subjects!r}]."
        raise SpecError(msg)
