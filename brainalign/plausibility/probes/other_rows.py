"""P2a: whether the update of one neuron's synapses knows the synapses of its neighbours."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.null_space import unfelt_changes
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.unsupported import Unsupported


@dataclass(frozen=True)
class OtherRows(Probe):
    """``|dW_l[i] (W_l + E) - dW_l[i]| / |dW_l[i]|`` with ``E S = 0`` and ``E[i] = 0``.

    Half the rows of a weight change unfelt. The states stay as they were, so a row that was not changed has no way to
    know, unless its update reads the others.
    """

    code: ClassVar[str] = "P2a"
    title: ClassVar[str] = "neighbours: change of a unit's update when the weights of other units change unfelt"
    limit: ClassVar[float] = 1e-6
    passing: ClassVar[Control] = Control("hebbian", {"reconstruction": "own"})
    failing: ClassVar[Control] = Control("hebbian", {"competition": "linear", "reconstruction": "ordered"})

    def measure(self, subject: Subject) -> Measured:
        """Return one value per matrix of the network, instance and step."""
        values = tuple(one.neighbours for one in unfelt_changes(subject) if one.neighbours is not None)
        if not values:
            msg = "no weight that changes is met by activity"
            raise Unsupported(msg)
        return Measured(values)
