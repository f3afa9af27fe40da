"""As a new user: a clean folder with two BIDS sets and one study file, on the command line, up to the page."""

import html
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from brainalign.__main__ import app
from brainalign.errors import DataError
from tests.readers.meeg_folder import meeg_folder, picture, pictures
from tests.readers.volumes import bids_folder

IDS = [f"img{k:02d}.png" for k in range(20)]
STUDY = """\
name = "mine"
[training]
dataset_path = "flowers"
network = "mlp"
seeds = 2
batch_size = 8
[rules.untrained]
[rules.backprop]
[[recordings]]
dataset = "bids_meeg"
options = { root = "faces", ids = "stim_file", pictures = "stimuli", preprocess = { tmin = -0.1, tmax = 0.4 } }
[[recordings]]
dataset = "bids_fmri"
options = { root = "objects", ids = "image", pictures = "stimuli" }
"""
ACCEPT = 'accept = ["training pictures"]\n'


def command(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    if isinstance(done.exception, DataError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """EEG and fMRI in BIDS with pictures, and pictures by class, one of which the EEG shows."""
    folder = tmp_path / "lab"
    meeg_folder(folder / "faces", IDS, ("01", "02"))
    bids_folder(folder / "objects", ["01", "02"], IDS)
    for name in ("faces", "objects"):
        pictures(folder / name / "stimuli", IDS)
    for part, first, n in (("train", 1000, 24), ("test", 2000, 8)):
        for k in range(n):
            file = folder / "flowers" / part / ("rose" if k % 2 else "tulip") / f"{k:02d}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            picture(5 if (part, k) == ("train", 3) else first + k).save(file)
    (folder / "objects" / "stimuli" / IDS[5]).unlink()
    picture(77).save(folder / "objects" / "stimuli" / IDS[5])
    return folder


@pytest.mark.slow
def test_from_two_bids_folders_to_a_report(lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert STUDY.count("\n") <= 15
    study, out = lab / "study.toml", tmp_path / "out"
    study.write_text(STUDY)
    monkeypatch.chdir(tmp_path)  # folders are seen from the study file, not from here
    said = CliRunner().invoke(app, ["data", "check", "lab/faces", "--ids", "stim_file"])
    assert (said.exit_code, said.stdout.splitlines()[-1]) == (1, "4 findings in lab/faces.")
    assert said.stdout.count("1 of 41 events have no stim_file") == 4  # buttons

    with pytest.raises(DataError) as stopped:
        command("run", "lab/study.toml", "--out", out, "--quiet")
    line = str(stopped.value)
    assert "1 of 20 pictures are in the training set of flowers" in line
    assert line.endswith("To go on all the same, declare accept = ['training pictures'].")
    assert not (out / "study.json").exists()

    study.write_text(STUDY.replace("[rules.backprop]\n[[recordings]]\n", f"[rules.backprop]\n[[recordings]]\n{ACCEPT}"))
    command("run", "lab/study.toml", "--out", out, "--quiet")
    kept = json.loads((out / "study.json").read_text())["findings"]
    assert set(kept) == {"bids_meeg faces", "bids_fmri objects"}
    severe = [one for one in kept["bids_meeg faces"]["found"] if one["severe"]]
    assert [(one["kind"], one["accepted"]) for one in severe] == [("training pictures", True)]
    page = html.unescape((out / "report.html").read_text("utf-8"))
    assert severe[0]["text"] in page
    assert "accepted" in page
    for name in ("bids_meeg faces", "bids_fmri objects"):
        assert name in page
