from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from brainalign.datasets.stimuli import Stimuli, checked_ids, positions
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
