"""A world in which two rules are equally brain-like, and yet differ on every finite sample.

A stimulus has latent features in two blocks. Subjects use both, with gains of the same distribution; the
population geometry of rule A shows the first block and that of rule B the second. Expected scores are
therefore equal, while on a given sample of stimuli or subjects one block may happen to be favoured. Seeds add
deviations that know no rule.
"""

from dataclasses import dataclass

import numpy as np

from brainalign.inference.contrast import Contrast, contrast
from brainalign.inference.scope import Scope
from brainalign.resampling.pairs_bootstrap import bootstrap_pairs


@dataclass(frozen=True)
class Design:
    n_subjects: int
    n_stimuli: int
    n_seeds: int
    seed_sd: float = 0.5
    subject_sd: float = 0.3
    noise: float = 1.0
    n_features: int = 4


def condensed(features: np.ndarray) -> np.ndarray:
    """Squared Euclidean RDMs (..., n_pairs) of features (..., n_stimuli, n_features)."""
    gram = features @ np.swapaxes(features, -1, -2)
    norm = np.diagonal(gram, axis1=-2, axis2=-1)
    i, j = np.triu_indices(gram.shape[-1], 1)
    return norm[..., i] + norm[..., j] - 2 * gram[..., i, j]


def null_world(design: Design, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return models (2 n_seeds, n_pairs), rule A first, and subjects (n_subjects, n_pairs)."""
    k, d = design.n_stimuli, design.n_features
    blocks = rng.standard_normal((2, k, d))
    gains = 1 + design.subject_sd * rng.standard_normal((design.n_subjects, 2))
    brains = np.concatenate([gains[:, b, None, None] * blocks[b] for b in range(2)], axis=2)
    brains = brains + design.noise * rng.standard_normal(brains.shape)
    models = []
    for block in blocks:
        for _ in range(design.n_seeds):
            mixing = np.eye(d) + design.seed_sd * rng.standard_normal((d, d))
            models.append(block @ mixing)
    return condensed(np.stack(models)), condensed(brains)


@dataclass(frozen=True)
class Trial:
    shipped: Contrast
    subject_t: float
    pair_bootstrap: float
    seeds_as_sample: float


def run_trial(design: Design, number: int, method: str = "corr", n_draws: int = 200) -> Trial:
    """Return the shipped contrast and the p values of three invalid tests on one simulated data set."""
    from scipy.stats import norm, ttest_1samp

    rng = np.random.default_rng([number, design.n_subjects, design.n_stimuli, design.n_seeds])
    models, subjects = null_world(design, rng)
    draws = bootstrap_pairs(models, subjects, method, n_draws, seed=number)
    a = np.arange(design.n_seeds)
    b = a + design.n_seeds
    result = contrast(draws, a, b, Scope(seeds="random" if design.n_seeds > 1 else "fixed"))
    by_subject = draws.observed[a].mean(axis=0) - draws.observed[b].mean(axis=0)
    by_seed = (draws.observed[a] - draws.observed[b]).mean(axis=1)
    se = pair_bootstrap_se(models, subjects, a, b, rng)
    return Trial(
        shipped=result,
        subject_t=float(ttest_1samp(by_subject, 0).pvalue),
        pair_bootstrap=float(2 * norm.sf(abs(result.delta) / se)),
        seeds_as_sample=float(ttest_1samp(by_seed, 0).pvalue) if design.n_seeds > 1 else np.nan,
    )


def pair_bootstrap_se(
    models: np.ndarray, subjects: np.ndarray, a: np.ndarray, b: np.ndarray, rng: np.random.Generator
) -> float:
    """Return the error from resampling RDM entries as if they were independent: wrong on purpose."""
    differences = []
    for _ in range(50):
        entries = rng.integers(0, models.shape[1], models.shape[1])
        r = np.corrcoef(models[:, entries], subjects[:, entries])[: len(models), len(models) :].mean(axis=1)
        differences.append(r[a].mean() - r[b].mean())
    return float(np.std(differences, ddof=1))


def rates(design: Design, n: int, method: str = "corr") -> dict[str, float]:
    """Return the share of p < .05 of each test over ``n`` simulated data sets."""
    trials = [run_trial(design, number, method) for number in range(n)]
    return {
        "shipped": float(np.mean([trial.shipped.p < 0.05 for trial in trials])),
        "subject_t": float(np.mean([trial.subject_t < 0.05 for trial in trials])),
        "pair_bootstrap": float(np.mean([trial.pair_bootstrap < 0.05 for trial in trials])),
        "seeds_as_sample": float(np.mean([trial.seeds_as_sample < 0.05 for trial in trials])),
    }
