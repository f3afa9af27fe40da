"""A checkpoint says itself what it holds."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from brainalign.errors import DataError
from brainalign.storage import write_tensors
from brainalign.training.checkpoint import load_checkpoint, read_checkpoint, stack
from tests.small import NETWORKS, TASK, a_checkpoint, batch


@pytest.mark.parametrize("shape", NETWORKS)
def test_what_is_saved_comes_back_bit_by_bit(tmp_path: Path, shape: str) -> None:
    saved = a_checkpoint(shape, "backprop")
    saved.save(tmp_path / "c.safetensors")
    found = load_checkpoint(tmp_path / "c.safetensors")
    for ours, theirs in ((found.params, saved.params), (found.state, saved.state)):
        assert list(ours) == list(theirs)  # in the same order, too
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert (found.step, found.epoch, found.seeds) == (12, 1.5, (4, 9))
    assert found.preprocessing == saved.preprocessing
    assert found.spec.key == saved.spec.key
    assert found.rule == saved.rule
    assert found.network.task == TASK
    x = batch(dtype=torch.float32).x
    for row in range(2):
        answers = (c.rule.respond(c.network, *c.instance(row), x) for c in (found, saved))
        for ours, theirs in zip(*(list(a.items()) for a in answers), strict=True):
            assert ours[0] == theirs[0]
            assert torch.equal(ours[1], theirs[1])


def test_other_tensors_and_facts_come_back_beside_it(tmp_path: Path) -> None:
    extra = {"optimizer|w|momentum": torch.arange(3.0)}
    a_checkpoint().save(tmp_path / "c.safetensors", extra, rows=[{"loss": None}], seconds=0.1)
    checkpoint, tensors, facts = read_checkpoint(tmp_path / "c.safetensors")
    assert set(tensors) == set(extra)
    assert facts["rows"] == [{"loss": None}]
    assert facts["key"] == checkpoint.spec.key


def test_an_instance_is_one_row() -> None:
    checkpoint = a_checkpoint()
    params, state = checkpoint.instance(1)
    assert torch.equal(params["hidden1.weight"], checkpoint.params["hidden1.weight"][1])
    assert all(torch.equal(tensor, checkpoint.state[name][1]) for name, tensor in state.items())


def test_the_hash_of_weights_is_that_of_one_instance_and_of_every_number_in_it() -> None:
    checkpoint = a_checkpoint()
    before = [checkpoint.weights_hash(row) for row in range(2)]
    assert before[0] != before[1]
    assert a_checkpoint(seeds=(9, 4)).weights_hash(0) == before[1]
    for group in ("params", "state"):
        for name, tensor in getattr(checkpoint, group).items():
            changed = tensor.clone()
            changed[0].view(-1)[-1] += 1e-6
            other = replace(checkpoint, **{group: {**getattr(checkpoint, group), name: changed}})
            assert other.weights_hash(0) != before[0], name
            assert other.weights_hash(1) == before[1], name


def test_a_broken_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    a_checkpoint().save(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"c\.safetensors"):
        load_checkpoint(path)
    write_tensors(path, {"a": torch.zeros(2)}, {"step": 3})
    with pytest.raises(DataError, match="is not a checkpoint; give a file from the checkpoints folder"):
        load_checkpoint(path)
    with pytest.raises(DataError, match=r"none\.safetensors"):
        load_checkpoint(tmp_path / "none.safetensors")


def test_stacking_adds_a_first_axis() -> None:
    stacked = stack([{"w": torch.zeros(2, 3)}, {"w": torch.ones(2, 3)}])
    assert stacked["w"].shape == (2, 2, 3)
    assert torch.equal(stacked["w"][1], torch.ones(2, 3))
