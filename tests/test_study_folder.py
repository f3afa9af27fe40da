"""A results folder holds one study, whole and its own, whatever happened to the folder before."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from brainalign import results_folder, study
from brainalign.alignment.result import AlignmentResult
from brainalign.alignment.scores import Scores
from brainalign.errors import DataError, DivergenceError, ExtractionError, StorageError
from brainalign.plausibility import kept_scorecard
from brainalign.plausibility.scorecard import COLUMNS
from brainalign.report.page import write_report
from brainalign.study import run_study
from tests.synthetic_world import MadeUp, World
from tests.test_study import Watched, _files, _spec, _timeless

OWN = World(n_stimuli=20, n_subjects=6, n_channels=5)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = run_study(_spec(), tmp_path_factory.mktemp("study"))
    write_report(folder, formats=("png",))
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished study and its report, to change."""
    shutil.copytree(finished, tmp_path / "study")
    return tmp_path / "study"


def _cache(folder: Path, kind: str = "simulated") -> Path:
    return next((folder / "cache").glob(f"{kind}-*"))


def _figures(folder: Path) -> set[str]:
    return {path.name for path in (folder / "figures").iterdir()}


# -- caches -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("job", "name"),
    [("rsa", "scores.safetensors"), ("shown", "rdms.safetensors"), ("shown", "failures.json")],
)
def test_what_was_cut_from_kept_scores_is_computed_again(folder: Path, job: str, name: str) -> None:
    before, path = _files(folder), _cache(folder, f"simulated-{job}") / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    watched = Watched()
    run_study(_spec(), folder, progress=watched)
    assert watched.scored == ({"simulated planted: rsa spearman"} if job == "rsa" else set())
    assert watched.trained == set()
    assert _files(folder) == before


def test_tables_of_scores_read_and_scores_just_computed_are_the_same_bytes(folder: Path) -> None:
    read = _files(folder)
    shutil.rmtree(folder / "cache")
    run_study(_spec(), folder)
    assert _files(folder) == read
    kept = Scores.load(_cache(folder, "simulated-rsa") / "scores.safetensors")
    assert all(place.scores.dtype == np.float64 for place in kept.places)  # every digit, not the nine of the results


def test_a_scorecard_that_was_cut_is_measured_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def measured(group: Any, network: str, **_: Any) -> pd.DataFrame:
        calls.append(network)
        rows = [(one.label, network, "P1", 1.0, 1.0, 1.0, True, True, "trace", "why", 0.1) for one in group]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    monkeypatch.setattr(kept_scorecard, "scorecard", measured)
    spec = _spec(plausibility="mechanism")
    run_study(spec, folder)
    whole = (folder / "scorecard.csv").read_text()
    run_study(spec, folder)
    assert calls == ["mlp"]
    (_cache(folder, "scorecard") / "scorecard.csv").write_text(whole[:80])
    run_study(spec, folder)
    assert calls == ["mlp", "mlp"]
    assert (folder / "scorecard.csv").read_text() == whole
    assert not AlignmentResult.load(folder).criteria.empty
    run_study(_spec(), folder)  # without probes
    assert not (folder / "scorecard.csv").exists()
    assert AlignmentResult.load(folder).criteria.empty


def test_an_own_recording_with_other_content_is_scored_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[MadeUp] = [OWN.source()]
    monkeypatch.setattr(study, "recording_source", lambda name, options: shown[-1])
    spec = _spec(recordings=[{"dataset": "own"}])

    def scored() -> tuple[set[str], pd.Series]:
        watched = Watched()
        run_study(spec, tmp_path, progress=watched)
        return watched.scored, pd.read_csv(tmp_path / "alignment.csv").score

    first = scored()
    assert first[0] == {"made_up V1: rsa spearman"}
    again = scored()
    assert again[0] == set()
    pd.testing.assert_series_equal(again[1], first[1])
    shown.append(replace(shown[0], geometry=World(**{**vars(OWN), "seed": 5}).source().geometry))
    other = scored()
    assert other[0] == {"made_up V1: rsa spearman"}
    assert not np.allclose(other[1].dropna(), first[1].dropna())
    louder = replace(OWN.source().trials[0], data=2 * OWN.source().trials[0].data)
    shown.append(replace(shown[0], trials=(louder, *shown[0].trials[1:])))
    assert scored()[0] == {"made_up V1: rsa spearman"}


# -- one folder, one study --------------------------------------------------------------------------------------------


def test_another_study_is_refused_and_nothing_is_touched(folder: Path) -> None:
    before, watched = _files(folder), Watched()
    with pytest.raises(StorageError, match=r"holds study 'tiny', not 'other'\. Choose another --out") as caught:
        run_study(_spec(name="other"), folder, progress=watched)
    assert "\n" not in str(caught.value)
    assert watched.texts == []
    assert _files(folder) == before


