"""P2a: does the update of one neuron's synapses know the synapses of its neighbours?"""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.null_space import relative_change, unfelt_changes
from brainalign.plausibility.probe import Control, Measured, Probe, Unsupported
from brainalign.plausibility.subject import Subject


@dataclass(frozen=True)
class OtherRows(Probe):
    """``|dW_l[i] (W_l + E) - dW_l[i]| / |dW_l[i]|`` with ``E S = 0`` and ``E[i] = 0``: half the rows of a weight change unfelt.

    The states stay as they were, so a row that was not changed has no way to know, unless its update reads the others.
    """

    code: ClassVar[str] = "P2a"
    title: ClassVar[str] = "neighbours: change of a unit's update when the weights of other units change unfelt"
    limit: ClassVar[float] = 1e-6
    passing: ClassVar[Control] = Control("hebbian", {"reconstruction": "own"})
    failing: ClassVar[Control] = Control("hebbian", {"competition": "linear", "reconstruction": "ordered"})

    def measure(self, subject: Subject) -> Measured:
        """Return one value per matrix of the network, instance and step."""
        values = []
        for one in unfelt_changes(subject):
            before, after = (step.updates.get(one.matrix) for step in (one.before, one.after))
            if before is None or after is None or len(before) != len(one.rows):
                continue
            values.append(relative_change(before[~one.rows], after[~one.rows]))
        if not values:
            msg = "no weight that changes is met by activity"
            raise Unsupported(msg)
        return Measured(tuple(values))
