"""P1b: how alike feedback weights are to the forward weights they stand for."""

from dataclasses import dataclass
from math import degrees, sqrt
from typing import ClassVar

from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.probes.weight_transport import WeightTransport
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.unsupported import Unsupported


@dataclass(frozen=True)
class FeedbackSymmetry(Probe):
    """Degrees between feedback weights and the forward weights they stand for; the mean over weights, per state.

    90 is unrelated, give or take ``1 / sqrt(mn)`` rad for a matrix of ``m x n``; 0 is a copy. Weights that come to
    agree by learning are a finding, weights that agree before the first step were copied, or learned before. Rules that
    send errors through the forward weights themselves are at 0; rules without feedback have no angle.
    """

    code: ClassVar[str] = "P1b"
    title: ClassVar[str] = "symmetry: angle of feedback weights to forward weights"
    unit: ClassVar[str] = "degrees"
    passing: ClassVar[Control] = Control("backprop")
    failing: ClassVar[Control] = Control("feedback_alignment")
    certain: ClassVar[float] = 1.0

    def measure(self, subject: Subject) -> Measured:
        """Return the mean angle of each instance at the start and after training."""
        values: list[float] = []
        start: list[float] = []
        end: list[float] = []
        spread = 0.0
        for k, moment in enumerate(subject.moments()):
            angles = subject.rule.feedback_angles(subject.network, moment.params, moment.state)
            if not angles:
                return self._without(subject)
            values.append(sum(float(angle) for angle in angles.values()) / len(angles))
            (end if k % 2 else start).append(values[-1])
            smallest = min(t.numel() for n, t in moment.params.items() if n in subject.hidden)
            spread = degrees(1 / sqrt(smallest))
        mean = [sum(part) / len(part) for part in (start, end)]
        copied = abs(mean[0] - 90) > 4 * spread
        note = f"{mean[0]:.1f} at the start, {mean[1]:.1f} after {subject.horizon + subject.training} steps"
        return Measured(tuple(values), note + ("; related before the first step" if copied else ""))

    def _without(self, subject: Subject) -> Measured:
        """Return 0 where the forward weights themselves carry errors, and refuse where nothing does."""
        _, tap = subject.watch(subject.moments()[0])
        shared = [c for c in tap.crossings if not c.forward and c.matrices and c.matrices <= tap.params]
        if not shared:
            msg = "no feedback weights stand for forward weights"
            raise Unsupported(msg)
        transport = WeightTransport.code
        return Measured((0.0,), f"signals return through the forward weights themselves, see {transport}")
