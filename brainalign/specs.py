"""What a study is: frozen dataclasses, read from TOML, written to TOML and JSON, named by a content key."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from brainalign.discovery import names
from brainalign.errors import SpecError
from brainalign.shipped import known_keys, read_toml
from brainalign.storage import content_hash

Options = Mapping[str, Any]
T = TypeVar("T")

#: Of a field that came after keys were published: where it holds its default, it is no part of a key.
_LATER = {"later": True}


@dataclass(frozen=True)
class TrainSpec:
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

    def __post_init__(self) -> None:
        if isinstance(self.seeds, int):
            object.__setattr__(self, "seeds", tuple(range(self.seeds)))
        object.__setattr__(self, "seeds", tuple(self.seeds))
        _require(len(self.seeds) > 0 and len(set(self.seeds)) == len(self.seeds), "seeds", self.seeds, "distinct seeds")
        _require(self.epochs > 0, "epochs", self.epochs, "a positive number")
        _require(self.batch_size > 0, "batch_size", self.batch_size, "a positive number")
        _require(0 <= self.validation_fraction < 1, "validation_fraction", self.validation_fraction, "a share below 1")
        objectives = ("default", "reconstruction")
        _require(self.objective in objectives, "objective", self.objective, '"default" or "reconstruction"')
        _require(self.n_checkpoints >= 2, "n_checkpoints", self.n_checkpoints, "at least 2: before and after")

    @property
    def key(self) -> str:
        """Content hash of everything that changes the weights; device and worker options are not part of it."""
        return content_hash(to_dict(self))[:16]


@dataclass(frozen=True)
class RecordingSpec:
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
    """

    dataset: str
    rois: tuple[str, ...] = ()
    options: Options = field(default_factory=dict)
    subjects: str = "random"
    measures: tuple[str, ...] = ("rsa",)
    stimuli: str = field(default="all", metadata=_LATER)
    runs: str = field(default="centre", metadata=_LATER)

    def __post_init__(self) -> None:
        _require(self.subjects in ("random", "fixed"), "subjects", self.subjects, '"random" or "fixed"')
        known = names("comparisons")
        for measure in self.measures:
            _require(measure in known, "measures", measure, f"one of: {', '.join(known)}")
        _require(self.stimuli in ("all", "shared", "own"), "stimuli", self.stimuli, '"all", "shared" or "own"')
        allowed = ("centre", "centre_each", "ignore")
        _require(self.runs in allowed, "runs", self.runs, f"one of: {', '.join(allowed)}")


@dataclass(frozen=True)
class ScoringSpec:
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
        Bootstrap draws over stimuli, level, and ``"holm"``, ``"bh"`` or ``"by"`` within a family.
    seed
        Of the bootstrap and of encoding folds.
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

    def __post_init__(self) -> None:
        _require(self.checkpoints in ("last", "all"), "checkpoints", self.checkpoints, '"last" or "all"')
        for name in self.partial:
            _require(name in ("pixels", "luminance", "gabor"), "partial", name, '"pixels", "luminance" or "gabor"')
        _require(self.correction in ("holm", "bh", "by"), "correction", self.correction, '"holm", "bh" or "by"')
        _require(0 < self.alpha < 1, "alpha", self.alpha, "a level between 0 and 1")
        _require(self.n_bootstrap >= 100, "n_bootstrap", self.n_bootstrap, "at least 100 draws")


