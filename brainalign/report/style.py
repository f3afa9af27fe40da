"""How every figure looks: paper sizes in inches, type, and names as a reader expects them.

A figure is drawn and saved inside :func:`paper`, so that nobody's global matplotlib settings change.
"""

import contextlib
import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from brainalign.errors import SpecError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    #: What a figure is drawn on, and what somebody else may give to draw on.
    Sheet = Figure | SubFigure | Axes
    On = Axes | SubFigure | None

SINGLE = 89 / 25.4
DOUBLE = 183 / 25.4
BAND = "0.87"
BAND_EDGE = "0.72"
FLOOR = "0.35"
#: The smallest type, in points at the printed size.
SMALL = 6
CONTROLS = {"pixels": (0, (4, 2)), "luminance": (0, (1, 1.5)), "gabor": (0, (4, 1.5, 1, 1.5))}
_SETTINGS = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # ships with matplotlib, so that every machine draws the same figure
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "hatch.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 3,
    "figure.constrained_layout.h_pad": 0.05,
    "figure.constrained_layout.w_pad": 0.05,
    "figure.constrained_layout.wspace": 0.03,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "svg.hashsalt": "brainalign",
    "pdf.fonttype": 42,
}


@contextlib.contextmanager
def paper(on: "On" = None) -> Iterator[None]:
    """Draw or save with the settings of the report; the caller's settings come back afterwards.

    What is drawn on a place that somebody else made keeps the settings of that.
    """
    if on is not None:
        yield
        return
    import matplotlib as mpl

    settings: dict[Any, Any] = {name: value for name, value in mpl.rcParamsDefault.items() if name != "backend"}
    with mpl.rc_context(settings | _SETTINGS):
        yield


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of ``width`` x ``height`` inches that belongs to no window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def sheet(width: float, height: float, on: "On" = None) -> "Sheet":
    """Return what to draw on: ``on``, or a new figure of ``width`` x ``height`` inches."""
    return new_figure(width, height) if on is None else on


def panels_on(drawn: "Sheet", rows: int, columns: int, n_panels: int | None = None, **subplots: Any) -> np.ndarray:
    """Return axes ``(rows, columns)`` on a figure or a part of one; axes that are given are the only panel.

    Raises
    ------
    SpecError
        If one pair of axes is given and there is more than one panel.
    """
    from matplotlib.axes import Axes

    if not isinstance(drawn, Axes):
        return drawn.subplots(rows, columns, squeeze=False, **subplots)
    n_panels = rows * columns if n_panels is None else n_panels
    if n_panels != 1:
        msg = (
            f"This figure has {n_panels} panels and cannot be drawn into one Axes. Give a SubFigure or nothing, or "
            "draw less of the result: result.only(dataset=..., roi=...)."
        )
        raise SpecError(msg)
    return np.array([[drawn]], dtype=object)


def panel_grid(
    n_panels: int, panel_height: float, most_columns: int = 3, on: "On" = None, **subplots: Any
) -> "tuple[Sheet, list[Axes]]":
    """Return a figure, or ``on``, and exactly ``n_panels`` axes, at most ``most_columns`` abreast."""
    columns = min(n_panels, most_columns)
    if n_panels > columns and n_panels % columns == 1:  # no lone panel in the last row where it can be helped
        columns = max(2, columns - 1)
    rows = math.ceil(n_panels / columns)
    drawn = sheet(DOUBLE if columns > 1 else SINGLE, rows * panel_height, on)
    axes = panels_on(drawn, rows, columns, n_panels, **subplots).ravel()
    for empty in axes[n_panels:]:
        empty.remove()
    return drawn, list(axes[:n_panels])


def parts_of(drawn: "Sheet", n_parts: int) -> "Sequence[SubFigure]":
    """Return parts of a figure one under another; axes that are given raise :class:`SpecError`."""
    from matplotlib.axes import Axes

    if isinstance(drawn, Axes):
        msg = "This figure has panels of its own and cannot be drawn into one Axes. Give a SubFigure, or nothing."
        raise SpecError(msg)
    return list(drawn.subfigures(n_parts, 1, squeeze=False)[:, 0])


def align_ylabels(drawn: "Sheet") -> None:
    """Align the labels of all panels of a figure."""
    from matplotlib.axes import Axes

    if not isinstance(drawn, Axes):
        drawn.align_ylabels()


def in_first_column(axis: "Axes") -> bool:
    """Return whether axes stand in the first column of their grid."""
    place = axis.get_subplotspec()
    return place is None or place.is_first_col()


def width_of(axis: "Axes") -> float:
    """Return about how many inches wide axes are, before they are laid out."""
    return axis.get_window_extent().width / axis.get_figure(root=True).dpi  # type: ignore[union-attr]


def titled(axis: "Axes", title: str, loc: str | None = None) -> None:
    """Give axes a title, in lines that are no wider than they are."""
    letters = max(8, int(width_of(axis) / _LETTER))
    axis.set_title("\n".join(wrapped(line, letters) for line in title.split("\n")), loc=loc)  # type: ignore[arg-type]


#: Width of a letter of titles and tick labels in inches.
_LETTER = 0.06


def same_scale(axes: "Sequence[Axes]", of: Sequence[Any], side: str) -> None:
    """Give axes of the same ``of``, such as ROIs of a recording, the same limits; ``side`` is ``"x"`` or ``"y"``."""
    for key in dict.fromkeys(of):
        own = [axis for axis, name in zip(axes, of, strict=True) if name == key]
        ends = np.array([getattr(axis, f"get_{side}lim")() for axis in own])
        for axis in own:
            axis.set(**{f"{side}lim": (ends[:, 0].min(), ends[:, 1].max())})


def wrapped(text: str, width: int) -> str:
    """Return ``text`` in lines of about ``width`` letters, broken after spaces, dashes and underscores where it can be.

    Examples
    --------
    >>> wrapped("difference target propagation, 3 steps", 20).splitlines()
    ['difference target', 'propagation, 3 steps']
    """
    lines = [""]
    for piece in re.findall(r"[^\s_-]*[\s_-]*", text):
        for start in range(0, len(piece), width):  # a word that is longer than a line
            part = piece[start : start + width]
            if lines[-1] and len(lines[-1] + part.rstrip()) > width:
                lines.append("")
            lines[-1] += part
    return "\n".join(line.rstrip(" ") for line in lines)


#: Identifiers of which the field writes more than their words.
_WRITTEN = {
    "gabor": "Gabor",
    "contrastive_hebbian": "contrastive Hebbian learning",
    "counter_current": "counter-current learning",
    "fixed_weight_target_propagation": "fixed-weight target propagation",
    "forward_forward": "forward-forward",
    "hebbian": "Hebbian learning",
    "kolen_pollack": "Kolen-Pollack",
    "pepita": "PEPITA",
    "reward_modulated_stdp": "reward-modulated STDP",
    "stdp": "STDP",
    "top_down_credit": "top-down credit",
}


def words(name: str) -> str:
    """Return an identifier as the field writes it: ``"feedback_alignment"`` gives ``"feedback alignment"``.

    Examples
    --------
    >>> words("direct_feedback_alignment"), words("kolen_pollack"), words("my_rule")
    ('direct feedback alignment', 'Kolen-Pollack', 'my rule')
    """
    return _WRITTEN.get(name, name.replace("_", " "))


def slug(*names: str) -> str:
    """Return ``names`` as one file name."""
    return "-".join(re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "x" for name in names)
