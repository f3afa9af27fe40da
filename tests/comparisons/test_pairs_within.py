"""RSA over pairs within categories: scores, samples and ceilings are those of these pairs alone."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from brainalign.alignment.align import align, check_recording
from brainalign.alignment.score import measures_of
from brainalign.comparisons.pairs_within import pairs_within
from brainalign.comparisons.rsa import RSA
from brainalign.errors import SpecError
from brainalign.rdms import RDMs
from brainalign.recordings.brain import Brain
from brainalign.recordings.source import recording_source
from brainalign.report.methods_text import methods_text
from brainalign.resampling.samples import Samples
from brainalign.specs import RecordingSpec, ScoringSpec
from tests.synthetic_world import MadeUp, World

WORLD = World(n_stimuli=24, n_subjects=6, n_seeds=3)
LABELS = ("face",) * 10 + ("object",) * 14
WITHIN = RSA(pairs="within_categories")
FIRST, SECOND = np.triu_indices(24, 1)
SAME = np.array([LABELS[i] == LABELS[j] for i, j in zip(FIRST, SECOND, strict=True)])


def labelled(labels: tuple[str, ...] | None = LABELS) -> MadeUp:
    """The brains of a world, with most of each RDM between the two categories."""
    source = WORLD.source()
    geometry = source.geometry["V1"]
    apart = replace(geometry, dissimilarities=geometry.dissimilarities + 3.0 * ~SAME)
    return replace(source, shown=replace(source.stimuli(), labels=labels), geometry={"V1": apart})


def layer() -> RDMs:
    rng = np.random.default_rng(8)
    own = labelled().geometry["V1"].dissimilarities.mean(axis=0)
    return RDMs((own + rng.normal(0, 0.2, own.shape))[None], WORLD.ids, "correlation")


@pytest.mark.parametrize("comparator", ["spearman", "corr"])
def test_scores_and_samples_are_those_of_the_pairs_within(comparator: str) -> None:
    measure, source, own = replace(WITHIN, comparator=comparator), labelled(), layer()
    (prepared,) = measure.prepare(Brain(source, RecordingSpec("made_up")), "V1", {})
    (draws,) = measure.draws([own], prepared, Samples("leave_one_out"))
    correlation = spearmanr if comparator == "spearman" else np.corrcoef

    def expected(kept: np.ndarray, subject: np.ndarray) -> float:
        found = correlation(own.dissimilarities[0, kept], subject[kept])
        return float(found[0] if comparator == "spearman" else found[0, 1])

    for s, subject in enumerate(source.geometry["V1"].dissimilarities):
        assert draws.observed[0, s] == pytest.approx(expected(SAME, subject), abs=1e-12)
        for unit in (0, 9, 10, 23):
            kept = SAME & (unit != FIRST) & (unit != SECOND)
            assert draws.draws[unit, 0, s] == pytest.approx(expected(kept, subject), abs=1e-10)
    categories = dict(zip(WORLD.ids, LABELS, strict=True))
    np.testing.assert_allclose(
        measure.score(own, source.geometry["V1"], categories=categories), draws.observed, atol=1e-12
    )


def test_the_ceiling_is_that_of_the_pairs_within() -> None:
    source = labelled()
    (prepared,) = WITHIN.prepare(Brain(source, RecordingSpec("made_up")), "V1", {})
    (draws,) = WITHIN.draws([layer()], prepared, Samples("none"))
    rows = source.geometry["V1"].dissimilarities[:, SAME]
    ranks = np.argsort(np.argsort(rows, axis=1), axis=1)
    lower = [spearmanr(ranks[k], np.delete(ranks, k, 0).mean(axis=0))[0] for k in range(len(rows))]
    np.testing.assert_allclose(draws.ceiling_lower_observed, lower, atol=1e-12)


def test_categories_alone_explain_all_pairs_and_nothing_within() -> None:
    of_categories = RDMs((~SAME).astype(float)[None], WORLD.ids, "correlation")
    brain = Brain(labelled(), RecordingSpec("made_up"))
    found = []
    for measure in (RSA(), WITHIN):
        (prepared,) = measure.prepare(brain, "V1", {})
        (draws,) = measure.draws([of_categories], prepared, Samples("none"))
        found.append(draws.observed)
    assert found[0].min() > 0.8
    assert np.isnan(found[1]).all()


def test_both_measures_are_in_all_tables_under_their_own_titles() -> None:
    spec = RecordingSpec("made_up", within_categories=True)
    found = align(WORLD.instances(), labelled(), spec, ScoringSpec())
    titles = dict(zip(found.measures.measure, found.measures.title, strict=True))
    assert titles == {
        "rsa spearman": "RSA score (Spearman ρ)",
        "rsa spearman within categories": "RSA score (within categories, Spearman ρ)",
    }
    for table in (found.scores, found.contrasts, found.ranks):
        assert set(table.measure) == set(titles)
    ceilings = found.scores.groupby("measure", observed=True).ceiling_lower.first()
    assert ceilings["rsa spearman"] > ceilings["rsa spearman within categories"] > 0
    assert "by Spearman ρ, over pairs of stimuli of one category only." in " ".join(methods_text(found).paragraphs)


def test_bootstrap_samples_leave_pairs_between_categories_out() -> None:
    source = labelled()
    spec = RecordingSpec("made_up", within_categories=True)
    drawn = align(WORLD.instances(), source, spec, ScoringSpec(resampling="bootstrap", n_bootstrap=100)).scores
    whole = align(WORLD.instances(), source, spec, ScoringSpec()).scores
    np.testing.assert_allclose(drawn.score, whole.score, atol=1e-10)


def test_what_has_no_pairs_within_categories_is_refused_before_training() -> None:
    spec = RecordingSpec("made_up", within_categories=True)
    with pytest.raises(SpecError, match="'made_up' have no labels, so that no pairs are within categories"):
        check_recording(Brain(labelled(None), spec), 3)
    with pytest.raises(SpecError, match="Category 'cat' has one stimulus"):
        check_recording(Brain(labelled(("cat", *LABELS[1:])), spec), 3)
    with pytest.raises(SpecError, match="'corr_cov' needs every pair of stimuli, and pairs within categories"):
        RSA(comparator="corr_cov", pairs="within_categories")
    with pytest.raises(SpecError, match="none of its measures"):
        measures_of(RecordingSpec("made_up", measures=("encoding",), within_categories=True), ScoringSpec())


def test_faces_and_objects_of_the_eeg_set_are_categories(data_dir: str) -> None:
    source = recording_source("eeg49", {"data_dir": data_dir})
    brain = Brain(source, RecordingSpec("eeg49"))
    counted = pairs_within(brain.categories(brain.ids))
    assert counted.sum() == 24 * 23 // 2 + 25 * 24 // 2
