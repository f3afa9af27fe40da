"""The contract of a learning rule."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from brainalign.credit.batch import Batch
from brainalign.credit.step import Step
from brainalign.discovery import available, create, snake_case
from brainalign.errors import IncompatibleError
from brainalign.networks.network import Network, Params
from brainalign.options import Needs
from brainalign.roles import TRAINED
from brainalign.rules.claim import Claim


@dataclass(frozen=True)
class LearningRule(ABC):
    """How a network's parameters change. Subclasses are frozen dataclasses of hyper-parameters.

    A rule is written for one network and holds nothing but its options: whatever outlives a step is in the state
    that :meth:`init` makes and :meth:`step` returns. The trainer runs it for a population with
    :func:`torch.func.vmap`.

    ``learns`` says whether a step changes anything, and ``role`` what the trained networks are
    (:data:`brainalign.columns.ROLES`): controls have another role than ``"trained"``. ``recommended`` is how a rule is
    meant to be trained, by the name of a network (``""`` for all others): settings as ``--set`` takes them, which are
    written into a specification where they are not given (:mod:`brainalign.recommended`). They are chosen on
    validation data (``presets/searches``), and no default of an option. ``plasticity_off`` are options under which a
    rule whose networks answer in their own way leaves hidden synapses as drawn: its own control.
    ``only_with`` says which options have no effect without others (:func:`brainalign.options.unused_options`); to give
    one alone is refused.

    Examples
    --------
    >>> import torch
    >>> from dataclasses import dataclass
    >>> from brainalign.credit.batch import Batch
    >>> from brainalign.datasets.task import Task
    >>> from brainalign.networks.mlp import MLP
    >>> from brainalign.rules.backprop import Backprop
    >>> from brainalign.rules.learning_rule import LearningRule
    >>> @dataclass(frozen=True)
    ... class SlowBackprop(LearningRule):
    ...     reference = "my own"
    ...     slowness: float = 10.0
    ...     def step(self, network, params, state, batch, noise):
    ...         found = Backprop().step(network, params, state, batch, noise)
    ...         slow = {name: update / self.slowness for name, update in found.updates.items()}
    ...         return found._replace(updates=slow)
    ...     def multiply_adds(self, network, batch_size):
    ...         return Backprop().multiply_adds(network, batch_size)
    >>> rule, network = SlowBackprop(), MLP((16,)).build(Task((1, 8, 8), 10, 100))
    >>> rule.check(network), rule.incompatibility(network), rule.name(), rule.activity
    (None, None, 'slow_backprop', '')
    >>> generator = torch.Generator().manual_seed(0)
    >>> params = network.init(generator)
    >>> state = {**network.init_state(), **rule.init(network, params, generator)}
    >>> batch = Batch(torch.randn(5, 1, 8, 8), torch.arange(5), torch.arange(5))
    >>> step = rule.step(network, params, state, batch, rule.noise(network, 5, generator))
    >>> {name: tuple(update.shape) for name, update in step.updates.items()}
    {'hidden1.weight': (16, 64), 'hidden1.bias': (16,), 'readout.weight': (10, 16), 'readout.bias': (10,)}
    >>> {layer: tuple(values.shape) for layer, values in rule.respond(network, params, state, batch.x).items()}
    {'hidden1': (5, 16), 'readout': (5, 10)}
    >>> rule.prepared(network, batch.x) is rule, rule.residual(network, params, state, batch.x)
    (True, None)
    >>> rule.trainable(state), rule.feedback_angles(network, params, state), rule.multiply_adds(network, 5)
    ((), {}, 2528)
    """

    reference: ClassVar[str]
    claims: ClassVar[Mapping[str, Claim]] = {}
    learns: ClassVar[bool] = True
    role: ClassVar[str] = TRAINED
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    plasticity_off: ClassVar[Mapping[str, Any]] = {}
    only_with: ClassVar[Needs] = {}

    @classmethod
    def name(cls) -> str:
        """Name on the command line, in tables and of the file."""
        return snake_case(cls.__name__)

    @property
    def activity(self) -> str:
        """What the activity of a hidden unit is, with units, where it is not what its block answers."""
        return ""

    def incompatibility(self, network: Network) -> str | None:
        """Return why this rule cannot train ``network``, or None if it can."""
        del network
        return None

    def check(self, network: Network) -> None:
        """Refuse a network that this rule cannot train.

        Raises
        ------
        IncompatibleError
            With the reason.
        """
        reason = self.incompatibility(network)
        if reason is not None:
            raise IncompatibleError(self.name(), network.name, reason)

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Return what the rule carries between steps (feedback weights, traces), on the CPU.

        Tensors of one network, such as feedback weights ``(n_units, n_outputs)``; ``vmap`` adds the axis of seeds.
        """
        del network, params, generator
        return {}

    def prepared(self, network: Network, x: Tensor) -> "LearningRule":
        """Return the rule with the options that it finds out before the first step, on training inputs ``x``.

        These are ``(n, channels, height, width)``. Options may depend on nothing else, so that they are the same for
        every instance and stimulus; checkpoints keep them.
        """
        del network, x
        return self

    def residual(self, network: Network, params: Params, state: Params, x: Tensor) -> Tensor | None:
        """Return how far from rest each answer is, relative to its size ``(n,)``; None where answers do not settle."""
        del network, params, state, x
        return None

    def trainable(self, state: Params) -> tuple[str, ...]:
        """Return the names of entries of ``state`` (name to ``(n_units, ...)``) that an optimiser trains, too."""
        del state
        return ()

    def noise(self, network: Network, batch_size: int, generator: torch.Generator) -> Params:
        """Draw this step's private randomness on the CPU, ``(n_samples, ...)``; the step itself is deterministic."""
        del network, batch_size, generator
        return {}

    @abstractmethod
    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return how ``params`` and ``state`` change after ``batch``. Pure; never writes to its arguments.

        Parameters
        ----------
        network
            The chain of blocks.
        params, state
            Name to tensor, without an axis of seeds: ``(n_units, n_inputs)`` for the weights of a dense layer.
        batch
            Inputs ``(n, channels, height, width)``, labels ``(n,)`` and the identity of each sample ``(n,)``.
        noise
            What :meth:`noise` drew.

        Returns
        -------
        Step
            Updates, with the sign and shapes of gradients; entries of the state that change; metrics.
        """

    @abstractmethod
    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Return the multiply-adds per sample of one step in theory; element-wise work is left out."""

    def feedback_angles(self, network: Network, params: Params, state: Params) -> dict[str, Tensor]:
        """Return degrees ``()`` between feedback weights ``(n_units, ...)`` and the forward weights they stand for."""
        del network, params, state
        return {}

    def respond(self, network: Network, params: Params, state: Params, x: Tensor) -> dict[str, Tensor]:
        """Return the activity of every layer of the trained network; the last entry is its answer.

        ``x`` are inputs ``(n, channels, height, width)``; activities are ``(n, ...)`` by layer.
        """
        return network.activities(params, state, x)


def learning_rules() -> dict[str, type[LearningRule]]:
    """Return every learning rule by name."""
    return available("rules", LearningRule)


def learning_rule(name: str, options: dict[str, Any] | None = None, stored: bool = False) -> LearningRule:
    """Return the rule ``name`` with ``options``; unknown names and options raise :class:`SpecError`.

    So do options that have no effect beside the others, unless they are ``stored`` in a file of an earlier version.
    """
    return create("rules", LearningRule, name, options, stored)
