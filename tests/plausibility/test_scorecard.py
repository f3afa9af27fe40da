"""Scorecards: certification, criteria beside claims, storage, ranks, the command and the figure."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from brainalign.__main__ import app
from brainalign.errors import SpecError
from brainalign.plausibility.asked import asked
from brainalign.plausibility.candidate import Candidate, candidates
from brainalign.plausibility.criterion import CRITERIA
from brainalign.plausibility.judgement import criteria
from brainalign.plausibility.page import criteria_markdown, probes_markdown
from brainalign.plausibility.practice import Disturbance
from brainalign.plausibility.probe import EVIDENCE, Measured, mechanism, probes
from brainalign.plausibility.ranks import rank_distribution
from brainalign.plausibility.scorecard import COLUMNS, probe, read_scorecard, records, scorecard, write_scorecard
from brainalign.plausibility.subject import Subject, probed_network, probed_options
from brainalign.report.plates import scorecard_plate
from brainalign.rules.learning_rule import learning_rule

QUICK = ("P1", "P3", "P4", "P4c", "P6")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Three rules, of two of which Lv et al. say more than is measured; one of those means something else."""
    rules = candidates(["feedback_alignment", "forward_forward", "target_propagation"])
    return scorecard(rules, seeds=(0,), only=QUICK)


def test_probes_have_codes_of_their_own_and_controls_that_differ() -> None:
    known = probes()
    assert list(known)[:4] == ["P1", "P1b", "P1c", "P2"]
    assert list(known)[-3:] == ["P13", "P13b", "P13c"]
    assert {f"P{k}" for k in range(1, 14)} <= set(known)
    for one in known.values():
        assert one.title
        assert one.evidence in EVIDENCE
        assert one.passing is None or one.passing != one.failing
        assert (one.limit is None) != (one.certain is None)
    assert set(mechanism()) == {code for code, probe in known.items() if not probe.trains}


def test_rows_are_those_asked_for_and_certified_by_their_controls(table: pd.DataFrame) -> None:
    assert tuple(table.columns) == COLUMNS
    assert list(table.probe) == [*QUICK] * 3
    assert table.certified.all()
    marks = table.set_index(["rule", "probe"])["pass"]
    assert marks["feedback_alignment", "P1"] is True
    assert marks["feedback_alignment", "P3"] is False
    assert marks["forward_forward", "P3"] is True
    told = table.dropna(subset=["outcome"])
    assert len(told) == len(table) - 1  # of forward-forward, nobody can tell whether errors are signed
    assert (told.lo <= told.outcome).all()
    assert (told.outcome <= told.hi).all()


def test_a_probe_whose_control_cannot_be_told_is_not_certified() -> None:
    # Weights of a Transformer are shared over tokens, so that an update's form cannot be told, of the controls either.
    found = scorecard(candidates(["untrained"]), seeds=(0,), only=("P2b",), network="transformer")
    assert not found.certified.any()


def test_disagreements_with_the_literature_come_first(table: pd.DataFrame) -> None:
    found = criteria(table)
    assert found.disagrees.iloc[0]
    assert found.disagrees.is_monotonic_decreasing
    by_rule = found.set_index(["rule", "criterion"])
    first = by_rule.loc[("target_propagation", "C3")]
    assert (first.claimed, first.measured, first.probes, first.disagrees) == (True, False, "P4", True)
    # Passes that do not follow one another are phases here and no two stages there: not the same, so no disagreement.
    other = by_rule.loc[("forward_forward", "C3")]
    assert (other.claimed, other.measured, other.probes, other.disagrees) == (True, False, "P4", False)
    assert all(found.reading)
    open_ones = found[found.criterion == "C2"]  # its probes were not asked for
    assert all(value is None for value in open_ones.measured)
    assert not open_ones.certified.any()
    assert set(found.criterion) == {criterion.code for criterion in CRITERIA}


def test_every_criterion_names_probes_that_exist() -> None:
    assert {code for criterion in CRITERIA for code in (*criterion.probes, *criterion.refuted_by)} <= set(probes())


def _marks(**marks: bool | None) -> pd.DataFrame:
    rows = [{"rule": "a label", "network": "mlp", "probe": k, "pass": v, "certified": True} for k, v in marks.items()]
    return pd.DataFrame(rows).astype({"pass": object})


def _judged(rule: str, **marks: bool | None) -> pd.DataFrame:
    return criteria(_marks(**marks), {"a label": rule}).set_index("criterion")


def test_locality_holds_no_transport_and_a_vector_of_errors_is_another_matter() -> None:
    found = _judged("predictive_coding", P1=False, P2=True, P2a=True, P5=False)
    assert (found.measured["C1"], found.measured["C2"], found.probes["C2"]) == (False, False, "P5")
    assert (found.measured["R1"], found.measured["R2"], found.measured["W1"]) == (True, False, True)
    # The source finds it local: so does the measurement, and of a relayed vector the source says nothing.
    assert found.claimed["C2"] is True
    assert not found.disagrees["C2"]
    assert _judged("predictive_coding", P2=False, P2a=True, P5=False).disagrees["C2"]
    # Feedback alignment is said not to be local for its global error: that is what the vector says.
    assert found.claimed["C1"] is False
    alignment = _judged("feedback_alignment", P1=True, P2=True, P2a=True, P5=False)
    assert (alignment.measured["C2"], alignment.claimed["C2"], alignment.disagrees["C2"]) == (False, False, False)
    assert _judged("feedback_alignment", P2=True, P2a=True, P5=True).disagrees["C2"]


