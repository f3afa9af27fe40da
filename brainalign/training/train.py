"""Training a population of seeds: loop, evaluation, checkpoints, history, resume."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from brainalign.credit.objective import output_metrics
from brainalign.datasets.dataset import Dataset
from brainalign.datasets.dataset import dataset as find_dataset
from brainalign.errors import DivergenceError, StorageError
from brainalign.networks.architecture import architecture
from brainalign.randomness import stream
from brainalign.rules.learning_rule import LearningRule, learning_rule
from brainalign.specs import TrainSpec
from brainalign.storage import write_table
from brainalign.training.batches import Batches, Samples
from brainalign.training.checkpoint import Checkpoint, read_checkpoint, stack
from brainalign.training.code import training_code
from brainalign.training.optimisation import clip_instances, make_optimizer, optimizer_tensors, rate, restore_optimizer
from brainalign.training.population import choose_execution, population_step
from brainalign.training.runtime import Runtime

Progress = Callable[[int, int, str], None]

#: Columns of ``training.csv``.
HISTORY = (
    *(
        "rule",
        "network",
        "dataset",
        "seed",
        "epoch",
        "step",
        "train_loss",
        "train_accuracy",
        "val_loss",
        "val_accuracy",
    ),
    *("test_loss", "test_accuracy", "feedback_angle", "ms_per_step", "population", "learning_rate"),
)

#: Columns of ``feedback_angles.csv``: degrees between a feedback weight and the forward weight it stands for.
ANGLES = ("rule", "network", "dataset", "seed", "epoch", "step", "feedback", "angle")

_SAVE_EVERY_SECONDS = 60.0
# Populations of large networks are gigabytes; saving them may not take more of the time than this.
_SAVE_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class Trained:
    """What training leaves: the last checkpoint, the history, angles, every kept checkpoint file, the code's hash."""

    checkpoint: Checkpoint
    history: pd.DataFrame
    angles: pd.DataFrame
    files: tuple[Path, ...]
    code: str

    @property
    def stale(self) -> bool:
        """Whether other code than today's trained it, or began to."""
        return self.code != training_code(self.checkpoint.spec)


def train(
    spec: TrainSpec, out: str | Path, runtime: Runtime | None = None, progress: Progress | None = None
) -> Trained:
    """Train a population, or finish training it.

    Writes ``training.csv``, ``feedback_angles.csv``, ``checkpoints/step-*.safetensors`` and, until the end,
    ``resume.safetensors`` into ``out``. Called again after an interruption it goes on, and on a CPU it ends with the
    same bits.

    Parameters
    ----------
    spec
        What to train.
    out
        Folder of this run.
    runtime
        Device, execution, compilation and data folder.
    progress
        Called with the steps done, all steps and a short text.

    Raises
    ------
    IncompatibleError
        If the rule cannot train the network.
    SpecError
        If a name or option is unknown.
    StorageError
        If ``out`` holds another run, or cannot be written.
    DivergenceError
        If the loss of an instance stops being finite.
    """
    runtime = runtime or Runtime()
    return _Run(spec, Path(out), runtime, progress or (lambda *_: None)).finish()


def kept_steps(total: int, n_checkpoints: int) -> tuple[int, ...]:
    """Return log-spaced steps from 0 to ``total``, both included."""
    spaced = np.geomspace(1, total, n_checkpoints - 1)
    return tuple(sorted({0, *(round(s) for s in spaced), total}))


