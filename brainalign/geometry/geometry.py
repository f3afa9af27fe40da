"""The contract of what knows where channels are."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np


class Geometry(ABC):
    """Where the channels of a recording are in a brain.

    It enters no key: the same numbers at other places are the same recording.
    """

    #: What one place is called, and several.
    place: ClassVar[str]
    places: ClassVar[str]

    #: Name of the space that several people share, such as ``"MNI152NLin2009cAsym"``; empty: none is known.
    space: str

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of channels."""

    @abstractmethod
    def at(self, kept: np.ndarray) -> "Geometry":
        """Return the geometry of some channels, given as a boolean mask or positions."""

    @abstractmethod
    def in_space(self, space: str) -> "Geometry":
        """Return the same places in a space of this name."""

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Return a name for each place: two geometries of one space name the same place alike."""

    def parts(self) -> "tuple[tuple[Geometry, np.ndarray], ...]":
        """Return what lies on meshes and what on a grid, each with its channels ``(n_here,)``; one, unless said."""
        return ((self, np.arange(len(self))),)

    @abstractmethod
    def mismatch(self, other: "Geometry") -> str:
        """Return why values of ``other`` cannot be laid over these places, in a few words; empty where they can."""

    @abstractmethod
    def image(self, values: np.ndarray) -> object:
        """Return an image of nibabel or nilearn of values ``(n_channels,)`` or ``(n_maps, n_channels)``.

        Places without a channel hold NaN.
        """

    @abstractmethod
    def files(self, values: np.ndarray, name: str) -> dict[str, bytes]:
        """Return the files of a map ``(n_channels,)``: name with suffix to bytes."""
