"""Does a rule teach hidden layers: its accuracy beside that of networks of which only the readout was trained."""

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from brainalign.errors import DivergenceError
from brainalign.recommended import SHARED, control_options
from brainalign.recommended import has_control as of_rule
from brainalign.roles import READOUT_ONLY
from brainalign.specs import TrainSpec, to_dict, train_spec
from brainalign.training.run import Progress
from brainalign.training.runtime import Runtime
from brainalign.training.train import Trained, train

#: Seeds below which there is no test.
FEWEST = 3


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

    @property
    def shows_nothing(self) -> bool:
        """Whether nothing shows that it exceeds: the test says so, or the mean where seeds are too few for a test."""
        return self.exceeds is False or (self.exceeds is None and self.difference <= 0)

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
    return Exceeding(
        rule=float(ours.mean()),
        control=float(theirs.mean()),
        difference=mean,
        low=mean - half,
        high=mean + half,
        n_seeds=len(seeds),
    )


def readout_spec(spec: TrainSpec) -> TrainSpec:
    """Return how the control of a population is trained: the same networks and batches, a rate of the readout's own.

    Examples
    --------
    >>> control = readout_spec(TrainSpec("hebbian", "mlp", "digits", batch_size=32, seeds=(3, 4)))
    >>> control.rule, control.batch_size, control.seeds
    ('readout_only', 32, (3, 4))
    """
    return train_spec(control_options(to_dict(spec)))


def has_control(spec: TrainSpec) -> bool:
    """Return whether readout only is a control of what is trained: a rule that changes hidden layers."""
    return of_rule(spec.rule)


def train_control(
    spec: TrainSpec, out: str | Path, runtime: Runtime, progress: Progress | None = None, rate: float | None = None
) -> pd.DataFrame:
    """Train the control of a population beside it, in ``out/readout_only-<key>``, and return its history.

    Called again, it is read. ``rate`` is Adam's, in place of the recommended one
    (:func:`brainalign.training.readout_rate.found_rate`).
    """
    control = readout_spec(spec)
    if rate is not None:
        control = replace(control, optimizer="adam", optimizer_options={}, learning_rate=rate)
    return _trained(control, Path(out), runtime, progress).history


def _trained(control: TrainSpec, out: Path, runtime: Runtime, progress: Progress | None) -> Trained:
    return train(control, out / f"{READOUT_ONLY}-{control.key}", replace(runtime, compile=False), progress)


def final_scores(history: pd.DataFrame, split: str = "test") -> dict[int, float]:
    """Return seed to accuracy after the last step; to the negative loss where there are no classes.

    ``split`` is ``"test"``, or ``"val"`` for validation samples; where none were held out, scores are NaN.
    """
    last = history[history.step == history.step.max()]
    accuracy, loss = (last[f"{split}_{name}"].astype(float) for name in ("accuracy", "loss"))  # without samples: None
    scores: pd.Series = accuracy if accuracy.notna().all() else -loss
    return dict(zip((int(seed) for seed in last.seed), (float(score) for score in scores), strict=True))


def train_study_controls(
    populations: Sequence[TrainSpec], out: str | Path, runtime: Runtime, progress: Progress | None = None
) -> list[Trained]:
    """Train the controls that a study lacks, and return them.

    A network that has readout only among its populations needs it again for rules of other numbers of steps; these
    controls are not scored. One that diverges is left out.
    """
    known = [_shared(one) for one in populations if one.rule == READOUT_ONLY]
    networks = {one["network"] for one in known}
    found = []
    for spec in populations:
        if spec.network not in networks or not has_control(spec) or _shared(spec) in known:
            continue
        known.append(_shared(spec))
        with contextlib.suppress(DivergenceError):
            found.append(_trained(readout_spec(spec), Path(out), runtime, progress))
    return found


def is_control_of(control: TrainSpec, spec: TrainSpec) -> bool:
    """Return whether one population is readout only for another: the same networks, batches and number of steps."""
    return control.rule == READOUT_ONLY and has_control(spec) and _shared(control) == _shared(spec)


def _shared(spec: TrainSpec) -> dict[str, Any]:
    return {name: value for name, value in to_dict(spec).items() if name in SHARED}


@dataclass(frozen=True)
class StudyControls:
    """What the controls of a study say of its rules.

    Parameters
    ----------
    lines
        Warnings: which rules do not exceed readout only, and which were not compared.
    unlearned
        Network to the rules that do not exceed it on test samples at the end. They are scored and have no rank there.
    unlearned_in_validation
        Network to the rules that do not exceed it on validation samples, or whose mean there is no higher where seeds
        are too few for a test. They take no part at equal accuracy, for which no test sample is looked at.
    """

    lines: tuple[str, ...]
    unlearned: Mapping[str, tuple[str, ...]]
    unlearned_in_validation: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def study_controls(trained: Sequence[tuple[TrainSpec, pd.DataFrame]]) -> StudyControls:
    """Compare the rules of a study with readout only; a network without that control is left out.

    Parameters
    ----------
    trained
        Specification and history of every population, and of controls that are not scored.
    """
    controls = [(spec.network, _shared(spec), history) for spec, history in trained if spec.rule == READOUT_ONLY]
    lines = list[str]()
    unlearned, in_validation = dict[str, tuple[str, ...]](), dict[str, tuple[str, ...]]()
    for spec, history in trained:
        own = [one for one in controls if one[0] == spec.network]
        if not own or not has_control(spec):
            continue
        name, steps = f"{spec.rule} on {spec.network}", int(history.step.max())
        equal = [control for _, shared, control in own if shared == _shared(spec) and control.step.max() == steps]
        if not equal:
            taken = " and ".join(str(int(control.step.max())) for *_, control in own)
            lines.append(
                f"{name} took {steps} steps and readout only {taken}: not compared. Give them one batch_size and one "
                "number of epochs."
            )
            continue
        found = control_lines(name, history, equal[0])
        lines += [line for line in found if line.startswith("WARNING") or "no test" in line]
        if exceeds_readout(final_scores(history), final_scores(equal[0])).exceeds is False:
            unlearned[spec.network] = (*unlearned.get(spec.network, ()), spec.rule)
        if exceeds_readout(final_scores(history, "val"), final_scores(equal[0], "val")).shows_nothing:
            in_validation[spec.network] = (*in_validation.get(spec.network, ()), spec.rule)
    return StudyControls(tuple(lines), unlearned, in_validation)


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
