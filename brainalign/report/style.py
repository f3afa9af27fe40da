"""How every figure looks: paper sizes in inches, type, and names as a reader expects them.

A figure is drawn and saved inside :func:`paper`, so that nobody's global matplotlib settings change.
"""

import contextlib
import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SINGLE = 89 / 25.4
DOUBLE = 183 / 25.4
BAND = "0.87"
BAND_EDGE = "0.72"
FLOOR = "0.35"
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
def paper() -> Iterator[None]:
    """Draw or save with the settings of the report; the caller's settings come back afterwards."""
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


def panel_grid(
    n_panels: int, panel_height: float, most_columns: int = 3, **subplots: Any
) -> "tuple[Figure, list[Axes]]":
    """Return a figure with exactly ``n_panels`` axes, at most ``most_columns`` abreast."""
    columns = min(n_panels, most_columns)
    if n_panels > columns and n_panels % columns == 1:  # no lone panel in the last row where it can be helped
        columns = max(2, columns - 1)
    rows = math.ceil(n_panels / columns)
    width = DOUBLE if columns > 1 else SINGLE
    figure = new_figure(width, rows * panel_height)
    axes = figure.subplots(rows, columns, squeeze=False, **subplots).ravel()
    for empty in axes[n_panels:]:
        empty.remove()
    return figure, list(axes[:n_panels])


def bottom_legend(figure: "Figure", handles: Sequence[Any]) -> None:
    """Put one legend under all panels, in as many columns as the figure is wide."""
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    for columns in range(min(len(handles), 6), 0, -1):
        legend = figure.legend(handles=list(handles), loc="outside lower center", ncols=columns, columnspacing=1.2)
        size = legend.get_window_extent(renderer)
        if size.width < 0.98 * figure.bbox.width or columns == 1:
            figure.set_figheight(figure.get_figheight() + size.height / figure.dpi + 0.05)  # panels keep their height
            return
        legend.remove()


def words(name: str) -> str:
    """Return an identifier as words: ``"feedback_alignment"`` gives ``"feedback alignment"``."""
    return {"gabor": "Gabor"}.get(name, name.replace("_", " "))


def slug(*names: str) -> str:
    """Return ``names`` as one file name."""
    return "-".join(re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "x" for name in names)
