"""RSA with weights: held-out pairs only, non-negative, and worlds whose weights are known."""

import numpy as np
import pytest

from brainalign.comparisons.prepared import Prepared
from brainalign.comparisons.rdm_regression import RDMRegression
from brainalign.comparisons.rsa import RSA, partial_compare
from brainalign.comparisons.weighted_rsa import WeightedRSA
from brainalign.errors import DataError, SpecError
from brainalign.patterns import Patterns
from brainalign.rdms import RDMs, compute_rdms, concatenate
from brainalign.recordings.movie import Movie
from brainalign.resampling.samples import Samples

N = 48
IDS = tuple(f"s{k}" for k in range(N))


def world(seed: int = 0, noise: float = 0.5) -> tuple[Patterns, RDMs]:
    """A brain that weighs two of twelve features of a layer, which are small in the layer."""
    rng = np.random.default_rng(seed)
    scale = np.array([0.5, 0.5, *np.linspace(3, 1, 10)])
    x = rng.normal(size=(N, 12))
    layer = Patterns(x * scale, IDS, "Layer")
    brains = [
        compute_rdms(x[:, :2] + noise * rng.normal(size=(N, 2)), IDS, "squared_euclidean", {"subject": (f"p{k}",)})
        for k in range(2)
    ]
    return layer, concatenate(brains)


def test_weights_find_what_a_brain_weighs_on_stimuli_that_were_held_out() -> None:
    layer, brains = world()
    plain = RSA("squared_euclidean", "corr").score(compute_rdms(layer.values, IDS, "squared_euclidean"), brains)[0]
    found = WeightedRSA().score(layer, brains)
    assert (found > 0.3).all()
    assert (plain < 0.2).all()


def test_unrelated_layers_score_0_on_average() -> None:
    found = []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        layer = Patterns(rng.normal(size=(N, 30)), IDS, "Layer")
        brain = compute_rdms(rng.normal(size=(N, 5)), IDS, "squared_euclidean")
        found.append(WeightedRSA().score(layer, brain)[0])
    assert abs(np.mean(found)) < 3.5 * np.std(found) / 5


def test_no_response_to_a_test_stimulus_reaches_its_prediction() -> None:
    layer, brains = world()
    measure, units = WeightedRSA(), np.arange(N)
    folds = measure.folds(units)
    brain = brains.matrices()[0]
    changed = brain.copy()
    own = folds == 0
    changed[own] += 5 * np.random.default_rng(0).random((int(own.sum()), N))
    changed[:, own] = changed[own].T
    before, after = (measure.predicted(layer.values, one, folds, units) for one in (brain, changed))
    np.testing.assert_allclose(before[np.ix_(own, own)], after[np.ix_(own, own)], atol=1e-12)
    assert np.abs(before - after).max() > 0.01
    assert (before[np.ix_(own, ~own)] == 0).all()


@pytest.mark.parametrize("kind", ["bootstrap", "leave_one_out"])
def test_draws_are_scores_of_the_pairs_that_are_left(kind: str) -> None:
    layer, brains = world(1)
    measure = WeightedRSA()
    movie = Movie.of_rdms(brains)
    prepared = Prepared(movie.subjects, movie.times, IDS, 0, None, None, movie)
    (found,) = measure.draws([measure.layer(layer)], prepared, Samples(kind, 20, 1))
    np.testing.assert_allclose(found.observed[0], measure.score(layer, brains), atol=1e-8)
    folds, units = measure.folds(np.arange(N)), np.arange(N)
    brain = brains.matrices()[0]
    predicted = measure.predicted(measure.layer(layer).values, brain, folds, units)
    for draw in (0, 7):
        counts, z = found.stimulus_counts[draw], []
        for fold in range(3):
            own = np.repeat(units, counts)[folds[np.repeat(units, counts)] == fold]
            i, j = np.triu_indices(len(own), 1)
            i, j = own[i][own[i] != own[j]], own[j][own[i] != own[j]]
            z.append(np.arctanh(np.corrcoef(predicted[i, j], brain[i, j])[0, 1]))
        assert found.draws[draw, 0, 0] == pytest.approx(np.tanh(np.mean(z)), abs=1e-9)


def test_too_few_stimuli_are_refused() -> None:
    layer, brains = world()
    with pytest.raises(SpecError, match="12 stimuli for n_folds = 3"):
        WeightedRSA().score(layer, brains.subset(IDS[:12]))


def models(seed: int = 0) -> tuple[dict[str, RDMs], RDMs]:
    rng = np.random.default_rng(seed)
    a, b, c = (compute_rdms(rng.normal(size=(20, 6)), IDS[:20], "squared_euclidean") for _ in range(3))
    brain = 0.7 * a.dissimilarities + 0.3 * b.dissimilarities + 0.1 * rng.random((2, 190))
    return {"a": a, "b": b, "c": c}, RDMs(brain, IDS[:20], "x")


@pytest.mark.parametrize("method", ["corr", "corr_cov", "spearman"])
def test_regression_of_rdms_finds_the_weights_and_what_each_model_owns(method: str) -> None:
    held, brain = models()
    found = RDMRegression.fit(held, brain, method)
    assert (found.weights[:, 0] > found.weights[:, 1]).all()
    assert (found.weights[:, 2] < 0.1).all()
    assert (found.r2 > 0.9 if method != "spearman" else found.r2 > 0.8).all()
    assert (found.unique[:, 0] > found.unique[:, 1]).all()
    assert (found.unique[:, 2] < 0.02).all()
    expected = partial_compare(held["a"], brain, [held["b"], held["c"]], method)[0]
    np.testing.assert_allclose(found.partial[:, 0], expected, atol=1e-9)


def test_regression_equals_least_squares_and_squared_correlation() -> None:
    held, brain = models(1)
    free = RDMRegression.fit(held, brain, "corr", nonnegative=False)
    design = np.column_stack([np.ones(190), *(one.dissimilarities[0] for one in held.values())])
    y = brain.dissimilarities[0]
    residual = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    assert free.r2[0] == pytest.approx(1 - residual.var() / y.var())
    one = RDMRegression.fit({"a": held["a"]}, brain, "corr")
    r = np.corrcoef(held["a"].dissimilarities[0], y)[0, 1]
    assert one.r2[0] == pytest.approx(r**2)
    assert one.unique[0, 0] == pytest.approx(r**2)
    turned = {"a": held["a"], "less": RDMs(1 - held["b"].dissimilarities, IDS[:20], "x")}
    assert RDMRegression.fit(turned, brain, "corr").weights[:, 1].max() < 1e-9
    with pytest.raises(DataError, match=r"'b' is a linear function|'a' is a linear function"):
        RDMRegression.fit({"a": held["a"], "b": held["a"]}, brain)
