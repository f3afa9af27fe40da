import numpy as np
import pytest

from brainalign.datasets import near_identical
from brainalign.datasets.stimuli import Stimuli, positions
from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.storage import content_hash

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


# -- which stimuli are one and the same -------------------------------------------------------------------------------


def _pictures(*rows: int) -> np.ndarray:
    """Different pictures by number, ``(n, 40, 40, 3)``; one number is one picture."""
    made = np.random.default_rng(0).integers(0, 256, (10, 40, 40, 3)).astype(np.uint8)
    return made[list(rows)]


def _named(images: np.ndarray, group_labels: tuple[str | int, ...] | None = None) -> Stimuli:
    ids = tuple("abcdefghij"[: len(images)])
    return Stimuli(ids, images, "pictures", group_labels=group_labels)


def test_identical_pixels_are_one_group_whatever_their_ids() -> None:
    stimuli = _named(_pictures(3, 1, 3, 2, 1))
    assert stimuli.groups == (0, 1, 0, 2, 1)
    assert stimuli.groups_of(["e", "d", "b"]) == (0, 1, 0)
    assert stimuli.groups_of(["e", "d", "a"]) is None  # each for itself


def test_declared_labels_and_identical_pixels_are_linked() -> None:
    # a and c are one picture, c and d have one label, d and e are one picture: one group of four
    stimuli = _named(_pictures(0, 1, 0, 2, 2, 3), ("u", "v", "w", "w", "x", "y"))
    assert stimuli.groups == (0, 1, 0, 0, 0, 2)
    part = stimuli.subset(["e", "b", "a"])  # what links e with a is left out
    assert part.groups == (0, 1, 0)
    assert part.subset(["a", "e"]).groups == (0, 0)
    assert _named(_pictures(0, 1, 2), (7, np.int64(8), 7)).groups == (0, 1, 0)


def test_undeclared_groups_leave_the_key_and_declared_ones_are_part_of_it() -> None:
    plain = _named(_pictures(0, 1, 0))
    assert plain.key == content_hash(list(plain.ids), plain.images)
    assert len({plain.key, _named(_pictures(0, 1, 0), ("x", "x", "x")).key}) == 2
    one, other = (_named(_pictures(0, 1, 2), labels) for labels in (("x", "y", "x"), (1, 2, 1)))
    assert one.key == other.key  # the same groups


def test_group_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(StimulusMismatchError, match=r"'pictures': 2 group labels for 3 ids; give one per image"):
        _named(_pictures(0, 1, 2), ("x", "y"))
    with pytest.raises(StimulusMismatchError, match="Group labels of 'pictures'"):
        _named(_pictures(0, 1, 2), ("x", None, "y"))  # type: ignore[arg-type]


def test_nearly_identical_pictures_are_told_with_their_correlation() -> None:
    rng = np.random.default_rng(1)
    images = _pictures(0, 1, 2, 0, 1)
    images[3] = np.clip(images[3].astype(int) + rng.integers(-6, 7, images[3].shape), 0, 255)  # nearly a
    images[4] = np.roll(images[4], 1, axis=1)  # no longer like b
    ((first, second, r),) = _named(images).near_identical()
    assert (first, second) == ("a", "d")
    assert 0.99 < r < 1
    assert _named(images).groups == (0, 1, 2, 3, 4)  # told, not grouped
    assert _named(images, ("u", "v", "w", "u", "x")).near_identical() == ()  # declared: nothing left to tell


def test_what_is_one_group_is_not_told_and_uniform_pictures_have_no_correlation() -> None:
    assert _named(_pictures(0, 0, 1)).near_identical() == ()
    uniform = np.stack([np.full((64, 64, 3), level, np.uint8) for level in (10, 77, 78)])
    assert _named(uniform).near_identical() == ()
    assert _named(_pictures(0)).near_identical() == ()


def test_pairs_are_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    images = np.clip(_pictures(0, 1, 0, 1, 0, 2, 2).astype(int) + rng.integers(-6, 7, (7, 40, 40, 3)), 0, 255)
    whole = _named(images.astype(np.uint8)).near_identical()
    assert {pair[:2] for pair in whole} == {("a", "c"), ("a", "e"), ("c", "e"), ("b", "d"), ("f", "g")}
    monkeypatch.setattr(near_identical, "_ROWS", 2)
    monkeypatch.setattr(near_identical, "_BATCH_PIXELS", 3 * 40 * 40)
    again = _named(images.astype(np.uint8)).near_identical()
    assert [pair[:2] for pair in again] == [pair[:2] for pair in whole]
    np.testing.assert_allclose([pair[2] for pair in again], [pair[2] for pair in whole], atol=1e-12)


def test_a_threshold_that_every_pair_of_equals_fails_is_refused() -> None:
    with pytest.raises(SpecError, match=r"threshold = 1.0, expected a correlation below 1; use 0\.99"):
        _named(_pictures(0, 1)).near_identical(1.0)
