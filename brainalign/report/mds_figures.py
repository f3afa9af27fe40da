"""Arrangements: stimuli as brain and networks see them, and networks and brain by the likeness of their RDMs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from brainalign.datasets.stimuli import positions
from brainalign.report.mds import embed, turn_to
from brainalign.report.rdm_gallery import percentiles, rdm_cells, rdm_columns, rdm_layer
from brainalign.report.results import Results
from brainalign.report.rule_style import RuleStyle, rule_styles
from brainalign.report.scores import panel_title
from brainalign.report.style import bottom_legend, panel_grid, paper, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Paul Tol's light scheme: pale, so that no category is mistaken for a rule.
_CATEGORY_COLOURS = ("#77AADD", "#EE8866", "#AAAA00", "#FFAABB", "#44BB99", "#99DDFF", "#BBCC33", "#DDDDDD", "#EEDD88")
_BRAIN = "#AA3377"
_THUMBNAIL_POINTS = 8.5


def draw_stimulus_mds(results: Results, dataset: str, roi: str) -> "Figure":
    """Draw one arrangement of the stimuli for the brain and one for each rule, turned to match the brain's."""
    names = rdm_columns(results, dataset, roi)
    styles = rule_styles(results.rules)
    labels = results.labels.get(f"{dataset}|{roi}", ())
    colours = category_colours(labels)
    images = _thumbnails(results, dataset, results.rdms[names["brain"]].stimulus_ids)
    with paper():
        figure, axes = panel_grid(len(names), 2.35, most_columns=3)
        brain = None
        for axis, (column, name) in zip(axes, names.items(), strict=True):
            points, stress = embed(percentiles(results, name))
            brain = points if brain is None else brain
            points = turn_to(points, brain)
            points /= np.abs(points).max() or 1.0
            frames = [colours.get(label, "0.7") for label in labels] or ["0.7"] * len(points)
            _draw_stimuli(axis, points, images, frames)
            title = (
                f"{panel_title(results, dataset, roi)} brain"
                if column == "brain"
                else f"{styles[column].label}, layer {rdm_layer(results, dataset, roi)}"
            )
            axis.set_title(title, loc="center")
            axis.set_xlabel(f"stress {stress:.2f}", fontsize=6, color="0.3", labelpad=1)
        if colours:
            bottom_legend(figure, [_swatch(colour, words(label)) for label, colour in colours.items()])
    return figure


def category_colours(labels: Sequence[str]) -> dict[str, str]:
    """Return a colour for each category, or none where there are more categories than colours."""
    names = sorted(set(labels))
    return dict(zip(names, _CATEGORY_COLOURS, strict=False)) if len(names) <= len(_CATEGORY_COLOURS) else {}


def draw_rule_mds(results: Results, dataset: str) -> "Figure":
    """Draw brain and every layer of every rule; distance is 1 - Spearman's rho between RDMs."""
    cells = [cell for cell in rdm_cells(results) if cell[0] == dataset]
    styles = rule_styles(results.rules)
    depth = {layer: k for network in results.networks for k, layer in enumerate(results.layers(network))}
    with paper():
        from matplotlib.lines import Line2D

        figure, axes = panel_grid(len(cells), 2.5, most_columns=2)
        for axis, (_, roi) in zip(axes, cells, strict=True):
            prefix = f"{dataset}|{roi}|"
            names = [f"{prefix}brain"] + [
                name for name in results.rdms if name.startswith(prefix) and name.count("|") == 3
            ]
            points, stress = embed(_second_order(results, names))
            for rule in results.rules:
                of_rule = [k for k, name in enumerate(names) if k and name.split("|")[2] == rule]
                of_rule.sort(key=lambda k: depth.get(names[k].split("|")[3], 0))
                _draw_path(axis, points[of_rule], styles[rule])
            axis.plot(
                *points[0],
                marker="*",
                markersize=11,
                color=_BRAIN,
                markeredgecolor="white",
                markeredgewidth=0.6,
                linestyle="",
                zorder=6,
            )
            axis.set_title(panel_title(results, dataset, roi))
            axis.set_xlabel(f"1 − Spearman ρ between RDMs (stress {stress:.2f})", fontsize=6.5)
            _bare(axis)
        handles: list[Any] = [Line2D([], [], marker="*", markersize=8, color=_BRAIN, linestyle="", label="brain")]
        handles += [
            Line2D(
                [], [], color=styles[rule].colour, marker=styles[rule].marker, linewidth=0.8, label=styles[rule].label
            )
            for rule in results.rules
        ]
        bottom_legend(figure, handles)
    return figure


def _second_order(results: Results, names: list[str]) -> np.ndarray:
    """Return ``(n, n)`` distances 1 - Spearman's rho between RDMs over the same stimuli."""
    from scipy.stats import rankdata

    ranks = np.stack([rankdata(results.rdms[name].dissimilarities[0]) for name in names])
    distances = np.clip(1 - np.corrcoef(ranks), 0, 2)
    np.fill_diagonal(distances, 0)
    return np.atleast_2d(distances)


def _thumbnails(results: Results, dataset: str, ids: tuple[str, ...]) -> np.ndarray | None:
    if dataset not in results.thumbnails:
        return None
    have, images = results.thumbnails[dataset]
    return images[positions(have, ids, f"thumbnails of {dataset}")]


def _draw_stimuli(axis: "Axes", points: np.ndarray, images: np.ndarray | None, frames: list[str]) -> None:
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    if images is None:
        axis.scatter(points[:, 0], points[:, 1], s=14, c=frames, edgecolors="0.3", linewidths=0.4)
    else:
        for point, image, frame in zip(points, images, frames, strict=True):
            picture = image.squeeze(-1) if image.shape[-1] == 1 else image
            zoom = _THUMBNAIL_POINTS / max(picture.shape[:2])
            box = OffsetImage(picture, zoom=zoom, cmap="gray", interpolation="antialiased")
            box.image.set_clim(0, 255)
            style = {"edgecolor": frame, "linewidth": 1.1, "boxstyle": "square,pad=0.06"}
            picture_box = AnnotationBbox(box, (point[0], point[1]), pad=0, bboxprops=style)
            picture_box.set_in_layout(False)  # it lies inside the panel; measuring hundreds of them is slow
            axis.add_artist(picture_box)
    axis.set_xlim(-1.12, 1.12)
    axis.set_ylim(-1.12, 1.12)
    _bare(axis, "box")


def _draw_path(axis: "Axes", points: np.ndarray, style: RuleStyle) -> None:
    if not len(points):
        return
    axis.plot(*points.T, color=style.colour, linewidth=0.7, alpha=0.7, zorder=2)
    axis.scatter(
        points[:, 0],
        points[:, 1],
        s=np.linspace(6, 26, len(points)),
        color=style.colour,
        marker=style.marker,
        edgecolors="white",
        linewidths=0.4,
        zorder=3,
    )


def _bare(axis: "Axes", adjustable: Literal["box", "datalim"] = "datalim") -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_aspect("equal", adjustable=adjustable)
    axis.spines[:].set_visible(True)
    axis.spines[:].set_color("0.8")


def _swatch(colour: str, label: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(facecolor="white", edgecolor=colour, linewidth=1.5, label=label)
