"""Equal distances stay equal, and equal numbers constant, however they were computed."""

import itertools

import numpy as np
import pytest
from scipy.stats import spearmanr

from brainalign.comparisons.comparators import COMPARATORS, compare, compare_vectors
from brainalign.comparisons.noise_ceiling import noise_ceiling
from brainalign.dissimilarities.dissimilarity import dissimilarities
from brainalign.errors import DataError
from brainalign.inference.permutation import permutation_test
from brainalign.inference.rsa_bootstrap import bootstrap_rsa
from brainalign.rdms import RDMs, compute_rdms
from brainalign.rounding import is_constant, mid_ranks, tie_bounds
from tests.joined import ids, rdms

#: Dissimilarities of mean patterns.
OF_MEANS = [name for name, one in dissimilarities().items() if one.needs == "means"]


RANKED = ("spearman", "rho-a", "tau-a")


def one_hot(copies: int = 8, kinds: int = 6) -> np.ndarray:
    """Return ``(copies * kinds, kinds)``: two distances only, 0 and that between kinds."""
    return np.repeat(np.eye(kinds), copies, axis=0)


def partner(n: int, seed: int = 0) -> RDMs:
    """Return an RDM that is near that of :func:`one_hot`."""
    rng = np.random.default_rng(seed)
    return compute_rdms(one_hot(n // 6) + 0.3 * rng.standard_normal((n, 6)), ids(n), "squared_euclidean")


def test_five_multiples_of_one_pattern_are_at_no_distance_and_order_nothing() -> None:
    """Their distances are 0 to 2e-16; ranked, they correlated -.74 with 1 to 10."""
    multiples = np.outer([1, 2, 3, 5, 7], (1.0, 2.0, 4.0))
    rdm = compute_rdms(multiples, ids(5), "correlation")
    assert rdm.dissimilarities.max() < 1e-15
    assert rdm.dissimilarities.max() > 0
    for method in (*RANKED, "corr"):
        with pytest.raises(DataError, match="RDM 0 of the first RDMs is constant"):
            compare(rdm, rdms(np.arange(1.0, 11)), method)
    draws = bootstrap_rsa(rdm, rdms(np.arange(1.0, 11)), "spearman", 20, 0)
    assert np.isnan(draws.observed).all()
    assert np.isnan(bootstrap_rsa(rdm, rdms(np.arange(1.0, 11)), "corr", 20, 0).observed).all()
    assert np.isnan(permutation_test(rdm, rdms(np.arange(1.0, 11)), "spearman", 20, 0).scores).all()


@pytest.mark.parametrize("measure", OF_MEANS)
@pytest.mark.parametrize("method", RANKED)
def test_equal_distances_are_tied_in_any_order_of_features(measure: str, method: str) -> None:
    """Eight copies of six one-hot patterns: .430 or .4875 with columns permuted, where .58 was right."""
    other = partner(48)
    patterns = one_hot() * 0.1 + 0.7
    exact = (np.round(compute_rdms(one_hot(), ids(48), "squared_euclidean").dissimilarities, 6) > 0).astype(float)
    expected = compare_vectors(exact, other.dissimilarities, method)[0, 0]
    for order in itertools.islice(itertools.permutations(range(6)), 0, 720, 97):
        found = compare(compute_rdms(patterns[:, list(order)], ids(48), measure), other, method)[0, 0]
        assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("method", ["spearman", "rho-a"])
def test_the_bootstrap_ties_what_the_comparator_ties(method: str) -> None:
    other, model = partner(48), compute_rdms(one_hot() * 0.1 + 0.7, ids(48), "correlation")
    exact = RDMs((model.dissimilarities > 0.5).astype(float), model.stimulus_ids, "categories")
    found, expected = (bootstrap_rsa(one, other, method, 30, 0) for one in (model, exact))
    np.testing.assert_allclose(found.observed, expected.observed, atol=1e-12)
    np.testing.assert_allclose(found.draws, expected.draws, atol=1e-12)
    np.testing.assert_allclose(found.observed, compare(model, other, method), atol=1e-12)
    np.testing.assert_allclose(permutation_test(model, other, method, 9, 0).scores, found.observed[:, 0], atol=1e-12)


@pytest.mark.parametrize("method", COMPARATORS)
def test_noise_ceilings_tie_equal_distances_of_subjects(method: str) -> None:
    rng = np.random.default_rng(1)
    exact = (rng.random((4, 66)) > 0.5).astype(float) + 1
    jittered = exact * (1 + 1e-15 * rng.standard_normal(exact.shape))
    found, expected = (noise_ceiling(rdms(values), method) for values in (jittered, exact))
    assert found.lower == pytest.approx(expected.lower, abs=1e-12)
    assert found.upper == pytest.approx(expected.upper, abs=1e-12)


def test_a_chain_of_gaps_is_one_tie_and_a_grid_is_not_laid_over_values() -> None:
    values = np.array([[0.0, 1.0, 1.6, 2.2, 9.0]])
    np.testing.assert_array_equal(mid_ranks(values, 0.7), [[1, 3, 3, 3, 5]])
    np.testing.assert_array_equal(mid_ranks(values, 0.5), [[1, 2, 3, 4, 5]])
    start, end = tie_bounds(values, np.array([0.7]))
    np.testing.assert_array_equal(start, [[0, 1, 1, 1, 4]])
    np.testing.assert_array_equal(end, [[1, 4, 4, 4, 5]])


def test_without_ties_ranks_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 300))
    assert compare_vectors(a, b, "spearman")[0, 0] == pytest.approx(spearmanr(a, b).statistic, abs=1e-14)


