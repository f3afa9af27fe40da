"""Energies of a chain of blocks, their fixed points, and what the difference of two fixed points teaches.

Layers are numbered 1 to m, their states are ``s_1 .. s_m`` ``(n, *shape)``, ``s_0`` is the input. ``a_l(s_(l-1))`` is
what block l's neurons receive and ``f_l`` what its neurons answer without feedback. Where a rule keeps the readout
outside the energy, ``m`` is the last hidden layer; otherwise ``s_m`` are the outputs.

Normalisations use running statistics, so that the state of a sample depends on that sample alone.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.func import vjp
from torch.nn import functional as F

from brainalign.credit.chain import Pull
from brainalign.credit.objective import output_error, output_metrics, target
from brainalign.datasets.task import Task
from brainalign.networks.architecture import choose
from brainalign.networks.block import Block
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring

Function = Callable[[Tensor], Tensor]
#: What the top layer does: ``top(drive from below, own state)`` is its new state.
Top = Callable[[Tensor, Tensor], Tensor]

#: Bounded, non-decreasing nonlinearities; bounded states keep the energy bounded whatever the weights.
RESPONSES: dict[str, Function] = {
    "hard_sigmoid": lambda a: a.clamp(0, 1),
    "hard_tanh": lambda a: a.clamp(-1, 1),
    "tanh": torch.tanh,
}


def response(name: str, slope: float) -> Function:
    """Return ``rho(slope a)``; ``name`` is one of :data:`RESPONSES`."""
    choose("activation", name, tuple(RESPONSES))
    function = RESPONSES[name]
    return lambda a: function(slope * a)


def hopfield_mismatch(network: Network) -> str | None:
    """Return why ``network`` has no Hopfield energy, or None if it has one."""
    for block in network.blocks:
        if len(block.synapses) != 1:
            return (
                f"block {block.name!r} holds {len(block.synapses)} synapses and nonlinearities between them, "
                "so its neurons are not coupled by one symmetric matrix and the states have no Hopfield energy"
            )
    return None


# -- Hopfield energy --------------------------------------------------------------------------------------------------


def ascend(
    chain: Sequence[Block], params: Params, wiring: Wiring, bottom: Tensor, function: Function, top: Function
) -> list[Tensor]:
    """Return states of a chain whose layers do not hear those above them yet; ``bottom`` is ``a_1(x)``."""
    states: list[Tensor] = []
    for k, block in enumerate(chain):
        drive = bottom if k == 0 else block.preactivation(params, states[-1], wiring)
        states.append((function if k < len(chain) - 1 else top)(drive))
    return states


def settle(
    chain: Sequence[Block],
    params: Params,
    wiring: Wiring,
    bottom: Tensor,
    states: Sequence[Tensor],
    steps: int,
    function: Function,
    top: Top,
    gain: float = 1.0,
) -> list[Tensor]:
    """Descend ``E = sum_l gain^(l-m) (G(s_l) - <s_l, a_l(s_(l-1))>)`` and return the states.

    ``G`` is the convex function whose derivative is the inverse of ``function``. A step updates every other layer from
    the top down, then those between: ``s_l = function(a_l(s_(l-1)) + gain J_(l+1)^T s_(l+1))``, where ``J`` is the
    Jacobian of ``a_(l+1)`` at ``s_l``. Layers that are updated together do not touch each other, so each step minimises
    the energy over half of the states exactly. It cannot rise, without a step size. (With maximum pooling in ``a`` and
    states that are not negative, what is minimised is an upper bound that touches the energy, with the same result.)
    """  # fmt: skip
    states, last = list(states), len(states) - 1
    pulls: dict[int, Function] = {}

    def drive(k: int) -> Tensor:
        if k == 0:
            return bottom
        block, below = chain[k], states[k - 1]
        if k not in pulls and _is_one_matrix(block, below):
            weight = block.synapses[0].weight_name
            pulls[k] = partial(torch.matmul, other=wiring.feedback.get(weight, params[weight]))
        if k in pulls and block.affine:
            return block.preactivation(params, below, wiring)
        current, pulls[k] = _linearised(lambda s: block.preactivation(params, s, wiring), below)
        return current

    def update(k: int) -> None:
        if k == last:
            states[k] = top(drive(k), states[k])
        else:
            states[k] = function(drive(k) + gain * pulls[k + 1](states[k + 1]))

    halves = range(last, -1, -2), range(last - 1, -1, -2)
    for k in halves[1]:
        drive(k)  # each layer's Jacobian is taken where the layer below stands when it is used
    for _ in range(steps):
        for half in halves:
            for k in half:
                update(k)
    return states


# -- energy of prediction errors --------------------------------------------------------------------------------------


def predict(
    chain: Sequence[Block], params: Params, wiring: Wiring, bottom: Tensor, steps: int = 0, top: Top | None = None
) -> tuple[list[Tensor], list[Tensor]]:
    """Return states and errors ``e_l = s_l - f_l(s_(l-1))`` at which ``E = sum_l |e_l|^2 / 2`` and a nudge balance.

    ``bottom`` is ``f_1(x)`` and ``top(f_m, s_m)`` the nudged top layer; without steps this is the forward pass. At the
    fixed point ``e_l = J_(l+1)^T e_(l+1)``. A step sends errors down through the Jacobians at the present states, then
    moves states up with them. Its fixed points are those of gradient descent on the states, and it needs far fewer
    steps, since small errors hardly move Jacobians.
    """
    errors: list[Tensor] = []
    for step in range(steps + 1):
        states: list[Tensor] = []
        predictions: list[Tensor] = []
        pulls: list[Function] = []
        for k, block in enumerate(chain):
            prediction = bottom
            if k > 0:
                prediction, pull = _linearised(partial(_forward, block, params, wiring), states[-1])
                pulls.append(pull)
            predictions.append(prediction)
            states.append(prediction + errors[k] if errors else prediction)
        if step < steps and top is not None:
            errors = [top(predictions[-1], states[-1]) - predictions[-1]]
            for pull in reversed(pulls):
                errors.insert(0, pull(errors[0]))
    return states, errors


def _forward(block: Block, params: Params, wiring: Wiring, x: Tensor) -> Tensor:
    return block.forward(params, x, wiring)


def _is_one_matrix(block: Block, below: Tensor) -> bool:
    """Return whether the transposed derivative of a block's preactivation is a product with its weight."""
    return block.affine and below.ndim == 2 and [synapse.kind for synapse in block.synapses] == ["linear"]


