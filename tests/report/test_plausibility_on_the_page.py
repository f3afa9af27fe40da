"""The scorecard in a report: figures, the table of criteria, methods; nothing of it where a study has none."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic_folder import RSA

from brainalign.plausibility.scorecard import COLUMNS, write_scorecard
from brainalign.report.figures import draw_all, draw_trade_off
from brainalign.report.page import write_report
from brainalign.report.results import Results


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
    results = Results.load(folder)
    figure = draw_trade_off(results, "cnn", RSA)
    criteria, accuracy, cost, *alignment = figure.axes
    assert [label.get_text() for label in criteria.get_xticklabels()] == ["C1", "C2", "C3", "C4", "C5"]
    assert [label.get_text() for label in criteria.get_yticklabels()] == ["backprop", "untrained"]
    assert "?" in {text.get_text() for text in criteria.texts}
    assert {float(x) for line in cost.lines for x in np.atleast_1d(line.get_xdata())} == {2.8}
    last = results.training[results.training.step == results.training.step.max()]
    drawn = {round(float(x), 6) for line in accuracy.lines for x in np.atleast_1d(line.get_xdata())}
    assert {round(float(x), 6) for x in last.test_accuracy} <= drawn
    assert len(alignment) == len(results.alignment.drop_duplicates(["dataset", "roi"]).query("rule != 'low_level'"))


def test_figures_come_with_captions_that_name_what_they_show(folder: Path) -> None:
    plates = {plate.name: plate for plate in draw_all(Results.load(folder))}
    assert "P1 weight transport" in plates["scorecard-cnn"].caption
    assert "C3 no two stages" in plates[f"trade_off-cnn-{_slug(RSA)}"].caption


def _slug(name: str) -> str:
    from brainalign.report.style import slug

    return slug(name)
