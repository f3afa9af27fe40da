"""What one step of learning returns."""

from typing import NamedTuple

from torch import Tensor


class Step(NamedTuple):
    """Updates, new state and metrics of one step of one network.

    ``updates`` have the sign of a gradient (an optimiser subtracts them) and name parameters, or trainable entries
    of the state; what is not named does not change. ``state`` holds only the entries that changed. ``metrics``
    are scalars; ``loss`` on the batch is always there, and ``accuracy`` where there are classes.
    """

    updates: dict[str, Tensor]
    state: dict[str, Tensor]
    metrics: dict[str, Tensor]
