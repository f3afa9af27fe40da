"""The command line: exit codes, one-line errors, tables."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from brainalign.__main__ import main
from brainalign.errors import SpecError
from brainalign.storage import read_tensors, write_tensors
from brainalign.terminal import read_settings

SEARCH = ("search", "mnist-mlp-256x5", "backprop", "--out", "o", "--grid")
SEARCHLIGHT = ("searchlight", "--rdm", "m.npz", "--brain", "haxby_slice", "--radius", "5", "--out", "o")
TRAIN = ("train", "--rule", "backprop", "--network", "mlp", "--dataset", "digits", "--out", "o")

STUDY = """
name = "tiny"
readout_only = false
[training]
dataset = "digits"
network = "mlp"
seeds = 3
epochs = 0.2
batch_size = 64
[rules.untrained]
[rules.backprop]
[[recordings]]
dataset = "simulated"
options = {{ n_subjects = {subjects}, n_stimuli = {stimuli}, layer = "hidden1", training = {{ epochs = 0.2 }} }}
[scoring]
n_bootstrap = 100
{extra}
"""


PRESETS = """
title = "Digits"
[training]
dataset = "digits"
network = "mlp"
network_options = { widths = [8] }
seeds = [0, 1]
epochs = 1
batch_size = 64
[presets.backprop]
found = "by hand"
"""

TABLE = """
title = "A table"
citation = "Someone 2024"
source = "Table 1"
differences = ["Digits are not MNIST."]
[[columns]]
name = "digits"
data = "MNIST"
network = "MLP 64-8-10"
presets = "./tiny.toml"
[[columns]]
name = "svhn"
data = "SVHN"
network = "MLP 3072-8-10"
missing = "no loader of SVHN yet"
[[rows]]
method = "BP"
label = "backprop"
published = { digits = [98.0, 0.5], svhn = [60.0, 1.0] }
"""


def _brainalign(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "brainalign", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
        timeout=300,
    )


def _one_line(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 1, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("brainalign: ")
    return lines[0]


def test_rules_networks_and_data_print_json(tmp_path: Path) -> None:
    rules = json.loads(_brainalign("rules", "--json").stdout)
    assert {"untrained", "backprop", "feedback_alignment", "direct_feedback_alignment"} <= {r["name"] for r in rules}
    assert all(r["networks"]["mlp"] is True for r in rules)
    networks = json.loads(_brainalign("networks", "--json", cwd=tmp_path).stdout)
    assert {n["name"] for n in networks} == {"mlp", "cnn", "rnn", "transformer"}
    data = json.loads(_brainalign("data", "list", "--json", cwd=tmp_path).stdout)
    assert {"digits", "mnist", "cifar10_jpeg", "cichy92", "kriegeskorte92", "macaque_v4"} <= {d["name"] for d in data}


def test_train_leaves_table_checkpoints_and_specification(tmp_path: Path) -> None:
    options = ("--seeds", "2", "--epochs", "0.5", "--set", "batch_size=64", "--set", "network.widths=[8]", "--json")
    base = ("train", "--rule", "feedback_alignment", "--network", "mlp", "--dataset", "digits", "--out", str(tmp_path))
    result = _brainalign(*base, *options)
    assert result.returncode == 0, result.stderr
    assert [row["seed"] for row in json.loads(result.stdout)] == [0, 1]
    table = pd.read_csv(tmp_path / "training.csv")
    wanted = {"rule", "network", "dataset", "seed", "epoch", "train_loss", "test_accuracy", "ms_per_step"}
    assert wanted <= set(table.columns)
    assert json.loads((tmp_path / "spec.json").read_text())["network_options"] == {"widths": [8]}
    assert len(list((tmp_path / "checkpoints").glob("step-*.safetensors"))) >= 2


def test_study_and_report_run_and_report_again(tmp_path: Path) -> None:
    study = tmp_path / "tiny.toml"
    study.write_text(STUDY.format(subjects=6, stimuli=20, extra=""))
    result = _brainalign("run", str(study), "--out", str(tmp_path / "out"))
    assert result.returncode == 0, result.stderr
    page = tmp_path / "out" / "report.html"
    assert str(page) in result.stdout
    assert "SIMULATED" in page.read_text(encoding="utf-8")
    page.unlink()
    assert _brainalign("report", str(tmp_path / "out")).returncode == 0
    assert page.exists()


def test_presets_are_listed_searched_and_trained(tmp_path: Path) -> None:
    listed = json.loads(_brainalign("presets", "--json").stdout)
    assert "mnist-mlp-256x5/feedback_alignment" in {record["preset"] for record in listed}
    assert all(record["found"] and record["training"]["dataset"] for record in listed)
    (tmp_path / "tiny.toml").write_text(PRESETS)
    grid = ("--grid", "learning_rate=[0.0001,0.03]", "--epochs", "0.5", "--out", "s")
    searched = _brainalign("search", "./tiny.toml", "backprop", *grid, cwd=tmp_path)
    assert searched.returncode == 0, searched.stderr
    assert 'found = "learning_rate {0.0001, 0.03}; 0.5 epochs, seed 100; validation accuracy 0.' in searched.stdout
    assert "test" not in searched.stdout
    ranked = json.loads(_brainalign("search", "./tiny.toml", "backprop", *grid, "--json", cwd=tmp_path).stdout)
    assert [record["best"] for record in ranked] == ["best", ""]
    options = (
        "--preset",
        "./tiny.toml/backprop",
        "--set",
        "learning_rate=0.03",
        "--seeds",
        "1",
        "--out",
        "o",
        "--json",
    )
    trained = _brainalign("train", *options, cwd=tmp_path)
    assert [row["seed"] for row in json.loads(trained.stdout)] == [0]
    spec = json.loads((tmp_path / "o" / "spec.json").read_text())
    assert (spec["learning_rate"], spec["epochs"], spec["network_options"]) == (0.03, 1, {"widths": [8]})


def test_a_published_table_is_trained_again(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(PRESETS)
    (tmp_path / "table.toml").write_text(TABLE)
    arguments = ("reproduce", "table.toml", "--epochs", "0.5", "--out", "r")
    result = _brainalign(*arguments, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "ours on Digits (UCI, 8 x 8), published on MNIST" in result.stdout
    assert "98.00 ± 0.50" in result.stdout
    assert "SHORTENED" in result.stdout
    assert "SVHN: not at hand, no loader of SVHN yet" in result.stdout
    assert {"reproduction.csv", "reproduction.md"} <= {path.name for path in (tmp_path / "r").iterdir()}
    facts = json.loads(_brainalign(*arguments, "--columns", "digits", "--json", cwd=tmp_path).stdout)
    assert facts["differences"] == ["Digits are not MNIST."]
    assert [(cell["label"], cell["note"], cell["n_seeds"]) for cell in facts["cells"]] == [("backprop", "SHORTENED", 2)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "--rule", "hope", "--network", "mlp", "--dataset", "digits", "--out", "o"), "Unknown rule 'hope'"),
        ((*TRAIN, "--set", "lr=1"), "unknown key 'lr'"),
        ((*TRAIN, "--set", "lr"), "expected key=value"),
        ((*TRAIN, "--device", "tpu"), "Device 'tpu'"),
        (("train", "--rule", "backprop", "--out", "o"), "--network, --dataset missing"),
        ((*TRAIN, "--preset", "a/b"), "--rule, --network, --dataset given with --preset"),
        (("train", "--preset", "mnist-mlp-256x5/hope", "--out", "o"), "has no preset 'hope'"),
        ((*SEARCH, "learning_rate"), "--grid got 'learning_rate'"),
        ((*SEARCH, "learning_rate=1"), "expected a list of values"),
        (("reproduce", "nothing"), "Unknown table 'nothing'"),
        (("reproduce", "ccl-table1", "--columns", "imagenet"), "Unknown column 'imagenet'"),
        (("run", "nothing"), "Unknown study 'nothing'"),
        (("run", "nothing.toml"), "Cannot read study file 'nothing.toml'"),
        (("report", "nowhere"), "is missing"),
        (("data", "verify", "imagenet"), "Unknown data set 'imagenet'"),
    ],
)  # fmt: skip
def test_bad_arguments_give_one_line_and_nothing_on_disk(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    line = _one_line(_brainalign(*arguments, cwd=tmp_path))
    assert message in line
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


REFUSED = [
    ((*TRAIN, "--set", "=1"), "--set got '=1'; expected key=value"),
    ((*TRAIN, "--set", "clip=-1"), "Option clip is -1; expected a largest norm above 0"),
    ((*TRAIN, "--set", "clip=1", "--set", "clip=2"), "'clip' is given twice with --set; leave one of them out."),
    ((*TRAIN, "--set", "rule=pepita"), "'rule' is given with --set and with --rule; leave one of them out."),
    ((*TRAIN, "--epochs", "1", "--set", "epochs=2"), "'epochs' is given with --set and with --epochs"),
    ((*TRAIN, "--set", "rul.scale=1"), "Unknown setting 'rul.scale'. Before a dot stands one of: rule, network"),
    ((*TRAIN, "--set", "rule.=1"), "Unknown setting 'rule.'. Before a dot"),
    ((*TRAIN, "--set", "rule.scal=1"), "Unknown option 'scal' of 'backprop'. Choose one of: none."),
    ((*TRAIN, "--set", "network.widths=64"), "widths of 'mlp' is 64; expected a list of whole numbers."),
    ((*TRAIN, "--set", "network_options={}", "--set", "network.bias=true"), "'network.bias' are both given"),
    ((*TRAIN, "--set", "optimizer.eps=-1"), "Option eps of optimizer 'adam' is -1; expected 0 or more."),
    ((*TRAIN, "--seeds", "-2"), "Option seeds is -2; expected distinct seeds"),
    ((*TRAIN, "--epochs", "1e-9"), "less than one step: a step is 0.11 epochs here"),
    (
        (*TRAIN, "--set", "rule.smallest=.7"),
        "got 'rule.smallest=.7'; expected a number or truth value as TOML writes it: rule.smallest=0.7.",
    ),
    ((*SEARCH, "learning_rate=[.1, 1.]"), "as TOML writes it: learning_rate=[0.1, 1.0]."),
    ((*TRAIN, "--set", "n_train=99999"), "Ask for at most that, or 0 for all."),
    ((*TRAIN, "--device", "tpu"), "Device 'tpu' cannot be used; available here: cpu"),
    ((*TRAIN, "--device", "gpu"), "Say 'cuda' for a GPU."),
    ((*TRAIN, "--execution", "fast"), "Option execution is 'fast'; expected one of: auto, vmap, loop."),
    ((*TRAIN, "--data-dir", "nowhere"), "Option data_dir is 'nowhere'; expected a folder that exists"),
    (("run", "demo", "--data-dir", "nowhere"), "Option data_dir is 'nowhere'; expected a folder that exists"),
    (("scorecard", "--rule", "backprop", "--ranks", "--json"), "--json the scorecard alone. Leave one of them out."),
    (("rules", "--json", "--markdown"), "two forms of one list. Leave one of them out."),
    (("extract", "digits", "--trained", "a", "--transform", "imagenet", "--out", "o"), "--transform is for a --model"),
    (("extract", "cichy92", "--trained", "a", "--n-stimuli", "9", "--out", "o"), "--n-stimuli is for data sets"),
    ((*SEARCHLIGHT, "--alpha", "0.01"), "--alpha 0.01 is of a test, and none is made; expected --permutations or"),
    ((*SEARCHLIGHT, "--layer", "hidden*"), "--layer 'hidden*' is of networks, and there are RDMs alone."),
    (("power", "a", "--gap", "0"), "--gap is 0.0; expected a difference of scores above 0"),
    (("power", "a", "--gap", "1", "--power", "2"), "--power is 2.0; expected a probability between 0 and 1"),
    (("scorecard", "--rule", "backprop", "--seeds", "0"), "--seeds is 0; expected 1 or more."),
    (("scorecard", "--rule", "backprop", "--workers", "0"), "--workers is 0; expected 1 or more."),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_an_option_that_cannot_be_is_one_line_and_nothing_on_disk(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    line = _refused_here(tmp_path, monkeypatch, capsys, *arguments)
    assert message in line
    assert not list(tmp_path.iterdir())


def _refused_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    """Return the one line of a refused command, run in this process since a new one takes seconds."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["brainalign", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    line = capsys.readouterr().err
    assert caught.value.code == 1
    assert line.startswith("brainalign: ")
    assert line.count("\n") == 1
    return line


