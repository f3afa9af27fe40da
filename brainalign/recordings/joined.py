"""Subjects of one set of recordings brought together: over which stimuli, and what became of their runs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from brainalign.errors import DataError, SpecError, StimulusMismatchError
from brainalign.recordings.recording import Recording


def scored_ids(held: Mapping[str, Iterable[str]], shown: Sequence[str], stimuli: str, label: str) -> tuple[str, ...]:
    """Return the stimuli over which subjects are scored, in the order in which they are shown.

    Parameters
    ----------
    held
        Subject to the ids of the stimuli that it responded to.
    shown
        Ids of the stimuli that networks are shown.
    stimuli
        ``"all"``: every subject must have responded to every stimulus. ``"shared"``: those that all subjects responded
        to. ``"own"``: those that any subject responded to.
    label
        Name of the recordings, for messages.

    Raises
    ------
    StimulusMismatchError
        If subjects do not hold what is declared; the message names counts and the first offenders.
    SpecError
        If ``stimuli`` is another word.
    """
    sets = {subject: set(ids) for subject, ids in held.items()}
    wanted = set(shown)
    if stimuli == "all":
        _check_all(sets, wanted, shown, label)
        return tuple(shown)
    if stimuli not in ("shared", "own"):
        msg = f"Option stimuli is {stimuli!r}; expected 'all', 'shared' or 'own'."
        raise SpecError(msg)
    kept = wanted.intersection(*sets.values()) if stimuli == "shared" else wanted & set().union(*sets.values())
    if not kept:
        sizes = ", ".join(f"{subject} {len(ids)}" for subject, ids in sets.items())
        who = "subjects share" if stimuli == "shared" else "subjects have"
        msg = (
            f"Recording {label!r}: {who} none of the {len(wanted)} stimuli that are shown (each has: {sizes}), "
            f"with stimuli = {stimuli!r}; expected some. Give trials the ids of the stimuli that are shown."
        )
        raise StimulusMismatchError(msg)
    return tuple(one for one in shown if one in kept)


def _check_all(sets: Mapping[str, set[str]], wanted: set[str], shown: Sequence[str], label: str) -> None:
    for subject, ids in sets.items():
        if ids == wanted:
            continue
        lacking, extra = [one for one in shown if one not in ids], sorted(ids - wanted)
        parts = [f"lacks {len(lacking)} ({', '.join(lacking[:3])})"] if lacking else []
        parts += [f"has {len(extra)} that are not shown ({', '.join(extra[:3])})"] if extra else []
        shared = len(wanted.intersection(*sets.values()))
        sizes = sorted({len(one) for one in sets.values()})
        spread = f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else str(sizes[0])
        msg = (
            f"Recording {label!r}: of the {len(wanted)} stimuli that are shown, subject {subject!r} "
            f'{" and ".join(parts)}; subjects hold {spread}, {shared} are with all. Declare stimuli = "shared" to '
            'score those, or "own" to score each subject on its own.'
        )
        raise StimulusMismatchError(msg)


def joined(
    recordings: Sequence[Recording], shown: Sequence[str], stimuli: str = "all", runs: str = "centre", label: str = ""
) -> tuple[Recording, ...]:
    """Return recordings as they are compared: each subject once, over the declared stimuli, runs centred.

    Parameters
    ----------
    recordings
        One per subject.
    shown
        Ids of the stimuli that networks are shown.
    stimuli
        ``"all"``, ``"shared"`` or ``"own"``, see :func:`scored_ids`.
    runs
        ``"centre"``, ``"centre_each"`` (see :meth:`Recording.centred`) or ``"ignore"``; recordings without runs stay.
    label
        Name of the recordings, for messages.

    Raises
    ------
    DataError
        If a subject is there twice, or runs cannot be centred.
    StimulusMismatchError
        If subjects do not hold the stimuli that are declared.
    SpecError
        If an option is another word.
    """
    check_once([one.subject for one in recordings], label)
    check_runs(runs)
    if not recordings:
        return ()
    # runs first: a stimulus that not all subjects saw still tells one run from another
    centred = [without_runs(one, runs) for one in recordings]
    ids = set(scored_ids({one.subject: one.stimulus_ids for one in recordings}, shown, stimuli, label))
    return tuple(one.subset([i for i in dict.fromkeys(one.stimulus_ids) if i in ids]) for one in centred)


def without_runs(one: Recording, runs: str) -> Recording:
    """Return a recording without what differs between its runs, as declared; one without runs stays."""
    return one if one.runs is None or runs == "ignore" else one.centred("run", each=runs == "centre_each")


def check_runs(runs: str) -> None:
    """Raise :class:`SpecError` for a word that says nothing of runs."""
    if runs not in ("centre", "centre_each", "ignore"):
        msg = f"Option runs is {runs!r}; expected 'centre', 'centre_each' or 'ignore'."
        raise SpecError(msg)


def check_once(subjects: Sequence[str], label: str) -> None:
    """Raise :class:`DataError` if a subject is there twice."""
    twice = [subject for subject, count in Counter(subjects).items() if count > 1]
    if twice:
        msg = f"Recording {label!r} holds subject {twice[0]!r} twice; expected each once. Join its trials, as runs."
        raise DataError(msg)
