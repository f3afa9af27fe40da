"""P2b: whether an update is what one neuron signals times what another sends."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.plausibility.forward_pass import forward_pass, rows_met
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.unsupported import Unsupported

_ROUNDS = 30


@dataclass(frozen=True)
class ThreeFactorForm(Probe):
    """``1 - s_1^2 / sum_k s_k^2`` of the update for one sample, once a decay of each row along its weight is taken out.

    ``s`` are singular values; 0 means postsynaptic signal times presynaptic activity. Phases that are summed add one
    product each. Only synapses that are crossed once per sample and pass can be told: places of a map, tokens and time
    steps add up products of their own.
    """

    code: ClassVar[str] = "P2b"
    title: ClassVar[str] = "three-factor form: share of an update that is not one outer product"
    limit: ClassVar[float] = 1e-6
    passing: ClassVar[Control] = Control("feedback_alignment")
    failing: ClassVar[Control] = Control("weight_perturbation")

    def measure(self, subject: Subject) -> Measured:
        """Return one value per hidden weight and state."""
        values, left_out = [], set()
        for moment in subject.singles():
            plain = rows_met(forward_pass(subject, moment))
            updates = subject.step(moment).updates
            for name in subject.hidden:
                if name not in updates or not updates[name].any():
                    continue
                if plain.get(name, 0) != 1:
                    left_out.add(name)
                    continue
                values.append(_residual(updates[name], moment.params[name]))
        if not values:
            msg = f"weights are shared over places, tokens or time: {', '.join(sorted(left_out))}"
            raise Unsupported(msg if left_out else "no hidden weight changes")
        return Measured(tuple(values), f"left out, shared: {', '.join(sorted(left_out))}" if left_out else "")


def _residual(update: Tensor, weight: Tensor) -> float:
    """Return the share of ``update`` that is neither one outer product nor a multiple of each row of ``weight``."""
    decay = torch.zeros(len(update), 1, dtype=update.dtype)
    rest = update
    for _ in range(_ROUNDS):
        u, s, v = torch.linalg.svd(update - decay * weight, full_matrices=False)
        rest = update - decay * weight - s[0] * u[:, :1] @ v[:1]
        share = float(rest.square().sum() / update.square().sum())
        if share < 1e-14:
            return share
        decay = decay + (rest * weight).sum(1, keepdim=True) / weight.square().sum(1, keepdim=True)
    return share
