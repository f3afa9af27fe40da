"""Wide layers: pooled, projected by a matrix that every network shares, or written to disk."""

import numpy as np
import pytest
import torch
from torch import nn

from brainalign.activations import extract
from brainalign.datasets.preprocessing import Preprocessing
from brainalign.datasets.stimuli import Stimuli
from brainalign.dissimilarities.streamed_gram import StreamedGram
from brainalign.errors import DataError, SpecError
from brainalign.extraction.projection import Projection, minimum_components
from brainalign.rdms import compute_rdms

SHAPE = (1, 16, 16)


def stimuli(n: int = 20) -> Stimuli:
    images = np.random.default_rng(0).integers(0, 255, (n, 16, 16, 1)).astype(np.uint8)
    return Stimuli(tuple(f"s{k}" for k in range(n)), images, "noise")


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 12, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12 * 14 * 14, 4)).eval()


def preprocessing() -> Preprocessing:
    return Preprocessing(1, (16, 16), (0.5,), (0.5,))


def test_pooled_maps_are_their_means_and_vectors_stay() -> None:
    whole = extract(network(), stimuli(), preprocessing())[0]
    pooled = extract(network(), stimuli(), preprocessing(), pool="mean", batch_size=7)[0]
    expected = whole.layers["1"].reshape(20, 12, 14, 14).mean(axis=(2, 3))
    np.testing.assert_allclose(pooled.layers["1"], expected, atol=1e-6)
    np.testing.assert_allclose(pooled.layers["3"], whole.layers["3"], atol=1e-6)
    assert pooled.key != whole.key


def test_a_projection_keeps_distances_and_is_the_same_for_every_network() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(15, 20_000)).astype(np.float32)
    found = Projection(4096).projected(x)
    assert found.shape == (15, 4096)
    ids = list(range(15))
    ours, theirs = (
        compute_rdms(side, ids, "squared_euclidean").dissimilarities[0] * side.shape[1] for side in (found, x)
    )
    ratio = ours / theirs
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    assert ratio.std() < 2 * np.sqrt(2 / 4096)
    np.testing.assert_array_equal(found[:3], Projection(4096).projected(x[:3]))
    assert np.abs(found - Projection(4096, seed=1).projected(x)).max() > 0.1
    assert Projection(30_000).projected(x) is x


def test_too_small_a_projection_is_refused_with_the_number_that_is_needed() -> None:
    assert (minimum_components(1000), minimum_components(300)) == (5920, 4888)
    with pytest.raises(SpecError, match="components = 1024 for 20 stimuli, expected at least 2567") as error:
        extract(network(), stimuli(), preprocessing(), projection=Projection(1024))
    assert "\n" not in str(error.value)
    with pytest.raises(SpecError, match="expected a number of features"):
        Projection(0)


def test_layers_on_disk_are_those_in_memory(tmp_path) -> None:
    held = extract(network(), stimuli(), preprocessing(), batch_size=6)[0]
    written = extract(network(), stimuli(), preprocessing(), batch_size=6, folder=tmp_path)[0]
    assert written.key == held.key
    for name, values in held.layers.items():
        assert isinstance(written.layers[name].base, np.memmap) or isinstance(written.layers[name], np.memmap)
        np.testing.assert_array_equal(written.layers[name], values)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert len(files) == len(held.layers)
    assert all(name.startswith(held.key[:16]) for name in files)
    rdms = [compute_rdms(one.layers["1"], one.stimulus_ids).dissimilarities for one in (held, written)]
    np.testing.assert_array_equal(*rdms)


def test_streamed_inner_products_give_the_distances_of_whole_patterns() -> None:
    x = np.random.default_rng(2).normal(size=(9, 500)) + 100
    ids = [f"s{k}" for k in range(9)]
    streamed = StreamedGram(ids)
    for part in np.array_split(x, 7, axis=1):
        streamed.add(part)
    for name in ("squared_euclidean", "correlation"):
        expected = compute_rdms(x, ids, name).dissimilarities[0]
        np.testing.assert_allclose(getattr(streamed, name)(), expected, rtol=1e-8)
    with pytest.raises(DataError, match="'s2' holds NaN"):
        streamed.add(np.where(np.arange(9)[:, None] == 2, np.nan, 1.0))
    flat = StreamedGram(ids)
    flat.add(np.ones((9, 4)))
    with pytest.raises(DataError, match="constant"):
        flat.correlation()
