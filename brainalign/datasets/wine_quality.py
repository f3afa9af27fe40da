"""The quality of red and white wines."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from brainalign.datasets.dataset import Dataset, Split
from brainalign.datasets.held_out import held_out, regression_split
from brainalign.datasets.manifest import locate
from brainalign.datasets.task import Objective


@dataclass(frozen=True)
class WineQuality(Dataset):
    """6,497 Portuguese wines: eleven measurements, the colour (0 red, 1 white), and the grade that tasters gave.

    Red wines come first, as in the two files; ``Split.index`` counts through both. No split was published: a fifth,
    drawn once, is the test split, the same that the authors of F3 used. The grade, 3 to 9, has mean 0 and variance 1
    on the training split, so a loss of 1 is what the mean predicts. Some wines occur several times, so the two splits
    share some.

    Source: Cortez, Cerdeira, Almeida, Matos & Reis (2009), Decision Support Systems 47:547.
    """

    title: ClassVar[str] = "Wine quality (UCI)"
    input_shape: ClassVar[tuple[int, int, int]] = (12, 1, 1)
    objective: ClassVar[Objective] = "regression"
    targets: ClassVar[tuple[str, ...]] = ("quality",)

    def train(self) -> Split:
        """Return 5,197 wines, features ``(5197, 12, 1, 1)`` and targets ``(5197, 1)``."""
        return self._split(test=False)

    def test(self) -> Split:
        """Return 1,300 wines."""
        return self._split(test=True)

    def _split(self, test: bool) -> Split:
        paths = [locate("wine_quality", f"winequality-{colour}.csv", self.data_dir) for colour in ("red", "white")]
        tables = [pd.read_csv(path, sep=";").to_numpy(np.float64) for path in paths]
        colour = np.repeat([0.0, 1.0], [len(table) for table in tables])
        wines = np.concatenate(tables)
        features = np.column_stack([wines[:, :-1], colour])
        rows = held_out(len(wines))
        return regression_split(features, wines[:, -1:], rows[0], rows[test])