@dataclass(frozen=True)
class StudySpec:
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
    """

    name: str
    title: str
    populations: tuple[TrainSpec, ...]
    recordings: tuple[RecordingSpec, ...]
    scoring: ScoringSpec = field(default_factory=ScoringSpec)
    plausibility: str = "mechanism"

    def __post_init__(self) -> None:
        allowed = ("mechanism", "all", "none")
        _require(self.plausibility in allowed, "plausibility", self.plausibility, f"one of: {', '.join(allowed)}")
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


def to_dict(spec: Any) -> dict[str, Any]:
    """Return a specification as JSON-able values; later fields that hold their default are left out, so keys stay."""
    return {
        f.name: _plain(getattr(spec, f.name))
        for f in dataclasses.fields(spec)
        if not (f.metadata.get("later") and getattr(spec, f.name) == f.default)
    }


def train_spec(options: Options, where: str = "train") -> TrainSpec:
    """Build a :class:`TrainSpec` from named options; an unknown one raises :class:`SpecError`."""
    return _build(TrainSpec, options, where)


def read_study(path: str | Path) -> StudySpec:
    """Read a study file.

    The file holds ``name``, ``title``, a table ``[training]`` of options all populations share, one table
    ``[rules.<name>]`` per rule with options of its own (``options`` are the rule's fields), ``[[recordings]]``
    ``[scoring]``, and ``plausibility``.

    Raises
    ------
    SpecError
        If the file cannot be read, or a key or value is unknown; the message names the key and the alternatives.
    """
    return study_from_table(read_toml(path, "study file"), str(path))


def study_from_table(table: Mapping[str, Any], where: str = "study") -> StudySpec:
    """Build a study from nested tables; see :func:`read_study`."""
    known = ("name", "title", "training", "rules", "recordings", "scoring", "plausibility")
    known_keys(table, known, where)
    for key in ("name", "training", "rules", "recordings"):
        if key not in table:
            optional = "title, scoring and plausibility are optional"
            msg = f"{where}: {key!r} is missing; a study needs {', '.join(known)} ({optional})."
            raise SpecError(msg)
    for key in ("name", "title", "plausibility"):
        _typed(str, table.get(key, ""), f"{where}: {key}")
    for key in ("training", "rules", "scoring"):
        _typed(Options, table.get(key, {}), f"{where}, [{key}]")
    recorded = table["recordings"]
    recorded = _typed(
        tuple[Options, ...], tuple(recorded) if isinstance(recorded, list) else recorded, f"{where}, [[recordings]]"
    )
    populations = []
    for rule, own in table["rules"].items():
        own = dict(_typed(Options, own, f"{where}, [rules.{rule}]"))
        options = {**table["training"], "rule": rule, "rule_options": own.pop("options", {}), **own}
        populations.append(train_spec(options, f"{where}, [rules.{rule}]"))
    recordings = [_build(RecordingSpec, item, f"{where}, [[recordings]]") for item in recorded]
    scoring = _build(ScoringSpec, table.get("scoring", {}), f"{where}, [scoring]")
    return StudySpec(
        table["name"], table.get("title", table["name"]), tuple(populations), tuple(recordings), scoring,
        table.get("plausibility", "mechanism"),
    )  # fmt: skip


def _build(cls: type[T], options: Mapping[str, Any], where: str) -> T:
    kinds = {f.name: f.type for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    known_keys(options, tuple(kinds), where)
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    for key, value in values.items():
        _typed(int if key == "seeds" and not isinstance(value, tuple) else kinds[key], value, f"{where}: {key}")
    try:
        return cls(**values)
    except TypeError as error:
        msg = f"{where}: {str(error).split('() ')[-1]}."
        raise SpecError(msg) from error


_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
    Options: "a table",
    tuple[str, ...]: "a list of texts",
    tuple[int, ...]: "a list of whole numbers",
    tuple[Options, ...]: "a list of tables",
}


def _typed(kind: Any, value: Any, what: str) -> Any:
    if not _fits(kind, value):
        msg = f"{what} is {value!r}; expected {_WORDS[kind]}."
        raise SpecError(msg)
    return value


def _fits(kind: Any, value: Any) -> bool:
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_fits(get_args(kind)[0], item) for item in value)
    if kind == Options:
        return isinstance(value, Mapping)
    if kind in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, (int, float)) and math.isfinite(value) if kind is float else isinstance(value, kind)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_dict(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value


def _require(condition: bool, option: str, value: Any, expected: str) -> None:
    if not condition:
        msg = f"Option {option} is {value!r}; expected {expected}."
        raise SpecError(msg)
