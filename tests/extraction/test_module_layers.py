"""Layers of modules of your own: one entry per call, and names that mean one thing."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from brainalign.activations import extract
from brainalign.datasets.preprocessing import Preprocessing
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import ExtractionError

SHOWN = Preprocessing(1, (8, 8), (0.5,), (0.25,))
IMAGES = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 1), dtype=np.uint8)
STIMULI = Stimuli([f"s{k}" for k in range(7)], IMAGES, "noise")
X = SHOWN(torch.from_numpy(IMAGES).permute(0, 3, 1, 2))


def _shown(module: nn.Module, layers: Any = None, **options: Any) -> dict[str, np.ndarray]:
    return dict(extract(module, STIMULI, SHOWN, layers, **options)[0].layers)


class Twice(nn.Module):
    """One rectifier after two layers."""

    def __init__(self, rectifier: str = "relu", tied: str = "") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(64, 5), nn.Linear(5, 4)
        self.rectifier = rectifier
        setattr(self, rectifier, nn.ReLU())
        if tied:
            setattr(self, tied, getattr(self, rectifier))

    def forward(self, x: Tensor) -> Tensor:
        relu = getattr(self, self.rectifier)
        return relu(self.second(relu(self.first(x.flatten(1)))))


def test_a_layer_called_twice_has_an_entry_per_call_in_order() -> None:
    module = Twice()
    found = _shown(module)
    with torch.no_grad():
        hidden = module.first(X.flatten(1))
        expected = {"first": hidden, "relu": hidden.relu(), "second": module.second(hidden.relu()), "relu_1": module(X)}
    assert list(found) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("layers", "entries"),
    [
        (["relu"], ["relu", "relu_1"]),
        ("relu", ["relu", "relu_1"]),
        (["relu_1"], ["relu_1"]),
        (["relu_1", "relu", "first"], ["relu_1", "relu", "first"]),
        (np.array(["second", "first"]), ["second", "first"]),
        (["output", "first"], ["output", "first"]),
    ],
)
def test_a_name_asks_for_all_calls_and_a_numbered_name_for_one(layers: Any, entries: list[str]) -> None:
    every = _shown(Twice())
    found = _shown(Twice(), layers)
    assert list(found) == entries
    for name, values in found.items():
        np.testing.assert_array_equal(values, every["relu_1" if name == "output" else name])


def test_a_tied_convolution_and_a_recurrent_one_keep_every_call() -> None:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            for _ in range(3):
                x = self.conv(x)
            return x

    module = Loop()
    found = _shown(module)
    assert list(found) == ["conv", "conv_1", "conv_2"]
    with torch.no_grad():
        np.testing.assert_allclose(found["conv_2"], module(X).flatten(1), rtol=1e-4, atol=1e-6)
    assert list(_shown(module, ["conv_2", "conv"])) == ["conv_2", "conv", "conv_1"]


def test_a_module_under_two_names_is_one_layer_under_the_first() -> None:
    rectifier = nn.ReLU()
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), rectifier, nn.Linear(5, 4), rectifier)
    assert list(_shown(module)) == ["0", "1", "2", "3", "2_1"]
    message = (
        "Layer '4' is the same module as '2'; expected its first name. Ask for '2' (all its calls) or '2_1' (the "
        "second)."
    )
    for layers in (["4"], ["4_1"]):
        with pytest.raises(ExtractionError) as caught:
            _shown(module, layers)
        assert str(caught.value) == message


def test_a_call_that_would_take_the_name_of_another_module_is_refused() -> None:
    module = Twice()
    module.relu_1 = nn.Tanh()
    message = "call 2 would be 'relu_1', the name of another module; expected names of its own. Rename that module"
    for layers in (None, ["relu"], ["relu", "relu_1"]):
        with pytest.raises(ExtractionError, match=message):
            _shown(module, layers)
    assert list(_shown(module, ["first", "second"])) == ["first", "second"]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["conv9"], "Unknown layer 'conv9'. Choose among: output, first, second, relu."),
        (["relu_0"], "Unknown layer 'relu_0'. Choose among: output, first, second, relu."),
        (["relu_5"], "Unknown layer 'relu_5': 'relu' is called 2 times. Choose among: relu, relu_1."),
        (["first", 3], "Layers hold 3; expected names. Give layers = ['name', ...]."),
    ],
)
def test_unknown_layers_are_named(layers: Any, message: str) -> None:
    with pytest.raises(ExtractionError) as caught:
        _shown(Twice(), layers)
    assert str(caught.value) == message


def test_calls_that_depend_on_the_batch_are_refused() -> None:
    class PerStimulus(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.relu = nn.Linear(64, 3), nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            y = self.linear(x.flatten(1))
            for _ in range(len(x)):
                y = self.relu(y)
            return y

    message = "Layer 'relu_1' is called for one batch of stimuli and not for another; expected as many calls of every"
    with pytest.raises(ExtractionError, match=message):
        _shown(PerStimulus())
    assert list(_shown(PerStimulus(), ["linear"])) == ["linear"]


class _Parts(nn.Module):
    """Layers that are no tensor with the stimuli first."""

    def __init__(self) -> None:
        super().__init__()
        self.pixels, self.lstm, self.never = nn.Flatten(1), nn.LSTM(8, 3, batch_first=True), nn.ReLU()
        self.table, self.swap, self.none = nn.Embedding(4, 2), _Swap(), _None()
        self.silent = _Silent()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        self.lstm(x[:, 0])
        self.table(torch.arange(4))
        self.swap(x)
        self.silent(x)
        return {"pixels": self.none(self.pixels(x))}


class _Silent(nn.Module):
    def forward(self, x: Tensor) -> None:
        del x


class _Swap(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0].transpose(0, 1)


class _None(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :0]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            ["lstm"],
            "Layer 'lstm:1:0' returns (1, 7, 3) for 7 stimuli; expected the stimuli on the first axis. Name the layers",
        ),
        (None, "Layer 'silent' returns NoneType; expected tensors. Name the layers to keep (layers = [...]), or wrap"),
        (["lstm:2"], "Unknown layer 'lstm:2'. Choose among: lstm:0, lstm:1:0, lstm:1:1."),
        (["silent"], "Layer 'silent' returns NoneType; expected tensors. Name the layers to keep (layers = [...])"),
        (["output"], "Layer 'output' has no features ((7, 0)); expected at least one."),
        (
            ["table"],
            "Layer 'table' returns (4, 2) for 7 stimuli; expected the stimuli on the first axis. Name the layers",
        ),
        (["swap"], "Layer 'swap' returns (8, 7, 8) for 7 stimuli; expected the stimuli on the first axis."),
        (["none"], "Layer 'none' has no features ((7, 0)); expected at least one."),
        (["never"], "Layer 'never' never ran; expected a module that the network calls. Name one that it calls, or"),
    ],
)
def test_layers_that_are_no_rows_of_stimuli_say_what_to_do(layers: list[str] | None, message: str) -> None:
    with pytest.raises(ExtractionError) as caught:
        _shown(_Parts(), layers)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    np.testing.assert_allclose(_shown(_Parts(), "pixels")["pixels"], X.flatten(1))


def test_as_many_stimuli_as_steps_of_time_do_not_pass_for_a_batch_axis() -> None:
    """Eight stimuli and eight rows: (time, stimuli, ...) has the right length by accident."""
    stimuli = Stimuli([str(k) for k in range(8)], np.concatenate([IMAGES, 255 - IMAGES[:1]]), "eight")
    with pytest.raises(ExtractionError, match=r"Layer 'swap' returns \(8, 1, 8\) for 1 stimuli; expected the stimuli"):
        extract(_Parts(), stimuli, SHOWN, ["swap"])


def test_a_module_without_parts_and_one_of_functions_give_what_they_return() -> None:
    class Functions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(64, 3)

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(F.linear(x.flatten(1), self.linear.weight, self.linear.bias))

    assert _shown(nn.Flatten())["output"].shape == (7, 64)
    assert _shown(Functions(), "output")["output"].shape == (7, 3)
    with pytest.raises(ExtractionError, match=r"No layer of the network ran as a module; .* layers = \['output'\]"):
        _shown(Functions())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_module_of_half_or_double_precision_is_shown_inputs_of_its_type(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 6))
    expected = _shown(module)
    found = _shown(module.to(dtype))
    assert {layer.dtype for layer in found.values()} == {np.dtype(np.float32)}
    assert next(module.parameters()).dtype == dtype
    tolerance = 1e-5 if dtype == torch.float64 else 0.05
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=tolerance, atol=tolerance)


def test_a_module_whose_eval_returns_nothing_is_shown_and_put_back() -> None:
    class Quiet(nn.Sequential):
        def train(self, mode: bool = True) -> None:  # type: ignore[override]
            super().train(mode)

        def eval(self) -> None:  # type: ignore[override]
            self.train(False)

    module = Quiet(nn.Flatten(), nn.Dropout())
    assert list(_shown(module)) == ["0", "1"]
    assert module.training
    assert module[1].training


def test_a_lazy_module_is_refused() -> None:
    with pytest.raises(ExtractionError, match=r"Parameter '1.weight' has no values yet; .* Call it on one batch first"):
        _shown(nn.Sequential(nn.Flatten(), nn.LazyLinear(3)))
