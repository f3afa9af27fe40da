"""Scores without each stimulus equal scoring the sample that is left."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from brainalign.comparisons.comparators import compare
from brainalign.comparisons.noise_ceiling import noise_ceiling
from brainalign.condensed import Condensed
from brainalign.errors import DataError
from brainalign.resampling.left_out import (
    LeftOutPairs,
    left_out_ceilings,
    left_out_pairs,
    linear_ceilings,
    ranked_ceilings,
    units_of,
)
from brainalign.resampling.linear_pairs import LinearPairs
from brainalign.resampling.pairs_bootstrap import score_counts
from brainalign.resampling.ranked_pairs import RankedPairs
from tests.joined import rdms

K = 14
N_PAIRS = K * (K - 1) // 2
LINEAR = {"corr": True, "cosine": False}
RANKED = {"spearman": True, "rho-a": False}
WHITENED = ("corr_cov", "cosine_cov")


def sides(seed: int = 0, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    models, brains = rng.random((3, N_PAIRS)) + 1, rng.random((4, N_PAIRS)) + 1
    return (np.round(models, 1), np.round(brains, 1)) if ties else (models, brains)


def pairs_of(method: str, models: np.ndarray, units: np.ndarray, counted: np.ndarray) -> LeftOutPairs:
    return left_out_pairs(method, Condensed.of(models), units, counted)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("method", [*LINEAR, *RANKED, "tau-a", *WHITENED])
def test_every_score_is_that_of_the_stimuli_that_are_left(method: str, ties: bool) -> None:
    models, brains = sides(ties=ties)
    units, counted = units_of(None, K)
    observed, without = pairs_of(method, models, units, counted).scores(Condensed.of(brains))
    np.testing.assert_allclose(observed, compare(rdms(models), rdms(brains), method), atol=1e-12)
    ids = rdms(models).stimulus_ids
    for k in range(K):
        left = [one for one in ids if one != ids[k]]
        expected = compare(rdms(models).subset(left), rdms(brains).subset(left), method)
        np.testing.assert_allclose(without[k], expected, atol=1e-12)


@pytest.mark.parametrize("method", [*LINEAR, *RANKED, "tau-a"])
def test_a_group_is_left_out_together_and_its_own_pairs_never_count(method: str) -> None:
    models, brains = sides(1)
    groups = np.array([0, 1, 0, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    units, counted = units_of(groups, K)
    observed, without = pairs_of(method, models, units, counted).scores(Condensed.of(brains))
    first, second = np.triu_indices(K, 1)
    reference = {
        "corr": lambda a, b: np.corrcoef(a, b)[0, 1],
        "cosine": lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b),
    }
    reference["spearman"] = reference["rho-a"] = lambda a, b: np.corrcoef(a.argsort().argsort(), b.argsort().argsort())[
        0, 1
    ]
    reference["tau-a"] = lambda a, b: kendalltau(a, b).statistic  # no ties here
    for unit in range(12):
        kept = (groups[first] != groups[second]) & (groups[first] != unit) & (groups[second] != unit)
        for m, model in enumerate(models):
            for b, brain in enumerate(brains):
                assert without[unit, m, b] == pytest.approx(reference[method](model[kept], brain[kept]), abs=1e-12)
    kept = groups[first] != groups[second]
    assert observed[0, 0] == pytest.approx(reference[method](models[0, kept], brains[0, kept]), abs=1e-12)


@pytest.mark.parametrize("method", [*WHITENED, "tau-a"])
def test_ceilings_without_each_stimulus_are_those_of_the_stimuli_that_are_left(method: str) -> None:
    models, brains = sides(3)
    units, counted = units_of(None, K)
    lower, upper = left_out_ceilings(pairs_of(method, models, units, counted), Condensed.of(brains), units, counted)
    assert lower.shape == upper.shape == (K + 1, 4)
    ids = rdms(brains).stimulus_ids
    for k in range(-1, K):
        found = noise_ceiling(rdms(brains).subset([one for i, one in enumerate(ids) if i != k]), method)
        assert upper[k + 1].mean() == pytest.approx(found.upper, abs=1e-10)
        # mean ranks of the others keep the ranks of the whole sample
        tolerance = 0.02 if method == "tau-a" and k >= 0 else 1e-10
        np.testing.assert_allclose(lower[k + 1], found.lower_by_subject, atol=tolerance)
    one = left_out_ceilings(pairs_of(method, models, units, counted), Condensed.of(brains), units, counted, False)
    np.testing.assert_allclose(one, (lower[:1], upper[:1]))


@pytest.mark.parametrize("method", [*LINEAR, *RANKED, "tau-a", *WHITENED])
def test_a_constant_rdm_scores_nan(method: str) -> None:
    models, brains = sides()
    models[1] = 0.0 if method in ("cosine", "cosine_cov") else 0.3
    units, counted = units_of(None, K)
    observed, without = pairs_of(method, models, units, counted).scores(Condensed.of(brains))
    assert np.isnan(observed[1]).all()
    assert np.isnan(without[:, 1]).all()
    assert np.isfinite(observed[[0, 2]]).all()
    assert np.isfinite(without[:, [0, 2]]).all()


@pytest.mark.parametrize("method", LINEAR)
def test_linear_ceilings_without_each_stimulus_are_exact(method: str) -> None:
    brains = sides(2)[1] + sides(2)[0][0]
    units, counted = units_of(None, K)
    pairs = pairs_of(method, brains[:1], units, counted)
    lower, upper = linear_ceilings(pairs, Condensed.of(brains))
    subjects = rdms(brains)
    samples = [
        subjects,
        *(subjects.subset([i for i in subjects.stimulus_ids if i != out]) for out in subjects.stimulus_ids),
    ]
    for row, sample in enumerate(samples):
        expected = noise_ceiling(sample, method)
        assert lower[row].mean() == pytest.approx(expected.lower, abs=1e-12)
        assert upper[row].mean() == pytest.approx(expected.upper, abs=1e-12)


@pytest.mark.parametrize("method", RANKED)
def test_ranked_ceilings_are_exact_for_all_stimuli_and_near_without_each(method: str) -> None:
    rng = np.random.default_rng(3)
    n_stimuli, truth = 30, rng.random(435)
    brains = truth + 0.5 * rng.random((6, 435))
    units, counted = units_of(None, n_stimuli)
    lower, upper = ranked_ceilings(Condensed.of(brains), units, counted, RANKED[method])
    subjects = rdms(brains)
    expected = noise_ceiling(subjects, method)
    assert lower[0].mean() == pytest.approx(expected.lower, abs=1e-12)
    assert upper[0].mean() == pytest.approx(expected.upper, abs=1e-12)
    exact = np.array(
        [
            noise_ceiling(subjects.subset([i for i in subjects.stimulus_ids if i != out]), method).lower
            for out in subjects.stimulus_ids
        ]
    )
    assert lower[1:].mean(axis=1).std() == pytest.approx(exact.std(), rel=0.1)
    np.testing.assert_allclose(lower[1:].mean(axis=1), exact, atol=0.01)


@pytest.mark.parametrize("method", ["corr", "spearman"])
def test_semi_partial_scores_are_those_of_the_bootstrap_with_each_stimulus_left(method: str) -> None:
    """One count of 0 and others of 1 is the sample without a stimulus."""
    models, brains = sides(4)
    nuisance = sides(5)[0][:2] + models[:1]
    units, counted = units_of(None, K)
    made = LinearPairs if method == "corr" else RankedPairs
    pairs = made(Condensed.of(models), units, counted, True, Condensed.of(nuisance))
    observed, without = pairs.scores(Condensed.of(brains))
    counts = np.concatenate([np.ones((1, K), int), 1 - np.eye(K, dtype=int)])
    sides_of = (Condensed.of(side) for side in (models, brains, nuisance))
    expected = score_counts(*sides_of, counts, np.triu_indices(K, 1), method).scores
    np.testing.assert_allclose(observed, expected[0], atol=1e-12)
    np.testing.assert_allclose(without, expected[1:], atol=1e-12)


@pytest.mark.parametrize("method", [*LINEAR, *RANKED, "tau-a", *WHITENED])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_are_refused_on_either_side(method: str, bad: float) -> None:
    models = sides()[0]
    units, counted = units_of(None, K)
    spoiled = models.copy()
    spoiled[1, 7] = bad
    with pytest.raises(DataError, match="RDM 1 of the model RDMs holds NaN or infinity"):
        pairs_of(method, spoiled, units, counted)
    with pytest.raises(DataError, match="RDM 1 of the brain RDMs holds NaN or infinity"):
        pairs_of(method, models, units, counted).scores(Condensed.of(spoiled))
