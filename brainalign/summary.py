"""What objects say of themselves where they are looked at: a few lines of text, and a small table in a notebook."""

import base64
import io
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

#: Lines of text, and letters of one of them.
MOST_LINES, MOST_LETTERS = 5, 118


@dataclass(frozen=True)
class Summary:
    """Facts about an object.

    Parameters
    ----------
    title
        What it is, in one line.
    facts
        Name to a fact; text shows the first four.
    picture
        HTML that stands beside them, without anything from elsewhere.
    """

    title: str
    facts: Mapping[str, str] = field(default_factory=dict)
    picture: str = ""

    def text(self) -> str:
        """Return at most five lines."""
        lines = [self.title, *(f"  {name}: {fact}" for name, fact in list(self.facts.items())[: MOST_LINES - 1])]
        return "\n".join(shortened(line) for line in lines)

    def html(self) -> str:
        """Return the title over a table, and the picture."""
        rows = "".join(
            f'<tr><td style="text-align:left;opacity:.65">{escape(name)}</td>'
            f'<td style="text-align:left">{escape(fact)}</td></tr>'
            for name, fact in self.facts.items()
        )
        return f"<div><strong>{escape(self.title)}</strong><table>{rows}</table>{self.picture}</div>"


class Summarised:
    """An object that is printed as its summary, in text and in notebooks; dataclasses print no list of their fields."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__repr__" not in vars(cls):
            cls.__repr__ = Summarised.__repr__  # type: ignore[method-assign]  # else a dataclass makes one

    def summary(self) -> Summary:
        """Return what the object is, in a few facts."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.summary().text()

    def _repr_html_(self) -> str:
        return self.summary().html()


def changed(value: "DataclassInstance", without: Iterable[str] = ()) -> str:
    """Return the options of a dataclass that are not what they are by default, in one line; empty where none is."""
    left, kept = set(without), []
    for one in fields(value):
        own = getattr(value, one.name)
        usual = one.default if one.default_factory is MISSING else one.default_factory()
        if one.name not in left and own != usual:
            kept.append(f"{one.name} = {own!r}")
    return ", ".join(kept)


def shortened(text: str, most: int = MOST_LETTERS) -> str:
    """Return text of one line, cut where it is long."""
    line = text.rstrip().replace("\n", " ")
    return line if len(line) <= most else f"{line[: most - 3]}..."


def some(names: Iterable[Any], most: int = 4) -> str:
    """Return the first of some names, and how many there are where that is not all."""
    listed = [str(name) for name in names]
    more = f", ... ({len(listed)})" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def span(numbers: Iterable[float], unit: str = "") -> str:
    """Return the first and the last of some numbers."""
    listed = list(numbers)
    ends = f"{listed[0]:g}" if len(listed) == 1 else f"{listed[0]:g} to {listed[-1]:g}"
    return f"{ends} {unit}".strip()


def picture(pixels: np.ndarray, side: int = 96) -> str:
    """Return grey or RGB pixels ``(height, width)`` or ``(height, width, channels)`` uint8 as an image within HTML."""
    from PIL import Image

    image = Image.fromarray(pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)
    image.thumbnail((2 * side, 2 * side))
    stream = io.BytesIO()
    image.save(stream, format="png")
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    return f'<img src="data:image/png;base64,{data}" height="{side}" style="image-rendering:pixelated" alt="">'
