"""Images under their ids: what networks and brains are both shown."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch

from brainalign.datasets.near_identical import near_identical
from brainalign.datasets.picture_folder import picture_files
from brainalign.datasets.pictures import Pictures
from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.options import require_text
from brainalign.storage import content_hash
from brainalign.summary import Summarised, Summary, picture, some


@dataclass(frozen=True, eq=False)
class Stimuli(Summarised):
    """A set of images, each under a unique id.

    Parameters
    ----------
    ids
        Unique stimulus ids, length ``n_stimuli``, in any form that :func:`checked_ids` reads. Everything downstream
        joins on them, never on position.
    images
        ``(n_stimuli, height, width, channels)``, whole numbers in 0..255; channels 1 (grey) or 3 (RGB). Arrays,
        tensors and lists are kept as one contiguous uint8 array; images of several sizes, and files
        (:meth:`from_folder`), as :class:`~brainalign.datasets.pictures.Pictures`.
    name
        Name of the set, for captions.
    labels
        Optional category of each stimulus, kept as text.
    group_labels
        Optional declaration, one label per stimulus: stimuli with one label show the same thing (crops, flips, frames
        of one film). Together with identical pixels they make :attr:`groups`.

    Raises
    ------
    StimulusMismatchError
        If ids repeat or cannot be read, if there are none, if images are no whole numbers in 0..255 or partly masked,
        or if the number of ids is not the number of images, or that of the labels.

    Examples
    --------
    >>> import brainalign as ba, numpy as np
    >>> images = np.zeros((3, 8, 8, 1), np.uint8)
    >>> images[2, :4] = 255
    >>> three = ba.Stimuli(("a", "b", "c"), images, "squares", labels=("dark", "dark", "half"))
    >>> three.groups, three.groups_of(("c", "a"))
    ((0, 0, 1), None)
    >>> three.subset(["c"]).labels
    ('half',)
    >>> three.key == ba.Stimuli(("a", "b", "c"), images, "other name").key
    True
    >>> three.at([2]).shape
    (1, 8, 8, 1)
    >>> three.near_identical(threshold=0.9)
    ()
    """

    ids: tuple[str, ...]
    images: np.ndarray | Pictures
    name: str
    labels: tuple[str, ...] | None = None
    group_labels: tuple[str | int, ...] | None = None

    def __post_init__(self) -> None:
        require_text("Stimuli", name=self.name)
        what = f"Stimuli {self.name!r}"
        object.__setattr__(self, "ids", checked_ids(self.ids, what))
        if not self.ids:
            msg = f"{what}: there are no stimuli; expected at least one. Look at what was selected."
            raise StimulusMismatchError(msg)
        object.__setattr__(self, "images", _checked_images(self.images, what))
        if self.labels is not None:
            object.__setattr__(self, "labels", _texts(self.labels, what, "label"))
        if len(self.ids) != len(self.images):
            msg = f"{what}: {len(self.ids)} ids for {len(self.images)} images; give one id per image."
            raise StimulusMismatchError(msg)
        if self.labels is not None and len(self.labels) != len(self.ids):
            msg = f"{what}: {len(self.labels)} labels for {len(self.ids)} ids; give one label per image."
            raise StimulusMismatchError(msg)
        if self.group_labels is not None:
            object.__setattr__(self, "group_labels", _texts(self.group_labels, what, "group label"))
            if len(self.group_labels) != len(self.ids):
                msg = f"{what}: {len(self.group_labels)} group labels for {len(self.ids)} ids; give one per image."
                raise StimulusMismatchError(msg)

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def from_folder(
        cls,
        folder: str | Path,
        pattern: str = "*",
        background: Any = None,
        labels: Iterable[Any] | Mapping[str, Any] | str | None = None,
        name: str | None = None,
    ) -> "Stimuli":
        """Return the pictures of a folder; ids are file names without suffix, in the order of names.

        A file is decoded when its pixels are asked for. Pictures may differ in size: what a network is shown of
        each is what :class:`~brainalign.datasets.preprocessing.Preprocessing` declares (``aspect``). For formats see
        :class:`~brainalign.datasets.picture_file.PictureFile`; where one picture has colours, all are read as RGB.

        Parameters
        ----------
        folder
            Where they are. Hidden files, and files that are no pictures by their suffix, are passed over.
        pattern
            Which files: ``"*.png"``; ``"**/*"`` takes the folders within, too.
        background
            Grey level or ``(r, g, b)`` in 0..255 that shows through where pictures are transparent; such a picture is
            refused without.
        labels
            Category of each picture by id, or one per picture in the order of names; ``"folder"``: the name of the
            folder that it is in.
        name
            Of the set, for captions; that of the folder unless given.

        Raises
        ------
        DataError
            If there is no such folder or no picture in it, a picture cannot be read, has several frames or is
            transparent, or two have one name. What is damaged behind its head is told when it is decoded.
        StimulusMismatchError
            If labels do not fit.

        Examples
        --------
        >>> import tempfile; from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name, size in (("face", (8, 8)), ("house", (12, 8))):
        ...         Image.new("L", size, 200).save(f"{folder}/{name}.png")
        ...     Stimuli.from_folder(folder).ids
        ('face', 'house')
        """
        files = picture_files(folder, pattern, background)
        if labels == "folder":
            labels = [one.path.parent.name for one in files.values()]
        elif isinstance(labels, Mapping):
            missing = [one for one in files if one not in labels]
            if missing:
                msg = f"Folder {str(folder)!r}: {len(missing)} pictures have no label ({missing[:3]}); give each one."
                raise StimulusMismatchError(msg)
            labels = [labels[one] for one in files]
        named = name or Path(folder).expanduser().resolve().name
        return cls(tuple(files), Pictures(list(files.values())), named, labels)  # type: ignore[arg-type]  # checked

    def at(self, rows: Any) -> np.ndarray | list[np.ndarray]:
        """Return pixels at positions or of a slice: ``(n, height, width, channels)``, or a list where sizes differ."""
        if isinstance(self.images, np.ndarray):
            return self.images[rows]
        part = self.images.part(rows)
        return part[:] if len(set(part.sizes)) == 1 else list(part)

    def subset(self, ids: Sequence[str]) -> "Stimuli":
        """Return the stimuli ``ids``, in that order."""
        ids = checked_ids(ids, f"Stimuli {self.name!r}")
        rows = positions(self.ids, ids, self.name)
        labels = None if self.labels is None else tuple(self.labels[row] for row in rows)
        # codes of the whole set: two stimuli may belong together through a third that is left out
        together = None if self.group_labels is None else tuple(str(self.groups[row]) for row in rows)
        images = self.images[rows] if isinstance(self.images, np.ndarray) else self.images.part(rows)
        return Stimuli(ids=ids, images=images, name=self.name, labels=labels, group_labels=together)

    def summary(self) -> Summary:
        """Return how many there are, of which size and kind; HTML shows the first few."""
        whole = isinstance(self.images, np.ndarray)
        sizes = [self.images.shape[1:3]] if whole else sorted(set(self.images.sizes))  # type: ignore[union-attr]
        ends = dict.fromkeys(f"{height} x {width}" for height, width in (sizes[0], sizes[-1]))
        grey = (self.images.shape[3] if whole else self.images.channels) == 1  # type: ignore[union-attr]
        facts = {"pictures": f"{' to '.join(ends)} pixels, {'grey' if grey else 'RGB'}", "ids": some(self.ids)}
        if self.labels is not None:
            kinds = dict.fromkeys(self.labels)
            facts["labels"] = f"{len(kinds)} kinds: {some(kinds)}"
        return Summary(f"Stimuli {self.name!r}: {len(self)}", facts, "".join(map(picture, self.at(slice(0, 6)))))

    @property
    def key(self) -> str:
        """Content hash of ids and images, and of the groups that were declared."""
        declared = [] if self.group_labels is None else [list(self.groups)]
        images = self.images if isinstance(self.images, np.ndarray) else self.images.key
        return content_hash(list(self.ids), images, *declared)

    @cached_property
    def groups(self) -> tuple[int, ...]:
        """``(n_stimuli,)``: which stimuli are one and the same, as codes from 0 in the order of first appearance.

        Identical pixels make a group, whatever the ids, and so does a declared label; what is linked through either is
        one group. A group is never divided between training and test stimuli, and is drawn as one.
        """
        first: dict[tuple[str, str | bytes], int] = {}
        root = list(range(len(self)))

        def find(row: int) -> int:
            while root[row] != row:
                row = root[row]
            return row

        for row, image in enumerate(self.images):
            names: list[tuple[str, str | bytes]] = [(f"pixels {image.shape}", blake2b(image.tobytes()).digest())]
            names += [] if self.group_labels is None else [("label", str(self.group_labels[row]))]
            for name in names:
                one, other = find(first.setdefault(name, row)), find(row)
                root[max(one, other)] = min(one, other)
        return _codes([find(row) for row in range(len(self))])

    def groups_of(self, ids: Sequence[str]) -> tuple[int, ...] | None:
        """Return the groups of these stimuli, coded anew from 0; ``None`` where each is a group of its own."""
        codes = _codes([self.groups[row] for row in positions(self.ids, ids, self.name)])
        return codes if len(set(codes)) < len(codes) else None

    def near_identical(self, threshold: float = 0.99) -> tuple[tuple[str, str, float], ...]:
        """Return pairs of ids and the correlation of their pictures, where it is above ``threshold``.

        Pictures are compared grey and 32 x 32 pixels. Pairs of one group are left out.

        Raises
        ------
        SpecError
            If the threshold is no correlation below 1.
        """
        if not -1 <= threshold < 1:
            msg = f"threshold = {threshold}, expected a correlation below 1; use 0.99."
            raise SpecError(msg)
        return tuple(
            (self.ids[i], self.ids[j], float(value))
            for first, second, r in near_identical(self.images, threshold)
            for i, j, value in zip(first, second, r, strict=True)
            if self.groups[i] != self.groups[j]
        )


def _codes(labels: Sequence[int]) -> tuple[int, ...]:
    """Return labels as codes from 0 in the order of first appearance."""
    code: dict[int, int] = {}
    return tuple(code.setdefault(label, len(code)) for label in labels)


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
    ids = list(ids) if isinstance(ids, Iterator) else ids
    texts = _texts(ids, what, "id")
    counted = [isinstance(value, Integral) for value in _plain(ids)]
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


def _texts(values: Iterable[Any], what: str, noun: str) -> tuple[str, ...]:
    unordered = isinstance(values, (str, bytes, Mapping, Set)) or not isinstance(values, Iterable)
    if unordered or getattr(values, "ndim", 1) != 1:
        msg = (
            f"{what}: {noun}s are of type {type(values).__name__}; expected one {noun} per row, in order. "
            f"Give a list of {noun}s."
        )
        raise StimulusMismatchError(msg)
    return tuple(_text(value, row, what, noun) for row, value in enumerate(_plain(values)))


def _text(value: Any, row: int, what: str, noun: str) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str) and value:
        return str.__str__(value)  # np.str_ and other kinds of text become plain text
    if noun == "label" and isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, Integral) and not isinstance(value, bool):
        return str(int(value))
    shown = " ".join(repr(value).split())
    msg = f"{what}: {noun} {row} is {shown}; expected text or a whole number. Give each stimulus a name."
    raise StimulusMismatchError(msg)


def _checked_images(images: Any, what: str) -> np.ndarray | Pictures:
    """Return images as one contiguous uint8 array or as pictures, or refuse what has no single reading as such."""
    if isinstance(images, Pictures):
        return images
    if isinstance(images, (list, tuple)) and len({np.shape(image) for image in map(_array, images)}) > 1:
        return _of_sizes(images, what)
    try:
        many = isinstance(images, (list, tuple))
        values = np.stack([_array(image) for image in images]) if many and len(images) else _array(images)
    except (TypeError, ValueError) as error:
        msg = f"{what}: images are no array ({error}); expected one size and number of channels. Resize them first."
        raise StimulusMismatchError(msg) from error
    if any(np.ma.is_masked(image) for image in (images if many else [images])):
        msg = f"{what}: some pixels are masked; expected a value for each. Fill them or leave those images out."
        raise StimulusMismatchError(msg)
    whole = values.dtype.kind in "iu" and (values.size == 0 or (values.min() >= 0 and values.max() <= 255))
    if not whole or values.ndim != 4 or values.shape[-1] not in (1, 3) or 0 in values.shape[1:]:
        inside = f" from {values.min()} to {values.max()}" if values.dtype.kind in "iuf" and values.size else ""
        msg = (
            f"{what}: images are {values.dtype} {values.shape}{inside}; expected uint8 in 0..255 "
            "(n_stimuli, height, width, 1 or 3). Scale to 0..255, round to uint8 and put channels on the last axis."
        )
        raise StimulusMismatchError(msg)
    return np.ascontiguousarray(values, np.uint8)


def _of_sizes(images: Sequence[Any], what: str) -> Pictures:
    """Return images of several sizes, each checked on its own."""
    each = []
    for row, image in enumerate(images):
        if np.ma.is_masked(image):
            msg = f"{what}: some pixels are masked; expected a value for each. Fill them or leave those images out."
            raise StimulusMismatchError(msg)
        one = _checked_images(_array(image)[None], f"{what}, image {row}")
        assert isinstance(one, np.ndarray)
        each.append(one[0])
    channels = sorted({one.shape[2] for one in each})
    if len(channels) > 1:
        msg = f"{what}: images have {channels[0]} and {channels[1]} channels; expected one number. Make all RGB."
        raise StimulusMismatchError(msg)
    return Pictures(each)


def _array(values: Any) -> np.ndarray:
    return np.asarray(values.detach().cpu() if isinstance(values, torch.Tensor) else values)


def _plain(values: Iterable[Any]) -> list[Any]:
    return values.tolist() if isinstance(values, torch.Tensor) else list(values)  # a tensor iterates over tensors


def positions(have: Sequence[str], want: Sequence[str], name: str) -> np.ndarray:
    """Return where each id of ``want`` stands in ``have``: the one join of the package.

    Raises
    ------
    StimulusMismatchError
        If any id of ``want`` is missing, naming counts and the first offenders, or if ids of ``have`` repeat.
    """
    have, want = checked_ids(have, f"Set {name!r}"), checked_ids(want, f"Ids asked of {name!r}", unique=False)
    where = {stimulus: row for row, stimulus in enumerate(have)}
    missing = [stimulus for stimulus in want if stimulus not in where]
    if missing:
        msg = (
            f"{len(missing)} of {len(want)} stimuli are not in {name!r} (which holds {len(have)}), "
            f"first: {missing[:3]}. Use the ids of that set, or subset to the stimuli both hold."
        )
        raise StimulusMismatchError(msg)
    return np.array([where[stimulus] for stimulus in want], dtype=np.int64)
