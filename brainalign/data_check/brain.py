"""The check of a recording that is about to be compared: what was found, what was accepted, and what stops."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from brainalign.data_check.finding import Finding
from brainalign.data_check.source import check_pictures, check_rdms, check_training, learnt_pictures
from brainalign.data_check.trials import check_trials
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError
from brainalign.recordings.brain import Brain
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec

#: Returns the findings of a name, from where they are kept or by looking.
Kept = Callable[[Stimuli, str, Callable[[], Iterable[Finding]]], Iterable[Finding]]


class BrainCheck:
    """Looks at a recording while it is joined, so that trials are not read twice.

    Parameters
    ----------
    source
        The recordings.
    spec
        What a study declares of them; ``accept`` names the kinds of findings that it goes on with.
    progress
        Called with a short text while RDMs are made.

    Examples
    --------
    >>> from brainalign.recordings.source import recording_source
    >>> options = {"n_subjects": 3, "n_stimuli": 20, "training": {"epochs": 0.1}}
    >>> check = BrainCheck(recording_source("simulated", options), RecordingSpec("simulated"))
    >>> [(one.kind, one.where) for one in check.findings()]
    [('runs', 'simulated/simulated 1 and 2 others')]
    """

    def __init__(
        self, source: RecordingSource, spec: RecordingSpec, progress: Callable[[str], None] = lambda text: None
    ) -> None:
        self._of_trials: list[Finding] = []
        self.brain = Brain(source, spec, self._look, progress)

    def _look(self, one: Recording) -> None:
        self._of_trials += check_trials(one)

    def findings(self, trained_on: Sequence[str] = (), kept: Kept = lambda shown, name, look: look()) -> list[Finding]:
        """Return what is found; reads the trials of every subject unless they were read.

        Parameters
        ----------
        trained_on
            Data sets that networks learn from; their pictures, where they have some, are compared with what was shown.
        kept
            Looks at pictures of a training set, or returns what an earlier look found.
        """
        brain = self.brain
        n_subjects = len(brain.responses.facts)
        return together([
            *self._pictures(trained_on, kept),
            *self._of_trials,
            *check_rdms({roi: brain.published(roi) for roi in brain.rois}, brain.source.label, n_subjects),
        ])  # fmt: skip

    def _pictures(self, trained_on: Sequence[str], kept: Kept) -> Iterator[Finding]:
        shown, source = self.brain.pictures, self.brain.source
        if shown is None:
            return
        yield from check_pictures(shown, self.brain.near, source.label)
        for name in dict.fromkeys(trained_on):

            def look(shown: Stimuli = shown, name: str = name) -> Iterator[Finding]:
                images = learnt_pictures(name, source.data_dir)
                if images is not None:
                    yield from check_training(shown, images, name, source.label)

            yield from kept(shown, name, look)


def together(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, of which those that say the same of several people are one."""
    places: dict[tuple[str, str, bool], list[str]] = {}
    for one in findings:
        places.setdefault((one.kind, one.text, one.severe), []).append(one.where)
    return [
        Finding(kind, where[0] if len(where) == 1 else f"{where[0]} and {_others(len(where) - 1)}", text, severe)
        for (kind, text, severe), where in places.items()
    ]


def _others(n: int) -> str:
    return f"{n} other{'' if n == 1 else 's'}"


def refuse_severe(findings: Sequence[Finding], spec: RecordingSpec, label: str) -> None:
    """Raise :class:`DataError` if something severe was found that the study does not accept."""
    severe = [one for one in findings if one.severe and one.kind not in spec.accept]
    if severe:
        kinds = ", ".join(f"{kind!r}" for kind in dict.fromkeys(one.kind for one in severe))
        more = f" ({_others(len(severe) - 1)} like it)" if len(severe) > 1 else ""
        msg = f"Recording {label!r}, data check: {severe[0]}{more} To go on all the same, declare accept = [{kinds}]."
        raise DataError(msg)


def findings_facts(findings: Sequence[Finding], spec: RecordingSpec) -> Mapping[str, Any]:
    """Return what ``study.json`` says of the findings in a recording, and of those that were accepted."""
    return {
        "found": [{**asdict(one), "accepted": one.kind in spec.accept} for one in findings],
        "accepted and not found": [kind for kind in spec.accept if kind not in {one.kind for one in findings}],
    }
