"""Readout only for many epochs, at the price of the readout: what enters it is computed once."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.func import grad, vmap

from brainalign.credit.objective import output_metrics
from brainalign.datasets.dataset import dataset
from brainalign.errors import SpecError
from brainalign.networks.architecture import architecture
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.randomness import stream
from brainalign.specs import TrainSpec, to_dict, train_spec
from brainalign.training.batches import Batches
from brainalign.training.checkpoint import stack
from brainalign.training.optimisation import clip_instances, make_optimizer, rate
from brainalign.training.readout import readout_spec

#: Epochs after which the readout of small networks changes no more.
CONVERGED = 500


def converged_readout(spec: TrainSpec, epochs: float = CONVERGED, data_dir: str | None = None) -> dict[int, float]:
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
    data = dataset(control.dataset, data_dir)
    batches = Batches.load(control, data, torch.device("cpu"))
    shape = architecture(control.network, dict(control.network_options))
    network = shape.build(data.task(len(batches.train.labels), control.objective))
    if network.init_state() or control.augment != "none":
        what = "normalised over batches" if network.init_state() else f"trained on augmented images ({control.augment})"
        msg = (
            f"Network {control.network!r} is {what}, so that hidden layers answer differently from batch to batch; "
            "expected neither. Train readout_only itself for as many epochs."
        )
        raise SpecError(msg)
    drawn = [network.init(stream(seed, "init")) for seed in control.seeds]
    x, targets = batches.examples(batches.train.images, batches.train.labels)
    entering = torch.stack([_entering(network, own, x) for own in drawn])
    names = network.blocks[-1].parameters()
    readout = stack([{name: own[name] for name in names} for own in drawn], torch.device("cpu"))
    _descend(batches, network, readout, entering, targets)
    return {
        seed: _score(batches, network, own, readout, k)
        for k, (seed, own) in enumerate(zip(control.seeds, drawn, strict=True))
    }


@torch.no_grad()
def _entering(network: Network, params: Params, x: Tensor) -> Tensor:
    """Return what enters the readout, for samples in parts."""
    return torch.cat([_hidden(network, params, part) for part in x.split(250)])


def _hidden(network: Network, params: Params, x: Tensor) -> Tensor:
    for block in network.blocks[:-1]:
        x = block.forward(params, x, Wiring({}))
    return x


def _descend(batches: Batches, network: Network, readout: Params, entering: Tensor, targets: Tensor) -> None:
    """Train the readouts of all seeds in place."""
    spec, last = batches.spec, network.blocks[-1]

    def loss(own: Params, x: Tensor, y: Tensor) -> Tensor:
        return output_metrics(network.task, last.forward(own, x, Wiring({})), y)["loss"]

    slope = vmap(grad(loss))
    optimizer = make_optimizer(spec.optimizer, readout, spec.learning_rate, spec.optimizer_options)
    total, size = batches.steps(spec.epochs), spec.batch_size
    rows = torch.arange(len(spec.seeds))[:, None]
    for step in range(total):
        if step % batches.steps_per_epoch == 0:
            order = batches.order(step // batches.steps_per_epoch)
        start = step % batches.steps_per_epoch * size
        index = order[:, start : start + size]
        updates: Mapping[str, Tensor] = slope(readout, entering[rows, index], targets[index])
        if spec.clip:
            clip_instances(updates, spec.clip)
        for group in optimizer.param_groups:
            group["lr"] = spec.learning_rate * rate(spec.schedule, spec.warmup, step, total)
        for name, leaf in readout.items():
            leaf.grad = updates[name]
        with torch.no_grad():
            optimizer.step()


@torch.no_grad()
def _score(batches: Batches, network: Network, params: Params, readout: Params, k: int) -> float:
    x, y = batches.examples(batches.test.images, batches.test.labels)
    own = {name: tensor[k] for name, tensor in readout.items()}
    output = network.blocks[-1].forward(own, _entering(network, params, x), Wiring({}))
    metrics = output_metrics(network.task, output, y)
    return float(metrics["accuracy"]) if "accuracy" in metrics else -float(metrics["loss"])
