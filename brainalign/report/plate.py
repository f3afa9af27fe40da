"""One figure of the report with all that is printed around it."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brainalign.report.style import paper
from brainalign.report.wording import counted
from brainalign.storage import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DOTS_PER_INCH = 300


@dataclass(frozen=True, eq=False)
class Plate:
    """A figure under its file name, title and caption; ``raster`` if it is mostly images: PNG on the page."""

    name: str
    title: str
    caption: str
    figure: "Figure"
    raster: bool = False


def described(plate: Plate) -> str:
    """Return what a figure is in words, for those who do not see it: its title, panels and axes.

    Examples
    --------
    >>> from brainalign.report.style import new_figure
    >>> figure = new_figure(2, 2)
    >>> axes = figure.subplots()
    >>> _ = axes.set(title="IT", xlabel="Layer", ylabel="RSA score (Spearman ρ)")
    >>> described(Plate("layers", "Scores by layer", "...", figure))
    'Scores by layer. 1 panel: IT. Axes: Layer; RSA score (Spearman ρ).'
    """
    panels = [axis for axis in plate.figure.axes if axis.get_label() != "<colorbar>"]
    titles = [title for axis in panels for side in ("left", "center") if (title := _line(axis.get_title(loc=side)))]
    labels = [_line(text) for axis in plate.figure.axes for text in (axis.get_xlabel(), axis.get_ylabel())]
    named = "; ".join(titles[:_MOST_TITLES]) + (" and others" if len(titles) > _MOST_TITLES else "")
    parts = [plate.title, f"{counted(len(panels), 'panel')}{': ' if named else ''}{named}"]
    parts += [f"Axes: {'; '.join(dict.fromkeys(filter(None, labels)))}"] if any(labels) else []
    return "".join(f"{part}. " for part in parts).strip()


def _line(text: str) -> str:
    return " ".join(text.split())


#: Titles of panels that are read out.
_MOST_TITLES = 8


def save_plate(plate: Plate, folder: Path, formats: Sequence[str]) -> dict[str, str]:
    """Write the files of a figure; return its title, caption, description and data URI for the page."""
    on_page = "png" if plate.raster else "svg"
    uri = ""
    with paper():
        plate.figure.draw_without_rendering()
    plate.figure.set_layout_engine("none")  # laid out once; every format then shows the same figure
    for kind in dict.fromkeys((*formats, on_page)):
        content = _render_figure(plate.figure, kind)
        if kind in formats:
            with atomic_path(folder / f"{plate.name}.{kind}") as temporary:
                temporary.write_bytes(content)
        if kind == on_page:
            mime = "image/svg+xml" if kind == "svg" else "image/png"
            uri = f"data:{mime};base64,{base64.b64encode(content).decode()}"
    width = f"{plate.figure.get_figwidth() * 25.4:.0f}"
    return {
        "name": plate.name,
        "title": plate.title,
        "caption": plate.caption,
        "alt": described(plate),
        "uri": uri,
        "width": width,
    }


def _render_figure(figure: "Figure", kind: str) -> bytes:
    # No dates inside, so that the same results give the same bytes.
    metadata: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[kind]
    buffer = io.BytesIO()
    with paper():
        figure.savefig(buffer, format=kind, dpi=_DOTS_PER_INCH, metadata=metadata)
    return buffer.getvalue()
