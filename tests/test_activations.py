"""Extraction: what is kept, what names it, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from brainalign.activations import Activations, extract
from brainalign.datasets.preprocessing import Preprocessing
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import ExtractionError, StimulusMismatchError
from brainalign.rules.backprop import Backprop
from brainalign.rules.stdp import STDP
from brainalign.specs import TrainSpec
from brainalign.training.checkpoint import Checkpoint
from tests.small import instance, network

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
    with pytest.raises(ExtractionError, match="pass the Preprocessing"):
        extract(nn.Flatten(), _stimuli())


def test_stimuli_are_joined_by_id() -> None:
    activations = extract(_checkpoint(), _stimuli())[0]
    with pytest.raises(StimulusMismatchError, match=r"1 of 2 stimuli are not in 'activations'.*'x'"):
        activations.subset(("s00", "x"))
    with pytest.raises(StimulusMismatchError, match="must be unique"):
        Stimuli(("a", "a"), np.zeros((2, 4, 4, 1), np.uint8), "twice")
