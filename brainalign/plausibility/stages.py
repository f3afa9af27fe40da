"""What arrives at a hidden layer before it has learned, in order of cause."""

from brainalign.credit.step import Step
from brainalign.plausibility.crossing import Crossing
from brainalign.plausibility.tap import Tap, Y
from brainalign.plausibility.teaching import learned_from


def arrivals_of(step: Step, tap: Tap, first: Crossing) -> list[Crossing]:
    """Return the crossings at the population of ``first`` that anything learned rests on."""
    return [c for c in learned_from(step, tap) if c.receivers == first.receivers]


def stages(tap: Tap, arrivals: list[Crossing]) -> int:
    """Return the most stretches of one kind, with or without the target, along a chain of causes."""
    kinds = [tap.reads(tap.nodes[c.node], Y) for c in arrivals]
    found: list[int] = []
    for k, crossing in enumerate(arrivals):
        before = tap.nodes[crossing.node].crossed
        found.append(
            max((found[j] + (kinds[j] != kinds[k]) for j in range(k) if before >> arrivals[j].order & 1), default=1)
        )
    return max(found, default=1)
