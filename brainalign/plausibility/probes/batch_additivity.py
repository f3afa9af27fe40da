"""P10: whether a batch teaches what its samples would have taught one by one."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.networks.network import Params
from brainalign.plausibility.null_space import relative_change
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import BATCH, Moment, Subject
from brainalign.plausibility.unsupported import Unsupported


@dataclass(frozen=True)
class BatchAdditivity(Probe):
    """``|dW(B) - sum_b dW({b})| / |dW(B)|`` with weights as they are, or the mean instead of the sum; the smaller one.

    Statistics of a batch (normalisation, similarity of samples, the largest of a batch) make it large.
    """

    code: ClassVar[str] = "P10"
    title: ClassVar[str] = "batch additivity: what a batch teaches beyond its samples one by one"
    limit: ClassVar[float] = 1e-6
    passing: ClassVar[Control] = Control("backprop", network="mlp")
    failing: ClassVar[Control] = Control("local_losses")

    def measure(self, subject: Subject) -> Measured:
        """Return one value per state."""
        values = []
        for k, moment in enumerate(subject.moments()):
            seed = subject.seeds[k // 2]
            batch, noise = subject.draw(seed, 0)
            whole = subject.step(Moment(moment.params, moment.state, batch, noise)).updates
            if not whole:
                msg = "nothing changes"
                raise Unsupported(msg)
            single_noise = subject.draw(seed, 0, 1)[1]
            parts = []
            for b in range(BATCH):
                one = type(batch)(*(part[b : b + 1] for part in batch))
                own = {name: _share(noise[name], single_noise[name], b) for name in noise}
                parts.append(subject.step(Moment(moment.params, moment.state, one, own)).updates)
            total = {name: torch.stack([part[name] for part in parts]).sum(0) for name in whole}
            names = [name for name in subject.hidden if name in whole] or list(whole)
            values.append(min(_worst(whole, total, names, 1.0), _worst(whole, total, names, 1 / BATCH)))
        return Measured(tuple(values))


def _worst(whole: Params, total: Params, names: list[str], factor: float) -> float:
    return max(relative_change(whole[name], factor * total[name]) for name in names)


def _share(noise: Tensor, single: Tensor, b: int) -> Tensor:
    """Return the noise of sample ``b``: the part along the axis that grows with the batch."""
    for axis, (many, one) in enumerate(zip(noise.shape, single.shape, strict=True)):
        if many != one:
            size = many // BATCH
            return noise.narrow(axis, b * size, size)
    return noise
