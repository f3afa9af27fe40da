"""What a study says of the recordings it uses, and where it stops."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from brainalign.data_check.brain import BrainCheck, findings_facts, refuse_severe, together
from brainalign.data_check.finding import Finding
from brainalign.data_check.kept_findings import KeptFindings
from brainalign.data_check.source import check_rdms
from brainalign.errors import DataError, SpecError
from brainalign.finding_kinds import KINDS
from brainalign.rdms import RDMs
from brainalign.recordings.own import own_recording
from brainalign.recordings.source import recording_source
from brainalign.specs import RecordingSpec, to_dict
from tests.data_check.test_checked_source import recording

SPEC = RecordingSpec("made")


def in_microvolt(accept: tuple[str, ...] = ()) -> BrainCheck:
    """The check of three people of whom one is in microvolt under the name of volt."""
    people = [replace(recording(seed=k), subject=f"s0{k}") for k in range(3)]
    wrong = replace(people[1], data=1e6 * people[1].data)
    return BrainCheck(own_recording(None, trials=[people[0], wrong, people[2]]), replace(SPEC, accept=accept))


def test_trials_are_looked_at_while_they_are_joined_and_read_once() -> None:
    class Counted:
        reads = 0

    source = recording_source("simulated", {"n_subjects": 3, "n_stimuli": 20, "training": {"epochs": 0.1}})
    read = type(source).recording

    def counted(self: object, subject: str) -> object:
        Counted.reads += 1
        return read(source, subject)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(source), "recording", counted)
        check = BrainCheck(source, RecordingSpec("simulated"))
        _ = check.brain.movies("planted")
        found = check.findings()
    assert Counted.reads == 3
    assert [(one.kind, one.where) for one in found] == [("runs", "simulated/simulated 1 and 2 others")]


def test_what_is_severe_stops_unless_it_is_accepted_by_name() -> None:
    check = in_microvolt()
    found = check.findings()
    assert [(one.kind, one.where, one.severe) for one in found] == [("unit", "made/s01", True)]
    with pytest.raises(DataError, match=r"data check: unit: made/s01: .* declare accept = \['unit'\]\.$"):
        refuse_severe(found, check.brain.spec, "made")
    accepting = in_microvolt(("unit", "flat channel"))
    refuse_severe(found, accepting.brain.spec, "made")
    facts = findings_facts(found, accepting.brain.spec)
    assert [one["accepted"] for one in facts["found"]] == [True]
    assert facts["accepted and not found"] == ["flat channel"]


def test_a_kind_that_there_is_not_is_refused_with_the_list_and_keys_stay() -> None:
    with pytest.raises(SpecError, match="Option accept is 'units'; expected one of: repeats, runs, ceiling"):
        RecordingSpec("cichy92", accept=("units",))
    assert "accept" not in to_dict(RecordingSpec("cichy92"))
    assert "aspect" not in to_dict(RecordingSpec("cichy92"))
    assert set(KINDS) >= {"unit", "training pictures", "before onset"}


def test_what_is_said_of_several_people_is_one_line() -> None:
    same = [Finding("runs", f"set/s{k}", "the same.") for k in range(4)]
    other = Finding("runs", "set/s9", "another thing.")
    assert [one.where for one in together([*same, other])] == ["set/s0 and 3 others", "set/s9"]


def test_a_group_mean_is_found_in_published_rdms(data_dir: str) -> None:
    check = BrainCheck(recording_source("eeg49", {"data_dir": data_dir}), RecordingSpec("eeg49", subjects="fixed"))
    found = check.findings()
    assert [(one.kind, one.severe) for one in found] == [("ceiling", False), *2 * [("before onset", False)]]
    assert "RDMs before onset resemble those after (r = " in found[2].text


@pytest.mark.parametrize("shared", [0.0, 1.0])
def test_rdms_before_onset_that_are_noise_are_no_finding(shared: float) -> None:
    rng = np.random.default_rng(4)
    common, times = rng.random(190), np.linspace(-0.1, 0.2, 13)
    values = np.stack([rng.random(190) + common * (shared if time < 0 else 1.0) for time in times])
    rdms = RDMs(values, [f"s{k}" for k in range(20)], "correlation", {"time": tuple(map(repr, times.tolist()))})
    found = [one.kind for one in check_rdms({"all": rdms}, "made", 3)]
    assert found == (["before onset"] if shared else [])


def test_findings_in_pictures_are_kept_for_sets_with_files(tmp_path: Path) -> None:
    shown = recording_source("simulated", {"n_subjects": 3, "n_stimuli": 20, "training": {"epochs": 0.1}}).stimuli()
    assert shown is not None
    looks: list[str] = []

    def look() -> list[Finding]:
        looks.append("looked")
        return [Finding("training pictures", "here", "the same picture.", severe=True)]

    kept = KeptFindings(tmp_path)
    assert list(kept(shown, "mnist", look)) == list(kept(shown, "mnist", look)) == look()
    assert len(looks) == 2  # once for the two, once here
    next(tmp_path.iterdir()).write_text("{cut")
    assert next(iter(kept(shown, "mnist", look))).severe
    assert json.loads(next(tmp_path.iterdir()).read_text())[0]["kind"] == "training pictures"
    list(kept(shown, "digits", look))
    assert len(looks) == 4
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("leak", [0.0, 0.05])
def test_halves_before_onset_agree_as_a_loop_over_permutations_says(leak: float) -> None:
    from brainalign.data_check.trials import _standard

    rng = np.random.default_rng(1)
    first, second = (rng.standard_normal((12, 3, 5)) + leak for _ in range(2))
    alike = _standard(first) @ _standard(second).T
    order = rng.permutation(12)
    expected = np.mean([np.corrcoef(first[:, c, t], second[order][:, c, t])[0, 1] for c in range(3) for t in range(5)])
    assert alike[np.arange(12), order].sum() == pytest.approx(expected, abs=1e-12)
