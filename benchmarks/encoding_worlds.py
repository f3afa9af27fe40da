"""A simulated world for encoding models in which two rules are equal, with fewer or more features than stimuli."""

import numpy as np

from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.prepared import Prepared
from brainalign.patterns import Patterns
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws

N_LATENT, N_TARGETS = 8, 8
ENCODING = Encoding(alphas=tuple(float(one) for one in np.logspace(-3, 2, 8)), n_inner_folds=3, solver="kernel")


def layers_and_responses(
    n_stimuli: int, n_features: int, n_seeds: int, rng: np.random.Generator
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return features of rule A's seeds, then rule B's, and the responses of one subject.

    Rule A sees one half of the latent dimensions and rule B the other, each a little of the rest as its seed happens to
    give it; each target has a twin with the halves exchanged, so that expected scores are equal. The features of a rule
    are much alike in all its seeds, so that seeds do not stand for other training stimuli. They are rectified where
    there are more of them than stimuli.
    """
    latent = rng.standard_normal((n_stimuli, N_LATENT))
    weights = rng.standard_normal((N_LATENT, N_TARGETS // 2))
    weights = np.concatenate([weights, np.roll(weights, N_LATENT // 2, axis=0)], axis=1)
    responses = latent @ weights + 2.0 * rng.standard_normal((n_stimuli, N_TARGETS))
    layers = []
    for half in range(2):
        own, other = np.split(latent, 2, axis=1)[:: 1 if half == 0 else -1]
        mixing, bias = rng.standard_normal((N_LATENT, n_features)) / 2, rng.standard_normal(n_features)
        for _ in range(n_seeds):
            seen = np.concatenate([own, abs(rng.normal(0, 0.1)) * other], axis=1)
            features = seen @ (mixing + 0.2 * rng.standard_normal(mixing.shape)) + bias
            layers.append(np.maximum(features, 0) if n_features > n_stimuli else features)
    return layers, responses


def scored(layers: list[np.ndarray], responses: np.ndarray, kind: str, seed: int = 0) -> ScoreDraws:
    """Return the encoding scores of all layers with those of samples of stimuli."""
    ids = tuple(map(str, range(len(responses))))
    n_targets = responses.shape[1]
    prepared = Prepared(("subject",), (0.0,), ids, n_targets, None, None, (responses[:, :, None],))
    patterns = [Patterns(one, ids, "layer") for one in layers]
    return next(iter(ENCODING.draws(patterns, prepared, Samples(kind, 200, seed))))
