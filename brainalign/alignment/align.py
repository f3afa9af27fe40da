"""Every layer of every network against a recording: scores, contrasts, ranks and gates."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from brainalign.alignment.ceilings import ceilings_of
from brainalign.alignment.cluster_table import check_clusters
from brainalign.alignment.failure import Failure
from brainalign.alignment.families import check_ranked_rois
from brainalign.alignment.infer import Declared, infer
from brainalign.alignment.instance import Instance
from brainalign.alignment.layer_tables import LayerTables
from brainalign.alignment.recovery import recovery
from brainalign.alignment.result import AlignmentResult
from brainalign.alignment.score import Progress, check_scoring_is_used, measures_of, refuse_rdms_only, score_brain
from brainalign.alignment.time_generalisation import check_time_generalisation
from brainalign.comparisons.comparison import Comparison, comparisons
from brainalign.comparisons.pairs_within import categories_apart, pairs_within
from brainalign.data_check.brain import BrainCheck, findings_facts, refuse_severe
from brainalign.errors import SpecError
from brainalign.inference.scope import resolve_scope
from brainalign.recordings.brain import Brain
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec, ScoringSpec


def align(
    instances: Iterable[Instance],
    source: RecordingSource,
    spec: RecordingSpec,
    scoring: ScoringSpec | None = None,
    progress: Progress = lambda text: None,
    failures: list[Failure] | None = None,
    measures: Sequence[Comparison] = (),
) -> AlignmentResult:
    """Score layers against a recording and infer what the scores support.

    Parameters
    ----------
    instances
        Networks under the stimuli of ``source``, see :func:`brainalign.alignment.instance.show`, one after another:
        each is let go before the next is asked for. Rules are compared within one architecture, seed k of one rule with
        seed k of another.
    source
        The recording.
    spec
        ROIs, measures, and whether subjects are random.
    scoring
        How.
    progress
        Called with a short text before each part.
    failures
        Where populations are noted that have a layer which cannot be scored; the others are scored. Without it such a
        layer raises.
    measures
        Measures with options of their own, in place of the names in ``spec``.

    Raises
    ------
    SpecError
        If the recording cannot support what is asked (an unknown ROI, one subject declared random, too few stimuli),
        if rules do not share their seeds, or no network has the ranking layer of a ROI.
    StimulusMismatchError
        If networks and brains did not see the same stimuli, or subjects did not and ``spec.stimuli`` is ``"all"``.
    DataError
        If a subject is there twice, runs cannot be centred as declared, a pattern is constant or a response not finite.
        A layer whose RDM is constant scores NaN instead.
    """
    check = BrainCheck(source, spec, progress)
    return align_checked(instances, check, scoring or ScoringSpec(), progress, failures, measures)


def align_checked(
    instances: Iterable[Instance],
    check: BrainCheck,
    scoring: ScoringSpec,
    progress: Progress = lambda text: None,
    failures: list[Failure] | None = None,
    measures: Sequence[Comparison] = (),
) -> AlignmentResult:
    """Align as :func:`align` does, with recordings that are joined; what their check finds is among the facts.

    Raises
    ------
    DataError
        If something severe is found that ``accept`` of the recording does not name, before a network is shown.
    """
    brain, spec = check.brain, check.brain.spec
    findings = check.findings()
    refuse_severe(findings, spec, brain.source.label)
    if not measures:  # these have options of their own
        check_scoring_is_used(scoring, [spec])
    check_ranked_rois(scoring.ranking_layer, (*brain.source.rois, *brain.rois))
    check_clusters(scoring.clusters, [brain])
    check_time_generalisation(scoring, [brain])
    beside = LayerTables(brain, scoring)
    scores = score_brain(beside.seeing(instances), brain, scoring, progress, failures, measures)
    found = replace(infer(scores, Declared.of(scoring, spec.subjects)), **beside.tables())
    if scoring.clusters != "none" and found.clusters.empty:
        msg = (
            f"clusters = {scoring.clusters!r} compares two networks over all times, but no two of a group have a layer "
            "of one name. Show several, name their layers alike, or leave clusters out."
        )
        raise SpecError(msg)
    if scoring.ceilings:
        found = replace(found, ceilings=ceilings_of(brain, measures or measures_of(spec, scoring)))
    known = recovery(brain.source, found.scores, found.ranks)
    facts = {brain.source.label: findings_facts(findings, spec)}
    return found.with_facts(recovery=[known] if known else [], findings=facts)


def check_recording(brain: Brain, n_seeds: int) -> None:
    """Refuse a recording that cannot support the study, before anything is trained.

    Raises
    ------
    SpecError
        If a ROI is unknown, one subject is declared random, stimuli are too few, or trials were not published but a
        measure needs them.
    """
    source, spec = brain.source, brain.spec
    for roi in brain.rois:
        movies = brain.movies(roi)
        n_units = min(len(set(brain.groups_of(one.stimulus_ids) or one.stimulus_ids)) for one in movies)
        try:
            resolve_scope({"subjects": spec.subjects}, sum(len(one.subjects) for one in movies), n_units, n_seeds)
        except SpecError as error:
            msg = f"Recording {source.label!r}, ROI {roi!r}: {error}"
            raise SpecError(msg) from error
    brain.displayed(brain.rois)
    if spec.within_categories or spec.each_category:
        _check_categories(brain)
    known = comparisons()
    refuse_rdms_only(brain, [known[name] for name in spec.measures])


def _check_categories(brain: Brain) -> None:
    for roi in brain.rois:
        for movie in brain.movies(roi):
            ids = movie.stimulus_ids
            pairs_within(brain.categories(ids))
            if brain.spec.each_category:
                categories_apart(brain.categories(ids), brain.groups_of(ids))
