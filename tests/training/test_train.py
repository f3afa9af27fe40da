"""Training: populations, resuming, controls, history, refusals."""

import errno
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from brainalign.errors import DivergenceError, SpecError, StorageError
from brainalign.specs import TrainSpec
from brainalign.storage import read_tensors
from brainalign.training.checkpoint import Checkpoint, load_checkpoint
from brainalign.training.run import kept_steps
from brainalign.training.runtime import Runtime
from brainalign.training.train import train

SMALL = {
    "network": "mlp",
    "dataset": "digits",
    "network_options": {"widths": (16,)},
    "seeds": (0, 1, 2),
    "epochs": 1.5,
    "batch_size": 64,
    "n_checkpoints": 4,
}


def _spec(rule: str = "backprop", **options: object) -> TrainSpec:
    return TrainSpec(**{"rule": rule, **SMALL, **options})


def _weights(path: Path) -> dict[str, torch.Tensor]:
    tensors = read_tensors(path)[0]
    return {name: tensor for name, tensor in tensors.items() if name.startswith(("params", "state", "optimizer"))}


def test_it_learns_and_leaves_what_it_promises(tmp_path: Path) -> None:
    trained = train(_spec(epochs=8, learning_rate=0.01), tmp_path)
    last = trained.history[trained.history.step == trained.history.step.max()]
    assert (last.val_accuracy > 0.8).all()
    assert (last.test_accuracy > 0.8).all()
    assert {"rule", "network", "dataset", "seed", "epoch", "train_loss", "test_accuracy", "ms_per_step"} <= set(last)
    assert (tmp_path / "training.csv").exists()
    assert not (tmp_path / "resume.safetensors").exists()
    assert [load_checkpoint(path).step for path in trained.files] == list(kept_steps(trained.checkpoint.step, 4))


@pytest.mark.parametrize("options", [{}, {"optimizer": "sgd", "optimizer_options": {"momentum": 0.9}, "clip": 0.5}])
@pytest.mark.parametrize(("rule", "network"), [("backprop", "mlp"), ("feedback_alignment", "cnn")])
def test_killed_and_resumed_equals_straight_through_bitwise(
    tmp_path: Path, rule: str, network: str, options: dict
) -> None:
    shape = {"widths": (16,)} if network == "mlp" else {"channels": (3,), "hidden": 8}
    spec = _spec(rule, network=network, network_options=shape, augment="crop_flip", **options)
    straight = train(spec, tmp_path / "straight")
    total = straight.checkpoint.step

    for kill in (1, 5, total // 2 + 1, total - 1):

        def interrupt(step: int, *_: object, kill: int = kill) -> None:
            if step == kill:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(spec, tmp_path / "killed", progress=interrupt)
    resumed = train(spec, tmp_path / "killed")
    for one, other in zip(straight.files, resumed.files, strict=True):
        a, b = _weights(one), _weights(other)
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a), one.name
    columns = [c for c in straight.history if c != "ms_per_step"]
    assert straight.history[columns].equals(resumed.history[columns])


