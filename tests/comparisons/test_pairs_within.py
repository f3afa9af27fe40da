"""RSA over pairs within categories: scores, samples and ceilings are those of these pairs, pooled or each category."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from brainalign.alignment.align import align, check_recording
from brainalign.alignment.score import measures_of
from brainalign.comparisons.noise_ceiling import noise_ceiling
from brainalign.comparisons.pairs_within import categories_apart, pairs_within
from brainalign.comparisons.rsa import RSA
from brainalign.condensed import Condensed
from brainalign.errors import SpecError
from brainalign.inference.contrast import contrast
from brainalign.inference.scope import Scope
from brainalign.rdms import RDMs
from brainalign.recordings.brain import Brain
from brainalign.recordings.source import recording_source
from brainalign.report.methods_text import methods_text
from brainalign.resampling.left_out import left_out_pairs
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws
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


# -- each category alone --------------------------------------------------------------------------------------------

EACH = RSA(pairs="each_category")
MEMBERS = [np.flatnonzero(np.array(LABELS) == name) for name in ("face", "object")]
#: Pairs of faces, and of objects: 45 and 91 of 136.
SHARES = np.array([45, 91]) / 136


def by_scipy(model: np.ndarray, brain: np.ndarray, left_out: int = -1, comparator: str = "spearman") -> float:
    """The mean over categories of the correlation of the pairs of each, weighted by the pairs of the whole sample."""
    scores = []
    for members in MEMBERS:
        kept = np.isin(FIRST, members) & np.isin(SECOND, members) & (left_out != FIRST) & (left_out != SECOND)
        one, other = model[kept], brain[kept]
        scores.append(spearmanr(one, other)[0] if comparator == "spearman" else np.corrcoef(one, other)[0, 1])
    return float(SHARES @ scores)


@pytest.mark.parametrize("comparator", ["spearman", "corr"])
def test_each_category_is_scored_alone_and_so_are_its_samples(comparator: str) -> None:
    measure, source, own = replace(EACH, comparator=comparator), labelled(), layer()
    (prepared,) = measure.prepare(Brain(source, RecordingSpec("made_up")), "V1", {})
    (draws,) = measure.draws([own], prepared, Samples("leave_one_out"))
    for s, subject in enumerate(source.geometry["V1"].dissimilarities):
        expected = [by_scipy(own.dissimilarities[0], subject, unit, comparator) for unit in (-1, 0, 9, 10, 23)]
        found = [draws.observed[0, s], *draws.draws[[0, 9, 10, 23], 0, s]]
        np.testing.assert_allclose(found, expected, atol=1e-10)
    assert draws.n_strata == 2  # categories were chosen: a degree of freedom each
    categories = dict(zip(WORLD.ids, LABELS, strict=True))
    np.testing.assert_allclose(
        measure.score(own, source.geometry["V1"], categories=categories), draws.observed, atol=1e-12
    )


@pytest.mark.parametrize("comparator", ["spearman", "corr", "rho-a", "tau-a", "corr_cov"])
def test_scores_ceilings_and_bootstrap_samples_are_means_over_the_rdms_of_categories(comparator: str) -> None:
    measure, source, own = replace(EACH, comparator=comparator), labelled(), layer()
    (prepared,) = measure.prepare(Brain(source, RecordingSpec("made_up")), "V1", {})
    (draws,) = measure.draws([own], prepared, Samples("leave_one_out"))
    (drawn,) = measure.draws([own], prepared, Samples("bootstrap", 20))
    parts, lower = [], []
    for members in MEMBERS:
        ids = [WORLD.ids[k] for k in members]
        brains = source.geometry["V1"].subset(ids)
        parts.append(RSA(comparator=comparator).score(own.subset(ids), brains)[0])
        lower.append(noise_ceiling(brains, comparator).lower)
    np.testing.assert_allclose(draws.observed[0], SHARES @ np.array(parts), atol=1e-10)
    np.testing.assert_allclose(drawn.observed, draws.observed, atol=1e-10)
    assert draws.ceiling_lower_observed is not None
    assert draws.ceiling_lower_observed.mean() == pytest.approx(SHARES @ lower, abs=1e-10)
    assert drawn.ceiling_lower_observed is not None
    np.testing.assert_allclose(drawn.ceiling_lower_observed, draws.ceiling_lower_observed, atol=1e-10)
    # stimuli are drawn within their category, and every sample says something
    faces = drawn.stimulus_counts[:, :10].sum(axis=1)
    assert (faces == 10).all()
    assert np.isfinite(drawn.draws).all()


def test_a_mean_and_a_spread_of_a_category_change_nothing() -> None:
    source, own = labelled(), layer()
    faces = np.isin(FIRST, MEMBERS[0]) & np.isin(SECOND, MEMBERS[0])
    changed = RDMs(np.where(faces, 5 + 3 * own.dissimilarities, own.dissimilarities), WORLD.ids, "correlation")
    categories = dict(zip(WORLD.ids, LABELS, strict=True))
    for comparator, same in (("spearman", EACH), ("corr", EACH), ("spearman", WITHIN)):
        measure = replace(same, comparator=comparator)
        scores = [measure.score(one, source.geometry["V1"], categories=categories) for one in (own, changed)]
        moved = np.abs(scores[0] - scores[1]).max()
        assert moved < 1e-12 if same is EACH else moved > 0.05


def _spread_world(rng: np.random.Generator) -> tuple[list[RDMs], RDMs]:
    """Two rules and eight brains that know nothing of each other, but faces are close together for one and for brains.

    Three seeds a rule share a noise of the rule, and brains share a geometry: stimuli are the random factor.
    """
    spread = np.where(np.array(LABELS) == "face", 0.6, 1.0)[:, None]

    def distances(of: np.ndarray) -> np.ndarray:
        return ((of[FIRST] - of[SECOND]) ** 2).mean(axis=1)

    common = spread * rng.standard_normal((24, 10))
    brains = RDMs(
        np.array([distances(common + 0.5 * rng.standard_normal((24, 10))) for _ in range(8)]),
        WORLD.ids,
        "correlation",
        {"subject": tuple(map(str, range(8)))},
    )
    rules = []
    for known in (spread, np.ones_like(spread)):
        of_rule = known * rng.standard_normal((24, 10))
        rules += [distances(of_rule + 0.5 * rng.standard_normal((24, 10))) for _ in range(3)]
    return [RDMs(one[None], WORLD.ids, "correlation") for one in rules], brains


def test_a_difference_of_means_alone_scores_0_and_false_positives_stay_nominal() -> None:
    categories = dict(zip(WORLD.ids, LABELS, strict=True))
    counted, codes = pairs_within(LABELS), categories_apart(LABELS)
    scope = Scope("random", "random", "random")
    n, scores, hits = 200, {"pooled": [], "each": []}, {"pooled": 0, "each": 0}
    for k in range(n):
        models, brains = _spread_world(np.random.default_rng(k))
        rows = Condensed(np.concatenate([one.dissimilarities for one in models]), np.full(6, 1e-12))
        subjects = Condensed.of(brains)
        units = np.arange(24)
        for name, apart in (("pooled", None), ("each", codes)):
            scored = left_out_pairs("spearman", rows.where(counted), units, counted, None, apart)
            draws = ScoreDraws.without_each(*scored.scores(subjects.where(counted)), units, 1 if apart is None else 2)
            found = contrast(draws, [0, 1, 2], [3, 4, 5], scope)
            scores[name].append(draws.observed[:3].mean())
            hits[name] += found.p < 0.05
        if k == 0:
            both = [one.score(models[0], brains, categories=categories) for one in (WITHIN, EACH)]
            np.testing.assert_allclose(both[1], draws.observed[:1], atol=1e-12)
    error = np.std(scores["each"]) / np.sqrt(n)
    assert abs(np.mean(scores["each"])) < 3 * error
    assert np.mean(scores["pooled"]) > 0.2
    assert hits["each"] / n <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / n)
    assert hits["pooled"] / n > 0.15  # pairs that are pooled call a difference of means a likeness


def test_studies_score_each_category_beside_pooled_pairs() -> None:
    spec = RecordingSpec("made_up", within_categories=True, each_category=True)
    found = align(WORLD.instances(), labelled(), spec, ScoringSpec())
    assert list(found.measures.measure) == [
        "rsa spearman", "rsa spearman within categories", "rsa spearman of each category"
    ]  # fmt: skip
    assert found.measures.title.iloc[2] == "RSA score (of each category, Spearman ρ)"
    assert set(found.contrasts.measure) == set(found.measures.measure)
    said = " ".join(methods_text(found).paragraphs)
    assert "in each category alone and averaged over categories by their numbers of pairs." in said


def test_what_cannot_be_scored_alone_is_refused_before_training() -> None:
    spec = RecordingSpec("made_up", each_category=True)
    with pytest.raises(SpecError, match="Category 'cat' has 3 different stimuli, expected 4 or more where each"):
        check_recording(Brain(labelled(("cat",) * 3 + LABELS[3:]), spec), 3)
    with pytest.raises(SpecError, match="'cosine' keeps the mean of an RDM"):
        measures_of(spec, ScoringSpec(comparator="cosine"))
    with pytest.raises(SpecError, match="each_category is true for 'made_up'"):
        measures_of(RecordingSpec("made_up", measures=("encoding",), each_category=True), ScoringSpec())
    with pytest.raises(SpecError, match="Group 'g' has stimuli of several categories"):
        categories_apart(["a"] * 5 + ["b"] * 5, ["g", "1", "2", "3", "4", "g", "5", "6", "7", "8"])
