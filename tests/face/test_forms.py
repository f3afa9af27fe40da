"""Every noun prints a few lines and has a form for notebooks, without anything from elsewhere."""

import re
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import brainalign as ba
from brainalign.datasets.pictures import Pictures
from brainalign.recordings.source import recording_sources
from brainalign.summary import Summary, changed, shortened, some, span
from tests.small import a_checkpoint

LONG = [f"a rather long name of a stimulus, number {k}\nwith a line break" for k in range(60)]


@cache
def _trained() -> ba.Trained:
    history = pd.DataFrame({"step": [0, 0, 12, 12], "test_accuracy": [0.1, 0.1, 0.5, 0.7], "test_loss": [2.0, 2, 1, 1]})
    return ba.Trained(a_checkpoint(), history, pd.DataFrame(), (Path("step-0.safetensors"),), "code")


def _recording() -> ba.Recording:
    rois = {f"ROI {k}": np.arange(40) % (k + 2) == 0 for k in range(20)}
    return ba.Recording.from_array(np.ones((60, 40, 3)), LONG, times=[0, 0.1, 0.2], rois=rois, runs=["a"] * 60)


def _stimuli() -> ba.Stimuli:
    return ba.Stimuli(LONG, np.zeros((60, 300, 200, 3), np.uint8), "a set", labels=LONG[::-1])


def _rdms() -> ba.RDMs:
    values = np.random.default_rng(0).random((3, 1770))
    return ba.RDMs(values, tuple(LONG), "correlation", {"subject": ("s1", "s2", "s3")})


def _study() -> ba.StudySpec:
    rules = ("backprop", "untrained", "feedback_alignment", "hebbian", "stdp", "pepita", "forward_forward")
    populations = [ba.TrainSpec(rule, "mlp", "digits", network_options={"widths": [9] * 40}) for rule in rules]
    return ba.StudySpec("all", "Every rule", populations, [ba.RecordingSpec("simulated", options={"seed": 3})])


def _scorecard() -> ba.Scorecard:
    rows = [
        {"rule": f"rule {k}", "network": "mlp", "probe": f"P{p}", "pass": p % 2 == 0, "outcome": 1.0, "certified": True}
        for k in range(9)
        for p in range(30)
    ]
    return ba.Scorecard(pd.DataFrame(rows))


#: A real instance of every noun, with as much in it as there may be.
NOUNS: dict[str, Callable[[], Any]] = {
    "LayerRDMs": lambda: ba.LayerRDMs(
        {f"layer {k}": ba.RDMs(np.arange(1770.0)[None], tuple(LONG), "correlation") for k in range(50)}
    ),
    "Activations": lambda: ba.Activations({f"layer {k}": np.ones((60, 9)) for k in range(50)}, tuple(LONG)),
    "AlignmentResult": ba.example,
    "BrainMaps": ba.example_maps,
    "Checkpoint": a_checkpoint,
    "Encoding": ba.Encoding,
    "Origin": ba.Origin,
    "Patterns": lambda: ba.Patterns(np.ones((60, 9)), LONG, "Features"),
    "Preprocessing": lambda: ba.Preprocessing(3, (224, 224), (0.5,) * 3, (0.2,) * 3),
    "Projection": lambda: ba.Projection(4096),
    "RDMs": _rdms,
    "RSA": lambda: ba.RSA(partial=("pixels",), semi=True),
    "Recording": _recording,
    "RecordingSource": lambda: ba.recording("simulated", n_subjects=3, training={"epochs": 3}),
    "RecordingSpec": lambda: ba.RecordingSpec("simulated", options={f"option_{k}": k for k in range(60)}),
    "Runtime": ba.Runtime,
    "Scorecard": _scorecard,
    "ScoringSpec": lambda: ba.ScoringSpec(ranking_layer={f"ROI {k}": "hidden2" for k in range(60)}),
    "Shown": lambda: ba.Shown(
        ba.Activations({"a": np.ones((2, 3))}, ("x", "y"), origin=ba.Origin(f"net {k}")) for k in range(30)
    ),
    "Stimuli": _stimuli,
    "StudySpec": _study,
    "TrainSpec": lambda: _study().populations[0],
    "Trained": _trained,
}
#: Exported classes that are for deriving from, or are raised.
BASES = ("Architecture", "BrainalignError", "Comparison", "Dataset", "Dissimilarity", "Figure", "LearningRule", "Probe")
#: Whose form in notebooks is what any dataclass prints: options in one line.
OPTIONS = ("Encoding", "Origin", "Preprocessing", "Projection", "RSA", "Runtime")


