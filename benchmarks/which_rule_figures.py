"""Figures of ``which_rule``: accuracy and alignment, differences, and the time course."""

from collections.abc import Sequence
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.transforms import Bbox
from which_rule import results
from which_rule_architecture_figure import architecture_figure, two_ticks
from which_rule_found import (
    CONTROLS,
    ENCODING,
    FAMILIES,
    FAMILY,
    PAIRS,
    PLACES,
    Findings,
    plausibility,
)

from brainalign.report.lines import marks_at
from brainalign.report.rule_style import rule_styles
from brainalign.report.style import DOUBLE, SMALL, paper, words

_FLOORS = {"pixels": "--", "luminance": ":", "gabor": "-."}
_COLOURS = dict(
    zip(
        FAMILIES,
        ("k", "#0072B2", "#56B4E9", "#009E73", "#999933", "#D55E00", "#E69F00", "#CC79A7", "#882255", "#332288"),
        strict=True,
    )
)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
_CONTROLS = {
    "untrained": {"color": "0.6", "lw": 1.4},
    "readout_only": {"color": "0.6", "lw": 1.4, "ls": "--"},
    "two_views": {"color": "k", "lw": 1.2, "ls": "--"},
    "backprop": {"color": "k", "lw": 1.4},
}
#: Where a name may stand, from the point: steps to the right and up, and how the text is anchored.
_BESIDE = (
    *((1, 0, "left", "center"), (-1, 0, "right", "center"), (0, 1, "center", "bottom"), (0, -1, "center", "top")),
    *((1, 1, "left", "bottom"), (-1, 1, "right", "bottom"), (1, -1, "left", "top"), (-1, -1, "right", "top")),
)


def joint_figure(found: Findings) -> plt.Figure:
    """Draw accuracy by alignment, coloured by plausibility, a panel for each place."""
    plausible = plausibility()
    styles = rule_styles(found.rules)
    figure, axes = plt.subplots(3, 3, figsize=(DOUBLE, DOUBLE * 1.2), layout="constrained")
    drawn, named, floors = None, [], []
    scale = Normalize(0, max(plausible.max(), 0.1))
    for ax, place in zip(axes.flat, found.places, strict=False):
        means, points = found.means(place), list[tuple[float, float, str]]()
        low, high = found.ceiling(place)
        if not np.isnan(low):
            ax.axhspan(low, high, color="0.9", lw=0)
            ax.text(98, (low + high) / 2, "noise ceiling", fontsize=SMALL, ha="right", va="center", color="0.3")
        for name, value in found.floors(place).items():
            ax.axhline(value, color="0.55", lw=0.7, ls=_FLOORS[name])
            floors.append((ax, value, words(name)))
        for rule in found.rules:
            x, y = 100 * found.accuracy["mean"][rule], means[rule]
            error = found.contrast(place, rule, "vs_readout_only")
            if error is not None:
                ax.errorbar(x, y, error.se, color="0.7", lw=0.6, zorder=1)
            control = rule in CONTROLS
            known = rule in plausible.index and not control
            drawn_now = ax.scatter(
                x, y, s=16, zorder=2, lw=0.5, edgecolor="k", marker="D" if control else "o",
                **({"c": [plausible[rule]], "cmap": "viridis", "norm": scale} if known else {"c": "white"}),
            )  # fmt: skip
            drawn = drawn_now if known else drawn
            points.append((x, float(y), styles[rule].short))
        ax.set(title=place, xlim=(5, 100))
        named.append((ax, points))
        ax.set_ylabel("r of predictions" if PLACES[place][2] == ENCODING else "Spearman ρ")
    for ax in axes.flat[len(found.places) :]:
        ax.set_axis_off()
    for ax in axes[-1]:
        ax.set_xlabel("test accuracy (%)")
    if drawn is not None:
        figure.colorbar(drawn, ax=axes, location="bottom", shrink=0.4, aspect=40, label="share of criteria met")
    figure.canvas.draw()  # lays the panels out, so that names know where there is room
    for ax in axes.flat:
        _name_floors(ax, {name: value for one, value, name in floors if one is ax})
    figure.canvas.draw()
    for ax, points in named:
        _name(ax, points)
    return figure


def _name_floors(ax: plt.Axes, floors: dict[str, float]) -> None:
    """Write the names of low-level controls beside their lines, apart from one another."""
    gap, last = SMALL * 1.15 * ax.figure.dpi / 72, -np.inf
    for name, value in sorted(floors.items(), key=lambda one: one[1]):
        height = max(ax.transData.transform((0, value))[1], last + gap)
        last = height
        y = ax.transAxes.inverted().transform((0, height))[1]
        ax.text(1.01, y, name, fontsize=SMALL, va="center", color="0.3", transform=ax.transAxes)


def _name(ax: plt.Axes, points: Sequence[tuple[float, float, str]]) -> None:
    """Write names beside points where there is room; a name that would cover another or a point is left out."""
    places = ax.transData.transform([point[:2] for point in points])
    unit = ax.figure.dpi / 72
    taken = [Bbox.from_bounds(x - 2 * unit, y - 2 * unit, 4 * unit, 4 * unit) for x, y in places]
    for (x, y, name), (left, bottom) in zip(points, places, strict=True):
        width, height = sum(4.4 if letter.isupper() else 3.6 for letter in name) * unit, SMALL * unit
        for dx, dy, ha, va in _BESIDE:
            corner = left + 3.5 * dx * unit - (width if ha == "right" else width / 2 if ha == "center" else 0)
            base = bottom + 3.5 * dy * unit - (height if va == "top" else height / 2 if va == "center" else 0)
            box = Bbox.from_bounds(corner, base, width, height)
            if box.x0 > ax.bbox.x0 and not any(box.overlaps(other) for other in taken):
                where = {"xytext": (3.5 * dx, 3.5 * dy), "textcoords": "offset points", "ha": ha, "va": va}
                ax.annotate(name, (x, y), fontsize=SMALL, **where)
                taken.append(box)
                break


