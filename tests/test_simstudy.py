"""The simulation study appends rows, goes on where it stopped, and writes its page from the rows alone."""

import csv

import numpy as np
import pytest

from benchmarks import simstudy
from benchmarks.measure_worlds import measured
from benchmarks.worlds import World, stream
from brainalign import provenance


@pytest.fixture
def two_worlds(monkeypatch):
    worlds = (World(6, 20, 3), World(8, 20, 3))
    calls = []

    def study(world, n, comparator):
        calls.append(world)
        return simstudy.null(world, n, comparator)

    monkeypatch.setattr(simstudy, "STUDIES", {"null": (study, worlds, ("corr",), 1.0)})
    return calls


def test_a_run_that_stopped_goes_on(tmp_path, two_worlds) -> None:
    path = tmp_path / "simstudy.csv"
    simstudy.run(path, 20)
    whole = path.read_text("utf-8")
    assert len(two_worlds) == 2
    lines = whole.splitlines(keepends=True)
    path.write_text("".join(lines[:3]), "utf-8")  # the header and the first world
    simstudy.run(path, 20)
    assert path.read_text("utf-8") == whole
    assert len(two_worlds) == 3


def test_rows_of_other_code_are_counted_and_computed_again_only_if_asked(tmp_path, two_worlds, capsys) -> None:
    path = tmp_path / "simstudy.csv"
    simstudy.run(path, 20)
    assert simstudy.outdated(path) == set()
    rows = simstudy.rows_of(path)
    whole = path.read_text("utf-8")
    simstudy.write_rows(
        path, [row | {"code": "0" * 16, "value": "9"} if row["design"] == "6x20x3" else row for row in rows]
    )
    simstudy.run(path, 20)
    assert "Rows of 1 worlds rest on other code" in capsys.readouterr().err
    assert len(two_worlds) == 2
    simstudy.run(path, 20, again=True)
    assert len(two_worlds) == 3
    assert path.read_text("utf-8") == whole


def test_a_row_rests_on_the_measure_that_is_found_by_its_name(monkeypatch) -> None:
    simstudy.code_of.cache_clear()
    before = simstudy.code_of("fitted measures", "pls"), simstudy.code_of("fitted measures", "cca")
    assert before[0] != before[1]
    read = provenance._module

    def changed(path, written):
        found = read(path, written)
        return found._replace(digest="other") if path.name == "pls.py" else found

    monkeypatch.setattr(provenance, "_module", changed)
    simstudy.code_of.cache_clear()
    after = simstudy.code_of("fitted measures", "pls"), simstudy.code_of("fitted measures", "cca")
    simstudy.code_of.cache_clear()
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_rows_hold_monte_carlo_errors_and_the_page_is_made_of_them(tmp_path, two_worlds) -> None:
    path = tmp_path / "simstudy.csv"
    simstudy.run(path, 20)
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert [row["design"] for row in rows] == ["6x20x3", "6x20x3", "8x20x3", "8x20x3"]
    assert all(float(row["mc_error"]) > 0 for row in rows)
    page = simstudy.page(path)
    assert page.count("| rsa corr |") == len(rows)
    assert "| 6x20x3 | rsa corr | leave one out | p < .05 |" in page


def test_the_stored_page_is_that_of_the_stored_rows() -> None:
    path = simstudy.FOLDER / "simstudy.csv"
    assert (simstudy.FOLDER / "simstudy.md").read_text("utf-8") == simstudy.page(path)


#: Tests over times and places.
_MAPS = ("clusters", "TFCE", "gate G8", "fusion", "searchlight")


def _shipped(test: str) -> bool:
    """Return whether a test is one of the package, as it is by default."""
    if "not shipped" in test:
        return False
    return test.startswith(("leave one out", "stimulus-label permutation", "max-T", "sign flips", "TOST at", *_MAPS))


def test_stored_rates_are_nominal_and_invalid_methods_are_caught() -> None:
    rows = simstudy.rows_of(simstudy.FOLDER / "simstudy.csv")
    for row in rows:
        rate, n = float(row["value"]), int(row["n"])
        slack = 2.6 * (0.05 * 0.95 / n) ** 0.5
        if row["quantity"] in ("p < .05", "p <= .05") and _shipped(row["test"]):
            assert rate <= 0.05 + slack, row
        if row["test"] == "ranking supported":
            assert rate <= 0.05 + slack, row
        if row["study"] == "coverage" or (row["quantity"] == "holds the true one" and "INVALID" not in row["test"]):
            assert rate >= 0.95 - slack, row
    invalid = [float(row["value"]) for row in rows if row["test"].startswith("INVALID")]
    assert not invalid or max(invalid) > 0.15
    studies = {row["study"] for row in rows}
    assert {"coverage", "equivalence", "times", "sign flips", "latencies", "measures", "fitted measures"} <= studies
    assert {"tests over times", "fusion", "measures of few stimuli"} <= studies


def test_rules_that_differ_by_accuracy_alone_do_not_differ_at_equal_accuracy() -> None:
    rows = [row for row in simstudy.rows_of(simstudy.FOLDER / "simstudy.csv") if row["study"] == "equal accuracy"]
    value = {(row["world"].split(",")[0], row["test"]): float(row["value"]) for row in rows}
    compared = value["accuracy", "checkpoints of equal accuracy"] * int(rows[0]["n"])
    assert compared > 100
    assert value["accuracy", "at the end"] > 0.5
    assert value["accuracy", "at equal accuracy, of these"] <= 0.05 + 2.6 * (0.05 * 0.95 / compared) ** 0.5
    assert value["accuracy and rule", "at equal accuracy, of these"] > 0.8


@pytest.mark.parametrize(
    "study",
    ["coverage", "equivalence", "times", "sign flips", "latencies", "fusion", "tests over times", "equal accuracy"],
)
def test_further_studies_give_rates_with_errors(study: str) -> None:
    function, worlds, comparators, _ = simstudy.STUDIES[study]
    found = list(function(worlds[0], 60 if study == "equal accuracy" else 4, comparators[0]))
    assert found
    assert all(0 <= value <= 1 and error > 0 for _, value, error in found)


@pytest.mark.parametrize("name", ["linear_cka", "procrustes", "regression_rsa", "weighted_rsa", "encoding"])
def test_two_rules_are_equal_in_the_worlds_of_measures(name: str) -> None:
    world = World(2, 40, 2, "features", n_features=12)
    delta = []
    for k in range(6):
        observed = measured(name, world, stream(world, k)).observed
        assert observed.shape == (4, 2)
        delta.append(observed[:2].mean() - observed[2:].mean())
    assert abs(np.mean(delta)) < 4 * np.std(delta, ddof=1) / np.sqrt(6)
