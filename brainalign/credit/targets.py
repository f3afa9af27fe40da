"""Targets: activities that layers should have had, sent down a path of feedback stages.

Blocks are numbered 1 to L, their outputs are ``h_1 .. h_L`` ``(n, *shape)`` and their targets ``t_1 .. t_L``. Stage l
leads from block l's output to its input, ``g_l``; stage 1, down to the stimulus, sends no target anybody needs, so it
neither exists nor learns. What is sent is the error of a target, ``h_l - t_l``: it has the sign of a gradient, and is
exactly zero where a target is met.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import prod

import torch
from torch import Tensor
from torch.func import vjp

from brainalign.credit.batch import Batch
from brainalign.credit.chain import Teach
from brainalign.credit.cost import forward_cost, local_cost
from brainalign.credit.feedback_stage import FeedbackStage, feedback_path, path_angles, path_cost
from brainalign.credit.objective import output_error
from brainalign.datasets.task import Task
from brainalign.networks.architecture import NONLINEARITIES, choose, nonlinearity
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring

Function = Callable[[Tensor], Tensor]
Stages = tuple[FeedbackStage, ...]
Send = Callable[[FeedbackStage, Tensor], Tensor]


# -- options ----------------------------------------------------------------------------------------------------------


def feedback_nonlinearity(name: str) -> Function:
    """Return the nonlinearity of feedback neurons: any of a network's, or ``"linear"``."""
    choose("activation", name, (*NONLINEARITIES, "linear"))
    return _same if name == "linear" else nonlinearity(name)[0]


def _same(x: Tensor) -> Tensor:
    return x


# -- the path ---------------------------------------------------------------------------------------------------------


def target_path(network: Network, gain: float = 1.0, bias: bool = False) -> Stages:
    """Return the stages across blocks 2 to L, see :func:`feedback_path`."""
    return feedback_path(network, gain, bias)[1:]


def stage_weights(stage: FeedbackStage, state: Params) -> Params:
    """Return the weight of a stage, and its bias if it has one."""
    names = (stage.synapse.weight_name, stage.synapse.bias_name) if stage.synapse.bias else (stage.synapse.weight_name,)
    return {name: state[name] for name in names}


def target_angles(network: Network, params: Params, state: Params, stages: Stages) -> dict[str, Tensor]:
    """Return the angle of every stage's weight to its block's transposed weight, see :func:`path_angles`."""
    return path_angles(replace(network, blocks=network.blocks[1:]), params, state, stages)


def activity_noise(
    stages: Stages, batch_size: int, size: float, n_draws: int, generator: torch.Generator, top: bool = False
) -> Params:
    """Draw ``(n_draws, n, *shape)`` Gaussian noise of standard deviation ``size`` for the input of every stage's block.

    Entries are named by the block that is crossed. With ``top``, the network's output gets noise as well, under the
    name ``"output"``.
    """
    shapes = {stage.block: stage.below for stage in stages}
    if top and stages:
        shapes["output"] = stages[-1].above
    return {
        name: size * torch.randn(n_draws, batch_size, *shape, generator=generator) for name, shape in shapes.items()
    }


# -- sending targets --------------------------------------------------------------------------------------------------


def top_error(task: Task, output: Tensor, batch: Batch, step_size: float) -> Tensor:
    """Return ``h_L - t_L``: ``step_size`` times the gradient of each sample's own loss."""
    return step_size * len(output) * output_error(task, output, batch.y)


def plain_errors(stages: Stages, outputs: list[Tensor], top: Tensor, send: Send) -> list[Tensor]:
    """Return ``h_l - t_l`` of every block with ``t_(l-1) = g_l(t_l)``; ``send(stage, t)`` is ``g``."""
    target = outputs[-1] - top
    errors = [top]
    for stage, below in zip(reversed(stages), reversed(outputs[:-1]), strict=True):
        target = send(stage, target)
        errors.append(below - target)
    return errors[::-1]


def difference_errors(stages: Stages, outputs: list[Tensor], top: Tensor, lower: Callable) -> list[Tensor]:
    """Return ``h_l - t_l`` of every block with ``t_(l-1) = h_(l-1) + g_l(t_l) - g_l(h_l)``.

    ``lower(stage, h, t)`` is ``g(h) - g(t)``.
    """
    errors = [top]
    for stage, above in zip(reversed(stages), reversed(outputs), strict=False):
        errors.append(lower(stage, above, above - errors[-1]))
    return errors[::-1]


def taught_by_targets(
    task: Task, teach: Teach, outputs: list[Tensor], batch: Batch, errors: list[Tensor], unit: float = 1.0
) -> Params:
    """Return every block's update towards its target, ``(h_l - t_l) / (n unit)`` through its own derivative.

    The readout learns from its own output error.
    """
    signals = [error / (len(error) * unit) for error in errors[:-1]]
    return teach([*signals, output_error(task, outputs[-1], batch.y)])


# -- learning the path ------------------------------------------------------------------------------------------------


def respond_again(network: Network, params: Params, state: Params, stage: FeedbackStage, x: Tensor) -> Tensor:
    """Return what the block that ``stage`` crosses makes of ``x``, as in the pass that is being learned from.

    Normalisations use the statistics of the batch, which are not kept.
    """
    block = next(block for block in network.blocks if block.name == stage.block)
    return block.forward(params, x, Wiring(state, adapt=True))


