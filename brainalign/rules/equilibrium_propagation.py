"""Equilibrium propagation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.credit.batch import Batch
from brainalign.credit.chain import teach
from brainalign.credit.cost import forward_cost
from brainalign.credit.energy import (
    Function,
    Top,
    adapted_statistics,
    ascend,
    cost_gradient,
    hopfield_mismatch,
    predict,
    pulled_to_target,
    pulls_at,
    pushed_by_readout,
    response,
    settle,
    squared_error_metrics,
)
from brainalign.credit.objective import output_metrics
from brainalign.credit.step import Step
from brainalign.errors import SpecError
from brainalign.networks.architecture import choose
from brainalign.networks.block import Block
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.options import Needs, require_not_negative, require_positive, require_steps
from brainalign.randomness import stream
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

#: Steps after which a free state should be at rest.
AT_REST = 200

_LV = "Lv et al. 2025, ICML (arXiv 2501.09976)"


@dataclass(frozen=True)
class EquilibriumPropagation(LearningRule):
    """``dW = (dF/dW(s^beta, beta) - dF/dW(s^-beta, -beta)) / (2 beta)`` with ``F = E + beta C``, ``s^beta`` at rest.

    ``s = (s_1, .., s_m)`` are states ``(n, *shape)`` of layers, ``C`` is each sample's cost and ``E`` an energy. Nudged
    phases start from the free fixed point ``s^0``. As ``beta`` goes to 0, ``dW`` goes to the gradient of ``C`` at the
    free fixed point.

    ``energy = "hopfield"``: ``s_l = rho(slope (a_l + gain J_(l+1)^T s_(l+1)))``, where ``a_l`` is what block l's
    neurons receive and ``J_l`` its derivative by the state below (a weight, or a weight and pooling): layers excite
    each other through the same weights in both directions. For clipped states
    ``E = sum_l gain^(l-m) (|s_l|^2 / (2 slope) - <s_l, a_l>)``. ``rho`` is bounded and replaces the network's own
    nonlinearity. The network answers, and is compared with brains, in its free state. ``dW`` is a difference of two
    Hebbian products of neighbouring states.

    ``energy = "prediction"``: ``E = sum_l |s_l - f_l(s_(l-1))|^2 / 2``. The free state is the forward pass, the network
    keeps its nonlinearity, and ``dW`` goes to backpropagation's for every network. It is a product of the prediction
    error of a block and the derivative of that block.

    Layers are updated in turns (:func:`brainalign.credit.energy.settle`, :func:`brainalign.credit.energy.predict`),
    which finds the fixed points of simultaneous dynamics in fewer steps. Normalisations use running statistics.

    Not plausible: weights are symmetric, and a neuron compares its activity of two phases at rest.

    Parameters
    ----------
    nudging
        ``"symmetric"`` as above. ``"one_sided"``: phases ``0`` and ``beta``, over ``beta``; the update is off by a term
        in ``beta``, not ``beta^2``. ``"random_sign"``: one-sided with ``beta`` or ``-beta``, drawn anew for every step.
    beta
        Strength of the nudge relative to the energy. With ``"prediction"`` a negative nudge has no fixed point above
        the reciprocal of the curvature of ``C`` as a function of any layer; 0.01 is small enough for most networks.
    free_steps
        Steps to the free fixed point (T1), each an update of every layer; of ``"hopfield"`` only.
    rest
        Largest distance of a free state from its fixed point, relative to its size; ``"hopfield"`` only. Where it is
        above 0, ``free_steps`` is chosen before the first step: the fewest after which no state of 64 training samples
        is further from rest, on a network that is drawn for that. Checkpoints keep it, and it is the same for every
        stimulus. 0 takes ``free_steps`` as it is. Training may move states away from rest again;
        :meth:`residual` measures what is left, and activations carry it.
    nudged_steps
        Steps of each nudged phase (T2). In a step the nudge sinks by two layers, or by all of them with
        ``"prediction"``.
    energy
        ``"hopfield"`` or ``"prediction"``.
    readout
        ``"outside"``: the readout is not part of the energy, it reads the last hidden layer; ``C`` is the task's loss
        and nudges through the readout's transposed weights. ``"inside"``: outputs are linear neurons of the energy and
        ``C = |s_m - t|^2 / 2``, also for classes, whose targets are one-hot; the training loss is then that one.
    activation
        ``rho`` of ``"hopfield"``: ``"hard_sigmoid"`` (clipped to 0..1), ``"hard_tanh"`` (to -1..1) or ``"tanh"``. Under
        maximum pooling only states that are not negative are sure to settle.
    slope
        Of ``rho``. Small slopes keep neurons from saturating.
    gain
        Of feedback, of ``"hopfield"``: how strongly a layer excites the one below, relative to how it is excited by it.
        The smaller, the fewer steps to a fixed point, and the nearer the free one to the forward pass.

    References
    ----------
    Scellier & Bengio 2017, Front. Comput. Neurosci. 11:24. Symmetric nudging and readout: Laborieux et al. 2021, Front.
    Neurosci. 15:633674. Updates in turns: Scellier et al. 2023, NeurIPS (arXiv 2312.15103). Energy of prediction
    errors: Millidge et al. 2022 (arXiv 2206.02629). Feedback gain: Xie & Seung 2003, Neural Comput. 15:441, for
    contrastive Hebbian learning.
    """

    reference: ClassVar[str] = "Scellier & Bengio 2017, Front. Comput. Neurosci. 11:24"
    claims: ClassVar[Mapping[str, Claim]] = {"C1": Claim(True, _LV), "C2": Claim(True, _LV), "C3": Claim(True, _LV)}

    only_with: ClassVar[Needs] = {
        option: {"energy": ("hopfield",)} for option in ("free_steps", "activation", "slope", "gain", "rest")
    }
    nudging: str = "symmetric"
    beta: float = 0.5
    free_steps: int = 20
    nudged_steps: int = 10
    energy: str = "hopfield"
    readout: str = "outside"
    activation: str = "hard_sigmoid"
    slope: float = 0.5
    gain: float = 1.0
    rest: float = 0.0

    def __post_init__(self) -> None:
        choose("nudging", self.nudging, ("symmetric", "one_sided", "random_sign"))
        choose("energy", self.energy, ("hopfield", "prediction"))
        choose("readout", self.readout, ("outside", "inside"))
        response(self.activation, self.slope)
        require_positive(beta=self.beta, slope=self.slope, gain=self.gain, nudged_steps=self.nudged_steps)
        require_steps(free_steps=self.free_steps, nudged_steps=self.nudged_steps)
        require_not_negative(rest=self.rest)
        if self.readout == "inside" and self.nudging != "one_sided" and self.beta >= 1:
            msg = (
                f"Option beta is {self.beta}; expected less than 1 with readout = 'inside' and a negative nudge, which "
                "would otherwise have no fixed point. Lower beta, or set nudging = 'one_sided'."
            )
            raise SpecError(msg)

    def incompatibility(self, network: Network) -> str | None:
        """Say which block has no Hopfield energy."""
        reason = hopfield_mismatch(network) if self.energy == "hopfield" else None
        return reason and f"{reason}; use energy = 'prediction'"

    def prepared(self, network: Network, x: Tensor) -> LearningRule:
        """Return the rule with as many free steps as bring the states for ``x`` to rest.

        Raises
        ------
        SpecError
            If ``AT_REST`` steps do not.
        """
        if not self.rest or self.energy != "hopfield" or not self._chain(network):
            return self
        params = {name: p.to(x.device) for name, p in network.init(stream(0, "rest")).items()}
        wiring = Wiring({name: s.to(x.device) for name, s in network.init_state().items()})
        with torch.no_grad():
            bottom, states = replace(self, free_steps=0)._free(network, params, wiring, x)
            path = [states]
            for _ in range(2 * AT_REST):
                path.append(self._settled(network, params, wiring, bottom, path[-1], 1))
        for steps, states in enumerate(path[:AT_REST]):
            if float(_distance(states, path[-1]).max()) <= self.rest:
                return replace(self, free_steps=max(steps, 1))
        left = float(_distance(path[AT_REST], path[-1]).max())
        msg = (
            f"Option rest is {self.rest}; after {AT_REST} steps free states are still {left:.2g} of their size from "
            "rest. Lower slope or gain, or raise rest."
        )
        raise SpecError(msg)

    def residual(self, network: Network, params: Params, state: Params, x: Tensor) -> Tensor | None:
        """Return the distance of each free state from where ``AT_REST`` more steps lead, relative to its size."""
        if self.energy != "hopfield" or not self._chain(network):
            return None
        wiring = Wiring(state)
        bottom, free = self._free(network, params, wiring, x)
        return _distance(free, self._settled(network, params, wiring, bottom, free, AT_REST))

    def noise(self, network: Network, batch_size: int, generator: torch.Generator) -> Params:
        """Draw the sign of the nudge, where it is random."""
        del network, batch_size
        if self.nudging != "random_sign":
            return {}
        return {"sign": torch.randint(0, 2, (), generator=generator) * 2.0 - 1.0}

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Settle, settle nudged, and return the difference of both phases' gradients of the energy."""
        self.check(network)
        wiring, n = Wiring(state), len(batch.x)
        bottom, free = self._free(network, params, wiring, batch.x)
        one = torch.ones(n, dtype=batch.x.dtype, device=batch.x.device)
        upper, lower = self._strengths(one, noise)
        states, partners = self._phases(network, params, wiring, bottom, free, batch.y, upper, lower)
        # From here on both phases are one batch, and dW the sum of its samples' gradients with these weights.
        weight = torch.cat([one, -one]) / torch.cat([n * (upper - lower)] * 2)
        gain = self.gain if self.energy == "hopfield" else 1.0
        signals = [
            -(gain ** (k - len(partners))) * weight.view(-1, *(1,) * (s.ndim - 1)) * s
            for k, s in enumerate(partners, start=1)
        ]
        inputs = [_twice(batch.x), *states]
        if self.readout == "outside":
            output = network.blocks[-1].forward(params, inputs[-1], wiring)
            share = weight * torch.cat([upper, lower])
            signals.append(cost_gradient(network.task, output, _twice(batch.y), share))
        # Both phases see the same input, so that one product serves both.
        inputs[0], signals[0] = batch.x, signals[0][:n] + signals[0][n:]
        pulls = pulls_at(network.blocks, params, wiring, inputs[: len(signals)], exact=self.energy == "prediction")
        answer = self._answers(network, params, wiring, batch.x, free)[-1]
        metrics = squared_error_metrics if self.readout == "inside" else output_metrics
        statistics = adapted_statistics(self._chain(network), params, state, batch.x, free)
        return Step(teach(pulls, signals), statistics, metrics(network.task, answer, batch.y))

    def _strengths(self, one: Tensor, noise: Params) -> tuple[Tensor, Tensor]:
        """Return the nudges ``(n,)`` of both phases; the second phase is the free one unless nudging is symmetric."""
        if self.nudging == "symmetric":
            return self.beta * one, -self.beta * one
        sign = noise["sign"] if self.nudging == "random_sign" else 1.0
        return self.beta * sign * one, 0 * one

    def _chain(self, network: Network) -> Sequence[Block]:
        """Return the blocks whose outputs are states of the energy."""
        return network.blocks if self.readout == "inside" else network.blocks[:-1]

    def _free(self, network: Network, params: Params, wiring: Wiring, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return what layer 1 gets from the input, and the free fixed point."""
        chain = self._chain(network)
        if not chain:
            return x, []
        if self.energy == "prediction":
            bottom = chain[0].forward(params, x, wiring)
            return bottom, predict(chain, params, wiring, bottom, 0)[0]
        bottom, rho = chain[0].preactivation(params, x, wiring), response(self.activation, self.slope)
        states = ascend(chain, params, wiring, bottom, rho, self._top_response)
        return bottom, self._settled(network, params, wiring, bottom, states, self.free_steps)

    def _settled(
        self, network: Network, params: Params, wiring: Wiring, bottom: Tensor, states: list[Tensor], steps: int
    ) -> list[Tensor]:
        """Return free states ``steps`` steps further on."""
        rho, top = response(self.activation, self.slope), self._top_response
        chain = self._chain(network)
        return settle(chain, params, wiring, bottom, states, steps, rho, lambda drive, _: top(drive), self.gain)

    @property
    def _top_response(self) -> Function:
        """What the top layer makes of its drive: outputs are linear."""
        hidden = self.energy == "hopfield" and self.readout == "outside"
        return response(self.activation, self.slope) if hidden else lambda drive: drive

    def _phases(
        self, network: Network, params: Params, wiring: Wiring, bottom: Tensor, free: list[Tensor], y: Tensor,
        upper: Tensor, lower: Tensor,
    ) -> tuple[list[Tensor], list[Tensor]]:  # fmt: skip
        """Return states of both phases one after the other, ``(2 n, *shape)``, and what they are Hebbian partners of.

        A block's Hebbian product is of the state below it and this partner: the state above it, or the prediction
        error there.
        """
        chain, symmetric = self._chain(network), self.nudging == "symmetric"
        if not chain:
            return [], []
        start, strength = free, upper
        if symmetric:
            bottom, start, y, strength = _twice(bottom), [_twice(s) for s in free], _twice(y), torch.cat([upper, lower])
        top: Top = (
            pulled_to_target(network.task, y, strength)
            if self.readout == "inside"
            else pushed_by_readout(network, params, wiring, y, strength, self._top_response)
        )
        if self.energy == "prediction":
            states, partners = predict(chain, params, wiring, bottom, self.nudged_steps, top)
            rest = [torch.zeros_like(s) for s in free]
        else:
            rho = response(self.activation, self.slope)
            states = partners = settle(chain, params, wiring, bottom, start, self.nudged_steps, rho, top, self.gain)
            rest = free
        if not symmetric:
            states = [torch.cat(pair) for pair in zip(states, free, strict=True)]
            partners = [torch.cat(pair) for pair in zip(partners, rest, strict=True)]
        return states, partners

    def _answers(
        self, network: Network, params: Params, wiring: Wiring, x: Tensor, states: list[Tensor]
    ) -> list[Tensor]:
        """Return the output of every block at a fixed point; a readout outside the energy reads the last state."""
        if self.readout == "inside":
            return states
        return [*states, network.blocks[-1].forward(params, states[-1] if states else x, wiring)]

    def respond(self, network: Network, params: Params, state: Params, x: Tensor) -> dict[str, Tensor]:
        """Return the free fixed point; with the readout outside, its answer follows."""
        self.check(network)
        wiring = Wiring(state)
        states = self._answers(network, params, wiring, x, self._free(network, params, wiring, x)[1])
        pairs = zip(network.blocks, states, strict=True)
        return {layer: shown for block, s in pairs for layer, shown in block.shown(s).items()}

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count the phases and two Hebbian products per weight; the current from the input does not change."""
        del batch_size
        costs = forward_cost(network)
        total, first = sum(costs.values()), sum(costs[s.name] for s in network.blocks[0].synapses)
        last = sum(costs[s.name] for s in network.blocks[-1].synapses)
        phases = 2 if self.nudging == "symmetric" else 1
        coupled = total - first - (last if self.readout == "outside" else 0)
        free = 2 * coupled * self.free_steps if self.energy == "hopfield" else 0
        return total + free + 2 * phases * (total - first) * self.nudged_steps + 2 * total - first


def _distance(states: Sequence[Tensor], rest: Sequence[Tensor]) -> Tensor:
    """Return the distance of states from states at rest, all layers together, relative to the latter ``(n,)``."""
    apart = sum((s - r).flatten(1).square().sum(1) for s, r in zip(states, rest, strict=True))
    size = sum(r.flatten(1).square().sum(1) for r in rest)
    return (torch.as_tensor(apart) / torch.as_tensor(size).clamp_min(torch.finfo(rest[0].dtype).tiny)).sqrt()


def _twice(x: Tensor) -> Tensor:
    return torch.cat([x, x])
