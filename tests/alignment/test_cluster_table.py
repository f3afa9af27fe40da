"""Clusters over time as an option of scoring: the numbers of the test, the table, the page, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from brainalign.alignment.align import align
from brainalign.alignment.cluster_table import check_clusters
from brainalign.alignment.result import AlignmentResult
from brainalign.errors import SpecError
from brainalign.inference.clusters import clusters
from brainalign.recordings.brain import Brain
from brainalign.report.figures.time_course import TimeCourse
from brainalign.report.methods_text import methods_text
from brainalign.report.table import cluster_table as table_of
from brainalign.specs import ScoringSpec, to_dict
from tests.alignment.test_latencies import PEAK, SCORING, SPEC, TIMES, WORLD, source


@pytest.fixture(scope="module", params=["cluster", "tfce"])
def found(request: pytest.FixtureRequest) -> AlignmentResult:
    return align(WORLD.instances(), source(), SPEC, replace(SCORING, clusters=request.param))


def test_p_is_that_of_the_test_of_differences_of_subjects(found: AlignmentResult) -> None:
    table = found.clusters
    method = str(table.method.iloc[0])
    scores = found.scores.pivot_table(index=["rule", "subject"], columns="time", values="score", observed=True)
    row = table[(table.kind == "vs_untrained") & (table.rule_a == "backprop")].iloc[0]
    difference = (scores.loc["backprop"] - scores.loc["untrained"]).to_numpy()
    expected = clusters(difference, method, alternative="two-sided")
    assert row.p == pytest.approx(expected.p_points.min(), abs=1e-12)
    at = int(np.argmin(np.abs(TIMES - row.seconds_peak)))
    assert row.t == pytest.approx(expected.t[at], abs=1e-9)
    assert row.seconds_first <= row.seconds_peak <= row.seconds_last
    assert abs(row.seconds_peak - PEAK) < 0.11  # where the subjects show most
    tests = table[["kind", "rule_a", "rule_b"]].astype(str).drop_duplicates()
    assert set(table.family_size) == {len(tests)}
    assert row.p_adjusted == pytest.approx(min(1, row.p * len(tests)))


def test_the_page_and_the_figure_say_what_was_found(found: AlignmentResult, tmp_path: Path) -> None:
    said = " ".join(methods_text(found).paragraphs)
    assert "by flipped signs of the differences of 8 subjects" in said
    tfce = found.clusters.method.iloc[0] == "tfce"
    assert any(("Smith SM" if tfce else "Maris E") in one for one in methods_text(found).citations)
    assert len(table_of(found).rows) == len(found.clusters)
    again = AlignmentResult.load(found.save(tmp_path / "kept"))
    assert np.array_equal(again.clusters.p, found.clusters.p, equal_nan=True)
    caption = TimeCourse().caption(found, "mlp", "rsa spearman")
    small = found.clusters[(found.clusters.kind == "vs_untrained") & (found.clusters.p_adjusted <= 0.05)]
    assert ("Below: clusters of times" in caption) == (len(small) > 0)


def test_one_network_has_nothing_to_be_compared_with() -> None:
    alone = [one for one in WORLD.instances() if one.rule == "backprop"]
    with pytest.raises(SpecError, match="compares two networks over all times, but no two"):
        align(alone, source(), SPEC, replace(SCORING, clusters="cluster"))


def test_without_the_option_there_is_no_table_and_no_key_moves() -> None:
    assert "clusters" not in to_dict(ScoringSpec())
    assert to_dict(ScoringSpec(clusters="tfce"))["clusters"] == "tfce"
    plain = align(WORLD.instances(), source(), SPEC, SCORING)
    asked = align(WORLD.instances(), source(), SPEC, replace(SCORING, clusters="cluster"))
    assert plain.clusters.empty
    for name in ("contrasts", "ranks", "gates", "scores"):
        assert getattr(plain, name).equals(getattr(asked, name))


def test_what_cannot_be_is_refused_in_one_line() -> None:
    asked = replace(SCORING, clusters="cluster")
    for brain, spec, words in (
        (source(1), replace(SPEC, subjects="fixed"), "is one subject, or a group mean; expected 6 subjects or more"),
        (source(5), SPEC, "has 5 subjects; expected 6"),
        (WORLD.source(), SPEC, "has one time only; expected several"),
        (source(), replace(SPEC, windows=((0.1, 0.2), (0.2, 0.3))), "scored in windows only; expected every time"),
    ):
        with pytest.raises(SpecError, match=words):
            align(WORLD.instances(), brain, spec, asked)
        with pytest.raises(SpecError, match=words):
            check_clusters("cluster", [Brain(brain, spec)])
    with pytest.raises(SpecError, match="clusters is 'often'; expected one of: none, cluster, tfce"):
        ScoringSpec(clusters="often")
