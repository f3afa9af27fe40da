"""False positives of the contrast between encoding scores of two rules that are equal in the population."""

import os
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.encoding_worlds import layers_and_responses, scored
from brainalign.comparisons.encoding import Encoding
from brainalign.inference.contrast import contrast
from brainalign.inference.encoding_bootstrap import bootstrap_encoding
from brainalign.inference.scope import Scope
from brainalign.randomness import numpy_stream
from tests.joined import patterns

N_LATENT, N_TARGETS, N_SEEDS = 8, 12, 5
ENCODING = Encoding(alphas=(1e-3, 1e-2, 1e-1, 1.0), n_inner_folds=3, solver="primal")


def _responses(latent: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Targets load on both halves of the latent dimensions; each has a twin with the halves swapped."""
    weights = rng.standard_normal((N_LATENT, N_TARGETS // 2))
    weights = np.concatenate([weights, np.roll(weights, N_LATENT // 2, axis=0)], axis=1)
    return latent @ weights + 2.0 * rng.standard_normal((len(latent), N_TARGETS))


def _features(latent: np.ndarray, half: int, rng: np.random.Generator) -> np.ndarray:
    """A network that sees one half, and of the other as much as its seed happens to give it."""
    own, other = np.split(latent, 2, axis=1)[:: 1 if half == 0 else -1]
    leak = abs(rng.normal(0, 0.4))
    mixed = np.concatenate([own, leak * other], axis=1) @ rng.standard_normal((N_LATENT, 12))
    return mixed + 1.0 * rng.standard_normal(mixed.shape)


def rates(n_sims: int, n_stimuli: int, n_draws: int) -> tuple[float, float]:
    """Return false-positive rates of the shipped contrast and of a t test that takes seeds for the sample."""
    from scipy.stats import ttest_1samp

    hits = np.zeros(2)
    for sim in range(n_sims):
        rng = numpy_stream(sim, "encoding null", n_stimuli)
        latent = rng.standard_normal((n_stimuli, N_LATENT))
        responses = _responses(latent, rng)
        brain = patterns(responses)
        fitted = [
            ENCODING.score(patterns(_features(latent, half, rng)), brain) for half in (0, 1) for _ in range(N_SEEDS)
        ]
        draws = bootstrap_encoding(fitted, brain, n_draws, sim)
        rows = np.arange(N_SEEDS)
        found = contrast(draws, rows, rows + N_SEEDS, Scope(subjects="fixed"))
        by_seed = np.array([one.r.mean() for one in fitted])
        hits += found.p < 0.05, ttest_1samp(by_seed[:N_SEEDS] - by_seed[N_SEEDS:], 0).pvalue < 0.05
    return tuple(hits / n_sims)


@pytest.mark.slow
@pytest.mark.parametrize("n_stimuli", [45, 60, 120])
def test_false_positives_are_at_most_nominal(n_stimuli: int) -> None:
    n_sims = int(os.environ.get("BRAINALIGN_SIMULATIONS", "500"))
    limit = 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / n_sims)
    shipped, seeds_as_sample = rates(n_sims, n_stimuli, 200)
    assert 0.01 <= shipped <= limit
    if n_stimuli == 45:
        assert seeds_as_sample > limit  # a test that ignores stimuli is caught, so the check can fail


def _contrasts(number: int, n_features: int, n_stimuli: int = 60, n_seeds: int = 3):
    """Return the contrast of equal rules with the variance of the training stimuli, and without it."""
    layers, responses = layers_and_responses(
        n_stimuli, n_features, n_seeds, np.random.default_rng([number, n_features])
    )
    draws, rows = scored(layers, responses, "leave_one_out"), np.arange(n_seeds)
    return [
        contrast(one, rows, rows + n_seeds, Scope(subjects="fixed")) for one in (draws, replace(draws, training=None))
    ]


def test_the_training_stimuli_count_where_features_outnumber_them() -> None:
    with_training, without = _contrasts(0, 150)
    assert with_training.delta == without.delta
    assert with_training.se_stimuli > 1.05 * without.se_stimuli
    few, few_without = _contrasts(0, 12)
    assert few.se == few_without.se


@pytest.mark.slow
def test_false_positives_where_features_outnumber_stimuli() -> None:
    n_sims = int(os.environ.get("BRAINALIGN_SIMULATIONS", "400"))
    limit = 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / n_sims)
    hits = np.array([[one.p < 0.05 for one in _contrasts(number, 150)] for number in range(n_sims)])
    shipped, conditional = hits.mean(axis=0)
    assert shipped <= limit
    assert conditional > shipped
