"""P12b: how much activity is held until the updates are known."""

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from brainalign.plausibility.forward_pass import forward_pass
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.tap import Tap


@dataclass(frozen=True)
class ActivityMemory(Probe):
    """Most numbers alive at once during a step, in units of the same for a forward pass; weights and inputs left out.

    A result is alive from when it is made until it is last used; updates live to the end.
    """

    code: ClassVar[str] = "P12b"
    title: ClassVar[str] = "memory: most numbers alive at once"
    unit: ClassVar[str] = "forward passes"
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("untrained")
    failing: ClassVar[Control] = Control("backprop")
    certain: ClassVar[float] = 1.5

    def measure(self, subject: Subject) -> Measured:
        """Return one ratio."""
        moment = subject.moments()[0]
        return Measured((most_alive(subject.watch(moment)[1]) / most_alive(forward_pass(subject, moment)),))


def most_alive(tap: Tap) -> int:
    """Return the largest number of elements that are needed at one time; matrices and their updates left out."""
    weights = {prod(shape) for shape in tap.matrix_shapes}
    last = list(range(len(tap.nodes)))
    for k, node in enumerate(tap.nodes):
        for parent in node.parents:
            last[parent] = k
    change = [0] * (len(tap.nodes) + 1)
    for k, node in enumerate(tap.nodes):
        if node.operation == "source" or node.made_of or prod(node.shape) in weights:
            continue
        change[k] += prod(node.shape)
        change[last[k] + 1] -= prod(node.shape)
    alive = most = 0
    for one in change:
        alive += one
        most = max(most, alive)
    return most
