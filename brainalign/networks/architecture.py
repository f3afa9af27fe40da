"""The contract of an architecture: options that build a network for a task."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, sqrt
from typing import Any, ClassVar

from torch import Tensor
from torch.nn import functional as F

from brainalign.datasets.task import Task
from brainalign.discovery import available, create
from brainalign.errors import SpecError
from brainalign.networks.network import Network
from brainalign.options import Needs, fit_fields, require

#: Name to (function, gain of the weights before it).
NONLINEARITIES: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {
    "relu": (F.relu, sqrt(2)),
    "elu": (F.elu, sqrt(2)),
    "gelu": (F.gelu, sqrt(2)),
    "tanh": (F.tanh, 1.0),
}

#: Largest size of what a bounded nonlinearity answers.
BOUNDS: dict[Callable[[Tensor], Tensor], float] = {F.tanh: 1.0}


@dataclass(frozen=True)
class Architecture(ABC):
    """Options of a family of networks; the file ``networks/<name>.py`` holds the class.

    ``least`` says how small each size may be; of a list, every entry. ``recommended`` are options that are written
    into a specification where they are not given (:mod:`brainalign.recommended`).

    Examples
    --------
    >>> import torch
    >>> from dataclasses import dataclass
    >>> from brainalign.datasets.task import Task
    >>> from brainalign.networks.architecture import Architecture, architecture
    >>> from brainalign.networks.mlp import MLP
    >>> @dataclass(frozen=True)
    ... class Pyramid(Architecture):
    ...     summary = "dense layers that halve"
    ...     first: int = 64
    ...     def build(self, task):
    ...         return MLP((self.first, self.first // 2)).build(task)
    >>> network = Pyramid(first=16).build(Task((1, 8, 8), 10, 100))
    >>> network.layers, network.output_shapes
    (('hidden1', 'hidden2', 'readout'), ((16,), (8,), (10,)))
    """

    summary: ClassVar[str]
    recommended: ClassVar[Mapping[str, Any]] = {}
    least: ClassVar[Mapping[str, int]] = {}
    only_with: ClassVar[Needs] = {}

    def __post_init__(self) -> None:
        fit_fields(self)
        for option, least in self.least.items():
            value = getattr(self, option)
            sizes = value if isinstance(value, tuple) else (value,)
            require(all(size >= least for size in sizes), f"Option {option}", value, f"{least} or more")

    @abstractmethod
    def build(self, task: Task) -> Network:
        """Return the network for ``task``.

        Raises
        ------
        SpecError
            If the options do not fit the task.
        """


def architectures() -> dict[str, type[Architecture]]:
    """Return every architecture by name."""
    return available("networks", Architecture)


def architecture(name: str, options: dict[str, Any] | None = None, stored: bool = False) -> Architecture:
    """Return the architecture ``name`` with ``options``; unknown names and options raise :class:`SpecError`.

    So do options that have no effect beside the others, unless they are ``stored`` in a file of an earlier version.
    """
    return create("networks", Architecture, name, options, stored)


def bound_of(function: Callable[[Tensor], Tensor] | None) -> float:
    """Return the largest size of what a nonlinearity answers; infinity where there is none, or no nonlinearity."""
    return inf if function is None else BOUNDS.get(function, inf)


def nonlinearity(name: str) -> tuple[Callable[[Tensor], Tensor], float]:
    """Return a nonlinearity and the gain of the weights before it."""
    if name not in NONLINEARITIES:
        msg = f"Unknown nonlinearity {name!r}. Choose one of: {', '.join(NONLINEARITIES)}."
        raise SpecError(msg)
    return NONLINEARITIES[name]


def choose(option: str, value: str, choices: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of ``choices``, else raise :class:`SpecError` naming them."""
    if value not in choices:
        msg = f"Option {option} is {value!r}; expected one of: {', '.join(choices)}."
        raise SpecError(msg)
    return value
