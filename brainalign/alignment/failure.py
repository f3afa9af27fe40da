"""A population that has no scores, and why."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pandas as pd

from brainalign import tables
from brainalign.columns import TRAINED


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
    """

    rule: str
    network: str
    stage: str
    recording: str
    reason: str
    role: str = TRAINED


def failure_table(failures: Sequence[Failure]) -> pd.DataFrame:
    """Return one row per failure."""
    if not failures:
        return tables.empty("failures")
    return tables.cast("failures", pd.DataFrame([asdict(one) for one in failures]))
