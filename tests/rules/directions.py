"""What perturbation should find, by reverse differentiation, and how far the mean of many draws is from it."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.func import grad, jacrev, vmap

from brainalign.credit.batch import Batch
from brainalign.credit.perturbation import sample_losses
from brainalign.credit.synaptic import Synaptic, current_shapes
from brainalign.networks.network import Network, Params
from brainalign.randomness import stream
from brainalign.rules.learning_rule import LearningRule


class Frozen(Synaptic):
    """Normalises with the statistics of the batch, as if they were given: no derivative passes through them."""

    def normalise(self, name: str, params: Mapping[str, Tensor], x: Tensor, eps: float = 1e-5) -> Tensor:
        axes = (0, *range(2, x.ndim))
        mean, variance = x.detach().mean(axes, keepdim=True), x.detach().var(axes, keepdim=True, correction=0)
        shape = (1, -1, *[1] * (x.ndim - 2))
        scale, shift = params[f"{name}.scale"].view(shape), params[f"{name}.shift"].view(shape)
        return (x - mean) / (variance + eps).sqrt() * scale + shift


def sensitivities(net: Network, params: Params, state: Params, data: Batch, wiring: type = Synaptic) -> Params:
    """Return ``dL_i / dcurrent_j`` ``(n, crossings, n, *shape)`` of every synapse."""

    def losses(noise: Params) -> Tensor:
        return sample_losses(net.task, net.forward(params, data.x, wiring(state, noise, adapt=True)), data.y)

    return jacrev(losses)(at_rest(net, params, len(data.y)))


def at_rest(net: Network, params: Params, n: int) -> Params:
    like = next(iter(params.values()))
    return {name: like.new_zeros(times, n, *shape) for name, (times, *shape) in current_shapes(net).items()}


def slopes(sensitivity: Params, v: Params) -> Tensor:
    """Return the slope ``(n,)`` of every sample's loss along ``v`` ``(crossings, n, *shape)``."""
    return sum((j * v[name]).flatten(1).sum(1) for name, j in sensitivity.items())


def taught(net: Network, params: Params, state: Params, data: Batch, signals: Params) -> Params:
    """Return the gradient of ``sum of signal times current`` by weight, with everything below a current held fixed."""

    class Cut(Synaptic):
        def synapse(self, synapse, params, x):  # type: ignore[no-untyped-def]
            current = super().synapse(synapse, params, x.detach())
            self.total = (
                getattr(self, "total", 0) + (current * signals[synapse.name][len(self.inputs[synapse.name]) - 1]).sum()
            )
            return current

    def total(params: Params) -> Tensor:
        wiring = Cut(state, adapt=True)
        net.forward(params, data.x, wiring)
        return wiring.total

    updates = grad(total)(params)
    return {n: updates[n] for s in net.synapses for n in (s.weight_name, s.bias_name) if n in updates}


def many(rule: LearningRule, net: Network, params: Params, state: Params, data: Batch, draws: int) -> Params:
    """Return the updates of ``draws`` steps from the same place, ``(draws, *shape)``."""
    noise = [rule.noise(net, len(data.y), stream(k, "noise")) for k in range(draws)]
    like = next(iter(params.values()))
    stacked = {n: torch.stack([one[n] for one in noise]).to(like.dtype) for n in noise[0]}
    return vmap(lambda own: rule.step(net, params, state, data, own).updates, chunk_size=100)(stacked)


def assert_mean_is(found: Params, expected: Params) -> None:
    """Check the mean of draws against what it should be, along that direction and in every coordinate."""
    draws = torch.cat([u.flatten(1) for u in found.values()], 1)
    goal = torch.cat([expected[name].flatten() for name in found])
    n = len(draws)
    along = draws @ goal / goal.square().sum()
    error = float(along.std() / n**0.5)
    assert error < 0.06, "too few draws to tell"
    assert abs(float(along.mean()) - 1) < 4 * error
    spread = draws.std(0)
    seen = spread > 1e-12
    z = (draws.mean(0) - goal)[seen] / (spread[seen] / n**0.5)
    assert (goal[~seen].abs() < 1e-9).all()
    assert 0.6 < float(z.square().mean()) < 1.6
    assert float(z.abs().max()) < 6
