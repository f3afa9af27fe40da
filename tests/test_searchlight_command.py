"""``brainalign searchlight``: from files to maps, tables, figures and a page."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import brainalign as ba
from brainalign.__main__ import app
from brainalign.errors import BrainalignError
from brainalign.storage import file_hash
from tests.searchlights.worlds import SHAPE, brain, ids, model

N = 14
TOML = """
title = "made up"
modality = "fMRI"
subjects = ["a", "b", "c"]
trials = "{subject}.nii.gz"
space = "ours"
ids = "ids.txt"

[stimuli]
ids = "names.txt"
"""


def _run(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of volumes of three subjects, whose left part holds a model, and files of models."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "brain"
    folder.mkdir()
    one, truth = model(0)
    for k, name in enumerate("abc"):
        recorded = brain(k, N, truth, name)
        image = recorded.geometry.image(recorded.data[::-1, :, 0])  # trials in another order than stimuli
        nibabel.save(image, folder / f"{name}.nii.gz")
    (folder / "ids.txt").write_text("\n".join(ids(N)[::-1]) + "\n", encoding="utf-8")
    (folder / "names.txt").write_text("\n".join(ids(N)) + "\n", encoding="utf-8")
    (folder / "recording.toml").write_text(TOML, encoding="utf-8")
    other = model(1)[0].matrices()
    np.savez("models.npz", ids=np.array(ids(N)), planted=one.matrices()[0], two=np.concatenate([other, other**2]))
    np.savez("layers.npz", ids=np.array(ids(N)), fc1=truth, fc2=truth[:, :3])
    return tmp_path


def test_rdms_and_volumes_on_disk_give_the_maps_of_python(place: Path) -> None:
    said = _run(
        *("searchlight", "--rdm", "models.npz", "--brain", "brain", "--radius", 5, "--out", "out"),
        *("--permutations", 50, "--each", "--set", "seed=1"),
    )
    one, truth = model(0)
    other = model(1)[0]
    people = [brain(k, N, truth, name) for k, name in enumerate("abc")]
    models = {
        "planted": one,
        "two": ba.RDMs(np.concatenate([other.dissimilarities, other.dissimilarities**2]), ids(N), "m"),
    }
    expected = ba.searchlight(models, people, 5, permutations=50, seed=1)
    for name, what in (("planted", "score"), ("planted", "p_fwe"), ("two", "ceiling_upper")):
        image = nibabel.load(f"out/{name}_{what}.nii.gz")
        assert image.shape == SHAPE
        values = image.get_fdata()[tuple(expected.geometry.index.T)]
        assert np.abs(values - expected.map(name, what)).max() < 2e-6  # volumes were kept in single precision
    peaks = pd.read_csv("out/peaks.csv")
    best = int(np.argmax(expected.map("planted")))
    assert peaks.iloc[0][["map", "peak", "place"]].tolist() == ["planted", 1, expected.geometry.names()[best]]
    assert peaks.groupby("map").peak.max().to_dict() == {"planted": 5, "two": 5}
    assert len(pd.read_csv("out/centres.csv")) == 2 * len(expected.geometry)
    facts = json.loads(Path("out/searchlight.json").read_text("utf-8"))
    assert facts["recording"] == "brain"
    assert facts["models"] == ["models.npz"]
    assert "out/two_seed-1_score.nii.gz" in {f"out/{name}" for name in facts["files"]}
    assert all(file_hash(Path("out") / name) == digest for name, digest in facts["files"].items())
    page = Path("out/report.html").read_text("utf-8")
    assert "Outlines: p &lt;= 0.05, adjusted for all centres of a map." in page
    assert "RDMs of patches hold the correlation distance" in page
    assert page.count("<figure") == 3  # projections of both, slices of each
    assert "Peaks" in said
    assert "Report: out/report.html" in said


def test_layers_of_networks_are_maps_and_an_earlier_run_goes(place: Path) -> None:
    common = ("--brain", "brain", "--radius", 5, "--out", "out", "--json")
    both = json.loads(_run("searchlight", "layers.npz", *common))
    assert {row["map"] for row in both} == {"layers fc1", "layers fc2"}
    Path("out/notes.txt").write_text("mine", encoding="utf-8")
    rows = json.loads(
        _run("searchlight", "layers.npz", "--layer", "fc1", "--subject", "b", "--comparator", "spearman", *common)
    )
    assert {row["map"] for row in rows} == {"layers fc1"}
    assert sorted(one.name for one in Path("out").iterdir()) == [
        "centres.csv", "figures", "layers-fc1_score.nii.gz", "notes.txt", "peaks.csv", "report.html",
        "searchlight.json",
    ]  # fmt: skip
    nets = ba.Shown.load("layers.npz")
    ba.save_rdms("rdms.safetensors", [ba.LayerRDMs.of(one) for one in nets])
    kept = json.loads(_run("searchlight", "rdms.safetensors", "--layer", "*1", *common))
    assert kept[0]["score"] == pytest.approx(both[0]["score"], abs=1e-6)
    flips = ("--sign-flips", 100, "--against", "layers fc2")
    tested = json.loads(_run("searchlight", "layers.npz", *flips, *common))
    assert {row["map"] for row in tested} == {"layers fc1 above layers fc2"}
    assert min(row["p"] for row in tested) >= 1 / 8


def test_a_training_is_shown_the_pictures(place: Path) -> None:
    from PIL import Image

    shown = ba.dataset("digits").test_stimuli(N, 0)
    (place / "brain" / "images").mkdir()
    for k, name in enumerate(ids(N)):
        Image.fromarray(shown.at([k])[0][..., 0].astype(np.uint8)).save(place / "brain" / "images" / f"{name}.png")
    (place / "brain" / "recording.toml").write_text(TOML.replace('ids = "names.txt"', 'folder = "images"'), "utf-8")
    ba.train("backprop", "mlp", "digits", place / "run", seeds=2, epochs=0.1)
    common = ("--brain", "brain", "--radius", 5, "--out", "out", "--json", "--low-level")
    rows = json.loads(_run("searchlight", "run", "--layer", "hidden*", *common))
    assert list(dict.fromkeys(row["map"] for row in rows)) == [
        "backprop hidden1", "backprop hidden2", "pixels", "luminance", "gabor",
    ]  # fmt: skip
    assert len(pd.read_csv("out/centres.csv").query("map == 'backprop hidden1'").n_seeds.unique()) == 1
    assert pd.read_csv("out/centres.csv").query("map == 'backprop hidden1'").n_seeds.iloc[0] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "got no model; give folders of networks, or --rdm"),
        (("nothing",), "nothing"),
        (("--rdm", "layers.npz"), r"Matrices have shape \(1, 14, 20\)"),
        (("layers.npz", "--layer", "fc9"), "Unknown layer 'fc9'"),
        (("layers.npz", "--subject", "z"), "no subject 'z'; choose among a, b, c"),
        (("layers.npz", "--low-level"), "the recording comes without pictures"),
        (("layers.npz", "--permutations", "9", "--sign-flips", "9"), "are two tests; expected one"),
        (("layers.npz", "--against", "x"), "expected --sign-flips 10000 beside it"),
        (("layers.npz", "--mesh", "top=a"), r"--mesh got 'top=a'; expected left=FILE"),
        (("layers.npz", "--mesh", "left=a.surf.gii"), "meshes = left for voxels; expected none"),
        (("layers.npz", "--set", "meshes=a"), "no option 'meshes'. Give --mesh"),
        (("layers.npz", "--set", "radios=3"), "no option 'radios'. Choose among"),
        (("layers.npz", "--set", "min_places=many"), "Option min_places is 'many'; expected a whole number"),
        (("layers.npz", "--strata", "models.npz", "--permutations", "9"), "strata"),
        (("layers.npz", "--alpha", "2"), "expected 0 or more, and a level from 0 to 1"),
    ],
)
def test_what_cannot_be_is_one_line(place: Path, arguments: tuple[str, ...], message: str) -> None:
    common = ("--brain", "brain", "--radius", "5", "--out", "out")
    with pytest.raises(BrainalignError, match=message) as raised:
        CliRunner().invoke(app, ["searchlight", *arguments, *common], catch_exceptions=False)
    assert "\n" not in str(raised.value)
    assert not Path("out").exists()


def test_a_folder_of_a_study_is_left_alone(place: Path) -> None:
    Path("out").mkdir()
    Path("out/study.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BrainalignError, match="expected a new folder, or one that holds the maps of a searchlight"):
        _run("searchlight", "layers.npz", "--brain", "brain", "--radius", 5, "--out", "out")


def test_a_run_that_fails_leaves_the_earlier_one(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("searchlight", "layers.npz", "--brain", "brain", "--radius", 5, "--out", "out")
    _run(*arguments)
    before = {path.name: path.read_bytes() for path in Path("out").iterdir() if path.is_file()}

    def full(*_: object, **__: object) -> None:
        msg = "disk full"
        raise OSError(msg)

    monkeypatch.setattr("brainalign.report.maps_page.write_text", full)
    with pytest.raises(BrainalignError, match="Could not write maps into 'out': disk full"):
        _run(*arguments, "--layer", "fc1")
    assert {path.name: path.read_bytes() for path in Path("out").iterdir() if path.is_file()} == before
