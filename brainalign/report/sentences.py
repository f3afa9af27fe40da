"""Sentences that captions of several figures share, written from the rows that are drawn."""

import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.columns import LOW_LEVEL
from brainalign.report.rule_style import rule_styles
from brainalign.report.scores import ceiling_of, panel_rows, panels, peak_times
from brainalign.report.shown_rdms import rdm_dissimilarities, rdm_layer
from brainalign.report.wording import (
    abbreviations,
    contrast_sizes,
    correction_name,
    in_ms,
    listed,
    sample_sizes,
    scope_of,
    simulated_note,
    spanned,
)

OTHER_PAIRS = "Other pairs of rules, if any, are in the table of contrasts."


def layers_sentence(results: AlignmentResult, scores: pd.DataFrame) -> str:
    """Say at which layers bars stand, and why."""
    declared, several = [], False
    cells = panels(scores)
    for dataset, roi in cells:
        layers = set(panel_rows(scores, dataset, roi).layer)
        if results.ranking_layer(roi) in layers:
            declared.append(f"{dataset} {roi}")
        else:
            several |= len(layers) > 1
    if declared and len(declared) == len(cells):
        return "Layers were declared before the scores were seen."
    if declared:
        return (
            f"Layers of {listed(declared)} were declared before the scores were seen; "
            "elsewhere the mean over all layers is drawn."
        )
    return "No layer was declared beforehand: the mean over all layers is drawn." if several else ""


def ceiling_sentence(results: AlignmentResult, scores: pd.DataFrame, measure: str) -> str:
    """Say what the noise ceiling is, and where there is none."""
    without = [
        f"{dataset} {roi}" for dataset, roi in panels(scores) if ceiling_of(panel_rows(scores, dataset, roi)) is None
    ]
    if len(without) == len(panels(scores)):
        return "No noise ceiling could be estimated."
    missing = f" It could not be estimated for {listed(without)}." if without else ""
    return f"Grey: {results.about(measure).ceiling or 'noise ceiling.'}{missing}"


def contrasts_sentences(results: AlignmentResult, table: pd.DataFrame, measure: str, key: str) -> str:
    """Say what differences, intervals and marks are; ``key`` is what colours and markers mean."""
    short = {rule: style.short for rule, style in rule_styles(results.rules).items()}
    methods = listed([correction_name(name) for name in sorted(table.correction.unique())])
    return joined(
        simulated_note(results, list(table.dataset)),
        f"Difference in {results.about(measure).title} between rules.",
        f"Lines: {100 * (1 - results.alpha):g}% confidence interval, unadjusted.",
        f"Filled: adjusted p < {results.alpha:g}. {key}",
        scope_of(table, results),
        f"{contrast_sizes(table)}; families of {spanned(table.family_size, 'contrast')}, adjusted by {methods}.",
        abbreviations(short) if len(table) and "first rule" in key else "",
    )


def dissimilarities_sentence(results: AlignmentResult, cells: list[tuple[str, str]]) -> str:
    """Say which dissimilarity RDMs of brains and networks hold, and that of brains is a mean where there are times."""
    brains: dict[str, list[str]] = {}
    networks: list[str] = []
    for dataset, roi in cells:
        brain, other = rdm_dissimilarities(results, dataset, roi)
        brains.setdefault(brain, []).append(roi)
        networks += [other] if other and other not in networks else []
    alone = len(brains) == 1
    parts = [f"{name}{'' if alone else f' ({listed(rois)})'}" for name, rois in brains.items()]
    text = f"Brain: {listed(parts)}" + (f"; networks: {listed(networks)}." if networks else ".")
    shown = results.shown_scores[results.shown_scores.dataset.isin([dataset for dataset, _ in cells])]
    return f"{text} The brain's RDM is the mean over times from onset on." if shown.time.nunique() > 1 else text


def rdm_layers_sentence(results: AlignmentResult, cells: list[tuple[str, str]]) -> str:
    """Say at which layers RDMs of networks are shown."""
    layers = {roi: layer for dataset, roi in cells if (layer := rdm_layer(results, dataset, roi))}
    if not layers:
        return ""
    declared = all(results.ranking_layer(roi) == layer for roi, layer in layers.items())
    how = "declared before the scores were seen" if declared else "the deepest where none was declared"
    return f"Networks at layer {listed([f'{layer} ({roi})' for roi, layer in layers.items()])}, {how}."


def rdm_sizes(results: AlignmentResult, cells: list[tuple[str, str]]) -> str:
    """Say over how many subjects and seeds mean RDMs of these (dataset, ROI) are, where scores say so."""
    table = results.network_scores
    here = pd.Series(list(zip(table.dataset, table.roi, strict=True)), index=table.index).isin(cells)
    return sample_sizes(results, table[here]) if here.any() else ""


def controls_sentence(results: AlignmentResult, measure: str, drawn: str) -> str:
    """Say how low-level controls are drawn, where they were scored."""
    table = results.shown_scores
    scored = ((table.role == LOW_LEVEL) & (table.measure == measure)).any()
    return f"{drawn}: low-level controls of the same stimuli." if scored else ""


def times_sentence(scores: pd.DataFrame) -> str:
    """Say at which time scores are drawn, where there are several."""
    peaks = peak_times(scores)
    if not peaks:
        return ""
    at = listed([f"{in_ms(time)} ({dataset} {roi})" for (dataset, roi), time in peaks.items()])
    return (
        f"Scores are at the time of the highest mean over rules and layers, chosen on the same data: {at}; other times "
        "are in the figure of scores by time."
    )


def scale_sentence(scores: pd.DataFrame) -> str:
    """Say which panels share a scale, where there are several."""
    datasets = [dataset for dataset, _ in panels(scores)]
    if len(datasets) < 2:
        return ""
    if len(set(datasets)) == 1:
        return "All panels of scores have one scale."
    return "Panels of scores of one recording have one scale; recordings differ."


def joined(*sentences: str) -> str:
    """Return sentences one after another, empty ones left out."""
    return " ".join(sentence for sentence in sentences if sentence)
