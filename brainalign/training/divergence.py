"""When a training has failed: numbers that are not finite, or a loss far above that of the untouched network."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from brainalign.errors import DivergenceError
from brainalign.specs import TrainSpec

#: Largest loss on held-out samples, in units of the loss before the first step. A network that is wrong and certain of
#: it stays below a thousand; one whose weights explode passes a million within an epoch.
EXPLODED = 1e6

_SPLITS = {"val_loss": "validation loss", "test_loss": "test loss"}


def require_finite(spec: TrainSpec, step: int, losses: Sequence[float], weights: Mapping[str, Tensor]) -> None:
    """Raise :class:`DivergenceError` if an instance's training loss or one of its weights is not finite.

    Parameters
    ----------
    spec
        What is trained.
    step
        Updates so far.
    losses
        Mean training loss of every instance since the last evaluation.
    weights
        Name to ``(n_seeds, ...)``.
    """
    for k, seed in enumerate(spec.seeds):
        if not math.isfinite(losses[k]):
            raise _error(spec, seed, step, f"the loss of seed {seed} is {losses[k]}")
        for name, weight in weights.items():
            if not weight[k].isfinite().all():
                raise _error(spec, seed, step, f"{name} of seed {seed} is not finite")


def require_bounded(spec: TrainSpec, first: Sequence[Mapping[str, Any]], last: Sequence[Mapping[str, Any]]) -> None:
    """Raise :class:`DivergenceError` if a held-out loss is not finite or has exploded.

    Parameters
    ----------
    spec
        What is trained.
    first, last
        Rows of the history, one per instance: before the first step, and now. A loss is None where it was not finite or
        where no samples are held out.
    """
    for before, now in zip(first, last, strict=True):
        for column, words in _SPLITS.items():
            start, loss, seed, step = before[column], now[column], now["seed"], now["step"]
            if start is None:
                continue
            if loss is None:
                raise _error(spec, seed, step, f"the {words} of seed {seed} is not finite")
            if loss > EXPLODED * (start or 1.0):
                raise _error(spec, seed, step, f"the {words} of seed {seed} is {loss:.3g}, {start:.3g} before training")


def _error(spec: TrainSpec, seed: int, step: int, what: str) -> DivergenceError:
    clip = "a smaller clip" if spec.clip else "set clip"
    msg = (
        f"Rule {spec.rule!r} on {spec.network!r} diverged: {what} at step {step}. Lower learning_rate "
        f"({spec.learning_rate}) or {clip}."
    )
    return DivergenceError(msg, spec.rule, spec.network, seed, step)
