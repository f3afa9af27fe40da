"""Figures of top-down credit: every method is drawn and named, nothing hides below the axis."""

from pathlib import Path

import pandas as pd
import pytest

from brainalign.metalearning.figures import function_plates, multi_task_plates, reinforcement_plates
from brainalign.metalearning.function_optimisation import METHODS as FUNCTION_METHODS
from brainalign.metalearning.landscapes import LANDSCAPES
from brainalign.metalearning.multi_task import TRAININGS, parameter_counts
from brainalign.metalearning.reinforcement import METHODS as REINFORCEMENT_METHODS
from brainalign.report.plate import Plate, save_plate


def _values(column: str, names: tuple[str, ...]) -> pd.DataFrame:
    rows = [
        {"function": function, column: name, "seed": seed, "dimension": 2, "evaluations": 100,
         "median": 10.0 ** -(seed + k), "escaped": 0.1 * k, "started": 0.02}
        for function in LANDSCAPES for k, name in enumerate(names) for seed in (0, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _paths() -> pd.DataFrame:
    rows = [
        {"function": function, "method": method, "start": start, "step": step, "z1": step - 1.0, "z2": start,
         "value": 3 - step}
        for function in LANDSCAPES for method in ("gradient_descent", "credit") for start in (0, 1) for step in range(4)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _words(plate: Plate) -> str:
    legends = [text.get_text() for legend in plate.figure.legends for text in legend.get_texts()]
    return " ".join([*legends, *(axis.get_title("left") for axis in plate.figure.axes)])


def test_functions_are_drawn_by_method_and_as_walks(tmp_path: Path) -> None:
    values, walks = function_plates(_values("method", FUNCTION_METHODS), _paths())
    assert "meta-learned rate" in _words(values)
    assert "Rosenbrock" in _words(values)
    assert "a dot per outer seed (2)" in values.caption
    assert len(walks.figure.axes) == 2 * len(LANDSCAPES)
    for plate in (values, walks):
        save_plate(plate, tmp_path, ("png",))
        assert (tmp_path / f"{plate.name}.png").stat().st_size > 10_000


def test_values_of_zero_are_drawn_at_the_floor() -> None:
    table = _values("method", FUNCTION_METHODS).assign(median=0.0)
    plate = next(function_plates(table, pd.DataFrame()))
    assert plate.figure.axes[0].get_ylim()[0] > 0
    assert all((line.get_ydata() > 0).all() for line in plate.figure.axes[0].lines)


def test_several_functions_and_parameters_are_drawn(tmp_path: Path) -> None:
    for plate in multi_task_plates(_values("training", TRAININGS), parameter_counts()):
        save_plate(plate, tmp_path, ("svg",))
    assert {path.stem for path in tmp_path.iterdir()} == {"multitask-2d", "multitask-parameters"}


def test_control_tasks_are_drawn_by_variant() -> None:
    rows = [
        {"task": "cart_pole", "variant": variant, "method": method, "seed": seed, "mean_return": 100.0 * seed}
        for variant in ("default", "long pole") for method in REINFORCEMENT_METHODS for seed in (0, 1)
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    table = table[(table.variant == "default") | (table.method != "credit_undiffused")]
    (plate,) = reinforcement_plates(table, {"cart_pole": 475.0})
    assert [tick.get_text() for tick in plate.figure.axes[0].get_xticklabels()] == ["default", "long pole"]
    assert len(plate.figure.legends[0].get_texts()) == len(REINFORCEMENT_METHODS)


@pytest.mark.parametrize("method", [*FUNCTION_METHODS, *REINFORCEMENT_METHODS, *TRAININGS])
def test_every_method_has_a_style(method: str) -> None:
    from brainalign.metalearning.figures import _STYLES

    assert len(_STYLES[method]) == 3
