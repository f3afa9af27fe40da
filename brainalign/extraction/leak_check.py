"""Whether what a network answers is a function of each stimulus alone.

A few stimuli are shown together, again, in reverse and one by one. Equal stimuli must give equal activations, up to
rounding. Rounding has no fixed size: it grows inside a network, and where a normalisation divides by almost nothing
it can be a large share of what a unit does. But it shrinks with the precision of the computation, and a dependence on
batch, order or chance does not. So whatever looks like a dependence is looked at again in another precision.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from brainalign.errors import ExtractionError

#: From inputs ``(n, channels, height, width)`` to layers ``(n, n_features)``.
Layers = Mapping[str, Tensor]
Show = Callable[[Tensor], Layers]

#: Largest difference between two passes over one stimulus, as a share of a unit's range over the stimuli.
_SHARE = 1e-3

_CAUSES = ("chance (a second pass differs)", "the order of the batch", "the other stimuli of the batch")


@dataclass(frozen=True, eq=False)
class _Trial:
    """One layer under one cause, with the largest difference, the range and the largest size of every unit.

    Activations are stored as float32, whatever computed them, so a few roundings of that size are never a dependence.
    """

    layer: str
    cause: str
    difference: Tensor
    spread: Tensor
    size: Tensor
    eps: float

    def suspects(self, floor: float | Tensor = 0.0) -> Tensor:
        """Return which units differ by more than a share of their range, some roundings, and ``floor``."""
        rounding = 16 * torch.finfo(torch.float32).eps * (self.size + self.typical)
        return (self.difference > torch.maximum(_SHARE * self.spread, rounding)) & (self.difference > floor)

    def unconfirmed(self) -> Tensor:
        """Return which units differ by more than the roundings of a few hundred operations add up to."""
        return self.suspects(self.eps * (1e3 * self.size + 1e2 * self.typical))

    @property
    def typical(self) -> float:
        """Size of a unit in the middle of those that are not silent; one unit of 1000 does not move it."""
        awake = self.size[self.size > 0]
        return float(awake.median()) if len(awake) else 0.0


def require_function_of_stimulus(show: Show, x: Tensor, other_precisions: Callable[[], Iterator[Show]]) -> Layers:
    """Refuse layers whose answer to a stimulus depends on chance, order or the other stimuli of the batch.

    Parameters
    ----------
    show
        The network.
    x
        A few inputs, two at least.
    other_precisions
        Yields the same network in other precisions, the best first; asked only where a difference is found that
        rounding could explain.

    Returns
    -------
    mapping
        The layers under ``x``, to compare others with.

    Raises
    ------
    ExtractionError
        If a unit differs between two passes by more than a thousandth of its range over the inputs, and the
        difference does not shrink with the precision; or if layers differ in shape between batches.
    """
    together = show(x)
    trials = list(_trials(show, x, together))
    if not any(bool(trial.suspects().any()) for trial in trials):
        return together
    for again in _tried(other_precisions(), x):
        if [(trial.layer, len(trial.spread)) for trial in trials] != [(t.layer, len(t.spread)) for t in again]:
            continue
        for one, other in zip(trials, again, strict=True):
            _require_none(*_confirmed(one, other))
        return together
    for trial in trials:  # no second opinion
        _require_none(trial, trial.unconfirmed())
    return together


def _confirmed(one: _Trial, other: _Trial) -> tuple[_Trial, Tensor]:
    """Return the trial of the better precision, and which units differ there, too, without being rounding."""
    low, high = (one, other) if one.eps > other.eps else (other, one)
    if low.eps == high.eps:  # the layer is computed in a precision of its own
        return one, one.unconfirmed()
    if not bool(low.suspects().any()):  # what coarse rounding swallows is no dependence either
        return high, torch.zeros_like(high.spread, dtype=torch.bool)
    # Half way, in orders of magnitude, between a difference that is rounding and one that has a cause.
    return high, high.suspects((high.eps / low.eps) ** 0.5 * float(low.difference.max()))


def _tried(shows: Iterator[Show], x: Tensor) -> Iterator[list[_Trial]]:
    for show in shows:
        try:
            yield list(_trials(show, x, show(x)))
        except ExtractionError:  # a module that computes in its own precision cannot run in another
            continue


def _require_none(trial: _Trial, leaking: Tensor) -> None:
    if not bool(leaking.any()):
        return
    worst = int((trial.difference / (trial.spread + torch.finfo(torch.float64).tiny) * leaking).argmax())
    msg = (
        f"Layer {trial.layer!r} depends on {trial.cause}: {int(leaking.sum())} of {len(leaking)} units differ, one by "
        f"{float(trial.difference[worst]):.2g} where its range over stimuli is {float(trial.spread[worst]):.2g}; "
        f"expected at most {_SHARE:g} of that. Freeze batch "
        "statistics and remove dropout or hidden state, then extract again."
    )
    raise ExtractionError(msg)


def _trials(show: Show, x: Tensor, together: Layers) -> Iterator[_Trial]:
    passes = (
        (_CAUSES[0], show(x)),
        (_CAUSES[0], show(x)),  # twice, since chance can spare a narrow layer once
        (_CAUSES[1], {name: layer.flip(0) for name, layer in show(x.flip(0)).items()}),
        (_CAUSES[2], _join([show(one[None]) for one in x], together)),
    )
    for cause, again in passes:
        require_same_layers(together, again)
        for name, layer in together.items():
            eps = torch.finfo(layer.dtype if layer.is_floating_point() else torch.float64).eps
            one, other = layer.double(), again[name].double()
            # Two equal infinities do not differ; a number and none at all do.
            difference = torch.where((one == other) | (one.isnan() & other.isnan()), 0.0, (one - other).abs())
            difference = difference.nan_to_num(torch.inf, posinf=torch.inf)
            finite = one.nan_to_num(0.0, 0.0, 0.0)
            spread = finite.amax(0) - finite.amin(0)
            yield _Trial(
                layer=name,
                cause=cause,
                difference=difference.amax(0),
                spread=spread,
                size=finite.abs().amax(0),
                eps=eps,
            )


def _join(parts: Sequence[Layers], together: Layers) -> dict[str, Tensor]:
    for part in parts:
        require_same_layers(together, part)
    return {name: torch.cat([part[name] for part in parts]) for name in together}


def require_same_layers(one: Layers, other: Layers) -> None:
    """Refuse a network whose layers, calls of layers or numbers of features differ between two batches.

    Raises
    ------
    ExtractionError
        Naming the first layer that is not the same.
    """
    for name in [*one, *other]:
        if name not in one or name not in other:
            msg = (
                f"Layer {name!r} is called for one batch of stimuli and not for another; expected as many calls of "
                "every layer for each. Name layers that always run."
            )
            raise ExtractionError(msg)
        ours, theirs = (layers[name].shape[1] for layers in (one, other))
        if ours != theirs:
            msg = (
                f"Layer {name!r} has {ours} features for one batch of stimuli and {theirs} for another; expected one "
                "number. Name layers whose size does not depend on the batch."
            )
            raise ExtractionError(msg)
