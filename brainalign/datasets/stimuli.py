"""Images under their ids: what networks and brains are both shown."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from brainalign.errors import StimulusMismatchError
from brainalign.storage import content_hash


@dataclass(frozen=True, eq=False)
class Stimuli:
    """A set of images, each under a unique id.

    Parameters
    ----------
    ids
        Unique stimulus ids, length ``n_stimuli``. Everything downstream joins on them, never on position.
    images
        ``(n_stimuli, height, width, channels)``, uint8 in 0..255; channels 1 (grey) or 3 (RGB).
    name
        Name of the set, for captions.
    labels
        Optional category of each stimulus.

    Raises
    ------
    StimulusMismatchError
        If ids repeat, or their number is not the number of images, or that of the labels.
    """

    ids: tuple[str, ...]
    images: np.ndarray
    name: str
    labels: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.images):
            msg = f"Stimuli {self.name!r}: {len(self.ids)} ids for {len(self.images)} images; give one id per image."
            raise StimulusMismatchError(msg)
        if len(set(self.ids)) != len(self.ids):
            repeated = sorted({i for i in self.ids if self.ids.count(i) > 1})[:3]
            msg = f"Stimuli {self.name!r}: ids must be unique, but {repeated} repeat; give each image its own id."
            raise StimulusMismatchError(msg)
        if self.images.dtype != np.uint8 or self.images.ndim != 4 or self.images.shape[-1] not in (1, 3):
            msg = (
                f"Stimuli {self.name!r}: images are {self.images.dtype} {self.images.shape}; expected uint8 "
                "(n_stimuli, height, width, 1 or 3). Scale to 0..255 and add the channel axis."
            )
            raise StimulusMismatchError(msg)

        if self.labels is not None and len(self.labels) != len(self.ids):
            msg = f"Stimuli {self.name!r}: {len(self.labels)} labels for {len(self.ids)} ids; give one label per image."
            raise StimulusMismatchError(msg)

    def __len__(self) -> int:
        return len(self.ids)

    def subset(self, ids: Sequence[str]) -> "Stimuli":
        """Return the stimuli ``ids``, in that order."""
        rows = positions(self.ids, ids, self.name)
        labels = None if self.labels is None else tuple(self.labels[row] for row in rows)
        return Stimuli(tuple(ids), self.images[rows], self.name, labels)

    @property
    def key(self) -> str:
        """Content hash of ids and images."""
        return content_hash(list(self.ids), self.images)


def checked_ids(ids: Iterable[Any], what: str, unique: bool = True) -> tuple[str, ...]:
    """Return ids as plain text: the one place where a list, an array or a column becomes stimulus ids.

    Parameters
    ----------
    ids
        Text, bytes in UTF-8, or whole numbers, which become their decimal text; in any ordered, one-dimensional
        container (list, array, tensor, pandas column or index).
    what
        What the ids belong to, with a capital: the first word of the message.
    unique
        Whether ids must differ; trials may share one.

    Returns
    -------
    tuple of str
        In the order given.

    Raises
    ------
    StimulusMismatchError
        If an id is empty, a float, a truth value or missing, if ids have no order or several axes, if a number
        and a text become one id, or if ids repeat and must not.
    """
    unordered = isinstance(ids, (str, bytes, Mapping, Set)) or not isinstance(ids, Iterable)
    if unordered or getattr(ids, "ndim", 1) != 1:
        msg = f"{what}: ids are of type {type(ids).__name__}; expected one id per row, in order. Give a list of ids."
        raise StimulusMismatchError(msg)
    values = list(ids.tolist() if hasattr(ids, "detach") else ids)  # a tensor iterates over tensors
    texts = tuple(_id_text(value, row, what) for row, value in enumerate(values))
    counted = [isinstance(value, Integral) for value in values]
    numbers = {text for text, number in zip(texts, counted, strict=True) if number}
    both = [text for text, number in zip(texts, counted, strict=True) if not number and text in numbers]
    if both:
        msg = f"{what}: {both[0]!r} is given as a number and as text; expected one form. Give all ids as text."
        raise StimulusMismatchError(msg)
    if unique and len(set(texts)) != len(texts):
        repeated = [text for text, count in Counter(texts).items() if count > 1][:3]
        msg = f"{what}: ids must be unique, but {repeated} repeat; give each stimulus its own id."
        raise StimulusMismatchError(msg)
    return texts


def _id_text(value: Any, row: int, what: str) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str) and value:
        return str.__str__(value)  # np.str_ and other kinds of text become plain text
    if isinstance(value, Integral) and not isinstance(value, bool):
        return str(int(value))
    shown = " ".join(repr(value).split())
    msg = f"{what}: id {row} is {shown}; expected text or a whole number. Give each stimulus a name."
    raise StimulusMismatchError(msg)


def positions(have: Sequence[str], want: Sequence[str], name: str) -> np.ndarray:
    """Return where each id of ``want`` stands in ``have``: the one join of the package.

    Raises
    ------
    StimulusMismatchError
        If any id of ``want`` is missing, naming counts and the first offenders.
    """
    where = {stimulus: row for row, stimulus in enumerate(have)}
    missing = [stimulus for stimulus in want if stimulus not in where]
    if missing:
        msg = (
            f"{len(missing)} of {len(want)} stimuli are not in {name!r} (which holds {len(have)}), "
            f"first: {missing[:3]}. Use the ids of that set, or subset to the stimuli both hold."
        )
        raise StimulusMismatchError(msg)
    return np.array([where[stimulus] for stimulus in want], dtype=np.int64)
