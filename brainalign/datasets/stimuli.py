"""Images under their ids: what networks and brains are both shown."""

from collections.abc import Sequence
from dataclasses import dataclass

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
