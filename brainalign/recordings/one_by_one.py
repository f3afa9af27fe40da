"""Recordings of several subjects of which one is read when it is asked for."""

from collections.abc import Callable, Sequence
from typing import overload

from brainalign.recordings.recording import Recording


class OneByOne(Sequence[Recording]):
    """A sequence of recordings; each is read when it is taken, so that a loop holds one.

    Parameters
    ----------
    read
        Returns the trials of a subject.
    subjects
        Their names.

    Examples
    --------
    >>> import numpy as np
    >>> def read(subject):
    ...     return Recording(np.ones((2, 1, 1)), ("a", "b"), ("c1",), (0.0,), subject, "toy", "EEG", "uV")
    >>> [one.subject for one in OneByOne(read, ("s01", "s02"))]
    ['s01', 's02']
    """

    def __init__(self, read: Callable[[str], Recording], subjects: Sequence[str]) -> None:
        self._read, self.subjects = read, tuple(subjects)

    def __len__(self) -> int:
        return len(self.subjects)

    @overload
    def __getitem__(self, index: int) -> Recording: ...

    @overload
    def __getitem__(self, index: slice) -> "OneByOne": ...

    def __getitem__(self, index: int | slice) -> "Recording | OneByOne":
        """Read a recording, or name several that are not read yet."""
        return (
            OneByOne(self._read, self.subjects[index]) if isinstance(index, slice) else self._read(self.subjects[index])
        )
