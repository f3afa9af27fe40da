"""What the networks of one lifetime learn from: fresh weights, fresh batches, and samples nobody learned from."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from brainalign.credit.batch import Batch
from brainalign.datasets.dataset import dataset as find_dataset
from brainalign.datasets.task import Task
from brainalign.errors import SpecError
from brainalign.metalearning.learner import Learner
from brainalign.networks.network import Params
from brainalign.randomness import stream
from brainalign.specs import TrainSpec
from brainalign.training.batches import Batches, Samples
from brainalign.training.checkpoint import stack


@dataclass(frozen=True)
class Lesson:
    """Weights and state ``(n, ...)`` of n networks at birth, and what they see, ``(n, steps, batch, ...)``."""

    params: Params
    state: Params
    batches: Batch


class Lessons:
    """The samples of a data set in four parts, and draws of lessons.

    The training split is cut into ``inner`` samples to learn from, ``outer`` ones that a lifetime is judged by, and
    ``validation`` ones that choices of the outer level are made by; ``test`` is for reports. Networks that are reported
    learn from inner and outer samples.

    Parameters
    ----------
    dataset, data_dir
        Name and folder of the data.
    batch_size
        Samples per step.
    n_train
        Training samples to use, 0 for all.
    n_judge
        Samples a lifetime is judged by, at most.
    device
        Where lifetimes run.
    """

    def __init__(
        self, dataset: str, batch_size: int = 32, n_train: int = 0, n_judge: int = 500, device: str = "cpu",
        data_dir: str | None = None,
    ) -> None:  # fmt: skip
        data = find_dataset(dataset, data_dir)
        spec = TrainSpec("untrained", "mlp", dataset, batch_size=batch_size, n_train=n_train)
        batches = Batches.load(spec, data, torch.device(device))
        self.dataset, self.batch_size, self.device = dataset, batch_size, torch.device(device)
        self.all = _shown(batches, batches.train)
        n = len(self.all[1])
        outer = min(n_judge, n // 4)
        order = torch.randperm(n, generator=stream(0, "outer", dataset)).to(self.all[1].device)
        self.inner, self.outer = ((self.all[0][i], self.all[1][i]) for i in (order[outer:], order[:outer]))
        x, y = _shown(batches, batches.validation)
        self.validation = (x[:n_judge], y[:n_judge])
        self.test = _shown(batches, batches.test)
        self.task: Task = data.task(n)
        if outer < 1 or len(self.inner[1]) < batch_size:
            msg = f"{n} training samples of {dataset!r} are too few for batches of {batch_size}; lower batch_size."
            raise SpecError(msg)

    def draw(self, learner: Learner, seed: int, n: int, steps: int) -> Lesson:
        """Draw ``n`` lessons from the inner samples."""
        return self._lesson(learner, self.inner, [(seed, "lesson", k) for k in range(n)], steps)

    def unseen(self, learner: Learner, seeds: Sequence[int], steps: int) -> Lesson:
        """Return lessons of networks that are reported, born as :func:`brainalign.training.train.train` draws them."""
        return self._lesson(learner, self.all, [(seed,) for seed in seeds], steps)

    def _lesson(self, learner: Learner, samples: tuple[Tensor, Tensor], streams: list[tuple], steps: int) -> Lesson:
        params, state, rows = [], [], []
        n = len(samples[1])
        needed = steps * self.batch_size
        full = n - n % self.batch_size
        for seed, *purpose in streams:
            born = learner.network.init(stream(seed, *purpose, "init"))
            own = learner.rule.init(learner.network, born, stream(seed, *purpose, "rule"))
            params.append(born)
            state.append({**learner.network.init_state(), **own})
            epochs = [
                torch.randperm(n, generator=stream(seed, *purpose, "order", epoch))[:full]
                for epoch in range(-(-needed // full))
            ]
            rows.append(torch.cat(epochs)[:needed].view(steps, self.batch_size))
        index = torch.stack(rows).to(self.device)
        batches = Batch(samples[0][index], samples[1][index], index)
        return Lesson(stack(params, self.device), stack(state, self.device), batches)


def _shown(batches: Batches, samples: Samples) -> tuple[Tensor, Tensor]:
    return batches.examples(samples.images, samples.labels)
