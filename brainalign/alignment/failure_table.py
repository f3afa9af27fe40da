"""Failures as rows."""

from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from brainalign import tables
from brainalign.alignment.failure import Failure


def failure_table(failures: Sequence[Failure]) -> pd.DataFrame:
    """Return one row per failure."""
    if not failures:
        return tables.empty("failures")
    return tables.cast("failures", pd.DataFrame([asdict(one) for one in failures]))
