"""Figures draw what the tables hold, in one look, and touch nobody's settings."""

import dataclasses

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from synthetic_folder import ENCODING, RSA, TARGETS, SyntheticFolder

from brainalign.alignment.mean_rdm import BRAIN, MeanRDM
from brainalign.alignment.result import AlignmentResult
from brainalign.report.figures.bars import Bars
from brainalign.report.figures.contrasts import Contrasts
from brainalign.report.figures.heatmap import Heatmap
from brainalign.report.figures.layer_profile import LayerProfile
from brainalign.report.figures.learning_curves import LearningCurves
from brainalign.report.figures.rdm_gallery import RdmGallery
from brainalign.report.figures.rule_mds import RuleMds
from brainalign.report.figures.stimulus_mds import StimulusMds
from brainalign.report.figures.time_course import TimeCourse
from brainalign.report.plates import draw_all
from brainalign.report.rule_style import rule_styles
from brainalign.report.shown_rdms import percentiles
from brainalign.report.style import slug

RDM = np.array([0.1, 0.3, 0.2])


def _texts(figure):
    return " ".join(text.get_text() for text in figure.findobj(mpl.text.Text))


@pytest.mark.parametrize(
    ("figure", "cell"),
    [
        (Bars, ("cnn", RSA)),
        (LayerProfile, ("cnn", RSA)),
        (Heatmap, ("cnn", ENCODING)),
        (Contrasts, ("cnn", RSA)),
        (RdmGallery, ("cichy92",)),
        (RuleMds, ("cichy92",)),
        (StimulusMds, ("cichy92", "IT")),
        (LearningCurves, ("cnn", "cifar10_jpeg")),
    ],
)
def test_every_figure_has_no_empty_panel_and_leaves_settings_alone(full, figure, cell):
    before = dict(mpl.rcParams)
    figure = figure().draw(full, *cell)
    assert isinstance(figure, Figure)
    assert dict(mpl.rcParams) == before
    assert all(axis.has_data() or axis.artists for axis in figure.axes)
    assert figure.get_figwidth() * 25.4 in (pytest.approx(89), pytest.approx(183))


def test_feedback_angles_have_a_panel_and_rules_without_have_no_curve_in_it(full):
    with_angles = LearningCurves().draw(full, "cnn", "cifar10_jpeg").axes
    axis = next(axis for axis in with_angles if "angle" in axis.get_ylabel())
    means = [line for line in axis.lines if line.get_linewidth() > 0.6]
    aligned = [rule for rule in full.rules if "alignment" in rule]
    assert len(means) == len(aligned) < len(full.rules)
    none = dataclasses.replace(full, training=full.training.assign(feedback_angle=None))
    assert len(LearningCurves().draw(none, "cnn", "cifar10_jpeg").axes) == len(with_angles) - 1


def test_bars_are_the_means_of_the_table_at_the_declared_layer(full):
    figure = Bars().draw(full, "cnn", RSA)
    axis = next(axis for axis in figure.axes if axis.get_title(loc="left").startswith("cichy92 · IT"))
    rows = full.scores.query("dataset == 'cichy92' and roi == 'IT' and layer == 'conv5'")
    widths = [patch.get_width() for patch in axis.patches if patch.get_height() == pytest.approx(0.8)]
    expected = [rows[rows.rule == rule].score.mean() for rule in full.rules]
    np.testing.assert_allclose(widths[:4], expected)
    assert [len(dots.get_offsets()) for dots in axis.collections] == [15, 5] * 4
    assert "conv5" in axis.get_title(loc="left")


def test_bars_without_a_declared_layer_are_the_mean_over_layers_not_the_best(small_folder):
    results = AlignmentResult.load(small_folder(ranking_layer=False, with_images=False))
    axis = Bars().draw(results, "cnn", RSA).axes[0]
    rows = results.scores.query("dataset == 'cichy92' and roi == 'IT' and rule == 'backprop'")
    assert axis.patches[0].get_width() == pytest.approx(rows.score.mean())
    assert axis.patches[0].get_width() < rows.groupby("layer").score.mean().max()
    assert "mean over 2 layers" in axis.get_title(loc="left")


def test_only_the_last_checkpoint_is_drawn(full):
    early = full.scores.query("rule == 'backprop'").assign(epoch=3, score=9.0)
    both = dataclasses.replace(full, scores=pd.concat([full.scores, early]))
    axis, other = (Bars().draw(results, "cnn", RSA).axes[0] for results in (full, both))
    assert axis.patches[0].get_width() == other.patches[0].get_width()


def test_a_recording_without_ceiling_says_so(full):
    axes = Bars().draw(full, "cnn", RSA).axes
    notes = dict(axis.get_title(loc="left").split("\n") for axis in axes)
    assert notes["kriegeskorte92 · monkeyIT"] == "layer conv5, no noise ceiling"
    assert notes["cichy92 · IT"] == "layer conv5"


def test_a_ceiling_with_one_bound_is_a_line(full):
    upper_only = dataclasses.replace(full, scores=full.scores.assign(ceiling_lower=np.nan))
    axis = Bars().draw(upper_only, "cnn", ENCODING).axes[0]
    assert "no noise ceiling" not in axis.get_title(loc="left")
    bands = [patch for patch in axis.patches if patch.get_width() == 0]
    assert [patch.get_x() for patch in bands] == [pytest.approx(0.79)]


