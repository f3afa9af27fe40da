"""Subjects that saw different stimuli, whichever comes first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import BrainalignError, DataError, SpecError, StimulusMismatchError
from brainalign.rdms import compute_rdms
from brainalign.recordings.joined import joined, scored_ids
from brainalign.recordings.movie import Movie
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource

SHOWN = ("d", "a", "c", "b", "e")
PATTERNS = np.random.default_rng(0).standard_normal((3, 5, 6))


def _subject(number: int, ids: Sequence[str] = SHOWN, runs: Sequence[str] | None = None) -> Recording:
    data = np.stack([PATTERNS[number, SHOWN.index(one)] for one in ids])
    return Recording(
        data[:, :, None], tuple(ids), tuple("uvwxyz"), (0.0,), f"s{number + 1}", "toy", "EEG", "uV",
        {"V1": np.ones(6, dtype=bool)}, None if runs is None else tuple(runs),
    )  # fmt: skip


@dataclass(frozen=True)
class Toy(RecordingSource):
    trials: tuple[Recording, ...] = ()
    title, modality, citation, rois = "Toy", "EEG", "nobody", ("V1",)

    def stimuli(self) -> Stimuli:
        images = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 1)).astype(np.uint8)
        return Stimuli(SHOWN, images, "toy")

    def recordings(self) -> tuple[Recording, ...]:
        return self.trials


FEWER, WHOLE = _subject(1, ("c", "a", "d")), _subject(0)


@pytest.mark.parametrize("pair", [(WHOLE, FEWER), (FEWER, WHOLE)], ids=["fewer last", "fewer first"])
def test_subjects_with_different_stimuli_raise_in_either_order(pair: tuple[Recording, Recording]) -> None:
    message = (
        r"Recording 'toy': of the 5 stimuli that are shown, subject 's2' lacks 2 \(b, e\); subjects hold 3 to 5, 3 are "
        r'with all\. Declare stimuli = "shared" to score those, or "own"'
    )
    for call in (lambda: Toy(None, pair).rdms("V1"), lambda: Toy(None, pair).responses()):
        with pytest.raises(StimulusMismatchError, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pair", [(WHOLE, FEWER), (FEWER, WHOLE)])
def test_shared_stimuli_are_the_intersection_in_the_order_shown(pair: tuple[Recording, Recording]) -> None:
    found = joined(pair, SHOWN, "shared")
    assert [set(one.stimulus_ids) for one in found] == [{"a", "c", "d"}] * 2
    rdms = Movie.of_recordings(found, "V1", ("d", "a", "c"), "correlation").each()
    assert rdms.stimulus_ids == ("d", "a", "c")
    assert rdms.descriptors["subject"] == tuple(one.subject for one in pair)
    for one, rdm in zip(pair, rdms.dissimilarities, strict=True):
        expected = compute_rdms(one.means(("d", "a", "c"))[:, :, 0], ("d", "a", "c")).dissimilarities[0]
        np.testing.assert_array_equal(rdm, expected)


def test_own_stimuli_stay_with_each_subject() -> None:
    found = joined((WHOLE, FEWER), SHOWN, "own")
    assert [one.stimulus_ids for one in found] == [SHOWN, ("c", "a", "d")]
    with pytest.raises(StimulusMismatchError, match="2 of 5 stimuli are not in 'toy/s2'"):
        Movie.of_recordings(found, "V1", SHOWN, "correlation")


def test_stimuli_that_are_not_shown_are_told() -> None:
    stranger = replace(WHOLE, stimulus_ids=("d", "a", "c", "b", "z"))
    message = r"subject 's1' lacks 1 \(e\) and has 1 that are not shown \(z\); subjects hold 5, 4 are with all"
    with pytest.raises(StimulusMismatchError, match=message):
        joined([stranger], SHOWN)
    assert scored_ids({"s1": stranger.stimulus_ids}, SHOWN, "shared", "toy") == ("d", "a", "c", "b")
    message = r"subjects share none of the 5 stimuli that are shown \(each has: s1 2, s2 3\), with stimuli = 'shared'"
    with pytest.raises(StimulusMismatchError, match=message):
        scored_ids({"s1": ("b", "e"), "s2": ("a", "c", "d")}, SHOWN, "shared", "toy")


REFUSED = [
    ((WHOLE, replace(FEWER, subject="s1")), {}, DataError, "holds subject 's1' twice; expected each once"),
    ((WHOLE,), {"stimuli": "some"}, SpecError, "stimuli is 'some'; expected 'all', 'shared' or 'own'"),
    ((WHOLE,), {"runs": "center"}, SpecError, "runs is 'center'; expected 'centre', 'centre_each' or 'ignore'"),
]


@pytest.mark.parametrize(("recordings", "options", "error", "message"), REFUSED)
def test_what_cannot_be_joined_is_one_line(
    recordings: tuple[Recording, ...], options: dict[str, str], error: type[BrainalignError], message: str
) -> None:
    with pytest.raises(error, match=message):
        joined(recordings, SHOWN, **options)


def test_runs_are_centred_unless_they_are_to_be_ignored() -> None:
    twice = _subject(0, SHOWN * 2, ["1"] * 5 + ["2"] * 5)
    drifting = replace(twice, data=twice.data + np.repeat([0, 4], 5)[:, None, None] * PATTERNS[2, 0][None, :, None])
    uneven = drifting.drop_trials(np.arange(10) == 9)  # e was seen in the first run only
    (centred,) = joined([uneven], SHOWN)
    np.testing.assert_array_equal(centred.data, uneven.centred().data)
    (each,) = joined([uneven], SHOWN, runs="centre_each")
    np.testing.assert_array_equal(each.data, uneven.centred(each=True).data)
    (left,) = joined([uneven], SHOWN, runs="ignore")
    assert left is uneven
    # distances of patterns without their mean are those of the recording without a drift
    np.testing.assert_allclose(np.diff(centred.means(SHOWN), axis=0), np.diff(WHOLE.means(SHOWN), axis=0), atol=1e-12)
    np.testing.assert_array_equal(
        Toy(None, (uneven,)).rdms("V1").dissimilarities,
        Movie.of_recordings([centred], "V1", SHOWN, "correlation").each().dissimilarities,
    )
    (shared,) = joined([uneven.drop_trials(np.array(uneven.stimulus_ids) == "a")], SHOWN, "shared")
    assert "a" not in shared.stimulus_ids


def test_rdms_stand_in_the_order_shown_whatever_the_order_of_trials() -> None:
    backwards = replace(WHOLE, data=WHOLE.data[::-1], stimulus_ids=SHOWN[::-1])
    one, other = (Toy(None, (recording,)).rdms("V1") for recording in (WHOLE, backwards))
    assert one.stimulus_ids == other.stimulus_ids == SHOWN
    np.testing.assert_array_equal(one.dissimilarities, other.dissimilarities)


def test_time_courses_have_an_rdm_per_time_and_nothing_has_none() -> None:
    course = replace(WHOLE, data=np.concatenate([WHOLE.data, -(WHOLE.data**2)], axis=2), times=(0.0, 0.1))
    rdms = Toy(None, (course,)).rdms("V1")
    assert rdms.descriptors == {"subject": ("s1", "s1"), "time": ("0.0", "0.1")}
    np.testing.assert_array_equal(rdms.dissimilarities[0], Toy(None, (WHOLE,)).rdms("V1").dissimilarities[0])
    assert Movie.of_rdms(rdms).times == (0.0, 0.1)
    with pytest.raises(DataError, match="'toy' holds neither trials nor RDMs"):
        Toy().rdms("V1")
    with pytest.raises(DataError, match="no ROI 'V4'; choose one of V1"):
        Toy(None, (WHOLE,)).rdms("V4")