def test_saving_takes_a_small_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of 30 s and saves of 10 s: saved once a minute, a run would spend a tenth of its time on it."""
    now, saves, save = [0.0], list[str](), Checkpoint.save

    def slow_save(checkpoint: Checkpoint, path: Path, *more: object, **facts: object) -> None:
        save(checkpoint, path, *more, **facts)
        now[0] += 10
        saves.append(path.name)

    def step(*_: object) -> None:
        now[0] += 30

    monkeypatch.setattr(sys.modules["brainalign.training.run"], "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(Checkpoint, "save", slow_save)
    train(_spec(epochs=1, batch_size=16, n_checkpoints=2), tmp_path, progress=step)
    regular = saves.count("resume.safetensors")
    assert regular > 5
    assert 10 * regular < 0.06 * now[0]


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    first = train(_spec(), tmp_path)
    calls: list[int] = []
    again = train(_spec(), tmp_path, progress=lambda step, *_: calls.append(step))
    assert calls == []
    assert again.history[["seed", "test_accuracy"]].equals(first.history[["seed", "test_accuracy"]])


@pytest.mark.parametrize(
    ("network", "options"),
    [
        ("mlp", {"widths": (16,)}),
        ("cnn", {"channels": (3,), "hidden": 8}),
        ("rnn", {"widths": (8,)}),
        ("transformer", {"width": 8, "heads": 2, "depth": 1}),
    ],
)
@pytest.mark.parametrize("rule", ["backprop", "direct_feedback_alignment"])
def test_instance_of_a_population_equals_instance_trained_alone(
    tmp_path: Path, network: str, options: dict, rule: str
) -> None:
    spec = {
        "network": network,
        "network_options": options,
        "epochs": 0.5,
        "clip": 1.0,
        "optimizer": "sgd",
        "learning_rate": 0.05,
    }
    together = train(_spec(rule, **spec), tmp_path / "all", Runtime(execution="vmap")).checkpoint
    for row, seed in enumerate((0, 1, 2)):
        alone = train(_spec(rule, **spec, seeds=(seed,)), tmp_path / str(seed)).checkpoint
        for name, tensor in alone.params.items():
            torch.testing.assert_close(together.params[name][row], tensor[0], rtol=1e-4, atol=1e-5)


def test_loop_and_vmap_agree(tmp_path: Path) -> None:
    one, other = (
        train(_spec(optimizer="sgd"), tmp_path / how, Runtime(execution=how)).checkpoint for how in ("loop", "vmap")
    )
    for name in one.params:
        torch.testing.assert_close(one.params[name], other.params[name], rtol=1e-4, atol=1e-5)


def test_rules_share_initial_weights_data_order_and_control_stays_there(tmp_path: Path) -> None:
    runs = {rule: train(_spec(rule), tmp_path / rule) for rule in ("untrained", "backprop", "feedback_alignment")}
    starts = {rule: load_checkpoint(run.files[0]).params for rule, run in runs.items()}
    for name, tensor in starts["untrained"].items():
        assert torch.equal(tensor, starts["backprop"][name])
        assert torch.equal(tensor, starts["feedback_alignment"][name])
        assert torch.equal(tensor, runs["untrained"].checkpoint.params[name])
    moved = runs["backprop"].checkpoint.params["hidden1.weight"] - starts["backprop"]["hidden1.weight"]
    assert moved.abs().max() > 0.01
    assert runs["untrained"].history.epoch.max() == pytest.approx(1.5, abs=0.05)


def test_validation_comes_from_training_data_only() -> None:
    from brainalign.datasets.dataset import dataset
    from brainalign.training.batches import Batches

    digits = dataset("digits")
    batches = Batches.load(_spec(), digits, torch.device("cpu"))
    n = len(digits.train().labels)
    assert len(batches.validation.labels) == round(0.1 * n)
    assert len(batches.validation.labels) + len(batches.train.labels) == n
    seen = {image.numpy().tobytes() for image in batches.train.images}
    held_out = [image.numpy().tobytes() not in seen for image in batches.validation.images]
    assert np.mean(held_out) > 0.99  # identical pictures may occur twice in a set of tiny images
    for seed_order in batches.order(0):
        assert sorted(seed_order.tolist()) == list(range(len(batches.train.labels)))


def test_checkpoints_are_log_spaced_and_begin_before_learning() -> None:
    assert kept_steps(1000, 5) == (0, 1, 10, 100, 1000)
    assert kept_steps(2, 12) == (0, 1, 2)


def test_another_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    train(_spec(epochs=0.2), tmp_path)
    with pytest.raises(StorageError, match="belongs to another run"):
        train(_spec(epochs=0.2, learning_rate=0.5), tmp_path)


def test_divergence_is_named(tmp_path: Path) -> None:
    with pytest.raises(DivergenceError, match=r"diverged: the loss of seed 0 is (nan|inf)"):
        train(_spec(optimizer="sgd", learning_rate=1e30, schedule="constant"), tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "lbfgs"}, "Unknown optimizer 'lbfgs'. Choose one of: sgd"),
        ({"optimizer_options": {"beta": 1}}, "Unknown option 'beta' of optimizer 'adam'. Choose one of: betas"),
        ({"schedule": "linear"}, "Option schedule is 'linear'; expected one of: constant, cosine, step."),
        ({"batch_size": 5000}, "fewer than one batch of 5000"),
        ({"dataset": "imagenet"}, "Unknown dataset 'imagenet'. Choose one of:"),
        ({"rule": "hope"}, "Unknown rule 'hope'. Choose one of:"),
        ({"augment": "mixup"}, "expected one of: none, jitter, crop, flip, crop_flip"),
    ],
)
def test_bad_options_give_one_line_and_no_files(tmp_path: Path, options: dict, message: str) -> None:
    with pytest.raises(SpecError, match=message.replace(".", r"\.")) as caught:
        train(_spec(**options), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.csv"))


def test_full_disk_gives_one_line_and_leaves_earlier_files_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def full(*_: object) -> None:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("brainalign.storage.os.fsync", full)
    with pytest.raises(StorageError, match="No space left on device") as caught:
        train(_spec(), tmp_path)
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert len(files) == 2
    assert all(load_checkpoint(path).step in (0, 1) for path in files)
    train(_spec(), tmp_path)


@pytest.mark.gpu
@pytest.mark.parametrize("network", ["mlp", "cnn", "rnn", "transformer"])
@pytest.mark.parametrize("rule", ["backprop", "feedback_alignment", "direct_feedback_alignment"])
def test_cuda_agrees_with_cpu(tmp_path: Path, network: str, rule: str) -> None:
    options = {
        "mlp": {"widths": (16,)},
        "cnn": {"channels": (3,)},
        "rnn": {"widths": (8,)},
        "transformer": {"width": 8},
    }
    spec = _spec(rule, network=network, network_options=options[network], epochs=0.4, optimizer="sgd")
    cpu, cuda = (train(spec, tmp_path / d, Runtime(device=d, execution="vmap")).checkpoint for d in ("cpu", "cuda"))
    for name in cpu.params:
        torch.testing.assert_close(cpu.params[name], cuda.params[name].cpu(), rtol=1e-2, atol=1e-4)


def test_feedback_angles_are_noted_at_every_evaluation(tmp_path: Path) -> None:
    trained = train(_spec("feedback_alignment", epochs=10, learning_rate=0.03), tmp_path)
    angles, history = trained.angles, trained.history
    assert set(angles.feedback) == {"readout"}  # one hidden layer; the first synapse sends nothing on
    assert len(angles) == len(history)
    by_mean = angles.groupby(["seed", "step"]).angle.mean()
    found = history.set_index(["seed", "step"]).feedback_angle
    assert found.sort_index().tolist() == pytest.approx(by_mean.sort_index().tolist())
    first, last = (angles[angles.step == step].angle.mean() for step in (0, angles.step.max()))
    assert last < first - 5  # forward weights align with the feedback
    assert pd.read_csv(tmp_path / "feedback_angles.csv").shape == angles.shape
    assert train(_spec(epochs=1), tmp_path / "none").history.feedback_angle.isna().all()


@pytest.mark.parametrize(("dataset", "objective"), [("generated_regression", "default"), ("digits", "reconstruction")])
def test_tasks_without_classes_have_losses_and_no_accuracy(tmp_path: Path, dataset: str, objective: str) -> None:
    spec = _spec(dataset=dataset, objective=objective, epochs=3, learning_rate=0.01)
    trained = train(spec, tmp_path)
    history = trained.history
    assert history[["train_accuracy", "val_accuracy", "test_accuracy"]].isna().all(axis=None)
    first, last = (history[history.step == step] for step in (0, history.step.max()))
    assert (last.val_loss.to_numpy() < 0.8 * first.val_loss.to_numpy()).all()
    assert load_checkpoint(trained.files[-1]).network.task == trained.checkpoint.network.task