def test_heatmap_prints_the_means(full):
    figure = Heatmap().draw(full, "cnn", RSA)
    grid = figure.axes[0].images[0].get_array()
    rows = full.scores.query("rule == 'backprop' and dataset == 'cichy92' and roi == 'EVC' and layer == 'conv1'")
    assert grid[-1, 0] == pytest.approx(rows.score.mean())
    scales = {axis.images[0].get_clim() for axis in figure.axes if axis.images}
    assert len(scales) == 1


def test_contrasts_are_filled_where_adjusted_p_is_small(full):
    figure = Contrasts().draw(full, "cnn", RSA)
    for axis in figure.axes:
        dataset, roi = axis.get_title(loc="left").split("\n")[0].split(" · ")
        points = [line for line in axis.lines if line.get_marker() != "None"]
        here = (full.contrasts.dataset == dataset) & (full.contrasts.roi == roi)
        rows = full.contrasts[here & (full.contrasts.layer == full.ranking_layer(roi))]
        for point in points:
            row = rows[np.isclose(rows.delta, point.get_xdata()[0])].iloc[0]
            assert (point.get_markerfacecolor() != "white") == (row.p_adjusted < 0.05)
        assert len(points) == 6


def test_a_missing_p_value_is_never_filled(full):
    blind = dataclasses.replace(full, contrasts=full.contrasts.assign(p_adjusted=np.nan))
    for axis in Contrasts().draw(blind, "cnn", RSA).axes:
        faces = {line.get_markerfacecolor() for line in axis.lines if line.get_marker() != "None"}
        assert faces == {"white"}


def test_percentiles_by_hand(full):
    small = dataclasses.replace(
        full.rdms[MeanRDM("cichy92", "IT")], dissimilarities=RDM[None], stimulus_ids=("a", "b", "c")
    )
    square = percentiles(dataclasses.replace(full, rdms={"x": small}), "x")
    np.testing.assert_allclose(square, 100 / 6 * np.array([[0, 1, 5], [1, 0, 3], [5, 3, 0]]))


def test_a_rule_has_one_colour_and_no_two_share_colour_and_marker():
    rules = ["backprop", *(f"rule_{letter}" for letter in "abcdefghijklm"), "untrained"]
    styles = rule_styles(rules)
    assert len({(style.colour, style.marker) for style in styles.values()}) == len(rules)
    red, green, blue = (int(to_hex(styles["untrained"].colour)[k : k + 2], 16) for k in (1, 3, 5))
    assert red == green == blue
    assert styles == rule_styles(rules)


def test_short_names_never_clash():
    short = {rule: style.short for rule, style in rule_styles(["feedback_alignment", "forward_a", "hebbian"]).items()}
    assert short == {
        "feedback_alignment": "feedback alignment",
        "forward_a": "forward a",
        "hebbian": "Hebbian learning",
    }


def test_dollar_signs_in_names_are_letters(small_folder):
    folder = small_folder(targets=(dataclasses.replace(TARGETS[1], roi="I$T$"),), with_images=False)
    assert "I$T$" in _texts(Bars().draw(AlignmentResult.load(folder), "cnn", RSA))


def test_simulated_is_in_the_titles_of_simulated_panels_only(small_folder):
    results = AlignmentResult.load(small_folder(simulated=("cichy92",)))
    for plate in draw_all(results):
        shows = "cichy92" in _texts(plate.figure)
        assert ("SIMULATED" in _texts(plate.figure)) == shows, plate.name
        assert ("SIMULATED" in plate.caption) == shows, plate.name
        assert ("SIMULATED" in plate.title) == shows, plate.name


def test_a_recording_named_simulated_says_so_once(small_folder):
    target = dataclasses.replace(TARGETS[1], dataset="simulated")
    results = AlignmentResult.load(small_folder(targets=(target,), simulated=("simulated",), with_images=False))
    assert results.dataset_label("simulated") == "SIMULATED"


def test_times_and_undeclared_layers_get_their_own_figures(tmp_path):
    times = (0.0, 0.1, 0.2)
    folder = SyntheticFolder(targets=TARGETS[1:2], n_layers=2, n_seeds=2, times=times, with_images=False)
    results = AlignmentResult.load(folder.write(tmp_path / "a"))
    names = [plate.name.split("-")[0] for plate in draw_all(results)]
    assert names == ["bars", "layers", "heatmap", "time_course", "contrast_profile", "learning"]
    axis = TimeCourse().draw(results, "cnn", RSA).axes[0]
    np.testing.assert_allclose(axis.lines[1].get_xdata(), [0, 100, 200])
    folder = dataclasses.replace(folder, times=(np.nan,), ranking_layer=False)
    results = AlignmentResult.load(folder.write(tmp_path / "b"))
    assert "contrast_profile" in [plate.name.split("-")[0] for plate in draw_all(results)]


def test_file_names():
    assert slug("bars", "cnn", "a|b:c/d") == "bars-cnn-a_b_c_d"


def test_the_gallery_says_whose_dissimilarity_is_which(full):
    rdms = {
        key: rdm if key.role == BRAIN else dataclasses.replace(rdm, measure="squared_euclidean")
        for key, rdm in full.rdms.items()
    }
    texts = _texts(RdmGallery().draw(dataclasses.replace(full, rdms=rdms), "cichy92"))
    assert "cichy92 · IT, correlation distance; networks at layer conv5, squared Euclidean distance" in texts
