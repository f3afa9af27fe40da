"""Folders of algorithms of one's own: each kind is one file, found by its name, and its code counts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from brainalign import discovery, own_folders
from brainalign.__main__ import app
from brainalign.alignment.code import scoring_code
from brainalign.comparisons.comparison import comparison
from brainalign.datasets.dataset import dataset
from brainalign.discovery import add_folder, remove_folder
from brainalign.dissimilarities.dissimilarity import dissimilarities
from brainalign.errors import SpecError
from brainalign.networks.architecture import architecture
from brainalign.plausibility.candidate import candidates
from brainalign.plausibility.code import probing_code
from brainalign.plausibility.probe import mechanism, probes
from brainalign.plausibility.scorecard import scorecard
from brainalign.provenance import code_hash, own_hashes
from brainalign.rdms import compute_rdms
from brainalign.recordings.source import recording_source
from brainalign.report.figures.scorecard import scorecard_caption
from brainalign.rules.learning_rule import learning_rule, learning_rules
from brainalign.specs import RecordingSpec, ScoringSpec, TrainSpec
from brainalign.study import run_study
from brainalign.study_file import read_study
from brainalign.support import support, support_markdown
from brainalign.training.checkpoint import load_checkpoint
from brainalign.training.code import training_code
from brainalign.training.train import train
from tests.own_lab import DISSIMILARITY, NETWORK, PROBE, RULE, SHARED, write_lab

SPEC = TrainSpec("slow_learner", "slim_net", "mirrored", seeds=(0, 1), epochs=0.2, n_checkpoints=2)
STUDY = """
own = ["lab"]
name = "mine"
readout_only = false
plausibility = "mechanism"

[training]
dataset = "mirrored"
network = "slim_net"
seeds = 2
epochs = 0.2
n_checkpoints = 2

[rules.untrained]
[rules.slow_learner]
options = { pace = 0.25 }

[[recordings]]
dataset = "my_lab"

[scoring]
dissimilarity = "city_block"
n_bootstrap = 100
"""


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A folder with one file of each kind, which is looked in."""
    return add_folder(write_lab(tmp_path / "lab"))


# -- one of each ------------------------------------------------------------------------------------------------------


def test_one_of_each_kind_is_found_with_its_options(lab: Path) -> None:
    assert learning_rule("slow_learner", {"pace": 0.1}).pace == 0.1  # type: ignore[attr-defined]
    assert architecture("slim_net").widths == (8,)  # type: ignore[attr-defined]
    assert dataset("mirrored").title == "Mirrored digits"
    assert recording_source("my_lab", {"gain": 2}).label == "my_lab"
    assert type(comparison("my_measure")).__name__ == "MyMeasure"
    assert "MINE" in probes()
    assert list(probes())[-1] == "MINE"
    assert "MINE" in mechanism()
    assert not (lab / "rules" / "__pycache__").exists()


def test_an_own_rule_network_and_data_set_are_trained(lab: Path, tmp_path: Path) -> None:
    trained = train(SPEC, tmp_path / "run")
    assert set(trained.history.rule) == {"slow_learner"}
    assert set(trained.history.network) == {"slim_net"}
    assert trained.checkpoint.params["hidden1.weight"].shape == (2, 8, 64)
    assert not trained.stale


def test_an_own_dissimilarity_makes_rdms(lab: Path) -> None:
    patterns = np.array([[0.0, 1], [2, 3], [5, 5]])
    found = compute_rdms(patterns, ["a", "b", "c"], "city_block")
    np.testing.assert_allclose(np.ravel(found.dissimilarities), [4, 9, 5])


def test_an_own_probe_is_in_a_scorecard_with_workers_too(lab: Path) -> None:
    asked = (candidates(["slow_learner"]), "mlp", (0,), ("MINE",))
    alone, pooled = (scorecard(*asked, workers=workers) for workers in (1, 2))
    assert alone.outcome.tolist() == [0.0]
    pd.testing.assert_frame_equal(alone.drop(columns="seconds"), pooled.drop(columns="seconds"))


