"""Scorecards: certification, criteria beside claims, storage, ranks, the command and the figure."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from brainalign.__main__ import app
from brainalign.errors import SpecError
from brainalign.plausibility.candidate import candidates
from brainalign.plausibility.criterion import CRITERIA
from brainalign.plausibility.judgement import criteria
from brainalign.plausibility.practice import Disturbance
from brainalign.plausibility.probe import EVIDENCE, Measured, mechanism, probes
from brainalign.plausibility.ranks import rank_distribution
from brainalign.plausibility.scorecard import COLUMNS, read_scorecard, records, scorecard, write_scorecard
from brainalign.plausibility.subject import Subject, probed_network
from brainalign.report.plates import scorecard_plate
from brainalign.rules.learning_rule import learning_rule

QUICK = ("P1", "P3", "P4", "P6")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Two rules of which Lv et al. say less or more than is so."""
    return scorecard(candidates(["feedback_alignment", "forward_forward"]), seeds=(0,), only=QUICK)


def test_probes_have_codes_of_their_own_and_controls_that_differ() -> None:
    known = probes()
    assert list(known)[:4] == ["P1", "P1b", "P1c", "P2"]
    assert list(known)[-3:] == ["P13", "P13b", "P13c"]
    assert {f"P{k}" for k in range(1, 14)} <= set(known)
    for probe in known.values():
        assert probe.title
        assert probe.evidence in EVIDENCE
        assert probe.passing is None or probe.passing != probe.failing
        assert (probe.limit is None) != (probe.certain is None)
    assert set(mechanism()) == {code for code, probe in known.items() if not probe.trains}


def test_rows_are_those_asked_for_and_certified_by_their_controls(table: pd.DataFrame) -> None:
    assert tuple(table.columns) == COLUMNS
    assert list(table.probe) == [*QUICK, *QUICK]
    assert table.certified.all()
    marks = table.set_index(["rule", "probe"])["pass"]
    assert marks["feedback_alignment", "P1"] is True
    assert marks["feedback_alignment", "P3"] is False
    assert marks["forward_forward", "P3"] is True
    assert (table.lo <= table.outcome).all()
    assert (table.outcome <= table.hi).all()


def test_a_probe_whose_control_cannot_be_told_is_not_certified() -> None:
    # Weights of a Transformer are shared over tokens, so that an update's form cannot be told, of the controls either.
    found = scorecard(candidates(["untrained"]), seeds=(0,), only=("P2b",), network="transformer")
    assert not found.certified.any()


def test_disagreements_with_the_literature_come_first(table: pd.DataFrame) -> None:
    found = criteria(table)
    assert found.disagrees.iloc[0]
    assert found.disagrees.is_monotonic_decreasing
    first = found.set_index(["rule", "criterion"]).loc[("forward_forward", "C3")]
    assert first.claimed is True
    assert first.measured is False
    assert first.probes == "P4"
    open_ones = found[found.criterion == "C2"]  # its probes were not asked for
    assert all(value is None for value in open_ones.measured)
    assert not open_ones.certified.any()
    assert set(found.criterion) == {criterion.code for criterion in CRITERIA}


def test_every_criterion_names_probes_that_exist() -> None:
    assert {code for criterion in CRITERIA for code in criterion.probes} <= set(probes())


def test_a_scorecard_comes_back_as_it_was_written(table: pd.DataFrame, tmp_path) -> None:
    blank = table.copy()
    blank.loc[0, ["outcome", "lo", "hi"]] = np.nan
    blank.loc[0, "pass"] = None
    write_scorecard(tmp_path, blank)
    read, judged = read_scorecard(tmp_path)
    assert list(read["pass"]) == list(blank["pass"])
    assert list(judged.measured) == list(criteria(blank).measured)
    np.testing.assert_allclose(read.outcome, blank.outcome.astype(float))
    empty, none = read_scorecard(tmp_path / "nowhere")
    assert empty.empty
    assert none.empty


def test_records_are_json_with_null_where_nothing_can_be_told(table: pd.DataFrame) -> None:
    blank = table.copy()
    blank.loc[0, ["outcome", "lo", "hi"]] = np.nan
    blank.loc[0, "pass"] = None
    found = json.loads(json.dumps(records(blank), allow_nan=False))
    assert found[0]["outcome"] is None
    assert found[0]["pass"] is None
    assert found[1]["pass"] is False
    assert {"rule", "network", "probe", "outcome", "lo", "hi", "pass", "certified", "evidence"} <= set(found[0])


