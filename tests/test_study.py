"""From a specification to a results folder: complete, resumed, computed again only where something changed."""

import copy
import html
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from brainalign import study
from brainalign.alignment.mean_rdm import MeanRDM
from brainalign.alignment.result import AlignmentResult
from brainalign.errors import BrainalignError, IncompatibleError
from brainalign.provenance import code_hash
from brainalign.report.methods_text import methods_text
from brainalign.report.page import page_of
from brainalign.rules.backprop import Backprop
from brainalign.specs import StudySpec
from brainalign.storage import read_tensors, write_tensors
from brainalign.study import run_study
from brainalign.study_file import read_study, study_from_table
from brainalign.tables import TABLES as SCHEMAS
from brainalign.training.evaluation import ANGLES, HISTORY

TABLES = ("training", "alignment", "measures", "contrasts", "ranks", "gates")
FILES = {
    *(f"{name}.csv" for name in (*TABLES, "feedback_angles", "failures")),
    "rdms.safetensors",
    "thumbnails.safetensors",
    "study.json",
}
TRAINING = {
    "dataset": "digits", "network": "mlp", "network_options": {"widths": [16]}, "seeds": 2, "epochs": 0.3,
    "batch_size": 64, "n_checkpoints": 3,
}  # fmt: skip
RECORDING = {
    "dataset": "simulated",
    "options": {
        "layer": "hidden1", "network_options": {"widths": [16]}, "training": {"epochs": 0.3}, "n_subjects": 6,
        "n_stimuli": 20, "n_repeats": 2, "n_channels": 20,
    },
}  # fmt: skip
TABLE: dict[str, Any] = {
    "name": "tiny",
    "readout_only": False,
    "training": TRAINING,
    "rules": {"untrained": {}, "backprop": {}, "feedback_alignment": {}},
    "recordings": [RECORDING],
    "scoring": {"n_bootstrap": 100},
    "plausibility": "none",
}


def _spec(**changes: Any) -> StudySpec:
    """Return the tiny study with ``table__key=value`` changed."""
    table = copy.deepcopy(TABLE)
    for path, value in changes.items():
        *inner, last = path.split("__")
        place = table
        for name in inner:
            place = place[int(name)] if isinstance(place, list) else place[name]
        place[last] = value
    return study_from_table(table)


class Watched:
    """A progress callback that remembers what was trained and scored."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, done: int, total: int, text: str) -> None:
        assert 0 <= done <= total
        self.texts.append(text)

    @property
    def trained(self) -> set[str]:
        return {text.removeprefix("training ") for text in self.texts if text.startswith("training ")}

    @property
    def scored(self) -> set[str]:
        # how far RDMs of trials are made is no score
        return {text for text in self.texts if not text.startswith(("training ", "Recording "))}


def _files(folder: Path) -> dict[str, Any]:
    """Return the content of the results folder; what depends on the clock left out."""
    found: dict[str, Any] = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    facts = json.loads(found.pop("study.json"))
    return {**found, "study.json": {key: value for key, value in facts.items() if key != "wall_seconds"}}


def _timeless(folder: Path) -> dict[str, Any]:
    """Return the content of a results folder without how long a step took; populations trained twice differ in it."""
    files = _files(folder)
    del files["training.csv"], files["study.json"]["files"]["training.csv"]
    return {**files, "training": pd.read_csv(folder / "training.csv").drop(columns="ms_per_step").to_csv()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_study(_spec(), tmp_path_factory.mktemp("study"))


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished study, to change."""
    shutil.copytree(finished, tmp_path / "study")
    return tmp_path / "study"


def test_a_study_leaves_every_file_with_the_documented_columns(finished: Path) -> None:
    assert {path.name for path in finished.iterdir() if path.is_file()} == FILES
    for name in TABLES:
        assert list(SCHEMAS[name].names) == list(pd.read_csv(finished / f"{name}.csv").columns), name
    assert SCHEMAS["training"].names == HISTORY
    assert SCHEMAS["feedback_angles"].names == ANGLES
    angles = pd.read_csv(finished / "feedback_angles.csv")
    assert list(angles.columns) == list(ANGLES)
    assert set(angles.rule) == {"feedback_alignment"}


