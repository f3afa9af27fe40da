"""Dissimilarities of trials other than crossnobis: oracles, chance, and what they refuse."""

import numpy as np
import pytest

from brainalign.dissimilarities.dissimilarity import dissimilarities
from brainalign.dissimilarities.noise import noise_covariance
from brainalign.errors import DataError
from brainalign.rdms import RDMs, compute_trial_rdms

K, P, R = 5, 4, 3
IDS = [f"s{k}" for _ in range(R) for k in range(K) for _ in range(4)]
RUNS = [f"r{r}" for r in range(R) for _ in range(K * 4)]


def responses(seed: int = 0, signal: float = 2.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    truth = signal * rng.normal(size=(K, P))
    return truth[[int(one[1:]) for one in IDS]] + rng.normal(size=(len(IDS), P))


def dataset(data: np.ndarray, runs=RUNS):
    from rsatoolbox.data import Dataset

    return Dataset(data, obs_descriptors={"stimulus": IDS, "run": runs})


def test_all_of_them_say_what_they_need() -> None:
    found = {name: (one.needs, one.signed) for name, one in dissimilarities().items()}
    assert found == {
        "correlation": ("means", False),
        "correlation_across_runs": ("runs", False),
        "cosine": ("means", False),
        "crossnobis": ("runs", True),
        "decoding_accuracy": ("runs", False),
        "decoding_dprime": ("runs", True),
        "euclidean": ("means", False),
        "mahalanobis": ("precision", False),
        "poisson_kl": ("runs", True),
        "squared_euclidean": ("means", False),
    }


@pytest.mark.parametrize(("ours", "theirs"), [("ledoit_wolf", "shrinkage_eye"), ("univariate", "diag")])
def test_mahalanobis_equals_rsatoolbox(ours: str, theirs: str) -> None:
    from rsatoolbox.data.noise import prec_from_unbalanced
    from rsatoolbox.rdm.calc import calc_rdm

    data = responses()
    cells = dataset(data)
    cells.obs_descriptors["cell"] = [a + b for a, b in zip(IDS, RUNS, strict=True)]
    precision = prec_from_unbalanced(cells, "cell", method=theirs)
    expected = calc_rdm(dataset(data), "mahalanobis", "stimulus", precision).get_vectors()
    found = compute_trial_rdms(data, IDS, "mahalanobis", RUNS, {"noise": ours}).dissimilarities
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def test_shrinkage_equals_scikit_learn_and_rsatoolbox() -> None:
    from rsatoolbox.data.noise import cov_from_residuals
    from sklearn.covariance import ledoit_wolf

    rng = np.random.default_rng(2)
    residuals = rng.normal(size=(60, 8)) @ rng.normal(size=(8, 8))
    residuals -= residuals.mean(axis=0)
    expected = ledoit_wolf(residuals, assume_centered=True)[0] * 60 / 50
    np.testing.assert_allclose(noise_covariance(residuals, 50), expected, rtol=1e-10)
    theirs = cov_from_residuals(residuals, dof=59, method="shrinkage_diag")
    found = noise_covariance(residuals, 59, "diagonal_target")
    np.testing.assert_allclose(found, theirs, atol=1e-3 * np.abs(theirs).max())
    np.testing.assert_allclose(np.diag(found), np.diag(theirs), rtol=1e-12)


def test_poisson_divergence_equals_the_mean_of_rsatoolbox_over_folds() -> None:
    from rsatoolbox.rdm.calc import calc_rdm

    data = np.random.default_rng(3).poisson(np.exp(0.5 * responses() / 2)).astype(float)
    folds = []
    for last in sorted(set(RUNS)):
        # theirs keeps the last fold only, so that each has to be the last
        renamed = ["z" if run == last else run for run in RUNS]
        folds.append(calc_rdm(dataset(data, renamed), "poisson_cv", "stimulus", cv_descriptor="run").get_vectors())
    found = compute_trial_rdms(data, IDS, "poisson_kl", RUNS).dissimilarities
    np.testing.assert_allclose(found, np.mean(folds, axis=0), rtol=0, atol=1e-10)
    with pytest.raises(DataError, match="expected spike counts or rates"):
        compute_trial_rdms(data - 1, IDS, "poisson_kl", RUNS)


def test_correlation_across_runs_is_the_mean_over_pairs_of_runs() -> None:
    data = responses(4)
    ids, runs = np.array(IDS), np.array(RUNS)
    means = {(r, k): data[(ids == f"s{k}") & (runs == r)].mean(axis=0) for r in set(RUNS) for k in range(K)}
    first, second = np.triu_indices(K, 1)
    expected = [
        1 - np.mean([np.corrcoef(means[a, i], means[b, j])[0, 1] for a in set(RUNS) for b in set(RUNS) if a != b])
        for i, j in zip(first, second, strict=True)
    ]
    found = compute_trial_rdms(data, IDS, "correlation_across_runs", RUNS).dissimilarities[0]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_noise_that_runs_share_lowers_distances_within_runs_only() -> None:
    rng = np.random.default_rng(5)
    shared = np.repeat(rng.normal(size=(R, P)), K * 4, axis=0)
    data = responses(6, 0.0) + 2 * shared
    across = compute_trial_rdms(data, IDS, "correlation_across_runs", RUNS).dissimilarities
    within = compute_trial_rdms(data[:20], IDS[:20], "correlation").dissimilarities
    assert within.mean() < 0.5 < across.mean()


def by_hand(data: np.ndarray, i: int, j: int) -> tuple[float, float]:
    """Accuracy and d' of two stimuli by linear discriminants with the covariance of scikit-learn."""
    from sklearn.covariance import ledoit_wolf

    stimulus, runs = np.array([int(one[1:]) for one in IDS]), np.array(RUNS)
    right, values = [], {i: [], j: []}
    for run in sorted(set(RUNS)):
        train = runs != run
        means = np.stack([data[train & (stimulus == k)].mean(axis=0) for k in range(K)])
        residuals = data[train] - means[stimulus[train]]
        precision = np.linalg.inv(ledoit_wolf(residuals, assume_centered=True)[0])
        weights = precision @ (means[i] - means[j])
        scale = (len(residuals) - K) / len(residuals)  # degrees of freedom
        for k, sign in ((i, 1), (j, -1)):
            decisions = (data[~train & (stimulus == k)] - (means[i] + means[j]) / 2) @ weights * scale
            values[k] += list(decisions)
            right += list(sign * decisions > 0)
    spread = np.sqrt((np.var(values[i], ddof=1) + np.var(values[j], ddof=1)) / 2)
    return float(np.mean(right)), float((np.mean(values[i]) - np.mean(values[j])) / spread)


def test_decoding_equals_linear_discriminants_fitted_one_by_one() -> None:
    data = responses(7, 0.7)
    accuracy = compute_trial_rdms(data, IDS, "decoding_accuracy", RUNS).matrices()[0]
    dprime = compute_trial_rdms(data, IDS, "decoding_dprime", RUNS).matrices()[0]
    for i in range(K):
        for j in range(i):
            expected = by_hand(data, i, j)
            assert accuracy[i, j] == pytest.approx(expected[0], abs=1e-12)
            assert dprime[i, j] == pytest.approx(expected[1], abs=1e-9)


def test_decoding_of_noise_is_at_chance_and_d_prime_at_0() -> None:
    found: list[list[RDMs]] = [
        [compute_trial_rdms(responses(seed, 0.0), IDS, name, RUNS) for name in ("decoding_accuracy", "decoding_dprime")]
        for seed in range(60)
    ]
    for k, chance in enumerate((0.5, 0.0)):
        means = np.array([one[k].dissimilarities.mean() for one in found])
        assert abs(means.mean() - chance) < 4 * means.std() / np.sqrt(len(means)) + (0.03 if k else 0.01)


@pytest.mark.parametrize("name", ["decoding_accuracy", "decoding_dprime", "poisson_kl", "correlation_across_runs"])
def test_folds_can_be_dealt_and_unequal_repeats_are_taken(name: str) -> None:
    data = np.abs(responses(8))
    kept = np.random.default_rng(1).random(len(IDS)) < 0.8
    ids = [one for one, keep in zip(IDS, kept, strict=True) if keep]
    found = compute_trial_rdms(data[kept], ids, name, options={"n_folds": 3}).dissimilarities
    assert np.isfinite(found).all()
    again = compute_trial_rdms(data[kept], ids, name, options={"n_folds": 3}).dissimilarities
    np.testing.assert_array_equal(found, again)
