"""What a study is: frozen dataclasses, read from TOML, written to TOML and JSON, named by a content key."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from brainalign.discovery import algorithms, names
from brainalign.errors import SpecError
from brainalign.finding_kinds import KINDS
from brainalign.optimizers import check_optimizer
from brainalign.options import field_types, fit_fields, plain, require
from brainalign.own_data import folder_hash, own_data
from brainalign.shipped import known_keys
from brainalign.storage import content_hash
from brainalign.summary import Summarised, Summary, changed, some
from brainalign.time_windows import checked_windows

Options = Mapping[str, Any]
T = TypeVar("T")

#: Of a field that came after keys were published: where it holds its default, it is no part of a key.
_LATER = {"later": True}

#: How the learning rate goes on over the steps; :mod:`brainalign.training.optimisation` says how.
SCHEDULES = ("constant", "cosine", "step")
#: What is done to training images; :mod:`brainalign.training.batches` says how.
AUGMENTATIONS = ("none", "jitter", "crop", "flip", "crop_flip")
#: What becomes of a picture whose sides have another ratio than what networks are shown.
ASPECTS = ("refuse", "crop", "stretch")


@dataclass(frozen=True)
class TrainSpec(Summarised):
    """How one population is trained: everything that changes its weights, and nothing else.

    Parameters
    ----------
    rule, network, dataset
        Names.
    rule_options, network_options
        Fields of the rule and of the architecture.
    seeds
        Seeds of the instances. Seed k has the same initial weights, data order and augmentation under every rule.
    epochs
        Passes over the training samples; may be a fraction.
    batch_size
        Samples per step and instance.
    optimizer, learning_rate, optimizer_options
        A torch optimiser that treats every parameter element by element, e.g. ``"sgd"`` or ``"adam"``.
    schedule
        ``"constant"``, ``"cosine"`` (to zero) or ``"step"`` (tenfold down at 1/2 and 3/4).
    warmup
        Share of all steps over which the rate rises linearly from zero.
    clip
        Largest norm of one instance's whole update; 0 does not clip.
    n_train
        Training samples to use, 0 for all that are left after validation.
    validation_fraction
        Share of the training split held out for choosing hyper-parameters.
    augment
        ``"none"``, ``"jitter"`` (shifts by up to 1 pixel), ``"crop"`` (2 pixels), ``"flip"`` or ``"crop_flip"``
        (4 pixels).
    objective
        ``"default"``: what the data set asks for; ``"reconstruction"``: give back the input (an autoencoder).
    n_checkpoints
        Checkpoints to keep, log-spaced over the steps, the untouched network included.
    dataset_content
        Content hash of a folder of pictures (:mod:`brainalign.own_data`), filled in where ``dataset`` names one.

    Examples
    --------
    >>> import brainalign as ba
    >>> spec = ba.TrainSpec("feedback_alignment", "mlp", "digits", seeds=3, epochs=2)
    >>> spec.seeds
    (0, 1, 2)
    >>> spec.key == ba.TrainSpec("feedback_alignment", "mlp", "digits", seeds=(0, 1, 2), epochs=2).key
    True
    """

    rule: str
    network: str
    dataset: str
    rule_options: Options = field(default_factory=dict)
    network_options: Options = field(default_factory=dict)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    epochs: float = 5
    batch_size: int = 128
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    optimizer_options: Options = field(default_factory=dict)
    schedule: str = "cosine"
    warmup: float = 0.0
    clip: float = 0.0
    n_train: int = 0
    validation_fraction: float = 0.1
    augment: str = "none"
    objective: str = "default"
    n_checkpoints: int = 6
    dataset_content: str = field(default="", metadata=_LATER)

    def __post_init__(self) -> None:
        pictures = own_data("datasets").get(self.dataset) if isinstance(self.dataset, str) else None
        if pictures is not None and not self.dataset_content:
            object.__setattr__(self, "dataset_content", folder_hash(pictures))
        object.__setattr__(self, "seeds", _seeds(self.seeds))
        fit_fields(self)
        _require(self.epochs > 0, "epochs", self.epochs, "a positive number")
        _require(self.batch_size > 0, "batch_size", self.batch_size, "a positive number")
        check_optimizer(self.optimizer, self.optimizer_options)
        _require(self.learning_rate > 0, "learning_rate", self.learning_rate, "a positive number")
        _choose("schedule", self.schedule, SCHEDULES)
        _require(0 <= self.warmup <= 1, "warmup", self.warmup, "a share of all steps, from 0 to 1")
        _require(self.clip >= 0, "clip", self.clip, "a largest norm above 0, or 0 for no clipping")
        _require(self.n_train >= 0, "n_train", self.n_train, "a number of samples, or 0 for all")
        _require(0 <= self.validation_fraction < 1, "validation_fraction", self.validation_fraction, "a share below 1")
        _choose("augment", self.augment, AUGMENTATIONS)
        _choose("objective", self.objective, ("default", "reconstruction"))
        _require(self.n_checkpoints >= 2, "n_checkpoints", self.n_checkpoints, "at least 2: before and after")

    @property
    def key(self) -> str:
        """Content hash of everything that changes the weights; device and worker options are not part of it."""
        return content_hash(to_dict(self))[:16]

    def summary(self) -> Summary:
        """Return what is not as it is by default."""
        return Summary(
            f"TrainSpec: {self.rule} on {self.network}, {self.dataset}", _options(self, ("rule", "network", "dataset"))
        )


@dataclass(frozen=True)
class RecordingSpec(Summarised):
    """Which recordings, and whom and what their scores should speak for.

    Parameters
    ----------
    dataset
        Name of a recording source.
    rois
        ROIs to score; empty takes all.
    options
        Fields of the source, e.g. ``{session = "201025"}``.
    subjects
        ``"random"``: the claim is about subjects in general; ``"fixed"``: about these subjects.
    measures
        ``"rsa"`` and, where trials were published, ``"encoding"``.
    stimuli
        ``"all"``: every subject must have responded to every stimulus; ``"shared"``: score the stimuli that all
        subjects responded to; ``"own"``: score each subject on its own.
    runs
        What becomes of recordings with runs. ``"centre"``: what differs between runs is estimated from the stimuli that
        they share, and taken out; ``"centre_each"``: the mean over the stimuli of each run is made the same, for runs
        to which stimuli were dealt at random; ``"ignore"``.
    dissimilarity
        Of the patterns of trials, in the RDMs of subjects; that of layers is an option of scoring. ``"default"`` is the
        correlation distance. RDMs that a source published keep their own, and another that is named is refused.
        ``"crossnobis"``, say, takes products of different runs.
    dissimilarity_options
        Fields of that dissimilarity, e.g. ``{noise = "univariate"}``.
    windows
        Pairs ``(tmin, tmax)`` in seconds from onset, both included: responses (or published RDMs) are averaged over
        each, and scored at its centre; other times are not scored. By name, ``{peak = [0.13, 0.17]}``, every time is
        scored and each window beside them, as an ROI of its own (``"scalp peak"``): the window is then declared, and
        what is tested at other times is exploratory. Without, every time is scored.
    accept
        Kinds of findings of the data check (:data:`brainalign.finding_kinds.KINDS`) that the study goes on with, though
        they are severe; the page repeats them.
    aspect
        Of pictures whose sides have another ratio than what networks are shown: ``"refuse"``, ``"crop"`` (its middle)
        or ``"stretch"``. Low-level controls are made of the same.
    within_categories
        Whether RSA is scored over pairs of stimuli of one category, too, as a measure of its own beside all pairs.
        Stimuli then need labels. Pairs of all categories are pooled, so that a difference between the means of two
        categories still counts.
    each_category
        Whether RSA is scored in each category alone and averaged, too: no difference between categories counts. Each
        needs four stimuli or more.

    Examples
    --------
    >>> import brainalign as ba
    >>> spec = ba.RecordingSpec("macaque_v4", measures=("rsa", "encoding"), subjects="fixed")
    >>> spec.of_trials, spec.dissimilarity_of_trials, spec.centres
    (True, 'correlation', ())
    >>> spec = ba.RecordingSpec("eeg49", subjects="fixed", windows={"peak": (0.13, 0.17)})
    >>> spec.named_windows, spec.only_windows
    ({'peak': (0.13, 0.17)}, ())
    """

    dataset: str
    rois: tuple[str, ...] = ()
    options: Options = field(default_factory=dict)
    subjects: str = "random"
    measures: tuple[str, ...] = ("rsa",)
    stimuli: str = field(default="all", metadata=_LATER)
    runs: str = field(default="centre", metadata=_LATER)
    dissimilarity: str = field(default="default", metadata=_LATER)
    dissimilarity_options: Options = field(default_factory=dict, metadata=_LATER)
    windows: tuple[tuple[float, ...], ...] | Options = field(default=(), metadata=_LATER)
    accept: tuple[str, ...] = field(default=(), metadata=_LATER)
    aspect: str = field(default="refuse", metadata=_LATER)
    within_categories: bool = field(default=False, metadata=_LATER)
    each_category: bool = field(default=False, metadata=_LATER)

    def __post_init__(self) -> None:
        object.__setattr__(self, "windows", checked_windows(self.windows))
        fit_fields(self)
        _choose("subjects", self.subjects, ("random", "fixed"))
        known = names("comparisons")
        _require(len(self.measures) > 0, "measures", self.measures, f"some of: {', '.join(known)}")
        for measure in self.measures:
            _choose("measures", measure, known)
        _distinct("measures", self.measures)
        _distinct("rois", self.rois)
        _choose("stimuli", self.stimuli, ("all", "shared", "own"))
        _choose("runs", self.runs, ("centre", "centre_each", "ignore"))
        _choose("dissimilarity", self.dissimilarity, ("default", *names("dissimilarities")))
        for kind in self.accept:
            _choose("accept", kind, tuple(KINDS))
        _distinct("accept", self.accept)
        _choose("aspect", self.aspect, ASPECTS)

    @property
    def centres(self) -> tuple[float, ...]:
        """Centre of each window, in seconds from onset."""
        listed = self.windows.values() if isinstance(self.windows, Mapping) else self.windows
        return tuple((tmin + tmax) / 2 for tmin, tmax in listed)

    @property
    def only_windows(self) -> tuple[tuple[float, ...], ...]:
        """The windows that are all that is scored; none where every time is."""
        return () if isinstance(self.windows, Mapping) else self.windows

    @property
    def named_windows(self) -> dict[str, tuple[float, ...]]:
        """The windows that are scored beside every time, by name."""
        return dict(self.windows) if isinstance(self.windows, Mapping) else {}

    @property
    def dissimilarity_of_trials(self) -> str:
        """The dissimilarity of RDMs that are made of trials."""
        return "correlation" if self.dissimilarity == "default" else self.dissimilarity

    @property
    def of_trials(self) -> bool:
        """Whether a measure takes responses, not RDMs alone."""
        known = algorithms("comparisons")
        return any(known[name].of_trials for name in self.measures)

    def summary(self) -> Summary:
        """Return what is not as it is by default."""
        return Summary(f"RecordingSpec: {self.dataset}", _options(self, ("dataset",)))


@dataclass(frozen=True)
class ScoringSpec(Summarised):
    """How layers are scored and what is inferred.

    Parameters
    ----------
    dissimilarity, comparator
        Of RSA.
    partial
        Low-level controls (``"pixels"``, ``"luminance"``, ``"gabor"``) to partial out, as a further measure.
    low_level
        Whether the low-level controls are scored, too, at the resolution the networks are shown.
    resolution
        Side in pixels at which stimuli are shown; 0 is the side the networks were trained at.
    checkpoints
        ``"last"`` or ``"all"``.
    ranking_layer
        ROI to the layer at which rules are ranked, chosen before looking. Without it every layer is tested.
    n_bootstrap, alpha, correction
        Bootstrap draws over stimuli, level, and ``"holm"``, ``"bh"`` or ``"by"`` within a family. ``"max_t"``: at the
        ranking layer (and in named windows), every rule against backpropagation and against readout only, by the
        largest t over the rules of a recording and ROI; all else by Holm's method, as exploratory.
    seed
        Of the bootstrap and of encoding folds.
    resampling
        ``"bootstrap"``, or ``"leave_one_out"`` (the variance from the scores without each stimulus), which is the
        ``"default"``.
    equivalence
        Measure, by its name in tables, to the largest difference of two rules that counts as none,
        ``{"rsa spearman" = 0.02}``: contrasts are then tested for being smaller, too.
    options
        Measure to its fields, e.g. ``{encoding = {metric = "r2"}, pls = {components = [25]}}``.
    ceilings
        Whether every noise ceiling of the recordings is estimated, with its interval, for the table ``ceilings``:
        between subjects, brain to brain, and within subjects from their repeats. Trials that were let go are read
        again.
    clusters
        Of recordings with times: ``"cluster"`` or ``"tfce"`` tests every difference of two rules over all times
        together, by flipped signs of subjects, for the table ``clusters``; ``"none"``.
    time_generalisation
        Of recordings of trials with times: whether encoding models that are fitted at one time are tested at every
        other, for the table ``time_generalisation``; at the ranking layer where one is declared, else at every layer.
        The options are those of encoding; scores are Pearson r. With ``clusters`` each rule is tested against 0.
    dimensionality
        Whether the effective dimensionality of every layer over the stimuli of a recording goes into a table
        ``dimensionality``, and on the page beside the scores.

    Examples
    --------
    >>> import brainalign as ba
    >>> print(ba.ScoringSpec(comparator="corr", ranking_layer={"IT": "hidden2"}))
    ScoringSpec
      options: comparator = 'corr', ranking_layer = {'IT': 'hidden2'}
    """

    dissimilarity: str = "correlation"
    comparator: str = "spearman"
    partial: tuple[str, ...] = ()
    low_level: bool = True
    resolution: int = 0
    checkpoints: str = "last"
    ranking_layer: Options = field(default_factory=dict)
    n_bootstrap: int = 1000
    alpha: float = 0.05
    correction: str = "holm"
    seed: int = 0
    resampling: str = field(default="default", metadata=_LATER)
    options: Options = field(default_factory=dict, metadata=_LATER)
    equivalence: Options = field(default_factory=dict, metadata=_LATER)
    ceilings: bool = field(default=False, metadata=_LATER)
    clusters: str = field(default="none", metadata=_LATER)
    time_generalisation: bool = field(default=False, metadata=_LATER)
    dimensionality: bool = field(default=False, metadata=_LATER)

    def __post_init__(self) -> None:
        fit_fields(self)
        _choose("resampling", self.resampling, ("default", "bootstrap", "leave_one_out"))
        _choose("checkpoints", self.checkpoints, ("last", "all"))
        for name in self.partial:
            _choose("partial", name, ("pixels", "luminance", "gabor"))
        _distinct("partial", self.partial)
        for roi, layer in self.ranking_layer.items():
            _require(isinstance(layer, str), f"ranking_layer of {roi!r}", layer, "the name of a layer")
        _choose("correction", self.correction, ("holm", "bh", "by", "max_t"))
        _choose("clusters", self.clusters, ("none", "cluster", "tfce"))
        largest = self.correction != "max_t" or self.resampling != "bootstrap"
        _require(largest, "resampling", self.resampling, 'scores without each stimulus, for correction = "max_t"')
        for measure, own in self.options.items():
            _choose("options", measure, names("comparisons"))
            _require(isinstance(own, Mapping), f"options of {measure!r}", own, "a table of its fields")
        _require(self.resolution >= 0, "resolution", self.resolution, "a side in pixels, or 0 for that of training")
        _require(0 < self.alpha < 1, "alpha", self.alpha, "a level between 0 and 1")
        _require(self.n_bootstrap >= 100, "n_bootstrap", self.n_bootstrap, "at least 100 draws")
        _require(self.seed >= 0, "seed", self.seed, "0 or more")

    def summary(self) -> Summary:
        """Return what is not as it is by default."""
        return Summary("ScoringSpec", _options(self))


@dataclass(frozen=True)
class StudySpec(Summarised):
    """A grid of populations, the recordings they are compared with, and how.

    Parameters
    ----------
    name, title
        Short name and headline of the report.
    populations
        One per rule and network.
    recordings
        What they are compared with.
    scoring
        How.
    plausibility
        Which probes each rule goes through: ``"mechanism"`` (single steps), ``"all"`` (short trainings, too) or
        ``"none"``.

    Examples
    --------
    >>> import brainalign as ba
    >>> train = [ba.TrainSpec(rule, "mlp", "digits", seeds=3) for rule in ("untrained", "backprop")]
    >>> study = ba.StudySpec("first", "A first study", train, [ba.RecordingSpec("simulated")])
    >>> print(study)
    Study 'first': A first study
      rules: untrained, backprop
      networks: mlp
      recordings: simulated (rsa)
      scoring: as they are by default
    >>> len(study.key)
    16
    """

    name: str
    title: str
    populations: tuple[TrainSpec, ...]
    recordings: tuple[RecordingSpec, ...]
    scoring: ScoringSpec = field(default_factory=ScoringSpec)
    plausibility: str = "mechanism"

    def __post_init__(self) -> None:
        fit_fields(self)
        _choose("plausibility", self.plausibility, ("mechanism", "all", "none"))
        first: dict[str, TrainSpec] = {}
        seen: set[tuple[str, str]] = set()
        for population in self.populations:
            name = (population.rule, population.network)
            _require(name not in seen, "rules", name, "each rule once per network, for rules are told apart by name")
            seen.add(name)
            other = first.setdefault(population.network, population)
            for option in ("dataset", "network_options", "seeds"):
                ours, theirs = (_plain(getattr(one, option)) for one in (population, other))
                what = f"{theirs!r} as for {other.rule!r}: rules are compared seed by seed within one network"
                _require(ours == theirs, f"{option} of {population.rule!r}", ours, what)

    @property
    def key(self) -> str:
        """Content hash of the whole specification."""
        return content_hash(to_dict(self))[:16]

    def summary(self) -> Summary:
        """Return rules, networks, recordings and measures."""
        rules = dict.fromkeys(one.rule for one in self.populations)
        facts = {
            "rules": some(rules, 6),
            "networks": some(dict.fromkeys(one.network for one in self.populations)),
            "recordings": some(f"{one.dataset} ({', '.join(one.measures)})" for one in self.recordings),
            "scoring": _options(self.scoring)["options"],
        }
        return Summary(f"Study {self.name!r}: {self.title}", facts)


def _options(spec: Any, without: tuple[str, ...] = ()) -> dict[str, str]:
    return {"options": changed(spec, without) or "as they are by default"}


def to_dict(spec: Any) -> dict[str, Any]:
    """Return a specification as JSON-able values; later fields that hold their default are left out, so keys stay."""
    return {
        f.name: _plain(getattr(spec, f.name))
        for f in dataclasses.fields(spec)
        if not (f.metadata.get("later") and getattr(spec, f.name) == _default(f))
    }


def _default(f: dataclasses.Field[Any]) -> Any:
    return f.default if f.default_factory is dataclasses.MISSING else f.default_factory()


def train_spec(options: Options, where: str = "train") -> TrainSpec:
    """Build a :class:`TrainSpec` from named options; an unknown one raises :class:`SpecError`."""
    return built(TrainSpec, options, where)


def built(cls: type[T], options: Mapping[str, Any], where: str) -> T:
    """Build a specification from named options; an unknown one or a bad value raises :class:`SpecError`."""
    known_keys(options, tuple(field_types(cls)), where)
    try:
        return cls(**options)
    except SpecError as error:
        msg = f"{where}: {error}"
        raise SpecError(msg) from error
    except TypeError as error:
        msg = f"{where}: {str(error).split('() ')[-1]}."
        raise SpecError(msg) from error


def _seeds(given: Any) -> tuple[int, ...]:
    """Return seeds, of which a whole number says how many."""
    given = plain(given)
    seeds = tuple(range(given)) if type(given) is int else tuple(given) if isinstance(given, list) else given
    whole = isinstance(seeds, tuple) and all(type(seed) is int for seed in seeds)
    _require(whole, "seeds", seeds, "a whole number or a list of whole numbers")
    distinct = len(seeds) > 0 and len(set(seeds)) == len(seeds) and min(seeds) >= 0
    _require(distinct, "seeds", seeds or given, "distinct seeds, at least one, each 0 or more")
    return seeds


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_dict(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value


def _require(condition: bool, option: str, value: Any, expected: str) -> None:
    require(condition, f"Option {option}", value, expected)


def _choose(option: str, value: str, choices: tuple[str, ...]) -> None:
    _require(value in choices, option, value, f"one of: {', '.join(choices)}")


def _distinct(option: str, values: tuple[str, ...]) -> None:
    _require(len(set(values)) == len(values), option, values, "each once")