def test_the_folder_of_a_training_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "training.csv").write_text("mine")
    with pytest.raises(
        StorageError, match="holds a training run; expected a new folder, or one that holds the results of a study"
    ):
        run_study(_spec(), tmp_path)
    assert (tmp_path / "training.csv").read_text() == "mine"


def test_the_same_study_edited_leaves_nothing_of_the_first_and_all_of_the_users(folder: Path) -> None:
    shown = _figures(folder)
    assert "bars-mlp-rsa_spearman.png" in shown
    for name in ("figures/bars-mine.png", "notes.csv"):
        (folder / name).write_text("mine")
    run_study(_spec(scoring__comparator="corr"), folder)
    assert not (folder / "report.html").exists()
    assert _figures(folder) == {"bars-mine.png"}
    assert AlignmentResult.load(folder).scored_measures == ("rsa corr",)
    write_report(folder, formats=("png",))
    assert "bars-mlp-rsa_corr.png" in _figures(folder)
    assert not {name for name in _figures(folder) if "spearman" in name}
    assert (folder / "notes.csv").read_text() == "mine" == (folder / "figures" / "bars-mine.png").read_text()


def test_figures_of_a_report_without_a_list_are_known_from_its_page(folder: Path) -> None:
    (folder / "figures.json").unlink()
    run_study(_spec(scoring__comparator="corr"), folder)
    assert not (folder / "figures").exists()


def test_the_same_study_run_again_keeps_its_report(folder: Path) -> None:
    page, shown = (folder / "report.html").read_bytes(), _figures(folder)
    run_study(_spec(), folder)
    assert (folder / "report.html").read_bytes() == page
    assert _figures(folder) == shown


def test_a_report_that_draws_less_takes_the_rest_of_the_earlier_one_away(folder: Path) -> None:
    shown = _figures(folder)
    study_json = json.loads((folder / "study.json").read_text())
    del study_json["files"]["rdms.safetensors"]
    (folder / "study.json").write_text(json.dumps(study_json))
    (folder / "rdms.safetensors").unlink()
    write_report(folder, formats=("png",))
    assert _figures(folder) == {name for name in shown if not name.startswith(("rdms-", "rule_mds-", "stimulus_mds-"))}


