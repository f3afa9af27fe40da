import numpy as np
import pytest

from brainalign.comparisons.group_folds import group_folds


def test_groups_stay_together_and_folds_are_balanced():
    groups = np.repeat(np.arange(23), 4)
    folds = group_folds(groups, 5, 0)
    assert all(len(set(folds[groups == g])) == 1 for g in range(23))
    assert np.bincount(folds).max() - np.bincount(folds).min() <= 4


@pytest.mark.parametrize("sizes", [[20, 1, 1, 1, 1, 1, 1], [3, 3, 2, 2, 1]])
def test_no_fold_is_empty_with_unequal_groups(sizes):
    folds = group_folds(np.repeat(list("abcdefg")[: len(sizes)], sizes), 5, 3)
    assert (np.bincount(folds, minlength=5) > 0).all()


def test_folds_follow_labels_not_rows_and_change_with_the_seed():
    labels = np.array([f"s{k}" for k in range(50)])
    order = np.random.default_rng(0).permutation(50)
    np.testing.assert_array_equal(group_folds(labels, 5, 1)[order], group_folds(labels[order], 5, 1))
    assert (group_folds(labels, 5, 1) != group_folds(labels, 5, 2)).any()
