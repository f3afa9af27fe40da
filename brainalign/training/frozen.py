"""Networks whose hidden layers stay as drawn: what enters their readouts is computed once, and readouts are trained."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import grad, vmap

from brainalign.credit.objective import output_metrics
from brainalign.datasets.dataset import dataset
from brainalign.networks.architecture import architecture
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.randomness import stream
from brainalign.specs import TrainSpec
from brainalign.training.batches import Batches, Samples
from brainalign.training.checkpoint import stack
from brainalign.training.optimisation import clip_instances, make_optimizer, rate


@dataclass(frozen=True, eq=False)
class Frozen:
    """A population with hidden weights as drawn, and what enters its readouts.

    Parameters
    ----------
    batches
        Samples, and their order for every seed.
    network
        The chain of blocks.
    drawn, states
        Parameters and running statistics of every seed, before the readout is trained.
    entering
        ``(n_seeds, n_train, ...)``, what enters the readout for every training sample.
    targets
        ``(n_train, ...)``.
    """

    batches: Batches
    network: Network
    drawn: tuple[Params, ...]
    states: tuple[Params, ...]
    entering: Tensor
    targets: Tensor

    @classmethod
    def load(cls, spec: TrainSpec, data_dir: str | None = None) -> "Frozen":
        """Draw the networks of a training and show them its samples, as they are (not augmented).

        A network that is normalised over batches answers differently from batch to batch while it is trained. Here it
        answers with the running statistics of one pass over the samples.
        """
        data = dataset(spec.dataset, data_dir)
        batches = Batches.load(spec, data, torch.device("cpu"))
        task = data.task(len(batches.train.labels), spec.objective)
        network = architecture(spec.network, dict(spec.network_options)).build(task)
        drawn = tuple(network.init(stream(seed, "init")) for seed in spec.seeds)
        x, targets = batches.examples(batches.train.images, batches.train.labels)
        states = tuple(_settled(network, own, x, spec.batch_size) for own in drawn)
        pairs = zip(drawn, states, strict=True)
        return cls(
            batches=batches,
            network=network,
            drawn=drawn,
            states=states,
            entering=torch.stack([_entering(network, own, s, x) for own, s in pairs]),
            targets=targets,
        )

    def trained(self, spec: TrainSpec) -> Params:
        """Return the readouts of all seeds ``(n_seeds, ...)``, trained as ``spec`` says: optimiser, rate, epochs."""
        last = self.network.blocks[-1]
        names = last.parameters()
        readout = stack([{name: own[name] for name in names} for own in self.drawn], torch.device("cpu"))

        def loss(own: Params, x: Tensor, y: Tensor) -> Tensor:
            return output_metrics(self.network.task, last.forward(own, x, Wiring({})), y)["loss"]

        slope = vmap(grad(loss))
        optimizer = make_optimizer(spec.optimizer, readout, spec.learning_rate, spec.optimizer_options)
        total, size, per_epoch = self.batches.steps(spec.epochs), spec.batch_size, self.batches.steps_per_epoch
        rows = torch.arange(len(self.drawn))[:, None]
        for step in range(total):
            if step % per_epoch == 0:
                order = self.batches.order(step // per_epoch)
            start = step % per_epoch * size
            index = order[:, start : start + size]
            updates: Mapping[str, Tensor] = slope(readout, self.entering[rows, index], self.targets[index])
            if spec.clip:
                clip_instances(updates, spec.clip)
            for group in optimizer.param_groups:
                group["lr"] = spec.learning_rate * rate(spec.schedule, spec.warmup, step, total)
            for name, leaf in readout.items():
                leaf.grad = updates[name]
            with torch.no_grad():
                optimizer.step()
        return readout

    @torch.no_grad()
    def scores(self, readouts: Params, samples: Samples) -> dict[int, float]:
        """Return seed to accuracy; to the negative loss where there are no classes."""
        x, y = self.batches.examples(samples.images, samples.labels)
        found = {}
        for k, (seed, params, state) in enumerate(zip(self.batches.spec.seeds, self.drawn, self.states, strict=True)):
            own = {name: tensor[k] for name, tensor in readouts.items()}
            output = self.network.blocks[-1].forward(own, _entering(self.network, params, state, x), Wiring({}))
            metrics = output_metrics(self.network.task, output, y)
            found[seed] = float(metrics["accuracy"]) if "accuracy" in metrics else -float(metrics["loss"])
        return found


@torch.no_grad()
def _settled(network: Network, params: Params, x: Tensor, size: int) -> Params:
    """Return running statistics after one pass over the samples, those of the start where there are none."""
    state = network.init_state()
    for part in x.split(size) if state else ():
        wiring = Wiring(state, adapt=True)
        _hidden(network, params, part, wiring)
        state = {**state, **wiring.statistics}
    return state


@torch.no_grad()
def _entering(network: Network, params: Params, state: Params, x: Tensor) -> Tensor:
    """Return what enters the readout, for samples in parts."""
    return torch.cat([_hidden(network, params, part, Wiring(state)) for part in x.split(250)])


def _hidden(network: Network, params: Params, x: Tensor, wiring: Wiring) -> Tensor:
    for block in network.blocks[:-1]:
        x = block.forward(params, x, wiring)
    return x
