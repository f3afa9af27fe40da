"""P12c: how much a rule carries beside the network."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject


@dataclass(frozen=True)
class ExtraParameters(Probe):
    """Numbers in the rule's state (feedback weights, heads, traces) per parameter of the network."""

    code: ClassVar[str] = "P12c"
    title: ClassVar[str] = "extra parameters: the rule's own numbers per parameter of the network"
    evidence: ClassVar[str] = "declared"
    passing: ClassVar[Control] = Control("backprop")
    failing: ClassVar[Control] = Control("feedback_alignment")
    certain: ClassVar[float] = 0.1

    def measure(self, subject: Subject) -> Measured:
        """Return one ratio."""
        moment = subject.moments()[0]
        network = subject.network.init_state().keys()
        own = sum(t.numel() for name, t in moment.state.items() if name not in network)
        return Measured((own / sum(t.numel() for t in moment.params.values()),))
