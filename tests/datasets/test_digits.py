import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from brainalign.datasets.digits import Digits


def test_split_is_disjoint_whole_and_balanced() -> None:
    train, test = Digits().train(), Digits().test()
    assert (len(train.labels), len(test.labels)) == (1297, 500)
    assert sorted([*train.index, *test.index]) == list(range(1797))
    assert np.bincount(test.labels).tolist() == [50] * 10
    # Training keeps the class proportions of the whole to within one per cent of the images.
    share = np.bincount(load_digits().target) / 1797 - np.bincount(train.labels) / 1297
    assert np.abs(share).max() < 0.01


def test_images_are_the_rows_of_scikit_learn_on_the_byte_scale() -> None:
    bunch = load_digits()
    for split in (Digits().train(), Digits().test()):
        assert split.images.dtype == np.uint8
        assert split.images.shape[1:] == Digits.input_shape
        np.testing.assert_array_equal(split.labels, bunch.target[split.index])
        np.testing.assert_allclose(split.images[:, 0] / 255 * 16, bunch.images[split.index], atol=0.5 * 16 / 255)
        assert (split.images.min(), split.images.max()) == (0, 255)


def test_last_fifty_of_each_class_are_held_out() -> None:
    train, test = Digits().train(), Digits().test()
    for digit in range(10):
        assert train.index[train.labels == digit].max() < test.index[test.labels == digit].min()


def test_a_linear_classifier_learns_it() -> None:
    train, test = Digits().train(), Digits().test()
    model = LogisticRegression(max_iter=300).fit(train.images.reshape(-1, 64) / 255, train.labels)
    assert model.score(test.images.reshape(-1, 64) / 255, test.labels) > 0.9
