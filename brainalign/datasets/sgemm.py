"""Running times of a matrix product on a graphics processor."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from brainalign.datasets.dataset import Dataset, Split
from brainalign.datasets.held_out import held_out, regression_split
from brainalign.datasets.manifest import locate
from brainalign.datasets.task import Objective

_N_FEATURES = 14


@dataclass(frozen=True)
class SGEMM(Dataset):
    """241,600 settings of a matrix multiplication kernel, fourteen parameters each, and the times of four runs.

    Every run is a sample of its own: four samples share their features, and stay in one split. ``Split.index`` is
    ``4 * row + run``. No split was published: a fifth of the settings, drawn once, is the test split, the same that the
    authors of F3 used. The time, 13 to 3,397 ms, is not transformed but for mean 0 and variance 1 on the training
    split, so a loss of 1 is what the mean predicts.

    Validation samples are drawn from the samples of the training split, so most of their settings were trained on with
    another run: validation tells of fit, only the test split of settings that were not seen.

    Source: Nugteren & Codreanu (2015), IEEE MCSoC; Ballester-Ripoll, Paredes & Pajarola (2017), arXiv 1712.00233.
    """

    title: ClassVar[str] = "SGEMM kernel times (UCI)"
    input_shape: ClassVar[tuple[int, int, int]] = (_N_FEATURES, 1, 1)
    objective: ClassVar[Objective] = "regression"
    targets: ClassVar[tuple[str, ...]] = ("time",)

    def train(self) -> Split:
        """Return 773,120 runs, features ``(773120, 14, 1, 1)`` and targets ``(773120, 1)``."""
        return self._split(test=False)

    def test(self) -> Split:
        """Return 193,280 runs."""
        return self._split(test=True)

    def _split(self, test: bool) -> Split:
        table = pd.read_csv(locate("sgemm", "sgemm_product.csv", self.data_dir)).to_numpy(np.float64)
        features, times = table[:, :_N_FEATURES], table[:, _N_FEATURES:]
        n_runs = times.shape[1]
        train, held = ((rows[:, None] * n_runs + np.arange(n_runs)).ravel() for rows in held_out(len(table)))
        return regression_split(features.repeat(n_runs, axis=0), times.reshape(-1, 1), train, held if test else train)
