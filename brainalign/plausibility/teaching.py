"""What teaches hidden layers: their weights, and the crossings that carry teaching signals; several probes ask."""

from torch import Tensor

from brainalign.credit.step import Step
from brainalign.plausibility.crossing import Crossing
from brainalign.plausibility.subject import Moment, Subject
from brainalign.plausibility.tap import Tap, Y
from brainalign.plausibility.unsupported import Unsupported

#: Operations in which one factor weighs another.
_MULTIPLYING = ("mul", "mm", "bmm", "mv", "addcmul", "div", "dot", "lerp")


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


def learned_from(step: Step, tap: Tap) -> list[Crossing]:
    """Return the crossings that anything learned rests on: updates, and what the rule keeps in its state."""
    crossed = 0
    for learned in (*step.updates.values(), *step.state.values()):
        crossed |= tap.node(learned).crossed
    return [crossing for crossing in tap.crossings if crossed >> crossing.order & 1]


def shown_with_input(subject: Subject, tap: Tap) -> bool:
    """Return whether the target is among what the first synapse of the network receives: a label in the input."""
    first = subject.network.synapses[0].weight_name
    return any(tap.reads(tap.nodes[c.node], Y) for c in tap.crossings if c.forward and first in c.matrices)


def modulators(subject: Subject, step: Step, tap: Tap) -> list[Tensor]:
    """Return what knows the target where it first meets, as a factor, what a hidden synapse could remember.

    So a reward or a slope of the loss meets activity or a tremble. What comes from the output is no memory of a hidden
    synapse, what has the shape of a weight is no signal, and a number of the program is neither.
    """
    wanted: set[int] = set()
    for name in subject.hidden:
        wanted |= {id(n) for n in tap.ancestors(tap.node(step.updates[name]))} if name in step.updates else set()
    answers = sum(1 << c.order for c in tap.crossings if c.forward and c.matrices & set(subject.readout))
    found: dict[int, Tensor] = {}
    met: set[int] = set()  # places of what holds both already
    for place, node in enumerate(tap.nodes):
        if id(node) not in wanted:
            continue
        knows = [parent for parent in node.parents if tap.reads(tap.nodes[parent], Y)]
        memories = [p for p in node.parents if p not in knows and not tap.nodes[p].crossed & answers]
        product = any(part in node.operation for part in _MULTIPLYING) and bool(memories)
        if product:
            fresh = [parent for parent in knows if parent not in met and not tap.nodes[parent].made_of]
            found |= {parent: tap.values[parent] for parent in fresh}
        if (product and knows) or met & set(node.parents):
            met.add(place)
    return list(found.values())


def require_message(subject: Subject) -> None:
    """Raise :class:`Unsupported` if no signal that crosses synapses teaches hidden layers."""
    moment = subject.moments()[0]
    step, tap = subject.watch(moment)
    if not hidden_teaching(subject, moment, step, tap):
        msg = "no message: no teaching signals cross synapses"
        raise Unsupported(msg)


def untaught(subject: Subject) -> str:
    """Return that no signal teaches hidden layers, if that is so, else nothing."""
    moment = subject.moments()[0]
    step, tap = subject.watch(moment)
    return "" if hidden_teaching(subject, moment, step, tap) else "no teaching signals cross synapses"