def test_the_report_can_read_it(finished: Path) -> None:
    results = AlignmentResult.load(finished)
    assert results.rules == ("backprop", "feedback_alignment", "untrained")
    assert results.networks == ("mlp",)
    assert results.is_simulated("simulated")
    layers = ("hidden1", "readout")
    place = ("simulated", "planted")
    roles = {rule: "untrained" if rule == "untrained" else "trained" for rule in results.rules}
    expected = {MeanRDM(*place, role, rule, "mlp", layer) for rule, role in roles.items() for layer in layers}
    assert set(results.rdms) == {MeanRDM(*place), *expected}
    assert set(read_tensors(finished / "rdms.safetensors")[0]) == {f"rdm-{k:04d}" for k in range(1, 8)}
    ids, images = results.thumbnails["simulated"]
    assert images.shape == (20, 8, 8, 1)
    assert ids == results.rdms[MeanRDM(*place)].stimulus_ids


def test_it_says_what_was_done(finished: Path) -> None:
    facts = json.loads((finished / "study.json").read_text())
    assert facts["key"] == _spec().key
    assert facts["dissimilarities"] == {"simulated": {"planted": "correlation"}}
    assert facts["failures"] == []
    assert facts["hashes"] == {"code": code_hash()}  # digits come with scikit-learn: their version says which
    assert {"python", "brainalign", "torch", "scikit-learn"} <= set(facts["versions"])
    assert facts["cautions"][0].startswith("digits: No split was published")
    assert facts["recordings"]["simulated"]["simulated"] is True
    assert len(facts["scope_sentences"]) == 1
    assert facts["recovery"][0].startswith("SIMULATED truth: hidden1 of a network trained with backprop.")
    assert study_from_table(TABLE).key == facts["key"]


def test_every_population_and_evaluation_is_in_the_history(finished: Path) -> None:
    history = pd.read_csv(finished / "training.csv")
    assert set(history.rule) == {"untrained", "backprop", "feedback_alignment"}
    assert (history.groupby(["rule", "seed"]).size() >= 2).all()


def test_run_again_it_computes_nothing_and_leaves_the_same_files(folder: Path) -> None:
    before, watched = _files(folder), Watched()
    run_study(_spec(), folder, progress=watched)
    assert watched.texts == []
    after = _files(folder)
    assert {name for name in before if before[name] != after[name]} == set()


def test_another_folder_gives_the_same_numbers(finished: Path, tmp_path: Path) -> None:
    run_study(_spec(), tmp_path)
    assert _timeless(tmp_path) == _timeless(finished)


def test_other_scoring_uses_the_same_populations(folder: Path) -> None:
    watched = Watched()
    run_study(_spec(scoring__n_bootstrap=150), folder, progress=watched)
    assert watched.trained == set()
    assert watched.scored == {"simulated planted: rsa spearman"}
    back = Watched()
    run_study(_spec(), folder, progress=back)
    assert back.texts == []  # the first scores are still there


def test_a_changed_rate_trains_that_population_only(folder: Path) -> None:
    before = pd.read_csv(folder / "alignment.csv").set_index(["rule", "seed", "layer", "subject"]).score
    watched = Watched()
    run_study(_spec(rules__backprop={"learning_rate": 0.02}), folder, progress=watched)
    assert watched.trained == {"backprop"}
    assert watched.scored == {"simulated planted: rsa spearman"}
    after = pd.read_csv(folder / "alignment.csv").set_index(["rule", "seed", "layer", "subject"]).score
    changed = (before != after)[before.notna()]
    assert changed["backprop"].all()
    assert not changed.drop("backprop", level="rule").any()


def test_a_changed_brain_is_scored_anew_and_nothing_is_trained(folder: Path) -> None:
    watched = Watched()
    run_study(_spec(recordings__0__options={**RECORDING["options"], "noise": 2.0}), folder, progress=watched)
    assert watched.trained == set()
    assert watched.scored == {"simulated planted: rsa spearman"}


def test_scores_of_other_code_are_not_reused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()
    monkeypatch.setattr(study, "scoring_code", lambda *_: "another version")
    run_study(_spec(), folder, progress=watched)
    assert watched.trained == set()
    assert watched.scored == {"simulated planted: rsa spearman"}
    assert json.loads((folder / "study.json").read_text())["stale"] == []


