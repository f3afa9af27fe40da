"""Extraction: what is kept, what names it, and what is refused."""

import copy
import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from brainalign.activations import Activations, extract
from brainalign.datasets.preprocessing import Preprocessing
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError, ExtractionError, StimulusMismatchError
from brainalign.networks.architecture import architecture
from brainalign.rules.backprop import Backprop
from brainalign.rules.feedback_alignment import FeedbackAlignment
from brainalign.rules.stdp import STDP
from brainalign.specs import TrainSpec
from brainalign.training.checkpoint import Checkpoint
from tests.small import TASK, instance, network

PREPROCESSING = Preprocessing(1, (8, 8), (0.5,), (0.25,))


def _stimuli(n: int = 20, side: int = 8, channels: int = 1) -> Stimuli:
    images = np.random.default_rng(0).integers(0, 256, (n, side, side, channels), dtype=np.uint8)
    return Stimuli(tuple(f"s{k:02d}" for k in range(n)), images, "noise")


def _checkpoint(name: str = "cnn", seeds: tuple[int, ...] = (0, 1)) -> Checkpoint:
    net, rule = network(name), Backprop()
    parts = [instance(net, rule, seed, torch.float32) for seed in seeds]
    params, state = ({n: torch.stack([p[k][n] for p in parts]) for n in parts[0][k]} for k in (0, 1))
    spec = TrainSpec("backprop", name, "digits", seeds=seeds)
    return Checkpoint(spec, net, rule, PREPROCESSING, params, state, 0, 0.0)


@pytest.mark.parametrize("name", ["mlp", "cnn", "rnn", "rnn-step", "transformer"])
def test_every_layer_of_every_instance_under_every_id(name: str) -> None:
    model, stimuli = _checkpoint(name), _stimuli()
    found = extract(model, stimuli)
    assert len(found) == 2
    for row, activations in enumerate(found):
        assert list(activations.layers) == list(model.network.layers)
        assert activations.stimulus_ids == stimuli.ids
        x = PREPROCESSING(torch.from_numpy(stimuli.images).permute(0, 3, 1, 2))
        params, state = model.instance(row)
        for layer, expected in model.network.activities(params, state, x).items():
            np.testing.assert_allclose(activations.layers[layer], expected.flatten(1), rtol=1e-4, atol=1e-5)


