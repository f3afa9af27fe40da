"""The diabetes data that come with scikit-learn."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.datasets.dataset import Dataset, Split
from brainalign.datasets.held_out import held_out, regression_split
from brainalign.datasets.task import Objective


@dataclass(frozen=True)
class Diabetes(Dataset):
    """442 patients: ten measurements and how far the disease had progressed a year later; needs no download.

    No split was published: a fifth, drawn once, is the test split (:func:`brainalign.datasets.held_out.held_out`).
    ``Split.index`` is the row in :func:`sklearn.datasets.load_diabetes`. Features are in their own units; the target
    has mean 0 and variance 1 on the training split, so a loss of 1 is what the mean predicts.

    Source: Efron, Hastie, Johnstone & Tibshirani (2004), Annals of Statistics 32:407.
    """

    title: ClassVar[str] = "Diabetes (scikit-learn)"
    input_shape: ClassVar[tuple[int, int, int]] = (10, 1, 1)
    objective: ClassVar[Objective] = "regression"
    targets: ClassVar[tuple[str, ...]] = ("progression",)

    def train(self) -> Split:
        """Return 353 patients, features ``(353, 10, 1, 1)`` and targets ``(353, 1)``."""
        return _split(test=False)

    def test(self) -> Split:
        """Return 89 patients."""
        return _split(test=True)


def _split(test: bool) -> Split:
    from sklearn.datasets import load_diabetes

    features, progression = load_diabetes(return_X_y=True, scaled=False)
    rows = held_out(len(progression))
    return regression_split(features, progression[:, None], rows[0], rows[test])