# -- interrupted ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, 3, 9])
def test_killed_while_results_change_the_folder_never_looks_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    spec, moved, move = _spec(scoring__comparator="corr"), [], os.replace

    def stop(source: Any, target: Any) -> None:
        if Path(source).parent != Path(target).parent:  # into the results, not a single file into place
            moved.append(Path(target).name)
            if len(moved) > after:
                raise KeyboardInterrupt
        move(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(results_folder.os, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            run_study(spec, folder)
    assert len(moved) == after + 1
    assert not (folder / "report.html").exists()
    with pytest.raises(
        DataError, match=r"holds a study that was not finished \(no study\.json\).* Run the study again"
    ) as caught:
        AlignmentResult.load(folder)
    assert "\n" not in str(caught.value)
    watched = Watched()
    run_study(spec, folder, progress=watched)
    assert watched.texts == []
    assert AlignmentResult.load(folder).scored_measures == ("rsa corr",)


def test_a_full_disk_while_results_are_written_leaves_the_earlier_ones_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, synced = _files(folder), os.fsync

    def full(handle: int) -> None:
        if ".results-" in os.readlink(f"/proc/self/fd/{handle}") and "ranks" in os.readlink(f"/proc/self/fd/{handle}"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        synced(handle)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left"):
            run_study(_spec(scoring__comparator="corr"), folder)
    assert _files(folder) == before
    assert not list(folder.glob(".*"))
    AlignmentResult.load(folder)


SCRIPT = """
import sys, torch
torch.set_num_threads(1)
from tests.test_study import _spec
from brainalign.study import run_study
run_study(_spec(), sys.argv[1])
"""


def _process(folder: Path) -> "subprocess.Popen[str]":
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_in_one_folder_leave_one_whole_study(finished: Path, tmp_path: Path) -> None:
    both = [_process(tmp_path / "out") for _ in range(2)]
    for process in both:
        assert process.communicate(timeout=300)[1] == ""
        assert process.returncode == 0
    AlignmentResult.load(tmp_path / "out")
    assert _timeless(tmp_path / "out").keys() == _timeless(finished).keys() - {"report.html", "figures.json"}
    for name, content in _timeless(tmp_path / "out").items():
        assert content == _timeless(finished)[name], name
    watched = Watched()
    run_study(_spec(), tmp_path / "out", progress=watched)
    assert watched.texts == []


def test_killed_at_once_and_run_again_it_ends_the_same(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = _process(out)
    deadline = time.monotonic() + 120
    while not list(out.glob("populations/backprop-*/checkpoints/step-0000000.*")) and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    run_study(_spec(), out)
    for name, content in _timeless(out).items():
        assert content == _timeless(finished)[name], name


# -- a rule that fails ------------------------------------------------------------------------------------------------


def _diverge(monkeypatch: pytest.MonkeyPatch, *rules: str) -> None:
    train = study.train

    def diverging(spec: Any, *arguments: Any) -> Any:
        if spec.rule in rules:
            msg = f"Rule {spec.rule!r} on 'mlp' diverged: the loss of seed 0 is nan."
            raise DivergenceError(msg)
        return train(spec, *arguments)

    monkeypatch.setattr(study, "train", diverging)


def test_a_rule_that_diverges_is_a_row_and_the_study_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        _diverge(patched, "backprop")
        run_study(_spec(), folder)
    results = AlignmentResult.load(folder)
    assert results.rules == ("feedback_alignment", "untrained")
    row = (
        "backprop",
        "mlp",
        "trained",
        "training",
        "",
        "Rule 'backprop' on 'mlp' diverged: the loss of seed 0 is nan.",
    )
    assert [tuple(one) for one in results.failures.to_numpy()] == [row]
    facts = json.loads((folder / "study.json").read_text())
    assert facts["failures"] == [{**dict(zip(results.failures.columns, row, strict=True)), "step": None}]
    assert set(pd.read_csv(folder / "training.csv").rule) == {"feedback_alignment", "untrained"}
    assert set(pd.read_csv(folder / "contrasts.csv").kind) == {"vs_untrained"}
    page = write_report(folder, formats=()).read_text(encoding="utf-8")
    assert "diverged: the loss of seed 0 is nan" in page
    watched = Watched()
    run_study(_spec(), folder, progress=watched)  # trained after all
    assert watched.texts == []  # its checkpoints and scores were still there
    assert AlignmentResult.load(folder).failures.empty


def test_a_real_divergence_is_a_row_and_a_mended_rate_trains_that_rule_only(tmp_path: Path) -> None:
    wild = {"optimizer": "sgd", "learning_rate": 1e30}
    run_study(_spec(rules={"untrained": {}, "backprop": wild, "feedback_alignment": {}}), tmp_path)
    failures = AlignmentResult.load(tmp_path).failures
    assert list(failures.rule) == ["backprop"]
    assert failures.stage.iloc[0] in ("training", "scoring")
    watched = Watched()
    run_study(_spec(), tmp_path, progress=watched)
    assert watched.trained == {"backprop"}
    assert AlignmentResult.load(tmp_path).failures.empty


def test_without_untrained_networks_or_any_population(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        _diverge(patched, "untrained")
        run_study(_spec(), folder)
        results = AlignmentResult.load(folder)
        assert set(results.contrasts.kind) == {"vs_backprop"}
        assert results.gates.sentence.str.contains("There is no untrained control").any()
    before = _files(folder)
    with monkeypatch.context() as patched:
        _diverge(patched, "untrained", "backprop", "feedback_alignment")
        with pytest.raises(DivergenceError, match="every population of study 'tiny' diverged; nothing is left"):
            run_study(_spec(), folder)
    assert _files(folder) == before


def test_a_layer_that_collapsed_leaves_its_rule_out_of_scores_and_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = study.show

    def dead(checkpoints: Any, *arguments: Any) -> Any:
        for one in show(checkpoints, *arguments):
            if one.rule == "backprop":
                one.activations.layers["hidden1"][:] = 0.0
            yield one

    with monkeypatch.context() as patched:
        patched.setattr(study, "show", dead)
        run_study(_spec(), tmp_path)
    results = AlignmentResult.load(tmp_path)
    assert [tuple(one)[:5] for one in results.failures.to_numpy()] == [
        ("backprop", "mlp", "trained", "scoring", "simulated")
    ]
    assert results.failures.reason.iloc[0].startswith("Layer 'hidden1' of rule 'backprop' on 'mlp', seed 0: Pattern")
    assert "backprop" not in set(results.scores.rule)
    assert "backprop" in set(results.training.rule)
    assert not [key for key in results.rdms if key.rule == "backprop"]
    before = _files(tmp_path)
    run_study(_spec(), tmp_path)  # the cache remembers who was left out
    assert _files(tmp_path) == before


def test_answers_that_are_no_numbers_leave_a_rule_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    show = study.show

    def endless(checkpoints: Any, *arguments: Any) -> Any:
        if checkpoints[0].spec.rule == "backprop":
            msg = "Layer 'hidden1' is not finite for 3 of 20 stimuli."
            raise ExtractionError(msg)
        return show(checkpoints, *arguments)

    monkeypatch.setattr(study, "show", endless)
    run_study(_spec(), tmp_path)
    failures = AlignmentResult.load(tmp_path).failures
    assert [tuple(one) for one in failures.to_numpy()] == [
        ("backprop", "mlp", "trained", "scoring", "simulated", "Layer 'hidden1' is not finite for 3 of 20 stimuli.")
    ]
