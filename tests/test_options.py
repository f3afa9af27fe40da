"""Options become plain values of the type their field declares, or are refused in one line."""

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from brainalign.datasets.task import Task
from brainalign.discovery import create
from brainalign.errors import SpecError
from brainalign.networks.architecture import Architecture, architecture, architectures
from brainalign.networks.mlp import MLP
from brainalign.optimizers import OPTIMIZERS, check_optimizer
from brainalign.options import fitted, plain
from brainalign.reproduction.presets import presets
from brainalign.rules.learning_rule import LearningRule, learning_rule, learning_rules
from brainalign.specs import AUGMENTATIONS, SCHEDULES
from brainalign.training import batches, optimisation

TASK = Task((1, 8, 8), 10, 100)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.array([1, 2], dtype=">i4"), [1, 2]),
        (np.array(4), 4),
        (range(2), (0, 1)),
        ([np.int8(1), (np.int8(2),)], [1, (2,)]),
        ({"a": np.array([[1.0]])}, {"a": [[1.0]]}),
        (Path("data"), "data"),
        (None, None),
    ],
)
def test_numpy_is_made_plain_at_any_depth(value: Any, expected: Any) -> None:
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (float, 3, 3),
        (tuple[int, ...], [1, 2], (1, 2)),
        (int | tuple[int, ...], [1], (1,)),
        (int | tuple[int, ...], 1, 1),
        (str | None, None, None),
        (Mapping[str, Any], {"a": [1]}, {"a": [1]}),
    ],
)
def test_what_fits_is_kept(kind: Any, value: Any, expected: Any) -> None:
    found = fitted(kind, value, "x")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (int, True, "x is True; expected a whole number."),
        (int, 2.0, "x is 2.0; expected a whole number."),
        (float, np.float64("nan"), "x is nan; expected a finite number."),
        (float, torch.tensor(0.5), "x is tensor(0.5000); expected a finite number."),
        (bool, 1, "x is 1; expected true or false."),
        (str | None, 3, "x is 3; expected text or nothing."),
        (int | tuple[int, ...], "3", "x is '3'; expected a whole number or a list of whole numbers."),
        (tuple[float, ...], ("a",), "x is ('a',); expected a list of finite numbers."),
        (tuple[int, ...], [*range(1000), "a"], "x is (0, 1, 2, 3, 4, 5, ...); expected a list of whole numbers."),
    ],
)
def test_what_does_not_fit_is_one_line(kind: Any, value: Any, message: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(message)}$"):
        fitted(kind, value, "x")


# -- networks ---------------------------------------------------------------------------------------------------------

NETWORKS: list[tuple[str, dict[str, Any], str]] = [
    ("mlp", {"widths": [0]}, "widths is (0,); expected 1 or more."),
    ("mlp", {"widths": [8, -5]}, "widths is (8, -5); expected 1 or more."),
    ("mlp", {"widths": "64"}, "widths of 'mlp' is '64'; expected a list of whole numbers."),
    ("mlp", {"widths": 64}, "widths of 'mlp' is 64; expected a list of whole numbers."),
    ("mlp", {"widths": [1.5]}, "widths of 'mlp' is (1.5,); expected a list of whole numbers."),
    ("mlp", {"widths": [True]}, "widths of 'mlp' is (True,); expected a list of whole numbers."),
    ("mlp", {"bias": 1}, "bias of 'mlp' is 1; expected true or false."),
    ("mlp", {"activation": "sine"}, "Unknown nonlinearity 'sine'"),
    ("cnn", {"channels": []}, "channels is (); expected at least one convolutional layer."),
    ("cnn", {"channels": [0]}, "channels is (0,); expected 1 or more."),
    ("cnn", {"channels": [4], "hidden": -1}, "hidden is -1; expected 0 or more."),
    ("cnn", {"channels": [4], "kernel": -1}, "kernel is -1; expected 1 or more."),
    ("cnn", {"channels": [4], "kernel": [3.0]}, "kernel of 'cnn' is (3.0,); expected a whole number or a list of"),
    ("cnn", {"channels": [4], "pool": 0}, "pool is 0; expected 2 or more."),
    ("cnn", {"channels": [4], "pool": 2.0}, "pool of 'cnn' is 2.0; expected a whole number."),
    ("rnn", {"widths": []}, "widths is (); expected at least one recurrent layer."),
    ("rnn", {"widths": [0]}, "widths is (0,); expected 1 or more."),
    ("rnn", {"patch": 0, "sequence": "patches"}, "patch is 0; expected 1 or more."),
    ("transformer", {"width": 0}, "width is 0; expected 1 or more."),
    ("transformer", {"heads": 0}, "heads is 0; expected 1 or more."),
    ("transformer", {"heads": -2}, "heads is -2; expected 1 or more."),
    ("transformer", {"patch": -4}, "patch is -4; expected 1 or more."),
    ("transformer", {"depth": 0}, "depth is 0; expected 1 or more."),
    ("transformer", {"expansion": 0}, "expansion is 0; expected 1 or more."),
]


