import numpy as np
import pytest

from brainalign.comparisons.comparators import COMPARATORS, compare, compare_vectors, pool
from brainalign.errors import DataError, SpecError, StimulusMismatchError
from brainalign.rdms import RDMs


def vectors(n_rdms, n_stimuli=12, seed=0, tied=False):
    values = np.random.default_rng(seed).random((n_rdms, n_stimuli * (n_stimuli - 1) // 2))
    return np.round(values * 4) if tied else values


def as_rdms(values, order=None):
    n = int((1 + np.sqrt(1 + 8 * values.shape[1])) / 2)
    return RDMs(values, tuple(f"s{k}" for k in range(n)), "x").subset([f"s{k}" for k in (order or range(n))])


@pytest.mark.parametrize("method", COMPARATORS)
@pytest.mark.parametrize("tied", [False, True])
def test_every_comparator_equals_rsatoolbox(method, tied):
    import rsatoolbox

    a, b = vectors(3, seed=1, tied=tied), vectors(4, seed=2, tied=True) + vectors(4, seed=3, tied=tied)
    theirs = rsatoolbox.rdm.compare(rsatoolbox.rdm.RDMs(a), rsatoolbox.rdm.RDMs(b), method)
    np.testing.assert_allclose(compare_vectors(a, b, method), theirs, rtol=0, atol=1e-10)


def test_hand_arithmetic_with_ties():
    a, b = np.array([[1.0, 1.0, 2.0]]), np.array([[1.0, 2.0, 3.0]])
    # ranks 1.5 1.5 3 against 1 2 3; pairs of entries: one tied, two concordant
    assert compare_vectors(a, b, "rho-a")[0, 0] == pytest.approx(0.75)
    assert compare_vectors(a, b, "tau-a")[0, 0] == pytest.approx(2 / 3)
    assert compare_vectors(a, b, "spearman")[0, 0] == pytest.approx(np.sqrt(3) / 2)
    assert compare_vectors(a, b, "cosine")[0, 0] == pytest.approx(9 / np.sqrt(6 * 14))


def test_rho_a_is_spearman_with_ties_broken_at_random():
    rng = np.random.default_rng(0)
    a, b = vectors(1, seed=4, tied=True), vectors(1, seed=4)
    broken = [compare_vectors(a + 1e-6 * rng.random(a.shape), b, "spearman")[0, 0] for _ in range(400)]
    standard_error = np.std(broken) / np.sqrt(400)
    assert compare_vectors(a, b, "rho-a")[0, 0] == pytest.approx(np.mean(broken), abs=4 * standard_error)
    assert compare_vectors(a, b, "spearman")[0, 0] > np.mean(broken) + 10 * standard_error


@pytest.mark.parametrize("method", COMPARATORS)
def test_symmetry_self_and_scale(method):
    a, b = vectors(2), vectors(3, seed=1)
    np.testing.assert_allclose(compare_vectors(a, b, method), compare_vectors(b, a, method).T, atol=1e-12)
    np.testing.assert_allclose(np.diag(compare_vectors(a, a, method)), 1, atol=1e-12)
    np.testing.assert_allclose(compare_vectors(1e-200 * a, b, method), compare_vectors(a, b, method), atol=1e-12)


@pytest.mark.parametrize("method", COMPARATORS)
def test_compare_joins_on_ids_never_on_position(method):
    values = vectors(1)
    order = list(np.random.default_rng(5).permutation(12))
    assert compare(as_rdms(values), as_rdms(values, order), method)[0, 0] == pytest.approx(1)
    by_position = compare_vectors(values, as_rdms(values, order).dissimilarities, method)[0, 0]
    assert by_position < (0.9 if method == "cosine" else 0.5)
    with pytest.raises(StimulusMismatchError, match="Subset both"):
        compare(as_rdms(values), as_rdms(values, order[:5]), method)


@pytest.mark.parametrize("method", [m for m in COMPARATORS if not m.startswith("cosine")])
def test_constant_rdms_are_refused(method):
    flat = vectors(2)
    flat[1] = 0.3
    for pair in ((flat, vectors(1)), (vectors(1), flat)):
        with pytest.raises(DataError, match=r"RDM 1 of the (first|second) RDMs is constant"):
            compare_vectors(*pair, method)


def test_cosine_takes_constant_rdms_but_not_zero_ones():
    flat = np.full((1, 66), 0.3)
    expected = vectors(1).sum() / np.sqrt(66 * (vectors(1) ** 2).sum())
    assert compare_vectors(flat, vectors(1), "cosine")[0, 0] == pytest.approx(expected)
    with pytest.raises(DataError, match="zero"):
        compare_vectors(0 * flat, vectors(1), "cosine")


def test_unknown_method_and_other_pairs_are_refused():
    with pytest.raises(SpecError, match=r"'kendall'.*tau-a"):
        compare_vectors(vectors(1), vectors(1), "kendall")
    with pytest.raises(StimulusMismatchError, match="66 and 10 pairs"):
        compare_vectors(vectors(1), vectors(1, 5), "corr")


@pytest.mark.parametrize("method", ["corr", "cosine", "corr_cov", "cosine_cov"])
def test_no_rdm_beats_the_pool_in_mean_comparison(method):
    rng = np.random.default_rng(7)
    group = vectors(5, seed=8) * rng.uniform(0.5, 20, (5, 1)) + vectors(1, seed=9) * 3
    pooled = pool(group, method)
    best = compare_vectors(group, pooled, method).mean()
    for scale in (1e-3, 1e-1, 1):
        rivals = pooled + scale * pooled.std() * rng.standard_normal((50, pooled.size))
        assert (compare_vectors(group, rivals, method).mean(axis=0) < best).all()
    assert compare_vectors(group, group.mean(axis=0), method).mean() < best - 1e-4


@pytest.mark.parametrize("method", [m for m in COMPARATORS if not m.endswith("_cov")])
def test_pool_equals_rsatoolbox_up_to_what_the_comparator_ignores(method):
    import warnings

    from rsatoolbox.rdm import RDMs as TheirRDMs
    from rsatoolbox.util.inference_util import pool_rdm

    group = vectors(4, seed=10, tied=True) + vectors(4, seed=11)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pool_rdm(TheirRDMs(group), method).get_vectors()
    assert compare_vectors(pool(group, method), theirs, "cosine" if method == "cosine" else "corr")[
        0, 0
    ] == pytest.approx(1)


@pytest.mark.parametrize("method", COMPARATORS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_by_every_comparator(method, bad):
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 3, 10))
    b[1, 4] = bad
    with pytest.raises(DataError, match="RDM 1 of the second RDMs holds NaN or infinity, expected finite"):
        compare_vectors(a, b, method)
