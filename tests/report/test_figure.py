"""Figures are found by their files, say what they need, and stand in one order."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from synthetic_folder import RSA

import brainalign.report.figures
from brainalign.alignment.result import AlignmentResult
from brainalign.discovery import in_package
from brainalign.report.contrast_rows import rival_names
from brainalign.report.figure import SECTIONS, Figure, figures
from brainalign.report.page import write_report
from brainalign.report.plates import draw_all, has_rows

OWN = '''
from brainalign.report.figure import Figure
from brainalign.report.style import new_figure


class SeedCount(Figure):
    """How many seeds there are."""

    file, heading, section, place = "seed_count", "Seeds", "training", 1
    needs = {"training": ("network", "seed")}

    def cells(self, results):
        return [(network,) for network in dict.fromkeys(results.training.network)]

    def draw(self, results, *cell):
        figure = new_figure(2, 1)
        figure.subplots().bar([0], results.training.seed.nunique())
        return figure

    def caption(self, results, *cell):
        return f"{results.training.seed.nunique()} seeds of {cell[0]}."
'''


@pytest.fixture
def new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that a user adds to the figures."""
    home = tmp_path / "own"
    home.mkdir()
    monkeypatch.setattr(brainalign.report.figures, "__path__", [*brainalign.report.figures.__path__, str(home)])
    in_package.cache_clear()
    yield home / "seed_count.py"
    sys.modules.pop("brainalign.report.figures.seed_count", None)
    in_package.cache_clear()


def test_adding_a_file_adds_a_figure_to_the_page(new_file: Path, small_folder) -> None:
    new_file.write_text(OWN)
    assert "seed_count" in figures()
    text = write_report(small_folder(with_images=False), formats=()).read_text("utf-8")
    assert text.index("Learning curves, cnn on cifar10_jpeg") < text.index("Seeds, cnn") < text.index("2 seeds of cnn.")


def test_a_figure_without_rows_is_left_out(full: AlignmentResult) -> None:
    left = replace(full, contrasts=full.contrasts.iloc[:0], training=full.training.drop(columns="feedback_angle"))
    kinds = {plate.name.partition("-")[0] for plate in draw_all(replace(left, rdms={}))}
    assert kinds == {"bars", "layers", "heatmap"}
    assert not has_rows(figures()["scorecard"], full)


def test_every_figure_has_a_place_and_file_names_of_its_own() -> None:
    found = figures().values()
    assert all(issubclass(one, Figure) and one.section in SECTIONS for one in found)
    assert len({one.file for one in found}) == len({(one.section, one.place) for one in found}) == len(found)


def test_a_rules_own_networks_before_training_are_called_untrained(full: AlignmentResult) -> None:
    pairs = [("untrained", "untrained"), ("hebbian", "own_start"), ("backprop", "trained")]
    rows = pd.DataFrame(pairs, columns=["rule_b", "role_b"])
    names = {rule: rule.upper() for rule in (*full.rules, "hebbian")}
    assert rival_names(full, rows, names) == ["UNTRAINED", "UNTRAINED", "BACKPROP"]


def test_words_of_a_page_are_those_of_the_measure(small_folder) -> None:
    folder = small_folder(with_images=False)
    table = pd.read_csv(folder / "measures.csv")
    said = {"sentence": "We counted {citation} sheep of {layers}.", "ceiling": "all sheep.", "citation": "Wool W."}
    table = table.assign(title="Sheep (head)", axis="Sheep", **said)
    table.to_csv(folder / "measures.csv", index=False)
    assert set(table.measure) == {RSA}
    text = write_report(folder, formats=()).read_text("utf-8")
    assert "Scores of the rules, cnn, Sheep (head)" in text
    assert "Grey: all sheep." in text
    assert "sheep of correlation distance." in text
    assert "Wool W." in text
    assert "RSA" not in text.replace("RSA score", "")