class _Reader(HTMLParser):
    """Collects tags and addresses, and whether tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href", "xlink:href", "data")]
        if tag not in ("img", "br", "hr", "meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_there_is_an_instance_of_every_noun() -> None:
    classes = {name for name in ba.__all__ if isinstance(getattr(ba, name), type)}
    assert classes == {*NOUNS, *BASES}
    for name, make in NOUNS.items():
        assert isinstance(make(), getattr(ba, name))


@pytest.mark.parametrize("name", NOUNS)
def test_a_noun_prints_five_lines_at_most(name: str) -> None:
    lines = repr(NOUNS[name]()).splitlines()
    assert 1 <= len(lines) <= 5
    most = 700 if name in OPTIONS else 120
    assert all(line.strip() and len(line) <= most for line in lines)
    assert "object at 0x" not in "".join(lines)


@pytest.mark.parametrize("name", sorted(set(NOUNS) - set(OPTIONS)))
def test_the_form_for_notebooks_is_whole_and_asks_for_nothing_elsewhere(name: str) -> None:
    html = NOUNS[name]()._repr_html_()
    reader = _Reader()
    reader.feed(html)
    assert reader.open == []
    assert all(address.startswith("data:image/png;base64,") for address in reader.addresses)
    assert not re.search(r"<(script|link|iframe)|url\(|@import", html)
    assert len(html) < 400_000


@pytest.mark.parametrize("name", recording_sources())
def test_every_source_prints_itself_without_reading_data(name: str, tmp_path: Path) -> None:
    source = ba.recording(name, data_dir=str(tmp_path))
    assert len(repr(source).splitlines()) <= 5
    assert repr(source).startswith(f"Recordings {source.label}")
    assert f"data_dir = {str(tmp_path)!r}"[:20] in repr(source)


def test_own_recordings_and_pictures_of_many_sizes_print_what_they_hold() -> None:
    pictures = Pictures([np.zeros((8, 8, 3), np.uint8), np.full((20, 30, 3), 9, np.uint8)])
    shown = ba.Stimuli(("a", "b"), pictures, "two")
    assert "8 x 8 to 20 x 30 pixels, RGB" in repr(shown)
    assert shown._repr_html_().count("<img") == 2
    own = ba.own_recording(None, trials=np.ones((4, 3)) * np.arange(4)[:, None], ids=list("abab"), name="mine")
    assert repr(own).splitlines()[0] == "Recordings mine: mine"
    assert "subjects: s01" in repr(own)


def test_what_is_written_into_html_is_escaped() -> None:
    html = Summary("<b>", {"<i>": "a & b"}).html()
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert "a &amp; b" in html


def test_pieces_of_summaries() -> None:
    assert Summary("a", {str(k): "b" for k in range(9)}).text().count("\n") == 4
    assert shortened("a" * 200).endswith("...")
    assert len(shortened("a" * 200)) == 118
    assert some("abcdefg") == "a, b, c, d, ... (7)"
    assert span([0, 0.5, 2], "s") == "0 to 2 s"
    assert span([3]) == "3"
    assert changed(ba.Runtime(compile=True)) == "compile = True"
    assert changed(ba.Runtime(compile=True), without=("compile",)) == ""
