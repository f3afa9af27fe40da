"""P12: what a step costs beside a forward pass."""

from dataclasses import dataclass
from typing import ClassVar

from torch.utils.flop_counter import FlopCounterMode

from brainalign.networks.wiring import Wiring
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject


@dataclass(frozen=True)
class Cost(Probe):
    """Floating-point operations of a step in units of a forward pass of the batch: products, convolutions, attention.

    Counted from shapes of what is run, so work that a program could save counts.
    """

    code: ClassVar[str] = "P12"
    title: ClassVar[str] = "cost: floating-point operations per forward pass"
    unit: ClassVar[str] = "forward passes"
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("backprop")
    failing: ClassVar[Control] = Control("predictive_coding")
    certain: ClassVar[float] = 3.0

    def measure(self, subject: Subject) -> Measured:
        """Return one ratio."""
        moment = subject.moments()[0]
        with FlopCounterMode(display=False) as step:
            subject.step(moment)
        with FlopCounterMode(display=False) as forward:
            subject.network.forward(moment.params, moment.batch.x, Wiring(moment.state, adapt=True))
        return Measured((step.get_total_flops() / forward.get_total_flops(),))