def test_batch_size_and_order_do_not_matter() -> None:
    model, stimuli = _checkpoint(), _stimuli()
    whole = extract(model, stimuli)[0]
    small = extract(model, stimuli, batch_size=3)[0]
    backwards = extract(model, stimuli.subset(stimuli.ids[::-1]))[0].subset(stimuli.ids)
    for layer in whole.layers:
        np.testing.assert_allclose(whole.layers[layer], small.layers[layer], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(whole.layers[layer], backwards.layers[layer], rtol=1e-4, atol=1e-6)


def test_key_names_weights_stimuli_and_preprocessing() -> None:
    model, stimuli = _checkpoint(), _stimuli()
    keys = [a.key for a in extract(model, stimuli)]
    assert keys == [a.key for a in extract(model, stimuli, batch_size=7)]
    others = [
        extract(_checkpoint(seeds=(5, 6)), stimuli)[0].key,
        extract(model, stimuli.subset(stimuli.ids[::-1]))[0].key,
        extract(model, stimuli, Preprocessing(1, (8, 8), (0.4,), (0.25,)))[0].key,
        extract(model, stimuli, layers=("conv1",))[0].key,
    ]
    assert len({*keys, *others}) == 6


def test_save_and_load(tmp_path: Path) -> None:
    activations = extract(_checkpoint(), _stimuli())[0]
    activations.save(tmp_path / "a.safetensors")
    back = Activations.load(tmp_path / "a.safetensors")
    assert (back.key, back.stimulus_ids, list(back.layers)) == (
        activations.key,
        activations.stimulus_ids,
        list(activations.layers),
    )
    assert all(np.array_equal(back.layers[name], activations.layers[name]) for name in back.layers)


def test_what_an_activity_is_is_recorded_and_names_it(tmp_path: Path) -> None:
    stimuli, keys = _stimuli(), set()
    for duration in (100.0, 200.0):
        rule = STDP(encoding="regular", duration=duration)
        net = network("mlp")
        params, state = ({n: t[None] for n, t in part.items()} for part in instance(net, rule, 0, torch.float32))
        spec = TrainSpec("stdp", "mlp", "digits", seeds=(0,))
        found = extract(Checkpoint(spec, net, rule, PREPROCESSING, params, state, 0, 0.0), stimuli)[0]
        found.save(tmp_path / "a.safetensors")
        for one in (found, found.subset(stimuli.ids[:3]), Activations.load(tmp_path / "a.safetensors")):
            assert one.activity == f"spike rate in Hz over {duration:g} ms, dt 4 ms"
        keys.add(found.key)
    assert len(keys) == 2
    assert extract(_checkpoint(), stimuli)[0].activity == ""


def test_colour_and_resolution_are_converted_by_declaration() -> None:
    model = _checkpoint()
    found = extract(model, _stimuli(side=30, channels=3))[0]
    assert found.layers["readout"].shape == (20, 5)
    larger = extract(model, _stimuli(side=30), Preprocessing(1, (16, 16), (0.5,), (0.25,)))[0]
    assert larger.layers["conv1"].shape[1] == 4 * found.layers["conv1"].shape[1]
    with pytest.raises(ExtractionError, match="Show stimuli at the resolution it was trained at"):
        extract(_checkpoint("mlp"), _stimuli(), Preprocessing(1, (16, 16), (0.5,), (0.25,)))


class _StuckNorm(nn.BatchNorm2d):
    """A normalisation that ignores eval(), like the one that cost three published corrections."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.batch_norm(x, None, None, self.weight, self.bias, training=True)


class _StaysInTraining(nn.BatchNorm2d):
    def train(self, mode: bool = True) -> "_StaysInTraining":
        del mode
        self.training = True
        return self


class _Counter(nn.Module):
    calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return x + self.calls


class _AlwaysDropout(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(x, 0.5, training=True)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (_StuckNorm(2), "depends on the (order|other stimuli)"),
        (_StaysInTraining(2), "stays in training mode after eval"),
        (_AlwaysDropout(), "depends on chance"),
        (_Counter(), "depends on chance"),
    ],
)
def test_a_module_that_is_no_function_of_the_stimulus_is_refused(part: nn.Module, message: str) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 2, 3), part, nn.ReLU())
    with pytest.raises(ExtractionError, match=message) as caught:
        extract(module, _stimuli(), PREPROCESSING)
    assert "\n" not in str(caught.value)


def test_a_sound_module_is_extracted_and_returned_as_it_was() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(inplace=True), nn.Dropout(), nn.Flatten())
    module.train()
    module[3].eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    found = extract(module, _stimuli(), PREPROCESSING)[0]
    assert list(found.layers) == ["0", "1", "2", "3", "4"]
    assert [part.training for part in module] == [True, True, True, False, True]
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())
    assert (found.layers["1"] < 0).any()  # the in-place rectifier after it did not rewrite it
    assert (found.layers["2"] >= 0).all()
    assert list(extract(module, _stimuli(), PREPROCESSING, layers=("2",))[0].layers) == ["2"]


def test_nan_activation_unknown_layer_and_missing_preprocessing_give_one_line() -> None:
    model = _checkpoint()
    model.params["readout.bias"][0, 0] = torch.nan
    with pytest.raises(ExtractionError, match="Layer 'readout' is not finite for 20 of 20 stimuli, first 's00'"):
        extract(model, _stimuli())
    with pytest.raises(ExtractionError, match=r"Unknown layer 'conv9'\. Choose among: conv1, conv2"):
        extract(_checkpoint(), _stimuli(), layers=("conv9",))
    with pytest.raises(ExtractionError, match=r"no transform; .* Give transform = Preprocessing\("):
        extract(nn.Flatten(), _stimuli())


def test_stimuli_are_joined_by_id() -> None:
    activations = extract(_checkpoint(), _stimuli())[0]
    with pytest.raises(StimulusMismatchError, match=r"1 of 2 stimuli are not in 'activations'.*'x'"):
        activations.subset(("s00", "x"))
    with pytest.raises(StimulusMismatchError, match="must be unique"):
        Stimuli(("a", "a"), np.zeros((2, 4, 4, 1), np.uint8), "twice")


def test_a_network_of_another_function_has_another_key_with_equal_weights() -> None:
    stimuli, model = _stimuli(), _checkpoint("mlp")
    tanh = replace(model, network=architecture("mlp", {"widths": (12, 9), "activation": "tanh"}).build(TASK))
    other_rule = replace(model, rule=FeedbackAlignment())
    keys = [extract(one, stimuli)[0].key for one in (model, tanh, other_rule)]
    assert len(set(keys)) == 3
    assert extract(copy.deepcopy(model), stimuli)[0].key == keys[0]


class _Functional(nn.Module):
    """One weight, and an answer that depends on what is no weight."""

    def __init__(self, function: Callable[..., torch.Tensor] = torch.relu, slope: float = 1.0, **extra: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.part = nn.Linear(64, 4), nn.Identity()
        self.function, self.slope = function, slope
        for name, value in extra.items():
            setattr(self, name, value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.part(self.slope * self.function(self.linear(x.flatten(1))))


class _OtherForward(_Functional):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.part(torch.tanh(self.linear(x.flatten(1))))


class _OtherHelper(_OtherForward):
    def helper(self) -> int:
        return 3


def _closure(slope: float) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda x: slope * x


def _hooked() -> nn.Module:
    module = _Functional()
    module.linear.register_forward_hook(lambda part, inputs, output: output * 2)
    return module


def _buffered() -> nn.Module:
    module = _Functional()
    module.register_buffer("scale", torch.ones(1), persistent=False)
    return module


def test_equal_weights_in_another_structure_have_another_key() -> None:
    torch.manual_seed(0)
    body = nn.Linear(64, 4)
    different: list[Callable[[], nn.Module]] = [
        lambda: nn.Sequential(nn.Flatten(), body, nn.ReLU()),
        lambda: nn.Sequential(nn.Flatten(), body, nn.Tanh()),
        lambda: nn.Sequential(nn.Flatten(), body, nn.LeakyReLU(0.1)),
        lambda: nn.Sequential(nn.Flatten(), body, nn.LeakyReLU(0.2)),
        lambda: _Functional(),
        lambda: _Functional(torch.tanh),
        lambda: _Functional(functools.partial(nn.functional.leaky_relu, negative_slope=0.1)),
        lambda: _Functional(functools.partial(nn.functional.leaky_relu, negative_slope=0.2)),
        lambda: _Functional(lambda x: x + 1),
        lambda: _Functional(lambda x: x + 2),
        lambda: _Functional(_closure(2.0)),
        lambda: _Functional(_closure(3.0)),
        lambda: _Functional(slope=2.0),
        lambda: _Functional(table=torch.ones(2)),
        lambda: _Functional(table=torch.zeros(2)),
        lambda: _Functional(hidden=[nn.Linear(1, 1, bias=False)]),
        _OtherForward,
        _OtherHelper,
        _hooked,
        _buffered,
    ]
    keys = [[extract(make(), _stimuli(), PREPROCESSING)[0].key for _ in range(2)] for make in different]
    assert all(one == again for one, again in keys)
    assert len({one for one, _ in keys}) == len(different)


def test_weights_of_another_type_have_another_key_bfloat16_included() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    dtypes = (torch.float32, torch.bfloat16, torch.float16)
    assert len({extract(module.to(dtype), _stimuli(), PREPROCESSING)[0].key for dtype in dtypes}) == 3


class _Leak(nn.Module):
    """Units that leak, beside one that is constant and large."""

    def __init__(self, kind: str, constant: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.all, self.kind, self.constant = nn.Linear(64, 6), nn.Identity(), kind, constant
        self.hidden: torch.Tensor | float = 0.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.linear(x.flatten(1))
        if self.kind == "statistics":
            y = (y - y.mean(0)) / (y.var(0, correction=0) + 1e-5).sqrt()
        elif self.kind == "one unit":
            y = torch.cat([y[:, :1] + 0.05 * y[:, :1].mean(0), y[:, 1:]], 1)
        elif self.kind == "dropout":
            y = nn.functional.dropout(y, 0.1, training=True)
        elif self.kind == "state":
            y, self.hidden = y + self.hidden, 0.1 * y.detach().mean(0)
        elif self.kind == "place":
            y = y + 0.1 * torch.arange(len(y), dtype=y.dtype)[:, None]
        return self.all(torch.cat([y, torch.full_like(y[:, :1], self.constant)], 1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("constant", [0.0, 1000.0, 1e6])
@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("statistics", "the other stimuli of the batch: 6 of 7"),
        ("one unit", "the other stimuli of the batch: 1 of 7"),
        ("dropout", "chance"),
        ("state", "chance"),
        ("place", "the order of the batch: 6 of 7"),
    ],
)
def test_a_constant_unit_does_not_hide_a_leak(kind: str, cause: str, constant: float, dtype: torch.dtype) -> None:
    with pytest.raises(ExtractionError, match=f"Layer 'all' depends on {cause}") as caught:
        extract(_Leak(kind, constant).to(dtype), _stimuli(), PREPROCESSING, ["all"])
    assert "\n" not in str(caught.value)
    extract(_Leak("none", constant).to(dtype), _stimuli(), PREPROCESSING, ["all"])


def test_a_leak_is_found_where_there_is_one_stimulus() -> None:
    one = _stimuli().subset(["s03"])
    with pytest.raises(ExtractionError, match="Layer 'all' depends on the other stimuli of the batch"):
        extract(_Leak("statistics", 0.0), one, PREPROCESSING, ["all"])
    assert extract(_Leak("none", 0.0), one, PREPROCESSING)[0].layers["all"].shape == (1, 7)


class _IllConditioned(nn.Module):
    """Units of 1000 that hardly vary, standardised: in single precision rounding is most of what is left."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.norm, self.out = nn.Linear(64, 30), nn.BatchNorm1d(30, eps=1e-10), nn.Linear(30, 8)
        self.linear.weight.data *= 1e-4
        self.linear.bias.data += 1000
        self.norm.running_mean[:], self.norm.running_var[:] = self.linear.bias.data, 1e-9

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.norm(self.linear(x.flatten(1))))


