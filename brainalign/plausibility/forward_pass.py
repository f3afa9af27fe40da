"""What a plain forward pass does, to count a step against."""

from brainalign.networks.wiring import Wiring
from brainalign.plausibility.subject import Moment, Subject
from brainalign.plausibility.tap import Tap


def forward_pass(subject: Subject, moment: Moment) -> Tap:
    """Return what was seen of the network answering the batch, before any learning."""
    with Tap(*moment) as tap:
        subject.network.forward(moment.params, moment.batch.x, Wiring(moment.state, adapt=True))
    return tap


def answering(subject: Subject, moment: Moment) -> Tap:
    """Return what was seen of the trained network answering the batch in the rule's own way."""
    with Tap(*moment) as tap:
        subject.rule.respond(subject.network, moment.params, moment.state, moment.batch.x)
    return tap


def rows_met(tap: Tap) -> dict[str, int]:
    """Return weight to the number of activity vectors (patches, tokens) that met it forwards."""
    found: dict[str, int] = {}
    for crossing in tap.crossings:
        if crossing.forward:
            for name in crossing.matrices:
                found[name] = found.get(name, 0) + len(crossing.columns())
    return found
