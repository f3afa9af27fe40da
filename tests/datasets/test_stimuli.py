from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from brainalign.datasets import near_identical
from brainalign.datasets.stimuli import Stimuli, checked_ids, positions
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


@pytest.mark.parametrize(
    ("ids", "texts"),
    [
        (["a", "b"], ("a", "b")),
        (np.arange(3), ("0", "1", "2")),
        ((np.int64(3), 12), ("3", "12")),
        (np.array(["a", "b"]), ("a", "b")),
        (np.array(["a", 3], object), ("a", "3")),
        (np.array([b"a", b"b"]), ("a", "b")),
        (pd.Series(["a", "b"], index=[4, 5]), ("a", "b")),
        (pd.Series(["b", "a"], dtype="category"), ("b", "a")),
        (pd.Index([2, 1]), ("2", "1")),
        (torch.arange(2), ("0", "1")),
        (iter("ab"), ("a", "b")),
        ([], ()),
    ],
)
def test_ids_of_every_ordered_container_become_plain_text(ids: Any, texts: tuple[str, ...]) -> None:
    found = checked_ids(ids, "Set 's'")
    assert found == texts
    assert {type(one) for one in found} <= {str}


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, "1"], "Set 's': '1' is given as a number and as text; expected one form. Give all ids as text."),
        (["a", "b", "a"], "Set 's': ids must be unique, but ['a'] repeat; give each stimulus its own id."),
        ([np.str_("a"), "a"], "Set 's': ids must be unique, but ['a'] repeat; give each stimulus its own id."),
        (["a", 1.0], "Set 's': id 1 is 1.0; expected text or a whole number. Give each stimulus a name."),
        (["a", np.nan], "Set 's': id 1 is nan; expected text or a whole number. Give each stimulus a name."),
        ([None], "Set 's': id 0 is None; expected text or a whole number. Give each stimulus a name."),
        ([pd.NA], "Set 's': id 0 is <NA>; expected text or a whole number. Give each stimulus a name."),
        ([True], "Set 's': id 0 is True; expected text or a whole number. Give each stimulus a name."),
        (["a", ""], "Set 's': id 1 is ''; expected text or a whole number. Give each stimulus a name."),
        (np.ma.masked_array([1, 2], [0, 1]), "id 1 is masked; expected text or a whole number."),
        (pd.MultiIndex.from_tuples([("a", 1)]), "Set 's': id 0 is ('a', 1); expected text or a whole number."),
        ("ab", "Set 's': ids are of type str; expected one id per row, in order. Give a list of ids."),
        ({"a": 1}, "Set 's': ids are of type dict; expected one id per row, in order. Give a list of ids."),
        ({"a", "b"}, "Set 's': ids are of type set; expected one id per row, in order. Give a list of ids."),
        (3, "Set 's': ids are of type int; expected one id per row, in order. Give a list of ids."),
        (np.array(3), "Set 's': ids are of type ndarray; expected one id per row, in order. Give a list of ids."),
        (np.array([["a"], ["b"]]), "Set 's': ids are of type ndarray; expected one id per row, in order."),
        (pd.DataFrame({"a": [1]}), "Set 's': ids are of type DataFrame; expected one id per row, in order."),
    ],
)
def test_ids_without_one_reading_are_refused_in_one_line(ids: Any, message: str) -> None:
    with pytest.raises(StimulusMismatchError) as caught:
        checked_ids(ids, "Set 's'")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_ids_of_trials_may_repeat_but_not_in_two_forms() -> None:
    assert checked_ids([2, 2, 1], "Trials", unique=False) == ("2", "2", "1")
    with pytest.raises(StimulusMismatchError, match="'2' is given as a number and as text"):
        checked_ids([2, "2"], "Trials", unique=False)


@pytest.mark.parametrize(
    "images",
    [
        IMAGES[::-1][::-1],
        IMAGES.astype(">i2"),
        IMAGES.tolist(),
        [torch.from_numpy(one) for one in IMAGES],
        torch.from_numpy(IMAGES),
        torch.from_numpy(IMAGES).to(torch.int32),
        np.ma.masked_array(IMAGES, np.zeros(IMAGES.shape, bool)),
        np.asfortranarray(IMAGES),
    ],
    ids=["reversed", "big-endian", "lists", "list of tensors", "tensor", "int32", "masked nowhere", "columns first"],
)
def test_whole_numbers_in_any_array_are_the_same_images(images: Any) -> None:
    stimuli = Stimuli(("a", "b", "c"), images, "abc")
    assert type(stimuli.images) is np.ndarray
    assert stimuli.images.dtype == np.uint8
    assert stimuli.images.flags.c_contiguous
    np.testing.assert_array_equal(stimuli.images, IMAGES)
    assert stimuli.key == Stimuli(("a", "b", "c"), IMAGES, "abc").key