class _OwnPrecision(nn.Module):
    """A normalisation that computes in single precision whatever it is given."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.out, self.relu = nn.Linear(64, 30), nn.Linear(30, 10), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = nn.functional.linear(x.flatten(1).float(), self.linear.weight.float(), self.linear.bias.float())
        y = y / (y.pow(2).mean(1, keepdim=True) + 1e-6).sqrt()
        return self.out(self.relu(y).to(self.out.weight.dtype))


def _hardly_different() -> Stimuli:
    images = np.full((20, 8, 8, 1), 100, np.uint8)
    images[np.arange(20), np.arange(20) % 8, 0] += 1
    return Stimuli([f"s{k}" for k in range(20)], images, "hardly different")


def _equal() -> Stimuli:
    return Stimuli([f"s{k}" for k in range(20)], np.repeat(_stimuli().images[:1], 20, 0), "equal")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shown", [_stimuli, _hardly_different, _equal])
def test_rounding_is_no_leak(shown: Callable[[], Stimuli], dtype: torch.dtype) -> None:
    deep = [nn.Flatten(), nn.Linear(64, 32)]
    torch.manual_seed(1)
    for _ in range(10):
        deep += [nn.LayerNorm(32), nn.GELU(), nn.Linear(32, 32)]
    encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    attention = nn.Sequential(nn.Flatten(1, 2), nn.TransformerEncoder(encoder, 2), nn.Flatten())
    for module in (_IllConditioned(), _OwnPrecision(), nn.Sequential(*deep), attention):
        layers = None if module is not attention else ["output"]
        extract(module.to(dtype), shown(), PREPROCESSING, layers)


@pytest.mark.parametrize("name", ["mlp", "cnn", "cnn-plain", "rnn", "rnn-step", "transformer", "transformer-sublayer"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_rounding_of_every_architecture_is_no_leak(name: str, dtype: torch.dtype) -> None:
    model = _checkpoint(name, seeds=(0, 1, 2))
    cast = {group: {n: t.to(dtype) for n, t in getattr(model, group).items()} for group in ("params", "state")}
    for stimuli in (_stimuli(), _hardly_different(), _equal()):
        found = extract(replace(model, **cast), stimuli)
        assert {layer.dtype for one in found for layer in one.layers.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (np.zeros((3, 2, 2)), r"layer 'a' is float64 \(3, 2, 2\) for 3 stimuli; expected numbers \(3, n_features\)"),
        (np.zeros(3), r"layer 'a' is float64 \(3,\) for 3 stimuli"),
        (np.zeros((4, 2)), r"layer 'a' is float64 \(4, 2\) for 3 stimuli"),
        (np.full((3, 2), "x"), r"layer 'a' is <U1 \(3, 2\) for 3 stimuli"),
        (np.ma.masked_array(np.zeros((3, 2)), [[0, 1]] * 3), "layer 'a' is partly masked; expected a value everywhere"),
    ],
)
def test_activations_are_rows_of_numbers_under_unique_ids(layer: np.ndarray, message: str) -> None:
    with pytest.raises(StimulusMismatchError, match="Activations: " + message):
        Activations({"a": layer}, ("x", "y", "z"), "key")
    with pytest.raises(StimulusMismatchError, match=r"Activations: ids must be unique, but \['x'\] repeat"):
        Activations({"a": np.zeros((3, 2))}, ("x", "y", "x"), "key")


def test_activations_of_any_array_are_subset_and_saved(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    forms: list[Any] = [
        values[::-1][::-1],
        values.astype(">f4"),
        torch.from_numpy(values).requires_grad_(),
        values.tolist(),
    ]
    values.setflags(write=False)
    for form in [*forms, values]:
        activations = Activations({"a": form}, pd.Series([7, 8, 9]), "key")  # type: ignore[arg-type]
        assert activations.stimulus_ids == ("7", "8", "9")
        activations.save(tmp_path / "a.safetensors")
        part = Activations.load(tmp_path / "a.safetensors").subset(np.array([9, 7]))  # type: ignore[arg-type]
        assert part.stimulus_ids == ("9", "7")
        np.testing.assert_array_equal(part.layers["a"], values[[2, 0]])


def test_a_file_of_something_else_holds_no_activations(tmp_path: Path) -> None:
    _checkpoint().save(tmp_path / "c.safetensors")
    with pytest.raises(DataError, match="holds no activations; give a file that"):
        Activations.load(tmp_path / "c.safetensors")


def test_numbers_out_of_the_range_of_half_precision_are_said_to_be_that() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    module[1].weight.data[:] = 3e4
    with pytest.raises(ExtractionError, match=r"Layer '1' is not finite for .* Numbers of float16 left the range, or"):
        extract(module.half(), _stimuli(), PREPROCESSING)
    extract(module.float(), _stimuli(), PREPROCESSING)


def test_a_layer_is_patterns_under_ids():
    shown = Activations({"hidden": np.arange(6.0).reshape(3, 2)}, ("a", "b", "c"), "key")
    found = shown.patterns("hidden")
    assert found.stimulus_ids == ("a", "b", "c")
    np.testing.assert_array_equal(found.values, shown.layers["hidden"])
    with pytest.raises(DataError, match="no layer 'hiden'; choose among: hidden"):
        shown.patterns("hiden")
