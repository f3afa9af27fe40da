"""A result that no folder holds: figures, verdicts, methods and page; written, and read again as it was."""

import contextlib
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure as Drawing

from brainalign.alignment.align import align
from brainalign.alignment.result import AlignmentResult
from brainalign.comparisons.rsa import RSA as Geometry
from brainalign.errors import DataError, SpecError, StorageError
from brainalign.report.figure import figures
from brainalign.report.methods_text import methods_text
from brainalign.report.page import page_of, write_report
from brainalign.report.plates import draw_all
from brainalign.report.verdict import verdicts
from brainalign.specs import RecordingSpec, ScoringSpec
from tests.synthetic_world import World

WORLD = World(n_stimuli=24, n_subjects=6, n_seeds=3, n_channels=5)
RSA = "rsa spearman"
RSA_OF_FULL = Geometry().label


@pytest.fixture(scope="module")
def found() -> AlignmentResult:
    scoring = ScoringSpec(n_bootstrap=100, ranking_layer={"V1": "hidden2"})
    return align(WORLD.instances(), WORLD.source(), RecordingSpec("made_up", measures=("rsa", "encoding")), scoring)


def test_all_that_its_tables_can_fill_is_drawn_and_nothing_else(found: AlignmentResult) -> None:
    names = [plate.name for plate in draw_all(found)]
    kinds = ("bars", "layers", "heatmap", "contrasts")
    assert names == [f"{kind}-mlp-{measure}" for measure in ("rsa_spearman", "encoding_ridge") for kind in kinds]


def test_verdict_methods_and_page_say_what_was_compared(found: AlignmentResult) -> None:
    headings = [one.heading for one in verdicts(found)]
    assert headings == [
        f"made_up · V1 · mlp · {title}" for title in ("RSA score (Spearman ρ)", "Encoding score (Pearson r)")
    ]
    text = " ".join(methods_text(found).paragraphs)
    assert "We trained" not in text
    assert "made_up (Made-up brain) [1] holds responses (made up) to 24 stimuli in V1 (6 subjects)" in text
    assert "hidden2 for V1" in text
    page = page_of(found)
    assert page.count("<figure id=") == 8
    assert "Inference extends to new subjects" in page


def test_it_is_written_and_read_as_it_was(found: AlignmentResult, tmp_path: Path) -> None:
    folder = found.save(tmp_path / "kept")
    assert not (folder / "training.csv").exists()
    read = AlignmentResult.load(folder)
    for name, table in found.tables.items():
        pd.testing.assert_frame_equal(read.tables[name], table, rtol=1e-8, check_dtype=False, check_categorical=False)
    assert read.scope_sentences == found.scope_sentences
    assert read.ranking_layer("V1") == "hidden2"
    assert [plate.name for plate in draw_all(read)] == [plate.name for plate in draw_all(found)]
    assert write_report(folder, formats=()).exists()
    (folder / "gates.csv").write_text("gate\n")
    with pytest.raises(DataError, match=r"'gates.csv' in .* is not what the study wrote"):
        AlignmentResult.load(folder)


def test_a_folder_of_something_else_is_left_alone(found: AlignmentResult, tmp_path: Path) -> None:
    found.save(tmp_path)
    with pytest.raises(StorageError, match=r"holds study 'made_up', not 'another'"):
        found.with_facts(name="another").save(tmp_path)


# -- drawn where somebody says ----------------------------------------------------------------------------------------


def test_a_figure_with_one_panel_is_drawn_into_axes(found: AlignmentResult) -> None:
    mine = Drawing(figsize=(8, 4), layout="constrained")
    left, right = mine.subplots(1, 2)
    made = figures()["bars"]()
    alone = made.draw(found, "mlp", RSA)
    assert isinstance(alone, Drawing)
    assert made.draw(found, "mlp", RSA, on=left) is left
    assert [one.get_width() for one in left.patches] == [one.get_width() for one in alone.axes[0].patches]
    assert mine.get_size_inches().tolist() == [8, 4]
    assert mine.axes == [left, right]
    assert not right.has_data()


def test_a_figure_with_several_panels_is_drawn_into_a_part_of_a_figure_and_refuses_axes(full: AlignmentResult) -> None:
    mine = Drawing(figsize=(12, 4), layout="constrained")
    one, other = mine.subfigures(1, 2)
    made = figures()["layer_profile"]()
    assert made.draw(full, "cnn", RSA_OF_FULL, on=one) is one
    assert len(one.axes) == 4
    assert other.axes == []
    assert mine.get_size_inches().tolist() == [12, 4]
    axis = other.subplots()
    with pytest.raises(SpecError, match=r"has 4 panels and cannot be drawn into one Axes. Give a SubFigure") as error:
        made.draw(full, "cnn", RSA_OF_FULL, on=axis)
    assert "\n" not in str(error.value)
    assert not axis.has_data()
    assert made.draw(full.only(dataset="cichy92", roi="IT"), "cnn", RSA_OF_FULL, on=axis) is axis


@pytest.mark.parametrize("name", sorted(figures()))
def test_every_figure_is_drawn_into_a_part_or_says_why_not_into_axes(name: str, full: AlignmentResult) -> None:
    made = figures()[name]()
    cells = list(made.cells(full))
    if not cells:
        pytest.skip("the synthetic study has nothing of it")
    mine = Drawing(figsize=(10, 8), layout="constrained")
    part, rest = mine.subfigures(1, 2)
    before = dict(mpl.rcParams)
    assert made.draw(full, *cells[0], on=part) is part
    several = bool(part.subfigs) or len([one for one in part.axes if one.get_label() != "<colorbar>"]) > 1
    axis = rest.subplots()
    with pytest.raises(SpecError, match="cannot be drawn into one Axes") if several else contextlib.nullcontext():
        assert made.draw(full, *cells[0], on=axis) is axis
    assert dict(mpl.rcParams) == before


# -- a part of a result -----------------------------------------------------------------------------------------------


def test_a_part_keeps_controls_and_families(full: AlignmentResult) -> None:
    part = full.only(roi="IT", layer="conv5", network="cnn")
    assert set(part.network_scores.layer) == {"conv5"}
    assert set(part.low_level.layer) == {"pixels", "luminance", "gabor"}
    assert set(part.contrasts.roi) == {"IT"}
    whole = full.contrasts[(full.contrasts.roi == "IT") & (full.contrasts.layer == "conv5")]
    np.testing.assert_array_equal(part.contrasts.p_adjusted, whole.p_adjusted)
    assert {key.roi for key in part.rdms} == {"IT"}
    with pytest.raises(SpecError, match=r"No score of a network has layer 'fc9' here. Choose among: conv1, conv2"):
        full.only(roi="IT", layer="fc9")
