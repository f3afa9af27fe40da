"""An arrangement of networks and brain by the likeness of their RDMs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from brainalign.alignment.mean_rdm import MeanRDM
from brainalign.alignment.result import AlignmentResult
from brainalign.report.figure import Figure
from brainalign.report.legend import bottom_legend
from brainalign.report.mds import bare, embed, scale_bar
from brainalign.report.rule_style import RuleStyle, rule_styles
from brainalign.report.scores import panel_title
from brainalign.report.sentences import dissimilarities_sentence, joined, rdm_sizes
from brainalign.report.shown_rdms import network_rdms, rdm_cells, rdm_columns
from brainalign.report.style import panel_grid, paper, titled
from brainalign.report.wording import simulated_note

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from brainalign.report.style import On, Sheet

_BRAIN = "#AA3377"


class RuleMds(Figure):
    """Brain and every layer of every rule; distance is 1 - Spearman's rho between RDMs."""

    file: ClassVar[str] = "rule_mds"
    heading: ClassVar[str] = "Brain and rules arranged by their RDMs"
    section: ClassVar[str] = "geometry"
    place: ClassVar[int] = 1
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def cells(self, results: AlignmentResult) -> Sequence[tuple[str, ...]]:
        """Return the recordings with RDMs of brain and rules."""
        several = [cell[:1] for cell in rdm_cells(results) if len(rdm_columns(results, *cell)) > 1]
        return list(dict.fromkeys(several))

    def title(self, results: AlignmentResult, *cell: str) -> str:
        """Return the title of one recording."""
        return f"{self.heading}, {results.dataset_label(cell[0])}"

    def draw(self, results: AlignmentResult, *cell: str, on: "On" = None) -> "Sheet":
        """Draw the RDMs over the stimuli of one recording."""
        return _draw(results, *cell, on=on)

    def caption(self, results: AlignmentResult, *cell: str) -> str:
        """Return the caption."""
        cells = [one for one in rdm_cells(results) if one[0] == cell[0]]
        return joined(
            simulated_note(results, [cell[0]]),
            "Brain and networks by the likeness of their mean RDMs: distance is 1 − Spearman ρ, "
            "arranged by multidimensional scaling (metric stress).",
            dissimilarities_sentence(results, cells),
            "A line follows a rule through its layers; markers grow with depth. The bar is a distance.",
            rdm_sizes(results, cells),
        )


def _draw(results: AlignmentResult, dataset: str, *, on: "On" = None) -> "Sheet":
    cells = [cell for cell in rdm_cells(results) if cell[0] == dataset]
    styles = rule_styles(results.rules)
    depth = {layer: k for network in results.networks for k, layer in enumerate(results.layers(network))}
    with paper(on):
        from matplotlib.lines import Line2D

        figure, axes = panel_grid(len(cells), 2.5, most_columns=2, on=on)
        for axis, (_, roi) in zip(axes, cells, strict=True):
            keys = [MeanRDM(dataset, roi), *network_rdms(results, dataset, roi)]
            points, stress = embed(_second_order(results, keys))
            for rule in results.rules:
                of_rule = [k for k, key in enumerate(keys) if k and key.rule == rule]
                of_rule.sort(key=[depth.get(key.layer, 0) for key in keys].__getitem__)
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
            titled(axis, panel_title(results, dataset, roi))
            axis.set_xlabel(f"1 − Spearman ρ between RDMs (stress {stress:.2f})", fontsize=6.5, loc="right")
            bare(axis)
            scale_bar(axis, float(np.ptp(points, axis=0).max()))
        handles: list[Any] = [Line2D([], [], marker="*", markersize=8, color=_BRAIN, linestyle="", label="brain")]
        handles += [
            Line2D(
                [], [], color=styles[rule].colour, marker=styles[rule].marker, linewidth=0.8, label=styles[rule].label
            )
            for rule in results.rules
        ]
        bottom_legend(figure, handles, on)
    return figure


def _second_order(results: AlignmentResult, keys: Sequence[MeanRDM]) -> np.ndarray:
    """Return ``(n, n)`` distances 1 - Spearman's rho between RDMs over the same stimuli."""
    from scipy.stats import rankdata

    ranks = np.stack([rankdata(results.rdms[key].dissimilarities[0]) for key in keys])
    distances = np.clip(1 - np.corrcoef(ranks), 0, 2)
    np.fill_diagonal(distances, 0)
    return np.atleast_2d(distances)


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
