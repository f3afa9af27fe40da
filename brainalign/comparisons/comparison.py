"""The contract of a measure of alignment between a layer and a brain."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from brainalign.comparisons.description import Description
from brainalign.discovery import available, create


@dataclass(frozen=True)
class Comparison(ABC):
    """How features of a layer are scored against responses to the same stimuli; higher is better.

    The file ``comparisons/<name>.py`` holds the class. What ``features`` and ``responses`` are is the measure's own:
    RDMs for a geometry measure, patterns for an encoding model. ``kind`` is ``"geometry"`` or ``"prediction"``,
    ``word`` what sentences call the measure.
    """

    name: ClassVar[str]
    kind: ClassVar[str]
    word: ClassVar[str]

    @abstractmethod
    def describe(self) -> Description:
        """Return what tables, captions and methods say of the measure with its options."""

    @property
    def label(self) -> str:
        """Name in tables, with the options that change the score."""
        return self.describe().measure

    @abstractmethod
    def score(self, features: Any, responses: Any) -> Any:
        """Return the score or scores of ``features`` against ``responses``."""


def comparisons() -> dict[str, type[Comparison]]:
    """Return every comparison by name."""
    return available("comparisons", Comparison)


def comparison(name: str, options: dict[str, Any] | None = None) -> Comparison:
    """Return the comparison ``name`` with ``options``; unknown names and options raise :class:`SpecError`."""
    return create("comparisons", Comparison, name, options)
