"""What is trained again: lost checkpoints, and runs that other code trained."""

import json
import os
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors import safe_open

from brainalign.errors import DataError
from brainalign.specs import TrainSpec
from brainalign.storage import read_tensors, write_tensors
from brainalign.training import train as module_path
from brainalign.training.checkpoint import load_checkpoint
from brainalign.training.runtime import Runtime
from brainalign.training.train import Trained, train

module = sys.modules["brainalign.training.train"]
del module_path
SPEC = TrainSpec(
    "backprop", "mlp", "digits", network_options={"widths": (16,)}, seeds=(0, 1), epochs=1.5, batch_size=64,
    n_checkpoints=5, optimizer="sgd", optimizer_options={"momentum": 0.9}, learning_rate=0.05, augment="jitter",
)  # fmt: skip
AGAIN = Runtime(retrain=True)


def _spec(**options: object) -> TrainSpec:
    return TrainSpec(**{**{name: getattr(SPEC, name) for name in SPEC.__dataclass_fields__}, **options})


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.*"))}


class Counted:
    """A progress callback that counts steps and may interrupt."""

    def __init__(self, interrupt: int | None = None) -> None:
        self.steps, self.interrupt = list[int](), interrupt

    def __call__(self, step: int, total: int, text: str) -> None:
        self.steps.append(step)
        if self.interrupt == step:
            raise KeyboardInterrupt


# -- lost checkpoints -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["backprop", "feedback_alignment", "weight_mirror", "untrained"])
@pytest.mark.parametrize("lost", [(2,), (0,), (1, 3), (0, 1, 2, 3)])
def test_a_lost_checkpoint_comes_back_byte_for_byte(tmp_path: Path, rule: str, lost: tuple[int, ...]) -> None:
    spec = _spec(rule=rule)
    trained = train(spec, tmp_path)
    before = _bytes(tmp_path)
    assert len(before) == 5 + 2
    for k in lost:
        trained.files[k].unlink()
    again = train(spec, tmp_path)
    assert again.files == trained.files
    assert _bytes(tmp_path) == before
    assert [load_checkpoint(path).step for path in again.files] == [0, 1, 3, 9, 27]


def test_only_the_steps_before_a_lost_checkpoint_are_taken_again(tmp_path: Path) -> None:
    trained = train(SPEC, tmp_path)
    trained.files[3].unlink()  # of step 9
    watched = Counted()
    train(SPEC, tmp_path, progress=watched)
    assert watched.steps == list(range(4, 10))


