"""Scores of every layer of every network against one ROI at one time, with those of samples of its stimuli."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from brainalign.alignment.instance import Instance
from brainalign.comparisons.description import Description
from brainalign.errors import DataError, LayerError
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.roles import LOW_LEVEL, OWN_START, TRAINED


@dataclass(frozen=True)
class Model:
    """One row of scores: a layer of an instance, or a low-level control; ``role`` says what it is."""

    rule: str
    network: str
    seed: int | None
    step: int | None
    epoch: float | None
    final: bool
    layer: str
    layer_index: int
    role: str = TRAINED

    @classmethod
    def of(cls, one: Instance, layer: str, index: int) -> "Model":
        """Return the row of a layer of an instance."""
        return cls(
            rule=one.rule,
            network=one.network,
            seed=one.seed,
            step=one.step,
            epoch=one.epoch,
            final=one.final,
            layer=layer,
            layer_index=index,
            role=one.role,
        )

    @classmethod
    def control(cls, name: str) -> "Model":
        """Return the row of a low-level control."""
        return cls(
            rule=LOW_LEVEL,
            network="-",
            seed=None,
            step=None,
            epoch=None,
            final=True,
            layer=name,
            layer_index=0,
            role=LOW_LEVEL,
        )


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores against the subjects of one ROI.

    Parameters
    ----------
    about
        What the measure is.
    models
        The rows: final networks and controls first, then ``earlier`` checkpoints.
    draws
        Scores of the first rows, and those of samples of the stimuli.
    errors
        ``(n_drawn, n_subjects)`` standard errors of the first rows over stimuli; NaN where nothing was drawn.
    earlier
        ``(n_earlier, n_subjects)`` scores of checkpoints before the last.
    subjects
        Names of the columns.
    n_stimuli, n_targets
        Sizes; targets are voxels or units of an encoding model, 0 for RSA.
    ceiling
        Lower and upper noise ceiling of each subject, ``(2, n_subjects)``; NaN where it cannot be estimated.
    roi, time
        Where, and at how many seconds from onset; NaN where there is one time.
    own_stimuli
        Number of stimuli of each subject where each was scored on stimuli of its own. There is then no variance over
        stimuli that subjects share: stimuli are fixed in what is inferred, and what differs between the stimuli of two
        subjects is part of what differs between subjects.
    """

    about: Description
    models: tuple[Model, ...]
    draws: ScoreDraws
    errors: np.ndarray
    earlier: np.ndarray
    subjects: tuple[str, ...]
    n_stimuli: int
    n_targets: int
    ceiling: np.ndarray
    roi: str
    time: float
    own_stimuli: tuple[int, ...] | None = None

    @property
    def measure(self) -> str:
        """Name of the measure in tables."""
        return self.about.measure

    @property
    def scores(self) -> np.ndarray:
        """``(n_models, n_subjects)`` scores of all rows."""
        return np.concatenate([self.draws.observed, self.earlier])


@contextmanager
def naming(model: Model) -> Iterator[None]:
    """Say whose layer it is that cannot be scored."""
    try:
        yield
    except DataError as error:
        when = " before its first step" if model.role == OWN_START else ""
        whose = f"Layer {model.layer!r} of rule {model.rule!r}{when} on {model.network!r}, seed {model.seed}"
        msg = f"{whose}: {error} Train that rule otherwise, or leave it out."
        step = None if model.final else model.step
        raise LayerError(msg, model.rule, model.network, step, model.role) from error