def _linearised(function: Function, x: Tensor) -> tuple[Tensor, Function]:
    """Return ``function(x)`` and its transposed derivative there."""
    value, pull = vjp(function, x)  # type: ignore[misc]
    return value, lambda signal: pull(signal)[0]


# -- the top ----------------------------------------------------------------------------------------------------------


def pushed_by_readout(
    network: Network, params: Params, wiring: Wiring, y: Tensor, strength: Tensor, function: Function
) -> Top:
    """Return a top layer that descends ``strength`` ``(n,)`` times the loss of a readout outside the energy."""
    readout = network.blocks[-1]

    def top(drive: Tensor, state: Tensor) -> Tensor:
        output, pull = _linearised(lambda s: readout.forward(params, s, wiring), state)
        return function(drive - pull(cost_gradient(network.task, output, y, strength)))

    return top


def pulled_to_target(task: Task, y: Tensor, strength: Tensor) -> Top:
    """Return linear outputs that minimise the energy and ``strength`` ``(n,)`` times ``|s_m - t|^2 / 2``."""
    share = strength[:, None]
    return lambda drive, state: (drive + share * target(task, y)) / (1 + share)


def cost_gradient(task: Task, output: Tensor, y: Tensor, strength: Tensor) -> Tensor:
    """Return the gradient of each sample's own loss with respect to ``output``, times its ``strength``."""
    return strength[:, None] * len(output) * output_error(task, output, y)


# -- learning ---------------------------------------------------------------------------------------------------------


def pulls_at(
    blocks: Sequence[Block], params: Params, wiring: Wiring, inputs: Sequence[Tensor], exact: bool = False
) -> list[Pull]:
    """Return each block's map from a signal at what its neurons receive to updates of its own parameters.

    With ``exact`` the signal is at what they answer instead, and passes through the derivative of that.
    """

    def pull_of(block: Block, x: Tensor) -> Pull:
        part = block.forward if exact else block.preactivation
        _, pull = vjp(lambda own: part(own, x, wiring), {name: params[name] for name in block.parameters()})  # type: ignore[misc]
        return lambda signal: pull(signal)[0]

    return [pull_of(block, x) for block, x in zip(blocks, inputs, strict=True)]


def adapted_statistics(
    chain: Sequence[Block], params: Params, state: Params, x: Tensor, states: Sequence[Tensor]
) -> Params:
    """Return running statistics of the normalisations after seeing ``states`` above ``x``."""
    found: Params = {}
    for block, below in zip(chain, (x, *states), strict=False):
        if block.normalisations():
            wiring = Wiring(state, adapt=True)
            block.preactivation(params, below, wiring)
            found |= wiring.statistics
    return found


def squared_error_metrics(task: Task, output: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Return metrics of outputs that are taught targets: of classes, too, the loss is ``|s_m - t|^2 / 2``."""
    metrics = output_metrics(task, output, y)
    if task.objective == "classification":
        metrics["loss"] = F.mse_loss(output, target(task, y).to(output.dtype)) * output.shape[1] / 2
    return metrics
