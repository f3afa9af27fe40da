"""Latencies of scores over time, and two one-sided tests, in the tables of a result."""

from dataclasses import replace

import numpy as np
import pytest

from brainalign.alignment.align import align
from brainalign.alignment.infer import infer
from brainalign.alignment.result import AlignmentResult
from brainalign.errors import SpecError
from brainalign.inference.latency import latency
from brainalign.rdms import RDMs
from brainalign.report.figures.time_course import TimeCourse
from brainalign.specs import RecordingSpec, ScoringSpec
from tests.synthetic_world import MadeUp, World

WORLD = World(n_stimuli=24, n_subjects=8, n_seeds=2, layers=("hidden2",))
SPEC, SCORING = RecordingSpec("made_up"), ScoringSpec(low_level=False)
TIMES = np.round(np.arange(-0.1, 0.41, 0.05), 3)
PEAK = 0.2


def source(n_subjects: int = 8) -> MadeUp:
    """RDMs of subjects over time: what a subject shows, most at .2 s, and noise."""
    found = WORLD.source()
    rng, geometry = np.random.default_rng(9), found.geometry["V1"]
    gains = 2 * np.exp(-((TIMES - PEAK) ** 2) / 0.005)
    rows = [own * gain + rng.uniform(0, 0.5, own.shape) for own in geometry.dissimilarities for gain in gains]
    names = geometry.descriptors["subject"][:n_subjects]
    about = {
        "subject": tuple(name for name in names for _ in TIMES),
        "time": tuple(repr(float(time)) for time in TIMES) * len(names),
    }
    return replace(
        found, geometry={"V1": RDMs(np.array(rows)[: len(about["time"])], geometry.stimulus_ids, "correlation", about)}
    )


@pytest.fixture(scope="module")
def found() -> AlignmentResult:
    return align(WORLD.instances(), source(), SPEC, SCORING)


def test_the_peak_of_every_rule_is_that_of_its_mean_course(found: AlignmentResult) -> None:
    table = found.latencies
    assert len(table) == 3 * 2  # rules and moments
    rows = found.scores[found.scores.rule == "backprop"]
    courses = rows.pivot_table(index="subject", columns="time", values="score", observed=True).to_numpy()
    place = found.stored[0].places[0]
    own = [place.rows.index(k) for k, one in enumerate(place.models) if one.rule == "backprop" and one.final]
    without = np.stack([one.draws[:, own].mean(axis=(1, 2)) for one in place.draws], axis=1)
    expected = latency(courses, TIMES, without=without)
    assert latency(courses, TIMES).ci_low >= expected.ci_low  # stimuli are random, too
    own = table[(table.rule == "backprop") & (table.moment == "peak")].iloc[0]
    assert own.seconds == pytest.approx(expected.seconds, abs=1e-12)
    assert (own.ci_low, own.ci_high) == pytest.approx((expected.ci_low, expected.ci_high), abs=1e-12)
    assert own.seconds == pytest.approx(PEAK, abs=0.02)


def test_an_onset_of_few_subjects_is_not_claimed_and_the_row_says_why(found: AlignmentResult) -> None:
    onsets = found.latencies[found.latencies.moment == "onset"]
    assert onsets.seconds.isna().all()
    assert onsets.gate.str.contains("fewer than 20: no onset is claimed").all()
    one = align(WORLD.instances(), source(1), replace(SPEC, subjects="fixed"), SCORING).latencies
    assert one.gate.str.contains("1 subject, fewer than 3").all()


def test_recordings_without_times_have_none_and_the_table_is_read_back(
    found: AlignmentResult, tmp_path_factory: pytest.TempPathFactory
) -> None:
    plain = align(WORLD.instances(), WORLD.source(), SPEC, SCORING)
    assert len(plain.latencies) == 0
    folder = plain.save(tmp_path_factory.mktemp("plain"))
    assert not (folder / "latencies.csv").exists()
    folder = found.save(tmp_path_factory.mktemp("timed"))
    assert len(AlignmentResult.load(folder).latencies) == len(found.latencies)


def test_the_figure_marks_what_is_claimed_and_says_how_much(found: AlignmentResult) -> None:
    cell = ("mlp", "rsa spearman")
    claimed = int(found.latencies.seconds.notna().sum())
    assert f"{claimed} of 6 latencies are claimed" in TimeCourse().caption(found, *cell)
    (axis, *_) = TimeCourse().draw(found, *cell).axes
    marks = [line for line in axis.lines if len(line.get_xdata()) == 1 and line.get_linestyle() == "None"]
    assert len(marks) == claimed > 0


# -- two one-sided tests ----------------------------------------------------------------------------------------------


def test_a_declared_margin_is_tested_in_every_contrast(found: AlignmentResult) -> None:
    asked = replace(SCORING, equivalence={"rsa spearman": 0.1})
    table = align(WORLD.instances(), WORLD.source(), SPEC, asked).contrasts
    assert set(table.margin) == {0.1}
    assert table.p_equivalent.between(0, 1).all()
    assert set(table.equivalence) <= {"equivalent", "different", "inconclusive", "different, by less than the margin"}
    inside = table.p_equivalent < 0.05
    assert (inside == table.equivalence.isin(["equivalent", "different, by less than the margin"])).all()
    assert found.contrasts.margin.isna().all()
    assert set(found.contrasts.equivalence) == {""}


def test_a_margin_of_no_measure_is_refused(found: AlignmentResult) -> None:
    with pytest.raises(SpecError, match="measure is 'rsa'; expected one of: rsa spearman"):
        align(WORLD.instances(), WORLD.source(), SPEC, replace(SCORING, equivalence={"rsa": 0.1}))
    with pytest.raises(SpecError, match="is -1; expected a difference above 0"):
        align(WORLD.instances(), WORLD.source(), SPEC, replace(SCORING, equivalence={"rsa spearman": -1}))
    assert infer(found.stored).contrasts.equals(found.contrasts)
