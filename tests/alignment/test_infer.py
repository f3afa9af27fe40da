"""Scores are made once; what is asked of them is inferred from what is kept of their draws."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from brainalign.alignment.align import align
from brainalign.alignment.infer import Declared, infer
from brainalign.alignment.result import AlignmentResult
from brainalign.alignment.row_errors import row_errors
from brainalign.alignment.score import measures_of, score, score_each
from brainalign.alignment.scores import Scores
from brainalign.alignment.scoring import Scoring
from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.rsa import RSA
from brainalign.errors import DataError, SpecError
from brainalign.inference.estimate import estimate_score
from brainalign.inference.scope import Scope
from brainalign.recordings.brain import Brain
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.specs import RecordingSpec, ScoringSpec
from brainalign.storage import write_tensors
from tests.synthetic_world import World

WORLD = World(n_stimuli=24, n_subjects=6, n_seeds=3, n_channels=5)
SPEC = RecordingSpec("made_up", measures=("rsa", "encoding"))
QUICK = ScoringSpec(n_bootstrap=100)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    found: Counter[str] = Counter()
    for measure in (RSA, Encoding):

        def counted(self: Any, *arguments: Any, own: Any = measure.draws) -> Iterator[ScoreDraws]:
            found[self.name] += 1
            return own(self, *arguments)

        monkeypatch.setattr(measure, "draws", counted)
    return found


@pytest.fixture(scope="module")
def scores() -> Scores:
    return score(WORLD.instances(), WORLD.source(), SPEC, QUICK)


def _equal(one: AlignmentResult, other: AlignmentResult) -> None:
    for name, table in one.tables.items():
        pd.testing.assert_frame_equal(other.tables[name], table, rtol=0, atol=1e-12)


OTHERWISE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"alpha": 0.2}, {}),
    ({"correction": "bh"}, {}),
    ({"ranking_layer": {"V1": "hidden1"}}, {}),
    ({}, {"subjects": "fixed"}),
]


@pytest.mark.parametrize(("scoring", "spec"), OTHERWISE, ids=["alpha", "correction", "ranking layer", "scope"])
def test_another_question_scores_nothing_again_and_answers_as_if_it_had_been_asked_first(
    scores: Scores, counts: Counter[str], scoring: dict[str, Any], spec: dict[str, Any]
) -> None:
    asked = Declared.of(replace(QUICK, **scoring), spec.get("subjects"))
    found, before = infer(scores, asked), infer(scores)
    assert counts == {}
    assert not found.contrasts.equals(before.contrasts)
    afresh = align(WORLD.instances(), WORLD.source(), replace(SPEC, **spec), replace(QUICK, **scoring))
    assert counts["rsa"] == counts["encoding"] == 1
    _equal(found, afresh)
    assert found.facts["spec"] == afresh.facts["spec"]
    assert found.scope_sentences == afresh.scope_sentences


def test_a_ranking_layer_that_no_network_has_is_refused(scores: Scores) -> None:
    with pytest.raises(SpecError, match=r"Ranking layer 'fc9' of ROI 'V1' is in no network. Choose among: hidden1"):
        infer(scores, Declared(ranking_layer={"V1": "fc9"}))


def test_a_saved_result_can_be_asked_again(tmp_path: Path, counts: Counter[str]) -> None:
    found = align(WORLD.instances(), WORLD.source(), SPEC, QUICK)
    read = AlignmentResult.load(found.save(tmp_path))
    counts.clear()
    _equal(infer(found.stored, Declared(alpha=0.2)), infer(read.stored, Declared(alpha=0.2)))
    assert counts == {}
    (tmp_path / "scores.safetensors").write_bytes(b"")
    with pytest.raises(DataError, match=r"'scores.safetensors' in .* is not what the study wrote"):
        AlignmentResult.load(tmp_path)


def test_scores_of_another_version_are_one_line(scores: Scores, tmp_path: Path) -> None:
    write_tensors(tmp_path / "old.safetensors", {}, {"format": 0})
    with pytest.raises(DataError, match=r"holds no scores of this version\. Score again"):
        Scores.load(tmp_path / "old.safetensors")


def test_measures_that_were_scored_apart_are_joined_as_if_together(scores: Scores) -> None:
    parts = []
    for name in SPEC.measures:
        brain = Brain(WORLD.source(), replace(SPEC, measures=(name,)))
        (own,) = score_each(WORLD.instances(), brain, measures_of(brain.spec, QUICK), QUICK).values()
        parts.append(own)
    joined = Scores.together(parts)
    _equal(infer(joined), infer(scores))
    with pytest.raises(SpecError, match="expected measures of one recording"):
        Scores.together([scores, replace(scores, dataset="another")])


# -- what is kept -----------------------------------------------------------------------------------------------------


def _draws(left_out: bool, rng: np.random.Generator) -> ScoreDraws:
    observed = rng.standard_normal((8, 6))
    sample = observed + 0.3 * rng.standard_normal((24, 8, 6))
    if left_out:
        return ScoreDraws.without_each(observed, sample, np.arange(24))
    return ScoreDraws(observed, sample, np.ones((24, 24), int), np.zeros((24, 6), int), 24)


@pytest.mark.parametrize("kind", ["bootstrap", "leave_one_out"])
def test_draws_of_networks_are_kept_to_the_last_bit_through_a_file(kind: str, tmp_path: Path) -> None:
    scoring = replace(QUICK, resampling=kind)
    brain, measures = Brain(WORLD.source(), SPEC), measures_of(SPEC, scoring)
    whole = Scoring(brain, ("V1",), measures, Samples(kind, 100, 0), {}, False)
    for one in WORLD.instances():
        whole.show(one)
    score(WORLD.instances(), WORLD.source(), SPEC, replace(scoring, low_level=False)).save(tmp_path / "kept")
    kept = Scores.load(tmp_path / "kept")
    for place, expected in zip(kept.places, whole.finish(), strict=True):
        assert place.measure == expected.measure
        assert [place.models[row] for row in place.rows] == list(expected.models)
        assert place.samples == kind
        for field in fields(ScoreDraws):
            own, other = getattr(place.draws[0], field.name), getattr(expected.draws, field.name)
            np.testing.assert_array_equal(own, other, err_msg=field.name)
        for cell, populations in place.cells.items():
            draws, rows = place.of_cell(cell, 0)
            for population, models in populations.items():
                where = [place.rows.index(row) for row in models]
                np.testing.assert_array_equal(draws.draws[:, rows[population]], expected.draws.draws[:, where])


def test_a_population_that_is_left_out_takes_nothing_of_the_others_along(scores: Scores) -> None:
    left = replace(scores, places=tuple(one.without({("feedback_alignment", "mlp", None)}) for one in scores.places))
    few = [one for one in WORLD.instances() if one.rule != "feedback_alignment"]
    _equal(infer(left), align(few, WORLD.source(), SPEC, QUICK))


# -- errors of single scores ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left_out", [False, True])
def test_the_error_of_a_score_is_that_of_one_network_and_subject_over_stimuli(left_out: bool) -> None:
    draws = _draws(left_out, np.random.default_rng(4))
    found, scope = row_errors(draws), Scope("fixed", "random", "fixed")
    for model in range(8):
        for subject in range(6):
            own = replace(draws, observed=draws.observed[:, [subject]], draws=draws.draws[:, :, [subject]])
            assert found[model, subject] == pytest.approx(estimate_score(own, [model], scope).se, abs=1e-14)


def test_scores_that_are_not_finite_in_too_many_samples_have_no_error() -> None:
    draws = _draws(False, np.random.default_rng(5))
    draws.draws[:11, 2, 3] = np.nan
    assert np.isfinite(row_errors(draws)).all()
    draws.draws[:13, 2, 3] = np.nan
    assert np.isnan(row_errors(draws)[2, 3])
    assert np.isnan(row_errors(draws)).sum() == 1
    left = _draws(True, np.random.default_rng(5))
    left.draws[0, 2, 3] = np.nan
    assert np.isnan(row_errors(left)[2, 3])


def test_every_score_has_an_interval_over_stimuli_and_a_share_of_the_ceiling(scores: Scores) -> None:
    table = infer(scores).scores
    assert set(table.scope) == {"stimuli"}
    assert (table.se > 0).all()
    half = 2.068658 * table.se  # t with 23 degrees of freedom
    rsa = table[table.measure == "rsa spearman"]
    np.testing.assert_allclose(rsa.ci_high - rsa.score, half[rsa.index], rtol=1e-5)
    np.testing.assert_allclose(rsa.score - rsa.ci_low, half[rsa.index], rtol=1e-5)
    np.testing.assert_allclose(rsa.normalised, rsa.score / rsa.ceiling_lower, rtol=1e-6)
    other = table[table.measure == "encoding ridge"]
    assert other.ceiling_lower.isna().all()
    np.testing.assert_allclose(other.normalised, other.score / other.ceiling_upper, rtol=1e-6)


def test_too_few_stimuli_are_no_sample_and_one_subject_has_no_ceiling() -> None:
    few = replace(WORLD, n_stimuli=16, n_subjects=1)
    found = align(few.instances(), few.source(), RecordingSpec("made_up", subjects="fixed"), QUICK).scores
    assert found.se.isna().all()
    assert set(found.scope) == {"none"}
    assert found.normalised.isna().all()


def test_what_all_three_factors_share_is_in_what_is_kept(scores: Scores) -> None:
    place = scores.places[0]
    draws, rows = place.of_cell(("mlp", "hidden2"), 0)
    one = draws.draws[:, rows["trained", "backprop"]]
    apart = (
        one - one.mean(axis=1, keepdims=True) - one.mean(axis=2, keepdims=True) + one.mean(axis=(1, 2), keepdims=True)
    )
    assert np.abs(apart).max() > 1e-3  # means over seeds and over subjects would have lost this
