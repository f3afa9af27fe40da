"""What a network is asked to do."""

from dataclasses import dataclass
from typing import Literal

Objective = Literal["classification", "regression", "reconstruction"]


@dataclass(frozen=True)
class Task:
    """Facts of the data a network is trained on. They are not hyper-parameters.

    Parameters
    ----------
    input_shape
        ``(channels, height, width)`` of one input.
    n_outputs
        Number of classes, of regression targets, or of input values to reconstruct.
    n_train
        Number of training samples; ``Batch.index`` runs over ``range(n_train)``.
    objective
        ``"classification"``: targets are labels, the loss is the cross-entropy. ``"regression"`` and
        ``"reconstruction"`` (of the network's own input): targets are vectors, the loss is the mean squared error.
    """

    input_shape: tuple[int, int, int]
    n_outputs: int
    n_train: int
    objective: Objective = "classification"
