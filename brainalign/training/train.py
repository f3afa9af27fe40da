"""Training a population of seeds: what it leaves, and what is trained again."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from brainalign import tables
from brainalign.errors import DataError
from brainalign.specs import TrainSpec
from brainalign.summary import Summarised, Summary
from brainalign.training.checkpoint import Checkpoint, population_title, read_checkpoint
from brainalign.training.code import training_code
from brainalign.training.run import Progress, Run
from brainalign.training.runtime import Runtime

# Inside the folder of a run: a training that is to replace it, and one that is doing so.
_AGAIN, _REPLACEMENT = "retraining", "retrained"


@dataclass(frozen=True, eq=False)
class Trained(Summarised):
    """What training leaves: the last checkpoint, the history, angles, every kept checkpoint file, the code's hash.

    Examples
    --------
    >>> import brainalign as ba, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     trained = ba.train("backprop", "mlp", "digits", folder, seeds=2, epochs=0.1)
    >>> trained.history.groupby("step").test_accuracy.size().to_dict()
    {0: 2, 1: 2}
    >>> trained.stale
    False
    """

    checkpoint: Checkpoint
    history: pd.DataFrame
    angles: pd.DataFrame
    files: tuple[Path, ...]
    code: str

    def summary(self) -> Summary:
        """Return what was trained and how well it does, mean over seeds."""
        last, facts = self.checkpoint, {}
        facts["trained for"] = f"{last.step} steps, {last.epoch:g} epochs; {len(self.files)} checkpoints kept"
        for name in ("test_accuracy", "test_loss"):
            values = self.history[self.history.step == self.history.step.max()][name].dropna()
            if len(values):
                facts[name.replace("_", " ")] = f"{values.mean():.4g}, seeds {values.min():.4g} to {values.max():.4g}"
        if self.stale:
            facts["note"] = "other code than today's trained it; train with retrain = True to renew it"
        return Summary(f"Trained {population_title(last.spec)}", facts)

    @classmethod
    def load(cls, folder: str | Path) -> "Trained":
        """Read what :func:`train` left in a folder, as far as training went.

        Raises
        ------
        DataError
            If there is no checkpoint, or a file was changed since it was written.

        Examples
        --------
        >>> import brainalign as ba, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     trained = ba.train("backprop", "mlp", "digits", folder, seeds=1, epochs=0.1)
        ...     ba.Trained.load(folder).checkpoint.step == trained.checkpoint.step
        True
        """
        folder = Path(folder)
        _take_over(folder)
        files = tuple(sorted((folder / "checkpoints").glob("step-*.safetensors")))
        if not files:
            msg = f"Folder {str(folder)!r} holds no checkpoints; give a folder that 'brainalign train' made."
            raise DataError(msg)
        last, _, facts = read_checkpoint(files[-1])
        history, angles = (tables.read(folder, name) for name in ("training", "feedback_angles"))
        return cls(checkpoint=last, history=history, angles=angles, files=files, code=facts.get("code", "unknown"))

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
    same bits. A kept checkpoint that was deleted is made again from the last one before it, with the same bits, unless
    other code trained the run.

    What other code trained is used as it is, and says so (``Trained.stale``). With ``Runtime(retrain=True)`` it is
    trained again from the first step, in ``out/retraining``, which replaces the former run at the end; called again
    after an interruption, that goes on, too.

    Parameters
    ----------
    spec
        What to train.
    out
        Folder of this run.
    runtime
        Device, execution, compilation, data folder, and whether to train again what other code trained.
    progress
        Called with the steps done, all steps and a short text.

    Raises
    ------
    IncompatibleError
        If the rule cannot train the network.
    SpecError
        If a name or option is unknown, or asks for more data than there are.
    StorageError
        If ``out`` holds another run, or cannot be written.
    DataError
        If a file of the run was changed since it was written, or is not whole.
    DivergenceError
        If a loss or weight of an instance stops being finite, or a loss grows beyond all bounds.
    """
    runtime, progress, out = runtime or Runtime(), progress or (lambda *_: None), Path(out)
    _take_over(out)
    run = Run(spec, out, runtime, progress)
    if runtime.retrain and run.stale:
        _retrain(run)
        run = Run(spec, out, runtime, progress)
    if not run.stale:
        shutil.rmtree(out / _AGAIN, ignore_errors=True)  # what an earlier call began is not needed any more
    history, angles = run.finish()
    if run.lost and not run.stale:
        Run(spec, out, runtime, progress, before=run.lost[0]).restore(run.lost, run)
    return Trained(checkpoint=run.checkpoint, history=history, angles=angles, files=run.files, code=run.code)


def _retrain(former: Run) -> None:
    """Train again beside a run that other code trained, and replace it."""
    aside = former.out / _AGAIN
    again = Run(former.spec, aside, former.runtime, former.progress)
    if again.stale:  # the code changed once more
        shutil.rmtree(aside)
        again = Run(former.spec, aside, former.runtime, former.progress)
    again.finish()
    aside.rename(former.out / _REPLACEMENT)
    _take_over(former.out)


def _take_over(out: Path) -> None:
    """Move the files of a finished replacement, if there is one, to where the former run's are."""
    new = out / _REPLACEMENT
    if not new.is_dir():
        return
    (out / "resume.safetensors").unlink(missing_ok=True)
    for path in sorted(new.rglob("[!.]*")):
        if path.is_file():
            target = out / path.relative_to(new)
            target.parent.mkdir(exist_ok=True)
            os.replace(path, target)
    shutil.rmtree(new)