def test_a_run_that_was_killed_and_then_lost_a_checkpoint_ends_the_same(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(SPEC, tmp_path, progress=Counted(interrupt=25))
    path = tmp_path / "checkpoints" / "step-0000003.safetensors"
    content = path.read_bytes()
    path.unlink()
    resumed = train(SPEC, tmp_path)
    assert path.read_bytes() == content
    straight = train(SPEC, tmp_path / "straight")
    for one, other in zip(resumed.files, straight.files, strict=True):
        a, b = read_tensors(one)[0], read_tensors(other)[0]
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_lost_tables_are_written_again(tmp_path: Path) -> None:
    train(_spec(rule="feedback_alignment"), tmp_path)
    before = _bytes(tmp_path)
    for name in ("training.csv", "feedback_angles.csv"):
        (tmp_path / name).unlink()
    train(_spec(rule="feedback_alignment"), tmp_path)
    assert _bytes(tmp_path) == before


def test_rows_cut_from_a_table_come_back(tmp_path: Path) -> None:
    train(SPEC, tmp_path)
    before = _bytes(tmp_path)
    table = pd.read_csv(tmp_path / "training.csv")
    table[:-1].to_csv(tmp_path / "training.csv", index=False)
    train(SPEC, tmp_path)
    assert _bytes(tmp_path) == before


def test_what_other_code_trained_is_not_mixed_with_todays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = train(SPEC, tmp_path)
    _other_code(monkeypatch)
    trained.files[2].unlink()
    again = train(SPEC, tmp_path)
    assert again.stale
    with pytest.raises(DataError, match=r"step-0000003\.safetensors' is missing\. Train again .*--retrain"):
        load_checkpoint(again.files[2])


# -- changed bytes ----------------------------------------------------------------------------------------------------


def test_a_changed_number_in_a_checkpoint_is_one_line(tmp_path: Path) -> None:
    path = train(SPEC, tmp_path).files[-1]
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with safe_open(path, "pt") as file:
        assert len(file.keys()) > 0  # whole, as a file
    for read in (load_checkpoint, lambda path: train(SPEC, tmp_path)):
        with pytest.raises(
            DataError, match=r"was changed since it was written: .* Delete it and train again"
        ) as caught:
            read(path)
        assert "\n" not in str(caught.value)
    path.unlink()
    train(SPEC, tmp_path)
    load_checkpoint(path)


@pytest.mark.parametrize("fact", ["rows", "step", "epoch", "preprocessing", "spec", "code"])
def test_a_changed_fact_in_a_checkpoint_is_seen(tmp_path: Path, fact: str) -> None:
    path = train(SPEC, tmp_path).files[-1]
    tensors, facts = read_tensors(path)
    write_tensors(path, tensors, facts)
    load_checkpoint(path)
    changed = json.loads(json.dumps(facts[fact]).replace("7", "8").replace("1", "2")) if fact != "code" else "other"
    assert changed != facts[fact]
    write_tensors(path, tensors, {**facts, fact: changed})
    with pytest.raises(DataError, match="was changed since it was written"):
        load_checkpoint(path)


def test_files_written_before_there_was_a_hash_are_read(tmp_path: Path) -> None:
    for path in train(SPEC, tmp_path).files:
        tensors, facts = read_tensors(path)
        del facts["content"], facts["seconds_at"]
        write_tensors(path, tensors, facts)
    trained = train(SPEC, tmp_path)
    assert trained.checkpoint.step == 27
    assert [load_checkpoint(path).step for path in trained.files] == [0, 1, 3, 9, 27]
    trained.files[2].unlink()
    train(SPEC, tmp_path)
    assert load_checkpoint(trained.files[2]).step == 3


# -- other code -------------------------------------------------------------------------------------------------------


def _other_code(monkeypatch: pytest.MonkeyPatch, code: str = "another version") -> None:
    """Let today's code be another."""
    for name in ("run", "train"):
        monkeypatch.setattr(sys.modules[f"brainalign.training.{name}"], "training_code", lambda spec: code)


@pytest.fixture
def stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that other code trained, with wrong weights, as that code was wrong."""
    folder = tmp_path / "stale"
    _other_code(monkeypatch, "older version")
    for path in train(SPEC, folder).files:
        tensors, facts = read_tensors(path)
        del facts["content"]
        write_tensors(path, {name: tensor + 1 for name, tensor in tensors.items()}, facts)
    monkeypatch.undo()
    return folder


def _weights(trained: Trained) -> list[dict[str, torch.Tensor]]:
    return [dict(load_checkpoint(path).params) for path in trained.files]


def _same(one: Trained, other: Trained) -> bool:
    return all(torch.equal(a[name], b[name]) for a, b in zip(_weights(one), _weights(other), strict=True) for name in a)


def test_what_other_code_trained_says_so_and_is_trained_again_only_if_asked(stale: Path, tmp_path: Path) -> None:
    fresh = train(SPEC, tmp_path / "fresh")
    assert not fresh.stale
    watched = Counted()
    before = train(SPEC, stale, progress=watched)
    assert before.stale
    assert watched.steps == []
    assert not _same(before, fresh)
    after = train(SPEC, stale, AGAIN, watched)
    assert watched.steps == list(range(1, 28))
    assert not after.stale
    assert _same(after, fresh)
    assert _bytes(stale).keys() == _bytes(tmp_path / "fresh").keys()
    train(SPEC, stale, AGAIN, watched)
    assert len(watched.steps) == 27  # today's code trained it: nothing to do again


def test_a_run_that_other_code_began_is_trained_again_from_its_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _other_code(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train(SPEC, tmp_path, progress=Counted(interrupt=25))
    monkeypatch.undo()
    watched = Counted()
    assert not train(SPEC, tmp_path, AGAIN, watched).stale
    assert watched.steps == list(range(1, 28))
    assert not (tmp_path / "resume.safetensors").exists()


def test_until_the_end_the_former_run_stays_and_a_killed_retraining_goes_on(stale: Path, tmp_path: Path) -> None:
    former = _bytes(stale)
    with pytest.raises(KeyboardInterrupt):
        train(SPEC, stale, AGAIN, Counted(interrupt=25))
    assert {name: content for name, content in _bytes(stale).items() if not name.startswith("retraining/")} == former
    watched = Counted()
    assert train(SPEC, stale, progress=watched).stale  # without the option it is still what is used
    assert watched.steps == []
    after = train(SPEC, stale, AGAIN, watched)
    assert watched.steps == list(range(19, 28))  # from the last save, at the end of an epoch
    assert not after.stale
    assert _same(after, train(SPEC, tmp_path / "fresh"))


def test_a_retraining_that_older_code_began_starts_again(stale: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _other_code(monkeypatch, "yesterday's")
    with pytest.raises(KeyboardInterrupt):
        train(SPEC, stale, AGAIN, Counted(interrupt=25))
    monkeypatch.undo()
    watched = Counted()
    assert not train(SPEC, stale, AGAIN, watched).stale
    assert watched.steps == list(range(1, 28))


@pytest.mark.parametrize("moved", range(8))
def test_killed_while_files_are_replaced_the_next_call_replaces_the_rest(
    stale: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    replace, calls = os.replace, list[str]()

    def killed(source: str | Path, target: str | Path) -> None:
        if "retrained" in str(source):
            if len(calls) == moved:
                raise KeyboardInterrupt
            calls.append(str(target))
        replace(source, target)

    fresh = train(SPEC, tmp_path / "fresh")
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "replace", killed)
        if moved == 7:
            patch.setattr(shutil, "rmtree", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train(SPEC, stale, AGAIN)
    assert len(calls) == moved
    watched = Counted()
    after = train(SPEC, stale, progress=watched)
    assert watched.steps == []
    assert not after.stale
    assert _same(after, fresh)
    assert _bytes(stale).keys() == _bytes(tmp_path / "fresh").keys()
