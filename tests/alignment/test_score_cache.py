"""Cached tables are read back as they were or not at all, and their key holds what a recording returns."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from brainalign.alignment.align import align
from brainalign.alignment.failure import Failure
from brainalign.alignment.infer import Declared, infer
from brainalign.alignment.mean_rdm import MeanRDM
from brainalign.alignment.result import AlignmentResult
from brainalign.alignment.score import score
from brainalign.alignment.score_cache import Shown, read_scores, read_shown, write_scores, write_shown
from brainalign.alignment.scores import Scores
from brainalign.errors import LayerError
from brainalign.recordings.brain import Brain
from brainalign.recordings.recording import Recording
from brainalign.specs import RecordingSpec, ScoringSpec
from tests.synthetic_world import MadeUp, World

QUICK = ScoringSpec(n_bootstrap=100)
WORLD = World(n_stimuli=20, n_subjects=6, n_seeds=2, n_channels=5)
SPEC = RecordingSpec("made_up")
LOST = (Failure("stdp", "mlp", "scoring", "made_up", "a layer is constant"),)


@pytest.fixture(scope="module")
def scored() -> Scores:
    found = score(WORLD.instances(), WORLD.source(), SPEC, QUICK)
    return replace(found, failures=LOST)


def _tables(scores: Scores) -> AlignmentResult:
    return infer(scores, Declared.of(QUICK))


def test_scores_are_read_back_to_the_last_bit(scored: Scores, tmp_path: Path) -> None:
    write_scores(tmp_path, scored)
    kept = read_scores(tmp_path)
    assert kept is not None
    assert kept.failures == LOST
    assert kept.notes == scored.notes
    read, written = _tables(kept), _tables(scored)
    assert read.scope_sentences == written.scope_sentences
    for name, table in written.tables.items():
        pd.testing.assert_frame_equal(read.tables[name], table, rtol=0, atol=0)


def test_mean_rdms_are_read_back(tmp_path: Path) -> None:
    key, rdms = MeanRDM("made_up", "V1"), WORLD.source().rdms("V1").mean()
    write_shown(tmp_path, Shown({key: rdms}, LOST))
    kept = read_shown(tmp_path)
    assert kept is not None
    assert kept.failures == LOST
    np.testing.assert_allclose(kept.rdms[key].dissimilarities, rdms.dissimilarities, rtol=1e-6)
    (tmp_path / "failures.json").write_text("[]")
    assert read_shown(tmp_path) is None


def test_nothing_written_is_nothing(tmp_path: Path) -> None:
    assert read_scores(tmp_path / "none") is None
    assert read_shown(tmp_path / "none") is None
    (tmp_path / "contents.json").write_text("{}")
    assert read_scores(tmp_path) is None


def _another_bit(content: bytes) -> bytes:
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


DAMAGES: list[tuple[str, str, Callable[[bytes], bytes]]] = [
    ("cut", "scores.safetensors", lambda content: content[:-100]),
    ("a changed bit", "scores.safetensors", _another_bit),
    ("empty", "scores.safetensors", lambda content: b""),
    ("a changed sentence", "scores.safetensors", lambda content: content.replace(b"constant", b"Constant")),
    ("no hashes", "contents.json", lambda content: b""),
]


@pytest.mark.parametrize(("name", "damage"), [item[1:] for item in DAMAGES], ids=[item[0] for item in DAMAGES])
def test_damaged_scores_are_not_read(
    scored: Scores, tmp_path: Path, name: str, damage: Callable[[bytes], bytes]
) -> None:
    write_scores(tmp_path, scored)
    before = (tmp_path / name).read_bytes()
    assert damage(before) != before
    (tmp_path / name).write_bytes(damage(before))
    assert read_scores(tmp_path) is None
    write_scores(tmp_path, scored)
    assert read_scores(tmp_path) is not None


def test_a_leftover_of_a_killed_write_does_not_matter(scored: Scores, tmp_path: Path) -> None:
    write_scores(tmp_path, scored)
    (tmp_path / ".scores-abc.safetensors").write_text("half")
    assert read_scores(tmp_path) is not None
    (tmp_path / "scores.safetensors").unlink()
    assert read_scores(tmp_path) is None


def _first(source: MadeUp, **changes: Any) -> MadeUp:
    return replace(source, trials=(replace(source.trials[0], **changes), *source.trials[1:]))


def _louder(recording: Recording) -> np.ndarray:
    data = recording.data.copy()
    data[3, 2, 0] += 1e-9
    return data


def test_the_content_of_a_recording_is_all_it_returns() -> None:
    source = WORLD.source()
    one = source.trials[0]
    known = Brain(source, SPEC).key
    assert Brain(WORLD.source(), SPEC).key == source.key == known
    rdms = source.rdms("V1")
    values = rdms.dissimilarities.copy()
    values[1, 4] += 1e-9
    names = tuple(f"run {k}" for k in range(len(one.stimulus_ids)))
    others = [
        _first(source, data=_louder(one)),
        _first(source, stimulus_ids=one.stimulus_ids[1:] + one.stimulus_ids[:1]),
        _first(source, channels=tuple(f"x{name}" for name in one.channels)),
        _first(source, times=(0.1,)),
        _first(source, rois={"V1": np.array([True, False, True, True, True])}),
        _first(source, runs=names),
        _first(source, subject="another"),
        replace(source, trials=source.trials[1:]),
        replace(source, geometry={"V1": replace(rdms, dissimilarities=values)}),
        replace(source, geometry={"V1": replace(rdms, measure="euclidean")}),
        replace(source, geometry={"V1": replace(rdms, descriptors={"subject": tuple("abcdef")})}),
    ]
    assert len({known, *(Brain(other, SPEC).key for other in others)}) == len(others) + 1


def _collapsed(step: int, rule: str = "backprop", final: bool = True) -> list[Any]:
    """Return instances of which one layer of one rule is constant for one stimulus."""
    found = []
    for one in WORLD.instances(step=step, final=final):
        if one.rule == rule and one.seed == 0:
            dead = one.activations.layers["hidden2"].copy()
            dead[4] = 0.0
            layers = {**one.activations.layers, "hidden2": dead}
            one = replace(one, activations=replace(one.activations, layers=layers))
        found.append(one)
    return found


@pytest.mark.parametrize("measure", ["rsa", "encoding"])
def test_a_rule_with_a_collapsed_layer_is_left_out_and_named(measure: str) -> None:
    spec = RecordingSpec("made_up", measures=(measure,))
    instances = _collapsed(10)
    if measure == "encoding":  # predictions need numbers: infinity has none
        for one in instances:
            if (one.rule, one.seed) == ("backprop", 0):
                one.activations.layers["hidden2"][4] = np.inf
    alone = align([one for one in instances if one.rule != "backprop"], WORLD.source(), spec, QUICK)
    failures: list[Failure] = []
    found = align(instances, WORLD.source(), spec, QUICK, failures=failures)
    pd.testing.assert_frame_equal(found.scores, alone.scores)
    assert [(one.rule, one.network, one.stage, one.recording) for one in failures] == [
        ("backprop", "mlp", "scoring", "made_up")
    ]
    assert failures[0].reason.startswith("Layer 'hidden2' of rule 'backprop' on 'mlp', seed 0: ")


def test_an_earlier_checkpoint_that_collapsed_goes_alone() -> None:
    final = WORLD.instances()
    failures: list[Failure] = []
    found = align([*_collapsed(5, final=False), *final], WORLD.source(), SPEC, QUICK, failures=failures)
    assert [(one.rule, one.stage) for one in failures] == [("backprop", "checkpoint")]
    early = found.scores[~found.scores.final]
    assert set(early.rule) == {"untrained", "feedback_alignment"}
    assert "backprop" in set(found.scores[found.scores.final].rule)


def test_with_nobody_left_the_layer_is_the_error() -> None:
    alone = [one for one in _collapsed(10) if one.rule == "backprop"]
    with pytest.raises(LayerError, match="Layer 'hidden2' of rule 'backprop'"):
        align(alone, WORLD.source(), SPEC, QUICK, failures=[])


def test_a_start_that_cannot_be_scored_takes_its_rule_along_and_no_other() -> None:
    starts = [replace(one, role="own_start") for one in _collapsed(5) if one.rule == "backprop"]
    failures: list[Failure] = []
    found = align([*WORLD.instances(), *starts], WORLD.source(), SPEC, QUICK, failures=failures)
    assert [(one.rule, one.role, one.stage) for one in failures] == [("backprop", "own_start", "scoring")]
    assert "of rule 'backprop' before its first step on 'mlp'" in failures[0].reason
    assert set(found.scores.rule) == {"untrained", "feedback_alignment", "low_level"}


def test_who_failed_under_another_recording_is_scored_under_this_one() -> None:
    noted = [Failure("backprop", "mlp", "scoring", "another", "a layer is constant")]
    found = align(WORLD.instances(), WORLD.source(), SPEC, QUICK, failures=noted)
    assert "backprop" in set(found.scores.rule)
    assert found.failures.empty
    assert len(noted) == 1
