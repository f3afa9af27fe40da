"""Arrangements of stimuli as brain and networks see them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from brainalign.alignment.mean_rdm import BRAIN, MeanRDM
from brainalign.alignment.result import AlignmentResult
from brainalign.datasets.stimuli import positions
from brainalign.report.figure import Figure
from brainalign.report.legend import bottom_legend
from brainalign.report.mds import bare, embed, turn_to
from brainalign.report.rule_style import rule_styles
from brainalign.report.scores import panel_title
from brainalign.report.sentences import dissimilarities_sentence, joined, rdm_layers_sentence, rdm_sizes
from brainalign.report.shown_rdms import percentiles, rdm_cells, rdm_columns, rdm_layer
from brainalign.report.style import SMALL, panel_grid, paper, titled, words
from brainalign.report.wording import simulated_note

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from brainalign.report.style import On, Sheet

# Paul Tol's light scheme: pale, so that no category is mistaken for a rule.
_CATEGORY_COLOURS = ("#77AADD", "#EE8866", "#AAAA00", "#FFAABB", "#44BB99", "#99DDFF", "#BBCC33", "#DDDDDD", "#EEDD88")
_THUMBNAIL_POINTS = 8.5


class StimulusMds(Figure):
    """One arrangement of the stimuli for the brain and one for each rule, turned to match the brain's."""

    file: ClassVar[str] = "stimulus_mds"
    heading: ClassVar[str] = "Stimuli arranged by dissimilarity"
    section: ClassVar[str] = "geometry"
    place: ClassVar[int] = 2
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def cells(self, results: AlignmentResult) -> Sequence[tuple[str, ...]]:
        """Return (recording, ROI) with RDMs."""
        return rdm_cells(results)

    def title(self, results: AlignmentResult, *cell: str) -> str:
        """Return the title of one recording and ROI."""
        return f"{self.heading}, {results.dataset_label(cell[0])} {cell[1]}"

    def raster(self, results: AlignmentResult, *cell: str) -> bool:
        """Return whether pictures are drawn."""
        return cell[0] in results.thumbnails

    def draw(self, results: AlignmentResult, *cell: str, on: "On" = None) -> "Sheet":
        """Draw the stimuli of one recording and ROI."""
        return _draw(results, *cell, on=on)

    def caption(self, results: AlignmentResult, *cell: str) -> str:
        """Return the caption."""
        dataset, roi = cell
        n_stimuli = len(results.rdms[MeanRDM(dataset, roi)].stimulus_ids)
        return joined(
            simulated_note(results, [dataset]),
            f"Arrangement of {n_stimuli} stimuli by multidimensional scaling (metric stress) of the percentiles "
            "of the mean RDM; stimuli that stand close are represented alike.",
            dissimilarities_sentence(results, [(dataset, roi)]),
            "Each arrangement of a rule is rotated or mirrored to match that of the brain.",
            rdm_sizes(results, [(dataset, roi)]),
            "Frames: categories." if _category_colours(results.labels.get((dataset, roi), ())) else "",
            rdm_layers_sentence(results, [(dataset, roi)]),
        )


def _draw(results: AlignmentResult, dataset: str, roi: str, *, on: "On" = None) -> "Sheet":
    names = rdm_columns(results, dataset, roi)
    styles = rule_styles(results.rules)
    labels = results.labels.get((dataset, roi), ())
    colours = _category_colours(labels)
    images = _thumbnails(results, dataset, results.rdms[names[BRAIN]].stimulus_ids)
    with paper(on):
        figure, axes = panel_grid(len(names), 2.35, most_columns=3, on=on)
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
                if column == BRAIN
                else f"{styles[column].label}, layer {rdm_layer(results, dataset, roi)}"
            )
            titled(axis, title, loc="center")
            axis.set_xlabel(f"stress {stress:.2f}", fontsize=SMALL, color="0.3", labelpad=1)
        if colours:
            bottom_legend(figure, [_swatch(colour, words(label)) for label, colour in colours.items()], on)
    return figure


def _category_colours(labels: Sequence[str]) -> dict[str, str]:
    """Return a colour for each category, or none where there are more categories than colours."""
    names = sorted(set(labels))
    return dict(zip(names, _CATEGORY_COLOURS, strict=False)) if len(names) <= len(_CATEGORY_COLOURS) else {}


def _thumbnails(results: AlignmentResult, dataset: str, ids: tuple[str, ...]) -> np.ndarray | None:
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
    bare(axis, "box")


def _swatch(colour: str, label: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(facecolor="white", edgecolor=colour, linewidth=1.5, label=label)
