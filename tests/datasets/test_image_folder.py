"""Pictures by class as a data set: two trees or one, brought to one size as declared; its content is part of keys."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from brainalign.__main__ import app
from brainalign.datasets.dataset import Dataset, dataset, datasets
from brainalign.errors import BrainalignError
from brainalign.own_data import add_data
from brainalign.specs import TrainSpec, to_dict
from brainalign.study_file import read_study
from brainalign.training.train import train
from tests.recordings.test_recording_folder import write as write_recording

CLASSES = ("rose", "tulip")


def _picture(path: Path, seed: int, size: tuple[int, int] = (8, 8), colour: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[0], size[1], 3) if colour else size
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def _two_trees(folder: Path, n: int = 12) -> Path:
    for s, split in enumerate(("train", "test")):
        for c, label in enumerate(CLASSES):
            for k in range(n // (1 + s)):
                _picture(folder / split / label / f"{k:02d}.png", 1000 * s + 100 * c + k)
    return folder


def _one_tree(folder: Path, n: int = 12) -> Path:
    for c, label in enumerate(CLASSES):
        for k in range(n):
            _picture(folder / label / f"{k:02d}.png", 100 * c + k)
    return folder


def _open(folder: Path) -> Dataset:
    return dataset(add_data("datasets", folder))


def test_two_trees_are_the_splits(tmp_path: Path) -> None:
    data = _open(_two_trees(tmp_path / "flowers"))
    assert (data.title, data.classes, data.input_shape) == ("flowers", CLASSES, (1, 8, 8))
    training, test = data.train(), data.test()
    assert (training.images.shape, test.images.shape) == ((24, 1, 8, 8), (12, 1, 8, 8))
    assert training.labels.tolist() == [0] * 12 + [1] * 12
    first = np.asarray(Image.open(tmp_path / "flowers" / "train" / "tulip" / "00.png"))
    np.testing.assert_array_equal(training.images[12, 0], first)
    np.testing.assert_array_equal(
        test.images[0, 0], np.asarray(Image.open(tmp_path / "flowers" / "test" / "rose" / "00.png"))
    )
    assert data.test_stimuli(4, 0).ids[0].startswith("flowers-test-")


def test_of_one_tree_a_fifth_of_each_class_is_held_out_wherever_files_stand(tmp_path: Path) -> None:
    data = _open(_one_tree(tmp_path / "flowers"))
    assert data.title == "flowers (a fifth of each class held out)"
    training, test = data.train(), data.test()
    assert [np.bincount(one.labels).tolist() for one in (training, test)] == [[9, 9], [3, 3]]
    seen = {one.tobytes() for one in training.images}
    assert not any(one.tobytes() in seen for one in test.images)
    for label in CLASSES:  # under other names
        for path in sorted((tmp_path / "flowers" / label).iterdir()):
            path.rename(path.with_name(f"x{99 - int(path.stem)}.png"))
    again = _open(tmp_path / "flowers").test()
    assert {one.tobytes() for one in again.images} == {one.tobytes() for one in test.images}


def test_equal_pictures_are_on_one_side(tmp_path: Path) -> None:
    folder = _one_tree(tmp_path / "flowers")
    for label in CLASSES:
        for path in list((folder / label).iterdir()):
            (folder / label / f"again {path.name}").write_bytes(path.read_bytes())
    data = _open(folder)
    seen = {one.tobytes() for one in data.train().images}
    assert not any(one.tobytes() in seen for one in data.test().images)


def test_pictures_of_several_sizes_are_brought_to_what_is_declared(tmp_path: Path) -> None:
    folder = _two_trees(tmp_path / "flowers")
    _picture(folder / "train" / "rose" / "99.png", 5, (16, 16), colour=True)
    _picture(folder / "train" / "rose" / "98.png", 6, (8, 16))
    with pytest.raises(BrainalignError, match=r"pictures have 3 sizes, \(8, 8\) to \(16, 16\) .*Write resolution"):
        _ = _open(folder).input_shape
    (folder / "dataset.toml").write_text('title = "Flowers"\nresolution = [8, 8]\n', encoding="utf-8")
    with pytest.raises(BrainalignError, match="would be squashed to 8 x 8"):
        _open(folder).train()
    (folder / "dataset.toml").write_text('title = "Flowers"\nresolution = [8, 8]\naspect = "crop"\n', encoding="utf-8")
    data = _open(folder)
    assert (data.title, data.input_shape) == ("Flowers", (3, 8, 8))
    images = data.train().images
    assert images.shape == (26, 3, 8, 8)
    middle = np.asarray(Image.open(folder / "train" / "rose" / "98.png"))[:, 4:12]
    np.testing.assert_array_equal(images[12], np.repeat(middle[None], 3, axis=0))


def _write(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(text, encoding="utf-8") and None


def _no_class(folder: Path) -> None:
    for path in (folder / "test" / "rose").iterdir():
        path.unlink()


def _cut(folder: Path) -> None:
    path = folder / "train" / "rose" / "00.png"
    path.write_bytes(path.read_bytes()[:60])


REFUSED: list[tuple[Callable[[Path], None], str]] = [
    (_no_class, r"class 'rose' is in one of train and test only; expected it in both"),
    (_cut, r"'.*00\.png' cannot be decoded"),
    (_write("dataset.toml", "resoluton = [8, 8]"), r"unknown key 'resoluton'.* The nearest is 'resolution'"),
    (_write("dataset.toml", "resolution = [8]"), r"resolution is \[8\]; expected \[height, width\] in pixels"),
    (_write("dataset.toml", 'aspect = "pad"'), r"aspect is 'pad'; expected one of: refuse, crop, stretch"),
    (_write("dataset.toml", "background = 300"), r"background is 300; expected a grey level from 0 to 255"),
]


@pytest.mark.parametrize(("mistake", "message"), REFUSED, ids=[str(k) for k in range(len(REFUSED))])
def test_what_is_no_data_set_is_one_line(tmp_path: Path, mistake: Callable[[Path], None], message: str) -> None:
    folder = _two_trees(tmp_path / "flowers")
    mistake(folder)
    with pytest.raises(BrainalignError, match=message) as caught:
        _open(folder).train()
    assert "\n" not in str(caught.value)


def test_one_class_or_none_is_refused(tmp_path: Path) -> None:
    _picture(tmp_path / "flowers" / "rose" / "1.png", 0)
    with pytest.raises(BrainalignError, match=r"has 1 classes \(rose\); expected a folder of pictures for each of two"):
        _open(tmp_path / "flowers")
    _picture(tmp_path / "flowers" / "tulip" / "1.png", 0)
    with pytest.raises(BrainalignError, match=r"Class 'rose' of .* has 1 picture alone; expected two or more"):
        _open(tmp_path / "flowers").train()


# -- in studies -------------------------------------------------------------------------------------------------------

STUDY = """
name = "mine"
readout_only = false
[training]
dataset_path = "flowers"
network = "mlp"
network_options = { widths = [8] }
seeds = 2
epochs = 1
batch_size = 16
n_checkpoints = 2
[rules.backprop]
[[recordings]]
dataset = "cichy92"
"""


def test_a_study_trains_on_a_folder_and_its_key_follows_the_pictures(tmp_path: Path) -> None:
    folder = _two_trees(tmp_path / "flowers", 40)
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    (spec,) = read_study(tmp_path / "study.toml").populations
    assert (spec.dataset, len(spec.dataset_content)) == ("flowers", 64)
    assert str(tmp_path) not in str(to_dict(spec))
    trained = train(spec, tmp_path / "run")
    assert trained.checkpoint.spec == spec
    assert trained.history.test_accuracy.notna().any()
    (again,) = read_study(tmp_path / "study.toml").populations
    assert again.key == spec.key
    _picture(folder / "train" / "rose" / "03.png", 999)
    (other,) = read_study(tmp_path / "study.toml").populations
    assert other.key != spec.key
    with pytest.raises(BrainalignError, match=r"pictures of 'flowers' changed since it was specified; .*study again"):
        train(spec, tmp_path / "run again")
    text = STUDY.replace('dataset_path = "flowers"', 'dataset_path = "flowers"\ndataset = "digits"')
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BrainalignError, match=r"\[training\]: dataset and dataset_path are given"):
        read_study(tmp_path / "study.toml")


def test_a_key_without_a_folder_of_pictures_is_as_it_was() -> None:
    assert "dataset_content" not in to_dict(TrainSpec("backprop", "mlp", "digits"))


@pytest.mark.parametrize("how", ["own", "path"])
def test_folders_of_data_are_listed(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    flowers = _two_trees(tmp_path / "lab" / "datasets" / "flowers")
    recording = write_recording(tmp_path / "lab" / "recordings" / "my_eeg")
    named = ["--own", str(tmp_path / "lab")] if how == "own" else [str(flowers), str(recording)]
    done = CliRunner().invoke(app, ["data", "list", "--json", *named], catch_exceptions=False)
    found = {one["name"]: one for one in json.loads(done.output)}
    assert (found["flowers"]["kind"], found["flowers"]["status"]) == ("images or features", "your own")
    assert (found["my_eeg"]["kind"], found["my_eeg"]["title"]) == ("recording", "Faces, EEG")
    assert "flowers" in datasets()
