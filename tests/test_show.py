"""Showing stimuli to any network: what it returns, which layers, how pictures reach it, and what it is called."""

from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from brainalign.activations import Activations, Shown, show
from brainalign.datasets.preprocessing import Preprocessing
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError, ExtractionError, SpecError
from brainalign.training.train import Trained
from tests.small import a_checkpoint

IMAGES = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 1), dtype=np.uint8)
STIMULI = Stimuli([f"s{k}" for k in range(9)], IMAGES, "noise")


class Blocks(nn.Module):
    """Four named stages, the second of which has parts."""

    def __init__(self, answer: Any = None, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.layer1, self.layer2 = nn.Conv2d(1, 4, 3), nn.Sequential(nn.Conv2d(4, 3, 3), nn.ReLU())
        self.layer10, self.readout = nn.Flatten(), nn.Linear(48, 5)
        self.answer = answer

    def forward(self, x: Tensor) -> Any:
        y = self.readout(self.layer10(self.layer2(self.layer1(x))))
        return y if self.answer is None else self.answer(y, y + 1)


Pair = namedtuple("Pair", ("one", "other"))


@dataclass
class ModelOutput:
    """As libraries of pretrained networks return it: a field may be missing."""

    logits: Tensor
    hidden: tuple[Tensor, ...]
    loss: Tensor | None = None


@pytest.mark.parametrize(
    ("answer", "entries"),
    [
        (None, ["output"]),
        (lambda y, z: {"logits": y}, ["output"]),
        (lambda y, z: {"logits": y, "more": {"z": z}, "cache": None}, ["output:logits", "output:more:z"]),
        (lambda y, z: (y, [z, 3.0]), ["output:0", "output:1:0"]),
        (lambda y, z: Pair(y, z), ["output:one", "output:other"]),
        (lambda y, z: ModelOutput(y, (z,)), ["output:logits", "output:hidden:0"]),
    ],
)
def test_tensors_are_found_in_whatever_a_network_returns(answer: Any, entries: list[str]) -> None:
    plain = show(Blocks(), STIMULI, "pixels", ["output"])[0].layers["output"]
    found = show(Blocks(answer), STIMULI, "pixels", ["output"])[0].layers
    assert list(found) == entries
    np.testing.assert_array_equal(found[entries[0]], plain)
    if len(entries) > 1:
        np.testing.assert_allclose(found[entries[1]], plain + 1, rtol=1e-6)
        one = show(Blocks(answer), STIMULI, "pixels", entries[1])[0].layers
        np.testing.assert_array_equal(one[entries[1]], found[entries[1]])


@pytest.mark.parametrize(
    ("layers", "entries"),
    [
        ("layer*", ["layer1", "layer2", "layer10"]),
        ("layer?", ["layer1", "layer2"]),
        ("layer2.*", ["layer2.0", "layer2.1"]),
        ("layer2**", ["layer2", "layer2.0", "layer2.1"]),
        (["readout", "layer?"], ["readout", "layer1", "layer2"]),
        ({"early": "layer1", "late": "readout"}, ["early", "late"]),
    ],
)
def test_patterns_and_names_of_ones_own_choose_layers(layers: Any, entries: list[str]) -> None:
    assert list(show(Blocks(), STIMULI, "pixels", layers)[0].layers) == entries


def test_a_pattern_chooses_among_the_layers_of_a_population() -> None:
    assert list(show(a_checkpoint(), STIMULI, layers="hidden*")[0].layers) == ["hidden1", "hidden2"]
    with pytest.raises(
        ExtractionError, match=r"No layer is named as 'conv\*'. Choose among: hidden1, hidden2, readout"
    ):
        show(a_checkpoint(), STIMULI, layers="conv*")


def test_an_unknown_layer_of_a_large_network_names_the_nearest() -> None:
    module = nn.Sequential(nn.Flatten(), *[nn.Linear(64, 64) for _ in range(40)])
    named = nn.Sequential()
    for k, part in enumerate(module):
        named.add_module(f"block{k}", part)
    for layers in ("blok7", "blok7*"):
        with pytest.raises(ExtractionError, match=r"layer.* 'blok7\*?'. The nearest of 42 names: .*block7") as caught:
            show(named, STIMULI, "pixels", layers)
        assert len(str(caught.value)) < 120


def test_names_of_ones_own_stand_for_one_entry_each() -> None:
    for layers in ({"early": "layer*"}, {"a": "layer1", "b": "layer1"}):
        with pytest.raises(ExtractionError, match="expected one entry for each name of yours"):
            show(Blocks(), STIMULI, "pixels", layers)


# -- how pictures reach it --------------------------------------------------------------------------------------------


def _centred(picture: Any) -> np.ndarray:
    return 2 * np.asarray(picture, dtype=np.float32)[None] / 255 - 1


def test_a_function_of_a_picture_is_a_transform() -> None:
    same = Preprocessing(1, (8, 8), (0.5,), (0.5,))
    own, declared = (show(Blocks(), STIMULI, one)[0] for one in (_centred, same))
    for name, values in declared.layers.items():
        np.testing.assert_allclose(own.layers[name], values, rtol=1e-4, atol=1e-6)
    assert own.origin.resolution == (8, 8)
    assert own.key == show(Blocks(), STIMULI, _centred)[0].key
    assert own.key != show(Blocks(), STIMULI, lambda picture: 2 * _centred(picture))[0].key


def test_words_name_two_usual_transforms() -> None:
    declared = Preprocessing(1, (8, 8), (0.0,), (1.0,))
    assert show(Blocks(), STIMULI, "pixels")[0].key == show(Blocks(), STIMULI, declared)[0].key
    wide = Stimuli(["a", "b"], np.random.default_rng(0).integers(0, 256, (2, 20, 30, 3), dtype=np.uint8), "wide")
    found = show(nn.Flatten(), wide, "imagenet")[0]
    assert found.layers["output"].shape == (2, 3 * 224 * 224)
    assert found.origin.resolution == (224, 224)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (lambda picture: torch.rand(1, 8, 8), "transform depends on chance"),
        (lambda picture: picture, "transform returns Image; expected numbers"),
        (lambda picture: np.zeros((8, 8)), r"transform returns \(8, 8\); expected numbers"),
        (lambda picture: picture.nothing, "transform fails on a 8 x 8 grey picture .*a function of a PIL image"),
        (lambda picture: np.zeros((1, 8, 8 + np.asarray(picture)[0, 0] % 2)), "for another; expected one size"),
    ],
)
def test_a_transform_that_is_none_is_refused_in_one_line(transform: Any, message: str) -> None:
    with pytest.raises(ExtractionError, match=message) as caught:
        show(Blocks(), STIMULI, transform)
    assert "\n" not in str(caught.value)


