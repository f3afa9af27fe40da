"""A GENERATED regression set with a known answer."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.datasets.dataset import Dataset, Split
from brainalign.datasets.held_out import held_out, regression_split
from brainalign.datasets.task import Objective
from brainalign.randomness import numpy_stream

_N, _N_FEATURES = 5000, 10


@dataclass(frozen=True)
class GeneratedRegression(Dataset):
    """GENERATED, not measured: 5,000 samples of Friedman's first function, the same on every machine.

    ``y = 10 sin(pi x1 x2) + 20 (x3 - 0.5)^2 + 10 x4 + 5 x5 + noise``; ten features are uniform on 0..1, of which five
    do nothing, and the noise is normal with variance 1. A fifth is the test split. The target has mean 0 and variance
    1 on the training split: a loss of 1 is what the mean predicts, and about 0.04 is the noise, which no network that
    generalises gets below.

    Source of the function: Friedman (1991), Annals of Statistics 19:1.
    """

    title: ClassVar[str] = "Generated regression (Friedman 1)"
    input_shape: ClassVar[tuple[int, int, int]] = (_N_FEATURES, 1, 1)
    objective: ClassVar[Objective] = "regression"
    targets: ClassVar[tuple[str, ...]] = ("response",)

    def train(self) -> Split:
        """Return 4,000 samples, features ``(4000, 10, 1, 1)`` and targets ``(4000, 1)``."""
        return _split(test=False)

    def test(self) -> Split:
        """Return 1,000 samples."""
        return _split(test=True)


def friedman(x: np.ndarray) -> np.ndarray:
    """Return the response without noise ``(n,)`` for features ``(n, >= 5)``."""
    return 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]


def _split(test: bool) -> Split:
    generator = numpy_stream(0, "generated_regression")
    features = generator.random((_N, _N_FEATURES))
    response = friedman(features) + generator.standard_normal(_N)
    rows = held_out(_N)
    return regression_split(features, response[:, None], rows[0], rows[test])
