"""Scores of the populations that can be scored."""

from collections.abc import Callable, Sequence

from brainalign.alignment.align import Alignment, align
from brainalign.alignment.failure import Failure
from brainalign.alignment.instance import Instance
from brainalign.errors import LayerError
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec, ScoringSpec


def align_sound(
    instances: Sequence[Instance],
    source: RecordingSource,
    spec: RecordingSpec,
    scoring: ScoringSpec,
    progress: Callable[[str], None] = lambda text: None,
) -> tuple[Alignment, list[Failure]]:
    """Return the tables of :func:`~brainalign.alignment.align.align` without populations that no measure can score.

    Returns
    -------
    alignment
        Tables of the others.
    failures
        Who was left out, and which layer of it collapsed.

    Raises
    ------
    LayerError
        If nobody is left.
    """
    failures: list[Failure] = []
    while True:
        try:
            return align(instances, source, spec, scoring, progress), failures
        except LayerError as error:
            instances = _without(instances, error)
            stage = "scoring" if error.step is None else "checkpoint"
            failures.append(Failure(error.rule, error.network, stage, source.label, str(error), error.role))
            if not any(one.final for one in instances):
                raise


def _without(instances: Sequence[Instance], error: LayerError) -> list[Instance]:
    """Return the instances without those an error is about.

    An earlier checkpoint goes alone. A final one takes its population along, and the control it started from, which
    stands for no other.
    """

    def about(one: Instance) -> bool:
        own = (one.rule, one.network) == (error.rule, error.network)
        return own and (error.step is None or (one.step == error.step and not one.final))

    return [one for one in instances if not about(one)]
