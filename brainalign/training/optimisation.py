"""Optimisers, schedules and clipping for a population: every instance is treated as if it were alone."""

from collections.abc import Callable, Mapping
from math import cos, pi
from typing import Any

import torch
from torch import Tensor

from brainalign.errors import SpecError
from brainalign.optimizers import check_optimizer

#: Optimisers whose update of one element depends on that element alone, so that instances cannot mix.
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
}

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda progress: 1.0,
    "cosine": lambda progress: 0.5 * (1 + cos(pi * progress)),
    "step": lambda progress: 1.0 if progress < 0.5 else 0.1 if progress < 0.75 else 0.01,
}


def make_optimizer(
    name: str, leaves: Mapping[str, Tensor], learning_rate: float, options: Mapping[str, Any]
) -> torch.optim.Optimizer:
    """Return a torch optimiser over the stacked leaves.

    Raises
    ------
    SpecError
        If the name or an option is unknown or out of range, or the optimiser would mix instances.
    """
    check_optimizer(name, options)
    try:
        return OPTIMIZERS[name](list(leaves.values()), lr=learning_rate, **options)
    except (TypeError, ValueError) as error:
        msg = f"Optimizer {name!r} refuses its options {dict(options)}: {error}."
        raise SpecError(msg) from error


def rate(schedule: str, warmup: float, step: int, total: int) -> float:
    """Return the share of the learning rate at ``step`` of ``total``; a function of the step alone, so runs resume."""
    if schedule not in SCHEDULES:
        msg = f"Unknown schedule {schedule!r}. Choose one of: {', '.join(SCHEDULES)}."
        raise SpecError(msg)
    progress = step / total
    if progress < warmup:
        return min(1.0, (step + 1) / (warmup * total))
    return SCHEDULES[schedule]((progress - warmup) / (1 - warmup) if warmup < 1 else 1.0)


def clip_instances(updates: Mapping[str, Tensor], largest: float) -> None:
    """Scale each instance's whole update ``(n_instances, ...)`` in place to a norm of at most ``largest``."""
    squares = [update.flatten(1).square().sum(1) for update in updates.values()]
    norm = torch.stack(squares).sum(0).sqrt()
    factor = (largest / (norm + 1e-12)).clamp(max=1.0)
    for update in updates.values():
        update.mul_(factor.view(-1, *(1,) * (update.ndim - 1)))


def optimizer_tensors(optimizer: torch.optim.Optimizer, names: list[str]) -> dict[str, Tensor]:
    """Return the optimiser's memory as named tensors, for a checkpoint."""
    found = {}
    for index, memory in optimizer.state_dict()["state"].items():
        for key, value in memory.items():
            if value is not None:
                found[f"optimizer|{names[index]}|{key}"] = torch.as_tensor(value)
    return found


def restore_optimizer(optimizer: torch.optim.Optimizer, names: list[str], tensors: Mapping[str, Tensor]) -> None:
    """Give the optimiser back the memory that :func:`optimizer_tensors` returned."""
    memory: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer|"):
            _, leaf, key = name.split("|")
            memory.setdefault(names.index(leaf), {})[key] = tensor
    optimizer.load_state_dict({"state": memory, "param_groups": optimizer.state_dict()["param_groups"]})
