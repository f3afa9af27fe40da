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
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "svg.hashsalt": "brainalign",
    "pdf.fonttype": 42,
}
_COMPARISONS = {
    "spearman": "Spearman ρ",
    "pearson": "Pearson r",
    "kendall_tau_a": "Kendall τ-a",
    "rho_a": "Spearman ρ-a",
    "cosine": "cosine",
    "r2": "R²",
}


@contextlib.contextmanager
def paper() -> Iterator[None]:
    """Draw or save with the settings of the report; the caller's settings come back afterwards."""
    import matplotlib as mpl

    with mpl.rc_context({**mpl.rcParamsDefault, "backend": mpl.rcParams["backend"], **_SETTINGS}):
        yield


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of ``width`` x ``height`` inches that belongs to no window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def panel_grid(n_panels: int, panel_height: float, most_columns: int = 3, **subplots: Any) -> "tuple[Figure, list[Axes]]":
    """Return a figure with exactly ``n_panels`` axes, at most ``most_columns`` abreast."""
    columns = min(n_panels, most_columns)
    if n_panels > columns and n_panels % columns == 1:  # no lone panel in the last row where it can be helped
        columns = max(2, columns - 1)
    rows = math.ceil(n_panels / columns)
    width = DOUBLE if columns > 1 else SINGLE * 1.3
    figure = new_figure(width, rows * panel_height + 0.5)
    axes = figure.subplots(rows, columns, squeeze=False, **subplots).ravel()
    for empty in axes[n_panels:]:
        empty.remove()
    return figure, list(axes[:n_panels])


def bottom_legend(figure: "Figure", handles: Sequence[Any], columns: int | None = None) -> None:
    """Put one legend under all panels."""
    most = columns or (6 if figure.get_figwidth() > 5 else 3)
    figure.legend(handles=list(handles), loc="outside lower center", ncols=min(len(handles), most), columnspacing=1.2)


def words(name: str) -> str:
    """Return an identifier as words: ``"feedback_alignment"`` gives ``"feedback alignment"``."""
    return name.replace("_", " ")


def measure_label(measure: str) -> str:
    """Return the axis label of a measure: what is scored, and the unit of the score."""
    kind, *options = measure.split(":")
    kinds = {"rsa": "RSA score", "encoding": "Encoding score"}
    unit = _COMPARISONS.get(options[-1], words(options[-1])) if options else ""
    return f"{kinds.get(kind, words(kind))} ({unit})" if unit else kinds.get(kind, words(kind))


def slug(*names: str) -> str:
    """Return ``names`` as one file name."""
    return "-".join(re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "x" for name in names)
