"""The page is whole, self-contained, honest about simulation and refusal, and never half written."""

import errno
import json
import os
import re

import pandas as pd
import pytest
from synthetic_folder import SyntheticFolder

from brainalign.errors import DataError, SpecError, StorageError
from brainalign.report.page import write_report
from brainalign.report.table import contrast_tables, gate_table, p_value, training_table
from brainalign.tables import TABLES

SECTIONS = ("verdicts", "compared", "figures", "contrasts", "gates", "training", "methods", "provenance")


@pytest.fixture(scope="module")
def full_page(full_folder):
    return write_report(full_folder, formats=()).read_text(encoding="utf-8")


def test_page_holds_every_section_in_order(full_page):
    places = [full_page.index(f'<section id="{name}">') for name in SECTIONS]
    assert places == sorted(places)
    assert "RANKING NOT SUPPORTED" in full_page
    assert "At layer conv5 the data support the order backprop" in full_page
    assert "SIMULATED" not in full_page
    assert "3f9c0a7be1d24c55" in full_page
    assert "cifar10_jpeg is a lossy copy" in full_page
    assert full_page.count("<figure ") == 17


def test_page_loads_nothing_and_runs_nothing(full_page):
    references = re.findall(r'(?:src|href)="([^"]+)"', full_page)
    for reference in references:
        assert reference.startswith(("data:image/", "#", "https://doi.org/10.")), reference[:80]
    assert "https://doi.org/10.7554/eLife.82566" in references
    assert "<script" not in full_page
    assert "<link" not in full_page
    assert "@import" not in full_page
    assert "url(" not in full_page


def test_every_anchor_has_its_target(full_page):
    for target in re.findall(r'href="#([^"]+)"', full_page):
        assert f'id="{target}"' in full_page


def test_figures_are_written_in_three_formats_and_again_the_same(small_folder):
    folder = small_folder()
    write_report(folder)
    files = {path.name: path.read_bytes() for path in (folder / "figures").iterdir()}
    names = {name.rsplit(".", 1)[0] for name in files}
    assert set(files) == {f"{name}.{kind}" for name in names for kind in ("png", "svg", "pdf")}
    assert len(names) == 11  # 4 of scores, 6 of RDMs, 1 of learning
    for name, content in files.items():
        assert content.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[name.rsplit(".", 1)[1]])
    first = (folder / "report.html").read_bytes()
    write_report(folder, formats=("svg",))
    assert (folder / "report.html").read_bytes() == first


def test_simulated_is_said_when_flagged(small_folder):
    folder = small_folder(simulated=("cichy92",), with_images=False)
    text = write_report(folder, formats=()).read_text(encoding="utf-8")
    assert "SIMULATED: no brain was recorded for cichy92" in text
    assert "SIMULATED cichy92 · IT" in text
    assert not (folder / "figures").exists()


def test_names_are_escaped(small_folder):
    class Hostile(SyntheticFolder):
        def _study(self):
            return super()._study() | {"name": "<script>alert(1)</script>", "cautions": ["a < b & c"]}

    folder = small_folder(with_images=False)
    Hostile(with_images=False, rules=("untrained", "backprop"), n_layers=2, n_seeds=2).write(folder)
    text = write_report(folder, formats=()).read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "a &lt; b &amp; c" in text


def test_missing_column_is_one_line_and_leaves_no_page(small_folder):
    folder = small_folder(with_images=False)
    table = pd.read_csv(folder / "gates.csv")
    table.drop(columns="sentence").to_csv(folder / "gates.csv", index=False)
    with pytest.raises(DataError, match="'sentence'") as error:
        write_report(folder)
    assert "\n" not in str(error.value)
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize("earlier", [None, "the earlier page"])
def test_a_full_disk_leaves_no_half_page(small_folder, monkeypatch, earlier):
    folder = small_folder(with_images=False)
    if earlier:
        (folder / "report.html").write_text(earlier)
    real = os.replace

    def full_disk(source, target):
        if str(target).endswith("report.html"):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(StorageError, match="No space left"):
        write_report(folder, formats=())
    page = folder / "report.html"
    assert (page.read_text() if page.exists() else None) == earlier
    assert not list(folder.glob(".report*"))


def test_unknown_format_lists_the_known(small_folder):
    with pytest.raises(SpecError, match="png, svg, pdf"):
        write_report(small_folder(with_images=False), formats=("gif",))


def test_tables(full):
    declared, others = contrast_tables(full)
    # per ROI: 3 against untrained, 2 against backprop, 3 pairs; five further layers
    assert len(declared.rows) == 5 * 8
    assert len(others.rows) == 5 * 8 * 5
    assert len(declared.headings) == 5
    assert p_value(0.0) == "< 0.001"
    training = training_table(full)
    final = full.training.query("rule == 'backprop' and epoch == 20").test_accuracy
    assert f"{final.mean():.3f} ± {final.std(ddof=1):.3f}" in training.rows[0]
    assert all(row[4] in ("stop", "warn") for row in gate_table(full).rows)


def test_what_was_trained_by_older_code_stands_above_the_verdicts(small_folder):
    folder = small_folder(with_images=False)
    study = json.loads((folder / "study.json").read_text())
    study["stale"] = ["backprop", "feedback_alignment", "backprop"]
    (folder / "study.json").write_text(json.dumps(study))
    text = write_report(folder, formats=()).read_text(encoding="utf-8")
    said = "backprop and feedback alignment were trained by another version of the training code."
    notice = f'<p class="notice" role="note">{said} Run the study again with --retrain.</p>'
    assert text.index(notice) < text.index('<section id="verdicts">')


def test_who_was_left_out_stands_above_the_verdicts_and_in_a_table(small_folder):
    folder = small_folder(with_images=False)
    rows = [
        ("backprop", "cnn", "trained", "training", "", "The loss of seed 0 is nan."),
        ("stdp", "cnn", "trained", "checkpoint", "cichy92", "Layer 'conv1' is constant."),
    ]
    pd.DataFrame(rows, columns=list(TABLES["failures"].names)).to_csv(folder / "failures.csv", index=False)
    text = write_report(folder, formats=()).read_text(encoding="utf-8")
    notice = "backprop on cnn has no scores: The loss of seed 0 is nan. There is no contrast with backprop.</p>"
    assert text.index(notice) < text.index('<section id="verdicts">') < text.index("<h3>Left out</h3>")
    assert text.count('<p class="notice"') == 1  # an earlier checkpoint is in the table alone
    assert "Layer &#39;conv1&#39; is constant." in text
    assert "Not compared: backprop, since its training failed." in text


def test_a_page_without_either_says_nothing_of_them(full_page):
    assert 'class="notice"' not in full_page
    assert "Left out" not in full_page


def test_the_colour_of_a_verdict_is_its_state(full_page):
    assert full_page.count('<div class="verdict supported">') == 1
    assert full_page.count('<div class="verdict refused">') == 4
