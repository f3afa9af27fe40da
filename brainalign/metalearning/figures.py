"""Figures of top-down credit assignment: functions, walks over them, control tasks, several functions at once."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from brainalign.metalearning.landscapes import Landscape, landscape
from brainalign.report.legend import bottom_legend
from brainalign.report.plate import Plate
from brainalign.report.style import BAND_EDGE, DOUBLE, SINGLE, new_figure, paper, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Name, colour (Okabe and Ito 2008) and marker of every method.
_STYLES = {
    "credit": ("credit network", "#0072B2", "o"),
    "credit_diffused": ("credit network, diffused", "#56B4E9", "s"),
    "credit_gradient": ("credit network, reads slopes", "#009E73", "D"),
    "credit_diffused_gradient": ("credit network, diffused, reads slopes", "#882255", "P"),
    "credit_undiffused": ("credit per neuron", "#332288", "D"),
    "credit_without_reward": ("credit network, reads no reward", "#009E73", "P"),
    "gradient_descent": ("gradient descent", "#1A1A1A", "o"),
    "momentum": ("with momentum", "#666666", "s"),
    "learned_rate": ("meta-learned rate", "#D55E00", "^"),
    "one_plus_one": ("(1+1) strategy by hand", "#CC79A7", "v"),
    "lifetime_policy_gradient": ("policy gradient in a lifetime", "#1A1A1A", "s"),
    "evolved_policy": ("evolved policy, no learning", "#D55E00", "^"),
    "policy_gradient": ("policy gradient, unbounded", "#CC79A7", "v"),
    "untrained": ("untrained", "#8C8C8C", "o"),
    "own function": ("its own function", "#0072B2", "o"),
    "all functions": ("all functions", "#D55E00", "s"),
    "all other functions": ("all other functions", "#8C8C8C", "^"),
}
# Final values are drawn down to here; below, a minimum counts as reached.
_FLOOR = 1e-6
_WALKS = 4


def function_plates(scores: pd.DataFrame, paths: pd.DataFrame) -> Iterator[Plate]:
    """Return final values and escapes for every dimension, and walks over the landscapes."""
    for dimension, rows in scores.groupby("dimension"):
        yield _values(rows, "method", f"functions-{dimension}d", f"Non-convex functions in {dimension} dimensions")
    if len(paths):
        yield _walks(paths)


def multi_task_plates(scores: pd.DataFrame, counts: pd.DataFrame) -> Iterator[Plate]:
    """Return what a credit network comes to by what it was trained on, and how many parameters diffusion saves."""
    for dimension, rows in scores.groupby("dimension"):
        name = f"multitask-{dimension}d"
        yield _values(rows, "training", name, f"One credit network for several functions, {dimension} dimensions")
    with paper():
        figure = new_figure(SINGLE, 2.2)
        axis = figure.subplots()
        for column, label, colour, marker in (
            ("per_neuron", "a credit per neuron", "#0072B2", "o"),
            ("diffused", "diffused", "#D55E00", "s"),
        ):
            axis.plot(counts.dimension, counts[column], color=colour, marker=marker, label=label)
        axis.set_xscale("log")
        _log_ticks(axis)
        axis.set_xticks(counts.dimension, [str(d) for d in counts.dimension])
        axis.minorticks_off()
        axis.set_xlabel("Neurons that receive credit")
        axis.set_ylabel("Parameters of the credit network")
        axis.legend()
    caption = "Parameters of the top-down network by the number of neurons that it gives credit to."
    yield Plate("multitask-parameters", "What diffusion saves", caption, figure)


def _values(rows: pd.DataFrame, column: str, name: str, title: str) -> Plate:
    """Draw a dot per seed: the median final value above, the fraction in the global basin below, by function."""
    functions, methods = list(dict.fromkeys(rows.function)), list(dict.fromkeys(rows[column]))
    with paper():
        figure = new_figure(DOUBLE, 3.0)
        axes = figure.subplots(2, len(functions), sharex=True, squeeze=False)
        for k, function in enumerate(functions):
            own = rows[rows.function == function]
            _dots(axes[0, k], own, column, methods, "median")
            _dots(axes[1, k], own, column, methods, "escaped")
            _log_ticks(axes[0, k])
            axes[0, k].set_title(words(function).capitalize())
            axes[1, k].axhline(own.started.mean(), color=BAND_EDGE, linewidth=0.8, linestyle="--", zorder=0)
            axes[1, k].set_ylim(0, 1.12 * max(own.escaped.max(), 0.01))
            axes[1, k].set_xticks([])
        axes[0, 0].set_ylabel("Median final value")
        axes[1, 0].set_ylabel("Ends in the global\nbasin (fraction)")
        figure.align_ylabels()
        bottom_legend(figure, [_handle(method) for method in methods])
    seeds, steps, n = rows.seed.nunique(), int(rows.evaluations.iloc[0]), len(methods)
    caption = (
        f"Unseen instances and starts after {steps} evaluations; a dot per outer seed ({seeds}), a bar at their mean, "
        f"{n} {'methods' if column == 'method' else 'trainings'}. Below: fraction of starts that end in the basin of "
        f"the global minimum; dashed, fraction that began there. Values under {_FLOOR:g} are drawn at {_FLOOR:g}."
    )
    return Plate(name, title, caption, figure)


def _dots(axis: "Axes", rows: pd.DataFrame, column: str, methods: Sequence[str], value: str) -> None:
    for place, method in enumerate(methods):
        found = rows.loc[rows[column] == method, value].to_numpy(float)
        if not len(found):
            continue
        if value == "median":
            found = found.clip(min=_FLOOR)
        _, colour, marker = _STYLES[method]
        spread = place + np.linspace(-0.2, 0.2, len(found)) if len(found) > 1 else [place]
        axis.plot(spread, found, marker, color=colour, markersize=2.8, alpha=0.7, markeredgewidth=0, linestyle="none")
        mean = np.exp(np.log(found).mean()) if value == "median" else found.mean()
        axis.plot([place - 0.35, place + 0.35], [mean, mean], color=colour, linewidth=1.2)
    axis.set_xlim(-0.7, len(methods) - 0.3)


def _log_ticks(axis: "Axes") -> None:
    """Scale the values logarithmically; ticks as plain numbers, since names are drawn without mathematics."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.dataLim.intervaly
    axis.set_ylim(low / 1.4, high * 1.4)
    axis.set_yscale("log")
    wide = high / low > 30
    axis.yaxis.set_major_locator(LogLocator(numticks=6 if wide else 12, subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())


def _handle(method: str) -> Any:
    from matplotlib.lines import Line2D

    label, colour, marker = _STYLES[method]
    return Line2D([], [], color=colour, marker=marker, label=label)


def _walks(paths: pd.DataFrame) -> Plate:
    """Draw the same starts over each landscape: gradient descent above, the credit network below."""
    functions = list(dict.fromkeys(paths.function))
    shown = [m for m in ("gradient_descent", "credit", "credit_gradient") if m in set(paths.method)]
    with paper():
        side = DOUBLE / len(functions)
        figure = new_figure(DOUBLE, side * len(shown) + 0.2)
        axes = figure.subplots(len(shown), len(functions), squeeze=False)
        for k, function in enumerate(functions):
            for row, method in enumerate(shown):
                axis, own = axes[row, k], paths[(paths.function == function) & (paths.method == method)]
                _contour(axis, landscape(function), paths[paths.function == function])
                colour = _STYLES[method][1]
                for _, walk in own[own.start < _WALKS].groupby("start"):
                    best_so_far = walk[walk.value == walk.value.cummin()]
                    axis.plot(walk.z1, walk.z2, color=colour, linewidth=0.35, alpha=0.35)
                    axis.plot(best_so_far.z1, best_so_far.z2, color=colour, linewidth=1)
                    axis.plot(walk.z1.iloc[:1], walk.z2.iloc[:1], "o", color="white", markeredgecolor=colour,
                              markersize=2.6, markeredgewidth=0.6)  # fmt: skip
                    axis.plot(walk.z1.iloc[-1:], walk.z2.iloc[-1:], "s", color=colour, markersize=2.6)
                best = landscape(function).minimiser
                axis.plot([best], [best], "*", color="#E69F00", markersize=6, markeredgecolor="black",
                          markeredgewidth=0.4, zorder=5)  # fmt: skip
                axis.set_xticks([])
                axis.set_yticks([])
                if row == 0:
                    axis.set_title(words(function).capitalize())
                if k == 0:
                    axis.set_ylabel(_STYLES[method][0].replace(", ", ",\n"))
    caption = (
        "The same starts (open circles) on one unseen instance of each function, and where they end (squares). Thin: "
        "every step; bold: from each best answer to the next. Star: global minimum; shading: quantiles of the value, "
        "dark is low. Gradient descent with the tuned rate; the credit network reads values only, unless it is said "
        "to read slopes. One outer seed."
    )
    return Plate("functions-walks", "Walks over the landscapes", caption, figure, raster=True)


def _contour(axis: "Axes", function: Landscape, paths: pd.DataFrame) -> None:
    """Shade the box of the walks' starts, and what the walks reach beyond it."""
    low = float(paths[["z1", "z2"]].min().min())
    high = float(paths[["z1", "z2"]].max().max())
    margin = 0.05 * (high - low)
    grid = torch.linspace(low - margin, high + margin, 300)
    z = torch.stack(torch.meshgrid(grid, grid, indexing="xy"), -1)
    value = function.value(z)
    levels = np.unique(np.quantile(value, np.linspace(0, 1, 16)))
    shades = np.linspace(0.45, 1, len(levels) - 1)
    axis.contourf(grid, grid, value, levels=levels, colors=[str(shade) for shade in shades])
    axis.set_xlim(low - margin, high + margin)
    axis.set_ylim(low - margin, high + margin)
    axis.set_aspect("equal")


def reinforcement_plates(scores: pd.DataFrame, solved: "dict[str, float]") -> Iterator[Plate]:
    """Return mean returns in the default and in unseen settings; ``solved`` names each task's threshold."""
    tasks = list(dict.fromkeys(scores.task))
    methods = list(dict.fromkeys(scores.method))
    with paper():
        figure = new_figure(DOUBLE, 1.9 * len(tasks))
        axes = figure.subplots(len(tasks), 1, squeeze=False)[:, 0]
        for axis, task in zip(axes, tasks, strict=True):
            own = scores[scores.task == task]
            variants = list(dict.fromkeys(own.variant))
            for m, method in enumerate(methods):
                _, colour, marker = _STYLES[method]
                for v, variant in enumerate(variants):
                    found = own.loc[(own.method == method) & (own.variant == variant), "mean_return"].to_numpy(float)
                    if not len(found):  # a method may be left out of a task
                        continue
                    place = v + 0.8 * ((m + 0.5) / len(methods) - 0.5)
                    axis.plot(np.full(len(found), place), found, marker, color=colour, markersize=2.8, alpha=0.6,
                              markeredgewidth=0)  # fmt: skip
                    axis.plot([place - 0.05, place + 0.05], [found.mean()] * 2, color=colour, linewidth=1.4)
            axis.axhline(solved[task], color=BAND_EDGE, linewidth=0.8, linestyle="--", zorder=0)
            axis.set_xticks(range(len(variants)), variants)
            axis.set_xlim(-0.5, len(variants) - 0.5)
            axis.set_title(words(task).capitalize())
            axis.set_ylabel("Mean return")
        bottom_legend(figure, [_handle(method) for method in methods])
    caption = (
        f"Mean return of test episodes; a dot per outer seed ({scores.seed.nunique()}), a bar at their mean. Every "
        "method was trained in the default setting; those that learn in a lifetime learn in the setting shown, which "
        "is unseen unless it is the default. Dashed: the task's threshold."
    )
    yield Plate("reinforcement", "Control tasks, default and unseen settings", caption, figure)
