"""Captions, written from the rows a figure draws."""

import pandas as pd

from brainalign.report.contrast_rows import forest_rows, profile_rows
from brainalign.report.mds_figures import category_colours
from brainalign.report.measure import measure_label
from brainalign.report.rdm_gallery import rdm_cells, rdm_dissimilarities, rdm_layer
from brainalign.report.results import Results
from brainalign.report.rule_style import rule_styles
from brainalign.report.scores import ceiling_of, chosen_layer, final_scores, panel_rows, panels
from brainalign.report.style import words
from brainalign.report.wording import (
    abbreviations,
    ceiling_definition,
    correction_name,
    counted,
    listed,
    sample_sizes,
    scope_of,
    simulated_note,
    spanned,
)

_REST = "Other pairs of rules, if any, are in the table of contrasts."


def bars_caption(results: Results, network: str, measure: str) -> str:
    """Return the caption of the bars."""
    scores = final_scores(results, network, measure)
    return _join(
        simulated_note(results, list(scores.dataset)),
        f"Mean {measure_label(measure)} of {words(network)} trained with each rule.",
        "Circles: seeds (mean over subjects). Diamonds: subjects (mean over seeds).",
        _controls_sentence(results, measure, "Hatched bars and broken lines"),
        "Solid grey line: untrained floor.",
        _layers_sentence(results, scores),
        _ceiling_sentence(scores, measure),
        _times_sentence(scores),
        sample_sizes(results, scores),
    )


def layer_profile_caption(results: Results, network: str, measure: str) -> str:
    """Return the caption of the layer profile."""
    scores = final_scores(results, network, measure)
    return _join(
        simulated_note(results, list(scores.dataset)),
        f"{measure_label(measure)} at every layer of {words(network)}, from input to output.",
        "Lines: mean over seeds and subjects. Dots: seeds.",
        _controls_sentence(results, measure, "Broken grey lines"),
        _ceiling_sentence(scores, measure),
        _times_sentence(scores),
        sample_sizes(results, scores),
    )


def time_course_caption(results: Results, network: str, measure: str) -> str:
    """Return the caption of the time course."""
    scores = final_scores(results, network, measure)
    scores = scores[scores.time.notna()]
    return _join(
        simulated_note(results, list(scores.dataset)),
        f"{measure_label(measure)} of {words(network)} by time.",
        "Lines: mean over seeds and subjects. Ribbons: range over seeds.",
        _layers_sentence(results, scores),
        _ceiling_sentence(scores, measure),
        sample_sizes(results, scores),
    )


def heatmap_caption(results: Results, network: str, measure: str) -> str:
    """Return the caption of the heatmap."""
    scores = final_scores(results, network, measure)
    short = {rule: style.short for rule, style in rule_styles(results.rules).items()}
    return _join(
        simulated_note(results, list(scores.dataset)),
        f"Mean {measure_label(measure)} by layer (rows, deepest on top) and recording (columns).",
        "One colour scale for all rules.",
        _times_sentence(scores),
        sample_sizes(results, scores),
        abbreviations(short) if len(panels(scores)) <= 2 else "",
    )


def contrasts_caption(results: Results, network: str, measure: str) -> str:
    """Return the caption of the forest plot."""
    table = forest_rows(results, network, measure)
    rest = "" if (table.kind == "pair").any() else f" {_REST}"
    return _contrast_caption(results, table, measure, f"Colour and marker: the first rule of the difference.{rest}")


def contrast_profile_caption(results: Results, network: str, measure: str) -> str:
    """Return the caption of contrasts by layer or time."""
    table = profile_rows(results, network, measure)
    return _contrast_caption(results, table, measure, f"Colour and marker: the rule. {_REST}")


def _contrast_caption(results: Results, table: pd.DataFrame, measure: str, key: str) -> str:
    short = {rule: style.short for rule, style in rule_styles(results.rules).items()}
    methods = listed([correction_name(name) for name in sorted(table.correction.unique())])
    return _join(
        simulated_note(results, list(table.dataset)),
        f"Difference in {measure_label(measure)} between rules.",
        f"Lines: {100 * (1 - results.alpha):g}% confidence interval, unadjusted.",
        f"Filled: adjusted p < {results.alpha:g}. {key}",
        scope_of(table, results),
        f"{spanned(table.n_subjects)} subjects, {spanned(table.n_stimuli)} stimuli, {spanned(table.n_seeds)} seeds; "
        f"families of {spanned(table.family_size)} contrasts, adjusted by {methods}.",
        abbreviations(short) if len(table) and "first rule" in key else "",
    )


def rdm_caption(results: Results, dataset: str) -> str:
    """Return the caption of the RDM gallery."""
    cells = [cell for cell in rdm_cells(results) if cell[0] == dataset]
    brain = results.rdms["|".join([*cells[0], "brain"])]
    ordered = any(results.labels.get("|".join(cell)) for cell in cells)
    short = {rule: style.short for rule, style in rule_styles(results.rules).items()}
    return _join(
        simulated_note(results, [dataset]),
        f"Representational dissimilarity of every pair of {len(brain.stimulus_ids)} stimuli, "
        "as percentiles within each matrix.",
        _dissimilarities(results, cells),
        "Mean over subjects (brain) and over seeds (rules).",
        _rdm_layers(results, cells),
        "Stimuli are ordered by category." if ordered else "",
        abbreviations(short),
    )


