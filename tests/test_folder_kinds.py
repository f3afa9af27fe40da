"""Every kind of folder given to every verb that takes another: one line that says what it is and what reads it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import brainalign as ba
from brainalign.__main__ import app
from brainalign.errors import BrainalignError, StorageError
from brainalign.folder_kinds import require_free


def _picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(path)


def _file(name: str, text: str = "") -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    return write


#: Kind of folder: what makes it, what is said of it, and the command that reads it (a word of its line).
KINDS = {
    "training": (_file("checkpoints/step-0000001.safetensors"), "holds a training run", "extract STIMULI --trained"),
    "activations": (_file("mlp-backprop-seed0.safetensors"), "holds activations", "align"),
    "study": (_file("study.json", json.dumps({"name": "one"})), "holds the results of a study", "report"),
    "unfinished": (_file("populations/one/spec.json"), "holds a study that was not finished", "again with --out"),
    "scorecard": (_file("scorecard.csv"), "holds a scorecard", "criteria.csv"),
    "maps": (_file("searchlight.json"), "holds the maps of a searchlight", "report.html"),
    "reproduction": (_file("reproduction.csv"), "holds a reproduced table", "reproduction.md"),
    "credit": (_file("functions.csv"), "holds a credit experiment", "Read its tables"),
    "recording": (_file("recording.toml"), "holds a recording", "--brain"),
    "bids": (_file("dataset_description.json"), "holds a BIDS data set", "data check"),
    "pictures": (lambda folder: _picture(folder / "a.png"), "holds pictures", "extract"),
    "classes": (lambda folder: _picture(folder / "rose" / "a.png"), "holds pictures by class", "dataset_path"),
    "notes": (_file("notes.txt"), "holds notes.txt", ""),
    "empty": (lambda folder: folder.mkdir(exist_ok=True), "is an empty folder", ""),
    "file": (None, "is a file", ""),
    "missing": (None, "is missing", ""),
}
ANY_STUDY = "the results folder of a study"
#: Verb with "X" where the folder goes: what it expects, and the kinds that it takes or says otherwise.
VERBS = {
    ("report", "X"): (ANY_STUDY, ("study",)),
    ("power", "X", "--gap", "0.02"): (ANY_STUDY, ("study",)),
    ("extract", "X", "--trained", "none", "--out", "o"): (
        "a folder of pictures",
        ("pictures", "recording", "bids", "notes", "file", "missing"),
    ),
    ("extract", "digits", "--trained", "X", "--out", "o"): ("a training run", ("training",)),
    ("align", "X", "--brain", "cichy92", "--out", "o"): ("activations", ("activations",)),
    ("align", "none", "--brain", "X", "--out", "o"): ("activations", tuple(KINDS)),
    ("searchlight", "--rdm", "m.npz", "--brain", "X", "--radius", "5", "--out", "o"): (
        "a recording",
        ("recording", "missing"),
    ),
    ("searchlight", "X", "--brain", "simulated_fmri", "--radius", "5", "--out", "o"): (
        "a training run, activations or RDMs",
        ("training", "activations"),
    ),
    ("searchlight", "--rdm", "X", "--brain", "simulated_fmri", "--radius", "5", "--out", "o"): ("an .npz file", ()),
    ("data", "check", "X"): (
        "recordings: a BIDS data set",
        ("recording", "bids", "pictures", "classes", "notes", "file", "missing"),
    ),
    ("data", "list", "X"): (
        "a recording (a folder with a recording.toml) or pictures by class",
        ("recording", "classes"),
    ),
    ("run", "X"): ("a study file (.toml)", ("file", "missing")),
    ("reproduce", "X"): ("a table file (.toml)", ("file", "missing")),
    ("train", "--preset", "X/a", "--out", "o"): ("a preset file (.toml)", ("file", "missing")),
    ("search", "X", "a", "--grid", "b=[1]", "--out", "o"): ("a preset file (.toml)", ("file", "missing")),
    ("train", "--rule", "backprop", "--network", "mlp", "--dataset", "X", "--out", "o"): (
        "the name of a data set",
        ("file", "missing"),
    ),
}
CASES = [
    pytest.param(verb, kind, expected, id=f"{' '.join(verb)}-{kind}")
    for verb, (expected, taken) in VERBS.items()
    for kind in KINDS
    if kind not in taken
]


def _made(kind: str, folder: Path) -> Path:
    make = KINDS[kind][0]
    if make:
        make(folder)
    elif kind == "file":
        folder.write_text("hello")
    return folder


@pytest.mark.parametrize(("verb", "kind", "expected"), CASES)
def test_another_kind_of_folder_is_one_line_that_says_what_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...], kind: str, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    _made(kind, tmp_path / "given")
    before = set(tmp_path.rglob("*"))
    done = CliRunner().invoke(app, [word.replace("X", "given") for word in verb])
    assert isinstance(done.exception, BrainalignError), done.exception
    line = str(done.exception)
    assert "\n" not in line
    assert f"'given' {KINDS[kind][1]}" in line
    assert f"expected {expected}" in line
    assert KINDS[kind][2] in line
    assert set(tmp_path.rglob("*")) == before


#: Verb that writes into ``--out``, and the kind that it may find there.
WRITERS = {
    ("train", "--rule", "backprop", "--network", "mlp", "--dataset", "digits"): "training",
    ("extract", "digits", "--trained", "none"): "activations",
    ("align", "none", "--brain", "cichy92"): "study",
    ("run", "demo"): "study",
    ("scorecard", "--rule", "backprop", "--probe", "P1"): "scorecard",
    ("searchlight", "--rdm", "none", "--brain", "simulated_fmri", "--radius", "5"): "maps",
    ("search", "digits-mlp", "backprop", "--grid", "learning_rate=[0.01]"): "",
    ("credit", "functions", "--dimension", "2", "--seeds", "1", "--generations", "1"): "credit",
    ("reproduce", "f3", "--columns", "generated_regression"): "reproduction",
}
#: Kinds that no other command writes into.
WRITTEN = (
    *("training", "activations", "study", "unfinished", "scorecard", "maps", "reproduction", "credit"),
    "recording",
)
OUTS = [
    pytest.param(verb, kind, id=f"{verb[0]}-{kind}")
    for verb, own in WRITERS.items()
    for kind in WRITTEN
    if kind != own and not (own == "study" and kind == "unfinished")
]


@pytest.mark.parametrize(("verb", "kind"), OUTS)
def test_nothing_is_written_into_what_another_command_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...], kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    _made(kind, tmp_path / "given")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = CliRunner().invoke(app, [*verb, "--out", "given"])
    assert isinstance(done.exception, StorageError), done.exception
    assert KINDS[kind][1] in str(done.exception) or kind == "study"
    assert str(done.exception).endswith(("Choose another --out.", "Choose another --out, or delete the folder."))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_python_refuses_a_folder_of_another_kind_too(tmp_path: Path) -> None:
    study, training = _made("study", tmp_path / "study"), _made("training", tmp_path / "training")
    with pytest.raises(StorageError, match="expected a new folder, or one that holds a training run"):
        ba.train("backprop", "mlp", "digits", study, seeds=1, epochs=0.1)
    with pytest.raises(
        StorageError, match="holds a training run; expected a new folder, or one that holds activations"
    ):
        ba.example_networks().save(training)
    for folder in (tmp_path / "new", _made("pictures", tmp_path / "pictures"), _made("notes", tmp_path / "notes")):
        require_free(folder)
