import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import pdist, squareform

from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.inference.permutation import permutation_test as permutation_test_of_rdms
from brainalign.rdms import RDMs
from tests.joined import by_id, rdms


def permutation_test(models, subjects, *options, strata=None):
    """Test condensed RDMs whose stimuli are in one order."""
    labels = None if strata is None else by_id(strata)
    return permutation_test_of_rdms(rdms(models), rdms(subjects), *options, strata=labels)


def geometry(rng, n_stimuli=20, n_features=3):
    return pdist(rng.standard_normal((n_stimuli, n_features)))


@pytest.mark.parametrize("method", ["corr", "cosine", "spearman", "rho-a"])
def test_scores_equal_scipy(method):
    rng = np.random.default_rng(0)
    model, subjects = geometry(rng), np.stack([geometry(rng), geometry(rng)])
    compare = {
        "corr": lambda a, b: stats.pearsonr(a, b).statistic,
        "cosine": lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b),
        "spearman": lambda a, b: stats.spearmanr(a, b).statistic,
        "rho-a": lambda a, b: stats.spearmanr(a, b).statistic,  # without ties the same
    }[method]
    expected = np.mean([compare(model, subject) for subject in subjects])
    result = permutation_test(model[None], subjects, method, 5, 0)
    assert result.scores[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("alternative", ["greater", "two-sided"])
def test_p_equals_the_share_of_all_relabellings(alternative):
    from itertools import permutations

    rng = np.random.default_rng(4)
    model, brain = geometry(rng, 6), geometry(rng, 6)
    square = squareform(model)
    orders = [list(order) for order in permutations(range(6))]
    null = np.array([np.corrcoef(squareform(square[np.ix_(o, o)]), brain)[0, 1] for o in orders])
    observed = np.corrcoef(model, brain)[0, 1]
    if alternative == "two-sided":
        null, observed = np.abs(null), abs(observed)
    exact = (null >= observed - 1e-12).mean()
    result = permutation_test(model[None], brain[None], "corr", 20000, 0, alternative)
    assert result.p[0] == pytest.approx(exact, abs=0.015)
    assert result.p_max[0] == result.p[0]


def test_smallest_p_is_never_zero():
    rng = np.random.default_rng(0)
    model = geometry(rng)
    result = permutation_test(model[None], model[None], "spearman", 99, 0)
    assert result.p[0] == 1 / 100
    assert result.n_permutations == 99


def test_false_positive_rate_beside_the_permutation_of_entries():
    valid, invalid, n = [], [], 400
    for number in range(n):
        rng = np.random.default_rng(number)
        model, brain = geometry(rng), geometry(rng)
        valid.append(permutation_test(model[None], brain[None], "corr", 199, number, "two-sided").p[0] < 0.05)
        entries = np.stack([rng.permutation(model) for _ in range(199)])
        null = np.abs(stats.zscore(entries, axis=1) @ stats.zscore(brain) / len(brain))
        invalid.append((1 + (null >= abs(np.corrcoef(model, brain)[0, 1])).sum()) / 200 < 0.05)
    margin = 2.6 * np.sqrt(0.05 * 0.95 / n)
    assert 0.01 <= np.mean(valid) <= 0.05 + margin
    assert np.mean(invalid) > 0.15


def test_largest_statistic_controls_the_family():
    single, family, n = [], [], 250
    for number in range(n):
        rng = np.random.default_rng(number)
        models, brain = np.stack([geometry(rng) for _ in range(8)]), geometry(rng)
        result = permutation_test(models, brain[None], "corr", 99, number)
        single.append(result.p.min() <= 0.05)
        family.append(result.p_max.min() <= 0.05)
        assert (result.p_max >= result.p).all()
    assert np.mean(family) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / n)
    assert np.mean(single) > 0.15


def test_strata_remove_a_relation_that_categories_carry():
    rng = np.random.default_rng(0)
    category = np.repeat([0, 1], 12)
    model, brain = (pdist(4 * category[:, None] + rng.standard_normal((24, 3))) for _ in range(2))
    free = permutation_test(model[None], brain[None], "corr", 199, 0)
    within = permutation_test(model[None], brain[None], "corr", 199, 0, strata=category)
    assert free.p[0] == 1 / 200
    assert within.p[0] > 0.05


def test_seed_decides_the_permutations():
    rng = np.random.default_rng(0)
    model, brain = geometry(rng)[None], geometry(rng)[None]
    p = [permutation_test(model, brain, "corr", 50, seed).p[0] for seed in (0, 0, 1)]
    assert p[0] == p[1] != p[2]


def test_bad_input_is_refused():
    rng = np.random.default_rng(0)
    model = geometry(rng)[None]
    with pytest.raises(SpecError, match="'greater' or 'two-sided'"):
        permutation_test(model, model, "corr", 9, 0, "less")
    with pytest.raises(StimulusMismatchError, match="expected the same set"):
        permutation_test(model, geometry(rng, 10)[None], "corr", 9, 0)
    with pytest.raises(StimulusMismatchError, match="19 of 20 stimuli have no group, first"):
        permutation_test_of_rdms(rdms(model), rdms(model), "corr", 9, 0, strata={"s0": 1})


def test_stimuli_are_joined_on_their_ids():
    rng = np.random.default_rng(3)
    model, brain = rdms(geometry(rng)), rdms(geometry(rng))
    order = [brain.stimulus_ids[k] for k in rng.permutation(20)]
    expected = permutation_test_of_rdms(model, brain, "spearman", 99, 0)
    found = permutation_test_of_rdms(model.subset(order), brain, "spearman", 99, 0)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-12)
    assert found.p == expected.p


def test_two_rdms_of_one_subject_count_as_one_subject():
    rng = np.random.default_rng(5)
    model, brains = rdms(geometry(rng)), rdms(np.stack([geometry(rng) for _ in range(3)]))
    sessions = RDMs(brains.dissimilarities, brains.stimulus_ids, "correlation", {"subject": ("a", "b", "b")})
    people = np.stack([brains.dissimilarities[0], brains.dissimilarities[1:].mean(axis=0)])
    found = permutation_test_of_rdms(model, sessions, "corr", 9, 0)
    np.testing.assert_allclose(found.scores, permutation_test(model.dissimilarities, people, "corr", 9, 0).scores)
