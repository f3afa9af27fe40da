"""A population that has no scores, and why."""

from dataclasses import dataclass

from brainalign.errors import LayerError
from brainalign.roles import TRAINED


@dataclass(frozen=True)
class Failure:
    """One population, or a part of it, that a study goes on without.

    Parameters
    ----------
    rule, network
        Which.
    stage
        Where it failed: ``"training"``, ``"scoring"``, ``"checkpoint"`` (scoring of an earlier one; the last has
        scores) or ``"display"`` (mean RDMs of figures).
    recording
        Label of the recording it has no scores of; empty where it has none at all.
    reason
        What happened, one line.
    role
        What its networks are, see :data:`brainalign.columns.ROLES`; ``"own_start"`` where those before the first step
        of the rule failed.
    step
        Of the earlier checkpoint that failed; none where all of the population goes.
    """

    rule: str
    network: str
    stage: str
    recording: str
    reason: str
    role: str = TRAINED
    step: int | None = None

    @classmethod
    def of(cls, error: LayerError, recording: str) -> "Failure":
        """Return the failure of a layer that a measure cannot score."""
        stage = "scoring" if error.step is None else "checkpoint"
        return cls(
            rule=error.rule,
            network=error.network,
            stage=stage,
            recording=recording,
            reason=str(error),
            role=error.role,
            step=error.step,
        )
