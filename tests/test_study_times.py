"""A study of a recording with times, from its file to its page."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brainalign.alignment.result import AlignmentResult
from brainalign.data_check.brain import BrainCheck
from brainalign.data_check.finding import Finding
from brainalign.errors import DataError
from brainalign.report.page import page_of, write_report
from brainalign.study import run_study
from brainalign.study_file import study_from_table

TABLE: dict[str, Any] = {
    "name": "times",
    "readout_only": False,
    "recommended": False,
    "training": {
        "dataset": "digits",
        "network": "mlp",
        "network_options": {"widths": [24, 16]},
        "seeds": 3,
        "epochs": 2,
        "n_checkpoints": 2,
    },
    "rules": {"untrained": {}, "backprop": {}},
    "recordings": [
        {
            "dataset": "simulated",
            "measures": ["rsa", "encoding"],
            "options": {
                "n_times": 13,
                "n_subjects": 6,
                "n_stimuli": 40,
                "n_channels": 8,
                "noise": 0.5,
                "latencies": {"hidden1": 0.15},
                "network_options": {"widths": [24, 16]},
                "training": {"epochs": 2},
            },
        }
    ],
    "scoring": {"comparator": "corr", "time_generalisation": True, "dimensionality": True},
    "plausibility": "none",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_study(study_from_table(TABLE), tmp_path_factory.mktemp("times"))


def test_every_table_of_scores_and_claims_holds_every_time(folder: Path) -> None:
    results = AlignmentResult.load(folder)
    times = np.linspace(-0.1, 0.5, 13)
    for table in (results.scores, results.contrasts, results.ranks):
        for _, rows in table.groupby("measure", observed=True):
            np.testing.assert_allclose(sorted(rows.time.unique()), times, atol=1e-8)
    assert len(results.scores) == 2 * 13 * 6 * (2 * 3 * 3 + 3)


@pytest.mark.parametrize("measure", ["rsa corr", "encoding ridge"])
def test_scores_are_flat_before_onset_and_peak_when_the_planted_layer_does(folder: Path, measure: str) -> None:
    table = AlignmentResult.load(folder).scores
    rows = table[(table.rule == "backprop") & (table.layer == "hidden1") & (table.measure == measure)]
    course = rows.groupby("time").score.mean()
    assert course.idxmax() == pytest.approx(0.15, abs=0.03)
    assert course[course.index < -0.01].abs().max() < 0.15 * course.max()


def test_the_page_says_how_errors_were_had_and_draws_the_course(folder: Path) -> None:
    page = write_report(folder).read_text("utf-8")
    assert "Scores by time, mlp, RSA score (Pearson r)" in page
    assert "come from the scores without each stimulus (jackknife)" in page
    assert (
        "SIMULATED truth: layers of a network trained with backprop answer one after another: hidden1 at 150 ms" in page
    )
    assert "The brain's RDM is the mean over times from onset on." in page.replace("&#39;", "'")
    assert (folder / "figures" / "time_course-mlp-rsa_corr.png").exists()


def test_study_and_page_say_what_the_data_check_found(folder: Path) -> None:
    (found,) = AlignmentResult.load(folder).facts["findings"].values()
    assert [one["where"] for one in found["found"] if one["kind"] == "runs"] == ["simulated/simulated 1 and 5 others"]
    page = page_of(AlignmentResult.load(folder).only(layer="hidden1"))
    assert "<h2>Data check</h2>" in page
    assert "<li>runs: simulated/simulated 1 and 5 others: stimuli repeat but runs are not known" in page


@pytest.mark.parametrize("accept", [[], ["unit"]])
def test_what_is_severe_stops_before_training_unless_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accept: list[str]
) -> None:
    severe = Finding("unit", "simulated/simulated 1", "amplitudes of 3 V. Give scale = 1e-6.", severe=True)
    monkeypatch.setattr(BrainCheck, "findings", lambda *_: [severe])
    monkeypatch.setattr("brainalign.study.train", _trains)
    recordings = [{**TABLE["recordings"][0], "accept": accept}]
    error, words = (RuntimeError, "trains") if accept else (DataError, "amplitudes of 3 V")
    with pytest.raises(error, match=words):
        run_study(study_from_table({**TABLE, "recordings": recordings}), tmp_path)


def _trains(*_: object) -> None:
    raise RuntimeError("trains")


def test_run_again_it_scores_nothing_and_ends_the_same(folder: Path) -> None:
    before = (folder / "alignment.csv").read_bytes()
    said: list[str] = []
    run_study(study_from_table(TABLE), folder, progress=lambda done, total, text: said.append(text))
    assert said == []
    assert (folder / "alignment.csv").read_bytes() == before


def test_tables_of_layers_are_kept_and_the_diagonal_is_the_encoding_score(folder: Path) -> None:
    results = AlignmentResult.load(folder)
    table = results.time_generalisation
    diagonal = table[table.seconds_fitted == table.seconds_tested].set_index(["rule", "layer", "seconds_fitted"])
    diagonal = diagonal.sort_index().score
    scores = results.scores[(results.scores.measure == "encoding ridge") & results.scores.rule.isin(["backprop"])]
    for (layer, time), expected in scores.groupby(["layer", "time"], observed=True).score.mean().items():
        assert diagonal.loc["backprop", layer].iloc[
            int(np.argmin(np.abs(diagonal.loc["backprop", layer].index - time)))
        ] == pytest.approx(expected, abs=1e-6)
    assert set(results.dimensionality.layer) == {"hidden1", "hidden2", "readout"}
    assert len(list((folder / "cache").glob("simulated-layers-*"))) == 1
    assert "Models of one time tested at every other" in page_of(results)
