"""All figures of a study, each with its caption, in the order of the page."""

from collections.abc import Iterator

import pandas as pd

from brainalign.report import captions
from brainalign.report.bars import draw_bars
from brainalign.report.contrast_profile import draw_contrast_profile
from brainalign.report.contrast_rows import forest_rows, profile_rows
from brainalign.report.contrasts_figure import draw_contrasts
from brainalign.report.heatmap import draw_heatmap
from brainalign.report.layer_profile import draw_layer_profile, draw_time_course
from brainalign.report.learning_curves import draw_learning_curves
from brainalign.report.mds_figures import draw_rule_mds, draw_stimulus_mds
from brainalign.report.measure import measure_label
from brainalign.report.plate import Plate
from brainalign.report.rdm_gallery import draw_rdm_gallery, rdm_cells, rdm_columns
from brainalign.report.results import Results
from brainalign.report.scorecard_figure import draw_scorecard, scorecard_caption
from brainalign.report.scores import final_scores
from brainalign.report.style import slug, words
from brainalign.report.trade_off_figure import draw_trade_off, trade_off_caption

__all__ = [
    "draw_all",
    "draw_bars",
    "draw_contrast_profile",
    "draw_contrasts",
    "draw_heatmap",
    "draw_layer_profile",
    "draw_learning_curves",
    "draw_rdm_gallery",
    "draw_rule_mds",
    "draw_scorecard",
    "draw_stimulus_mds",
    "draw_time_course",
    "draw_trade_off",
    "scorecard_plate",
]


def draw_all(results: Results) -> Iterator[Plate]:
    """Yield every figure that the tables can fill; a figure without rows is left out, never drawn empty."""
    for network in results.networks:
        for measure in results.measures:
            yield from _score_plates(results, network, measure)
    yield from _plausibility_plates(results)
    for dataset in dict.fromkeys(dataset for dataset, _ in rdm_cells(results)):
        yield from _rdm_plates(results, dataset)
    trained = results.training[["network", "dataset"]].drop_duplicates()
    for network, dataset in trained.to_numpy():
        table = results.training[(results.training.network == network) & (results.training.dataset == dataset)]
        if table[["train_loss", "val_accuracy", "test_accuracy"]].notna().any(axis=None):
            yield Plate(
                slug("learning", network, dataset),
                f"Learning curves, {words(network)} on {dataset}",
                captions.learning_caption(results, network, dataset),
                draw_learning_curves(results, network, dataset),
            )


def _plausibility_plates(results: Results) -> Iterator[Plate]:
    if results.plausibility.empty:
        return
    for network in dict.fromkeys(results.plausibility.network):
        for measure in results.measures:
            scores = final_scores(results, network, measure)
            if not scores.empty:
                yield Plate(
                    slug("trade_off", network, measure),
                    f"{_simulated(results, list(scores.dataset))}Plausibility, performance and alignment, "
                    f"{words(network)}, {measure_label(measure)}",
                    trade_off_caption(results, network, measure),
                    draw_trade_off(results, network, measure),
                )
        own = results.plausibility[results.plausibility.network == network]
        place = {rule: k for k, rule in enumerate(results.rules)}
        yield scorecard_plate(own.sort_values("rule", key=lambda rules: rules.map(place), kind="stable"))


def scorecard_plate(table: pd.DataFrame) -> Plate:
    """Return the figure of the scorecard of one network."""
    network = str(table.network.iloc[0])
    return Plate(
        slug("scorecard", network),
        f"Measured plausibility, {words(network)}",
        scorecard_caption(table),
        draw_scorecard(table),
    )


def _score_plates(results: Results, network: str, measure: str) -> Iterator[Plate]:
    scores = final_scores(results, network, measure)
    if scores.empty:
        return
    kinds = {
        "bars": ("Scores of the rules", draw_bars, captions.bars_caption),
        "layers": ("Scores by layer", draw_layer_profile, captions.layer_profile_caption),
        "heatmap": ("Layers by recordings", draw_heatmap, captions.heatmap_caption),
    }
    if scores.time.notna().any():
        kinds["times"] = ("Scores by time", draw_time_course, captions.time_course_caption)
    if not profile_rows(results, network, measure).empty:
        kinds["contrast_profile"] = (
            "Differences between rules by layer or time",
            draw_contrast_profile,
            captions.contrast_profile_caption,
        )
    if not forest_rows(results, network, measure).empty:
        kinds["contrasts"] = ("Differences between rules", draw_contrasts, captions.contrasts_caption)
    for kind, (title, draw, caption) in kinds.items():
        yield Plate(
            slug(kind, network, measure),
            f"{_simulated(results, list(scores.dataset))}{title}, {words(network)}, {measure_label(measure)}",
            caption(results, network, measure),
            draw(results, network, measure),
        )


def _rdm_plates(results: Results, dataset: str) -> Iterator[Plate]:
    name = results.dataset_label(dataset)
    yield Plate(
        slug("rdms", dataset),
        f"RDMs, {name}",
        captions.rdm_caption(results, dataset),
        draw_rdm_gallery(results, dataset),
        raster=True,
    )
    cells = [cell for cell in rdm_cells(results) if cell[0] == dataset]
    if any(len(rdm_columns(results, *cell)) > 1 for cell in cells):
        yield Plate(
            slug("rule_mds", dataset),
            f"Brain and rules arranged by their RDMs, {name}",
            captions.rule_mds_caption(results, dataset),
            draw_rule_mds(results, dataset),
        )
    for _, roi in cells:
        yield Plate(
            slug("stimulus_mds", dataset, roi),
            f"Stimuli arranged by dissimilarity, {name} {roi}",
            captions.stimulus_mds_caption(results, dataset, roi),
            draw_stimulus_mds(results, dataset, roi),
            raster=dataset in results.thumbnails,
        )


def _simulated(results: Results, datasets: list[str]) -> str:
    flags = {results.is_simulated(name) for name in set(datasets)}
    return {frozenset({True}): "SIMULATED: ", frozenset({True, False}): "Partly SIMULATED: "}.get(frozenset(flags), "")
