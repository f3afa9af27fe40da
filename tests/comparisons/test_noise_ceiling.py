import warnings
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from brainalign.comparisons.comparators import COMPARATORS, compare_vectors, pool
from brainalign.comparisons.noise_ceiling import noise_ceiling
from brainalign.errors import DataError, SpecError
from brainalign.rdms import RDMs

IDS = tuple(f"s{k}" for k in range(15))


def group(n_subjects=6, noise=0.5, seed=0):
    rng = np.random.default_rng(seed)
    return RDMs(rng.random(105) + noise * rng.random((n_subjects, 105)), IDS, "x")


@pytest.mark.parametrize("method", [one for one in COMPARATORS if one != "tau-a" and not one.endswith("_cov")])
def test_ceiling_equals_rsatoolbox(method):
    from rsatoolbox.inference import boot_noise_ceiling
    from rsatoolbox.rdm import RDMs as TheirRDMs

    rdms = group()
    ours = noise_ceiling(rdms, method)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = boot_noise_ceiling(TheirRDMs(rdms.dissimilarities), method)
    np.testing.assert_allclose((ours.lower, ours.upper), theirs, rtol=0, atol=1e-10)


def test_no_rdm_beats_the_upper_ceiling_of_tau_a_which_mean_ranks_do_not_reach():
    rdms = RDMs(np.random.default_rng(3).permuted(np.tile(np.arange(6.0), (3, 1)), axis=1), IDS[:4], "x")
    orders = np.array(list(permutations(range(6))), dtype=float)
    best = compare_vectors(orders, rdms.dissimilarities, "tau-a").mean(axis=1).max()
    pooled = compare_vectors(pool(rdms.dissimilarities, "tau-a"), rdms.dissimilarities, "tau-a").mean()
    found = noise_ceiling(rdms, "tau-a")
    assert pooled < best - 0.01
    assert best <= found.upper <= best + 0.3
    assert found.lower < found.upper


@pytest.mark.parametrize("method", ["corr_cov", "cosine_cov"])
def test_whitened_ceilings_are_those_of_rsatoolbox_with_the_pool_that_is_best(method, data_dir):
    h5py = pytest.importorskip("h5py")
    from rsatoolbox.inference import boot_noise_ceiling
    from rsatoolbox.rdm import RDMs as TheirRDMs
    from rsatoolbox.rdm import compare as their_compare

    with h5py.File(Path(data_dir) / "cichy92" / "target_fmri.mat") as file:
        matrices = np.asarray(file["IT_RDMs"]).transpose(2, 0, 1)
    rdms = RDMs.from_matrices(matrices, tuple(map(str, range(92))), "correlation")
    found = noise_ceiling(rdms, method)
    vectors = rdms.dissimilarities
    ours = np.stack([pool(np.delete(vectors, k, axis=0), method) for k in range(15)])
    lower = np.diagonal(their_compare(TheirRDMs(ours), TheirRDMs(vectors), method))
    upper = their_compare(TheirRDMs(pool(vectors, method)[None]), TheirRDMs(vectors), method)
    np.testing.assert_allclose(found.lower_by_subject, lower, atol=1e-10)
    assert found.upper == pytest.approx(upper.mean(), abs=1e-10)
    # theirs pools RDMs of equal unwhitened norm, which is not the best
    theirs = boot_noise_ceiling(TheirRDMs(vectors), method)
    np.testing.assert_allclose((found.lower, found.upper), theirs, atol=5e-3)
    assert found.upper > theirs[1]


@pytest.mark.parametrize("method", ["corr", "spearman"])
def test_each_subject_is_left_out_of_its_own_pool(method):
    rdms = group()
    found = noise_ceiling(rdms, method)
    vectors = rdms.dissimilarities
    for subject in range(len(rdms)):
        others = pool(np.delete(vectors, subject, axis=0), method)
        expected = compare_vectors(vectors[subject], others, method)[0, 0]
        assert found.lower_by_subject[subject] == pytest.approx(expected, abs=1e-10)
    assert found.lower == pytest.approx(found.lower_by_subject.mean())
    assert found.lower < found.upper


def test_the_true_model_lies_between_the_bounds_and_noise_lowers_them():
    rng = np.random.default_rng(1)
    inside, lowers = 0, []
    for _ in range(40):
        truth = rng.standard_normal(105)
        brains = RDMs(truth + rng.standard_normal((10, 105)), IDS, "x")
        ceiling = noise_ceiling(brains, "corr")
        inside += ceiling.lower <= compare_vectors(truth, brains.dissimilarities, "corr").mean() <= ceiling.upper
        noisier = RDMs(brains.dissimilarities + 2 * rng.standard_normal((10, 105)), IDS, "x")
        lowers.append(ceiling.lower - noise_ceiling(noisier, "corr").lower)
    assert inside >= 36
    assert min(lowers) > 0


def test_one_subject_and_unknown_comparators_are_refused_in_one_line():
    with pytest.raises(DataError, match=r'>= 2 subjects, got 1; declare subjects = "fixed"') as error:
        noise_ceiling(group(1), "corr")
    assert "\n" not in str(error.value)
    with pytest.raises(SpecError, match="Unknown comparator"):
        noise_ceiling(group(), "pearson")


@pytest.mark.parametrize(
    ("roi", "method", "lower", "upper"),
    [
        ("IT", "corr", 0.4593, 0.5492),
        ("IT", "spearman", 0.4525, 0.5422),
        ("EVC", "corr", 0.2488, 0.3998),
        ("EVC", "spearman", 0.2419, 0.3917),
    ],
)
def test_ceilings_of_real_fmri_rdms(data_dir, roi, method, lower, upper):
    h5py = pytest.importorskip("h5py")
    with h5py.File(Path(data_dir) / "cichy92" / "target_fmri.mat") as file:
        matrices = np.asarray(file[f"{roi}_RDMs"]).transpose(2, 0, 1)
    found = noise_ceiling(RDMs.from_matrices(matrices, tuple(map(str, range(92))), "correlation"), method)
    assert (found.lower, found.upper) == (pytest.approx(lower, abs=6e-5), pytest.approx(upper, abs=6e-5))


def test_two_rdms_of_one_subject_are_one_subject():
    rng = np.random.default_rng(8)
    values = rng.random((5, 45)) + rng.random(45)
    people = ("a", "b", "b", "c", "c")
    sessions = RDMs(values, tuple(f"s{k}" for k in range(10)), "correlation", {"subject": people})
    means = np.stack([values[0], values[1:3].mean(axis=0), values[3:].mean(axis=0)])
    alone = RDMs(means, sessions.stimulus_ids, "correlation", {"subject": ("a", "b", "c")})
    for method in COMPARATORS:
        assert noise_ceiling(sessions, method).lower == pytest.approx(noise_ceiling(alone, method).lower, abs=1e-12)
        assert len(noise_ceiling(sessions, method).lower_by_subject) == 3
    with pytest.raises(DataError, match="needs the RDMs of >= 2 subjects, got 1"):
        noise_ceiling(sessions.select(subject="b"), "corr")
