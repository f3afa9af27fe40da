"""Names of layers as they are asked for: plain, as a pattern, or one that there is not."""

import difflib
import re
from collections.abc import Sequence

from brainalign.errors import ExtractionError

# so many names stand in a message as a whole
_FEW = 12


def is_pattern(layer: str) -> bool:
    """Return whether a name stands for several: it holds ``*`` or ``?``."""
    return "*" in layer or "?" in layer


def matching(pattern: str, names: Sequence[str]) -> list[str]:
    """Return the names that a pattern stands for, in their order.

    ``*`` is any text without a dot and ``?`` one such character, so that ``"layer*"`` are the layers of one level;
    ``**`` is any text.

    Raises
    ------
    ExtractionError
        If it stands for none.
    """
    parts = re.split(r"(\*\*|\*|\?)", pattern)
    signs = {"**": ".*", "*": "[^.]*", "?": "[^.]"}
    expression = re.compile("".join(signs.get(part, re.escape(part)) for part in parts))
    found = [name for name in names if name and expression.fullmatch(name)]
    if not found:
        raise unknown(pattern, names, "No layer is named as")
    return found


def unknown(layer: str, names: Sequence[str], what: str = "Unknown layer") -> ExtractionError:
    """Return the one line about a layer that there is not: all names where they are few, else the nearest."""
    if len(names) <= _FEW:
        choice = f"Choose among: {', '.join(names)}."
    else:
        plain = layer.replace("*", "").replace("?", "")
        near = difflib.get_close_matches(plain, names, n=4, cutoff=0.3) or list(names[:4])
        choice = f"The nearest of {len(names)} names: {', '.join(near)}."
    msg = f"{what} {layer!r}. {choice}"
    return ExtractionError(msg)
