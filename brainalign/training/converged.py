"""Readout only for many epochs, at the price of the readout: what enters it is computed once."""

from brainalign.datasets.dataset import dataset
from brainalign.errors import SpecError
from brainalign.networks.architecture import architecture
from brainalign.specs import TrainSpec, to_dict, train_spec
from brainalign.training.frozen import Frozen
from brainalign.training.readout import readout_spec

#: Epochs after which the readout of small networks changes no more.
CONVERGED = 500


def converged_readout(
    spec: TrainSpec, epochs: float = CONVERGED, data_dir: str | None = None, settled: bool = False
) -> dict[int, float]:
    """Return what the readout-only control of a training reaches after many epochs.

    Hidden weights stay as drawn, so that what enters the readout is the same in every epoch and is computed once. All
    else is as in :func:`brainalign.training.train.train`: weights, order of samples, optimiser, schedule.

    Parameters
    ----------
    spec
        The training whose control it is.
    epochs
        Passes of the readout over the samples.
    data_dir
        Folder of data.
    settled
        Whether a network that is normalised over batches answers with the statistics of one pass over the samples. Such
        a network is refused otherwise: while it is trained, it answers differently from batch to batch.

    Returns
    -------
    dict
        Seed to test accuracy; to the negative test loss where there are no classes.

    Raises
    ------
    SpecError
        If hidden layers answer differently from batch to batch: normalised over batches, or images augmented.

    Examples
    --------
    >>> spec = TrainSpec("backprop", "mlp", "digits", network_options={"widths": (8,)}, seeds=1)
    >>> found = converged_readout(spec, epochs=2)
    >>> list(found), 0 < found[0] < 1
    ([0], True)
    """
    control = train_spec({**to_dict(readout_spec(spec)), "epochs": epochs})
    shape = architecture(control.network, dict(control.network_options))
    network = shape.build(dataset(control.dataset, data_dir).task(1, control.objective))
    if (network.init_state() and not settled) or control.augment != "none":
        what = (
            "normalised over batches"
            if control.augment == "none"
            else f"trained on augmented images ({control.augment})"
        )
        msg = (
            f"Network {control.network!r} is {what}, so that hidden layers answer differently from batch to batch; "
            "expected neither. Train readout_only itself for as many epochs, or ask for settled statistics."
        )
        raise SpecError(msg)
    frozen = Frozen.load(control, data_dir)
    return frozen.scores(frozen.trained(control), frozen.batches.test)
