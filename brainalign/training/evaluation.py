"""What every instance of a population reaches at one moment: rows of the tables of a run."""

import math
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import torch
from torch import Tensor

from brainalign.credit.objective import output_metrics
from brainalign.training.batches import Batches, Samples
from brainalign.training.checkpoint import Checkpoint

#: Columns of ``training.csv``.
HISTORY = (
    *("rule", "network", "dataset", "seed", "epoch", "step", "train_loss", "train_accuracy", "val_loss"),
    *("val_accuracy", "test_loss", "test_accuracy", "feedback_angle", "ms_per_step", "population", "learning_rate"),
)

#: Columns of ``feedback_angles.csv``: degrees between a feedback weight and the forward weight it stands for.
ANGLES = ("rule", "network", "dataset", "seed", "epoch", "step", "feedback", "angle")


def history_rows(
    checkpoint: Checkpoint,
    batches: Batches,
    sums: Tensor,
    angles: Sequence[Mapping[str, Any]],
    about: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Return a row of ``training.csv`` per instance.

    Parameters
    ----------
    checkpoint
        The population.
    batches
        Whose validation and test samples are measured.
    sums
        Loss, accuracy and steps since the last evaluation, ``(3, n_seeds)``.
    angles
        Rows of :func:`angle_rows`.
    about
        Entries that all instances share.
    """
    validation, test = (_measure(checkpoint, batches, one) for one in (batches.validation, batches.test))
    steps, rows = float(sums[2, 0]), []
    for k, seed in enumerate(checkpoint.seeds):
        own = [row["angle"] for row in angles if row["seed"] == seed]
        rows.append(
            {
                **_who(checkpoint, seed),
                "train_loss": _finite(float(sums[0, k]) / steps) if steps else None,
                "train_accuracy": _finite(float(sums[1, k]) / steps) if steps else None,
                "val_loss": validation["loss"][k],
                "val_accuracy": validation["accuracy"][k],
                "test_loss": test["loss"][k],
                "test_accuracy": test["accuracy"][k],
                "feedback_angle": mean(own) if own else None,
                "population": len(checkpoint.seeds),
                **about,
            }
        )
    return rows


@torch.no_grad()
def angle_rows(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    """Return a row of ``feedback_angles.csv`` per instance and feedback weight."""
    rows = []
    for k, seed in enumerate(checkpoint.seeds):
        angles = checkpoint.rule.feedback_angles(checkpoint.network, *checkpoint.instance(k))
        who = _who(checkpoint, seed)
        rows += [{**who, "feedback": name, "angle": round(float(angle), 6)} for name, angle in angles.items()]
    return rows


@torch.no_grad()
def _measure(checkpoint: Checkpoint, batches: Batches, samples: Samples) -> dict[str, list[float | None]]:
    """Return each instance's loss and share of correct answers."""
    n, n_seeds = len(samples.labels), len(checkpoint.seeds)
    sums = {"loss": [0.0] * n_seeds, "accuracy": [0.0] * n_seeds}
    for images, labels in zip(samples.images.split(250), samples.labels.split(250), strict=True):
        x, y = batches.examples(images, labels)
        x = x.contiguous(memory_format=torch.channels_last)
        for k in range(n_seeds):
            output = list(checkpoint.rule.respond(checkpoint.network, *checkpoint.instance(k), x).values())[-1]
            metrics = output_metrics(checkpoint.network.task, output, y)
            for name in sums:
                sums[name][k] += float(metrics[name]) * len(y) if name in metrics else math.nan
    return {name: [_finite(total / n) if n else None for total in totals] for name, totals in sums.items()}


def _who(checkpoint: Checkpoint, seed: int) -> dict[str, Any]:
    spec = checkpoint.spec
    about = {"rule": spec.rule, "network": spec.network, "dataset": spec.dataset}
    return {**about, "seed": seed, "epoch": checkpoint.epoch, "step": checkpoint.step}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