@pytest.mark.parametrize(("name", "options", "message"), NETWORKS)
def test_a_network_that_cannot_be_is_one_line(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=re.escape(message)) as caught:
        architecture(name, options).build(TASK)
    assert "\n" not in str(caught.value)


def test_every_size_of_a_network_has_a_least_one() -> None:
    for name, shape in architectures().items():
        sizes = {
            f for f, kind in shape.__annotations__.items() if kind in (int, tuple[int, ...], int | tuple[int, ...])
        }
        assert sizes == set(shape.least), name


def test_a_network_built_in_python_is_checked_alike() -> None:
    with pytest.raises(SpecError, match=r"widths is \(0,\); expected 1 or more"):
        MLP(widths=(0,))
    assert MLP(widths=[np.int64(4)]) == MLP(widths=(4,))  # type: ignore[arg-type]
    assert len(MLP(widths=()).build(TASK).blocks) == 1  # a linear network


# -- rules ------------------------------------------------------------------------------------------------------------

RULES: list[tuple[str, dict[str, Any], str]] = [
    ("feedback_alignment", {"scale": -1}, "scale is -1; expected a number above 0."),
    ("feedback_alignment", {"scale": "big"}, "scale of 'feedback_alignment' is 'big'; expected a finite number."),
    ("direct_feedback_alignment", {"scale": 0}, "scale is 0; expected a number above 0."),
    ("direct_feedback_alignment", {"shared": 1}, "shared of 'direct_feedback_alignment' is 1; expected true or false."),
    ("sign_symmetry", {"scale": -1}, "scale is -1; expected a number above 0."),
    ("kolen_pollack", {"decay": -0.1}, "decay is -0.1; expected 0 or more."),
    ("kolen_pollack", {"scale": float("nan")}, "scale of 'kolen_pollack' is nan; expected a finite number."),
    ("weight_mirror", {"samples": 0}, "samples is 0; expected a number above 0."),
    ("weight_mirror", {"samples": 2.5}, "samples of 'weight_mirror' is 2.5; expected a whole number."),
    ("weight_mirror", {"warm_up": -1}, "warm_up is -1; expected a whole number, 0 or more."),
    ("weight_mirror", {"rate": -1}, "rate is -1; expected 0 or more."),
    ("target_propagation", {"noise_size": -1}, "noise_size is -1; expected 0 or more."),
    ("difference_target_propagation", {"noise_size": -1}, "noise_size is -1; expected 0 or more."),
    ("predictive_coding", {"steps": 2.0}, "steps of 'predictive_coding' is 2.0; expected a whole number."),
    ("hebbian", {"winners": True}, "winners of 'hebbian' is True; expected a whole number."),
    ("forward_forward", {"peer_momentum": 2}, "expected at least 0, at least 0, and a share below 1."),
    ("top_down_credit", {"hidden": [1.5]}, "hidden of 'top_down_credit' is (1.5,); expected a list of whole numbers."),
    ("local_losses", {"head_features": -1}, "head_features is -1; expected a positive number"),
    ("equilibrium_propagation", {"free_steps": None}, "'equilibrium_propagation' is None; expected a whole number."),
]


@pytest.mark.parametrize(("name", "options", "message"), RULES)
def test_an_option_of_a_rule_out_of_range_is_one_line(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=re.escape(message)) as caught:
        learning_rule(name, options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", learning_rules())
def test_every_rule_refuses_other_types_and_no_number(name: str) -> None:
    for option, default in vars(learning_rule(name)).items():
        if isinstance(default, (int, float)):
            bad: list[Any] = ["text", None, float("nan")] + ([True] if not isinstance(default, bool) else [1])
            for value in bad:
                with pytest.raises(SpecError, match=f"Option {option} of '{name}' is"):
                    create("rules", LearningRule, name, {option: value})


def test_every_preset_has_options_that_fit() -> None:
    for file in presets().values():
        for preset in file.presets.values():
            learning_rule(preset.spec.rule, dict(preset.spec.rule_options))
            create("networks", Architecture, preset.spec.network, dict(preset.spec.network_options))


# -- what specifications list and training does ------------------------------------------------------------------------


def test_every_listed_optimiser_schedule_and_augmentation_is_there() -> None:
    assert set(OPTIMIZERS) == set(optimisation.OPTIMIZERS)
    assert set(SCHEDULES) == set(optimisation.SCHEDULES)
    assert set(AUGMENTATIONS) == set(batches.AUGMENTATIONS)
    for name, options in OPTIMIZERS.items():
        known = inspect.signature(optimisation.OPTIMIZERS[name]).parameters
        assert set(options) <= set(known), name
        given = {option: known[option].default for option in options}
        check_optimizer(name, given)  # torch's own defaults are in range
        optimisation.make_optimizer(name, {"w": torch.zeros(2)}, 0.1, given)
