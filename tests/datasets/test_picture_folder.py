"""Pictures from files: every format as it is, decoded when asked for, refused where it has no one reading."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from brainalign.activations import extract
from brainalign.alignment.display import displayed
from brainalign.datasets import pictures
from brainalign.datasets.picture_file import PictureFile
from brainalign.datasets.preprocessing import Preprocessing
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import BrainalignError, DataError, SpecError, StimulusMismatchError
from brainalign.low_level import low_level_features

RGB = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
GREY = RGB[:, :, 0]


def _one(folder: Path, name: str, image: Image.Image, **options: Any) -> np.ndarray:
    """Save one picture and return what is read of it."""
    shown = Image.fromarray(RGB)
    shown.save(folder / "other.png")
    image.save(folder / name, **options)
    stimuli = Stimuli.from_folder(folder, background=options.pop("under", None))
    return np.asarray(stimuli.subset([Path(name).stem]).images[0])


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.PNG"])
def test_lossless_files_are_their_pixels(tmp_path: Path, name: str) -> None:
    np.testing.assert_array_equal(_one(tmp_path, name, Image.fromarray(RGB)), RGB)


@pytest.mark.parametrize("mode", ["P", "RGBA", "CMYK", "L", "1", "LA"])
def test_modes_become_rgb_as_the_decoder_has_them(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(RGB).convert(mode)
    name = "a.tif" if mode == "CMYK" else "a.png"
    np.testing.assert_array_equal(_one(tmp_path, name, image), np.asarray(image.convert("RGB")))


def test_jpeg_and_a_gif_of_one_frame_are_read(tmp_path: Path) -> None:
    smooth = Image.fromarray(RGB).resize((64, 48), Image.Resampling.BICUBIC)
    found = _one(tmp_path, "a.jpg", smooth, quality=100, subsampling=0)
    assert np.abs(found.astype(int) - np.asarray(smooth)).mean() < 3
    (tmp_path / "a.jpg").unlink()
    found = _one(tmp_path, "a.gif", Image.fromarray(GREY))
    np.testing.assert_array_equal(found, np.repeat(GREY[:, :, None], 3, axis=2))


def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path) -> None:
    deep = np.array([[0, 257, 65535], [128, 129, 32896]], dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    stimuli = Stimuli.from_folder(tmp_path)
    assert stimuli.at(slice(None))[0, :, :, 0].tolist() == [[0, 1, 255], [0, 1, 128]]  # type: ignore[call-overload]


def test_a_folder_of_grey_pictures_is_grey_and_one_colour_makes_all_rgb(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(Stimuli.from_folder(tmp_path).images[:], GREY[None, :, :, None])
    Image.fromarray(RGB).save(tmp_path / "colour.png")
    stimuli = Stimuli.from_folder(tmp_path)
    assert stimuli.ids == ("colour", "grey")
    np.testing.assert_array_equal(stimuli.images[:], np.stack([RGB, np.repeat(GREY[:, :, None], 3, axis=2)]))


def test_transparent_pictures_need_a_background_and_opaque_alpha_does_not(tmp_path: Path) -> None:
    alpha = np.full((12, 16, 1), 255, np.uint8)
    Image.fromarray(np.concatenate([RGB, alpha], axis=2)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(Stimuli.from_folder(tmp_path).images[0], RGB)
    alpha[:, 8:] = 0
    Image.fromarray(np.concatenate([RGB, alpha], axis=2)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"'.*a\.png' is transparent in places; .*Give background = 128, say"):
        Stimuli.from_folder(tmp_path)
    found = Stimuli.from_folder(tmp_path, background=(10, 20, 30)).images[0]
    np.testing.assert_array_equal(found[:, :8], RGB[:, :8])
    assert (found[:, 8:] == [10, 20, 30]).all()
    for wrong in (300, (1, 2), "red", 0.5):
        with pytest.raises(SpecError, match=r"background is .*; expected a grey level from 0 to 255"):
            Stimuli.from_folder(tmp_path, background=wrong)


def test_pictures_are_upright_as_their_exif_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    Image.fromarray(RGB).save(tmp_path / "a.png", exif=exif)
    stimuli = Stimuli.from_folder(tmp_path)
    np.testing.assert_array_equal(stimuli.images[0], np.rot90(RGB, -1))
    assert stimuli.images.sizes == ((16, 12),)  # type: ignore[union-attr]


# -- what is refused --------------------------------------------------------------------------------------------------


def _cut(folder: Path) -> None:
    whole = (folder / "a.png").read_bytes()
    (folder / "a.png").write_bytes(whole[:-200])


def _no_picture(folder: Path) -> None:
    (folder / "a.png").write_bytes(b"no picture")


def _frames(folder: Path) -> None:
    (folder / "a.png").unlink()
    frames = [Image.fromarray(GREY), Image.fromarray(GREY[::-1].copy())]
    frames[0].save(folder / "a.gif", save_all=True, append_images=frames[1:])


def _twice(folder: Path) -> None:
    Image.fromarray(RGB).save(folder / "a.bmp")


def _empty(folder: Path) -> None:
    (folder / "a.png").unlink()


def _other(folder: Path) -> None:
    (folder / "a.png").rename(folder / "a.txt")


def _floats(folder: Path) -> None:
    (folder / "a.png").unlink()
    Image.fromarray(GREY.astype(np.float32)).save(folder / "a.tif")


REFUSED = [
    (_cut, r"'.*a\.png' cannot be decoded \(.*\); expected a whole picture\. Replace it\."),
    (_no_picture, r"'.*a\.png' cannot be decoded \(cannot identify .*\); expected a whole picture"),
    (_frames, r"'.*a\.gif' has 2 frames; expected one\. Save the frame that was shown\."),
    (_twice, r"a\.bmp and a\.png have one name, 'a', which is their id\. Rename one of them\."),
    (_empty, r"has no pictures for the pattern '\*' \(it is empty\); expected \.png, .* or \.webp\."),
    (_other, r"has no pictures for the pattern '\*' \(it holds a\.txt\)"),
    (_floats, r"'.*a\.tif' holds pixels of mode 'F', which have no scale; expected 8 or 16 bits"),
]


@pytest.mark.parametrize(("damage", "message"), REFUSED, ids=[one[0].__name__ for one in REFUSED])
def test_what_has_no_one_reading_is_refused_in_one_line(tmp_path: Path, damage: Any, message: str) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.png")
    damage(tmp_path)
    with pytest.raises(DataError, match=message) as caught:
        Stimuli.from_folder(tmp_path).images[:]
    assert "\n" not in str(caught.value)


def test_no_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'.*none' is no folder; expected one with pictures"):
        Stimuli.from_folder(tmp_path / "none")


# -- several sizes, files that are not read ---------------------------------------------------------------------------


@pytest.fixture
def sizes(tmp_path: Path) -> Path:
    for k, size in enumerate([(16, 16), (24, 24), (40, 20)]):
        Image.fromarray(RGB).resize(size).save(tmp_path / f"p{k}.png")
    return tmp_path


class Flat(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)


def test_what_is_shown_of_each_size_is_declared(sizes: Path) -> None:
    stimuli = Stimuli.from_folder(sizes)
    shown = Preprocessing(3, (8, 8), (0.0,) * 3, (1.0,) * 3)
    with pytest.raises(BrainalignError, match=r"20 x 40 pixels .* would be squashed to 8 x 8; .*aspect = 'crop'"):
        extract(Flat(), stimuli, shown)
    shown = Preprocessing(3, (8, 8), (0.0,) * 3, (1.0,) * 3, aspect="crop")
    (found,) = extract(Flat(), stimuli, shown)
    (layer,) = found.layers.values()
    for k, one in enumerate(stimuli.images):
        alone = shown(torch.from_numpy(one).permute(2, 0, 1)[None]).flatten(1).numpy()
        np.testing.assert_array_equal(layer[k], alone[0])
    assert {name: len(x) for name, x in low_level_features(stimuli, (8, 8)).items()} == {
        "pixels": 3, "luminance": 3, "gabor": 3
    }  # fmt: skip
    assert stimuli.groups == (0, 1, 2)
    assert displayed(stimuli) is stimuli
    with pytest.raises(
        DataError, match="3 pictures have 3 sizes, from 16 x 16 to 24 x 24 pixels; an array expects one"
    ):
        np.asarray(stimuli.images)


def test_arrays_of_several_sizes_are_stimuli_too(sizes: Path) -> None:
    arrays = [np.asarray(Image.open(path)) for path in sorted(sizes.glob("*.png"))]
    stimuli = Stimuli(("p0", "p1", "p2"), arrays, "mine")  # type: ignore[arg-type]
    for one, other in zip(stimuli.images, Stimuli.from_folder(sizes).images, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(StimulusMismatchError, match="image 1: images are float64"):
        Stimuli(("p0", "p1"), [arrays[0], arrays[1] / 2], "mine")  # type: ignore[arg-type]
    with pytest.raises(StimulusMismatchError, match="images have 1 and 3 channels; expected one number"):
        Stimuli(("p0", "p1"), [arrays[0], arrays[1][:, :, :1]], "mine")  # type: ignore[arg-type]


def test_nothing_is_decoded_until_pixels_are_asked_for(sizes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    plain = PictureFile.read

    def noted(self: PictureFile) -> np.ndarray:
        read.append(self.path.name)
        return plain(self)

    monkeypatch.setattr(PictureFile, "read", noted)
    stimuli = Stimuli.from_folder(sizes)
    part = stimuli.subset(["p2", "p0"])
    assert (len(part), part.key != stimuli.key, read) == (2, True, [])
    part.at([0])
    assert read == ["p2.png"]
    stimuli.at([2, 1])[0][:] = 0  # what is given away is a copy
    assert read == ["p2.png", "p1.png"]
    np.testing.assert_array_equal(part.at([0])[0], plain(stimuli.images.items[2]))  # type: ignore[union-attr,arg-type]
    monkeypatch.setattr(pictures, "_DECODED_BYTES", 0)
    part.at([0])
    part.at([0])
    assert read == ["p2.png", "p1.png", "p2.png"]
    Image.fromarray(RGB).save(sizes / "p2.png")
    with pytest.raises(DataError, match=r"is \(12, 16, 3\) now and was \(20, 40, 3\) when it was opened"):
        part.at([0])


def test_the_key_follows_the_bytes_and_how_they_are_read(sizes: Path) -> None:
    first = Stimuli.from_folder(sizes).key
    assert Stimuli.from_folder(sizes).key == first
    assert Stimuli.from_folder(sizes, background=3).key != first
    Image.fromarray(RGB[::-1].copy()).resize((16, 16)).save(sizes / "p0.png")
    assert Stimuli.from_folder(sizes).key != first


def test_labels_come_by_id_by_order_or_from_folders(tmp_path: Path) -> None:
    for kind in ("faces", "houses"):
        (tmp_path / kind).mkdir()
        Image.fromarray(RGB).save(tmp_path / kind / f"{kind[0]}1.png")
    within = {"pattern": "**/*"}
    assert Stimuli.from_folder(tmp_path, labels="folder", **within).labels == ("faces", "houses")
    assert Stimuli.from_folder(tmp_path, labels={"h1": "x", "f1": "y"}, **within).labels == ("y", "x")
    with pytest.raises(StimulusMismatchError, match=r"1 pictures have no label \(\['h1'\]\); give each one"):
        Stimuli.from_folder(tmp_path, labels={"f1": "y"}, **within)


def test_the_pictures_of_the_eeg_set_are_grey_and_of_several_sizes(data_dir: str) -> None:
    stimuli = Stimuli.from_folder(Path(data_dir) / "eeg49" / "stimuli")
    assert (len(stimuli), stimuli.ids[0], stimuli.ids[-1]) == (49, "stim_001", "stim_049")
    assert stimuli.images.channels == 1  # type: ignore[union-attr]
    assert sorted({size[0] for size in stimuli.images.sizes}) == [482, 486, 1042]  # type: ignore[union-attr]
