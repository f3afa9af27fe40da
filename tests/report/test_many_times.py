"""300 times: every figure is drawn, the page stays of a size to read, and verdicts count times."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from synthetic_folder import RSA, TARGETS, SyntheticFolder

from brainalign.alignment.result import AlignmentResult
from brainalign.report.figures.bars import Bars
from brainalign.report.figures.layer_profile import LayerProfile
from brainalign.report.figures.time_course import TimeCourse
from brainalign.report.page import write_report
from brainalign.report.plates import draw_all
from brainalign.report.scores import final_scores, low_level_scores, peak_times
from brainalign.report.table import MOST_ROWS, contrast_tables, gate_table
from brainalign.report.verdict import NOT_SUPPORTED, verdicts

TIMES = tuple(np.round(np.arange(-100, 500, 2) / 1000, 3))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    target = dataclasses.replace(TARGETS[1], n_subjects=6, dataset="eeg")
    made = SyntheticFolder(targets=(target,), n_layers=2, n_seeds=2, times=TIMES, with_images=False)
    return made.write(tmp_path_factory.mktemp("times"))


@pytest.fixture(scope="module")
def results(folder) -> AlignmentResult:
    return AlignmentResult.load(folder)


@pytest.fixture(scope="module")
def open_study(results) -> AlignmentResult:
    """The same without a declared layer."""
    return dataclasses.replace(results, facts={**results.facts, "spec": {}})


def test_the_page_of_300_times_is_written_and_says_what_it_leaves_out(folder):
    text = write_report(folder, formats=()).read_text("utf-8")
    assert "Scores by time, cnn, RSA score (Spearman ρ)" in text
    assert "Shown are 8 of 2400 contrasts: those at the time of the highest mean score" in text
    assert "more sentences of these gates, at other layers and times, are in gates.csv" in text
    assert "chosen on the same data" in text
    assert text.count("<tr") < 200
    assert len(text) < 2_000_000


def test_the_time_course_is_the_mean_with_its_error_over_subjects(results):
    figure = TimeCourse().draw(results, "cnn", RSA)
    assert len(figure.axes) == len(results.layers("cnn")) == 2
    axis = figure.axes[1]
    rows = results.scores[(results.scores.rule == "backprop") & (results.scores.layer == "readout")]
    subjects = rows.groupby(["time", "subject"]).score.mean().unstack()
    drawn = next(line for line in axis.lines if line.get_color() == "#1A1A1A")
    np.testing.assert_allclose(drawn.get_xdata(), 1000 * np.array(TIMES))
    np.testing.assert_allclose(drawn.get_ydata(), subjects.mean(axis=1))
    band = axis.collections[0].get_paths()[0].vertices
    middle = band[np.isclose(band[:, 0], 170)][:, 1]
    error = subjects.loc[0.17].std(ddof=1) / math.sqrt(6)
    assert np.ptp(middle) == pytest.approx(2 * error)
    thin = [line for line in axis.lines if line.get_linewidth() == 0.5 and line.get_color() == "0.45"]
    assert len(thin) == 3  # pixels, luminance, gabor
    onset = [line for line in axis.lines if list(line.get_xdata()) == [0, 0]]
    assert len(onset) == 1
    assert "layer readout (declared)" in axis.get_title(loc="left")
    assert "Vertical line: onset." in TimeCourse().caption(results, "cnn", RSA)


def test_one_time_has_no_time_course(full):
    assert TimeCourse().cells(full) == []


def test_a_value_per_layer_is_that_of_the_peak_and_says_so(open_study):
    scores = final_scores(open_study, "cnn", RSA)
    ((_, peak),) = peak_times(scores).items()
    assert peak == scores.groupby("time").score.mean().idxmax()
    assert 0.15 < peak < 0.19
    axis = Bars().draw(open_study, "cnn", RSA).axes[0]
    rows = scores[(scores.rule == "backprop") & (scores.time == peak)]
    assert axis.patches[0].get_width() == pytest.approx(rows.score.mean())
    assert f"{1000 * peak:.0f} ms" in axis.get_title(loc="left")
    for figure in (Bars, LayerProfile):
        caption = figure().caption(open_study, "cnn", RSA)
        assert "the time of the highest mean over rules and layers, chosen on the same data" in caption
        assert f"{1000 * peak:.0f} ms (eeg IT)" in caption
    controls = low_level_scores(open_study, "eeg", "IT", RSA, peak)
    own = open_study.low_level[open_study.low_level.time == peak]
    assert controls["gabor"] == pytest.approx(own[own.layer == "gabor"].score.mean())


def test_every_figure_copes(open_study):
    names = [plate.name.split("-")[0] for plate in draw_all(open_study)]
    assert names == ["bars", "layers", "heatmap", "time_course", "learning"]


def _supported(results: AlignmentResult, times: list[float]) -> AlignmentResult:
    ranks, wanted = results.ranks, results.ranks.time.isin(times) & (results.ranks.layer == "readout")
    order = ranks.rank_low.where(~wanted, ranks["rank"])
    high = ranks.rank_high.where(~wanted, ranks["rank"])
    return dataclasses.replace(results, ranks=ranks.assign(supported=wanted, rank_low=order, rank_high=high))


def test_a_verdict_counts_times(open_study):
    found = _supported(open_study, [time for time in TIMES if 0.096 <= time <= 0.140])
    (verdict,) = verdicts(found)
    assert verdict.state == "limited"
    assert verdict.statements[0] == f"{NOT_SUPPORTED} in 577 of 600 cells."
    assert verdict.statements[1].startswith(
        "At layer readout an order is supported at 23 of 300 times, 96 to 140 ms. At "
    )
    assert "it is backprop (rank 1) > " in verdict.statements[1]
    assert len(verdict.statements) == 2


def test_tables_of_the_page_are_limited(open_study):
    declared, others = contrast_tables(open_study)
    assert others is None
    assert len(declared.rows) == 16
    assert len(gate_table(open_study).rows) <= 6
    many = pd.concat([open_study.contrasts.assign(roi=f"roi {k}", time=math.nan) for k in range(3)], ignore_index=True)
    limited, _ = contrast_tables(dataclasses.replace(open_study, contrasts=many))
    assert len(limited.rows) == MOST_ROWS
    assert f"those the first {MOST_ROWS}" in limited.note