def test_rounding_follows_the_rdm_through_every_verb() -> None:
    found = compute_rdms(np.random.default_rng(0).standard_normal((2, 6, 5)), ids(6), sets=True)
    assert found.rounding.shape == (2,)
    assert (found.rounding > 0).all()
    assert (found.rounding < 1e-12).all()
    np.testing.assert_array_equal(found.subset(ids(4)).rounding, found.rounding)
    assert found.mean().rounding.shape == (1,)
    stored = RDMs(found.dissimilarities, found.stimulus_ids, "correlation")
    np.testing.assert_allclose(stored.rounding, 64 * 2.0**-52 * found.dissimilarities.max(axis=1))
    with pytest.raises(DataError, match="expected one finite number >= 0 each"):
        RDMs(found.dissimilarities, found.stimulus_ids, "correlation", rounding=np.array([-1.0, 0.0]))


def test_a_pattern_that_varies_by_rounding_is_constant() -> None:
    patterns = np.random.default_rng(0).standard_normal((6, 10))
    patterns[2] = 0.3
    patterns[2, 4] = 0.1 * 3
    assert patterns[2].max() > patterns[2].min()
    with pytest.raises(DataError, match="Pattern of stimulus 's2' is constant"):
        compute_rdms(patterns, ids(6), "correlation")
    single = patterns.astype(np.float32)
    single[2] = 0.3
    single[2, 4] = np.nextafter(np.float32(0.3), np.float32(1))
    with pytest.raises(DataError, match="Pattern of stimulus 's2' is constant"):
        compute_rdms(single, ids(6), "correlation")


@pytest.mark.parametrize("measure", ["correlation", "cosine"])
def test_a_pattern_of_rounding_beside_others_is_none(measure: str) -> None:
    """A uniform image has Gabor energies of 1e-16 where others have 1; their correlation is noise."""
    patterns = np.abs(np.random.default_rng(0).standard_normal((6, 10)))
    patterns[3] *= 1e-16
    with pytest.raises(DataError, match=r"Pattern of stimulus 's3' is (constant|zero)"):
        compute_rdms(patterns, ids(6), measure)


@pytest.mark.parametrize("measure", ["correlation", "squared_euclidean", "cosine"])
def test_a_collapsed_layer_is_constant_by_magnitude(measure: str) -> None:
    pattern = np.random.default_rng(0).random(50, dtype=np.float32)
    layer = np.tile(pattern, (8, 1))
    layer[::2] = np.nextafter(layer[::2], np.float32(2))
    with pytest.raises(DataError, match="is constant"):
        compare(compute_rdms(layer, ids(8), measure), rdms(np.arange(28.0)), "spearman")


def test_small_differences_on_a_large_pedestal_are_no_rounding() -> None:
    rng = np.random.default_rng(0)
    patterns = rng.standard_normal((10, 40))
    plain, lifted = (compute_rdms(one, ids(10), "correlation") for one in (patterns, patterns + 1e6))
    np.testing.assert_allclose(lifted.dissimilarities, plain.dissimilarities, atol=1e-8)
    assert lifted.rounding[0] < 1e-10
    assert not is_constant(patterns + 1e6, axis=1).any()
