"""The contract of a set of samples that networks learn from: labelled images, or features with targets."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod
from typing import ClassVar, NamedTuple

import numpy as np

from brainalign.datasets.stimuli import Stimuli
from brainalign.datasets.task import Objective, Task
from brainalign.discovery import available, create, snake_case
from brainalign.errors import SpecError
from brainalign.randomness import numpy_stream


class Split(NamedTuple):
    """Images ``(n, channels, height, width)`` uint8, labels ``(n,)`` int64, and where each stood in its file.

    Regression sets have features ``(n, n_features, 1, 1)`` float32 and targets ``(n, n_targets)`` float32 instead.
    """

    images: np.ndarray
    labels: np.ndarray
    index: np.ndarray  # type: ignore[assignment]  # also the name of a tuple method, which no one calls here


@dataclass(frozen=True)
class Dataset(ABC):
    """A set of labelled images or of features with targets.

    The file ``datasets/<name>.py`` holds the class, the manifest its files and hashes.

    Parameters
    ----------
    data_dir
        Folder that holds ``<name>/<file>``; ``None`` follows the lookup order of
        :func:`brainalign.datasets.manifest.locate`.

    Examples
    --------
    >>> import brainalign as ba
    >>> digits = ba.dataset("digits")
    >>> digits.train().images.shape, digits.test().labels.shape
    ((1297, 1, 8, 8), (500,))
    >>> digits.task(n_train=100).n_outputs
    10
    >>> digits.test_stimuli(10, seed=0).labels[:3]
    ('0', '1', '2')
    """

    title: ClassVar[str]
    classes: ClassVar[tuple[str, ...]] = ()
    input_shape: ClassVar[tuple[int, int, int]]
    objective: ClassVar[Objective] = "classification"
    #: Names of the targets of a regression set.
    targets: ClassVar[tuple[str, ...]] = ()

    data_dir: str | None = None

    @abstractmethod
    def train(self) -> Split:
        """Return the published training split."""

    @abstractmethod
    def test(self) -> Split:
        """Return the published test split; it is never used to choose anything."""

    def task(self, n_train: int, objective: str = "default") -> Task:
        """Return the task of learning from ``n_train`` samples of this set: its own, or ``"reconstruction"``."""
        if objective == "reconstruction":
            return Task(self.input_shape, prod(self.input_shape), n_train, "reconstruction")
        return Task(self.input_shape, len(self.targets or self.classes), n_train, self.objective)

    def test_stimuli(self, n: int, seed: int) -> Stimuli:
        """Return ``n`` test images as stimuli, balanced over classes: class counts differ by at most one.

        The draw is nested: the stimuli of a smaller ``n`` with the same seed are among those of a larger one.

        Parameters
        ----------
        n
            Number of stimuli.
        seed
            Instance whose stream ``"stimuli"`` draws them.

        Returns
        -------
        stimuli
            Ordered by class, then by position in the test split; ids ``"<name>-test-<position>"``, labels the class.

        Raises
        ------
        SpecError
            If a class has too few test images.
        """
        if self.objective != "classification":
            msg = f"{self.title!r} has no classes to balance stimuli over; name an image set, e.g. 'mnist'."
            raise SpecError(msg)
        images, labels, _ = self.test()
        generator = numpy_stream(seed, "stimuli")
        order = generator.permutation(len(self.classes))
        per_class, extra = divmod(n, len(self.classes))
        chosen: dict[int, np.ndarray] = {}
        for rank, label in enumerate(order.tolist()):
            rows = generator.permutation(np.flatnonzero(labels == label))
            count = per_class + (rank < extra)
            if n < 1 or count > len(rows):
                msg = (
                    f"Cannot draw {n} balanced stimuli from {self.title!r}: class {self.classes[label]!r} has "
                    f"{len(rows)} test images. Ask for 1 to {self._most_balanced(labels)}."
                )
                raise SpecError(msg)
            chosen[label] = np.sort(rows[:count])
        picked = np.concatenate([chosen[label] for label in range(len(self.classes))])
        ids = tuple(f"{snake_case(type(self).__name__)}-test-{row:05d}" for row in picked)
        names = tuple(self.classes[label] for label in labels[picked])
        return Stimuli(ids, np.ascontiguousarray(images[picked].transpose(0, 2, 3, 1)), f"{self.title} test", names)

    def _most_balanced(self, labels: np.ndarray) -> int:
        return int(np.bincount(labels, minlength=len(self.classes)).min()) * len(self.classes)


def datasets() -> dict[str, type[Dataset]]:
    """Return every image set networks can learn from, by name."""
    return available("datasets", Dataset)


def dataset(name: str, data_dir: str | None = None) -> Dataset:
    """Return the image set ``name``; an unknown name raises :class:`SpecError`.

    Examples
    --------
    >>> import brainalign as ba
    >>> ba.dataset("digits").input_shape
    (1, 8, 8)
    """
    return create("datasets", Dataset, name, {"data_dir": data_dir})
