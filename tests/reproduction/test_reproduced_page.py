"""What a reproduced table says of a cell."""

import pandas as pd
import pytest

from brainalign.reproduction.page import comparisons
from brainalign.reproduction.reproduce import CELL


def _cell(
    label: str, ours: float | None, at_or_above: bool | None, measure: str = "accuracy", sd: float | None = 1.0
) -> dict[str, object]:
    about = {"column": "c", "method": label, "label": label, "ours": ours, "measure": measure}
    return {**dict.fromkeys(CELL), **about, "difference": 1.0, "at_or_above": at_or_above, "ours_sd": sd, "n_seeds": 5}


@pytest.mark.parametrize(
    ("control", "measure", "expected"),
    [
        (80.0, "accuracy", "yes"),
        (90.0, "accuracy", "no better than control"),
        (95.0, "accuracy", "no better than control"),
        (95.0, "loss", "yes"),
        (89.0, "accuracy", "undecided: interval to control holds 0"),
        (91.0, "loss", "undecided: interval to control holds 0"),
        (None, "accuracy", "undecided: control not measured"),
    ],
)
def test_as_good_needs_the_control_beaten(control: float | None, measure: str, expected: str) -> None:
    cells = pd.DataFrame([_cell("r", 90.0, True, measure), _cell("r_plasticity_off", control, None, measure)])
    assert comparisons(cells)[0]["as good"] == expected
    worse = pd.DataFrame([_cell("r", 90.0, False, measure), _cell("r_plasticity_off", control, None, measure)])
    assert comparisons(worse)[0]["as good"] == "no"
    one_seed = pd.DataFrame([_cell("r", 90.0, True, sd=None), _cell("r_plasticity_off", 10.0, None)])
    assert comparisons(one_seed)[0]["as good"] == "undecided: interval to control holds 0"
    alone = pd.DataFrame([_cell("r", 90.0, True, measure)])
    assert comparisons(alone)[0]["as good"] == "yes"
