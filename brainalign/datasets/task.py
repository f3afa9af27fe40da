"""What a network is asked to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """Facts of the data a network is trained on. They are not hyper-parameters.

    Parameters
    ----------
    input_shape
        ``(channels, height, width)`` of one input.
    n_outputs
        Number of classes.
    n_train
        Number of training samples; ``Batch.index`` runs over ``range(n_train)``.
    """

    input_shape: tuple[int, int, int]
    n_outputs: int
    n_train: int
