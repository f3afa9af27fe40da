"""Empty collections: where leaving something out means all of it, an empty list of it is refused, never read as all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import brainalign as ba
from brainalign.errors import BrainalignError
from brainalign.specs import StudySpec
from brainalign.study import run_study
from brainalign.study_file import study_from_table
from tests.searchlights.worlds import brain, model

IDS = [f"p{k:02d}" for k in range(12)]
IMAGES = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
RDMS = np.random.default_rng(1).random((4, 66))
TRIALS = list(np.random.default_rng(2).normal(size=(3, 24, 5)))
NET = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 4))
SHOWN = ba.Stimuli(tuple(IDS), IMAGES, "pictures")


def _own(**options: Any) -> object:
    return ba.own_recording(**{"stimuli": None, "trials": TRIALS, "ids": IDS * 2, **options})


def _own_rdms(**options: Any) -> object:
    return ba.own_recording(**{"stimuli": None, "rdms": RDMS, "ids": IDS, **options})


def _show(**options: Any) -> ba.Shown:
    return ba.show(**{"model": NET, "stimuli": SHOWN, "transform": "pixels", "name": "mine", **options})


def _align(**options: Any) -> object:
    given = {"nets": ba.example_networks(), "brain": "simulated", "measures": ["rsa"], **options}
    return ba.align(given.pop("nets"), given.pop("brain"), **given)


def _study(table: str, key: str, value: object) -> StudySpec:
    whole: dict[str, Any] = {
        "name": "one",
        "readout_only": False,
        "training": {"dataset": "digits", "network": "mlp", "seeds": [0, 1], "epochs": 0.1},
        "rules": {"untrained": {}, "backprop": {}},
        "recordings": [{"dataset": "simulated"}],
    }
    place = whole["recordings"][0] if table == "recordings" else whole[table] if table else whole
    place[key] = value
    return study_from_table(whole)


def _searchlight(**options: Any) -> object:
    one, truth = model(0)
    given = {"models": one, "brain": [brain(0, 14, truth, "a")], "radius": 5, **options}
    return ba.searchlight(**given)


EMPTY: list[tuple[str, Callable[[], object]]] = [
    ("rois is empty", lambda: _own(rois={})),
    ("rois is empty", lambda: _own(rois=[])),
    ("rois is empty", lambda: _own_rdms(rois="")),
    ("rois is empty", lambda: _own_rdms(rois=[])),
    ("0 different names of subjects", lambda: _own(subjects=[])),
    ("0 different names for 4 subjects", lambda: _own_rdms(subjects=[])),
    ("say \\(0, 5, 1\\)", lambda: _own(ids=[])),
    ("0 are given", lambda: _own(times=[])),
    ("0 times", lambda: _own_rdms(times=[])),
    ("trials is empty", lambda: _own(trials=[])),
    ("trials is empty", lambda: _own(trials={})),
    ("rdms is empty", lambda: _own_rdms(rdms={})),
    ("RDMs have shape \\(0,\\)", lambda: _own_rdms(rdms=[])),
    ("stimuli is empty", lambda: _own_rdms(stimuli=[])),
    ("stimuli is empty", lambda: _own_rdms(stimuli=IMAGES[:0])),
    ("mask of ROI 'a' is empty", lambda: _own(rois={"a": np.zeros(5, dtype=bool)})),
    ("rois is empty", lambda: _align(rois=[])),
    ("rois is empty", lambda: _align(rois=())),
    ("windows is empty", lambda: _align(windows=[])),
    ("windows is empty", lambda: _align(windows={})),
    ("measures hold none", lambda: _align(measures=[])),
    ("No network was shown", lambda: _align(nets=[])),
    ("got a brain of type list", lambda: _align(brain=[])),
    ("layers is empty", lambda: _show(layers=[])),
    ("layers is empty", lambda: _show(layers={})),
    ("got an empty list", lambda: _show(model=[])),
    ("the mapping of networks is empty", lambda: _show(model={})),
    ("stimuli of type list", lambda: _show(stimuli=[])),
    ("rules is empty", lambda: ba.scorecard([], probes=["P1"], seeds=1)),
    ("probes is empty", lambda: ba.scorecard(["backprop"], probes=[], seeds=1)),
    ("seeds is \\(\\)", lambda: ba.scorecard(["backprop"], probes=["P1"], seeds=[])),
    ("seeds is \\[\\]", lambda: ba.train("backprop", "mlp", "digits", "o", seeds=[])),
    ("rows is empty", lambda: ba.reproduce("f3", "o", rows=[])),
    ("columns is empty", lambda: ba.reproduce("f3", "o", columns=())),
    ("The grid is empty", lambda: ba.search(ba.preset("generated_regression-mlp-100", "backprop"), {}, "o")),
    ("regions is empty", lambda: ba.fusion("simulated", "simulated", regions=())),
    ("got no model", lambda: _searchlight(models={})),
    ("got a brain of type list", lambda: _searchlight(brain=[])),
    ("meshes is empty", lambda: _searchlight(meshes={})),
    ("window is \\(\\)", lambda: _searchlight(window=())),
    ("have no group", lambda: _searchlight(strata={}, permutations=20)),
    ("there are no stimuli", lambda: ba.Stimuli((), IMAGES[:0], "none")),
    ("0 rules and 1 recordings; expected some of both", lambda: run_study(_study("", "rules", {}), "o")),
    ("2 rules and 0 recordings; expected some of both", lambda: run_study(_study("", "recordings", []), "o")),
    ("rois is empty", lambda: _study("recordings", "rois", [])),
    ("windows is empty", lambda: _study("recordings", "windows", [])),
    ("measures is \\(\\)", lambda: _study("recordings", "measures", [])),
    ("seeds is \\[\\]", lambda: _study("training", "seeds", [])),
]


@pytest.mark.parametrize(("message", "call"), EMPTY, ids=[f"{k}-{one[0]}" for k, one in enumerate(EMPTY)])
def test_an_empty_collection_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str, call: Callable[[], object]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BrainalignError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_what_is_left_out_is_all_of_it() -> None:
    assert _own().rois == ("all",)  # type: ignore[attr-defined]
    without = ba.Recording.from_array(TRIALS[0], IDS * 2, rois={})
    assert _own(trials=[without], ids=None).rois == ("all",)  # type: ignore[attr-defined]
    assert list(_show()[0].layers) == ["0", "1"]
    assert list(_show(layers=["1"])[0].layers) == ["1"]
    assert _study("recordings", "accept", [])  # nothing is accepted: none is meant, not all
