"""The contract of a measure of alignment between a layer and a brain."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from brainalign.comparisons.description import Description
from brainalign.comparisons.prepared import Prepared
from brainalign.discovery import available, create
from brainalign.errors import SpecError
from brainalign.options import Needs
from brainalign.patterns import Patterns
from brainalign.recordings.brain import Brain
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.specs import ScoringSpec


@dataclass(frozen=True)
class Comparison(ABC):
    """How features of a layer are scored against responses to the same stimuli; higher is better.

    The file ``comparisons/<name>.py`` holds the class. What ``features`` and ``responses`` are is the measure's own:
    RDMs for a geometry measure, patterns for an encoding model. ``kind`` is ``"geometry"`` or ``"prediction"``,
    ``word`` what sentences call the measure, ``of_trials`` whether it takes responses (``Brain.recordings``) and so
    cannot score a recording that comes as RDMs only. ``of_rdms`` says whether a layer may come as its RDM,
    ``of_networks`` that it scores a network, not a layer: it takes all layers at once (:meth:`network`), and its rows
    are at the layer ``"chosen layer"``.

    Examples
    --------
    >>> import brainalign as ba
    >>> from brainalign.recordings.brain import Brain
    >>> from brainalign.resampling.samples import Samples
    >>> measure = ba.RSA.with_options(ba.ScoringSpec(), comparator="corr")
    >>> measure.label == measure.describe().measure, measure.describe().unit, measure.options
    (True, 'Pearson r', ' (comparator = corr)')
    >>> [one.semi for one in ba.RSA.of_study(ba.ScoringSpec(partial=("pixels",)))]
    [False, True]
    >>> source = ba.recording("simulated", n_subjects=3, n_stimuli=20, training={"epochs": 0.1})
    >>> brain = Brain(source, ba.RecordingSpec("simulated"))
    >>> measure.within().label.endswith("within categories"), ba.Encoding().within() is None
    (True, True)
    >>> pixels = ba.Patterns(source.stimuli().images.reshape(20, -1), source.stimuli().ids, "pixels")
    >>> small, control = measure.layer(pixels), measure.control(pixels)
    >>> (prepared,) = measure.prepare(brain, "planted", {})
    >>> (scores,) = measure.draws([small], prepared, Samples("none"))
    >>> scores.observed.shape  # a layer, three subjects
    (1, 3)
    >>> abs(measure.score(small, source.rdms("planted")) - scores.observed).max() < 1e-12
    np.True_
    """

    name: ClassVar[str]
    kind: ClassVar[str]
    word: ClassVar[str]
    of_trials: ClassVar[bool] = False
    of_rdms: ClassVar[bool] = False
    of_networks: ClassVar[bool] = False
    only_with: ClassVar[Needs] = {}

    @abstractmethod
    def describe(self) -> Description:
        """Return what tables, captions and methods say of the measure with its options."""

    @classmethod
    def with_options(cls, scoring: ScoringSpec, **given: Any) -> Self:
        """Return the measure with the fields that a study names for it, over those that are ``given``.

        Raises
        ------
        SpecError
            If a field is unknown or a value does not suit it.
        """
        return comparison(cls.name, {**given, **scoring.options.get(cls.name, {})})  # type: ignore[return-value]

    @property
    def options(self) -> str:
        """Fields that are not as by default, ``" (n_folds = 4)"``, for methods; empty where all but the seed are."""
        changed = [
            f"{f.name} = {list(value) if isinstance(value, tuple) else value}"
            for f in fields(self)
            if f.name != "seed" and (value := getattr(self, f.name)) != f.default
        ]
        return f" ({', '.join(changed)})" if changed else ""

    @property
    def conditional(self) -> bool:
        """Whether errors without each stimulus leave out what the training stimuli of fitted folds add to them.

        Examples
        --------
        >>> import brainalign as ba
        >>> ba.RSA().conditional, ba.Encoding().conditional, ba.Encoding(metric="r2").conditional
        (False, False, True)
        """
        return False

    @property
    def label(self) -> str:
        """Name in tables, with the options that change the score."""
        return self.describe().measure

    @abstractmethod
    def score(self, features: Any, responses: Any) -> Any:
        """Return the score or scores of ``features`` against ``responses``."""

    @classmethod
    @abstractmethod
    def of_study(cls, scoring: ScoringSpec) -> tuple["Comparison", ...]:
        """Return the measures of this kind that a study's options ask for.

        Raises
        ------
        SpecError
            If an option does not suit the measure.
        """

    @abstractmethod
    def layer(self, features: Any) -> Any:
        """Reduce a layer to what its scores need, so that its activations can be let go.

        Raises
        ------
        DataError
            If the layer cannot be scored, since a pattern is constant, say.
        """

    def check(self, brain: Brain) -> None:
        """Refuse a recording that lacks what the measure needs, before networks are trained; nothing unless overridden.

        Raises
        ------
        BrainalignError
            In one line.

        Examples
        --------
        >>> import brainalign as ba, numpy as np
        >>> from brainalign.recordings.brain import Brain
        >>> rdms = ba.RDMs.from_matrices(1 - np.eye(4), list("abcd"), "correlation")
        >>> ba.RSA().check(Brain(ba.own_recording(None, rdms=rdms), ba.RecordingSpec("own")))  # it needs nothing more
        """
        del brain

    def within(self, each: bool = False) -> "Comparison | None":
        """Return the same measure of pairs of stimuli of one category; none where it does not compare pairs.

        Parameters
        ----------
        each
            Score each category alone and average, so that no difference between categories counts.
        """
        del each
        return None

    def network(self, layers: Mapping[str, Any]) -> Any:
        """Reduce all layers of a network to what its score needs, for measures ``of_networks``.

        Raises
        ------
        SpecError
            If the measure scores layers one by one.

        Examples
        --------
        >>> import brainalign as ba
        >>> ba.RSA().network({})
        Traceback (most recent call last):
        brainalign.errors.SpecError: Measure ... scores layers one by one; use layer(features).
        """
        del layers
        msg = f"Measure {self.name!r} scores layers one by one; use layer(features)."
        raise SpecError(msg)

    def control(self, features: Patterns) -> Any:
        """Reduce a low-level control; as a layer unless the measure says otherwise."""
        return self.layer(features)

    @abstractmethod
    def prepare(self, brain: Brain, roi: str, controls: Mapping[str, Patterns]) -> tuple[Prepared, ...]:
        """Return the brain's side of a ROI, once for all layers.

        Parameters
        ----------
        brain
            Recordings joined on the stimuli that are scored.
        roi
            Which channels.
        controls
            Low-level features of the stimuli by name, for measures that take some out of a score.

        Returns
        -------
        tuple of Prepared
            One for all subjects, or one for each where every subject is scored on stimuli of its own.
        """

    @abstractmethod
    def draws(self, layers: Sequence[Any], prepared: Prepared, samples: Samples) -> Iterator[ScoreDraws]:
        """Yield the scores of layers (see :meth:`layer`) at each time, with those of samples of the stimuli."""


def comparisons() -> dict[str, type[Comparison]]:
    """Return every comparison by name."""
    return available("comparisons", Comparison)


def comparison(name: str, options: dict[str, Any] | None = None) -> Comparison:
    """Return the comparison ``name`` with ``options``; unknown names and options raise :class:`SpecError`."""
    return create("comparisons", Comparison, name, options)