def test_ranks_depend_on_weights_unless_a_rule_is_better_in_everything() -> None:
    rows = [
        {"rule": rule, "probe": probe, "pass": mark, "certified": probe != "P9", "network": "mlp"}
        for rule, marks in {"best": (True, True), "one": (True, False), "two": (False, True)}.items()
        for probe, mark in zip(("P1", "P2"), marks, strict=True)
    ] + [
        {"rule": rule, "probe": "P9", "pass": rule == "two", "certified": False, "network": "mlp"}
        for rule in ("best", "one", "two")
    ]
    found = rank_distribution(pd.DataFrame(rows)).set_index("rule")
    assert found.loc["best", "rank_high"] == 1
    assert found.loc["best", "share_first"] == 1
    assert (found.loc["one", "rank_low"], found.loc["one", "rank_high"]) == (2, 3)
    with pytest.raises(SpecError, match="No certified probe"):
        rank_distribution(pd.DataFrame(rows).assign(certified=False))


def test_unknown_names_give_one_line() -> None:
    with pytest.raises(SpecError, match="Unknown rule 'backprob'"):
        candidates(["backprob"])
    with pytest.raises(SpecError, match=r"Unknown probe 'P99'\. Choose one of: P1, P1b"):
        scorecard(candidates(["backprop"]), only=("P99",))
    with pytest.raises(SpecError, match=r"Network 'gnn' cannot be probed\. Choose one of: mlp, cnn"):
        scorecard(candidates(["backprop"]), "gnn")


def test_the_command_prints_json_and_leaves_tables_and_a_figure(tmp_path) -> None:
    asked = [
        "scorecard",
        "--rule",
        "backprop",
        "--probe",
        "P3",
        "--seeds",
        "1",
        "--workers",
        "1",
        "--out",
        str(tmp_path),
    ]
    done = CliRunner().invoke(app, [*asked, "--json"])
    assert done.exit_code == 0, done.output
    (record,) = json.loads(done.output)
    assert (record["rule"], record["probe"], record["outcome"], record["pass"]) == ("backprop", "P3", 6.0, False)
    assert {path.name for path in tmp_path.iterdir()} == {
        "scorecard.csv", "criteria.csv", *(f"scorecard-mlp.{kind}" for kind in ("png", "svg", "pdf")),
    }  # fmt: skip
    plain = CliRunner().invoke(app, [*asked, "--ranks"])
    assert "Scorecard, mlp" in plain.output
    assert "Ranks over random weights" in plain.output


def test_the_figure_says_what_failed_and_what_is_not_certified(table: pd.DataFrame) -> None:
    plate = scorecard_plate(table.assign(certified=table.probe != "P6"))
    axis = plate.figure.axes[0]
    hatched = [box for box in axis.patches if box.get_hatch()]
    assert len(hatched) == 2
    assert [label.get_text().split()[-1] for label in axis.get_xticklabels()] == list(QUICK)
    assert "P3 waiting" in plate.caption


def test_the_mean_over_seeds_decides_what_is_retained_and_the_worst_value_everything_else() -> None:
    known = probes()
    uneven = Measured((0.9, 1.02, 1.02))
    assert known["P13"].passes(uneven) is True
    assert known["P13"].passes(Measured((0.8, 1.02, 1.02))) is False
    assert known["P9"].passes(uneven) is False


def test_processes_give_the_same_table() -> None:
    chosen, codes = candidates(["backprop", "feedback_alignment"]), ("P3", "P7b")
    alone, shared = (scorecard(chosen, seeds=(0,), only=codes, workers=workers) for workers in (1, 2))
    pd.testing.assert_frame_equal(alone.drop(columns="seconds"), shared.drop(columns="seconds"))


def test_disturbed_training_starts_and_runs_as_undisturbed_where_nothing_is_changed() -> None:
    subject = Subject(learning_rule("direct_feedback_alignment"), probed_network("mlp"), seeds=(0, 1))
    practice = subject.practice
    nothing = Disturbance("nothing", lambda generator: {"alter": lambda message, matrix, meeting: (message, matrix)})
    assert practice.accuracy().tolist() == practice.accuracy(nothing).tolist()
    assert practice.accuracy().min() > 0.5
    assert practice.retained(nothing).tolist() == [1.0, 1.0]