def test_read_only_images_are_kept_and_subset() -> None:
    images = IMAGES.copy()
    images.setflags(write=False)
    np.testing.assert_array_equal(Stimuli(("a", "b", "c"), images, "abc").subset(["b"]).images, IMAGES[1:2])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES / 255, r"images are float64 \(3, 2, 2, 1\) from 0.0 to 0.04\d*; expected uint8 in 0..255 .* Scale to"),
        (torch.ones(3, 2, 2, 1, requires_grad=True), "images are float32 .* from 1.0 to 1.0; expected uint8"),
        (IMAGES.astype(int) - 1, "images are int64 .* from -1 to 10; expected uint8 in 0..255"),
        (IMAGES.astype(int) + 250, "images are int64 .* from 250 to 261; expected uint8"),
        (IMAGES > 3, r"images are bool \(3, 2, 2, 1\); expected uint8"),
        (IMAGES.astype(str), "images are <U3 .*; expected uint8"),
        (IMAGES[:, :0], r"images are uint8 \(3, 0, 2, 1\); expected uint8"),
        (IMAGES.transpose(0, 3, 1, 2), r"images are uint8 \(3, 1, 2, 2\) .* put channels on the last axis"),
        ([IMAGES[0], IMAGES[0, :1, :, 0], IMAGES[0]], r"image 1: images are uint8 \(1, 1, 2\).*; expected uint8"),
        (np.ma.masked_array(IMAGES, IMAGES == 3), "some pixels are masked; expected a value for each"),
        ([np.ma.masked_array(one, one == 3) for one in IMAGES], "some pixels are masked; expected a value for each"),
    ],
)
def test_images_without_one_reading_are_refused_in_one_line(images: Any, message: str) -> None:
    with pytest.raises(StimulusMismatchError, match="Stimuli 'abc'(: |, )" + message) as caught:
        Stimuli(("a", "b", "c"), images, "abc")
    assert "\n" not in str(caught.value)


def test_no_stimuli_are_refused() -> None:
    message = "Stimuli 'abc': there are no stimuli; expected at least one. Look at what was selected."
    for none in (lambda: Stimuli((), [], "abc"), lambda: Stimuli(("a", "b", "c"), IMAGES, "abc").subset(())):
        with pytest.raises(StimulusMismatchError, match=message):
            none()


def test_numbers_name_the_same_stimuli_as_their_text() -> None:
    stimuli = Stimuli(np.array([10, 2, 7]), IMAGES, "abc", pd.Series([1, 2, 1]))
    assert stimuli.ids == ("10", "2", "7")
    assert stimuli.labels == ("1", "2", "1")
    part = stimuli.subset(np.array([7, 10]))
    assert part.ids == ("7", "10")
    assert stimuli.key == Stimuli(("10", "2", "7"), IMAGES, "abc").key
    np.testing.assert_array_equal(part.images, IMAGES[[2, 0]])
    np.testing.assert_array_equal(positions(pd.Series([10, 2]), [2, 10, 2], "abc"), [1, 0, 1])
    with pytest.raises(StimulusMismatchError, match=r"Set 'abc': ids must be unique, but \['a'\] repeat"):
        positions(("a", "b", "a"), ("a",), "abc")


def test_labels_are_kept_as_text_or_refused() -> None:
    assert Stimuli(("a", "b", "c"), IMAGES, "abc", np.array([True, False, True])).labels == ("True", "False", "True")
    with pytest.raises(StimulusMismatchError, match="Stimuli 'abc': label 1 is nan; expected text or a whole number"):
        Stimuli(("a", "b", "c"), IMAGES, "abc", ["x", np.nan, "y"])
    with pytest.raises(StimulusMismatchError, match="Stimuli 'abc': labels are of type str; expected one label per"):
        Stimuli(("a", "b", "c"), IMAGES, "abc", "xyz")


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
    with pytest.raises(StimulusMismatchError, match="'pictures': group label 1 is None; expected text"):
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
