import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brainalign.datasets import cifar10_jpeg as module
from brainalign.datasets.cifar10_jpeg import Cifar10Jpeg
from brainalign.errors import DataError

COLOURS = {"train/cat/0001.jpg": (200, 20, 20), "train/cat/0000.jpg": (20, 200, 20), "train/bird/0010.jpg": (9, 9, 200)}


def archive(path: Path, size: int = 32, root: str = "") -> Path:
    """Zip of single-colour JPEGs whose upper half is black."""
    with zipfile.ZipFile(path, "w") as opened:
        for name, colour in {**COLOURS, "test/cat/0000.jpg": (1, 2, 3)}.items():
            pixels = np.zeros((size, size, 3), dtype=np.uint8)
            pixels[size // 2 :] = colour
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "JPEG", quality=95, subsampling=0)
            opened.writestr(f"{root}{name}", buffer.getvalue())
        opened.writestr(f"{root}README.md", "about")
    return path


@pytest.mark.parametrize("root", ["", "CIFAR-10-images-d7d0/"])
def test_members_are_sorted_by_class_and_number(tmp_path: Path, root: str) -> None:
    members = module._members(archive(tmp_path / "a.zip", root=root), "train")
    assert [(label, number) for label, number, _ in members] == [("bird", 10), ("cat", 0), ("cat", 1)]
    assert [name for _, _, name in members] == [
        f"{root}train/bird/0010.jpg",
        f"{root}train/cat/0000.jpg",
        f"{root}train/cat/0001.jpg",
    ]


def test_decoding_keeps_channels_and_rows(tmp_path: Path) -> None:
    images = module._decode(archive(tmp_path / "a.zip"), list(COLOURS))
    assert images.shape == (3, 3, 32, 32)
    for image, colour in zip(images.astype(int), COLOURS.values(), strict=True):
        np.testing.assert_allclose(image[:, 24, 16], colour, atol=4)
        np.testing.assert_allclose(image[:, 4, 16], 0, atol=4)


def test_image_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected \\(32, 32, 3\\)"):
        module._decode(archive(tmp_path / "a.zip", size=16), list(COLOURS))


def test_decoded_cache_is_used_when_whole_and_only_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, folder, names = archive(tmp_path / "a.zip"), tmp_path / "cache", list(COLOURS)
    images = module._decoded(path, names, folder, "k-train")
    (kept,) = folder.iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(module, "_decode", lambda *_: pytest.fail("decoded again"))
        np.testing.assert_array_equal(module._decoded(path, names, folder, "k-train"), images)
    whole = kept.read_bytes()
    for broken in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:1000], b""):
        kept.write_bytes(broken)
        np.testing.assert_array_equal(module._decoded(path, names, folder, "k-train"), images)
        assert kept.read_bytes() == whole  # repaired


def test_unwritable_cache_does_not_stop_loading(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    images = module._decoded(archive(tmp_path / "a.zip"), list(COLOURS), tmp_path / "cache", "k")
    assert len(images) == 3


def test_real_archive_holds_the_published_counts(data_dir: str) -> None:
    path = Path(data_dir) / "cifar10_jpeg" / "cifar10_jpeg.zip"
    for split, n in (("train", 5000), ("test", 1000)):
        labels = [label for label, _, _ in module._members(path, split)]
        assert labels == [label for label in Cifar10Jpeg.classes for _ in range(n)]


@pytest.mark.slow
def test_real_images(data_dir: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path)
    for split, n in ((Cifar10Jpeg(data_dir).train(), 50000), (Cifar10Jpeg(data_dir).test(), 10000)):
        assert split.images.shape == (n, 3, 32, 32)
        assert np.bincount(split.labels).tolist() == [n // 10] * 10
        # Channel means of CIFAR-10, which lossy compression hardly moves.
        np.testing.assert_allclose(split.images.mean(axis=(0, 2, 3)) / 255, [0.4914, 0.4822, 0.4465], atol=0.006)
    stimuli = Cifar10Jpeg(data_dir).test_stimuli(10, seed=0)
    assert stimuli.labels == Cifar10Jpeg.classes
