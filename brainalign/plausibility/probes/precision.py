"""P8b: how many bits a message must have."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.plausibility.crossing import Meeting
from brainalign.plausibility.practice import Disturbance
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject

#: Share of the accuracy that suffices.
_ENOUGH = 0.95


@dataclass(frozen=True)
class Precision(Probe):
    """Fewest bits per message, of 1, 2, 4 and 8, with which a rule retains 95 % of its accuracy on digits.

    32 if none does. All messages between units are rounded, forwards and teaching, to steps of the largest one (one
    bit: to its sign, at the mean size); pixels are not.
    """

    code: ClassVar[str] = "P8b"
    title: ClassVar[str] = "precision: bits per message that suffice"
    unit: ClassVar[str] = "bits"
    trains: ClassVar[bool] = True
    passing: ClassVar[Control] = Control("backprop")
    failing: ClassVar[Control] = Control("node_perturbation")
    certain: ClassVar[float] = 8.0

    def measure(self, subject: Subject) -> Measured:
        """Return one number, from the mean over seeds."""
        retained = {bits: self._retained(subject, bits) for bits in (4,)}
        for bits in (2, 1) if retained[4] >= _ENOUGH else (8,):
            retained[bits] = self._retained(subject, bits)
            if bits < 4 and retained[bits] < _ENOUGH:
                break
        enough = [bits for bits, share in retained.items() if share >= _ENOUGH]
        note = ", ".join(f"{bits}: {retained[bits]:.0%}" for bits in sorted(retained))
        return Measured((float(min(enough, default=32)),), f"retained with {note}")

    def _retained(self, subject: Subject, bits: int) -> float:
        return float(subject.practice.retained(_rounding(subject, bits)).mean())


def _rounding(subject: Subject, bits: int) -> Disturbance:
    pixels = {synapse.weight_name for synapse in subject.network.blocks[0].synapses}

    def alter(message: Tensor, matrix: Tensor, meeting: Meeting) -> tuple[Tensor, Tensor]:
        if meeting.forward and meeting.matrices & pixels:
            return message, matrix
        if bits == 1:
            return message.sign() * message.abs().mean(), matrix
        largest = message.abs().amax().clamp_min(1e-30)
        levels = 2 ** (bits - 1) - 1
        return (message / largest * levels).round() / levels * largest, matrix

    def tap(generator: torch.Generator) -> dict[str, object]:
        del generator
        return {"alter": alter}

    return Disturbance(f"{bits} bits", tap)
