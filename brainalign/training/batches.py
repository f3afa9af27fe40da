"""The training samples of a population: held-out validation, order, augmentation."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from brainalign.credit.batch import Batch
from brainalign.datasets.dataset import Dataset
from brainalign.datasets.preprocessing import Preprocessing
from brainalign.errors import SpecError
from brainalign.randomness import numpy_stream, stream
from brainalign.specs import TrainSpec

#: Name to (whether images are mirrored, pixels by which they are shifted at most).
AUGMENTATIONS = {
    "none": (False, 0),
    "jitter": (False, 1),
    "crop": (False, 2),
    "flip": (True, 0),
    "crop_flip": (True, 4),
}


@dataclass(frozen=True, eq=False)
class Samples:
    """Images ``(n, channels, height, width)`` and labels ``(n,)`` or targets ``(n, n_targets)`` on a device."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True, eq=False)
class Batches:
    """Training, validation and test samples, and the batch every instance sees at every step.

    Validation samples are drawn from the training split, the same for all rules and seeds; the test split is
    measured and never chosen on.
    """

    spec: TrainSpec
    train: Samples
    validation: Samples
    test: Samples
    preprocessing: Preprocessing

    @classmethod
    def load(cls, spec: TrainSpec, dataset: Dataset, device: torch.device) -> "Batches":
        """Read a data set and split it.

        Raises
        ------
        SpecError
            If samples are too few for a batch, for ``n_train`` or for the share held out.
        """
        split = dataset.train()
        order = numpy_stream(0, "validation", spec.dataset).permutation(len(split.labels))
        n_validation = round(spec.validation_fraction * len(order))
        if spec.validation_fraction and not n_validation:
            msg = (
                f"Option validation_fraction is {spec.validation_fraction}, none of {len(order)} training samples of "
                f"{spec.dataset!r}; expected 0 or at least {1 / len(order):.2g}."
            )
            raise SpecError(msg)
        if spec.n_train > len(order) - n_validation:
            msg = (
                f"Option n_train is {spec.n_train}; of {len(order)} training samples of {spec.dataset!r}, "
                f"{len(order) - n_validation} are left after validation. Ask for at most that, or 0 for all."
            )
            raise SpecError(msg)
        validation, train = np.sort(order[:n_validation]), order[n_validation:]
        train = np.sort(train[: spec.n_train] if spec.n_train else train)
        if len(train) < spec.batch_size:
            msg = (
                f"{len(train)} training samples of {spec.dataset!r} are fewer than one batch of {spec.batch_size}; "
                "use a smaller batch_size or a larger n_train."
            )
            raise SpecError(msg)
        test = dataset.test()

        def samples(images: np.ndarray, labels: np.ndarray) -> Samples:
            return Samples(torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device))

        return cls(
            spec=spec,
            train=samples(split.images[train], split.labels[train]),
            validation=samples(split.images[validation], split.labels[validation]),
            test=samples(test.images, test.labels),
            preprocessing=Preprocessing.fit(split.images[train]),
        )

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in one pass; samples that do not fill a batch come up in another epoch."""
        return len(self.train.labels) // self.spec.batch_size

    def steps(self, epochs: float) -> int:
        """Return the steps of ``epochs`` passes, to the nearest whole one; none raises :class:`SpecError`."""
        steps = round(epochs * self.steps_per_epoch)
        if not steps:
            msg = (
                f"Option epochs is {epochs}, less than one step: a step is {1 / self.steps_per_epoch:.2g} epochs here, "
                f"{self.spec.batch_size} of {len(self.train.labels)} samples. Expected at least that."
            )
            raise SpecError(msg)
        return steps

    def order(self, epoch: int) -> Tensor:
        """Return each instance's order of the samples in ``epoch``, ``(n_seeds, n_train)``."""
        n = len(self.train.labels)
        return torch.stack([torch.randperm(n, generator=stream(seed, "order", epoch)) for seed in self.spec.seeds])

    def batch(self, order: Tensor, step: int) -> Batch:
        """Return the batch of every instance at ``step``, with a leading instance axis."""
        start = step % self.steps_per_epoch * self.spec.batch_size
        index = order[:, start : start + self.spec.batch_size].to(self.train.labels.device)
        images = self.train.images[index]
        if self.spec.augment != "none":
            images = self._augment(images, step)
        x, y = self.examples(images.flatten(0, 1), self.train.labels[index].flatten(0, 1))
        return Batch(x.unflatten(0, index.shape), y.unflatten(0, index.shape), index)

    def examples(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return what a network is shown and what it should answer."""
        x = self.preprocessing(images)
        return x, x.flatten(1) if self.spec.objective == "reconstruction" else labels

    def _augment(self, images: Tensor, step: int) -> Tensor:
        """Return mirrored and shifted images ``(n_seeds, n, channels, height, width)``, every image by its own draw."""
        n_seeds, n = images.shape[:2]
        draws = torch.stack([torch.rand(3, n, generator=stream(s, "augment", step)) for s in self.spec.seeds])
        draws = draws.to(images.device)
        flips, pad = AUGMENTATIONS[self.spec.augment]
        if flips:
            images = torch.where((draws[:, 0] < 0.5).view(n_seeds, n, 1, 1, 1), images.flip(-1), images)
        if not pad:
            return images
        height, width = images.shape[-2:]
        padded = F.pad(images, (pad, pad, pad, pad)).flatten(0, 1)
        top, left = ((draws[:, k] * (2 * pad + 1)).long().flatten() for k in (1, 2))
        rows = top[:, None] + torch.arange(height, device=images.device)
        columns = left[:, None] + torch.arange(width, device=images.device)
        sample = torch.arange(len(padded), device=images.device)
        cropped = padded[sample[:, None, None], :, rows[:, :, None], columns[:, None, :]]
        return cropped.permute(0, 3, 1, 2).unflatten(0, (n_seeds, n))
