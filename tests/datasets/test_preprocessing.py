"""From images to inputs: declared, checked, and never squashed in silence."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from brainalign.datasets.preprocessing import Preprocessing
from brainalign.errors import DataError, SpecError

GREY = {"channels": 1, "resolution": (8, 8), "mean": (0.5,), "std": (0.25,)}
RGB = {"channels": 3, "resolution": (8, 8), "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def _images(height: int, width: int, channels: int = 1, n: int = 3) -> torch.Tensor:
    values = np.random.default_rng(0).integers(0, 256, (n, channels, height, width), dtype=np.uint8)
    return torch.from_numpy(values)


@pytest.mark.parametrize(
    ("base", "changed", "message"),
    [
        (RGB, {"mean": (123.7, 116.3, 103.5)}, r"mean is \(123.7, 116.3, 103.5\); expected 0..1, the scale .* "
         "Divide it by 255, or say white = 1 if the network was trained on pixels of 0..255"),
        (RGB, {"std": (58.4, 57.1, 57.4)}, r"std is \(58.4, 57.1, 57.4\); expected 0..1, the scale of pixels"),
        (GREY, {"mean": (-0.1,)}, r"mean is \(-0.1,\); expected 0..1"),
        (GREY, {"mean": (1.5,), "white": 127.5, "std": (3.0,)}, r"std is \(3.0,\); expected 0..2, .* white = 127.5"),
        (GREY, {"std": (0.0,)}, r"std is \(0.0,\); expected positive numbers; a channel that is constant has 1\."),
        (GREY, {"std": (-0.2,)}, r"std is \(-0.2,\); expected positive numbers"),
        (RGB, {"std": (0.2,)}, r"std is \(0.2,\); expected 3 numbers, one per channel"),
        (RGB, {"mean": 0.5}, "mean is 0.5; expected 3 numbers, one per channel"),
        (GREY, {"mean": (0.5, 0.5, 0.5)}, "mean is .*; expected 1 numbers, one per channel"),
        (GREY, {"mean": (float("nan"),)}, r"mean is \(nan,\); expected 1 numbers"),
        (GREY, {"mean": "5"}, "mean is '5'; expected 1 numbers"),
        (GREY, {"mean": np.full((2, 30), 0.5)}, "mean is array.*; expected 1 numbers"),
        (GREY, {"resolution": (0, 8)}, r"resolution is \(0, 8\); expected a pair of positive whole numbers"),
        (GREY, {"resolution": (8, -8)}, r"resolution is \(8, -8\); expected a pair"),
        (GREY, {"resolution": (8.5, 8)}, r"resolution is \(8.5, 8\); expected a pair"),
        (GREY, {"resolution": (8, 8, 8)}, r"resolution is \(8, 8, 8\); expected a pair"),
        (GREY, {"resolution": 8}, r"resolution is 8; expected a pair of positive whole numbers \(height, width\)"),
        (GREY, {"resolution": "88"}, "resolution is '88'; expected a pair"),
        (RGB, {"channels": 4}, r"channels is 4; expected 1 \(grey\) or 3 \(RGB\); features say white = 1"),
        (GREY, {"channels": 0, "white": 1}, "channels is 0; expected 1"),
        (GREY, {"channels": 1.0}, "channels is 1.0; expected 1"),
        (GREY, {"channels": True}, "channels is True; expected 1"),
        (GREY, {"white": 0}, "white is 0; expected a positive number"),
        (GREY, {"white": -255.0}, "white is -255.0; expected a positive number"),
        (GREY, {"white": float("nan")}, "white is nan; expected a positive number"),
        (GREY, {"aspect": "squash"}, "aspect is 'squash'; expected one of: refuse, crop, stretch"),
    ],
)  # fmt: skip
def test_an_option_out_of_its_range_is_refused_in_one_line(
    base: dict[str, Any], changed: dict[str, Any], message: str
) -> None:
    Preprocessing(**base)
    with pytest.raises(SpecError, match="Preprocessing: " + message) as caught:
        Preprocessing(**{**base, **changed})
    assert "\n" not in str(caught.value)


def test_numbers_of_every_kind_become_plain_numbers() -> None:
    expected = Preprocessing(**RGB)
    found = Preprocessing(np.int64(3), [np.int32(8), 8], np.array(RGB["mean"]), list(RGB["std"]), np.float64(255))
    assert found == expected
    assert found.record() == expected.record()
    assert Preprocessing(1, (8, 8), 0.5, torch.tensor([0.25])) == Preprocessing(**GREY)
    types = {type(value) for value in (*found.resolution, *found.mean, found.white, found.channels)}
    assert types == {int, float}


def test_a_network_of_pixels_up_to_255_says_white_1() -> None:
    shown = Preprocessing(3, (8, 8), (123.7, 116.3, 103.5), (1, 1, 1), white=1)
    images = _images(8, 8, 3)
    torch.testing.assert_close(shown(images), images - torch.tensor([123.7, 116.3, 103.5]).view(1, 3, 1, 1))


def test_features_of_one_pixel_keep_their_channels() -> None:
    features = np.random.default_rng(0).normal(3, 100, (50, 13, 1, 1)).astype(np.float32)
    features[:, 4] = 7
    fitted = Preprocessing.fit(features)
    assert (fitted.channels, fitted.resolution, fitted.white, fitted.std[4]) == (13, (1, 1), 1.0, 1.0)
    x = fitted(torch.from_numpy(features))
    torch.testing.assert_close(x.std(0, correction=0).flatten(), torch.tensor([1.0] * 4 + [0.0] + [1.0] * 8))


@pytest.mark.parametrize(("channels", "wanted"), [(1, 13), (3, 13), (2, 3), (2, 1)])
def test_channels_without_a_conversion_are_refused(channels: int, wanted: int) -> None:
    shown = Preprocessing(wanted, (1, 1), (0.5,) * wanted, (0.25,) * wanted, white=1)
    with pytest.raises(DataError, match=f"Images have {channels} channels; expected {wanted}. Show what the network"):
        shown(_images(1, 1, channels))


def test_old_records_load_and_the_default_is_not_recorded() -> None:
    old = {"channels": 1, "resolution": (8, 8), "mean": (0.5,), "std": (0.25,), "white": 255.0}
    assert Preprocessing(**old).record() == old
    assert Preprocessing(**old, aspect="crop").record() == {**old, "aspect": "crop"}
    assert Preprocessing(**Preprocessing(**old, aspect="crop").record()).aspect == "crop"


@pytest.mark.parametrize(
    ("size", "resolution"),
    [((30, 30), (8, 8)), ((20, 40), (8, 16)), ((8, 8), (8, 8)), ((4, 4), (9, 9)), ((375, 500), (24, 32)),
     ((375, 500), (224, 299)), ((33, 50), (21, 32))],
)  # fmt: skip
@pytest.mark.parametrize("aspect", ["refuse", "crop", "stretch"])
def test_equal_ratios_are_resized_as_they_are(size: tuple[int, int], resolution: tuple[int, int], aspect: str) -> None:
    images = _images(*size)
    shown = Preprocessing(1, resolution, (0.5,), (0.25,), aspect=aspect)
    x = images / 255
    if size != resolution:
        x = F.interpolate(x, size=resolution, mode="bilinear", antialias=True, align_corners=False)
    assert torch.equal(shown(images), (x - 0.5) / 0.25)


@pytest.mark.parametrize(
    ("size", "resolution"),
    [((20, 40), (8, 8)), ((40, 20), (8, 8)), ((30, 32), (30, 30)), ((32, 32), (32, 64)), ((100, 103), (32, 32))],
)
def test_an_image_is_never_squashed_in_silence(size: tuple[int, int], resolution: tuple[int, int]) -> None:
    message = (
        f"Images of {size[0]} x {size[1]} pixels (height x width) would be squashed to {resolution[0]} x "
        f"{resolution[1]}; expected one ratio of sides. Cut or pad the images, or declare aspect = 'crop' or 'stretch'."
    )
    with pytest.raises(DataError) as caught:
        Preprocessing(1, resolution, (0.5,), (0.25,))(_images(*size))
    assert str(caught.value) == message


@pytest.mark.parametrize(("height", "width"), [(16, 32), (32, 16), (16, 30), (17, 32), (200, 16)])
def test_crop_keeps_the_ratio_and_the_centre(height: int, width: int) -> None:
    """A disc in the middle stays a disc of the size that the short side asks for."""
    y, x = np.ogrid[:height, :width]
    radius = min(height, width) / 4
    disc = (y - (height - 1) / 2) ** 2 + (x - (width - 1) / 2) ** 2 <= radius**2
    images = torch.from_numpy(255 * disc[None, None].astype(np.uint8))
    shown = Preprocessing(1, (16, 16), (0.0,), (1.0,), aspect="crop")(images)[0, 0]
    assert shown.shape == (16, 16)
    area = float(disc.sum()) * (16 / min(height, width)) ** 2
    assert float(shown.sum()) == pytest.approx(area, rel=0.05)
    across, down = float(shown.sum(0).count_nonzero()), float(shown.sum(1).count_nonzero())
    assert abs(across - down) <= 2
    places = torch.arange(16.0)
    for axis in (0, 1):
        assert float((shown.sum(axis) * places).sum() / shown.sum()) == pytest.approx(7.5, abs=0.51)


def test_stretch_squashes_as_declared() -> None:
    images = _images(20, 40)
    x = F.interpolate(images / 255, size=(8, 8), mode="bilinear", antialias=True, align_corners=False)
    assert torch.equal(Preprocessing(**GREY, aspect="stretch")(images), (x - 0.5) / 0.25)


def test_crop_covers_a_resolution_that_is_not_square() -> None:
    for size in [(10, 90), (90, 10), (37, 41), (41, 37)]:
        for resolution in [(8, 16), (16, 8), (7, 5)]:
            shown = Preprocessing(1, resolution, (0.5,), (0.25,), aspect="crop")(_images(*size))
            assert shown.shape == (3, 1, *resolution)