def test_a_rule_that_other_code_trained_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()
    monkeypatch.setattr(sys.modules["brainalign.training.train"], "training_code", lambda spec: "another version")
    run_study(_spec(), folder, progress=watched)
    assert watched.texts == []  # neither trained nor scored again
    facts = json.loads((folder / "study.json").read_text())
    assert facts["stale"] == ["untrained", "backprop", "feedback_alignment"]
    assert any("backprop was trained by other code than today" in text for text in facts["cautions"])


def test_scores_of_other_weights_are_not_reused(folder: Path) -> None:
    last = max((folder / "populations").glob("backprop-*/checkpoints/*.safetensors"))
    tensors, facts = read_tensors(last)
    del facts["content"]  # or the change would be refused
    write_tensors(last, {**tensors, "params|hidden1.weight": -tensors["params|hidden1.weight"]}, facts)
    watched = Watched()
    run_study(_spec(), folder, progress=watched)
    assert watched.scored == {"simulated planted: rsa spearman"}


def test_interrupted_in_the_second_population_and_resumed_it_ends_the_same(finished: Path, tmp_path: Path) -> None:
    def interrupt(done: int, total: int, text: str) -> None:
        if text == "training backprop":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(_spec(), tmp_path, progress=interrupt)
    assert not [path for path in tmp_path.iterdir() if path.is_file()]
    watched = Watched()
    run_study(_spec(), tmp_path, progress=watched)
    assert "untrained" not in watched.trained
    assert _timeless(tmp_path) == _timeless(finished)


