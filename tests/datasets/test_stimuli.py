import numpy as np
import pytest

from brainalign.datasets.stimuli import Stimuli, positions
from brainalign.errors import StimulusMismatchError

IMAGES = np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2, 1)


def test_subset_follows_ids_not_positions() -> None:
    stimuli = Stimuli(("a", "b", "c"), IMAGES, "abc", ("x", "y", "z"))
    part = stimuli.subset(["c", "a"])
    assert part.ids == ("c", "a")
    assert part.labels == ("z", "x")
    np.testing.assert_array_equal(part.images, IMAGES[[2, 0]])


def test_key_depends_on_ids_and_pixels() -> None:
    keys = {
        Stimuli(("a", "b", "c"), IMAGES, "abc").key,
        Stimuli(("a", "c", "b"), IMAGES, "abc").key,
        Stimuli(("a", "b", "c"), IMAGES[::-1], "abc").key,
    }
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("ids", "images", "labels"),
    [
        (("a", "b"), IMAGES, None),
        (("a", "b", "a"), IMAGES, None),
        (("a", "b", "c"), IMAGES.astype(float), None),
        (("a", "b", "c"), IMAGES[..., 0], None),
        (("a", "b", "c"), IMAGES, ("x",)),
    ],
)
def test_inconsistent_stimuli_are_refused(ids: tuple[str, ...], images: np.ndarray, labels: tuple[str, ...]) -> None:
    with pytest.raises(StimulusMismatchError):
        Stimuli(ids, images, "abc", labels)


def test_positions_name_what_is_missing() -> None:
    np.testing.assert_array_equal(positions(("a", "b", "c"), ("c", "b"), "abc"), [2, 1])
    with pytest.raises(StimulusMismatchError, match=r"2 of 3 stimuli are not in 'abc'.*'x', 'y'"):
        positions(("a", "b", "c"), ("x", "a", "y"), "abc")