def test_a_study_of_ones_own_runs_wherever_its_folder_stands(tmp_path: Path) -> None:
    keys, hashes = [], []
    for place in ("here", "there"):
        root = tmp_path / place
        write_lab(root / "lab")
        (root / "study.toml").write_text(STUDY, encoding="utf-8")
        spec = read_study(root / "study.toml")
        out = run_study(spec, tmp_path / "results")
        facts = json.loads((out / "study.json").read_text())
        keys.append(facts["key"])
        hashes.append(facts["hashes"])
        assert str(tmp_path) not in json.dumps(facts["spec"])
        assert facts["stale"] == []
        remove_folder(root / "lab")
    assert keys[0] == keys[1]
    assert hashes[0] == hashes[1]
    assert {"own.rules.slow_learner", "own.rules._shared", "own.recordings.my_lab"} <= set(hashes[0])
    assert len(list((tmp_path / "results" / "cache").glob("my_lab-rsa-*"))) == 1  # scored once
    scores = pd.read_csv(tmp_path / "results" / "alignment.csv")
    assert {"slow_learner", "untrained"} <= set(scores.rule)
    assert set(scores.dataset) == {"my_lab"}
    assert scores.measure.str.contains("city block").any()


# -- how folders are named --------------------------------------------------------------------------------------------


def test_the_environment_names_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = write_lab(tmp_path / "one", ["rules/slow_learner.py", "rules/_shared.py"])
    two = write_lab(tmp_path / "two", ["networks/slim_net.py"])
    monkeypatch.setenv("BRAINALIGN_PATH", os.pathsep.join([str(one), str(two), ""]))
    assert learning_rule("slow_learner")
    assert architecture("slim_net")
    monkeypatch.delenv("BRAINALIGN_PATH")
    with pytest.raises(SpecError, match="Unknown rule 'slow_learner'"):
        learning_rule("slow_learner")


