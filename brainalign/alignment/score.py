"""Networks against a recording: scores of every layer, kept with what inference needs."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from brainalign.alignment.facts import facts_of
from brainalign.alignment.failure import Failure
from brainalign.alignment.instance import Instance, check_paired
from brainalign.alignment.place_scores import PlaceScores
from brainalign.alignment.scores import Scores
from brainalign.alignment.scoring import Scoring
from brainalign.comparisons.beside_controls import CONTROLS
from brainalign.comparisons.comparison import Comparison, comparisons
from brainalign.comparisons.description import PREDICTION
from brainalign.errors import SpecError
from brainalign.extraction.activations import Activations
from brainalign.low_level import low_level_features
from brainalign.patterns import Patterns
from brainalign.recordings.brain import Brain
from brainalign.recordings.source import RecordingSource
from brainalign.resampling.samples import Samples
from brainalign.specs import RecordingSpec, ScoringSpec

Progress = Callable[[str], None]

#: Stands for activations that were let go.
_LET_GO = Activations({}, (), "")

_CONDITIONAL = (
    "errors of encoding scores come from a bootstrap of the test stimuli; the variance of the training stimuli, which "
    "counts where features outnumber stimuli, is left out."
)

_ON_FITS = (
    "are conditional on the fitted folds: the variance of the training stimuli, which counts where features outnumber "
    "stimuli, is left out, so that intervals can be too short."
)


def score(
    instances: Iterable[Instance],
    source: RecordingSource,
    spec: RecordingSpec,
    scoring: ScoringSpec | None = None,
    progress: Progress = lambda text: None,
    failures: list[Failure] | None = None,
    measures: Sequence[Comparison] = (),
) -> Scores:
    """Score every layer of every network against a recording, with samples of the stimuli; infer nothing.

    Parameters and errors are those of :func:`brainalign.align`, of which this is the first half: level, correction,
    ranking layer and what is random are asked of the scores afterwards.
    """
    return score_brain(instances, Brain(source, spec), scoring or ScoringSpec(), progress, failures, measures)


def score_brain(
    instances: Iterable[Instance],
    brain: Brain,
    scoring: ScoringSpec,
    progress: Progress = lambda text: None,
    failures: list[Failure] | None = None,
    measures: Sequence[Comparison] = (),
) -> Scores:
    """Score as :func:`score` does, of recordings that are joined."""
    measures = measures or measures_of(brain.spec, scoring)
    each = score_each(instances, brain, measures, scoring, progress, failures)
    found = Scores.together(list(each.values()))
    if failures is not None:
        failures += [one for one in found.failures if one not in failures]
    return found


def score_each(
    instances: Iterable[Instance],
    brain: Brain,
    measures: Sequence[Comparison],
    scoring: ScoringSpec,
    progress: Progress = lambda text: None,
    failures: list[Failure] | None = None,
) -> dict[str, Scores]:
    """Return the scores of each measure by its name, with the failures of its own; networks are shown once.

    Failures that are noted in ``failures`` while networks are shown are of all measures.
    """
    label = brain.source.label
    refuse_rdms_only(brain, measures)
    _refuse_without_pictures(brain, measures)
    for measure in measures:
        measure.check(brain)
    scored, seen = _show_all(instances, brain, measures, scoring, failures)
    check_paired(seen)
    unseen = _unseen(failures, label)
    places: dict[str, list[PlaceScores]] = {measure.label: [] for measure in measures}
    for (roi, measure), times in groupby(scored.finish(), key=lambda one: (one.roi, one.measure)):
        progress(f"{label} {roi}: {measure}")
        places[measure].append(PlaceScores.of(times))
    found = {}
    for measure in measures:
        own, notes = places[measure.label], list[str]()
        for place in own:
            notes += brain.notes(place.roi, measure.word, scored.ids(place.roi, measure), measure.of_trials)
            if place.about.kind == PREDICTION and place.samples != "leave_one_out":
                notes.append(f"{label}: {_CONDITIONAL}")
            if measure.conditional and place.samples == "leave_one_out":
                notes.append(f"{label}: errors of {measure.word} {_ON_FITS}")
        facts = facts_of(brain, scoring, bool(measure.describe().dissimilarity))
        lost = [*unseen, *(Failure.of(error, label) for error in scored.lost(measure))]
        found[measure.label] = Scores(
            dataset=label,
            simulated=brain.source.simulated,
            places=tuple(own),
            facts=facts,
            notes=tuple(notes),
            failures=tuple(lost),
        )
    return found


def refuse_rdms_only(brain: Brain, measures: Sequence[Comparison | type[Comparison]]) -> None:
    """Raise :class:`SpecError` if a measure needs responses and the recording holds RDMs only."""
    of_trials = [measure for measure in measures if measure.of_trials]
    if of_trials and not brain.has_trials:
        other = [name for name, measure in comparisons().items() if not measure.of_trials]
        msg = (
            f"Recording {brain.source.label!r} comes as RDMs only; {of_trials[0].word} needs responses. "
            f"Use measures = {other}."
        )
        raise SpecError(msg)


def _refuse_without_pictures(brain: Brain, measures: Sequence[Comparison]) -> None:
    """Raise :class:`SpecError` if a measure is beyond features of pictures and the recording has no pictures."""
    for measure in measures:
        beyond = {*measure.describe().held, *getattr(measure, "controls", ())}.intersection(CONTROLS)
        if beyond and brain.pictures is None:
            msg = (
                f"Recording {brain.source.label!r} comes without pictures; {measure.word} needs their "
                f"{' and '.join(sorted(beyond))}. Give the recording its pictures, or use another measure."
            )
            raise SpecError(msg)


def measures_of(spec: RecordingSpec, scoring: ScoringSpec) -> list[Comparison]:
    """Return the measures that a study asks for, with its options; an unknown option raises :class:`SpecError`."""
    known = comparisons()
    found = [measure for name in spec.measures for measure in known[name].of_study(scoring)]
    made = list(found)
    for option, each in (("within_categories", False), ("each_category", True)):
        if not getattr(spec, option):
            continue
        within = [own for measure in found if (own := measure.within(each)) is not None]
        if not within:
            msg = (
                f"{option} is true for {spec.dataset!r}, but none of its measures ({', '.join(spec.measures)}) "
                "compares pairs of stimuli; add one that does, or leave the option out."
            )
            raise SpecError(msg)
        made += within
    return made


def check_scoring_is_used(scoring: ScoringSpec, specs: Sequence[RecordingSpec]) -> None:
    """Raise :class:`SpecError` for options of RSA without which the measures of all recordings would be the same."""
    for option in ("comparator", "partial"):
        value, usual = getattr(scoring, option), getattr(ScoringSpec, option)
        without = replace(scoring, **{option: usual})
        if value != usual and all(measures_of(spec, scoring) == measures_of(spec, without) for spec in specs):
            names = ", ".join(dict.fromkeys(name for spec in specs for name in spec.measures))
            msg = (
                f"Option {option} is {value!r}, but no measure takes it ({names}); add one that does, or leave it out."
            )
            raise SpecError(msg)


def _show_all(
    instances: Iterable[Instance],
    brain: Brain,
    measures: Sequence[Comparison],
    scoring: ScoringSpec,
    failures: list[Failure] | None,
) -> tuple[Scoring, list[Instance]]:
    """Return the scoring that has seen every instance, and the instances without their activations."""
    scored: Scoring | None = None
    samples = Samples(scoring.resampling, scoring.n_bootstrap, scoring.seed)
    seen: list[Instance] = []
    for one in instances:
        if scored is None:
            held = any(measure.describe().held for measure in measures)
            wanted = held or (scoring.low_level and brain.pictures is not None)
            aspect = "crop" if brain.spec.aspect == "crop" else "stretch"
            features = low_level_features(brain.stimuli, one.resolution, aspect) if wanted else {}
            controls = {name: Patterns(values, brain.ids, name) for name, values in features.items()}
            scored = Scoring(brain, brain.rois, measures, samples, controls, scoring.low_level)
        scored.show(one, noted=failures is not None)
        seen.append(replace(one, activations=_LET_GO))
    if scored is None:
        why = f" First: {failures[0].reason}" if failures else ""
        msg = f"No network was shown the stimuli of {brain.source.label!r}; expected at least one.{why}"
        raise SpecError(msg)
    for unseen in _unseen(failures, brain.source.label):
        scored.forget(unseen.rule, unseen.network, None)  # some of its instances may have been shown before
        seen = [one for one in seen if (one.rule, one.network) != (unseen.rule, unseen.network)]
    return scored, [one for one in seen if scored.has(one)]


def _unseen(failures: Sequence[Failure] | None, label: str) -> list[Failure]:
    """Return the populations that could not be shown the stimuli of a recording."""
    return [one for one in failures or () if one.stage == "scoring" and one.recording in ("", label)]
