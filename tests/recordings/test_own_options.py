"""Every option of ``own_recording`` is used or refused in one line, whatever it is given."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from brainalign.errors import BrainalignError
from brainalign.rdms import RDMs
from brainalign.recordings.own import own_recording
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.rsatoolbox_exchange import to_rsatoolbox

IDS = tuple("abcdef")
OTHER = tuple("fedcba")
PICTURES = np.arange(6 * 16, dtype=np.uint8).reshape(6, 4, 4, 1)
RNG = np.random.default_rng(0)
ARRAYS = [RNG.normal(size=(6, 3, 1)) for _ in range(2)]
PEOPLE = [Recording.from_array(x, IDS, subject=s, dataset="set") for x, s in zip(ARRAYS, ("p", "q"), strict=True)]
SAYING = [
    Recording.from_array(x, IDS, subject=s, modality="MEG", unit="T")
    for x, s in zip(ARRAYS, ("p", "q"), strict=True)
]  # fmt: skip
PAIRS = RNG.random((2, 15))
PEOPLES = {"subject": ("p", "q")}
UNNAMED = RDMs(PAIRS, IDS, "unknown", PEOPLES)
NAMED = RDMs(PAIRS, IDS, "euclidean", PEOPLES)
TIMED = RDMs(PAIRS, IDS, "unknown", {**PEOPLES, "time": ("0.2", "0.2")})
SEVERAL = np.stack([PAIRS, PAIRS], axis=1)[:, :1]  # subjects, times

#: What comes in: two subjects each, six stimuli.
KINDS: dict[str, dict[str, Any]] = {
    "arrays": {"trials": ARRAYS},
    "one array": {"trials": np.stack(ARRAYS)},
    "arrays by subject": {"trials": dict(zip("pq", ARRAYS, strict=True))},
    "recordings": {"trials": PEOPLE},
    "recordings by subject": {"trials": dict(zip("pq", PEOPLE, strict=True))},
    "recordings that say more": {"trials": SAYING},
    "RDMs as arrays": {"rdms": SEVERAL},
    "RDMs as a list": {"rdms": list(SEVERAL)},
    "arrays by ROI": {"rdms": {"IT": SEVERAL}},
    "RDMs": {"rdms": UNNAMED},
    "RDMs that say more": {"rdms": NAMED},
    "RDMs with times": {"rdms": TIMED},
    "RDMs by ROI": {"rdms": {"IT": UNNAMED}},
    "rsatoolbox": {"rdms": to_rsatoolbox(UNNAMED)},
    "rsatoolbox that say more": {"rdms": to_rsatoolbox(NAMED)},
    "rsatoolbox by ROI": {"rdms": {"IT": to_rsatoolbox(NAMED)}},
}
ROIS = {"front": np.array([True, False, True])}


def _rows_stand_under_other(source: RecordingSource) -> bool:
    """Return whether the first row of what was given stands under the last stimulus, and so on."""
    published = source.published_rdms(source.rois[0])
    if published is not None:
        return np.array_equal(published.subset(OTHER).dissimilarities[0], PAIRS[0])
    return np.array_equal(source.recordings()[0].means(OTHER), ARRAYS[0])


def _measure(source: RecordingSource) -> str:
    published = source.published_rdms(source.rois[0])
    assert published is not None
    return published.measure


def _times(source: RecordingSource) -> tuple[float, ...]:
    return source.facts(source.subjects[0], source.rois[0]).times


def _modalities(source: RecordingSource) -> set[str]:
    return {source.modality, *(one.modality for one in source.recordings())}


#: A value of each option, and whether a source has it.
OPTIONS: dict[str, tuple[Any, Callable[[RecordingSource], bool]]] = {
    "ids": (OTHER, _rows_stand_under_other),
    "subjects": (["x", "y"], lambda source: source.subjects == ("x", "y")),
    "name": ("mine", lambda source: source.label == "mine"),
    "rois": ("V4", lambda source: source.rois == ("V4",)),
    "times": ([0.1], lambda source: _times(source) == (0.1,)),
    "title": ("My data", lambda source: source.title == "My data"),
    "modality": ("EEG", lambda source: _modalities(source) == {"EEG"}),
    "citation": ("We (2026)", lambda source: source.citation == "We (2026)"),
    "unit": ("uV", lambda source: {one.unit for one in source.recordings()} == {"uV"}),
    "dissimilarity": ("correlation", lambda source: _measure(source) == "correlation"),
}

_OWN = "{} was given, but {} have {} of their own. Leave {} out"
RECORDINGS = {option: _OWN.format(option, "recordings", option, option) for option in ("ids", "times", "unit")}
NO_RDMS = {"dissimilarity": "dissimilarity was given, but it is that of RDMs, and trials have none. Leave it out"}
NO_TRIALS = {"unit": "unit was given, but it is that of trials, and RDMs have none. Leave unit out"}
BY_SUBJECT = {"subjects": "subjects are the names of trials by subject; leave subjects out"}
BY_ROI = {"rois": _OWN.format("rois", "RDMs by ROI", "rois", "rois")}
CARRIED = {"ids": _OWN.format("ids", "RDMs", "ids", "ids")}
SAYS = {"dissimilarity": "dissimilarity is 'correlation', but RDMs say 'euclidean' themselves. Leave dissimilarity out"}

#: Options that are refused, by what comes in, with the line; all others are used.
REFUSED: dict[str, dict[str, str]] = {
    "arrays": NO_RDMS,
    "one array": NO_RDMS,
    "arrays by subject": {**NO_RDMS, **BY_SUBJECT},
    "recordings": {**NO_RDMS, **RECORDINGS},
    "recordings by subject": {**NO_RDMS, **RECORDINGS, **BY_SUBJECT},
    "recordings that say more": {
        **NO_RDMS, **RECORDINGS, "modality": "modality is 'EEG', but Recording own/p say 'MEG' themselves",
    },
    "RDMs as arrays": NO_TRIALS,
    "RDMs as a list": NO_TRIALS,
    "arrays by ROI": {**NO_TRIALS, **BY_ROI},
    "RDMs": {**NO_TRIALS, **CARRIED},
    "RDMs that say more": {**NO_TRIALS, **CARRIED, **SAYS},
    "RDMs with times": {
        **NO_TRIALS, **CARRIED, "times": "2 times for 2 RDMs, which have times; expected one time each. Leave times out"
    },
    "RDMs by ROI": {**NO_TRIALS, **CARRIED, **BY_ROI},
    "rsatoolbox": {**NO_TRIALS, **CARRIED},
    "rsatoolbox that say more": {**NO_TRIALS, **CARRIED, **SAYS},
    "rsatoolbox by ROI": {**NO_TRIALS, **CARRIED, **SAYS, **BY_ROI},
}  # fmt: skip


def _value(kind: str, option: str) -> Any:
    """Return the option in the form that a kind needs: masks of channels, one time for each RDM."""
    value = OPTIONS[option][0]
    if option == "rois" and "trials" in KINDS[kind]:
        return ROIS
    return value * 2 if option == "times" and _carries(kind) else value


def _carries(kind: str) -> bool:
    """Return whether RDMs of a kind have ids of their own."""
    return kind.startswith(("RDMs", "rsatoolbox")) and " as " not in kind


def _needed(kind: str) -> dict[str, Any]:
    """Return times where there is an axis of these."""
    return {"times": [0.0]} if "rdms" in KINDS[kind] and not _carries(kind) else {}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_option_is_used_or_refused(kind: str, option: str) -> None:
    given = {**KINDS[kind], **_needed(kind)}
    asked = {**given, option: _value(kind, option)}
    line = REFUSED[kind].get(option)
    if line is not None:
        with pytest.raises(BrainalignError) as caught:
            own_recording(list(IDS), **asked)
        assert line in str(caught.value)
        assert "\n" not in str(caught.value)
        return
    source = own_recording(list(IDS), **asked)
    has = OPTIONS[option][1] if asked.get("rois") is not ROIS else lambda source: source.rois == ("front",)
    assert has(source), f"{option} is not used"
    # what is asked here is not so by default
    assert not has(own_recording(list(IDS), **given)), f"{option} is used without being given"


MISFITS: list[tuple[dict[str, Any], str]] = [
    (
        {"trials": [ARRAYS[0], PEOPLE[0]]},
        "1 of 2 trials are recordings; expected all or none. Make the others recordings",
    ),
    ({"trials": ARRAYS, "ids": {"s01": IDS, "s02": IDS, "s03": IDS}}, "ids are of 's03', who has no trials"),
    ({"trials": ARRAYS, "ids": [IDS] * 3}, "3 lists of ids for 2 subjects; expected one list per subject"),
    ({"trials": ARRAYS, "ids": [IDS]}, "1 lists of ids for 2 subjects; expected one list per subject"),
    ({"trials": ARRAYS, "subjects": "pq"}, "subjects is 'pq'; expected a list of names"),
    ({"rdms": NAMED, "subjects": ["x", "x"]}, "subjects has 1 different names for 2 subjects"),
    ({"rdms": RDMs(PAIRS, IDS, "a"), "times": [0.1, 0.1]}, "2 RDMs at 1 times; expected to be told whose each is"),
    ({"rdms": SEVERAL[:, 0], "ids": {"s01": IDS}}, "RDMs: ids are of type dict; expected one id per row"),
    ({"rdms": {}}, "rdms is empty; expected RDMs of at least one ROI"),
    ({"trials": {}}, "trials is empty; expected those of at least one subject"),
    ({"rdms": NAMED, "name": 3}, "name is 3; expected text"),
    ({"rdms": {"IT": NAMED, "V4": SEVERAL[:, 0]}, "ids": OTHER}, "ids was given, but RDMs have ids of their own"),
]


@pytest.mark.parametrize(("given", "line"), MISFITS, ids=[str(k) for k in range(len(MISFITS))])
def test_an_option_that_does_not_fit_is_one_line(given: dict[str, Any], line: str) -> None:
    with pytest.raises(BrainalignError) as caught:
        own_recording(list(IDS), **given)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rdms_at_several_times_without_subjects_are_of_one() -> None:
    for given in (
        {"rdms": RDMs(PAIRS, IDS, "a", {"time": ("0.1", "0.2")})},
        {"rdms": RDMs(PAIRS, IDS, "a"), "times": (0.1, 0.2)},
    ):
        for subjects in (None, ["group mean"]):
            source = own_recording(None, subjects=subjects, **given)
            assert source.subjects == tuple(subjects or ("s01",))
            assert _times(source) == (0.1, 0.2)


def test_what_agrees_with_what_is_given_is_taken() -> None:
    assert _measure(own_recording(None, rdms=NAMED, dissimilarity="euclidean")) == "euclidean"
    assert _modalities(own_recording(None, trials=SAYING, modality="MEG")) == {"MEG"}
    assert _rows_stand_under_other(own_recording(None, rdms=RDMs(PAIRS, OTHER, "a"), ids=OTHER))
    # an array of pictures takes the ids
    assert own_recording(PICTURES, rdms=NAMED, ids=OTHER).stimulus_ids() == OTHER


def test_rows_of_arrays_beside_rdms_are_not_taken_for_those_of_the_rdms() -> None:
    source = own_recording(list(IDS), rdms={"IT": RDMs(PAIRS, OTHER, "a", PEOPLES), "V4": SEVERAL[:, 0]})
    found = source.published_rdms("V4")
    assert found is not None
    np.testing.assert_array_equal(found.subset(IDS).dissimilarities, PAIRS)
    assert source.notes == ("own: no ids were given; rows of arrays were taken for the stimuli in their order.",)
