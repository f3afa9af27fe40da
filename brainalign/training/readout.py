"""Does a rule teach hidden layers: its accuracy beside that of networks of which only the readout was trained."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from brainalign.recommended import declared
from brainalign.roles import READOUT_ONLY, TRAINED
from brainalign.rules.learning_rule import learning_rule
from brainalign.specs import TrainSpec, to_dict, train_spec
from brainalign.training.run import Progress
from brainalign.training.runtime import Runtime
from brainalign.training.train import train

#: Seeds below which there is no test.
FEWEST = 3

#: Of a training, what the control shares: what is trained, on what, how often, in which order.
_SHARED = (
    *("network", "network_options", "dataset", "seeds", "epochs", "batch_size", "n_train", "validation_fraction"),
    *("augment", "objective"),
)


@dataclass(frozen=True)
class Exceeding:
    """A rule beside readout only, seed by seed.

    Parameters
    ----------
    rule, control
        Mean score of each, the higher the better.
    difference
        Mean difference, rule less control.
    low, high
        Ends of its paired 95 % interval over seeds (Student); NaN with fewer than 3 seeds.
    n_seeds
        Pairs.
    """

    rule: float
    control: float
    difference: float
    low: float
    high: float
    n_seeds: int

    @property
    def exceeds(self) -> bool | None:
        """Whether the whole interval is above 0; None without a test."""
        return None if math.isnan(self.low) else self.low > 0

    def sentence(self, name: str) -> str:
        """Return one line on the rule ``name``, of scores that are shares."""
        by = f"{100 * self.difference:+.1f} points"
        both = f"{100 * self.rule:.1f} % against {100 * self.control:.1f} %"
        if self.exceeds is None:
            seeds = f"{self.n_seeds} seed{'s' if self.n_seeds > 1 else ''}"
            return f"{name} beside readout only after as many steps: {both}, {by}; no test with {seeds}, expected 3."
        where = f"{by}, 95 % interval {100 * self.low:+.1f} to {100 * self.high:+.1f} over {self.n_seeds} seeds"
        if self.exceeds:
            return f"{name} exceeds readout only after as many steps: {both} ({where})."
        return (
            f"WARNING: {name} does not exceed readout only after as many steps: {both} ({where}). Nothing shows here "
            "that its hidden layers learned."
        )


def exceeds_readout(rule: Mapping[int, float], control: Mapping[int, float]) -> Exceeding:
    """Compare a rule with readout only, seed by seed.

    Parameters
    ----------
    rule, control
        Seed to test accuracy (or another score of which more is better) after as many steps.

    Returns
    -------
    Exceeding
        Means, their difference and its paired 95 % interval over the seeds that both have.

    Raises
    ------
    ValueError
        If they share no seed.

    Examples
    --------
    >>> found = exceeds_readout({0: 0.93, 1: 0.95, 2: 0.94}, {0: 0.90, 1: 0.91, 2: 0.91})
    >>> found.exceeds, round(found.difference, 3)
    (True, 0.033)
    >>> exceeds_readout({0: 0.93}, {0: 0.90}).exceeds is None
    True
    """
    seeds = sorted(rule.keys() & control.keys())
    if not seeds:
        msg = f"The rule has seeds {sorted(rule)} and readout only {sorted(control)}; expected some in common."
        raise ValueError(msg)
    ours, theirs = (np.array([one[seed] for seed in seeds], dtype=float) for one in (rule, control))
    differences = ours - theirs
    half = math.nan
    if len(seeds) >= FEWEST:
        from scipy.stats import t

        half = float(t.ppf(0.975, len(seeds) - 1) * differences.std(ddof=1) / math.sqrt(len(seeds)))
    mean = float(differences.mean())
    return Exceeding(float(ours.mean()), float(theirs.mean()), mean, mean - half, mean + half, len(seeds))


def readout_spec(spec: TrainSpec) -> TrainSpec:
    """Return how the control of a population is trained: the same networks and batches, a rate of the readout's own.

    Examples
    --------
    >>> control = readout_spec(TrainSpec("hebbian", "mlp", "digits", batch_size=32, seeds=(3, 4)))
    >>> control.rule, control.batch_size, control.seeds
    ('readout_only', 32, (3, 4))
    """
    options: dict[str, Any] = {name: value for name, value in to_dict(spec).items() if name in _SHARED}
    for name, value in declared(READOUT_ONLY, spec.network).items():
        prefix, dot, option = name.partition(".")
        if dot:
            options.setdefault(f"{prefix}_options", {})[option] = value
        elif name not in _SHARED:
            options[name] = value
    return train_spec({**options, "rule": READOUT_ONLY, "n_checkpoints": 2})


def has_control(spec: TrainSpec) -> bool:
    """Return whether readout only is a control of what is trained: a rule that changes hidden layers."""
    rule = learning_rule(spec.rule, dict(spec.rule_options))
    return rule.learns and rule.role == TRAINED


def train_control(spec: TrainSpec, out: str | Path, runtime: Runtime, progress: Progress | None = None) -> pd.DataFrame:
    """Train the control of a population beside it, in ``out/readout_only-<key>``, and return its history.

    Called again, it is read.
    """
    control = readout_spec(spec)
    folder = Path(out) / f"{READOUT_ONLY}-{control.key}"
    return train(control, folder, replace(runtime, compile=False), progress).history


def final_scores(history: pd.DataFrame) -> dict[int, float]:
    """Return seed to test accuracy after the last step; to the negative test loss where there are no classes."""
    last = history[history.step == history.step.max()]
    scores: pd.Series = last.test_accuracy if last.test_accuracy.notna().all() else -last.test_loss
    return dict(zip((int(seed) for seed in last.seed), (float(score) for score in scores), strict=True))


def study_lines(trained: Sequence[tuple[TrainSpec, pd.DataFrame]]) -> list[str]:
    """Return the warnings of a study that has readout only among its rules: which do not exceed it.

    Parameters
    ----------
    trained
        Specification and history of every population.
    """
    controls = {spec.network: history for spec, history in trained if spec.rule == READOUT_ONLY}
    lines = []
    for spec, history in trained:
        control = controls.get(spec.network)
        if control is None or not has_control(spec):
            continue
        ours, theirs = (int(one.step.max()) for one in (history, control))
        if ours != theirs:
            lines.append(
                f"{spec.rule} on {spec.network} took {ours} steps and readout only {theirs}: not compared. Give them "
                "one batch_size and one number of epochs."
            )
        else:
            found = control_lines(f"{spec.rule} on {spec.network}", history, control)
            lines += [line for line in found if line.startswith("WARNING") or "no test" in line]
    return lines


def control_lines(name: str, rule: pd.DataFrame, control: pd.DataFrame) -> Sequence[str]:
    """Return what is said of a rule beside its control; where there are no classes, losses are compared."""
    found = exceeds_readout(final_scores(rule), final_scores(control))
    if rule.test_accuracy.notna().any():
        return [found.sentence(name)]
    less = {True: "is below", False: "is not below", None: "beside"}[found.exceeds]
    untested = "" if found.exceeds is not None else f"; no test with {found.n_seeds} seeds, expected {FEWEST}"
    start = "WARNING: " if found.exceeds is False else ""
    return [
        f"{start}{name}: test loss {-found.rule:.4g} {less} that of readout only after as many steps, "
        f"{-found.control:.4g}{untested}."
    ]