def places(stage: FeedbackStage) -> int:
    """Return at how many places (pixels, tokens) of one sample a stage uses the same weights."""
    return prod(stage.below) // stage.synapse.n_out


def learn_to_reconstruct(
    network: Network,
    params: Params,
    state: Params,
    stages: Stages,
    outputs: list[Tensor],
    noise: Params,
    function: Function,
    rate: float,
) -> Params:
    """Return feedback weights after descending ``|g_l(f_l(h + eps)) - (h + eps)|^2``, ``h = h_(l-1)``, once per draw.

    Each stage descends half the error per sample and place by ``rate / (1 + E|x|^2)``, where ``x`` is what its weights
    read (normalised least mean squares), so that rates below 2 are stable in every network.
    """
    learned = {name: weight for stage in stages for name, weight in stage_weights(stage, state).items()}
    for draws in _draws(stages, noise):
        below = [activity + draw for activity, draw in zip(outputs, draws, strict=False)]
        above = [respond_again(network, params, state, *pair) for pair in zip(stages, below, strict=True)]

        def reconstruct(weights: Params, above: "list[Tensor]" = above) -> "list[Tensor]":
            return [function(stage.current(weights, x)) for stage, x in zip(stages, above, strict=True)]

        found, pull = vjp(reconstruct, learned)  # type: ignore[misc]
        slopes = pull([of - wanted for of, wanted in zip(found, below, strict=True)])[0]
        for stage, x in zip(stages, above, strict=True):
            # the rate multiplies weights, not errors: a pass less over activities
            size = 1 + _fan_in(stage) * torch.linalg.vector_norm(x).square() / x.numel()
            step = rate / (len(x) * places(stage) * size)
            learned |= _descend(learned, {name: step * slope for name, slope in stage_weights(stage, slopes).items()})
    return learned


def learn_transposed_jacobian(
    network: Network,
    params: Params,
    state: Params,
    stages: Stages,
    outputs: list[Tensor],
    noise: Params,
    read: Callable[[FeedbackStage, Tensor], Tensor],
    rate: float,
    size: float,
) -> Params:
    """Return the weights of ``g_l(h) = V_l read(h)`` after descending, once per draw, with ``h = h_(l-1)``.

    What is descended is ``(|g_l(h_l + eta) - g_l(h_l)|^2 / 2 - eps . (g_l(f_l(h + eps)) - g_l(h_l))) / size^2`` per
    sample and place. Its mean over small noise of standard deviation ``size`` is half of ``|J_g - J_f^T|^2`` and a
    constant. Noise of a layer serves as ``eps`` for the stage below it and as ``eta`` for the one above; the two terms
    need not be independent. As ``g_l`` is linear in ``V_l``, the slope is the product of ``g_l(h_l + eta) - g_l(h_l)``
    and what caused it, less that of ``eps`` and what it caused.

    Rates are divided by ``1 + d / n`` for ``d`` inputs of a weight and ``n`` samples, since the covariance of few draws
    in many dimensions has eigenvalues far above 1; rates below 1 are stable for dense stages.
    """
    learned = {name: weight for stage in stages for name, weight in stage_weights(stage, state).items()}
    rest = [read(stage, above) for stage, above in zip(stages, outputs[1:], strict=True)]
    for draws in _draws(stages, noise, top=True):
        for stage, below, above, quiet, eps, eta in zip(
            stages, outputs[:-1], outputs[1:], rest, draws[:-1], draws[1:], strict=True
        ):
            shared = len(below) * places(stage)
            step = rate / ((1 + _fan_in(stage) / shared) * shared * size**2)
            caused = read(stage, respond_again(network, params, state, stage, below + eps)) - quiet
            probe = read(stage, above + eta) - quiet
            learned |= _descend(learned, stage.slope(probe, step * stage.current(learned, probe)))
            learned |= _descend(learned, stage.slope(caused, -step * eps))
    return learned


def _draws(stages: Stages, noise: Params, top: bool = False) -> Iterable[tuple[Tensor, ...]]:
    """Return, for each draw, the noise of every stage's input, and with ``top`` of the output."""
    names = [*(stage.block for stage in stages), *(["output"] if top and stages else [])]
    return zip(*(noise[name] for name in names), strict=True)


def _fan_in(stage: FeedbackStage) -> int:
    return prod(stage.synapse.weight_shape[1:])


def _descend(weights: Params, slope: Params) -> Params:
    return {name: weights[name] - change for name, change in slope.items()}


# -- cost -------------------------------------------------------------------------------------------------------------


def target_cost(
    network: Network, stages: Sequence[FeedbackStage], passes: int, steps: int = 0, crossings: int = 0
) -> int:
    """Return forward pass, local gradients, ``passes`` through the path, and ``steps`` of learning the path.

    A step of learning runs blocks 2 to L once and crosses every stage ``crossings`` times, gradients included.
    """
    first = sum(forward_cost(replace(network, blocks=network.blocks[:1])).values())
    upper = sum(forward_cost(network).values()) - first
    path = sum(path_cost(stage) for stage in stages)
    return local_cost(network) + passes * path + steps * (upper + crossings * path)
