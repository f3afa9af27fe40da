"""Figures of ``which_rule``: accuracy and alignment, differences, and the time course."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import Normalize
from which_rule import results
from which_rule_found import CONTROLS, ENCODING, PLACES, SPEARMAN, WITHIN, Findings, plausibility

from brainalign.report.rule_style import rule_styles
from brainalign.report.style import DOUBLE, paper, words


def joint_figure(found: Findings) -> plt.Figure:
    """Draw accuracy by alignment, coloured by plausibility, a panel for each place."""
    plausible = plausibility()
    styles = rule_styles(found.rules)
    figure, axes = plt.subplots(3, 3, figsize=(DOUBLE, DOUBLE * 0.95), layout="constrained")
    drawn = None
    scale = Normalize(0, max(plausible.max(), 0.1))
    for ax, place in zip(axes.flat, found.places, strict=False):
        means = found.means(place)
        low, high = found.ceiling(place)
        if not np.isnan(low):
            ax.axhspan(low, high, color="0.9", lw=0)
        for name, value in found.floors(place).items():
            ax.axhline(value, color="0.55", lw=0.7, ls={"pixels": "--", "luminance": ":", "gabor": "-."}[name])
            ax.text(101, value, name, fontsize=5, va="center", color="0.4", clip_on=False)
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
            ax.annotate(styles[rule].short, (x, y), xytext=(2.5, 2), textcoords="offset points", fontsize=4.5)
        ax.set(title=place, xlim=(5, 100))
        ax.set_ylabel("r of predictions" if PLACES[place][2] == ENCODING else "Spearman ρ")
    for ax in axes.flat[len(found.places) :]:
        ax.set_axis_off()
    for ax in axes[-1]:
        ax.set_xlabel("test accuracy (%)")
    if drawn is not None:
        figure.colorbar(drawn, ax=axes, shrink=0.5, label="share of criteria met")
    return figure


def contrast_figure(found: Findings) -> plt.Figure:
    """Draw every rule minus readout only, and minus backpropagation, with errors."""
    figure, axes = plt.subplots(
        1, len(found.places), figsize=(DOUBLE, DOUBLE * 0.62), sharey=True, layout="constrained"
    )
    rules = [rule for rule in found.rules if rule not in ("untrained", "readout_only")][::-1]
    for ax, place in zip(axes, found.places, strict=True):
        for shift, kind, colour in ((0.14, "vs_readout_only", "#0072B2"), (-0.14, "vs_backprop", "#D55E00")):
            for k, rule in enumerate(rules):
                one = found.contrast(place, rule, kind)
                if one is None:
                    continue
                sure = one.p_adjusted < 0.05
                ax.errorbar(
                    one.delta, k + shift, xerr=[[one.delta - one.ci_low], [one.ci_high - one.delta]], color=colour,
                    lw=0.8, marker="o", ms=3, mfc=colour if sure else "white",
                )  # fmt: skip
        ax.axvline(0, color="0.4", lw=0.6)
        ax.set_title(place.replace(", ", ",\n"))
        ax.set_xlabel("difference")
    axes[0].set_yticks(range(len(rules)), [words(rule) for rule in rules])
    for name, colour in (("minus readout only", "#0072B2"), ("minus backpropagation", "#D55E00")):
        axes[-1].plot([], [], color=colour, marker="o", ms=3, label=name)
    figure.legend(loc="outside lower right", ncols=2)
    return figure


def time_figure(found: Findings) -> plt.Figure:
    """Draw scores over time: the declared layer, and each rule's best layer."""
    styles = rule_styles(found.rules)
    layer = found.layers["scalp"]
    table = found.table("time_course")
    table = table[table.role != "own_start"]
    figure, axes = plt.subplots(2, 2, figsize=(DOUBLE, DOUBLE * 0.6), sharex=True, layout="constrained")
    for column, measure in enumerate((SPEARMAN, WITHIN)):
        own = table[table.measure == measure]
        for row, ax in enumerate(axes[:, column]):
            for rule in found.rules:
                here = own[own.rule == rule]
                best = here.groupby("layer")["mean"].max().idxmax() if row else layer
                line = here[here.layer == best]
                strong = rule in CONTROLS
                ax.plot(
                    1000 * line.time, line["mean"], color=styles[rule].colour, lw=1.4 if strong else 0.6,
                    ls="-" if rule in ("backprop", "untrained") else "--" if strong else "-",
                    label=words(rule) if not row and not column else None,
                )  # fmt: skip
            low = own[own.role == "low_level"]
            for name, line in low.groupby("layer"):
                ax.plot(
                    1000 * line.time,
                    line["mean"],
                    color="0.5",
                    lw=0.8,
                    ls={"pixels": "--", "luminance": ":"}.get(name, "-."),
                )
            ax.axvspan(130, 170, color="0.92", lw=0)
            ax.axvline(0, color="0.5", lw=0.5)
            ax.axhline(0, color="0.5", lw=0.5)
            kind = "all pairs" if measure == SPEARMAN else "pairs within categories"
            ax.set_title(f"{kind}: {'best layer of each rule' if row else f'declared layer ({layer})'}")
    for ax in axes[:, 0]:
        ax.set_ylabel("Spearman ρ")
    for ax in axes[-1]:
        ax.set_xlabel("time from onset (ms)")
    figure.legend(loc="outside right upper", fontsize=5)
    return figure


def save_figures(found: Findings) -> None:
    """Save every figure as PNG and SVG."""
    folder = results() / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    drawings = {"joint": joint_figure, "contrasts": contrast_figure, "time_course": time_figure}
    with paper():
        for name, draw in drawings.items():
            figure = draw(found)
            for suffix in ("png", "svg"):
                metadata = {"Date": None} if suffix == "svg" else {"Software": None}
                figure.savefig(folder / f"{name}.{suffix}", dpi=200, metadata=metadata)
            plt.close(figure)
