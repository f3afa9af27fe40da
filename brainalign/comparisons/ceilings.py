"""Every noise ceiling that a set of recordings admits, and the reason for each that it does not."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from brainalign.comparisons.ceiling import Ceiling, jackknife_interval
from brainalign.comparisons.comparators import compare
from brainalign.comparisons.description import GEOMETRY, PREDICTION
from brainalign.comparisons.ncsnr import explainable_share
from brainalign.comparisons.split_half import rdm_split_half_ceiling, split_half_ceiling
from brainalign.condensed import Condensed
from brainalign.errors import DataError
from brainalign.rdms import RDMs, by_subject
from brainalign.recordings.recording import Recording
from brainalign.resampling.left_out import left_out_ceilings, left_out_pairs, units_of

BETWEEN = "between subjects"
VARIANCE = "variance of repeats"
REFERENCE = "brain to brain"
# pairs of subjects without each one
_FEWEST = 3


def rsa_ceiling(rdms: RDMs, method: str) -> Ceiling:
    """Return the ceiling of RSA between subjects, see :func:`brainalign.comparisons.noise_ceiling.noise_ceiling`.

    The interval of the lower bound is over subjects and stimuli: the variance over subjects and the jackknife variance
    over stimuli, the part that both hold taken once.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> rdms = RDMs(rng.random(45) + rng.random((5, 45)), tuple(map(str, range(10))), "correlation")
    >>> rsa_ceiling(rdms, "corr").upper > rsa_ceiling(rdms, "corr").lower
    True
    """
    from scipy.stats import t

    rdms = by_subject(rdms)
    if len(rdms) < 2:
        return Ceiling.inestimable(BETWEEN, f"two subjects or more are needed, there is {len(rdms)}")
    n_subjects, n = len(rdms), len(rdms.stimulus_ids)
    units, counted = units_of(None, n)
    rows = Condensed.of(rdms)
    lower, upper = left_out_ceilings(left_out_pairs(method, rows, units, counted), rows, units, counted)
    mean, each = lower[0].mean(), lower[1:]
    stimuli = (n - 1) / n * ((each.mean(axis=1) - each.mean()) ** 2).sum()
    subjects = lower[0].var(ddof=1) / n_subjects
    own = each - each.mean(axis=1, keepdims=True)
    both = (n - 1) / n * ((own - own.mean(axis=0)) ** 2).sum() / (n_subjects * (n_subjects - 1))
    variance = max(subjects + stimuli - both, subjects, stimuli)
    dof = (subjects + stimuli) ** 2 / (subjects**2 / (n_subjects - 1) + stimuli**2 / (n - 1))
    width = float(t.ppf(0.975, dof) * np.sqrt(variance))
    mean = float(mean)
    return Ceiling(
        kind=BETWEEN,
        lower=mean,
        upper=float(upper[0].mean()),
        low=mean - width,
        high=mean + width,
        scope="subjects and stimuli",
    )


def brain_to_brain(rdms: RDMs, method: str) -> Ceiling:
    """Return how well the RDM of one subject does as a model of another, the mean over ordered pairs of subjects.

    A model that scores as much is within what differs between brains (Feather et al. 2025, arXiv:2502.16238). It is no
    bound: a model of what subjects share scores more than a noisy subject does. The interval is over subjects
    (jackknife).
    """
    rdms = by_subject(rdms)
    n = len(rdms)
    if n < _FEWEST:
        return Ceiling.inestimable(REFERENCE, f"{_FEWEST} subjects or more are needed, there are {n}")
    alike = compare(rdms, rdms, method)
    np.fill_diagonal(alike, 0.0)
    value = float(alike.sum() / (n * (n - 1)))
    without = (alike.sum() - alike.sum(axis=0) - alike.sum(axis=1)) / ((n - 1) * (n - 2))
    low, high = jackknife_interval(value, without)
    return Ceiling(kind=REFERENCE, lower=value, upper=value, low=low, high=high, scope="subjects")


def variance_ceiling(recording: Recording, roi: str | None = None) -> Ceiling:
    """Return the correlation with mean responses that the true model could reach, from the variance of repeats.

    The root of the mean over targets of the share of variance that is signal, for the repeats there are; the interval
    is over stimuli. Unlike ``response_ceiling`` of the study tables it has one noise variance for all stimuli of a
    target.
    """
    try:
        value = _root(explainable_share(recording, roi))
    except DataError as error:
        return Ceiling.inestimable(VARIANCE, str(error))
    ids = np.asarray(recording.stimulus_ids)
    without = [_root(explainable_share(recording.drop_trials(ids == one), roi)) for one in dict.fromkeys(ids)]
    low, high = jackknife_interval(value, np.array(without))
    return Ceiling(kind=VARIANCE, lower=value, upper=value, low=low, high=high, scope="stimuli")


def ceilings_table(
    rdms: RDMs | None, recordings: Sequence[Recording], method: str, roi: str | None = None
) -> pd.DataFrame:
    """Return every ceiling of one ROI: a row each, those that cannot be estimated with the reason.

    Parameters
    ----------
    rdms
        RDMs of subjects, or ``None``.
    recordings
        Trials of subjects, one time each; none where only RDMs were published.
    method
        The comparator of RSA.
    roi
        ROI of the recordings.

    Returns
    -------
    pandas.DataFrame
        ``measure_kind`` (geometry or prediction), ``subject`` (empty for all), and the fields of :class:`Ceiling`.
    """
    rows: list[dict[str, object]] = []
    if rdms is not None:
        of_all = rsa_ceiling(rdms, method), brain_to_brain(rdms, method)
        rows += [{"measure_kind": GEOMETRY, "subject": "", **vars(one)} for one in of_all]
    for one in recordings:
        within = {
            GEOMETRY: (rdm_split_half_ceiling(one, method, roi),),
            PREDICTION: (split_half_ceiling(one, roi), variance_ceiling(one, roi)),
        }
        for name, held in within.items():
            rows += [{"measure_kind": name, "subject": one.subject, **vars(ceiling)} for ceiling in held]
    return pd.DataFrame(rows)


def _root(share: np.ndarray) -> float:
    mean = float(np.nanmean(share))
    return float(np.sign(mean) * np.sqrt(abs(mean)))
