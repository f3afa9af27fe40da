"""The contract of a set of labelled images that networks learn from."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from brainalign.datasets.task import Task


class Split(NamedTuple):
    """Images ``(n, channels, height, width)`` uint8, labels ``(n,)`` int64, and where each stood in its file."""

    images: np.ndarray
    labels: np.ndarray
    index: np.ndarray


@dataclass(frozen=True)
class Dataset(ABC):
    """A labelled image set: the file ``datasets/<name>.py`` holds the class, the manifest its files and hashes.

    Parameters
    ----------
    data_dir
        Folder that holds ``<name>/<file>``; ``None`` follows the lookup order of
        :func:`brainalign.datasets.manifest.locate`.
    """

    title: ClassVar[str]
    classes: ClassVar[tuple[str, ...]]
    input_shape: ClassVar[tuple[int, int, int]]

    data_dir: str | None = None

    @abstractmethod
    def train(self) -> Split:
        """Return the published training split."""

    @abstractmethod
    def test(self) -> Split:
        """Return the published test split; it is never used to choose anything."""

    def task(self, n_train: int) -> Task:
        """Return the task of learning from ``n_train`` samples of this set."""
        return Task(self.input_shape, len(self.classes), n_train)