def stimulus_mds_caption(results: Results, dataset: str, roi: str) -> str:
    """Return the caption of the arrangement of stimuli."""
    n_stimuli = len(results.rdms[f"{dataset}|{roi}|brain"].stimulus_ids)
    frames = "Frames: categories." if category_colours(results.labels.get(f"{dataset}|{roi}", ())) else ""
    return _join(
        simulated_note(results, [dataset]),
        f"Arrangement of {n_stimuli} stimuli by multidimensional scaling (metric stress) of the percentiles "
        "of the mean RDM; stimuli that stand close are represented alike.",
        _dissimilarities(results, [(dataset, roi)]),
        "Each arrangement of a rule is rotated or mirrored to match that of the brain.",
        frames,
        _rdm_layers(results, [(dataset, roi)]),
    )


def rule_mds_caption(results: Results, dataset: str) -> str:
    """Return the caption of the arrangement of rules."""
    return _join(
        simulated_note(results, [dataset]),
        "Brain and networks by the likeness of their mean RDMs: distance is 1 − Spearman ρ, "
        "arranged by multidimensional scaling (metric stress).",
        _dissimilarities(results, [cell for cell in rdm_cells(results) if cell[0] == dataset]),
        "A line follows a rule through its layers; markers grow with depth.",
    )


def learning_caption(results: Results, network: str, dataset: str) -> str:
    """Return the caption of the learning curves."""
    table = results.training[(results.training.network == network) & (results.training.dataset == dataset)]
    seeds = table.groupby("rule").seed.nunique()
    sentences = [
        f"Learning of {words(network)} on {dataset}.",
        f"Bold: mean over seeds. Thin: seeds ({spanned(seeds)} per rule).",
    ]
    if "untrained" in set(table.rule):
        sentences.append("Broken line: untrained network.")
    if table.feedback_angle.notna().any():
        sentences.append("Feedback angle: between feedback and forward weights, mean over synapses; 90 is unrelated.")
    return " ".join(sentences)


def _layers_sentence(results: Results, scores: pd.DataFrame) -> str:
    used = {
        f"{dataset} {roi}": chosen_layer(results, panel_rows(scores, dataset, roi), roi)[1]
        for dataset, roi in panels(scores)
    }
    declared = [
        cell
        for cell, which in used.items()
        if results.ranking_layer(cell.split(" ", 1)[1]) and which.startswith("layer ")
    ]
    if declared and len(declared) == len(used):
        return "Layers were declared before the scores were seen."
    if declared:
        return (
            f"Layers of {listed(declared)} were declared before the scores were seen; "
            "elsewhere the mean over all layers is drawn."
        )
    return (
        "No layer was declared beforehand: the mean over all layers is drawn."
        if any("mean" in text for text in used.values())
        else ""
    )


def _ceiling_sentence(scores: pd.DataFrame, measure: str) -> str:
    without = [
        f"{dataset} {roi}" for dataset, roi in panels(scores) if ceiling_of(panel_rows(scores, dataset, roi)) is None
    ]
    if len(without) == len(panels(scores)):
        return "No noise ceiling could be estimated."
    missing = f" It could not be estimated for {listed(without)}." if without else ""
    return f"Grey: {ceiling_definition(measure)}{missing}"


def _dissimilarities(results: Results, cells: list[tuple[str, str]]) -> str:
    brains: dict[str, list[str]] = {}
    networks: list[str] = []
    for dataset, roi in cells:
        brain, other = rdm_dissimilarities(results, dataset, roi)
        brains.setdefault(brain, []).append(roi)
        networks += [other] if other and other not in networks else []
    alone = len(brains) == 1
    parts = [f"{name}{'' if alone else f' ({listed(rois)})'}" for name, rois in brains.items()]
    text = f"Brain: {listed(parts)}"
    return f"{text}; networks: {listed(networks)}." if networks else f"{text}."


def _rdm_layers(results: Results, cells: list[tuple[str, str]]) -> str:
    layers = {roi: layer for dataset, roi in cells if (layer := rdm_layer(results, dataset, roi))}
    if not layers:
        return ""
    declared = all(results.ranking_layer(roi) == layer for roi, layer in layers.items())
    how = "declared before the scores were seen" if declared else "the deepest where none was declared"
    return f"Networks at layer {listed([f'{layer} ({roi})' for roi, layer in layers.items()])}, {how}."


def _controls_sentence(results: Results, measure: str, drawn: str) -> str:
    table = results.alignment
    scored = ((table.rule == "low_level") & (table.measure == measure)).any()
    return f"{drawn}: low-level controls of the same stimuli." if scored else ""


def _times_sentence(scores: pd.DataFrame) -> str:
    times = scores.time.nunique()
    return f"Scores are means over {counted(times, 'time')} after stimulus onset." if times > 1 else ""


def _join(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)