def test_interrupted_while_scoring_it_trains_nothing_again(finished: Path, tmp_path: Path) -> None:
    def interrupt(done: int, total: int, text: str) -> None:
        if not text.startswith("training"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(_spec(), tmp_path, progress=interrupt)
    watched = Watched()
    run_study(_spec(), tmp_path, progress=watched)
    assert watched.trained == set()
    assert _timeless(tmp_path) == _timeless(finished)


def test_all_checkpoints_are_scored_if_asked_and_claims_stay_those_of_the_last(folder: Path) -> None:
    before = _files(folder)
    run_study(_spec(scoring__checkpoints="all"), folder)
    table = pd.read_csv(folder / "alignment.csv")
    early = table[~table.final.astype(bool)]
    assert set(early.rule) == {"untrained", "backprop", "feedback_alignment"}
    assert early.checkpoint.min() == 0
    after = _files(folder)
    for name in ("contrasts.csv", "ranks.csv", "gates.csv", "rdms.safetensors"):
        assert after[name] == before[name], name
    start = early[early.checkpoint == 0].set_index(["seed", "layer", "subject"]).score
    one, other = (start[(early[early.checkpoint == 0].rule == rule).to_numpy()] for rule in ("backprop", "untrained"))
    pd.testing.assert_series_equal(one, other)  # before learning every rule is its control


def test_a_rule_that_answers_its_own_way_has_a_control_of_its_own(tmp_path: Path) -> None:
    rules = {"untrained": {}, "backprop": {}, "contrastive_hebbian": {"options": {"free_steps": 3, "clamped_steps": 2}}}
    run_study(_spec(rules=rules), tmp_path / "own")
    scores = pd.read_csv(tmp_path / "own" / "alignment.csv")
    own = ("own_start", "contrastive_hebbian")
    hebbian, untrained = ("trained", "contrastive_hebbian"), ("untrained", "untrained")
    everybody = {untrained, ("trained", "backprop"), hebbian, own, ("low_level", "low_level")}
    assert set(zip(scores.role, scores.rule, strict=True)) == everybody
    final = scores[scores.final & (scores.layer == "hidden1") & (scores.subject == scores.subject.iloc[0])]
    final = final[final.measure == scores.measure.iloc[0]]
    by = final.groupby(["role", "rule"])
    mean, floor = by.score.mean(), by.floor.mean()
    assert mean[own] != pytest.approx(mean[untrained], abs=1e-3)  # it settles; the untrained networks do not
    assert floor["trained", "backprop"] == pytest.approx(mean[untrained]) == floor[untrained]
    assert floor[hebbian] == pytest.approx(mean[own]) == floor[own]
    contrasts = pd.read_csv(tmp_path / "own" / "contrasts.csv")
    assert set(contrasts.rule_a) | set(contrasts.rule_b) == {"untrained", "backprop", "contrastive_hebbian"}
    rows = contrasts[(contrasts.kind == "vs_untrained") & (contrasts.layer == "hidden1")]
    rows = rows[rows.measure == scores.measure.iloc[0]].set_index("rule_a")
    every = scores[scores.final & (scores.layer == "hidden1") & (scores.measure == scores.measure.iloc[0])]
    means = every.groupby(["role", "rule"]).score.mean()
    for rule, control in (("contrastive_hebbian", own), ("backprop", untrained)):
        assert rows.delta[rule] == pytest.approx(means["trained", rule] - means[control], abs=1e-9)
        assert (rows.role_b[rule], rows.rule_b[rule]) == control
    assert set(pd.read_csv(tmp_path / "own" / "ranks.csv").rule) == {"backprop", "contrastive_hebbian"}
    results = AlignmentResult.load(tmp_path / "own")
    assert results.own_controls == ("contrastive_hebbian",)
    assert results.rules == ("backprop", "contrastive_hebbian", "untrained")
    assert "contrastive Hebbian learning is the same networks before training" in methods_text(results).paragraphs[0]


def test_a_rule_that_starts_as_untrained_networks_do_shares_their_control(tmp_path: Path) -> None:
    rules = {"untrained": {}, "predictive_coding": {"options": {"steps": 2}}}
    run_study(_spec(rules=rules), tmp_path / "shared")
    assert AlignmentResult.load(tmp_path / "shared").own_controls == ()


def test_one_rule_alone_is_a_study_that_can_be_run_read_and_run_again(tmp_path: Path) -> None:
    for rules in ({"backprop": {}}, {"untrained": {}}):
        out = tmp_path / next(iter(rules))
        run_study(_spec(rules=rules), out)
        before = _files(out)
        assert len(AlignmentResult.load(out).contrasts) == 0
        run_study(_spec(rules=rules), out)
        assert _files(out) == before


# -- refused before anything is trained -------------------------------------------------------------------------------

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("unknown rule", {"rules__backprob": {}}, "Unknown rule 'backprob'"),
    ("unknown option of a rule", {"rules__backprop": {"options": {"rate": 1}}}, "Unknown option 'rate' of 'backprop'"),
    ("unknown network", {"training__network": "mlq"}, "Unknown network 'mlq'"),
    ("unknown image set", {"training__dataset": "digit"}, "Unknown dataset 'digit'"),
    ("unknown recording", {"recordings__0__dataset": "simulate"}, "Unknown recording 'simulate'"),
    ("unknown option of a recording", {"recordings__0__options": {"noises": 1}}, "Unknown option 'noises'"),
    ("unknown ROI", {"recordings__0__rois": ["V1"]}, "has no ROI 'V1'"),
    ("five stimuli", {"recordings__0__options__n_stimuli": 5}, "5 stimuli are too few"),
    ("one subject", {"recordings__0__options__n_subjects": 1}, "1 subject cannot be a random sample"),
    ("a candidate is the planted network", {"training__seeds": [1000, 1001]}, "Seed 1000 of the planted network"),
    ("unknown dissimilarity", {"scoring__dissimilarity": "manhattan"}, "Unknown dissimilarity 'manhattan'"),
    (
        "dissimilarity of trials for layers",
        {"scoring__dissimilarity": "crossnobis"},
        "'crossnobis' needs runs of trials",
    ),
    ("unknown comparator", {"scoring__comparator": "kendall"}, "Unknown comparator 'kendall'"),
    (
        "comparator without partial form",
        {"scoring__comparator": "tau-a", "scoring__partial": ("pixels",)},
        "cannot be partialled out of 'tau-a'",
    ),
    (
        "misspelt ROI of a ranking layer",
        {"scoring__ranking_layer": {"plantd": "hidden1"}},
        r"Ranking layer of ROI 'plantd': no recording here has it\. Choose among: planted\. The nearest is 'planted'\.",
    ),
    (
        "ranking layer that no network has",
        {"scoring__ranking_layer": {"planted": "hidden7"}},
        r"Ranking layer 'hidden7' of ROI 'planted' is in no network\. Choose among: hidden1, readout\.",
    ),
    ("no rule", {"rules": {}}, "0 rules and 1 recordings; expected some of both"),
    ("no recording", {"recordings": []}, "3 rules and 0 recordings; expected some of both"),
]


