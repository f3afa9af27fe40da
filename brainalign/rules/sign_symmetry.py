"""Sign symmetry: feedback knows the signs of the forward weights and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any, ClassVar

import torch
from torch import Tensor

from brainalign.credit.angles import weight_angles
from brainalign.credit.batch import Batch
from brainalign.credit.chain import error_descent
from brainalign.credit.cost import backprop_cost
from brainalign.credit.step import Step
from brainalign.networks.architecture import choose
from brainalign.networks.network import Network, Params
from brainalign.networks.synapse import Synapse
from brainalign.options import require_positive
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_PREFIX = "magnitude/"
_LIAO = "Liao, Leibo & Poggio 2016, AAAI (arXiv 1510.05067)"


@dataclass(frozen=True)
class SignSymmetry(LearningRule):
    """``delta_l = f'(a_l) * B_(l+1) delta_(l+1)`` with ``B = M * sign(W^T)``: signs are shared, magnitudes are not.

    ``M`` has the shape of the weight. ``uSF``: one constant per synapse, the standard deviation of its initial
    weights, so that errors keep their scale. ``frSF``: random, drawn once. ``brSF``: random, drawn anew for every
    batch. Random magnitudes are absolute values of a draw at the weight's initial scale.

    Not plausible: each feedback synapse has to know the sign of its forward partner at every moment, and errors wait
    for a backward pass.

    Parameters
    ----------
    variant
        ``"uSF"``, ``"frSF"`` or ``"brSF"``.
    scale
        Factor on the magnitudes.

    References
    ----------
    Liao, Leibo & Poggio 2016, AAAI (arXiv 1510.05067). Variants: Moskovitz, Litwin-Kumar & Abbott 2018 (arXiv
    1812.06488).
    """

    reference: ClassVar[str] = _LIAO
    claims: ClassVar[Mapping[str, Claim]] = {"C1": Claim(True, _LIAO, "sizes of weights are not shared; signs are")}
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mlp": {"learning_rate": 0.003}}

    variant: str = "uSF"
    scale: float = 1.0

    def __post_init__(self) -> None:
        choose("variant", self.variant, ("uSF", "frSF", "brSF"))
        require_positive(scale=self.scale)

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Draw ``magnitude/<synapse>.weight`` of every synapse for ``frSF``."""
        del params
        return _magnitudes(network, generator) if self.variant == "frSF" else {}

    def noise(self, network: Network, batch_size: int, generator: torch.Generator) -> Params:
        """Draw this batch's magnitudes for ``brSF``."""
        del batch_size
        return _magnitudes(network, generator) if self.variant == "brSF" else {}

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return the update with errors sent back through the signs of the weights."""
        return error_descent(network, params, state, batch, self._feedback(network, params, {**state, **noise}))

    def _feedback(self, network: Network, params: Params, magnitudes: Params) -> Params:
        return {
            synapse.weight_name: self.scale
            * magnitudes.get(f"{_PREFIX}{synapse.weight_name}", _initial_sd(synapse))
            * params[synapse.weight_name].sign()
            for synapse in network.synapses[1:]
        }

    def feedback_angles(self, network: Network, params: Params, state: Params) -> dict[str, Tensor]:
        """Return the angle of ``B`` to the weight; ``brSF`` has none between batches."""
        if self.variant == "brSF":
            return {}
        return weight_angles(network, params, self._feedback(network, params, state))

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count as for backpropagation."""
        del batch_size
        return backprop_cost(network)


def _initial_sd(synapse: Synapse) -> float:
    return synapse.gain / sqrt(prod(synapse.weight_shape[1:]))


def _magnitudes(network: Network, generator: torch.Generator) -> Params:
    return {f"{_PREFIX}{s.weight_name}": s.draw_weight(generator).abs() for s in network.synapses[1:]}
