from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist

from brainalign.comparisons.comparators import compare
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError, SpecError
from brainalign.low_level import (
    GRID,
    N_ORIENTATIONS,
    N_SCALES,
    _transfer,
    gabor_energy,
    low_level_features,
    low_level_rdms,
    wavelengths,
)
from brainalign.rdms import RDMs

SIZE = 64


def grating(wavelength, orientation, phase=0.0):
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float64)
    angle = orientation * np.pi / N_ORIENTATIONS
    return 0.5 + 0.4 * np.cos(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / wavelength + phase)


def stimuli(images):
    return Stimuli(tuple(f"i{k}" for k in range(len(images))), images, "test")


def noise(n=6, channels=3, size=32):
    return stimuli(np.random.default_rng(0).integers(0, 256, (n, size, size, channels), dtype=np.uint8))


def test_a_grating_drives_the_channel_of_its_orientation_and_scale_most():
    for scale, wavelength in enumerate(wavelengths(SIZE, SIZE)):
        images = np.stack([grating(wavelength, k) for k in range(N_ORIENTATIONS)])
        energy = gabor_energy(torch.from_numpy(images)).mean(dim=(3, 4))
        for k in range(N_ORIENTATIONS):
            assert divmod(int(energy[k].argmax()), N_ORIENTATIONS) == (scale, k)