@pytest.mark.parametrize(
    ("subjects", "stimuli", "extra", "message"),
    [
        (1, 20, "", "1 subject cannot be a random sample"),
        (6, 5, "", "5 stimuli are too few"),
        (6, 20, "resample = 3", "unknown key 'resample'"),
        (6, 20, 'comparator = "r2"', "Unknown comparator 'r2'"),
    ],
)
def test_bad_studies_give_one_line_and_nothing_on_disk(
    tmp_path: Path, subjects: int, stimuli: int, extra: str, message: str
) -> None:
    study = tmp_path / "bad.toml"
    study.write_text(STUDY.format(subjects=subjects, stimuli=stimuli, extra=extra))
    assert message in _one_line(_brainalign("run", str(study), "--out", str(tmp_path / "out")))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["bad.toml"]


@pytest.mark.parametrize("verb", [TRAIN[:-2], ("run", "demo"), ("reproduce", "f3"), ("demo",), SEARCH[:3]])
def test_a_file_in_place_of_the_folder_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: tuple[str, ...]
) -> None:
    (tmp_path / "file").write_text("mine")
    grid = ("--grid", "learning_rate=[0.1]") if verb[0] == "search" else ()
    line = _refused_here(tmp_path, monkeypatch, capsys, *verb, "--out", "file", *grid)
    assert "--out 'file' is a file; expected a folder" in line
    assert (tmp_path / "file").read_text() == "mine"


