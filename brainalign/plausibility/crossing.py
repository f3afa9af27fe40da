"""Where activity meets a matrix in a step of learning."""

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F


class Crossing(NamedTuple):
    """Activity that met a matrix: one set of neurons speaks to another.

    Attributes
    ----------
    order
        Position among the crossings of a step.
    matrices
        Names of the parameters and state entries that the matrix was made of.
    forward
        Whether the sum runs over the input axis of the matrix as it is stored, ``(n_out, n_in, ...)``.
    message, message_axis
        What was sent, and its axis of units (channels of a map).
    current, current_axis
        What arrived, and its axis of units.
    geometry
        Kernel, stride and padding of a convolution, else None.
    node
        Of the graph, where the current stands.
    """

    order: int
    matrices: frozenset[str]
    forward: bool
    message: Tensor
    message_axis: int
    current: Tensor
    current_axis: int
    geometry: tuple[int, int, int] | None
    node: int

    @property
    def senders(self) -> int:
        """Number of units that send."""
        return self.message.shape[self.message_axis]

    @property
    def receivers(self) -> int:
        """Number of units that receive."""
        return self.current.shape[self.current_axis]

    def columns(self) -> Tensor:
        """Return what met the rows of the matrix ``(n, fan_in)``: patches, for a convolution."""
        if self.geometry is None:
            return self.message.movedim(self.message_axis, -1).reshape(-1, self.senders)
        kernel, stride, padding = self.geometry
        patches = F.unfold(self.message, kernel, padding=padding, stride=stride)
        return patches.transpose(1, 2).reshape(-1, patches.shape[1])


class Meeting(NamedTuple):
    """What is known of a crossing before it happens; see :class:`Crossing`."""

    order: int
    matrices: frozenset[str]
    forward: bool