# -- pooling ----------------------------------------------------------------------------------------------------------


class Tokens(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2).transpose(1, 2).expand(-1, -1, 3)  # 64 tokens of 3 channels


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_pooling_keeps_a_number_for_each_channel_and_is_said(pool: str) -> None:
    reduced = getattr(np, pool)
    every, pooled = (show(Blocks(), STIMULI, "pixels", pool=one)[0] for one in ("none", pool))
    wanted = reduced(every.layers["layer1"].reshape(9, 4, 36), axis=2)
    np.testing.assert_allclose(pooled.layers["layer1"], wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(pooled.layers["readout"], every.layers["readout"])
    assert "over space and tokens" in pooled.activity
    assert pooled.key != every.key
    tokens = show(Tokens(), STIMULI, "pixels", pool=pool)[0].layers["output"]
    np.testing.assert_allclose(tokens[:, 0], reduced(IMAGES.reshape(9, 64) / 255, axis=1), rtol=1e-5)
    with pytest.raises(ExtractionError, match="pool is 'middle'; expected one of: none, mean, max"):
        show(Blocks(), STIMULI, "pixels", pool="middle")


# -- names, groups, seeds ---------------------------------------------------------------------------------------------


def test_networks_have_names_groups_and_seeds() -> None:
    one = show(Blocks(), STIMULI, "pixels")
    assert [(a.origin.name, a.origin.group, a.origin.seed, a.origin.role) for a in one] == [
        ("Blocks", "models", 0, "model")
    ]
    seeds = show([Blocks(seed=0), Blocks(seed=1)], STIMULI, "pixels", name="blocks")
    assert [(a.origin.name, a.origin.seed) for a in seeds] == [("blocks", 0), ("blocks", 1)]
    population = a_checkpoint()
    many = show({"mine": Blocks(), "seeds": [Blocks(), Blocks(seed=1)]}, STIMULI, "pixels", group="both")
    many += show(population, STIMULI, group="both")
    assert [(a.origin.name, a.origin.seed, a.origin.role) for a in many] == [
        ("mine", 0, "model"),
        ("seeds", 0, "model"),
        ("seeds", 1, "model"),
        ("feedback_alignment", 4, "trained"),
        ("feedback_alignment", 9, "trained"),
    ]
    assert isinstance(many, Shown)
    assert many.names == ("mine", "seeds", "feedback_alignment")
    assert {a.origin.group for a in many} == {"both"}
    assert show(population, STIMULI)[0].origin.group == "mlp"


def test_what_training_returned_is_shown_as_its_last_checkpoint() -> None:
    population = a_checkpoint()
    trained = Trained(population, None, None, (), "")  # type: ignore[arg-type]
    assert [a.key for a in show(trained, STIMULI)] == [a.key for a in show(population, STIMULI)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": {"a": Blocks()}, "name": "b"}, "name = 'b', but a mapping gives names itself"),
        ({"model": [Blocks()], "seed": 3}, r"seed = 3, but a list of modules has seeds 0, 1"),
        ({"model": a_checkpoint(), "transform": None, "seed": 3}, "seed = 3, but a population has seeds"),
        ({"model": a_checkpoint(), "transform": None, "role": "untrained"}, "role = 'untrained', but a population"),
        ({"model": Blocks(), "role": "best"}, "role is 'best'; expected 'model' or 'untrained'"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        show(**{"stimuli": STIMULI, "transform": "pixels", **options})


def test_two_networks_under_one_name_and_seed_are_refused() -> None:
    one = show(Blocks(), STIMULI, "pixels")
    with pytest.raises(SpecError, match="Network 'Blocks' is there twice with seed 0"):
        one + show(Blocks(seed=1), STIMULI, "pixels")
    with pytest.raises(ExtractionError, match="an empty list; expected torch modules"):
        show([], STIMULI, "pixels")
    with pytest.raises(ExtractionError, match="a str among its models"):
        show([Blocks(), "b.pt"], STIMULI, "pixels")  # type: ignore[list-item]


# -- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_networks_are_saved_and_loaded_as_they_were(tmp_path: Path, suffix: str) -> None:
    shown = show([Blocks(), Blocks(seed=1)], STIMULI, "pixels", name="my net", pool="mean")
    paths = shown.save(tmp_path, suffix)
    assert [path.name for path in paths] == [f"models-my_net-seed{k}{suffix}" for k in (0, 1)]
    for one, back in zip(shown, Shown.load(tmp_path), strict=True):
        assert (back.key, back.stimulus_ids, back.activity) == (one.key, one.stimulus_ids, one.activity)
        assert back.origin == one.origin
        assert list(back.layers) == list(one.layers)
        assert all(np.array_equal(back.layers[name], one.layers[name]) for name in one.layers)


def test_an_npz_file_of_ones_own_needs_ids_and_layers_only(tmp_path: Path) -> None:
    np.savez(tmp_path / "vgg.npz", ids=np.array(["a", "b"]), fc6=np.eye(2, dtype=np.float32))
    found = Activations.load(tmp_path / "vgg.npz")
    assert (found.origin.name, found.stimulus_ids, list(found.layers)) == ("vgg", ("a", "b"), ["fc6"])
    np.savez(tmp_path / "none.npz", fc6=np.eye(2))
    with pytest.raises(DataError, match=r"holds fc6; expected 'ids' \(n_stimuli,\) and a layer"):
        Activations.load(tmp_path / "none.npz")
    np.savez(tmp_path / "objects.npz", ids=np.array(["a", {}], dtype=object), fc6=np.eye(2))
    with pytest.raises(DataError, match=r"expected a whole \.npz file of arrays"):
        Activations.load(tmp_path / "objects.npz")
    with pytest.raises(DataError, match=r"expected a name that ends in .safetensors or .npz"):
        found.save(tmp_path / "a.csv")
    with pytest.raises(DataError, match="is missing; expected activations"):
        Shown.load(tmp_path / "nowhere")
