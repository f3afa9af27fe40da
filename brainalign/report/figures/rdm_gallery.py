"""RDM gallery: the brain beside every rule, as percentiles, stimuli ordered by category."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from brainalign.alignment.mean_rdm import MeanRDM
from brainalign.alignment.result import AlignmentResult
from brainalign.cell_pictures import colour_bar
from brainalign.report.figure import Figure
from brainalign.report.rule_style import RuleStyle, rule_styles
from brainalign.report.scores import panel_title
from brainalign.report.sentences import dissimilarities_sentence, joined, rdm_layers_sentence, rdm_sizes
from brainalign.report.shown_rdms import percentiles, rdm_cells, rdm_columns, rdm_dissimilarities, rdm_layer
from brainalign.report.style import DOUBLE, SMALL, paper, parts_of, sheet, words, wrapped
from brainalign.report.wording import abbreviations, simulated_note

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from brainalign.report.style import On, Sheet


class RdmGallery(Figure):
    """One row per ROI of a recording: the mean brain RDM, then each rule at one layer."""

    file: ClassVar[str] = "rdms"
    heading: ClassVar[str] = "RDMs"
    section: ClassVar[str] = "geometry"
    place: ClassVar[int] = 0
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def cells(self, results: AlignmentResult) -> Sequence[tuple[str, ...]]:
        """Return the recordings with RDMs."""
        return list(dict.fromkeys((dataset,) for dataset, _ in rdm_cells(results)))

    def title(self, results: AlignmentResult, *cell: str) -> str:
        """Return the title of one recording."""
        return f"{self.heading}, {results.dataset_label(cell[0])}"

    def raster(self, results: AlignmentResult, *cell: str) -> bool:
        """Return True: RDMs are images."""
        return True

    def draw(self, results: AlignmentResult, *cell: str, on: "On" = None) -> "Sheet":
        """Draw the RDMs over the stimuli of one recording."""
        return _draw(results, *cell, on=on)

    def caption(self, results: AlignmentResult, *cell: str) -> str:
        """Return the caption."""
        dataset = cell[0]
        cells = [one for one in rdm_cells(results) if one[0] == dataset]
        brain = results.rdms[MeanRDM(dataset, cells[0][1])]
        short = {rule: style.short for rule, style in rule_styles(results.rules).items()}
        return joined(
            simulated_note(results, [dataset]),
            f"Representational dissimilarity of every pair of {len(brain.stimulus_ids)} stimuli, "
            "as percentiles within each matrix.",
            dissimilarities_sentence(results, cells),
            "Mean over subjects (brain) and over seeds (rules).",
            rdm_sizes(results, cells),
            rdm_layers_sentence(results, cells),
            "Stimuli are ordered by category." if any(results.labels.get(one) for one in cells) else "",
            abbreviations(short),
        )


def _draw(results: AlignmentResult, dataset: str, *, on: "On" = None) -> "Sheet":
    cells = [cell for cell in rdm_cells(results) if cell[0] == dataset]
    columns = list(dict.fromkeys(name for cell in cells for name in rdm_columns(results, *cell)))
    styles = rule_styles(results.rules)
    with paper(on):
        abreast = min(max(len(columns), 4), 6)
        side, rows = (DOUBLE - 1.6) / abreast, -(-len(columns) // abreast)
        figure = sheet(DOUBLE, len(cells) * (rows * (side + 0.25) + 0.3), on)
        parts = parts_of(figure, len(cells))
        for part, (_, roi) in zip(parts, cells, strict=True):
            names = rdm_columns(results, dataset, roi)
            order, labels = _category_order(results, dataset, roi)
            axes = part.subplots(rows, min(abreast, len(columns)), squeeze=False).ravel()
            for axis in axes[len(columns) :]:
                axis.remove()
            axes = axes[: len(columns)]
            for axis, column in zip(axes, columns, strict=True):
                if column not in names:
                    axis.remove()
                    continue
                square = percentiles(results, names[column])[np.ix_(order, order)]
                image = axis.imshow(square, cmap="viridis", vmin=0, vmax=100, interpolation="nearest")
                _mark_categories(axis, labels, named=column == columns[0])
                axis.set_title("brain" if column == "brain" else _name(styles[column], side), loc="center", fontsize=7)
            layer = rdm_layer(results, dataset, roi)
            brain, networks = rdm_dissimilarities(results, dataset, roi)
            heading = f"{panel_title(results, dataset, roi)}, {brain}"
            heading += f"; networks at layer {layer}, {networks}" if networks else ""
            part.suptitle(heading, x=0.01, ha="left", fontsize=7.5)
            shrink = max(0.25, 0.9 / rows)
            colour_bar(image, list(axes), "Dissimilarity\n(percentile)", shrink=shrink, aspect=15, ticks=[0, 50, 100])
    return figure


def _name(style: RuleStyle, side: float) -> str:
    """Return the name of a rule over a matrix that is ``side`` inches wide."""
    name = wrapped(style.label, int(side / 0.058))
    return name if side > 1.3 and name.count("\n") <= 1 else style.short


def _category_order(results: AlignmentResult, dataset: str, roi: str) -> tuple[np.ndarray, list[str]]:
    labels = list(results.labels.get((dataset, roi), ()))
    if not labels:
        return np.arange(len(results.rdms[MeanRDM(dataset, roi)].stimulus_ids)), []
    first = {label: k for k, label in enumerate(sorted(set(labels)))}
    order = np.argsort([first[label] for label in labels], kind="stable")
    return order, [labels[k] for k in order]


def _mark_categories(axis: "Axes", labels: list[str], named: bool) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
    if not labels:
        return
    starts = [k for k in range(len(labels)) if k == 0 or labels[k] != labels[k - 1]]
    for start in starts[1:]:
        axis.axhline(start - 0.5, color="white", linewidth=0.5)
        axis.axvline(start - 0.5, color="white", linewidth=0.5)
    if named and len(starts) <= 12:
        ends = [*starts[1:], len(labels)]
        axis.set_yticks(
            [(a + b - 1) / 2 for a, b in zip(starts, ends, strict=True)],
            [words(labels[k]) for k in starts],
            fontsize=SMALL,
        )
        axis.tick_params(length=0, pad=1)
