import numpy as np
import pytest
from scipy.stats import pearsonr, rankdata

from brainalign.comparisons.comparators import compare, compare_vectors
from brainalign.comparisons.rsa import RSA
from brainalign.comparisons.rsa import partial_compare as partial_compare_of_rdms
from brainalign.errors import DataError, SpecError, StimulusMismatchError
from brainalign.rdms import RDMs

N, IDS = 14, tuple(f"s{k}" for k in range(14))


def vectors(n_rdms, seed):
    return np.random.default_rng(seed).random((n_rdms, N * (N - 1) // 2))


def partial_compare(models, brains, nuisance, method):
    """Compare condensed RDMs whose stimuli are in one order."""
    sides = [RDMs(side, IDS, "correlation") for side in (models, brains)]
    return partial_compare_of_rdms(*sides, [RDMs(row, IDS, "correlation") for row in nuisance[:, None]], method)


def correlated(seed=0):
    """Models and brains that share the nuisance RDMs."""
    nuisance = vectors(2, seed)
    return vectors(3, seed + 1) + nuisance[0], vectors(2, seed + 2) + nuisance.sum(axis=0), nuisance


@pytest.mark.parametrize("method", ["corr", "spearman"])
def test_partial_equals_the_correlation_of_regression_residuals(method):
    models, brains, nuisance = correlated()
    found = partial_compare(models, brains, nuisance, method)
    rank = (lambda v: rankdata(v, axis=1)) if method == "spearman" else (lambda v: v)
    design = np.column_stack([np.ones(models.shape[1]), rank(nuisance).T])

    def residual(v):
        return v - design @ np.linalg.lstsq(design, v, rcond=None)[0]

    for i, model in enumerate(rank(models)):
        for j, brain in enumerate(rank(brains)):
            assert found[i, j] == pytest.approx(pearsonr(residual(model), residual(brain))[0], abs=1e-10)
    assert np.abs(found).max() < np.abs(compare_vectors(models, brains, method)).max() - 0.1


@pytest.mark.parametrize("method", ["corr", "spearman"])
def test_semipartial_leaves_the_brain_as_it_is(method):
    models, brains, nuisance = correlated()
    sides = [RDMs(side, IDS, "correlation") for side in (models, brains)]
    held = dict(zip("ab", (RDMs(row, IDS, "correlation") for row in nuisance[:, None]), strict=True))
    found = RSA(comparator=method, partial=("a", "b"), semi=True).score(*sides, held)
    rank = (lambda v: rankdata(v, axis=1)) if method == "spearman" else (lambda v: v)
    design = np.column_stack([np.ones(models.shape[1]), rank(nuisance).T])
    left = [model - design @ np.linalg.lstsq(design, model, rcond=None)[0] for model in rank(models)]
    expected = [[pearsonr(model, brain)[0] for brain in rank(brains)] for model in left]
    np.testing.assert_allclose(found, expected, atol=1e-10)
    assert np.abs(found - RSA(comparator=method, partial=("a", "b")).score(*sides, held)).max() > 0.01


@pytest.mark.parametrize("method", ["corr", "spearman"])
def test_one_nuisance_equals_the_closed_form(method):
    models, brains, nuisance = correlated(3)
    one = nuisance[:1]
    xy = compare_vectors(models, brains, method)
    xz, yz = compare_vectors(models, one, method), compare_vectors(brains, one, method).T
    expected = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    np.testing.assert_allclose(partial_compare(models, brains, one, method), expected, atol=1e-12)


def test_no_nuisance_and_repeated_nuisance_change_nothing_more():
    models, brains, nuisance = correlated(6)
    none = partial_compare(models, brains, np.empty((0, models.shape[1])), "corr")
    np.testing.assert_allclose(none, compare_vectors(models, brains, "corr"))
    twice = np.concatenate([nuisance, 2 * nuisance + 1])
    np.testing.assert_allclose(
        partial_compare(models, brains, twice, "corr"), partial_compare(models, brains, nuisance, "corr"), atol=1e-10
    )


def test_a_model_that_is_the_nuisance_is_refused():
    _, brains, nuisance = correlated()
    with pytest.raises(DataError, match="RDM 0 of the model RDMs is a linear function of the nuisance"):
        partial_compare(3 * nuisance[:1] + 2, brains, nuisance, "corr")


@pytest.mark.parametrize("method", ["cosine", "rho-a", "tau-a"])
def test_methods_without_a_partial_form_are_refused(method):
    models, brains, nuisance = correlated()
    with pytest.raises(SpecError, match=f"{method!r} has no partial form"):
        partial_compare(models, brains, nuisance, method)
    with pytest.raises(SpecError, match=f"{method!r} has no partial form"):
        RSA(comparator=method, partial=("pixels",))
    assert RSA(comparator=method).label.endswith(method)


def test_labels():
    assert RSA().label == "rsa spearman"
    assert (
        RSA("squared_euclidean", "corr", ("pixels", "gabor")).label
        == "rsa corr of squared euclidean distances given pixels, gabor"
    )
    for wrong in ({"dissimilarity": "manhattan"}, {"comparator": "kendall"}):
        with pytest.raises(SpecError, match="Unknown"):
            RSA(**wrong)


def test_score_joins_layers_brains_and_nuisance_on_ids():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2, N, 30))
    brain = RDMs(vectors(3, 9), IDS, "correlation", {"subject": ("a", "b", "c")})
    pixels = {"pixels": RDMs(vectors(1, 8), IDS, "correlation"), "gabor": RDMs(vectors(1, 7), IDS, "correlation")}
    order = list(rng.permutation(IDS))
    for measure in (RSA(), RSA(comparator="corr", partial=("pixels",))):
        layers = measure.rdms(features, IDS, sets=True)
        expected = measure.score(layers, brain, pixels)
        assert expected.shape == (2, 3)
        moved = {name: rdm.subset(order[::-1]) for name, rdm in pixels.items()}
        np.testing.assert_allclose(measure.score(layers, brain.subset(order), moved), expected, atol=1e-12)
        with pytest.raises(StimulusMismatchError):
            measure.score(layers, brain.subset(order[:6]), pixels)
    np.testing.assert_allclose(RSA().score(layers, brain), compare(layers, brain, "spearman"))


def test_missing_or_many_nuisance_rdms_are_named():
    brain = RDMs(vectors(2, 9), IDS, "correlation")
    measure = RSA(partial=("pixels",))
    with pytest.raises(SpecError, match="0 RDMs named 'pixels', expected one; nuisance RDMs given: gabor"):
        measure.score(brain, brain, {"gabor": brain})
    with pytest.raises(SpecError, match="2 RDMs named 'pixels'"):
        measure.score(brain, brain, {"pixels": brain})
