"""A simulated world of responses for every measure in which two rules are equal, scored as a study scores them.

Stimuli have eight latent features in two halves and three nuisance features, which the low-level control shows. Rule A
shows one half and rule B the other, each a little of the rest as its seed happens to give it, through one mixing that
both rules share; each channel of a subject has a twin with the halves exchanged. So rules are equal whatever the
mixing. In a world of noise responses know nothing of the stimuli.
"""

from typing import Any

import numpy as np

from benchmarks.worlds import World
from brainalign.comparisons.comparison import comparison
from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.layer_choice import LayerChoice
from brainalign.comparisons.prepared import Prepared
from brainalign.condensed import Condensed
from brainalign.dissimilarities.gram import gram
from brainalign.patterns import Patterns
from brainalign.rdms import compute_rdms
from brainalign.recordings.movie import Movie
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws

N_LATENT, N_NUISANCE, N_CHANNELS = 8, 3, 8

#: Measures, with options where those by default take long.
MEASURES: dict[str, dict[str, Any]] = {
    "encoding": {},
    "linear_cka": {},
    "procrustes": {},
    "cca": {"n_components": 3},
    "regression_rsa": {"controls": ("pixels",), "dissimilarity": "squared_euclidean"},
    "pls": {"components": (2, 4, 8), "n_inner_folds": 3},
    "two_way_identification": {},
    "weighted_rsa": {"ridges": (0.1, 1.0), "n_components": 8},
    "unique_encoding": {"controls": ("pixels",), "n_iter": 4, "n_inner_folds": 3},
    "banded_ridge": {"controls": ("pixels",), "n_iter": 4, "n_inner_folds": 3},
    "layer_choice": {"alphas": (0.01, 0.1, 1.0, 10.0), "n_inner_folds": 3, "solver": "kernel"},
}


def made(world: World, rng: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """Return features of rule A's seeds, then rule B's; responses of each subject; and the low-level control."""
    n, p = world.n_stimuli, world.n_features
    latent, nuisance = rng.standard_normal((n, N_LATENT)), rng.standard_normal((n, N_NUISANCE))
    subjects = []
    for _ in range(world.n_subjects):
        gains = np.repeat(1 + world.subject_sd * rng.standard_normal(2), N_LATENT // 2)
        weights = rng.standard_normal((N_LATENT, N_CHANNELS // 2))
        weights = np.concatenate([weights, np.roll(weights, N_LATENT // 2, axis=0)], axis=1)
        signal = (latent * gains) @ weights + nuisance @ rng.standard_normal((N_NUISANCE, N_CHANNELS))
        if world.kind.endswith("noise"):
            signal = np.zeros_like(signal)
        subjects.append(signal + 2 * world.noise * rng.standard_normal((n, N_CHANNELS)))
    mixing = rng.standard_normal((N_LATENT + N_NUISANCE, p)) / 2
    bias, layers = rng.standard_normal(p), []
    for half in range(2):
        own, other = np.split(latent, 2, axis=1)[:: 1 if half == 0 else -1]
        for _ in range(world.n_seeds):
            seen = np.concatenate([own, abs(rng.normal(0, 0.1)) * other, 0.5 * nuisance], axis=1)
            features = seen @ (mixing + 0.2 * rng.standard_normal(mixing.shape)) + bias
            layers.append(np.maximum(features, 0) if p > n else features)
    return layers, subjects, nuisance


def measured(name: str, world: World, rng: np.random.Generator) -> ScoreDraws:
    """Return the scores of one simulated data set by a measure, and those without each stimulus."""
    measure: Any = comparison(name, dict(MEASURES[name]))
    features, subjects, nuisance = made(world, rng)
    ids = tuple(map(str, range(world.n_stimuli)))
    layers = [Patterns(one, ids, "layer") for one in features]
    if measure.of_networks:
        # an early layer that both rules share, and the one that tells them apart
        early = Patterns(features[0] + features[-1], ids, "early")
        small = [measure.network({"early": early, "late": one}) for one in layers]
    else:
        small = [measure.layer(one) for one in layers]
    prepared = _prepared(name, ids, subjects, Patterns(nuisance, ids, "pixels"))
    return next(iter(measure.draws(small, prepared, Samples("leave_one_out"))))


def choosing(world: World, rng: np.random.Generator, n_layers: int = 4) -> tuple[ScoreDraws, ScoreDraws]:
    """Return scores of networks of noise at the layer chosen in training stimuli, and at the best of all stimuli."""
    _, subjects, nuisance = made(world, rng)
    ids = tuple(map(str, range(world.n_stimuli)))
    shown = [
        {f"layer {k}": Patterns(rng.standard_normal((world.n_stimuli, world.n_features)), ids) for k in range(n_layers)}
        for _ in range(world.n_seeds)
    ]
    prepared = _prepared("layer_choice", ids, subjects, Patterns(nuisance, ids, "pixels"))
    nested = LayerChoice(**MEASURES["layer_choice"])
    plain = Encoding(**MEASURES["layer_choice"])
    samples = Samples("leave_one_out")
    best = []
    for layers in shown:
        each = next(iter(plain.draws(list(layers.values()), prepared, samples)))
        best.append(each.rows([int(each.observed.mean(axis=1).argmax())]))
    return next(iter(nested.draws(shown, prepared, samples))), ScoreDraws.stack_models(best)


def _prepared(name: str, ids: tuple[str, ...], subjects: list[np.ndarray], control: Patterns) -> Prepared:
    people = tuple(f"s{k}" for k in range(len(subjects)))
    if name in ("linear_cka", "weighted_rsa", "regression_rsa"):
        movie = Movie.joined([
            Movie.of_means(one[:, :, None], ids, "squared_euclidean", who, (0.0,), who)
            for who, one in zip(people, subjects, strict=True)
        ])  # fmt: skip
        held = compute_rdms(control.values, ids, "squared_euclidean")
        content: Any = (movie, [Condensed.of(held)]) if name == "regression_rsa" else movie
        return Prepared(people, (0.0,), ids, 0, None, None, content)
    responses = tuple(one[:, :, None] for one in subjects)
    content = (responses, [gram(control.values, columns=True)]) if name in _BESIDE else responses
    return Prepared(people, (0.0,), ids, len(people) * N_CHANNELS, None, None, content)


_BESIDE = ("unique_encoding", "banded_ridge")
