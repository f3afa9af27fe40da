"""P10c: whether a rule needs to know which sample it is shown."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.null_space import relative_change
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import EPOCH, N_TRAIN, Moment, Subject
from brainalign.plausibility.unsupported import Unsupported


@dataclass(frozen=True)
class SampleIdentity(Probe):
    """Change of updates when every sample keeps its content but goes by another index, over more than an epoch."""

    code: ClassVar[str] = "P10c"
    title: ClassVar[str] = "sample identity: change of updates when samples go by other names"
    limit: ClassVar[float] = 1e-8
    passing: ClassVar[Control] = Control("backprop")
    failing: ClassVar[Control] = Control("delayed_feedback")

    def measure(self, subject: Subject) -> Measured:
        """Return one value per instance."""
        values = []
        for seed in subject.seeds:
            state = subject.path(seed)[0].state
            worst = 0.0
            for t, moment in enumerate(subject.path(seed)[: min(EPOCH, subject.horizon)]):
                # A new name at every step, so that what was stored under the old one is somebody else's.
                index = (moment.batch.index + t) % N_TRAIN
                renamed = Moment(moment.params, state, moment.batch._replace(index=index), moment.noise)
                before, after = subject.step(moment), subject.step(renamed)
                if not before.updates:
                    msg = "nothing changes"
                    raise Unsupported(msg)
                worst = max(worst, *(relative_change(u, after.updates[n]) for n, u in before.updates.items()))
                state = subject.moved(renamed, after)[1]
            values.append(worst)
        return Measured(tuple(values))
