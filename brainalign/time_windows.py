"""Windows of time in which responses are averaged: pairs of seconds from onset, listed or by name."""

from collections.abc import Iterable, Mapping
from typing import Any

from brainalign.options import plain, require


def checked_windows(given: Any) -> tuple[tuple[float, ...], ...] | dict[str, tuple[float, ...]]:
    """Return windows of time in the order of their centres, or by name, each ``(tmin, tmax)`` in seconds.

    Raises
    ------
    SpecError
        If one is no pair of seconds, the first before the second, or two have one centre.
    """
    given = plain(given)
    if isinstance(given, Mapping):
        require(
            len(given) > 0 and all(given),
            "Option windows",
            given,
            "a name for each window, such as {peak = [0.1, 0.2]}",
        )
        return {name: checked_windows([one])[0] for name, one in given.items()}  # type: ignore[index]  # a list has a tuple
    expected = "pairs of seconds, the first before the second, such as [[0.08, 0.12], [0.13, 0.18]]"
    require(isinstance(given, (list, tuple)), "Option windows", given, expected)
    found = []
    for one in given:
        numbers = isinstance(one, (list, tuple)) and all(
            isinstance(time, (int, float)) and not isinstance(time, bool) and abs(time) < float("inf") for time in one
        )
        require(numbers and len(one) == 2 and one[0] < one[1], "Option windows", given, expected)
        found.append((float(one[0]), float(one[1])))
    found.sort(key=lambda window: sum(window))
    centres = [sum(window) for window in found]
    require(
        len(set(centres)) == len(found),
        "Option windows",
        given,
        "windows that differ in their centre, which names them",
    )
    return tuple(found)


def window_places(rois: Iterable[str], windows: Any) -> dict[str, str]:
    """Return the name of each ROI in each named window, ``"scalp peak"``, to that of the ROI.

    ``windows`` are those of a :class:`~brainalign.specs.RecordingSpec`, or of its :func:`~brainalign.specs.to_dict`.
    """
    return {f"{roi} {name}": roi for roi in rois for name in (windows if isinstance(windows, Mapping) else ())}
