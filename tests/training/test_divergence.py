"""A training that has failed is an error, and a healthy one is not."""

import re
from pathlib import Path

import pytest
import torch

from brainalign.credit.step import Step
from brainalign.errors import DivergenceError
from brainalign.rules.backprop import Backprop
from brainalign.specs import TrainSpec
from brainalign.training.divergence import EXPLODED, require_bounded, require_finite
from brainalign.training.train import train

SMALL = {
    "network": "mlp", "dataset": "digits", "network_options": {"widths": (16,)}, "seeds": (3, 5), "epochs": 1,
    "batch_size": 64, "n_checkpoints": 2,
}  # fmt: skip


def _spec(rule: str = "backprop", **options: object) -> TrainSpec:
    return TrainSpec(**{"rule": rule, **SMALL, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 1e9}, r"the validation loss of seed 3 is \d\.\d+e\+\d+, 2\.\d+ before training at step 18"),
        ({"learning_rate": 1e30, "optimizer": "sgd"}, r"the loss of seed 3 is (nan|inf) at step 18"),
        ({"learning_rate": 1e9, "validation_fraction": 0}, r"the test loss of seed 3 is .*before training at step 20"),
        ({"learning_rate": 1e9, "rule": "forward_forward"}, r"diverged: the "),
        ({"learning_rate": 1e9, "rule": "hebbian"}, r"diverged: the "),
        ({"learning_rate": 1e9, "dataset": "generated_regression"}, r"diverged: the "),
        ({"learning_rate": 1e9, "objective": "reconstruction"}, r"the loss of seed 3 is inf at step 18"),
    ],
)
def test_a_loss_that_explodes_is_no_result(tmp_path: Path, options: dict[str, object], message: str) -> None:
    spec = _spec(**options)
    with pytest.raises(DivergenceError, match=message) as caught:
        train(spec, tmp_path)
    error = caught.value
    assert "\n" not in str(error)
    assert f"Lower learning_rate ({spec.learning_rate}) or set clip." in str(error)
    assert (error.rule, error.network, error.seed) == (spec.rule, "mlp", 3)
    assert error.step is not None
    assert not (tmp_path / "training.csv").exists()


def test_weights_that_are_not_finite_are_seen_behind_a_finite_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule whose answers and metrics do not show what became of a weight."""
    step, respond = Backprop.step, Backprop.respond

    def broken(self: Backprop, network, params, state, batch, noise) -> Step:  # type: ignore[no-untyped-def]
        found = step(self, network, {n: p.nan_to_num() for n, p in params.items()}, state, batch, noise)
        return found._replace(updates={**found.updates, "readout.bias": found.updates["readout.bias"] * torch.nan})

    def whole(self: Backprop, network, params, state, x):  # type: ignore[no-untyped-def]
        return respond(self, network, {n: p.nan_to_num() for n, p in params.items()}, state, x)

    monkeypatch.setattr(Backprop, "step", broken)
    monkeypatch.setattr(Backprop, "respond", whole)
    with pytest.raises(DivergenceError, match=r"readout\.bias of seed 3 is not finite at step 18"):
        train(_spec(), tmp_path)


def test_one_instance_is_enough_and_is_named() -> None:
    spec = _spec()
    weights = {"w": torch.tensor([[0.0], [float("inf")]])}
    with pytest.raises(DivergenceError, match="w of seed 5 is not finite at step 7") as caught:
        require_finite(spec, 7, [1.0, 1.0], weights)
    assert (caught.value.seed, caught.value.step) == (5, 7)
    require_finite(spec, 7, [1.0, 1.0], {"w": torch.zeros(2, 1), "n": torch.zeros(2, dtype=torch.int64)})


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        (2.3, 2.3 * EXPLODED, ""),
        (2.3, 2.4 * EXPLODED, "the test loss of seed 5 is 2.4e+06, 2.3 before training"),
        (1e-3, 900.0, ""),
        (1e-3, 1100.0, "the test loss of seed 5 is 1.1e+03, 0.001 before training"),
        (0.0, 10.0, ""),
        (2.3, None, "the test loss of seed 5 is not finite"),
        (None, None, ""),
    ],
)
def test_the_bound_is_relative_to_the_untouched_network(before: float | None, now: float | None, message: str) -> None:
    good = {"val_loss": None, "test_loss": 1.0, "seed": 3, "step": 9}
    first, last = [good, {**good, "test_loss": before, "seed": 5}], [good, {**good, "test_loss": now, "seed": 5}]
    if not message:
        require_bounded(_spec(), first, last)
        return
    with pytest.raises(DivergenceError, match=re.escape(message)):
        require_bounded(_spec(clip=1.0), first, last)


def test_a_bad_but_finite_training_is_a_result(tmp_path: Path) -> None:
    """A rate a thousand times too high: it learns nothing and says so in its figures."""
    history = train(_spec(learning_rate=1.0), tmp_path).history
    assert (history[history.step > 0].test_loss > 2).any()
