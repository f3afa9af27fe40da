"""What a study asks for once: each network under each stimulus set, and the trials and RDMs of a source."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brainalign.alignment import instance
from brainalign.rdms import RDMs
from brainalign.recordings.recording import Recording
from brainalign.recordings.simulated import Simulated
from brainalign.study import run_study
from brainalign.study_file import study_from_table

TRAINING = {
    "dataset": "digits", "network": "mlp", "network_options": {"widths": [16]}, "seeds": 2, "epochs": 0.3,
    "n_checkpoints": 2,
}  # fmt: skip
OPTIONS = {
    "layer": "hidden1", "network_options": {"widths": [16]}, "training": {"epochs": 0.3}, "n_subjects": 6,
    "n_stimuli": 20, "n_repeats": 2, "n_channels": 20,
}  # fmt: skip
STUDY: dict[str, Any] = {
    "name": "counted",
    "readout_only": False,
    "training": TRAINING,
    "rules": {"untrained": {}, "backprop": {}},
    "recordings": [{"dataset": "simulated", "options": OPTIONS, "measures": ["rsa", "encoding"]}],
    "scoring": {"n_bootstrap": 100},
    "plausibility": "none",
}

EACH_SUBJECT_ONCE = {f"simulated {k + 1}": 1 for k in range(6)}


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    found: Counter[str] = Counter()
    extract_each, recording = instance.extract_each, Simulated.recording

    def counted_each(model: Any, stimuli: Any, *options: Any, **named: Any) -> Any:
        for shown in extract_each(model, stimuli, *options, **named):
            found[f"{model.spec.rule} shown"] += 1
            yield shown

    def counted_recording(self: Simulated, subject: str) -> Recording:
        found[subject] += 1
        return recording(self, subject)

    monkeypatch.setattr(instance, "extract_each", counted_each)
    monkeypatch.setattr(Simulated, "recording", counted_recording)
    return found


def test_networks_are_shown_once_and_a_source_is_asked_for_trials_once(tmp_path: Path, counts: Counter[str]) -> None:
    run_study(study_from_table(STUDY), tmp_path)
    assert counts == {"untrained shown": 2, "backprop shown": 2} | EACH_SUBJECT_ONCE
    before = (tmp_path / "rdms.safetensors").read_bytes()
    counts.clear()
    run_study(study_from_table(STUDY), tmp_path)
    assert counts == EACH_SUBJECT_ONCE  # scores and mean RDMs come from the cache
    assert (tmp_path / "rdms.safetensors").read_bytes() == before


def test_a_source_with_rdms_of_its_own_is_asked_for_them_once(
    tmp_path: Path, counts: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def counted_rdms(self: Simulated, roi: str) -> RDMs:
        counts[f"rdms of {roi}"] += 1
        values = np.random.default_rng(0).random((6, 190))
        return RDMs(values, self.stimulus_ids(), "correlation", {"subject": tuple("abcdef")})

    monkeypatch.setattr(Simulated, "published_rdms", counted_rdms)
    table = {**STUDY, "recordings": [{"dataset": "simulated", "options": OPTIONS}]}
    run_study(study_from_table(table), tmp_path)
    assert counts["rdms of planted"] == 1
    assert counts["backprop shown"] == 2
