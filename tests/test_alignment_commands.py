"""``extract``, ``align``, ``doctor`` and ``--version``."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import brainalign as ba
from brainalign.__main__ import app
from brainalign.activations import Shown
from brainalign.errors import SpecError

MODEL = '''"""Networks of one's own."""
import torch
from torch import nn

def small():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.ReLU())

def broken():
    raise RuntimeError("no weights")

def grey(picture):
    import numpy as np
    return np.asarray(picture, dtype="float32")[None] / 255
'''


def _run(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_nets.py").write_text(MODEL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


@pytest.mark.parametrize("kind", ["safetensors", "npz"])
def test_networks_are_extracted_and_aligned_from_their_files(place: Path, kind: str) -> None:
    transform = ("--transform", "my_nets:grey", "--layer", "?", "--name", "mine", "--format", kind)
    said = _run(
        "extract", "digits", "--model", "my_nets:small", *transform, "--n-stimuli", 20, "--out", "acts", "--json"
    )
    assert [one["network"] for one in json.loads(said)] == ["mine"]
    kept = Shown.load(place / "acts")[0]
    assert list(kept.layers) == ["0", "1", "2"]
    dimensions = pd.read_csv(place / "acts" / "dimensionality.csv").set_index("layer")
    assert dimensions.n_features.to_dict() == {0: 64, 1: 12, 2: 12}
    assert (dimensions.uncorrected.between(1, 19) & (dimensions.participation_ratio > dimensions.uncorrected)).all()
    shown = ba.dataset("digits").test_stimuli(20, 0)
    assert kept.stimulus_ids == shown.ids
    np.testing.assert_allclose(kept.layers["0"], shown.images.reshape(20, -1) / 255, rtol=1e-5)


def test_a_training_is_extracted_and_aligned_with_a_report(place: Path) -> None:
    ba.train("backprop", "mlp", "digits", place / "run", seeds=2, epochs=0.1)
    _run("extract", "simulated", "--trained", "run", "--out", "acts")
    settings = ("--set", "n_bootstrap=100", "--set", "comparator=corr", "--set", "source.n_subjects=3")
    said = _run(
        "align", "acts", "--brain", "simulated", *settings, "--set", "source.training={epochs=0.1}", "--out", "results"
    )
    assert "Report: results/report.html" in said
    found = ba.AlignmentResult.load(place / "results")
    assert set(found.scores.measure) == {"rsa corr"}
    assert set(found.scores.subject) == {"simulated 1", "simulated 2", "simulated 3"}
    assert (place / "results" / "report.html").exists()


def test_activations_of_ones_own_are_aligned_with_a_recording_in_a_folder(place: Path) -> None:
    from PIL import Image

    rng, folder = np.random.default_rng(0), place / "my_fmri"
    (folder / "images").mkdir(parents=True)
    names = [f"picture{k:02d}" for k in range(20)]
    for name in names:
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / "images" / f"{name}.png")
    np.save(folder / "it.npy", np.stack([1 - np.corrcoef(rng.normal(size=(20, 9))) for _ in range(6)]))
    (folder / "recording.toml").write_text('rois = "IT"\nrdms = "it.npy"\n[stimuli]\nfolder = "images"\n', "utf-8")
    (place / "acts").mkdir()
    np.savez(place / "acts" / "vgg.npz", ids=np.array(names[::-1]), fc6=rng.normal(size=(20, 5)))
    said = _run("align", "acts", "--brain", "my_fmri", "--roi", "IT", "--out", "results", "--set", "low_level=false")
    assert said.startswith("Alignment of 1 network (vgg) with my_fmri IT")
    assert (place / "results" / "alignment.csv").exists()
    shown = _run("extract", "my_fmri", "--model", "my_nets:small", "--transform", "pixels", "--out", "layers")
    assert "Next: brainalign align layers --brain my_fmri --out FOLDER" in shown
    assert set(Shown.load(place / "layers")[0].stimulus_ids) == set(names)
    assert _run("data", "check", "my_fmri").endswith("0 findings in my_fmri.\n")
    assert len(json.loads(_run("extract", "my_fmri/images", "--model", "my_nets:small", "--transform", "pixels",
                               "--out", "more", "--json"))) == 1  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("extract", "digits", "--out", "a"), "got no network; give --trained FOLDER or --model"),
        (("extract", "digit", "--model", "my_nets:small", "--out", "a"), "'digit' is no folder, recording or data set"),
        (("extract", "digits", "--model", "my_nets", "--out", "a"), "--model is 'my_nets'; expected module:function"),
        (("extract", "digits", "--model", "my_nets:large", "--out", "a"), "cannot be imported"),
        (("extract", "digits", "--model", "my_nets:broken", "--out", "a"), r"fails when it is called \(no weights\)"),
        (("extract", "digits", "--model", "my_nets:small", "--out", "a", "--format", "csv"), "--format is 'csv'"),
    ],
)
def test_what_cannot_be_extracted_is_one_line(place: Path, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_doctor_says_what_is_missing_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BRAINALIGN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lines = _run("doctor").splitlines()
    assert any(line.startswith(f"brainalign: {ba.__version__}, Python ") for line in lines)
    assert "data: cichy92: 1 of 1 files are missing -> brainalign data fetch cichy92" in lines
    assert "data: digits: embedded" in lines
    assert any(line.startswith("data: nsd: by hand -> Access is on request") for line in lines)
    assert any(line.startswith("device: ") for line in lines)
    assert any(line.startswith("cache: ") and "can be written" in line for line in lines)
    checks = json.loads(_run("doctor", "--json"))
    assert {"what", "state", "remedy"} == set(checks[0])


def test_doctor_says_where_data_are_and_that_a_cache_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cichy92").mkdir()
    (tmp_path / "cichy92" / "target_fmri.mat").write_bytes(b"anything: content is looked at by 'data verify'")
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    lines = _run("doctor", "--data-dir", tmp_path).splitlines()
    assert f"data: cichy92: in {tmp_path / 'cichy92'}" in lines
    assert any(line.startswith("cache: ") and "cannot be written" in line and "->" in line for line in lines)


def test_the_version_is_printed() -> None:
    assert _run("--version").strip() == f"brainalign {ba.__version__}"
