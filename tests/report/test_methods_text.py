"""Methods and captions state the numbers of the tables."""

import dataclasses
import re

import pandas as pd
from synthetic_folder import ENCODING, RSA

from brainalign.alignment.mean_rdm import BRAIN
from brainalign.comparisons.rsa import RSA as Geometry
from brainalign.plausibility.scorecard import COLUMNS
from brainalign.report.figures.bars import Bars
from brainalign.report.figures.contrasts import Contrasts
from brainalign.report.figures.rdm_gallery import RdmGallery
from brainalign.report.figures.rule_mds import RuleMds
from brainalign.report.figures.stimulus_mds import StimulusMds
from brainalign.report.methods_text import methods_text
from brainalign.report.table import compared_table


def test_methods_state_counts_and_cite_in_order(full):
    text = methods_text(full)
    whole = " ".join(text.paragraphs)
    assert "3 learning rules (backprop, direct feedback alignment and feedback alignment), 5 seeds each" in whole
    assert "20 epochs (7800 steps), at a learning rate of 0.001" in whole
    assert "92 stimuli in EVC (15 subjects) and IT (15 subjects)" in whole
    assert "(1000 draws)" in whole
    assert "Holm's method" in whole
    numbers = [int(number) for group in re.findall(r"\[([\d, ]+)\]", whole) for number in group.split(", ")]
    assert list(dict.fromkeys(numbers)) == list(range(1, max(numbers) + 1))
    assert len(text.citations) == max(numbers) + 1  # the study's own citation is listed, too
    for name in ("Kriegeskorte", "Nili", "Schütt", "Holm", "Dupré la Tour"):
        assert any(citation.startswith(name) for citation in text.citations)


def test_methods_say_how_each_measure_and_recording_was_sampled(full):
    first = "Standard errors of differences between rules"
    assert f"{first} come from a bootstrap" in methods_text(full).paragraphs[-1]
    table = full.contrasts
    alone = methods_text(dataclasses.replace(full, contrasts=table.assign(samples="leave_one_out")))
    assert f"{first} come from the scores without each stimulus (jackknife)" in (alone.paragraphs[-1])
    assert "bootstrap" not in alone.paragraphs[-1]
    assert not any(citation.startswith("Schütt") for citation in alone.citations)
    at_it = (table.roi == "IT").to_numpy()
    samples = table.samples.astype(object).mask(at_it, "leave_one_out")
    text = methods_text(dataclasses.replace(full, contrasts=table.assign(samples=samples))).paragraphs[-1]
    assert f"{first} (cichy92 IT) come from the scores without" in text
    assert f"{first} (cichy92 EVC, kriegeskorte92 monkeyIT" in text
    both = pd.concat([table.assign(samples=samples), table[at_it].assign(measure=ENCODING)])
    text = methods_text(dataclasses.replace(full, contrasts=both)).paragraphs[-1]
    assert f"{first} (cichy92 IT, RSA score (Spearman ρ)) come from the scores without" in text


def test_only_what_was_used_is_cited(full):
    alignment = full.scores[full.scores.measure == RSA].assign(ceiling_lower=float("nan"))
    contrasts = full.contrasts.assign(correction="bh", scope_subjects="fixed")
    text = methods_text(dataclasses.replace(full, scores=alignment, contrasts=contrasts))
    authors = " ".join(text.citations)
    assert "Benjamini" in authors
    for name in ("Dupré la Tour", "Nili", "Holm S", "Schütt"):
        assert name not in authors


def test_methods_say_what_an_activity_is_where_it_is_not_the_blocks_own(full):
    assert "activity of hidden units" not in " ".join(methods_text(full).paragraphs)
    study = {**full.facts, "activities": {"stdp": "spike rate in Hz over 300 ms, dt 4 ms"}}
    whole = " ".join(methods_text(dataclasses.replace(full, facts=study)).paragraphs)
    assert "The activity of hidden units of STDP networks is their spike rate in Hz over 300 ms, dt 4 ms." in whole


def test_methods_of_an_undeclared_layer(full):
    study = {**full.facts, "spec": {}}
    assert "No layer was chosen by its score" in " ".join(
        methods_text(dataclasses.replace(full, facts=study)).paragraphs
    )


