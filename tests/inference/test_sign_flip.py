import itertools

import numpy as np
import pytest

from brainalign.errors import DataError, SpecError
from brainalign.inference.sign_flip import sign_flip_test


def test_every_flip_of_few_subjects_is_counted():
    values = np.random.default_rng(0).standard_normal((7, 3)) + np.array([0.0, 0.5, 1.5])
    found = sign_flip_test(values)
    flips = np.array(list(itertools.product((1, -1), repeat=7)))[:, :, None] * values
    t = flips.mean(axis=1) / (flips.std(axis=1, ddof=1) / np.sqrt(7))
    observed = values.mean(axis=0) / (values.std(axis=0, ddof=1) / np.sqrt(7))
    np.testing.assert_allclose(found.t, observed)
    np.testing.assert_allclose(found.p, (np.abs(t) >= np.abs(observed) - 1e-9).mean(axis=0))
    np.testing.assert_allclose(found.p_max, (np.abs(t).max(axis=1)[:, None] >= np.abs(observed) - 1e-9).mean(axis=0))
    assert found.attainable == 2**-6
    assert "smallest attainable p is 0.0156" in found.sentence


def test_it_equals_mne():
    stats = pytest.importorskip("mne").stats
    values = np.random.default_rng(1).standard_normal((9, 4)) + 0.6
    t, p_max, _ = stats.permutation_t_test(values, n_permutations="all", tail=0, verbose="error")
    found = sign_flip_test(values)
    np.testing.assert_allclose(found.t, t)
    np.testing.assert_allclose(found.p_max, p_max, atol=2 / 2**9)


def test_many_subjects_are_flipped_at_random_and_equal_seeds_give_equal_p():
    values = np.random.default_rng(2).standard_normal((20, 2)) + np.array([0.0, 2.0])
    one, two = sign_flip_test(values, 500), sign_flip_test(values, 500)
    np.testing.assert_array_equal(one.p, two.p)
    assert not one.exact
    assert one.p[1] == one.attainable == 1 / 501


def test_false_positives_are_nominal_over_many_tests():
    rng = np.random.default_rng(3)
    hits = [sign_flip_test(rng.standard_normal((8, 10))).p_max.min() <= 0.05 for _ in range(400)]
    assert np.mean(hits) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 400)


def test_what_cannot_be_tested_is_refused():
    with pytest.raises(SpecError, match="two subjects or more"):
        sign_flip_test(np.zeros((1, 3)))
    with pytest.raises(DataError, match="not finite"):
        sign_flip_test(np.array([[1.0], [np.nan]]))
