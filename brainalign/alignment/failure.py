"""A population that has no scores, and why."""

from dataclasses import astuple, dataclass, fields

import pandas as pd


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
    """

    rule: str
    network: str
    stage: str
    recording: str
    reason: str


#: Columns of ``failures.csv``.
FAILURES = tuple(f.name for f in fields(Failure))


def failure_table(failures: tuple[Failure, ...] | list[Failure]) -> pd.DataFrame:
    """Return one row per failure, with :data:`FAILURES`."""
    return pd.DataFrame([astuple(one) for one in failures], columns=list(FAILURES))
