"""One run of a population: from its first to its last step, or on from where it was interrupted."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from brainalign.datasets.dataset import Dataset
from brainalign.datasets.dataset import dataset as find_dataset
from brainalign.errors import SpecError, StorageError
from brainalign.networks.architecture import architecture
from brainalign.own_data import check_content
from brainalign.randomness import stream
from brainalign.rules.learning_rule import LearningRule, learning_rule
from brainalign.specs import TrainSpec
from brainalign.storage import write_table
from brainalign.training.batches import Batches
from brainalign.training.checkpoint import Checkpoint, read_checkpoint, stack
from brainalign.training.code import training_code
from brainalign.training.divergence import require_bounded, require_finite
from brainalign.training.evaluation import ANGLES, HISTORY, angle_rows, history_rows
from brainalign.training.optimisation import clip_instances, make_optimizer, optimizer_tensors, rate, restore_optimizer
from brainalign.training.population import choose_execution, population_step
from brainalign.training.runtime import Runtime

Progress = Callable[[int, int, str], None]

_SAVE_EVERY_SECONDS = 60.0
# Populations of large networks are gigabytes; saving them may not take more of the time than this.
_SAVE_SHARE = 0.05


def kept_steps(total: int, n_checkpoints: int) -> tuple[int, ...]:
    """Return log-spaced steps from 0 to ``total``, both included."""
    spaced = np.geomspace(1, total, n_checkpoints - 1)
    return tuple(sorted({0, *(round(s) for s in spaced), total}))


class Run:
    """One run from its first to its last step; holds what the loop changes.

    Parameters
    ----------
    spec, out, runtime, progress
        See :func:`brainalign.training.train.train`.
    before
        Go on from the last kept checkpoint before this step, as if there were no later one; ``None`` takes the latest.
    """

    def __init__(
        self, spec: TrainSpec, out: Path, runtime: Runtime, progress: Progress, before: int | None = None
    ) -> None:
        self.spec, self.out, self.progress, self.runtime = spec, out, progress, runtime
        self.device = torch.device(runtime.device)
        check_content(spec.dataset, spec.dataset_content)
        data: Dataset = find_dataset(spec.dataset, runtime.data_dir)
        self.rule: LearningRule = learning_rule(spec.rule, dict(spec.rule_options))
        shape = architecture(spec.network, dict(spec.network_options))
        self.rule.check(shape.build(data.task(1, spec.objective)))
        self.batches = Batches.load(spec, data, self.device)
        self.network = shape.build(data.task(len(self.batches.train.labels), spec.objective))
        if self.network.name != spec.network:  # tables and controls go by the network's own name
            msg = f"Network {spec.network!r} is built under the name {self.network.name!r}; give it its file's name."
            raise SpecError(msg)
        train = self.batches.train
        self.rule = self.rule.prepared(self.network, self.batches.examples(train.images[:64], train.labels[:64])[0])
        self.total = self.batches.steps(spec.epochs)
        self.keep = kept_steps(self.total, spec.n_checkpoints)
        self.execution = choose_execution(runtime.execution, self.network, len(spec.seeds), self.device)
        self.step = 0
        self.rows: list[dict[str, Any]] = []
        self.angles: list[dict[str, Any]] = []
        self.sums = torch.zeros(3, len(spec.seeds), dtype=torch.float64)  # loss, accuracy, steps since last evaluation
        self.clock = _Clock()
        self.code = training_code(spec)
        self.seconds_at: dict[str, float] = {}  # kept step to the seconds that steps had taken by then
        self._initialise()
        self._resume(before)

    def _initialise(self) -> None:
        params = [self.network.init(stream(seed, "init")) for seed in self.spec.seeds]
        state = [
            {**self.network.init_state(), **self.rule.init(self.network, own, stream(seed, "rule"))}
            for seed, own in zip(self.spec.seeds, params, strict=True)
        ]
        self.params, self.state = stack(params, self.device), stack(state, self.device)
        self._make_optimizer()

    def _make_optimizer(self) -> None:
        self.trained = {**self.params, **{name: self.state[name] for name in self.rule.trainable(self.state)}}
        spec = self.spec
        self.optimizer = make_optimizer(spec.optimizer, self.trained, spec.learning_rate, spec.optimizer_options)

    @property
    def checkpoint(self) -> Checkpoint:
        """The population as it is now."""
        epoch = self.step / self.batches.steps_per_epoch
        return Checkpoint(
            spec=self.spec,
            network=self.network,
            rule=self.rule,
            preprocessing=self.batches.preprocessing,
            params=self.params,
            state=self.state,
            step=self.step,
            epoch=epoch,
        )

    @property
    def files(self) -> tuple[Path, ...]:
        """Files of the kept steps, whether they are there or not."""
        return tuple(self._file(step) for step in self.keep)

    @property
    def stale(self) -> bool:
        """Whether other code than today's trained what is there, or began to."""
        return self.code != training_code(self.spec)

    @property
    def lost(self) -> list[int]:
        """Kept steps before the present one whose files are not there."""
        return [
            step for step, path in zip(self.keep, self.files, strict=True) if step < self.step and not path.exists()
        ]

    def _file(self, step: int) -> Path:
        return self.out / "checkpoints" / f"step-{step:07d}.safetensors"

    # -- resuming -------------------------------------------------------------------------------------------------

    def _resume(self, before: int | None) -> None:
        last = self.total + 1 if before is None else before
        written = [path for step, path in zip(self.keep, self.files, strict=True) if step < last and path.exists()]
        latest = self.out / "resume.safetensors"
        if before is None and latest.exists():
            written = sorted([*written[-1:], latest], key=lambda path: read_checkpoint(path)[2]["step"])
        if not written:
            self._refuse_foreign()
            return
        path = written[-1]
        saved, extra, facts = read_checkpoint(path)
        self._require_same(facts["key"], path)
        self.rule = saved.rule
        self.step, self.rows, self.angles = saved.step, facts["rows"], facts["angles"]
        self.execution = facts["execution"]  # the two differ in rounding, so a run keeps the one it began with
        self.sums = extra.get("sums", self.sums)
        self.clock.seconds, self.seconds_at = facts["seconds"], facts.get("seconds_at", {})
        # A run that other code began stays marked as such.
        self.code = facts.get("code", "unknown")
        self.params = {name: tensor.to(self.device) for name, tensor in saved.params.items()}
        self.state = {name: tensor.to(self.device) for name, tensor in saved.state.items()}
        self._make_optimizer()
        restore_optimizer(self.optimizer, list(self.trained), extra)

    def _refuse_foreign(self) -> None:
        for path in sorted((self.out / "checkpoints").glob("step-*.safetensors")):
            self._require_same(read_checkpoint(path)[2]["key"], path)

    def _require_same(self, key: str, path: Path) -> None:
        if key != self.spec.key:
            msg = (
                f"{str(path)!r} belongs to another run (key {key}, expected {self.spec.key}). "
                "Choose another output folder, or delete this one."
            )
            raise StorageError(msg)

    def _keep(self) -> None:
        """Write the kept checkpoint of the present step."""
        self.seconds_at[str(self.step)] = self.clock.seconds
        self._save(self._file(self.step))

    def _save(self, path: Path) -> None:
        extra = {"sums": self.sums, **optimizer_tensors(self.optimizer, list(self.trained))}
        facts = {"rows": self.rows, "angles": self.angles, "execution": self.execution, "seconds_at": self.seconds_at}
        started = time.perf_counter()
        self.checkpoint.save(path, extra, **facts, seconds=self.clock.seconds, code=self.code)
        self.clock.saved(time.perf_counter() - started)

    # -- the loop -------------------------------------------------------------------------------------------------

    def finish(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Take the steps that are left, write the tables, and return them: history and feedback angles."""
        if self.step == 0 and not self.rows:
            self._evaluate()
            self._keep()
        if not self.rule.learns and self.step < self.total:
            self._stand_still()
        for _ in self._steps(self.total):
            if self.step in self.keep:
                self._keep()
            elif self._at_end_of_epoch or self.clock.due:
                self._save(self.out / "resume.safetensors")
            self.progress(self.step, self.total, self.spec.rule)
        history = pd.DataFrame(self.rows, columns=list(HISTORY))  # a resumed run reads rows with sorted names
        write_table(self.out / "training.csv", history)
        angles = pd.DataFrame(self.angles, columns=list(ANGLES))
        write_table(self.out / "feedback_angles.csv", angles)
        (self.out / "resume.safetensors").unlink(missing_ok=True)
        return history, angles

    def restore(self, lost: Sequence[int], whole: "Run") -> None:
        """Take the steps again that lead to kept checkpoints that were lost, and write these as they were.

        ``whole`` is the same run further on, whose record says what was measured and when.
        """
        self.execution = whole.execution
        for step in lost:
            if self.rule.learns:
                for _ in self._steps(step):
                    self.progress(self.step, self.total, f"{self.spec.rule}, lost checkpoints")
            self.step = step
            self.rows = [row for row in whole.rows if row["step"] <= step]
            self.angles = [row for row in whole.angles if row["step"] <= step]
            self.seconds_at = {kept: seconds for kept, seconds in whole.seconds_at.items() if int(kept) <= step}
            self.clock.seconds = self.seconds_at.get(str(step), self.clock.seconds)
            self._save(self._file(step))

    def _stand_still(self) -> None:
        """Record every kept moment of a control that never changes, without computing steps that do nothing."""
        first = len(self.rows) // len(self.spec.seeds) - 1
        for step in self.keep[1:][first:]:
            self.step = step
            self.rows += [
                {**row, "epoch": self.checkpoint.epoch, "step": step} for row in self.rows[: len(self.spec.seeds)]
            ]
            self._keep()

    def _steps(self, last: int) -> Iterator[None]:
        """Take steps up to ``last``, one at a time; at the end of an epoch the population is evaluated."""
        advance = population_step(self.rule, self.network, self.execution, self.runtime.compile)
        order, epoch = None, -1
        while self.step < last:
            if order is None or epoch != self.step // self.batches.steps_per_epoch:
                epoch = self.step // self.batches.steps_per_epoch
                order = self.batches.order(epoch)
            with self.clock:
                self._update(advance, order)
            self.step += 1
            if self._at_end_of_epoch:
                self._finish_epoch()
            yield

    @property
    def _at_end_of_epoch(self) -> bool:
        return self.step == self.total or self.step % self.batches.steps_per_epoch == 0

    def _update(self, advance: Callable[..., Any], order: Tensor) -> None:
        share = rate(self.spec.schedule, self.spec.warmup, self.step, self.total)
        for group in self.optimizer.param_groups:
            group["lr"] = self.spec.learning_rate * share
        batch = self.batches.batch(order, self.step)
        result = advance(self.params, self.state, batch, self._noise())
        if self.spec.clip:
            clip_instances(result.updates, self.spec.clip)
        for name, leaf in self.trained.items():
            leaf.grad = result.updates.get(name)
        with torch.no_grad():
            self.optimizer.step()
            for name, value in result.state.items():
                self.state[name].copy_(value)
        for row, metric in enumerate(("loss", "accuracy")):
            self.sums[row] += result.metrics[metric].detach().to(self.sums) if metric in result.metrics else torch.nan
        self.sums[2] += 1

    def _noise(self) -> dict[str, Tensor]:
        draws = [
            self.rule.noise(self.network, self.spec.batch_size, stream(seed, "noise", self.step))
            for seed in self.spec.seeds
        ]
        return stack(draws, self.device) if draws[0] else {}

    # -- evaluation -----------------------------------------------------------------------------------------------

    def _finish_epoch(self) -> None:
        require_finite(self.spec, self.step, (self.sums[0] / self.sums[2]).tolist(), self.trained)
        self._evaluate()
        n_seeds = len(self.spec.seeds)
        require_bounded(self.spec, self.rows[:n_seeds], self.rows[-n_seeds:])

    def _evaluate(self) -> None:
        """Note what every instance reaches, and its angles between feedback and forward weights."""
        found = angle_rows(self.checkpoint)
        self.angles += found
        about = {
            "ms_per_step": 1000 * self.clock.seconds / self.step if self.step else None,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
        }
        self.rows += history_rows(self.checkpoint, self.batches, self.sums, found, about)
        self.sums.zero_()


class _Clock:
    """Seconds spent in steps, and when the next save is due."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.saved(0.0)

    def saved(self, seconds: float) -> None:
        self.next_save = time.perf_counter() + max(_SAVE_EVERY_SECONDS, seconds / _SAVE_SHARE)

    @property
    def due(self) -> bool:
        return time.perf_counter() > self.next_save

    def __enter__(self) -> None:
        self.start = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self.seconds += time.perf_counter() - self.start
