"""What a study computes again: what changed, and nothing else; counted in networks shown and layers scored."""

import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from brainalign.alignment import instance
from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.rsa import RSA
from brainalign.specs import StudySpec
from brainalign.study import run_study
from brainalign.study_file import study_from_table

TRAINING = {"dataset": "digits", "network": "mlp", "network_options": {"widths": [16]}, "seeds": 2, "epochs": 0.3}
OPTIONS = {
    "layer": "hidden1", "network_options": {"widths": [16]}, "training": {"epochs": 0.3}, "n_subjects": 6,
    "n_stimuli": 20, "n_repeats": 2, "n_channels": 20,
}  # fmt: skip
STUDY: dict[str, Any] = {
    "name": "counted",
    "readout_only": False,
    "training": TRAINING,
    "rules": {"untrained": {}, "backprop": {}},
    "plausibility": "none",
}
SHOWN = {"untrained shown": 2, "backprop shown": 2}


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    found: Counter[str] = Counter()
    extract_each = instance.extract_each

    def counted_each(model: Any, stimuli: Any, *options: Any, **named: Any) -> Any:
        for shown in extract_each(model, stimuli, *options, **named):
            found[f"{model.spec.rule} shown"] += 1
            yield shown

    monkeypatch.setattr(instance, "extract_each", counted_each)
    for measure in (RSA, Encoding):

        def counted_draws(self: Any, *arguments: Any, own: Any = measure.draws) -> Any:
            found[f"{self.label} drawn"] += 1
            return own(self, *arguments)

        monkeypatch.setattr(measure, "draws", counted_draws)
    return found


def _study(scoring: Mapping[str, Any] | None = None, **recorded: Any) -> StudySpec:
    recording = {"dataset": "simulated", "options": OPTIONS, "measures": ["rsa"], **recorded}
    return study_from_table({**STUDY, "recordings": [recording], "scoring": {"n_bootstrap": 100, **(scoring or {})}})


@pytest.fixture
def finished(tmp_path: Path, counts: Counter[str]) -> Path:
    run_study(_study(), tmp_path)
    assert counts == SHOWN | {"rsa spearman drawn": 1}
    counts.clear()
    return tmp_path


@pytest.mark.parametrize(
    ("table", "spec"),
    [
        ("contrasts", _study({"alpha": 0.3})),
        ("contrasts", _study({"correction": "by"})),
        ("contrasts", _study({"ranking_layer": {"planted": "hidden1"}})),
        ("gates", _study({"alpha": 0.3})),
        ("contrasts", _study(subjects="fixed")),
    ],
    ids=["alpha", "correction", "ranking layer", "gates of alpha", "scope"],
)
def test_what_is_asked_of_scores_is_inferred_again_and_nothing_is_shown_or_scored(
    finished: Path, counts: Counter[str], table: str, spec: StudySpec
) -> None:
    before = pd.read_csv(finished / f"{table}.csv")
    scores = (finished / "alignment.csv").read_bytes()
    run_study(spec, finished)
    assert counts == {}
    assert not before.equals(pd.read_csv(finished / f"{table}.csv"))
    assert (finished / "alignment.csv").read_bytes() == scores


def test_a_new_measure_scores_itself_alone(finished: Path, counts: Counter[str]) -> None:
    old = pd.read_csv(finished / "alignment.csv")
    run_study(_study(measures=["rsa", "encoding"]), finished)
    assert counts == SHOWN | {"encoding ridge drawn": 1}
    both = pd.read_csv(finished / "alignment.csv")
    assert both[both.measure == "rsa spearman"].reset_index(drop=True).equals(old)
    counts.clear()
    run_study(_study({"partial": ["pixels"]}, measures=["encoding", "rsa"]), finished)
    assert counts == SHOWN | {"rsa spearman without pixels drawn": 1}
    counts.clear()
    run_study(_study(), finished)
    assert counts == {}
    assert pd.read_csv(finished / "alignment.csv").equals(old)


def test_an_option_of_one_measure_leaves_the_other_alone(finished: Path, counts: Counter[str]) -> None:
    run_study(_study(measures=["rsa", "encoding"]), finished)
    counts.clear()
    run_study(_study({"comparator": "corr"}, measures=["rsa", "encoding"]), finished)
    assert counts == SHOWN | {"rsa corr drawn": 1}


def test_figures_alone_are_made_again_where_only_they_are_gone(finished: Path, counts: Counter[str]) -> None:
    before = (finished / "rdms.safetensors").read_bytes()
    (kept,) = (finished / "cache").glob("simulated-shown-*")
    shutil.rmtree(kept)
    run_study(_study(), finished)
    assert counts == SHOWN
    assert (finished / "rdms.safetensors").read_bytes() == before
