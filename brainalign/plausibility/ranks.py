"""How the order of rules in a scorecard depends on what one cares about."""

import numpy as np
import pandas as pd

from brainalign.errors import SpecError
from brainalign.randomness import numpy_stream

_WEIGHTINGS = 2000


def rank_distribution(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return how the order of rules depends on what one cares about: ranks by passes under random weights of probes.

    No weighting of criteria is the right one, so none is offered; this draws many, uniform over all (Dirichlet), and
    tells in which share of them each rule has each rank. Only certified probes with a limit count; one that cannot tell
    counts half.

    Returns
    -------
    pandas.DataFrame
        Columns rule, rank_low, rank_median, rank_high (2.5, 50 and 97.5 % of weightings), share_first.
    """
    usable = table[table.certified & table.groupby("probe")["pass"].transform(lambda one: one.notna().any())]
    if usable.empty:
        msg = "No certified probe with a limit is in this scorecard; ranks need at least one."
        raise SpecError(msg)
    score = usable.assign(value=usable["pass"].map({True: 1.0, False: 0.0}).fillna(0.5))
    passes = score.pivot(index="rule", columns="probe", values="value").loc[list(dict.fromkeys(table.rule))]
    weights = numpy_stream(seed, "weightings").dirichlet(np.ones(passes.shape[1]), _WEIGHTINGS)
    totals = np.round(passes.to_numpy() @ weights.T, 12)
    ranks = (
        1
        + (totals[:, None, :] < totals[None, :, :]).sum(1)
        + ((totals[:, None, :] == totals[None, :, :]).sum(1) - 1) / 2
    )
    low, median, high = np.quantile(ranks, [0.025, 0.5, 0.975], axis=1)
    return pd.DataFrame(
        {
            "rule": passes.index, "rank_low": low, "rank_median": median, "rank_high": high,
            "share_first": (ranks == ranks.min(0)).mean(1),
        }
    )  # fmt: skip
