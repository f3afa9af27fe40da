"""What a user asks for out of several: some of them by name, or all by leaving it out; never none."""

from collections.abc import Collection
from typing import Any

from brainalign.errors import SpecError


def asked_for(given: Any, what: str) -> Any:
    """Return what was asked for, ``()`` for None, which asks for all.

    A collection that is empty is refused: it would be read as all, and a selection that found nothing is a mistake.

    Raises
    ------
    SpecError
        If ``given`` is empty.

    Examples
    --------
    >>> asked_for(None, "layers"), asked_for(["fc1"], "layers")
    ((), ['fc1'])
    """
    if given is None:
        return ()
    if isinstance(given, Collection) and len(given) == 0:
        msg = f"{what} is empty ({given!r}); expected one or more. Leave it out for all."
        raise SpecError(msg)
    return given