def test_a_claim_that_means_something_else_is_shown_and_contradicted_by_nothing() -> None:
    found = _judged("sign_symmetry", P1=False)
    assert (found.claimed["C1"], found.measured["C1"], found.disagrees["C1"]) == (True, False, False)
    assert "means:" in found.claim_source["C1"]


def test_on_networks_with_gradients_inside_blocks_no_claim_is_contradicted() -> None:
    marks = _marks(P1=False)
    for network, disagrees in (("mlp", True), ("cnn", True), ("rnn, blocks=step", False), ("transformer", False)):
        found = criteria(marks.assign(network=network), {"a label": "direct_feedback_alignment"}).set_index("criterion")
        assert (found.claimed["C1"], found.measured["C1"], found.disagrees["C1"]) == (True, False, disagrees)
        assert ("exact inside" in found.reading["C1"]) is not disagrees


def test_probes_that_were_not_asked_for_leave_a_criterion_open() -> None:
    assert _judged("backprop", P2=True, P2a=True).measured["C2"] is None
    assert _judged("backprop", P2=False).measured["C2"] is False


def test_spiking_and_unsigned_errors_are_claimed_where_a_source_claims_them() -> None:
    found = _judged("reward_modulated_stdp", P6=False, P8=True)
    assert [found.claimed[code] for code in ("C4", "C5")] == [True, True]
    assert all("2509.20284" in found.claim_source[code] for code in ("C4", "C5"))
    assert (found.disagrees["C4"], found.disagrees["C5"]) == (False, True)


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
    flat = " ".join(plain.output.replace("│", " ").split())
    for word in ("synapses", "at most 1"):
        assert word in flat
    assert "waiting: synapses crossed" in flat
    assert "Ranks over random weights" in plain.output


def test_options_presets_and_networks_of_ones_own_are_probed(tmp_path) -> None:
    asked = ["scorecard", "--probe", "P4", "--seeds", "1", "--workers", "1", "--json"]
    done = CliRunner().invoke(
        app, [*asked, "--rule", "local_difference_reconstruction", "--set", "rule.feedback_steps=1"]
    )
    assert done.exit_code == 0, done.output
    (record,) = json.loads(done.output)
    assert (record["rule"], record["outcome"]) == ("local_difference_reconstruction (feedback_steps=1)", 3)
    done = CliRunner().invoke(
        app, [*asked, "--rule", "hebbian", "--network", "rnn", "--set", "network.blocks=step", "--out", str(tmp_path)]
    )
    assert json.loads(done.output)[0]["network"] == "rnn, blocks=step", done.output
    assert set(read_scorecard(tmp_path)[0].network) == {"rnn, blocks=step"}
    done = CliRunner().invoke(app, [*asked, "--preset", "mnist-mlp-100/backprop"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)[0]["rule"] == "backprop (mnist-mlp-100/backprop)"


def test_what_is_asked_for_is_what_is_probed() -> None:
    found = asked([], None, ["mnist-mlp-100/backprop"], {"network.widths": [40, 30]})
    assert (found.network, found.network_options["widths"]) == ("mlp", (40, 30))
    assert asked(["backprop"], None, [], {}).network_options is None
    net = probed_network("rnn", options=probed_options("rnn", {"blocks": "step", "widths": (500,)}))
    assert [block.name for block in net.blocks] == ["step1", "step2", "step3", "step4", "readout"]
    for words, settings, presets, rules in (
        ("leave --rule and --network out", {}, ["mnist-mlp-100/backprop"], ["backprop"]),
        ("expected rule.<option> or network.<option>", {"epochs": 3}, [], []),
        (r"with \d+ rules; name one with --rule", {"rule.scale": 2}, [], []),
    ):
        with pytest.raises(SpecError, match=words):
            asked(rules, None, presets, settings)
    with pytest.raises(SpecError, match="Unknown option 'block'"):
        scorecard(candidates(["hebbian"]), "rnn", (0,), ("P3",), network_options={"block": "step"})


def test_a_credit_network_for_ten_classes_is_probed_with_ten() -> None:
    shipped = Candidate("shipped", "top_down_credit", (("credit_network", "digits"),))
    found = probe(shipped, "mlp", ("P1", "P5"), (0,))
    assert found["P1"]["pass"] is True
    assert found["P5"]["outcome"] == 9


def test_the_figure_says_what_failed_and_what_is_not_certified(table: pd.DataFrame) -> None:
    plate = scorecard_plate(table.assign(certified=table.probe != "P6"))
    axis = plate.figure.axes[0]
    hatched = [box for box in axis.patches if box.get_hatch()]
    assert len(hatched) == 3
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


def test_the_page_on_plausibility_has_todays_criteria_and_probes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "plausibility.md").read_text(encoding="utf-8")
    assert criteria_markdown() in page
    assert probes_markdown() in page