class _Run:
    """One run from its first to its last step; holds what the loop changes."""

    def __init__(self, spec: TrainSpec, out: Path, runtime: Runtime, progress: Progress) -> None:
        self.spec, self.out, self.progress, self.runtime = spec, out, progress, runtime
        self.device = torch.device(runtime.device)
        data: Dataset = find_dataset(spec.dataset, runtime.data_dir)
        self.rule: LearningRule = learning_rule(spec.rule, dict(spec.rule_options))
        shape = architecture(spec.network, dict(spec.network_options))
        self.rule.check(shape.build(data.task(1, spec.objective)))
        self.batches = Batches.load(spec, data, self.device)
        self.network = shape.build(data.task(len(self.batches.train.labels), spec.objective))
        self.total = self.batches.steps(spec.epochs)
        self.keep = kept_steps(self.total, spec.n_checkpoints)
        self.execution = choose_execution(runtime.execution, self.network, len(spec.seeds), self.device)
        self.step = 0
        self.rows: list[dict[str, Any]] = []
        self.angles: list[dict[str, Any]] = []
        self.sums = torch.zeros(3, len(spec.seeds), dtype=torch.float64)  # loss, accuracy, steps since last evaluation
        self.clock = _Clock()
        self.code = training_code(spec)
        self._initialise()
        self._resume()

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
        epoch = self.step / self.batches.steps_per_epoch
        return Checkpoint(
            self.spec, self.network, self.rule, self.batches.preprocessing, self.params, self.state, self.step, epoch
        )

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(self.out / "checkpoints" / f"step-{step:07d}.safetensors" for step in self.keep)

    # -- resuming -------------------------------------------------------------------------------------------------

    def _resume(self) -> None:
        written = [path for path in (*self.files, self.out / "resume.safetensors") if path.exists()]
        if not written:
            self._refuse_foreign()
            return
        path = max(written[-2:], key=lambda path: read_checkpoint(path)[2]["step"])
        saved, extra, facts = read_checkpoint(path)
        self._require_same(facts["key"], path)
        self.step, self.rows, self.angles = saved.step, facts["rows"], facts["angles"]
        self.execution = facts["execution"]  # the two differ in rounding, so a run keeps the one it began with
        self.sums = extra.get("sums", self.sums)
        self.clock.seconds = facts["seconds"]
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

    def _save(self, path: Path) -> None:
        extra = {"sums": self.sums, **optimizer_tensors(self.optimizer, list(self.trained))}
        facts = {"rows": self.rows, "angles": self.angles, "execution": self.execution}
        started = time.perf_counter()
        self.checkpoint.save(path, extra, **facts, seconds=self.clock.seconds, code=self.code)
        self.clock.saved(time.perf_counter() - started)

    # -- the loop -------------------------------------------------------------------------------------------------

    def finish(self) -> Trained:
        if self.step == 0 and not self.rows:
            self._evaluate()
            self._save(self.files[0])
        if not self.rule.learns and self.step < self.total:
            self._stand_still()
        advance = population_step(self.rule, self.network, self.execution, self.runtime.compile)
        while self.step < self.total:
            self._advance(advance)
        history = pd.DataFrame(self.rows, columns=list(HISTORY))  # a resumed run reads rows with sorted names
        write_table(self.out / "training.csv", history)
        angles = pd.DataFrame(self.angles, columns=list(ANGLES))
        write_table(self.out / "feedback_angles.csv", angles)
        (self.out / "resume.safetensors").unlink(missing_ok=True)
        return Trained(self.checkpoint, history, angles, self.files, self.code)

    def _stand_still(self) -> None:
        """Record every kept moment of a control that never changes, without computing steps that do nothing."""
        first = len(self.rows) // len(self.spec.seeds) - 1
        for step in self.keep[1:][first:]:
            self.step = step
            self.rows += [
                {**row, "epoch": self.checkpoint.epoch, "step": step} for row in self.rows[: len(self.spec.seeds)]
            ]
            self._save(self.out / "checkpoints" / f"step-{step:07d}.safetensors")

    def _advance(self, advance: Callable[..., Any]) -> None:
        per_epoch = self.batches.steps_per_epoch
        order = self.batches.order(self.step // per_epoch)
        until = min(self.total, (self.step // per_epoch + 1) * per_epoch)
        while self.step < until:
            with self.clock:
                self._update(advance, order)
            self.step += 1
            if self.step == until:
                self._finish_epoch()
            if self.step in self.keep:
                self._save(self.out / "checkpoints" / f"step-{self.step:07d}.safetensors")
            elif self.step == until or self.clock.due:
                self._save(self.out / "resume.safetensors")
            self.progress(self.step, self.total, self.spec.rule)

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
            self.sums[row] += result.metrics[metric].detach().to(self.sums) if metric in result.metrics else math.nan
        self.sums[2] += 1

    def _noise(self) -> dict[str, Tensor]:
        draws = [
            self.rule.noise(self.network, self.spec.batch_size, stream(seed, "noise", self.step))
            for seed in self.spec.seeds
        ]
        return stack(draws, self.device) if draws[0] else {}

    # -- evaluation -----------------------------------------------------------------------------------------------

    def _finish_epoch(self) -> None:
        loss = self.sums[0] / self.sums[2]
        for seed, value in zip(self.spec.seeds, loss.tolist(), strict=True):
            if not np.isfinite(value):
                msg = (
                    f"Rule {self.spec.rule!r} on {self.spec.network!r} diverged: the loss of seed {seed} is {value} "
                    f"at step {self.step}. Lower learning_rate ({self.spec.learning_rate}) or set clip."
                )
                raise DivergenceError(msg)
        self._evaluate()

    def _evaluate(self) -> None:
        validation, test = self._measure(self.batches.validation), self._measure(self.batches.test)
        steps = float(self.sums[2, 0])
        angles = self._feedback_angles()
        for k, seed in enumerate(self.spec.seeds):
            self.rows.append(
                {
                    "rule": self.spec.rule,
                    "network": self.spec.network,
                    "dataset": self.spec.dataset,
                    "seed": seed,
                    "epoch": self.checkpoint.epoch,
                    "step": self.step,
                    "train_loss": _finite(float(self.sums[0, k]) / steps) if steps else None,
                    "train_accuracy": _finite(float(self.sums[1, k]) / steps) if steps else None,
                    "val_loss": validation["loss"][k],
                    "val_accuracy": validation["accuracy"][k],
                    "test_loss": test["loss"][k],
                    "test_accuracy": test["accuracy"][k],
                    "feedback_angle": mean(angles[k].values()) if angles[k] else None,
                    "ms_per_step": 1000 * self.clock.seconds / self.step if self.step else None,
                    "population": len(self.spec.seeds),
                    "learning_rate": self.optimizer.param_groups[0]["lr"],
                }
            )
        self.sums.zero_()

    @torch.no_grad()
    def _measure(self, samples: Samples) -> dict[str, list[float | None]]:
        """Return each instance's loss and share of correct answers."""
        n, n_seeds = len(samples.labels), len(self.spec.seeds)
        sums = {"loss": [0.0] * n_seeds, "accuracy": [0.0] * n_seeds}
        for images, labels in zip(samples.images.split(250), samples.labels.split(250), strict=True):
            x, y = self.batches.examples(images, labels)
            x = x.contiguous(memory_format=torch.channels_last)
            for k in range(n_seeds):
                output = list(self.rule.respond(self.network, *self.checkpoint.instance(k), x).values())[-1]
                metrics = output_metrics(self.network.task, output, y)
                for name in sums:
                    sums[name][k] += float(metrics[name]) * len(y) if name in metrics else math.nan
        return {name: [_finite(total / n) if n else None for total in totals] for name, totals in sums.items()}

    @torch.no_grad()
    def _feedback_angles(self) -> list[dict[str, float]]:
        """Note every instance's angles between feedback and forward weights, and return them."""
        found = []
        for k, seed in enumerate(self.spec.seeds):
            angles = self.rule.feedback_angles(self.network, *self.checkpoint.instance(k))
            found.append({name: round(float(angle), 6) for name, angle in angles.items()})
            self.angles += [
                {"rule": self.spec.rule, "network": self.spec.network, "dataset": self.spec.dataset, "seed": seed,
                 "epoch": self.checkpoint.epoch, "step": self.step, "feedback": name, "angle": angle}
                for name, angle in found[-1].items()
            ]  # fmt: skip
        return found


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


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
