"""The methods paragraphs of a study, written from its tables and specification alone."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.comparisons.description import GEOMETRY, PREDICTION
from brainalign.report import citation_list as known
from brainalign.report.citation_list import CitationList
from brainalign.report.scores import panel_rows, panels
from brainalign.report.style import words
from brainalign.report.wording import (
    correction_name,
    counted,
    dissimilarity_name,
    in_words_of,
    listed,
    scope_of,
    spanned,
)
from brainalign.roles import CHOSEN_LAYER

_KINDS = {GEOMETRY: "representational similarity", PREDICTION: "predictions"}
_CORRECTIONS = {
    "holm": known.HOLM,
    "bh": known.BENJAMINI_HOCHBERG,
    "by": known.BENJAMINI_YEKUTIELI,
    "max_t": known.WESTFALL_YOUNG,
}


@dataclass(frozen=True)
class MethodsText:
    """Paragraphs with numbered citations, and the citations in that order."""

    paragraphs: tuple[str, ...]
    citations: tuple[str, ...]


def methods_text(results: AlignmentResult) -> MethodsText:
    """Return what a methods section says about the study."""
    citations = CitationList()
    writers: tuple[Callable[[AlignmentResult, CitationList], str], ...] = (
        _training, _recordings, _measures, _inference, _plausibility,
    )  # fmt: skip
    paragraphs = [writer(results, citations) for writer in writers]
    citations.cite(*results.facts.get("citations", []))
    return MethodsText(tuple(in_words_of(results, text) for text in paragraphs if text), citations.texts)


def _plausibility(results: AlignmentResult, citations: CitationList) -> str:
    del citations
    if results.scorecard.empty:
        return ""
    table = results.scorecard
    return (
        "Plausibility was measured on the running implementation of every rule, on small networks of its kind, "
        f"with {counted(table.probe.nunique(), 'probe')}: interventions on weights in the null space of their input, "
        "on currents with all others held, on labels and samples, and traces of what updates depend on. Each probe "
        f"has controls of known outcome; {table[table.certified].probe.nunique()} were certified by them here."
    )


def _training(results: AlignmentResult, citations: CitationList) -> str:
    table = results.training
    rules = [rule for rule in results.rules if rule not in results.untrained]
    if table.empty or not rules:
        return ""
    seeds = table.groupby(["rule", "network", "dataset"], observed=True).seed.nunique()
    trained = table[~table.rule.isin(results.untrained)]
    sentences = [
        f"We trained {listed([words(name) for name in trained.network.unique()])} on "
        f"{listed([_training_set(results, name) for name in trained.dataset.unique()])} "
        f"with {counted(len(rules), 'learning rule')} "
        f"({listed([words(rule) for rule in rules])}), {spanned(seeds, 'seed')} each"
    ]
    ends = trained.groupby(["rule", "network", "dataset"], observed=True)[["epoch", "step"]].max()
    if ends.notna().all(axis=None) and len(ends):
        sentences[0] += f", for {_numbers(ends.epoch)} epochs ({_numbers(ends.step)} steps)"
    rates = trained.learning_rate.dropna().unique()
    sentences[0] += (
        f", at {'a learning rate' if len(rates) == 1 else 'learning rates'} of {listed([f'{r:g}' for r in rates])}."
        if len(rates)
        else "."
    )
    if results.untrained:
        sentences.append(
            "Untrained networks are the floor: "
            "every rule is compared with them at the same layer and for the same subject."
        )
    if results.own_controls:
        own = listed([words(rule) for rule in results.own_controls])
        sentences.append(
            f"The floor of {own} is the same networks before training, which answer otherwise than the untrained ones."
        )
    lost = results.failures[results.failures.stage.isin(["training", "scoring"])]
    if len(lost):
        names = listed([words(rule) for rule in dict.fromkeys(lost.rule)])
        sentences.append(f"Training or scoring of {names} failed; the page lists where and why.")
    for rule, activity in results.facts.get("activities", {}).items():
        sentences.append(f"The activity of hidden units of {words(rule)} networks is their {activity}.")
    return " ".join(sentences)


def _training_set(results: AlignmentResult, name: str) -> str:
    title = results.facts.get("training_sets", {}).get(name, name)
    return name if title == name else f"{name} ({title})"


def _recordings(results: AlignmentResult, citations: CitationList) -> str:
    scores = results.network_scores
    sentences = []
    for dataset in scores.dataset.unique():
        about = results.facts["recordings"].get(dataset, {})
        cells = [panel_rows(scores, *cell) for cell in panels(scores) if cell[0] == dataset]
        shown = spanned(pd.concat(cells).n_stimuli, "stimulus", "stimuli")
        where = listed([f"{rows.roi.iloc[0]} ({counted(rows.subject.nunique(), 'subject')})" for rows in cells])
        kind = (
            "SIMULATED: no brain was recorded" if results.is_simulated(dataset) else about.get("modality", "recordings")
        )
        mark = citations.cite(about.get("citation", ""))
        sentences.append(
            f"{dataset} ({about.get('title', dataset)}){f' {mark}' if mark else ''} holds responses ({kind}) "
            f"to {shown} in {where}."
        )
    n_layers = {network: len(set(results.layers(network)) - {CHOSEN_LAYER}) for network in results.networks}
    layers = listed([
        f"{words(network)} ({counted(count, 'layer')})" if count else words(network)
        for network, count in n_layers.items()
    ])  # fmt: skip
    sentences.append(f"The same stimuli were shown to {layers}; networks and brains were matched by stimulus identity.")
    declared = {roi: results.ranking_layer(roi) for roi in scores.roi.unique() if results.ranking_layer(roi)}
    undeclared = [roi for roi in scores.roi.unique() if roi not in declared]
    if declared:
        pairs = listed([f"{layer} for {roi}" for roi, layer in declared.items()])
        sentences.append(f"The layer at which rules are ranked was declared before the scores were seen: {pairs}.")
    if undeclared:
        where = f" for {listed(undeclared)}" if declared else ""
        # the one figure that has room for one layer only
        best = ", except in the figure of plausibility, cost and alignment" if len(results.scorecard) else ""
        sentences.append(f"No layer was chosen by its score{where}{best}; every layer is reported.")
    return " ".join(sentences)


def _measures(results: AlignmentResult, citations: CitationList) -> str:
    sentences = [_measure(results, measure, citations) for measure in results.scored_measures]
    table, controls = results.shown_scores, results.low_level
    bounded = set(table.measure[table.ceiling_lower.notna()])
    for about in map(results.about, results.scored_measures):
        if about.measure in bounded and about.ceiling_citation:
            said = f"The noise ceiling of {_KINDS[about.kind]} is that of {citations.cite(about.ceiling_citation)}."
            sentences += [said] if said not in sentences else []
    names = controls.layer.unique()
    if len(names):
        by_distance = [name for name in results.scored_measures if results.about(name).dissimilarity]
        scored = controls.layer[controls.measure.isin(by_distance)]
        apart = ", luminance by squared Euclidean distance" if (scored == "luminance").any() else ""
        sentences.append(
            f"Low-level controls ({listed([words(name) for name in names])}) were scored in the same way{apart}."
        )
    return " ".join(sentences)


def _measure(results: AlignmentResult, name: str, citations: CitationList) -> str:
    about = results.about(name)
    stand_for: dict[str, Callable[[], str]] = {
        "citation": lambda: citations.cite(about.citation),
        "layers": lambda: dissimilarity_name(about.dissimilarity),
        "recordings": lambda: _recorded(results, name),
    }
    text = about.sentence
    for word, say in stand_for.items():
        if f"{{{word}}}" in text:
            text = text.replace(f"{{{word}}}", say())
    return text


def _recorded(results: AlignmentResult, measure: str) -> str:
    found = results.recorded_dissimilarities(measure)
    if len(found) == 1:
        return dissimilarity_name(next(iter(found)))
    return "; ".join(f"{listed(where)}: {dissimilarity_name(name)}" for name, where in found.items())


def _inference(results: AlignmentResult, citations: CitationList) -> str:
    table = results.contrasts
    if table.empty:
        return ""
    drawn = table[table.samples == "bootstrap"]
    two = ((drawn.scope_subjects == "random") & (drawn.scope_stimuli == "random")).any()
    correction = (
        f", with the two-factor correction of {citations.cite(known.SCHUETT)} where both are random" if two else ""
    )
    sentences = [scope_of(table, results)]
    if (table.scope_subjects == "random").any() or (table.scope_stimuli == "random").any():
        seeds = (table.scope_seeds == "random").any()
        sentences += _errors(results, correction, ", plus the variance over seeds" if seeds else "")
    sentences += _families(results, citations)
    if said := clusters_sentence(results):
        tfce = (results.clusters.method == "tfce").any()
        sentences.append(f"{said} {citations.cite(known.SMITH_NICHOLS if tfce else known.MARIS_OOSTENVELD)}")
    sentences.append(f"Intervals of single contrasts are {100 * (1 - results.alpha):g}% and unadjusted.")
    if len(results.ranks):
        sentences.append(
            f"Ranks are simultaneous confidence sets {citations.cite(known.MOGSTAD)}; "
            "an order is printed only where no gate forbids it."
        )
    return " ".join(sentences)


def clusters_sentence(results: AlignmentResult) -> str:
    """Return how rules were compared over all times together; empty where they were not."""
    table = results.clusters
    if table.empty:
        return ""
    tfce = (table.method == "tfce").any()
    how = (
        "by threshold-free cluster enhancement (runs of times whose p is at the level are listed)"
        if tfce
        else "by clusters of neighbouring times with p < 0.05 each (p says that there is a difference, not when it "
        "begins or ends)"
    )
    n = spanned(table.n_subjects)
    return (
        f"Over all times together, rules were compared {how}, by flipped signs of the differences of {n} subjects: "
        "subjects are random, stimuli and seeds fixed. p is two-sided and adjusted for times; the adjusted p is also "
        f"multiplied by the number of tests of a network, recording and measure ({spanned(table.family_size)})."
    )


def _families(results: AlignmentResult, citations: CitationList) -> list[str]:
    """Return how p values were adjusted, and which tests were declared."""
    table = results.contrasts
    names = [name for name in table.correction.unique() if name]
    if not names:
        return []
    cited = {
        name: f"{correction_name(name)} {citations.cite(_CORRECTIONS.get(name, ''))}".strip() for name in sorted(names)
    }
    declared = table[table.correction == "max_t"]
    if declared.empty:
        return [
            f"p values were adjusted by {listed(list(cited.values()))} within families of "
            f"{spanned(table.family_size, 'contrast')}; the level is {results.alpha:g}."
        ]
    others = table[table.correction != "max_t"]
    known_kinds = {"vs_backprop": "backprop", "vs_readout_only": "readout only", "pair": "every other"}
    against = listed([word for kind, word in known_kinds.items() if (declared.kind == kind).any()])
    windows = " and window" if results.window_places else ""
    found = [
        f"Declared tests: every rule against {against}, at the declared layer{windows} of each recording and ROI; "
        f"their p values were adjusted by {cited.pop('max_t')} over shared multipliers, within families of"
        f" {spanned(declared.family_size, 'contrast')}; the level is {results.alpha:g}."
    ]
    if cited and len(others):
        found.append(
            f"All other contrasts are exploratory; their p values were adjusted by {listed(list(cited.values()))} "
            f"within families of {spanned(others.family_size, 'contrast')}."
        )
    return found


def _errors(results: AlignmentResult, correction: str, seeds: str) -> list[str]:
    """Return what standard errors rest on, for the measures and recordings that were sampled in each way."""
    table = results.contrasts
    draws = results.facts.get("n_bootstrap")
    count = f" ({draws} draws)" if draws else ""
    ways = {
        "bootstrap": f"from a bootstrap over the random factors among subjects and stimuli{count}{correction}{seeds}.",
        "leave_one_out": "from the scores without each stimulus (jackknife), with each random factor among subjects, "
        "stimuli and seeds, and what two of them share, counted once.",
        "none": f"from the variance over subjects, each of whom had stimuli of its own{seeds}.",
    }
    cells = table[["dataset", "roi", "measure", "samples"]].astype(object).drop_duplicates()
    found = []
    for samples, how in ways.items():
        some = cells[cells.samples == samples]
        whose = f" ({_places(results, some, cells)})" if 0 < len(some) < len(cells) else ""
        found += [f"Standard errors of differences between rules{whose} come {how}"] if len(some) else []
    return found


def _places(results: AlignmentResult, some: pd.DataFrame, cells: pd.DataFrame) -> str:
    """Return recordings and ROIs in words, with the measure where others of the same place were sampled otherwise."""
    found = []
    for dataset, roi in panels(some):
        own, every = panel_rows(some, dataset, roi), panel_rows(cells, dataset, roi)
        titles = listed([results.about(measure).title for measure in own.measure])
        found.append(f"{results.dataset_label(dataset)} {roi}{f', {titles}' if len(own) < len(every) else ''}")
    return listed(found)


def _numbers(values: pd.Series) -> str:
    low, high = values.min(), values.max()
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
