"""Fusion of recordings that tell when with recordings that tell where, by the geometry of shared stimuli."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from brainalign.comparisons.ceilings import rsa_ceiling
from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.inference.permutation import permutation_test
from brainalign.inference.scope import MIN_STIMULI
from brainalign.rdms import RDMs, by_subject
from brainalign.recordings.movie import Movie

#: Columns of the table of a fusion.
COLUMNS = ("roi", "time", "score", "p", "p_max", "p_adjusted", "ceiling_lower", "ceiling_upper")


def fuse(
    movie: Movie, regions: Mapping[str, RDMs], method: str = "spearman", n_permutations: int = 5000, seed: int = 0
) -> pd.DataFrame:
    """Return how alike the mean RDM of some people at each time is to those of other people in each region.

    The score is the mean over the subjects of a region (Cichy, Pantazis & Oliva 2016, Cereb Cortex 26:3563). Labels of
    stimuli are permuted, alike at all times, so that the largest score adjusts for them; regions are adjusted for by
    their number. Stimuli and subjects are fixed. The ceiling is that of the region's subjects among each other: what an
    RDM that held their geometry without noise would reach.

    Parameters
    ----------
    movie
        RDMs over time; averaged over subjects.
    regions
        ROI to RDMs of its subjects.
    method
        A comparator that :func:`~brainalign.inference.permutation.permutation_test` takes.
    n_permutations, seed
        Of stimulus labels.

    Returns
    -------
    pandas.DataFrame
        A row for each region and time: score, p, p adjusted for times (``p_max``) and for regions, too
        (``p_adjusted``), lower and upper noise ceiling of the region.

    Raises
    ------
    StimulusMismatchError
        If fewer than ten stimuli are shared.
    SpecError
        If there is no region, or the method is unknown.
    """
    if not regions:
        msg = "Fusion got no region, expected RDMs of one ROI or more."
        raise SpecError(msg)
    rows = []
    for roi, rdms in regions.items():
        held = set(rdms.stimulus_ids)
        shared = [one for one in movie.stimulus_ids if one in held]
        if len(shared) < MIN_STIMULI:
            msg = (
                f"{len(shared)} stimuli are shared by {len(movie.stimulus_ids)} in time and {len(held)} in {roi!r}; "
                f"expected {MIN_STIMULI} or more. Fuse recordings of the same stimuli, under the same ids."
            )
            raise StimulusMismatchError(msg)
        # times stand as models, so that one permutation is that of all times
        mean = RDMs(
            dissimilarities=movie.values.mean(axis=0),
            stimulus_ids=movie.stimulus_ids,
            measure=movie.measure,
            descriptors={},
            rounding=movie.rounding.max(axis=0),
        )
        own = by_subject(rdms.subset(shared))
        found = permutation_test(mean.subset(shared), own, method, n_permutations, seed)
        ceiling = rsa_ceiling(own, method)
        rows.append(
            pd.DataFrame(
                {
                    "roi": roi,
                    "time": movie.times,
                    "score": found.scores,
                    "p": found.p,
                    "p_max": found.p_max,
                    "p_adjusted": np.minimum(1.0, found.p_max * len(regions)),
                    "ceiling_lower": ceiling.lower,
                    "ceiling_upper": ceiling.upper,
                }
            )
        )
    return pd.concat(rows, ignore_index=True)[list(COLUMNS)]
