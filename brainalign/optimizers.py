"""Which optimisers train populations, and the range of each of their options.

Only optimisers whose update of one element depends on that element alone, so that instances of a population cannot mix.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from brainalign.errors import SpecError
from brainalign.options import fitted, require


class _Range(NamedTuple):
    kind: Any
    holds: Callable[[Any], bool]
    expected: str


_SHARE = _Range(float, lambda value: 0 <= value < 1, "a share from 0 to below 1")
_NOT_NEGATIVE = _Range(float, lambda value: value >= 0, "0 or more")
_SHARES = _Range(
    tuple[float, ...],
    lambda value: len(value) == 2 and all(0 <= one < 1 for one in value),
    "two shares from 0 to below 1",
)
_TRUTH = _Range(bool, lambda value: True, "true or false")

_OPTIONS: dict[str, _Range] = {
    "momentum": _SHARE,
    "dampening": _Range(float, lambda value: 0 <= value <= 1, "a share from 0 to 1"),
    "alpha": _SHARE,
    "betas": _SHARES,
    "eps": _NOT_NEGATIVE,
    "weight_decay": _NOT_NEGATIVE,
    "lr_decay": _NOT_NEGATIVE,
    "momentum_decay": _NOT_NEGATIVE,
    "initial_accumulator_value": _NOT_NEGATIVE,
    "nesterov": _TRUTH,
    "amsgrad": _TRUTH,
    "centered": _TRUTH,
    "decoupled_weight_decay": _TRUTH,
}

#: Optimiser to its options.
OPTIMIZERS: dict[str, tuple[str, ...]] = {
    "sgd": ("momentum", "dampening", "weight_decay", "nesterov"),
    "adam": ("betas", "eps", "weight_decay", "amsgrad"),
    "adamw": ("betas", "eps", "weight_decay", "amsgrad"),
    "rmsprop": ("alpha", "eps", "weight_decay", "momentum", "centered"),
    "adagrad": ("lr_decay", "weight_decay", "initial_accumulator_value", "eps"),
    "nadam": ("betas", "eps", "weight_decay", "momentum_decay", "decoupled_weight_decay"),
    "radam": ("betas", "eps", "weight_decay", "decoupled_weight_decay"),
}


def check_optimizer(name: str, options: Mapping[str, Any]) -> None:
    """Raise :class:`SpecError` for an optimiser or an option that is unknown or out of its range."""
    if name not in OPTIMIZERS:
        msg = (
            f"Unknown optimizer {name!r}. Choose one of: {', '.join(OPTIMIZERS)} (others would mix the instances of a "
            "population)."
        )
        raise SpecError(msg)
    for option, value in options.items():
        if option not in OPTIMIZERS[name]:
            msg = f"Unknown option {option!r} of optimizer {name!r}. Choose one of: {', '.join(OPTIMIZERS[name])}."
            raise SpecError(msg)
        allowed = _OPTIONS[option]
        what = f"Option {option} of optimizer {name!r}"
        require(allowed.holds(fitted(allowed.kind, value, what)), what, value, allowed.expected)
    plain_momentum = options.get("momentum", 0) > 0 and not options.get("dampening", 0)
    if options.get("nesterov") and not plain_momentum:
        msg = "Option nesterov of optimizer 'sgd' needs a momentum above 0 and no dampening; set momentum, e.g. 0.9."
        raise SpecError(msg)