#: Where a difference stands in its row, what it is from, colour and marker.
_KINDS = ((0.14, "vs_readout_only", "#0072B2", "o"), (-0.14, "vs_backprop", "#D55E00", "s"))


def contrast_figure(found: Findings) -> plt.Figure:
    """Draw every rule minus readout only, and minus backpropagation, with errors."""
    size = (DOUBLE, DOUBLE * 0.75)
    figure, axes = plt.subplots(1, len(found.places), figsize=size, sharey=True, layout="constrained")
    rules = [rule for rule in found.rules if rule not in ("untrained", "readout_only")][::-1]
    for ax, place in zip(axes, found.places, strict=True):
        for shift, kind, colour, marker in _KINDS:
            for k, rule in enumerate(rules):
                one = found.contrast(place, rule, kind)
                if one is None:
                    continue
                sure = one.p_adjusted < 0.05
                ax.errorbar(
                    one.delta, k + shift, xerr=[[one.delta - one.ci_low], [one.ci_high - one.delta]], color=colour,
                    lw=0.8, marker=marker, ms=3, mfc=colour if sure else "white",
                )  # fmt: skip
        ax.axvline(0, color="0.4", lw=0.6)
        ax.set_title(place.replace(", ", ",\n").replace(" categor", "\ncategor").replace(" im", "\nim"), fontsize=6)
        two_ticks(ax)
        ax.tick_params(axis="x", labelsize=SMALL)
        ax.set_xlabel(f"difference\n({'Pearson r' if PLACES[place][2] == ENCODING else 'ρ'})")
    axes[0].set_yticks(range(len(rules)), [words(rule) for rule in rules])
    names = {"vs_readout_only": "minus readout only", "vs_backprop": "minus backpropagation"}
    for _, kind, colour, marker in _KINDS:
        axes[-1].plot([], [], color=colour, marker=marker, ms=3, label=names[kind])
    axes[-1].plot([], [], "o", color="0.3", ms=3, mfc="white", label="adjusted p not below .05")
    figure.legend(loc="outside lower right", ncols=3)
    return figure


def time_figure(found: Findings) -> plt.Figure:
    """Draw scores over time: the declared layer, and each rule's best layer; a family has a colour and a marker."""
    layer = found.layers["scalp"]
    table = found.table("time_course")
    table = table[table.role != "own_start"]
    size = (DOUBLE, DOUBLE * 0.75)
    figure, axes = plt.subplots(2, 3, figsize=size, sharex=True, sharey="col", layout="constrained")
    for column, (measure, kind) in enumerate(PAIRS.items()):
        own = table[table.measure == measure]
        for row, ax in enumerate(axes[:, column]):
            for rule in found.rules:
                here = own[own.rule == rule]
                best = here.groupby("layer")["mean"].max().idxmax() if row else layer
                line = here[here.layer == best]
                style = _CONTROLS.get(rule) or _style(FAMILY.get(rule, ""), len(line))
                ax.plot(1000 * line.time, line["mean"], **style)
            for name, line in own[own.role == "low_level"].groupby("layer"):
                ax.plot(1000 * line.time, line["mean"], color="0.5", lw=0.9, ls=_FLOORS[name])
            ax.axvspan(130, 170, color="0.92", lw=0, zorder=0)
            ax.axvline(0, color="0.5", lw=0.5)
            ax.axhline(0, color="0.5", lw=0.5)
            ax.set_title(f"{kind}: {'best layers' if row else layer}")
    for ax in axes[:, 0]:
        ax.set_ylabel("Spearman ρ")
    for ax in axes[-1]:
        ax.set_xlabel("time from onset (ms)")
    families = [family for family, rules in FAMILIES.items() if set(rules) & set(found.rules) - set(CONTROLS)]
    for family in families:
        axes[0, 0].plot([], [], **_style(family, 0) | {"lw": 1}, label=family)
    for rule, style in _CONTROLS.items():
        axes[0, 0].plot([], [], **style, label=words(rule))
    for name, dashes in _FLOORS.items():
        axes[0, 0].plot([], [], color="0.5", lw=0.9, ls=dashes, label=words(name))
    axes[0, 0].fill_between([], [], [], color="0.92", lw=0, label="declared window")
    figure.legend(loc="outside lower center", ncols=4)
    return figure


def _style(family: str, n_times: int) -> dict[str, Any]:
    """Return how lines of a family are drawn; markers of families stand apart."""
    if family not in FAMILIES:
        return {"color": "0.5", "lw": 0.6}
    k = list(FAMILIES).index(family)
    at = marks_at(n_times, k, len(FAMILIES)) if n_times else None
    return {"color": _COLOURS[family], "lw": 0.6, "marker": _MARKERS[k % len(_MARKERS)], "ms": 2.4, "markevery": at}


def save_figures(found: Findings) -> None:
    """Save every figure as PNG and SVG."""
    folder = results() / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    drawings = {"joint": joint_figure, "contrasts": contrast_figure, "time_course": time_figure}
    drawings["architectures"] = architecture_figure
    with paper():
        for name, draw in drawings.items():
            figure = draw(found)
            for suffix in ("png", "svg"):
                metadata = {"Date": None} if suffix == "svg" else {"Software": None}
                figure.savefig(folder / f"{name}.{suffix}", dpi=200, metadata=metadata)
            plt.close(figure)
