"""The same step under every other label: what updates know of the target."""

from collections.abc import Iterator

from torch import Tensor

from brainalign.plausibility.subject import Subject
from brainalign.plausibility.unsupported import Unsupported

#: An update of a norm below this is rounding: where nothing is taught yet, shares of it would mean nothing.
ROUNDING = 1e-12


def relabelled(subject: Subject) -> Iterator[dict[str, tuple[Tensor, list[Tensor]]]]:
    """Return, per state, hidden weight to its update for one sample, and to its changes under every other label."""
    classes = subject.network.task.n_outputs
    for moment in subject.singles():
        before = subject.step(moment).updates
        if not any(name in before for name in subject.hidden):
            msg = "no hidden weight changes"
            raise Unsupported(msg)
        changes: dict[str, list[Tensor]] = {name: [] for name in subject.hidden if name in before}
        for k in range(1, classes):
            other = moment._replace(batch=moment.batch._replace(y=(moment.batch.y + k) % classes))
            after = subject.step(other).updates
            for name, found in changes.items():
                found.append(after[name] - before[name])
        yield {name: (before[name], found) for name, found in changes.items()}