def test_energy_does_not_depend_on_phase_but_a_single_filter_does():
    phases = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    images = np.stack([grating(8.0, 3, phase) for phase in phases])
    centre = gabor_energy(torch.from_numpy(images))[:, 1, 3, SIZE // 2, SIZE // 2]
    assert centre.std() / centre.mean() < 0.01
    assert images[:, SIZE // 2, SIZE // 2].std() > 0.2


def test_energy_of_a_matched_grating_is_the_square_of_half_its_amplitude():
    # a one-sided filter of unit gain keeps one of the two exponentials of 0.4 cos
    energy = gabor_energy(torch.from_numpy(grating(wavelengths(SIZE, SIZE)[0], 0)[None]))
    assert float(energy[0, 0, 0, 32, 32]) == pytest.approx(0.2**2, rel=0.01)


def test_uniform_light_drives_nothing():
    assert float(gabor_energy(torch.full((1, 32, 32), 0.7)).abs().max()) < 1e-12


def test_filters_pass_no_uniform_light_and_have_unit_gain():
    gain = _transfer((64, 64), 8.0, 0.0)
    assert float(gain[0, 0]) == 0
    assert float(gain[0, 8]) == float(gain.max()) == pytest.approx(1)


def test_shapes_and_values_of_features():
    found = low_level_features(noise(), (32, 32))
    n_gabor = N_SCALES * N_ORIENTATIONS * GRID * GRID
    assert {name: f.shape for name, f in found.items()} == {
        "pixels": (6, 3072),
        "luminance": (6, 1),
        "gabor": (6, n_gabor),
    }
    images = noise().images
    np.testing.assert_allclose(found["pixels"], images.transpose(0, 3, 1, 2).reshape(6, -1) / 255, rtol=1e-6)
    np.testing.assert_allclose(
        found["luminance"][:, 0], (images @ [0.299, 0.587, 0.114]).mean(axis=(1, 2)) / 255, rtol=1e-6
    )
    half = low_level_features(noise(), (16, 16))["pixels"]
    assert half.shape == (6, 768)
    np.testing.assert_allclose(half.mean(axis=1), found["pixels"].mean(axis=1), atol=0.01)


def test_features_of_an_image_do_not_depend_on_the_batch(monkeypatch):
    whole = low_level_features(noise(channels=1), (24, 24))
    monkeypatch.setattr("brainalign.low_level._BATCH_PIXELS", 1)
    single = low_level_features(noise(channels=1), (24, 24))
    for name, features in whole.items():
        np.testing.assert_allclose(single[name], features, rtol=1e-4, atol=1e-7)


def test_luminance_rdm_is_euclidean_and_the_others_as_asked():
    found = low_level_rdms(noise(), (32, 32), "correlation")
    assert {name: rdm.measure for name, rdm in found.items()} == {
        "pixels": "correlation",
        "luminance": "squared_euclidean",
        "gabor": "correlation",
    }
    features = low_level_features(noise(), (32, 32))
    for name, rdm in found.items():
        metric = "sqeuclidean" if name == "luminance" else "correlation"
        np.testing.assert_allclose(rdm.dissimilarities[0], pdist(features[name].astype(float), metric), atol=1e-10)


def test_too_small_images_and_constant_images_are_refused():
    with pytest.raises(SpecError, match="at least 8 pixels"):
        low_level_features(noise(), (7, 32))
    images = noise().images.copy()
    images[2] = 128
    with pytest.raises(DataError, match="'i2' is constant"):
        low_level_rdms(stimuli(images), (32, 32))


def test_real_early_visual_cortex_follows_gabors_more_than_pixels(data_dir):
    h5py = pytest.importorskip("h5py")
    from scipy.io import loadmat

    folder = Path(data_dir) / "kriegeskorte92"
    shown = loadmat(folder / "Kriegeskorte_Neuron2008_supplementalData.mat", simplify_cells=True)["stimuli_92objs"]
    images = stimuli(np.stack([np.asarray(one["image"]) for one in shown]))
    with h5py.File(Path(data_dir) / "cichy92" / "target_fmri.mat") as file:
        matrices = np.asarray(file["EVC_RDMs"]).transpose(2, 0, 1)
    brain = RDMs.from_matrices(matrices, images.ids, "correlation").mean()
    score = {
        name: float(compare(rdm, brain, "spearman")[0, 0]) for name, rdm in low_level_rdms(images, (32, 32)).items()
    }
    assert score["pixels"] == pytest.approx(0.08, abs=0.02)
    assert score["gabor"] == pytest.approx(0.29, abs=0.03)
    # silhouettes of the same images, ours and published, agree with the brain as well: the order of ids is right
    outline = (images.images != images.images[:, :1, :1]).any(axis=-1).reshape(len(images), -1)
    ours = RDMs(pdist(outline.astype(float), "correlation")[None], images.ids, "correlation")
    assert float(compare(ours, brain, "spearman")[0, 0]) == pytest.approx(0.51, abs=0.02)
    shuffled = RDMs(ours.dissimilarities, tuple(np.random.default_rng(0).permutation(images.ids)), "correlation")
    assert abs(float(compare(shuffled, brain, "spearman")[0, 0])) < 0.1


@pytest.mark.parametrize("side", [32, 64])
@pytest.mark.parametrize("grey", [77, 128, 255])
def test_a_uniform_image_has_no_gabor_energy_at_any_resolution(side, grey):
    images = np.full((2, 175, 175, 3), grey, np.uint8)
    images[1, 40:90] = 10
    features = low_level_features(Stimuli(("flat", "step"), images, "two"), (side, side))
    assert (features["gabor"][0] == 0).all()
    assert features["gabor"][1].max() > 1e-6


@pytest.mark.parametrize("side", [32, 64])
def test_a_uniform_image_among_others_is_named(side):
    images = np.random.default_rng(0).integers(0, 255, (5, 175, 175, 1), dtype=np.uint8)
    images[2] = 77
    with pytest.raises(DataError, match="Pattern of stimulus 's2' is constant"):
        low_level_rdms(Stimuli(tuple(f"s{k}" for k in range(5)), images, "five"), (side, side))


def test_controls_follow_what_becomes_of_another_ratio_of_sides() -> None:
    wide = np.random.default_rng(0).integers(0, 255, (3, 32, 64, 1), dtype=np.uint8)
    middle = Stimuli(("a", "b", "c"), wide[:, :, 16:48], "middle")
    whole = Stimuli(("a", "b", "c"), wide, "whole")
    cropped, stretched = (low_level_features(whole, (32, 32), aspect) for aspect in ("crop", "stretch"))
    for name, expected in low_level_features(middle, (32, 32)).items():
        np.testing.assert_allclose(cropped[name], expected, rtol=1e-5, atol=1e-6)
    assert np.abs(stretched["pixels"] - cropped["pixels"]).max() > 0.1
