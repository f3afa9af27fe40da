"""Networks against a brain, from a notebook."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

import pandas as pd

from brainalign import tables
from brainalign.activations import Activations, Shown
from brainalign.alignment.align import align_checked
from brainalign.alignment.display import Display, displayed
from brainalign.alignment.failure_table import failure_table
from brainalign.alignment.instance import Instance
from brainalign.alignment.layer_means import LayerMeans
from brainalign.alignment.layer_rdms import LayerRDMs
from brainalign.alignment.mean_rdms import mean_rdms
from brainalign.alignment.result import AlignmentResult as Result
from brainalign.asked_for import asked_for
from brainalign.comparisons.comparison import Comparison
from brainalign.computing import computing_on
from brainalign.data_check.brain import BrainCheck
from brainalign.errors import SpecError
from brainalign.face.alignment_result import AlignmentResult
from brainalign.face.lists import recording
from brainalign.rdms import RDMs
from brainalign.recordings.brain import Brain
from brainalign.recordings.own import own_recording
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.report.wording import of_models
from brainalign.roles import COMPARED, MODEL, OWN_START, UNTRAINED
from brainalign.specs import RecordingSpec, ScoringSpec

Brains = str | RecordingSource | Recording | RDMs | Sequence[Recording]

#: Options of scoring that a measure with options of its own answers itself.
_OF_MEASURES = ("dissimilarity", "comparator", "partial")
_OF_SCORING = tuple(one.name for one in fields(ScoringSpec) if one.name not in ("resolution", "checkpoints", "options"))


def align(
    nets: Activations | LayerRDMs | Iterable[Activations | LayerRDMs],
    brain: Brains,
    measures: str | Comparison | Sequence[str | Comparison] = ("rsa",),
    *,
    rois: str | Sequence[str] | None = None,
    windows: Sequence[tuple[float, float]] | Mapping[str, tuple[float, float]] | None = None,
    subjects: str = "random",
    stimuli: str = "all",
    runs: str = "centre",
    brain_dissimilarity: str = "default",
    accept: Sequence[str] = (),
    aspect: str = "refuse",
    device: str = "cpu",
    progress: Callable[[str], None] = lambda text: None,
    **scoring: Any,
) -> AlignmentResult:
    """Score every layer of networks against a recording, and infer what the scores support.

    Parameters
    ----------
    nets
        What :func:`show` returned; several are joined by ``+``. Networks of one group are compared where they have a
        layer of one name. Or :class:`LayerRDMs`, which measures of RDMs score.
    brain
        A set of recordings, such as :func:`own_recording` returns, or its name (:func:`list_recordings`); one
        :class:`Recording`, or several (one for each subject), or :class:`RDMs` (those of rsatoolbox, too), which then
        come without pictures.
    measures
        Measures, with options of their own (``ba.RSA(comparator="corr")``), or names (:func:`list_measures`).
    rois
        ROIs to score; default: all.
    windows
        First and last time of windows, in seconds from onset, of which each becomes one time; default: all times.
        By name, ``{"peak": (0.13, 0.17)}``, windows are scored beside every time, as ROIs of their own.
    subjects
        ``"random"``: the claim is about subjects in general; ``"fixed"``: about these.
    stimuli, runs
        As in a study, see :class:`RecordingSpec`.
    brain_dissimilarity
        Of the patterns of trials, in the RDMs of subjects: the correlation distance unless another is named; RDMs that
        were published keep their own.
    accept
        Kinds of severe findings of the data check to go on with (``brainalign data check``); the page repeats them.
    aspect
        ``"crop"`` if networks were shown the middle of pictures with another ratio of sides: low-level controls follow.
    device
        Where dissimilarities, samples of linear comparators and regressions are computed: ``"cpu"`` (NumPy) or
        ``"cuda"`` (torch); numbers agree to rounding.
    progress
        Called with a short text before each part.
    **scoring
        Fields of :class:`ScoringSpec`: ``low_level``, ``ranking_layer``, ``n_bootstrap``, ``alpha``, ``correction``,
        ``seed``, ``resampling``, ``equivalence``, ``clusters``, ``time_generalisation``,
        ``dimensionality``; with names of measures also ``dissimilarity``, ``comparator`` and ``partial``.

    Returns
    -------
    AlignmentResult
        Scores, contrasts, ranks and gates.

    Raises
    ------
    SpecError
        If an option is unknown or would be ignored, or the recording cannot support what is asked.
    StimulusMismatchError
        If networks and brains did not see the same stimuli.
    DataError
        If a layer or a response cannot be scored, or something severe is wrong with the recording.

    Examples
    --------
    >>> import brainalign as ba, numpy as np
    >>> nets = ba.example_networks()  # what ba.show returns
    >>> rng, ids = np.random.default_rng(0), nets[0].stimulus_ids
    >>> brain = ba.own_recording(None, rdms=[1 - np.corrcoef(rng.normal(size=(24, 9))) for _ in range(6)], ids=ids)
    >>> found = ba.align(nets, brain, [ba.RSA(comparator="corr")], n_bootstrap=100)
    >>> found.scores[["rule", "layer", "subject"]].iloc[0].to_dict()
    {'rule': 'a', 'layer': 'early', 'subject': 's01'}
    """
    shown = Shown([nets]) if isinstance(nets, (Activations, LayerRDMs)) else Shown(nets)
    source = _source(brain)
    names, objects = _measures(measures, scoring)
    rois, windows = asked_for(rois, "align(): rois"), asked_for(windows, "align(): windows")
    spec = RecordingSpec(
        source.label,
        (rois,) if isinstance(rois, str) else tuple(rois),
        subjects=subjects,
        measures=names,
        stimuli=stimuli,
        runs=runs,
        dissimilarity=brain_dissimilarity,
        accept=tuple(accept),
        aspect=aspect,
        windows=windows,  # type: ignore[arg-type]  # the specification checks their form
    )
    _check_controls(shown)
    with computing_on(device):
        return _Aligned(shown, source, spec, _scoring(scoring), objects).found(progress)


def _source(brain: Brains) -> RecordingSource:
    """Return what is given as a source."""
    if isinstance(brain, str):
        return recording(brain)
    if isinstance(brain, RecordingSource):
        return brain
    if isinstance(brain, RDMs) or hasattr(brain, "pattern_descriptors"):
        return own_recording(None, rdms=brain)
    trials = [brain] if isinstance(brain, Recording) else list(brain) if isinstance(brain, (list, tuple)) else []
    if not trials or not all(isinstance(one, Recording) for one in trials):
        kind = type(brain).__name__
        msg = f"align() got a brain of type {kind}; expected recordings or the name of some. See ba.own_recording."
        raise SpecError(msg)
    return own_recording(None, trials=trials)


class _Aligned:
    def __init__(
        self,
        shown: Shown,
        source: RecordingSource,
        spec: RecordingSpec,
        scoring: ScoringSpec,
        measures: Sequence[Comparison],
    ) -> None:
        self.shown, self.source, self.spec, self.scoring, self.measures = shown, source, spec, scoring, measures

    def found(self, progress: Callable[[str], None]) -> AlignmentResult:
        pictures = self.source.stimuli()
        size = (0, 0) if pictures is None else pictures.at([0])[0].shape[:2]
        instances = [Instance.of(one, (int(size[0]), int(size[1]))) for one in self.shown]
        check = BrainCheck(self.source, self.spec, progress)
        result = align_checked(iter(instances), check, self.scoring, progress, measures=self.measures)
        result = self._with_display(result, instances, check.brain)
        result = replace(result, gates=_in_words_of_models(result.gates, self.shown))
        asked = [{"measure": one.name, **asdict(one)} for one in self.measures]
        facts = {"measures": asked} if asked else {}
        return AlignmentResult.of(result.with_facts(**facts))

    def _with_display(self, result: Result, instances: Sequence[Instance], brain: Brain) -> Result:
        """Add mean RDMs and pictures for figures, where the recording has pictures."""
        if brain.pictures is None:
            return result
        some = displayed(brain.displayed(brain.rois))
        measure = next((one.describe().dissimilarity for one in self.measures if one.describe().dissimilarity), "")
        layers = LayerMeans(some.ids, measure or self.scoring.dissimilarity, self.source.label)
        for one in instances:
            layers.add(one)
        display = Display()
        display.add(self.source.label, some, mean_rdms(brain, some.ids, layers.means()))
        failures = failure_table(layers.failures) if layers.failures else result.failures
        return replace(
            result, failures=failures, rdms=display.rdms, labels=display.labels, thumbnails=display.thumbnails
        )


def _in_words_of_models(gates: pd.DataFrame, shown: Shown) -> pd.DataFrame:
    """Return gates that speak of networks where a group holds networks from elsewhere only, which no rule trained."""
    rules = {one.origin.group for one in shown if one.origin.role in COMPARED and one.origin.role != MODEL}
    told = gates.assign(sentence=gates.sentence.astype(object))
    elsewhere = ~told.network.isin(rules)
    told.loc[elsewhere, "sentence"] = told.sentence[elsewhere].map(of_models)
    return tables.cast("gates", told)


def _measures(
    given: str | Comparison | Sequence[str | Comparison], scoring: dict[str, Any]
) -> tuple[tuple[str, ...], tuple[Comparison, ...]]:
    """Return the names of measures, and the measures where they come with options of their own."""
    listed = (given,) if isinstance(given, (str, Comparison)) else tuple(given)
    wrong = [one for one in listed if not isinstance(one, (str, Comparison))]
    if wrong or not listed:
        kind = f"a {type(wrong[0]).__name__}" if wrong else "none"
        msg = f"measures hold {kind}; expected measures or names of some, such as [ba.RSA(), ba.Encoding()]."
        raise SpecError(msg)
    objects = tuple(one for one in listed if isinstance(one, Comparison))
    if objects and len(objects) < len(listed):
        msg = f"measures hold names and objects ({listed}); expected one kind. Give an object for each."
        raise SpecError(msg)
    if not objects:
        return tuple(str(one) for one in listed), ()
    ignored = [option for option in _OF_MEASURES if option in scoring]
    if ignored:
        option = ignored[0]
        msg = f"align() got {option} = {scoring[option]!r} beside measures with options of their own; give it to these."
        raise SpecError(msg)
    labels = [one.label for one in objects]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        msg = f"Two measures are called {twice!r}; expected options that tell them apart. Align them one after another."
        raise SpecError(msg)
    return tuple(dict.fromkeys(one.name for one in objects)), objects


def _scoring(options: dict[str, Any]) -> ScoringSpec:
    unknown = [name for name in options if name not in _OF_SCORING]
    if unknown:
        own = ("rois", "windows", "subjects", "stimuli", "runs", "brain_dissimilarity", "accept", "aspect", "device")
        msg = f"align() got an unknown option {unknown[0]!r}. Choose among: {', '.join((*own, *_OF_SCORING))}."
        raise SpecError(msg)
    return ScoringSpec(**options)


def _check_controls(shown: Shown) -> None:
    """Refuse untrained networks that are no control of a rule whose networks answer in a way of their own."""
    starts = {(one.origin.group, one.origin.name) for one in shown if one.origin.role == OWN_START}
    untrained = {one.origin.group for one in shown if one.origin.role == UNTRAINED}
    for one in shown:
        who = one.origin
        alone = who.control == OWN_START and (who.group, who.name) not in starts
        if who.role in COMPARED and who.role != MODEL and alone and who.group in untrained:
            msg = (
                f"Networks of {who.name!r} answer in a way of their own, so that untrained ones are no control of "
                "theirs; expected the same networks before their first step. Show what train() returned."
            )
            raise SpecError(msg)