def test_a_data_set_without_files_says_so() -> None:
    assert _brainalign("data", "verify", "digits").stdout.startswith("digits has no files of its own")


def test_what_diverges_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--set", "learning_rate=1e9", "--epochs", "1")
    line = _refused_here(tmp_path, monkeypatch, capsys, *TRAIN, *options)
    assert "diverged: the validation loss of seed 0 is" in line
    assert not (tmp_path / "o" / "training.csv").exists()


@pytest.mark.parametrize("verb", ["train", "run"])
def test_an_interruption_says_how_to_go_on(tmp_path: Path, verb: str) -> None:
    study = tmp_path / "long.toml"
    study.write_text(
        STUDY.format(subjects=6, stimuli=20, extra="").replace("epochs = 0.2\nbatch", "epochs = 900\nbatch")
    )
    arguments = (*TRAIN[:-2], "--epochs", "900") if verb == "train" else ("run", str(study))
    running = subprocess.Popen(
        [sys.executable, "-m", "brainalign", *arguments, "--out", str(tmp_path / "out")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 120
    while len(list((tmp_path / "out").rglob("step-*.safetensors"))) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert (running.returncode, out) == (130, "")
    said = [line for line in err.splitlines() if "recommended and not given" not in line]
    assert said == ["brainalign: interrupted; run the same command again to go on."]


def _written_by_other_code(folder: Path) -> None:
    for path in folder.rglob("step-*.safetensors"):
        tensors, facts = read_tensors(path)
        del facts["content"]
        write_tensors(path, tensors, {**facts, "code": "another version"})


def test_what_other_code_trained_is_said_and_trained_again_if_asked(tmp_path: Path) -> None:
    arguments = (*TRAIN, "--seeds", "2", "--epochs", "0.5", "--json", "--plain", "--no-control")
    assert _brainalign(*arguments, cwd=tmp_path).stderr == ""
    _written_by_other_code(tmp_path)
    said = "brainalign: backprop: trained by other code than today's; --retrain trains again.\n"
    before = _brainalign(*arguments, cwd=tmp_path)
    assert (before.returncode, before.stderr) == (0, said)
    again = _brainalign(*arguments, "--retrain", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert _brainalign(*arguments, cwd=tmp_path).stderr == ""


def test_a_study_names_the_rules_that_other_code_trained(tmp_path: Path) -> None:
    study = tmp_path / "tiny.toml"
    head = 'plausibility = "none"\nrecommended = false\n'
    study.write_text(head + STUDY.format(subjects=6, stimuli=20, extra=""))
    arguments = ("run", str(study), "--out", str(tmp_path / "out"))
    assert _brainalign(*arguments).stderr == ""
    for folder in (tmp_path / "out" / "populations").glob("backprop-*"):
        _written_by_other_code(folder)
    said = "brainalign: backprop: trained by other code than today's; --retrain trains again.\n"
    assert _brainalign(*arguments).stderr == said
    assert json.loads((tmp_path / "out" / "study.json").read_text())["stale"] == ["backprop"]
    assert _brainalign(*arguments, "--retrain").stderr == ""
    assert json.loads((tmp_path / "out" / "study.json").read_text())["stale"] == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [(".7", "0.7"), ("-.7", "-0.7"), ("7.", "7.0"), ("1.e-3", "1.0e-3"), ("0,7", "0.7"), ("007", "7"), ("True", "true"),
     ("[False, .5]", "[false, 0.5]")],
)  # fmt: skip
def test_a_number_that_toml_writes_otherwise_is_refused_with_how_to_write_it(written: str, meant: str) -> None:
    with pytest.raises(SpecError, match=re.escape(f"--set got 'a={written}'; expected a number or truth value as TOML "
                                                  f"writes it: a={meant}.")):  # fmt: skip
        read_settings([f"a={written}"])


def test_words_and_numbers_are_read_as_before() -> None:
    items = ["a=adam", "b=1e-3", "c=[64,64]", "d=0.7", "e=a.b", "f=1.2.3", "g=[x,1]", "h=2026-11-26x", "i=x.7"]
    found = {
        "a": "adam",
        "b": 1e-3,
        "c": [64, 64],
        "d": 0.7,
        "e": "a.b",
        "f": "1.2.3",
        "g": "[x,1]",
        "h": "2026-11-26x",
    }
    assert read_settings(items) == {**found, "i": "x.7"}