def test_a_folder_named_twice_is_one(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRAINALIGN_PATH", str(lab))
    add_folder(lab / ".." / "lab")
    assert own_folders.own_folders() == (lab,)
    assert learning_rule("slow_learner")


def test_an_unknown_name_lists_ones_own(lab: Path) -> None:
    with pytest.raises(SpecError, match=r"Unknown rule 'slow'\. Choose one of: backprop, .*slow_learner"):
        learning_rule("slow")


@pytest.mark.parametrize("verb", [["rules"], ["networks"], ["data", "list"]])
def test_the_lists_of_the_command_show_ones_own(verb: list[str], tmp_path: Path) -> None:
    lab = write_lab(tmp_path / "lab")
    done = CliRunner().invoke(app, [*verb, "--json", "--own", str(lab)], catch_exceptions=False)
    names = {record["name"] for record in json.loads(done.output)}
    assert names & {"slow_learner", "slim_net", "mirrored"}
    assert ("my_lab" in names) is (verb[0] == "data")


def test_a_process_of_its_own_is_told_by_option_or_environment(tmp_path: Path) -> None:
    lab = write_lab(tmp_path / "lab")
    command = [
        *(sys.executable, "-m", "brainalign", "train", "--rule", "slow_learner", "--network", "slim_net", "--dataset"),
        *("mirrored", "--seeds", "1", "--epochs", "0.1", "--json", "--out"),
    ]
    environment = {**os.environ, "BRAINALIGN_PATH": str(lab)}
    runs = [([*command, str(tmp_path / "a")], environment), ([*command, str(tmp_path / "b"), "--own", str(lab)], None)]
    for arguments, told in runs:
        done = subprocess.run(arguments, capture_output=True, text=True, env=told)
        assert done.returncode == 0, done.stderr
    done = subprocess.run([*command, str(tmp_path / "c")], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("brainalign: Unknown dataset 'mirrored'. Choose one of: cifar10_jpeg")
    assert done.stderr.count("\n") == 1


def test_the_support_table_holds_ones_own_where_asked(lab: Path) -> None:
    assert "slow_learner" not in support_markdown()
    assert "slow_learner" in support_markdown(own=True)
    assert "slim_net" not in support()[0]["networks"]
    assert support(own=True)[0]["networks"]["slim_net"] is True


def test_a_folder_that_is_none_or_has_no_rooms_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SpecError, match=r"Folder of your own '.*nowhere' is no folder; expected .*rules/"):
        add_folder(tmp_path / "nowhere")
    with pytest.raises(SpecError, match=r"has no rooms; expected any of rules/, networks/"):
        add_folder(tmp_path)
    monkeypatch.setenv("BRAINALIGN_PATH", str(tmp_path / "nowhere"))
    with pytest.raises(SpecError, match=r"^BRAINALIGN_PATH: '.*nowhere' is no folder"):
        learning_rules()
    monkeypatch.delenv("BRAINALIGN_PATH")
    done = CliRunner().invoke(app, ["rules", "--own", str(tmp_path)])
    assert isinstance(done.exception, SpecError)


# -- what is refused of a file ----------------------------------------------------------------------------------------

BAD = {
    "a name of the package": (
        "backprop", RULE.replace("SlowLearner", "Backprop"),
        r"Rule 'backprop' is in '.*brainalign/rules/backprop\.py' and in '.*lab/rules/backprop\.py'; rename your own",
    ),
    "a fault of its text": ("odd", "class Odd(:", r"odd\.py' cannot be imported: SyntaxError: .*Expected a module"),
    "an import that is not there": ("odd", "import nowhere_at_all", "cannot be imported: ModuleNotFoundError: No mod"),
    "no class": ("odd", "x = 1", r"odd\.py' holds no class of its name but none; expected class Odd\(LearningRule\)"),
    "another class": ("odd_one", "class Even: ...", r"but Even; expected class OddOne\(LearningRule\)"),
    "a class from elsewhere": ("mlp", "from brainalign.networks.mlp import MLP", "holds no class of its name"),
    "another base": ("odd", "class Odd: ...", r"class Odd is no LearningRule; expected class Odd\(LearningRule\)"),
    "half a class": (
        "odd", "from brainalign.rules.learning_rule import LearningRule\nclass Odd(LearningRule): ...",
        r"class Odd lacks multiply_adds, step, reference; LearningRule says what they are",
    ),
    "an option without a default": (
        "odd", RULE.replace("SlowLearner", "Odd").replace("float = 0.5", "float"), r"class Odd lacks a default of pace",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "said"), BAD.values(), ids=BAD)
def test_a_file_that_is_no_algorithm_is_one_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    lab = write_lab(tmp_path / "lab", ["rules/_shared.py"])
    (lab / "rules" / f"{name}.py").write_text(text, encoding="utf-8")
    add_folder(lab)
    with pytest.raises(SpecError, match=said) as caught:
        learning_rule("untrained")
    assert "\n" not in str(caught.value)
    assert architecture("mlp")  # other rooms are whole


def test_a_name_in_two_folders_is_refused_with_both(lab: Path, tmp_path: Path) -> None:
    add_folder(write_lab(tmp_path / "other", ["networks/slim_net.py"]))
    said = r"Network 'slim_net' is in '.*lab/networks/slim_net\.py' and in '.*other/networks/slim_net\.py'"
    with pytest.raises(SpecError, match=said):
        architecture("mlp")


def test_two_probes_with_one_code_are_refused(tmp_path: Path) -> None:
    text = PROBE.replace('"MINE"', '"P1"')
    add_folder(write_lab(tmp_path / "lab", ["plausibility/probes/stillness.py"], stillness=text))
    with pytest.raises(SpecError, match=r"weight_transport\.py' and '.*stillness\.py' both have the code 'P1'"):
        probes()


def test_a_network_under_another_name_is_refused(tmp_path: Path) -> None:
    text = NETWORK.replace('name="slim_net"', 'name="mlp"')
    add_folder(write_lab(tmp_path / "lab", ["networks/slim_net.py"], slim_net=text))
    with pytest.raises(SpecError, match="Network 'slim_net' is built under the name 'mlp'"):
        train(TrainSpec("backprop", "slim_net", "digits", seeds=(0,), epochs=0.1), tmp_path / "run")


# -- code and checkpoints ---------------------------------------------------------------------------------------------


def _codes() -> dict[str, str]:
    return {
        "training": training_code(SPEC),
        "scores": scoring_code(
            [SPEC], recording_source("my_lab"), ScoringSpec(dissimilarity="city_block"), RecordingSpec("any")
        ),
        "other scores": scoring_code([SPEC], recording_source("kriegeskorte92"), ScoringSpec(), RecordingSpec("any")),
        "probes": probing_code(["MINE"], [("slow_learner", "mlp")]),
        "other training": training_code(TrainSpec("backprop", "mlp", "digits")),
    }


ALL = {"training", "scores", "other scores", "probes"}


@pytest.mark.parametrize(
    ("file", "before", "after", "depend"),
    [
        ("rules/slow_learner.py", "return step._r", "x = 1; return step._r", ALL),
        ("rules/_shared.py", "pace * update", "pace * update / 2", ALL),
        ("rules/_shared.py", "def shrunk", "# a remark\ndef shrunk", set()),
        ("rules/slow_learner.py", "at a share of its pace", "slowly", set()),
        ("networks/slim_net.py", "(8,)", "(9,)", {"training", "scores", "other scores"}),
        ("datasets/mirrored.py", "::-1", "::-1 ", set()),
        ("datasets/mirrored.py", "..., ::-1", "..., ::-1, :", {"training"}),
        ("dissimilarities/city_block.py", "1e-12", "1e-11", {"scores"}),
        ("recordings/my_lab.py", "default_rng(1)", "default_rng(2)", {"scores"}),
        ("plausibility/probes/stillness.py", "0.0", "0.5", {"probes"}),
    ],
)  # fmt: skip
def test_an_edit_reaches_the_code_of_what_rests_on_it(
    lab: Path, file: str, before: str, after: str, depend: set[str]
) -> None:
    were = _codes()
    text = (lab / file).read_text(encoding="utf-8")
    assert before in text
    (lab / file).write_text(text.replace(before, after), encoding="utf-8")
    now = _codes()
    assert {name for name in now if now[name] != were[name]} == depend


def test_code_does_not_depend_on_where_the_folder_stands(lab: Path, tmp_path: Path) -> None:
    here, own = _codes(), own_hashes()
    remove_folder(lab)
    add_folder(write_lab(tmp_path / "elsewhere"))
    assert (_codes(), own_hashes()) == (here, own)


def test_code_covers_what_of_the_package_is_imported(lab: Path) -> None:
    module = learning_rules()["slow_learner"].__module__
    (lab / "rules" / "_shared.py").write_text(SHARED + "import brainalign.low_level\n", encoding="utf-8")
    assert code_hash(module) != code_hash("brainalign.rules.backprop")
    with_import = code_hash(module)
    (lab / "rules" / "_shared.py").write_text(SHARED + "import brainalign.rounding\n", encoding="utf-8")
    assert code_hash(module) != with_import


def test_an_edited_rule_is_loaded_again_and_its_training_is_stale(lab: Path, tmp_path: Path) -> None:
    first = train(SPEC, tmp_path / "run")
    write_lab(lab, ["rules/_shared.py"], _shared=SHARED.replace("pace * update", "0.0 * update"))
    assert first.stale
    assert train(SPEC, tmp_path / "run").stale  # used as it is, and says so
    again = train(SPEC, tmp_path / "again").checkpoint
    start = load_checkpoint(sorted((tmp_path / "again" / "checkpoints").iterdir())[0])
    np.testing.assert_array_equal(
        again.params["hidden1.weight"], start.params["hidden1.weight"]
    )  # 0.0: it stands still


def test_a_file_that_comes_later_is_found_and_one_that_goes_is_not(lab: Path) -> None:
    assert "city_block" in dissimilarities()
    text = DISSIMILARITY.replace("CityBlock", "Taxi")
    (lab / "dissimilarities" / "taxi.py").write_text(text, encoding="utf-8")
    assert "taxi" in dissimilarities()
    (lab / "dissimilarities" / "taxi.py").unlink()
    assert "taxi" not in dissimilarities()


def test_a_checkpoint_of_an_own_rule_needs_its_folder(lab: Path, tmp_path: Path) -> None:
    path = train(SPEC, tmp_path / "run").files[-1]
    assert load_checkpoint(path).rule == learning_rule("slow_learner")
    remove_folder(lab)
    said = (
        r"^Checkpoint '.*' needs the rule 'slow_learner', which is not in the package\. "
        r"Name the folder of your own that holds rules/slow_learner\.py, with --own or BRAINALIGN_PATH\.$"
    )
    with pytest.raises(SpecError, match=said):
        load_checkpoint(path)


def test_a_room_of_a_later_kind_is_found(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "in_package", lambda room, base: {})
    (lab / "report" / "figures").mkdir(parents=True)
    (lab / "report" / "figures" / "my_plot.py").write_text("class MyPlot: ...", encoding="utf-8")
    assert discovery.available("report.figures", object)["my_plot"].__name__ == "MyPlot"


def test_a_scorecard_is_described_without_the_folder_of_its_probe(lab: Path) -> None:
    table = scorecard(candidates(["untrained"]), "mlp", (0,), ("MINE", "P8"))
    assert "MINE stillness: share" in scorecard_caption(table)
    remove_folder(lab)
    assert ". MINE; P8 spikes" in scorecard_caption(table)
