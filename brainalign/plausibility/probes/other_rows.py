"""P2a: whether the update of one neuron's synapses knows the synapses of its neighbours."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.null_space import unfelt_changes
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.probes.weight_transport import WeightTransport
from brainalign.plausibility.subject import SEPARATED, Subject
from brainalign.plausibility.unsupported import Unsupported


@dataclass(frozen=True)
class OtherRows(Probe):
    """``|dW_l[i] (W_l + E) - dW_l[i]| / |dW_l[i]|`` with ``E S = 0`` and ``E[i] = 0``.

    Half the rows of a weight change unfelt. The states stay as they were, so a row that was not changed has no way to
    know, unless its update reads the others. Weight transport is taken out: a rule that can have feedback weights of
    its own is probed with them, and matrices that updates of other layers read, too, are left to the probe of
    transport.
    """

    code: ClassVar[str] = "P2a"
    title: ClassVar[str] = "neighbours: change of a unit's update when weights of other units change, transport aside"
    unit: ClassVar[str] = "share"
    limit: ClassVar[float] = 1e-6
    passing: ClassVar[Control] = Control("hebbian", {"reconstruction": "own"})
    failing: ClassVar[Control] = Control("hebbian", {"competition": "linear", "reconstruction": "ordered"})

    def measure(self, subject: Subject) -> Measured:
        """Return one value per matrix of the network, instance and step."""
        own, subject = subject.separated is not subject, subject.separated
        found = [one for one in unfelt_changes(subject) if one.neighbours is not None]
        if not found:
            msg = "no weight that changes is met by activity"
            raise Unsupported(msg)
        read = {one.matrix for one in found if one.others > self.limit}
        values = tuple(one.neighbours for one in found if one.neighbours is not None and one.matrix not in read)
        left_out = f"left to {WeightTransport.code}, read by other layers: {', '.join(sorted(read))}"
        if not values:
            raise Unsupported(left_out)
        return Measured(values, "; ".join([*[left_out] * bool(read), *[SEPARATED] * own]))
