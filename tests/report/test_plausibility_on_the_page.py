"""The scorecard in a report: figures, the table of criteria, methods; nothing of it where a study has none."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic_folder import RSA

from brainalign.alignment.result import AlignmentResult
from brainalign.plausibility.scorecard import COLUMNS, write_scorecard
from brainalign.report.figures.trade_off import TradeOff
from brainalign.report.page import write_report
from brainalign.report.plates import draw_all


def _scorecard(rules: tuple[str, ...]) -> pd.DataFrame:
    """Two rules: one that a criterion and the literature agree on, and whose phases cannot be told."""
    marks = {"P1": (0.4, False), "P2": (1.0, False), "P2a": (0.0, True), "P4": (np.nan, None), "P6": (0.9, False)}
    rows = [
        (rule, "cnn", probe, value, value, value, mark, probe != "P6", "trace", "why", 0.1)
        for rule in rules
        for probe, (value, mark) in {**marks, "P12": (2.8, None)}.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"pass": object})


@pytest.fixture
def folder(small_folder) -> Path:
    path = small_folder()
    write_scorecard(path, _scorecard(("untrained", "backprop")))
    return path


def test_a_page_without_a_scorecard_says_nothing_of_plausibility(small_folder) -> None:
    page = write_report(small_folder(), ("png",)).read_text("utf-8")
    assert 'id="plausibility"' not in page
    assert "Plausibility was measured" not in page


def test_the_page_holds_both_figures_the_criteria_and_the_method(folder: Path) -> None:
    page = write_report(folder, ("png",)).read_text("utf-8")
    assert "Measured plausibility, cnn" in page
    assert "Plausibility, performance and alignment, cnn" in page
    assert "not met (P1)" in page
    assert "cannot tell (P4)" in page
    assert "cannot tell (not probed here)" in page
    assert "with 6 probes" in page
    assert {"scorecard-cnn.png", f"trade_off-cnn-{_slug(RSA)}.png"} <= {p.name for p in (folder / "figures").iterdir()}


def test_the_joint_figure_has_a_row_per_rule_and_a_panel_per_quantity(folder: Path) -> None:
    results = AlignmentResult.load(folder)
    figure = TradeOff().draw(results, "cnn", RSA)
    criteria, accuracy, cost, *alignment = figure.axes
    assert [label.get_text() for label in criteria.get_xticklabels()] == ["C1", "C2", "C3", "C4", "C5"]
    assert [label.get_text() for label in criteria.get_yticklabels()] == ["backprop", "untrained"]
    assert "?" in {text.get_text() for text in criteria.texts}
    assert {float(x) for line in cost.lines for x in np.atleast_1d(line.get_xdata())} == {2.8}
    last = results.training[results.training.step == results.training.step.max()]
    drawn = {round(float(x), 6) for line in accuracy.lines for x in np.atleast_1d(line.get_xdata())}
    assert {round(float(x), 6) for x in last.test_accuracy} <= drawn
    assert len(alignment) == len(results.scores.drop_duplicates(["dataset", "roi"]).query("role != 'low_level'"))


def test_figures_come_with_captions_that_name_what_they_show(folder: Path) -> None:
    plates = {plate.name: plate for plate in draw_all(AlignmentResult.load(folder))}
    assert "P1 weight transport" in plates["scorecard-cnn"].caption
    assert "C3 no two stages" in plates[f"trade_off-cnn-{_slug(RSA)}"].caption


def _slug(name: str) -> str:
    from brainalign.report.style import slug

    return slug(name)


def _drawn_scores(results: AlignmentResult, cell: int) -> set[float]:
    axis = TradeOff().draw(results, "cnn", RSA).axes[3 + cell]
    return {round(float(x), 9) for line in axis.lines for x in np.atleast_1d(line.get_xdata())}


def _means(results: AlignmentResult, rule: str, layer: str) -> set[float]:
    rows = results.scores.query("dataset == 'cichy92' and roi == 'IT' and rule == @rule and layer == @layer")
    by_seed = rows.groupby("seed").score.mean()
    return {round(float(x), 9) for x in (*by_seed, by_seed.mean())}


def test_alignment_is_drawn_at_the_declared_layer_though_another_scores_higher(folder: Path) -> None:
    results = AlignmentResult.load(folder)
    study = {**results.facts, "spec": {**results.facts["spec"], "ranking_layer": {"IT": "conv1"}}}
    declared = dataclasses.replace(results, facts=study)
    assert results.scores.query("roi == 'IT' and rule == 'backprop'").groupby("layer").score.mean().idxmax() != "conv1"
    assert _drawn_scores(declared, 0) == _means(results, "backprop", "conv1") | _means(results, "untrained", "conv1")
    axes = TradeOff().draw(declared, "cnn", RSA).axes[3:]
    assert [axis.get_xlabel().split("\n")[-1] for axis in axes] == ["layer conv1", "best layer"]
    caption = TradeOff().caption(declared, "cnn", RSA)
    assert "Scores are at the layer declared before they were seen: conv1 (cichy92 IT). Elsewhere they are" in caption
    assert "the best layer, chosen on the same data, which favours no depth and flatters every rule" in caption


def test_without_a_declared_layer_the_figure_and_its_caption_say_best(folder: Path) -> None:
    results = AlignmentResult.load(folder)
    spec = {key: value for key, value in results.facts["spec"].items() if key != "ranking_layer"}
    open_study = dataclasses.replace(results, facts={**results.facts, "spec": spec})
    assert {axis.get_xlabel().split("\n")[-1] for axis in TradeOff().draw(open_study, "cnn", RSA).axes[3:]} == {
        "best layer"
    }
    assert "declared" not in TradeOff().caption(open_study, "cnn", RSA)
    whole = TradeOff().caption(results, "cnn", RSA)
    assert "best" not in whole
    assert "readout (cichy92 IT)" in whole