@pytest.mark.parametrize(("changes", "message"), [item[1:] for item in REFUSED], ids=[item[0] for item in REFUSED])
def test_what_cannot_work_is_refused_before_training(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    watched = Watched()
    with pytest.raises(BrainalignError, match=message) as caught:
        run_study(_spec(**changes), tmp_path / "out", progress=watched)
    assert "\n" not in str(caught.value)
    assert watched.texts == []
    assert not (tmp_path / "out").exists()


def test_a_rule_that_cannot_train_a_network_is_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backprop, "incompatibility", lambda self, network: "it may not")
    with pytest.raises(IncompatibleError, match="'backprop' cannot train network 'mlp': it may not"):
        run_study(_spec(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


# -- end to end -------------------------------------------------------------------------------------------------------


def test_the_demonstration_finds_what_was_planted(tmp_path: Path) -> None:
    demo = read_study(Path(__file__).parents[1] / "analyses" / "demo.toml")
    quick = replace(
        demo,
        populations=tuple(replace(population, seeds=(0, 1, 2), n_checkpoints=2) for population in demo.populations),
        recordings=tuple(replace(item, measures=("rsa",)) for item in demo.recordings),
        scoring=replace(demo.scoring, n_bootstrap=200),
    )
    run_study(quick, tmp_path)
    facts = json.loads((tmp_path / "study.json").read_text())
    assert len(facts["recovery"]) == 1
    assert "Highest mean score: hidden2, backprop." in facts["recovery"][0]
    assert "NOT recovered" not in facts["recovery"][0]
    scores = pd.read_csv(tmp_path / "alignment.csv")
    means = scores[scores.role != "low_level"].groupby(["rule", "layer"]).score.mean()
    assert means.idxmax() == ("backprop", "hidden2")
    contrasts = pd.read_csv(tmp_path / "contrasts.csv").set_index(["rule_a", "rule_b", "layer"])
    assert contrasts.loc[("backprop", "untrained", "hidden2"), "verdict"] == "higher"


def test_readout_only_stands_beside_the_rules_and_who_does_not_exceed_it_has_no_rank(tmp_path: Path) -> None:
    quick = {"learning_rate": 0.01, "epochs": 4}
    rules = {"untrained": {}, "backprop": quick, "pepita": {"learning_rate": 1e-4, "batch_size": 32, "epochs": 1}}
    spec = _spec(rules=rules, training__seeds=3, readout_only=True)
    assert [one.rule for one in spec.populations] == ["untrained", "backprop", "pepita", "readout_only"]
    out = run_study(spec, tmp_path)
    found = AlignmentResult.load(out)
    assert set(found.scores.rule[found.scores.role == "readout_only"]) == {"readout_only"}
    assert len(list((out / "populations").glob("readout_only-*"))) == 2  # backprop's number of steps, and pepita's
    assert set(found.ranks.rule) == {"backprop"}
    assert not found.ranks.supported.any()
    assert "pepita" in set(found.contrasts.rule_a) | set(found.contrasts.rule_b)
    assert "pepita does not exceed readout only" in found.gates.sentence[found.gates.gate == "G12"].iloc[0]
    (line,) = found.facts["unlearned"]
    assert line.startswith("WARNING: pepita on mlp does not exceed readout only after as many steps")
    page = page_of(found)
    assert page.index(line.split("(")[0].strip()) < page.index('id="methods"')
    before = _files(out)
    run_study(spec, tmp_path)
    assert _files(out) == before


@pytest.mark.slow
def test_the_demonstration_of_eeg_and_fmri_finds_order_and_regions(tmp_path: Path) -> None:
    run_study(read_study(Path(__file__).parents[1] / "analyses" / "demo_brain.toml"), tmp_path)
    order, regions = json.loads((tmp_path / "study.json").read_text())["recovery"]
    assert order.endswith("the planted order was recovered.")
    assert regions.endswith("the planted layer of every region was recovered.")
    page = page_of(AlignmentResult.load(tmp_path))
    assert "SIMULATED: no brain was recorded for simulated_eeg, simulated_fmri" in page
    assert order in html.unescape(page)