def test_captions_state_sizes_scope_and_ceiling(full):
    bars = Bars().caption(full, "cnn", RSA)
    assert "cichy92 EVC: 15 subjects, 92 stimuli" in bars
    assert "monkeyIT: 1 subject, 92 stimuli" in bars
    assert "5 seeds per rule" in bars
    assert "It could not be estimated for kriegeskorte92 monkeyIT." in bars
    assert "declared before the scores were seen" in bars
    forest = Contrasts().caption(full, "cnn", RSA)
    assert (
        "For kriegeskorte92 monkeyIT and kriegeskorte92 humanIT, stimuli and seeds are random; subjects are fixed."
        in (forest)
    )
    assert "DFA, direct feedback alignment" in forest
    assert "SIMULATED" not in bars + forest


def _euclidean(full):
    """Layers by squared Euclidean distance, recordings as they were."""
    rdms = {
        key: rdm if key.role == BRAIN else dataclasses.replace(rdm, measure="squared_euclidean")
        for key, rdm in full.rdms.items()
    }
    about = Geometry("squared_euclidean").describe()
    alignment = full.scores.assign(measure=full.scores.measure.astype(object).replace(RSA, about.measure))
    measures = pd.concat([full.measures, pd.DataFrame([about.row()])])
    return dataclasses.replace(full, rdms=rdms, scores=alignment, measures=measures)


def test_layers_and_recordings_are_said_to_have_their_own_dissimilarity(full):
    whole = " ".join(methods_text(_euclidean(full)).paragraphs)
    assert (
        "compared dissimilarity matrices of networks (squared Euclidean distance) with those of recordings "
        "(correlation distance) by Spearman ρ" in whole
    )
    assert "scored in the same way, luminance by squared Euclidean distance." in whole
    caption = RdmGallery().caption(_euclidean(full), "cichy92")
    assert "Brain: correlation distance; networks: squared Euclidean distance." in caption
    for other in (
        StimulusMds().caption(_euclidean(full), "cichy92", "IT"),
        RuleMds().caption(_euclidean(full), "cichy92"),
    ):
        assert "Brain: correlation distance; networks: squared Euclidean distance." in other


def test_recordings_that_differ_are_named(full):
    stored = {"cichy92": {"EVC": "squared_euclidean", "IT": "correlation"}}
    whole = " ".join(
        methods_text(dataclasses.replace(full, facts={**full.facts, "dissimilarities": stored})).paragraphs
    )
    assert "(cichy92 EVC: squared Euclidean distance; cichy92 IT, kriegeskorte92 monkeyIT and kriegeskorte92" in whole


def test_what_an_earlier_version_did_not_store_is_said_to_be_unknown(full):
    rdms = {key: dataclasses.replace(rdm, measure="") if key.role == BRAIN else rdm for key, rdm in full.rdms.items()}
    old = dataclasses.replace(full, rdms=rdms)
    assert "(a dissimilarity that the study did not store)" in " ".join(methods_text(old).paragraphs)


def test_a_layer_picked_by_its_score_in_one_figure_is_said(full):
    spec = {"ranking_layer": {"IT": "conv5"}}
    part = dataclasses.replace(full, facts={**full.facts, "spec": spec})
    whole = " ".join(methods_text(part).paragraphs)
    assert "declared before the scores were seen: conv5 for IT." in whole
    assert "No layer was chosen by its score for EVC, monkeyIT, humanIT and V4; every layer is reported." in whole
    row = ("backprop", "cnn", "P1", 1.0, 1.0, 1.0, True, True, "", "", 0.1)
    probed = dataclasses.replace(part, scorecard=pd.DataFrame([row], columns=list(COLUMNS)))
    whole = " ".join(methods_text(probed).paragraphs)
    assert "humanIT and V4, except in the figure of plausibility, cost and alignment; every layer" in whole


def test_methods_name_who_was_left_out(full):
    rows = [
        ("stdp", "cnn", "trained", "training", "", "it diverged"),
        ("pepita", "cnn", "trained", "display", "cichy92", "no mean RDM"),
    ]
    failures = pd.DataFrame(rows, columns=list(full.failures.columns))
    assert (
        "Training or scoring of STDP failed;"
        in methods_text(dataclasses.replace(full, failures=failures)).paragraphs[0]
    )


def test_a_layer_that_a_network_does_not_have_is_not_said_to_rank_it(full):
    study = {**full.facts, "spec": {"ranking_layer": {"IT": "block9", "EVC": "conv1"}}}
    rows = {row[2]: row[-1] for row in compared_table(dataclasses.replace(full, facts=study)).rows}
    assert (rows["IT"], rows["EVC"]) == ("every layer", "conv1")
