"""Temporal generalisation and dimensionality as options of scoring: numbers, tables, page, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from brainalign.alignment.align import align
from brainalign.alignment.layer_rdms import LayerRDMs
from brainalign.alignment.result import AlignmentResult
from brainalign.alignment.time_generalisation import check_time_generalisation
from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.time_generalisation import encoding_generalisation
from brainalign.errors import SpecError
from brainalign.extraction.dimensionality import participation_ratio
from brainalign.inference.clusters import clusters
from brainalign.recordings.brain import Brain
from brainalign.report.figures.time_generalisation import TimeGeneralisation
from brainalign.report.page import page_of
from brainalign.report.table import dimensionality_table
from brainalign.specs import RecordingSpec, ScoringSpec, to_dict
from tests.alignment import test_latencies
from tests.synthetic_world import MadeUp, World

WORLD = World(n_stimuli=24, n_subjects=6, n_seeds=2, n_channels=4)
TIMES = (-0.1, 0.1, 0.2, 0.3)
SPEC = RecordingSpec("made_up")
OPTIONS = {"encoding": {"n_folds": 3, "n_inner_folds": 2, "alphas": [0.1, 10.0]}}
SCORING = ScoringSpec(
    low_level=False, comparator="corr", time_generalisation=True, dimensionality=True, options=OPTIONS
)


def source() -> MadeUp:
    """Trials with four times: noise, then twice the same signal, then its opposite."""
    found, trials = WORLD.source(), []
    rng = np.random.default_rng(3)
    for one in found.trials:
        data = one.data * np.array([0.0, 1.0, 1.0, -1.0])
        trials.append(replace(one, data=data + rng.standard_normal(data.shape), times=TIMES))
    return replace(found, geometry={"V1": None}, trials=tuple(trials))  # type: ignore[dict-item]


@pytest.fixture(scope="module")
def found() -> AlignmentResult:
    return align(WORLD.instances(), source(), SPEC, replace(SCORING, clusters="cluster"))


def test_scores_are_those_of_models_of_one_time_at_another(found: AlignmentResult) -> None:
    table = found.time_generalisation
    assert len(table) == 3 * 2 * len(TIMES) ** 2  # rules, layers, pairs of times
    brain, measure = Brain(source(), SPEC), Encoding(n_folds=3, n_inner_folds=2, alphas=(0.1, 10.0))
    own = [one for one in WORLD.instances() if one.rule == "backprop"]
    expected = np.array([
        [
            encoding_generalisation(
                one.activations.patterns("hidden2"), trials.means(WORLD.ids, roi="V1"), WORLD.ids, measure
            )
            for one in own
        ]
        for trials in brain.parts[0][0]
    ]).mean(axis=1)  # fmt: skip
    rows = table[(table.rule == "backprop") & (table.layer == "hidden2")]
    np.testing.assert_allclose(rows.score.to_numpy().reshape(4, 4), expected.mean(axis=0), atol=1e-12)
    error = expected.std(axis=0, ddof=1) / np.sqrt(6)
    np.testing.assert_allclose(rows.se.to_numpy().reshape(4, 4), error, atol=1e-12)
    np.testing.assert_allclose(rows.p.to_numpy().reshape(4, 4), clusters(expected).p_points, atol=1e-12)
    at = rows.set_index(["seconds_fitted", "seconds_tested"]).score
    assert at[0.1, 0.2] > 0.2 > abs(at[-0.1, 0.2])
    assert at[0.1, 0.3] < -0.2  # the opposite


def test_dimensionality_is_that_of_every_layer_and_stands_beside_its_score(found: AlignmentResult) -> None:
    table = found.dimensionality
    assert len(table) == 3 * 2 * 2  # rules, seeds, layers
    one = next(one for one in WORLD.instances() if one.rule == "backprop" and one.seed == 1)
    row = table[(table.rule == "backprop") & (table.seed == 1) & (table.layer == "hidden1")].iloc[0]
    assert row.participation_ratio == pytest.approx(participation_ratio(one.activations.layers["hidden1"]))
    assert (row.n_stimuli, row.n_features) == (24, 30)
    rows = dimensionality_table(found).rows
    assert len(rows) == 3 * 2  # one ROI and measure
    means = table.groupby(["rule", "layer"], observed=True).participation_ratio.mean()
    shown = next(row for row in rows if row[3:5] == ("hidden1", "backprop"))
    assert shown[5] == f"{means['backprop', 'hidden1']:.1f}"
    page = page_of(found)
    assert "<h2>Effective dimensionality</h2>" in page
    assert "Models of one time tested at every other" in page


def test_figure_and_files(found: AlignmentResult, tmp_path: Path) -> None:
    again = AlignmentResult.load(found.save(tmp_path / "kept"))
    assert len(again.time_generalisation) == len(found.time_generalisation)
    assert len(again.only(layer="hidden1", measure="rsa corr").dimensionality) == 6
    ((*cell,),) = TimeGeneralisation().cells(found)
    assert cell == ["mlp", "made_up", "V1"]
    caption = TimeGeneralisation().caption(found, *cell)
    assert "Outlines surround pairs of times with p <= 0.05" in caption
    assert "Mean over 2 seeds and 6 subjects" in caption
    untested = replace(found, time_generalisation=found.time_generalisation.assign(p=np.nan))
    assert "Nothing was tested here." in TimeGeneralisation().caption(untested, *cell)
    none = replace(found, time_generalisation=found.time_generalisation.assign(p=0.5))
    assert "No pair of times has a score above 0" in TimeGeneralisation().caption(none, *cell)
    TimeGeneralisation().draw(found, *cell)


def test_a_declared_layer_is_the_only_one_and_nothing_else_moves(found: AlignmentResult) -> None:
    declared = align(WORLD.instances(), source(), SPEC, replace(SCORING, ranking_layer={"V1": "hidden1"}))
    assert set(declared.time_generalisation.layer) == {"hidden1"}
    assert declared.time_generalisation.p.isna().all()
    plain = align(WORLD.instances(), source(), SPEC, ScoringSpec(low_level=False, comparator="corr"))
    assert plain.time_generalisation.empty
    assert plain.dimensionality.empty
    for name in ("contrasts", "ranks", "gates", "scores"):
        assert getattr(plain, name).equals(getattr(found, name))
    assert not {"time_generalisation", "dimensionality"} & set(to_dict(ScoringSpec()))


def test_what_cannot_be_is_refused_in_one_line() -> None:
    asked = replace(SCORING, dimensionality=False)
    published = test_latencies.source()
    for brain, instances, words in (
        (WORLD.source(), WORLD.instances(), "time_generalisation is true, but .* has one time only"),
        (published, test_latencies.WORLD.instances(), "comes as RDMs only; expected responses"),
    ):
        with pytest.raises(SpecError, match=words):
            align(instances, brain, SPEC, asked)
        with pytest.raises(SpecError, match=words):
            check_time_generalisation(asked, [Brain(brain, SPEC)])
    of_rdms = [replace(one, activations=LayerRDMs.of(one.activations)) for one in WORLD.instances()]
    with pytest.raises(SpecError, match="dimensionality needs the patterns of layers; of 'untrained' there are RDMs"):
        align(of_rdms, WORLD.source(), SPEC, replace(SCORING, time_generalisation=False, options={}))
