"""What the probes share that train a rule while something is wrong."""

import statistics
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.practice import Disturbance
from brainalign.plausibility.probe import Measured, Probe
from brainalign.plausibility.subject import Subject


@dataclass(frozen=True)
class RetainedAccuracy(Probe):
    """Accuracy above chance on digits after a short training under a disturbance, relative to undisturbed, per seed.

    The mean over seeds decides: a share of one seed carries the chance of one short training.
    """

    unit: ClassVar[str] = "of undisturbed"
    at_least: ClassVar[bool] = True
    trains: ClassVar[bool] = True

    def passes(self, measured: Measured, limit: float | None = None) -> bool | None:
        """Return whether the mean over seeds is within ``limit`` (default: the probe's); None without one."""
        return super().passes(Measured((statistics.fmean(measured.values),)), limit)

    @abstractmethod
    def disturbance(self, subject: Subject) -> Disturbance:
        """Return what goes wrong."""

    def spared(self, subject: Subject) -> str:
        """Return why nothing of this rule is disturbed, so that it need not be trained again; empty if something is."""
        del subject
        return ""

    def measure(self, subject: Subject) -> Measured:
        """Return one share per seed."""
        reason = self.spared(subject)
        if reason:
            return Measured((1.0,), reason)
        values = subject.practice.retained(self.disturbance(subject))
        return Measured(tuple(values.tolist()), f"undisturbed {float(subject.practice.accuracy().mean()):.0%}")
