"""P2d: which sums over a layer an update rests on."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.tap import Tap
from brainalign.plausibility.unsupported import Unsupported

#: Operations that join the elements of an axis, products left out.
_JOINING = ("sum", "mean", "var", "std", "norm", "amax", "amin", "max", "min", "topk", "softmax", "logsumexp", "cumsum",
            "batch_norm", "layer_norm", "sort", "prod", "logcumsumexp", "std_mean", "var_mean")  # fmt: skip


@dataclass(frozen=True)
class Reductions(Probe):
    """Kinds of reduction over the units of a hidden layer, among all that hidden updates rest on.

    The audit of loss and rule: sums, norms, softmax, standardisation over the units of a layer (what mixes only the
    outputs, as the loss does, is in the note). Optimisers of this package work element by element, so they add none;
    clipping the norm of a whole update would.
    """

    code: ClassVar[str] = "P2d"
    title: ClassVar[str] = "reductions: sums over a hidden layer that updates rest on"
    unit: ClassVar[str] = "kinds"
    limit: ClassVar[float] = 0.0
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("feedback_alignment")
    failing: ClassVar[Control] = Control("forward_forward")

    def measure(self, subject: Subject) -> Measured:
        """Return one count per state."""
        values, layer, outputs = [], set(), set()
        for moment in subject.moments():
            step, tap = subject.watch(moment)
            found: set[str] = set()
            updates = [step.updates[name] for name in subject.hidden if name in step.updates]
            if not updates:
                msg = "no hidden weight changes"
                raise Unsupported(msg)
            for update in updates:
                found |= {_kind(name, over) for name, over in _joined(subject, tap, update)}
            hidden = {kind for kind in found if not kind.endswith("outputs")}
            layer |= hidden
            outputs |= found - hidden
            values.append(float(len(hidden)))
        parts = [", ".join(sorted(layer)), ", ".join(sorted(outputs))]
        return Measured(tuple(values), "; ".join(part for part in parts if part))


def _kind(name: str, over: str) -> str:
    return f"{name.strip('_')} over {over}"


def _joined(subject: Subject, tap: Tap, update: object) -> set[tuple[str, str]]:
    """Return operation and population of every reduction of activity among the ancestors of ``update``."""
    n_outputs = subject.network.task.n_outputs
    widths = {synapse.n_out for synapse in subject.network.synapses} - {n_outputs}
    found = set()
    for node in tap.ancestors(tap.node(update)):  # type: ignore[arg-type]
        if node.made_of or not any(part in node.operation for part in _JOINING):
            continue
        for parent in (tap.nodes[place] for place in node.parents):
            if parent.made_of:
                continue
            softmax = any(part in node.operation for part in ("softmax", "layer_norm", "cumsum", "sort"))
            for n in set(parent.shape):  # what is joined over a batch is measured by batch additivity
                if softmax or node.shape.count(n) < parent.shape.count(n):
                    if n in widths:
                        found.add((node.operation, f"{n} units"))
                    elif n == n_outputs:
                        found.add((node.operation, "outputs"))
    return found
