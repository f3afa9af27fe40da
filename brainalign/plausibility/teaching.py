"""What teaches hidden layers: their weights, and the crossings that carry teaching signals; several probes ask."""

from brainalign.credit.step import Step
from brainalign.plausibility.crossing import Crossing
from brainalign.plausibility.subject import Moment, Subject
from brainalign.plausibility.tap import Tap


def hidden_synapses(subject: Subject, tap: Tap) -> list[tuple[str, Crossing]]:
    """Return the weights below the readout that are met, each with its first crossing forwards."""
    found = []
    for name in subject.hidden:
        own = [crossing for crossing in tap.crossings if crossing.forward and name in crossing.matrices]
        if own:
            found.append((name, own[0]))
    return found


def teaching(moment: Moment, crossings: list[Crossing]) -> list[Crossing]:
    """Return crossings that are not the network's own forward ones: backwards, or through matrices of the rule."""
    return [c for c in crossings if not (c.forward and c.matrices <= moment.params.keys())]


def hidden_teaching(subject: Subject, moment: Moment, step: Step, tap: Tap) -> list[Crossing]:
    """Return the :func:`teaching` crossings that any hidden update rests on."""
    crossed = 0
    for name in subject.hidden:
        crossed |= tap.node(step.updates[name]).crossed if name in step.updates else 0
    return [c for c in teaching(moment, tap.crossings) if crossed >> c.order & 1]


def untaught(subject: Subject) -> str:
    """Return that no signal teaches hidden layers, if that is so, else nothing."""
    moment = subject.moments()[0]
    step, tap = subject.watch(moment)
    return "" if hidden_teaching(subject, moment, step, tap) else "no teaching signals cross synapses"
