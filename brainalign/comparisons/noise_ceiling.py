"""What the best possible model could score, given how much subjects differ."""

from dataclasses import dataclass

import numpy as np

from brainalign.comparisons.comparators import check_comparator, compare_vectors, standardise
from brainalign.errors import DataError
from brainalign.rdms import RDMs, by_subject
from brainalign.resampling.sign_pairs import majority_agreement


@dataclass(frozen=True, eq=False)
class NoiseCeiling:
    """Bounds on the mean score over subjects that the true model could reach.

    Parameters
    ----------
    lower
        Mean over subjects of how well the other subjects' pooled RDM does; in the units of the comparator.
    upper
        Mean over subjects of how well the pooled RDM of all, the subject included, does.
    lower_by_subject
        ``(n_subjects,)``, whose mean is ``lower``.
    """

    lower: float
    upper: float
    lower_by_subject: np.ndarray


def noise_ceiling(rdms: RDMs, method: str) -> NoiseCeiling:
    """Return the noise ceiling of one RDM per subject.

    ``lower = mean_s cmp(d_s, pool(all but s))``, ``upper = mean_s cmp(d_s, pool(all))``, with the pool that is
    best for the comparator (:func:`brainalign.comparisons.comparators.pool`); Nili et al. 2014, PLoS Comput Biol
    10:e1003553. For ``"tau-a"`` the upper bound is the agreement with the order that most subjects have of two pairs of
    stimuli, for any two: no RDM can do better, while mean ranks can be beaten. With few subjects the bracket is wide:
    it shrinks as 1/n_subjects.

    Parameters
    ----------
    rdms
        RDMs of subjects; those under one descriptor ``"subject"`` are averaged first, so that two sessions of one
        person do not count as two people.
    method
        A comparator.

    Raises
    ------
    SpecError
        If the method is unknown.
    DataError
        If there is one subject only, or an RDM is constant.
    """
    check_comparator(method)
    rdms = by_subject(rdms)
    if len(rdms) < 2:
        msg = (
            f"A noise ceiling needs the RDMs of >= 2 subjects, got {len(rdms)}; "
            'declare subjects = "fixed" and read scores without a ceiling.'
        )
        raise DataError(msg)
    vectors = rdms.dissimilarities
    scaled = standardise(vectors, method, rdms.rounding)
    total = scaled.sum(axis=0)
    if method == "tau-a":
        upper = majority_agreement(scaled)
    else:
        upper = compare_vectors(vectors, total / len(rdms), method, (rdms.rounding, None))
    lower = [
        compare_vectors(own, (total - mine) / (len(rdms) - 1), method, (error[None], None))[0, 0]
        for own, mine, error in zip(vectors, scaled, rdms.rounding, strict=True)
    ]
    return NoiseCeiling(float(np.mean(lower)), float(upper.mean()), np.array(lower))
