"""RDM gallery: the brain beside every rule, as percentiles, stimuli ordered by category."""

from typing import TYPE_CHECKING

import numpy as np

from brainalign.report.measure import dissimilarity_name
from brainalign.report.results import Results
from brainalign.report.rule_style import rule_styles
from brainalign.report.scores import panel_title, panels
from brainalign.report.style import DOUBLE, new_figure, paper, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def rdm_cells(results: Results) -> list[tuple[str, str]]:
    """Return the (dataset, roi) pairs that have a brain RDM."""
    names = (name.split("|") for name in results.rdms)
    found = [(parts[0], parts[1]) for parts in names if len(parts) == 3 and parts[2] == "brain"]
    order = panels(results.alignment)
    return sorted(found, key=lambda cell: order.index(cell) if cell in order else len(order))


def rdm_layer(results: Results, dataset: str, roi: str) -> str | None:
    """Return the layer a gallery shows: the declared one, or the deepest stored; never the best-scoring one."""
    prefix = f"{dataset}|{roi}|"
    stored = {name.split("|")[3] for name in results.rdms if name.startswith(prefix) and name.count("|") == 3}
    declared = results.ranking_layer(roi)
    if declared in stored:
        return declared
    depth = [layer for network in results.networks for layer in results.layers(network) if layer in stored]
    return depth[-1] if depth else None


def rdm_columns(results: Results, dataset: str, roi: str) -> dict[str, str]:
    """Return column name (``"brain"`` or a rule) to the name of its RDM."""
    layer = rdm_layer(results, dataset, roi)
    names = {"brain": f"{dataset}|{roi}|brain"} | {rule: f"{dataset}|{roi}|{rule}|{layer}" for rule in results.rules}
    return {column: name for column, name in names.items() if name in results.rdms}


def rdm_dissimilarities(results: Results, dataset: str, roi: str) -> tuple[str, str]:
    """Return in words the dissimilarity that the brain's RDM holds, and that of networks; empty without networks."""
    columns = rdm_columns(results, dataset, roi)
    names = [dissimilarity_name(results.rdms[name].measure) for name in columns.values()]
    return names[0], names[1] if len(names) > 1 else ""


def draw_rdm_gallery(results: Results, dataset: str) -> "Figure":
    """Draw one row per ROI of ``dataset``: the mean brain RDM, then each rule at one layer."""
    cells = [cell for cell in rdm_cells(results) if cell[0] == dataset]
    columns = list(dict.fromkeys(name for cell in cells for name in rdm_columns(results, *cell)))
    styles = rule_styles(results.rules)
    with paper():
        abreast = min(max(len(columns), 4), 6)
        side, rows = (DOUBLE - 1.6) / abreast, -(-len(columns) // abreast)
        figure = new_figure(DOUBLE, len(cells) * (rows * (side + 0.25) + 0.3))
        parts = figure.subfigures(len(cells), 1, squeeze=False)[:, 0]
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
                title = "brain" if column == "brain" else styles[column].label if side > 1.3 else styles[column].short
                axis.set_title(title, loc="center", fontsize=7)
            layer = rdm_layer(results, dataset, roi)
            brain, networks = rdm_dissimilarities(results, dataset, roi)
            heading = f"{panel_title(results, dataset, roi)}, {brain}"
            heading += f"; networks at layer {layer}, {networks}" if networks else ""
            part.suptitle(heading, x=0.01, ha="left", fontsize=7.5)
            bar = part.colorbar(image, ax=list(axes), shrink=0.9, aspect=15, pad=0.01, ticks=[0, 50, 100])
            bar.set_label("Percentile")
            bar.outline.set_visible(False)
    return figure


def percentiles(results: Results, name: str) -> np.ndarray:
    """Return an RDM ``(n_stimuli, n_stimuli)`` whose entries are ranks from 0 to 100, ties averaged."""
    from scipy.spatial.distance import squareform
    from scipy.stats import rankdata

    values = results.rdms[name].dissimilarities[0]
    return squareform(100 * (rankdata(values) - 0.5) / len(values))


def _category_order(results: Results, dataset: str, roi: str) -> tuple[np.ndarray, list[str]]:
    labels = list(results.labels.get(f"{dataset}|{roi}", ()))
    if not labels:
        return np.arange(len(results.rdms[f"{dataset}|{roi}|brain"].stimulus_ids)), []
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
            fontsize=5.5,
        )
        axis.tick_params(length=0, pad=1)
