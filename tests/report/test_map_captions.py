"""The caption of a map says what outlines mean where there are some, and that there are none elsewhere."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from brainalign.report.map_figure import caption_of
from brainalign.report.map_figures.slices import Slices


@pytest.mark.parametrize(
    ("smallest", "said"),
    [(0.01, "Outlines: p <= 0.05, adjusted"), (0.2, "No centre has p <= 0.05, adjusted for all centres of a map")],
)
def test_outlines_are_explained_where_there_are_some(smallest: float, said: str) -> None:
    p = np.array([np.nan, 1.0, smallest])
    maps: Any = SimpleNamespace(facts={"comparator": "spearman"}, subjects=("a", "b"), test=None, map=lambda *_: p)
    assert said in caption_of(Slices(), maps, ["one"], 0.05)
    assert ("Outlines" in caption_of(Slices(), maps, ["one"], 0.05)) == (smallest <= 0.05)
    assert "outlined" not in caption_of(Slices(), maps, ["one"], None)
