"""Variance of a mean score, or of a difference of two, from the scores without each stimulus."""

import numpy as np

from brainalign.inference.scope import Scope
from brainalign.inference.score_variance import ScoreVariance
from brainalign.inference.student import satterthwaite


def left_out_variance(
    scores: np.ndarray, without: np.ndarray, scope: Scope, n_strata: int = 1, seed_dof: float | None = None
) -> ScoreVariance:
    """Return the variance of the mean over seeds and subjects; each factor and interaction counts once.

    With ``d[s, i]`` the score of seed s (of n) and subject i (of N), ``d_k`` the same without stimulus k (of K), and
    ``J(x) = (K - 1) / K sum_k (x_k - mean x)^2``:

    - subjects: ``V_sub = var_i(mean_s d) / N``; seeds: ``V_see = var_s(mean_i d) / n``; stimuli:
      ``V_sti = J(mean_{s, i} d_k)``;
    - what stimuli share with subjects is in two of these, and what they share with seeds:
      ``I_sub = sum_i J(m_i - mean_i m_i) / (N (N - 1))`` with ``m_i = mean_s d_k[., i]``, and ``I_see`` likewise;
    - ``V = max(V_sub + V_sti + V_see - I_sub - I_see, V_sub, V_sti, V_see)``, factors that are fixed left out. Degrees
      of freedom by Satterthwaite over the three.

    Parameters
    ----------
    scores
        ``(n_seeds, n_subjects)``.
    without
        ``(n_units, n_seeds, n_subjects)``.
    scope
        What is random.
    n_strata
        Strata within which stimuli were drawn (folds of an encoding model): ``K - n_strata`` degrees of freedom.
    seed_dof
        Degrees of freedom of seeds, ``n - 1`` unless given.

    Returns
    -------
    ScoreVariance
        With ``total`` over all random factors, seeds included; NaN where a score is not finite.
    """
    n_units, (n_seeds, n_subjects) = len(without), scores.shape
    if not (np.isfinite(scores).all() and np.isfinite(without).all()):
        return ScoreVariance(np.nan, np.nan, np.nan, np.nan, np.nan)
    random = {
        "subjects": scope.subjects == "random" and n_subjects > 1,
        "stimuli": scope.stimuli == "random",
        "seeds": scope.seeds == "random" and n_seeds > 1,
    }
    by_subject, by_seed = without.mean(axis=1), without.mean(axis=2)
    parts = {
        "subjects": scores.mean(axis=0).var(ddof=1) / n_subjects if random["subjects"] else 0.0,
        "stimuli": float(_jackknife(by_subject.mean(axis=1))) if random["stimuli"] else 0.0,
        "seeds": scores.mean(axis=1).var(ddof=1) / n_seeds if random["seeds"] else 0.0,
    }
    shared = sum(
        _interaction(margin)
        for factor, margin in (("subjects", by_subject), ("seeds", by_seed))
        if random[factor] and random["stimuli"]
    )
    variances = [float(part) for part in parts.values()]
    total = max(sum(variances) - shared, *variances)
    seeds = n_seeds - 1.0 if seed_dof is None else seed_dof
    dof = satterthwaite(variances, [max(1.0, n_subjects - 1.0), float(n_units - n_strata), max(1.0, seeds)])
    subjects, stimuli, of_seeds = (
        part if random[factor] else np.nan for factor, part in zip(parts, variances, strict=True)
    )
    return ScoreVariance(total, subjects, stimuli, dof if total > 0 else np.inf, of_seeds)


def _jackknife(without: np.ndarray) -> np.ndarray:
    """Return the jackknife variance over the first axis."""
    n = len(without)
    return (n - 1) / n * ((without - without.mean(axis=0)) ** 2).sum(axis=0)


def _interaction(margin: np.ndarray) -> float:
    """Return the part of the variance that stimuli share with a factor, of ``(n_units, n_levels)``."""
    n = margin.shape[1]
    return float(_jackknife(margin - margin.mean(axis=1, keepdims=True)).sum()) / (n * (n - 1))
