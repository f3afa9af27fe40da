import gzip
from pathlib import Path

import numpy as np
import pytest

from brainalign.datasets.mnist import MNIST, read_idx
from brainalign.errors import DataError


def test_published_counts_and_first_labels(data_dir: str) -> None:
    train, test = MNIST(data_dir).train(), MNIST(data_dir).test()
    assert train.images.shape == (60000, 1, 28, 28)
    assert test.images.shape == (10000, 1, 28, 28)
    # The first labels and the class counts of both files are well known.
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert train.images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert train.images.std() / 255 == pytest.approx(0.3081, abs=5e-5)
    assert train.index.tolist() == list(range(60000))
    assert train.images.flags.writeable


def test_images_are_upright(data_dir: str) -> None:
    test = MNIST(data_dir).test()
    ones = test.images[test.labels == 1, 0].mean(axis=0)
    rows, columns = np.nonzero(ones > 64)
    assert np.ptp(rows) > 2 * np.ptp(columns)  # a one is tall


def test_stimuli_of_the_test_split(data_dir: str) -> None:
    stimuli = MNIST(data_dir).test_stimuli(20, seed=0)
    assert stimuli.images.shape == (20, 28, 28, 1)
    row = int(stimuli.ids[0].removeprefix("mnist-test-"))
    test = MNIST(data_dir).test()
    assert stimuli.labels is not None
    assert stimuli.labels[0] == str(test.labels[row])
    np.testing.assert_array_equal(stimuli.images[0, :, :, 0], test.images[row, 0])


def test_idx_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    head = b"\0\0\x08\x02" + (2).to_bytes(4, "big") + (3).to_bytes(4, "big")
    path.write_bytes(gzip.compress(head + bytes([1, 2, 3, 4, 5, 6])))
    assert read_idx(path).tolist() == [[1, 2, 3], [4, 5, 6]]
    for wrong in (head + b"\1", b"PK\3\4", b"\0\0\x0d\1" + bytes(8), b""):
        path.write_bytes(gzip.compress(wrong))
        with pytest.raises(DataError, match="Fetch it again"):
            read_idx(path)
