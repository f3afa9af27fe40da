import json
from pathlib import Path

from typer.testing import CliRunner

from brainalign.commands.data import data_app


def check(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(data_app, ["check", *arguments])
    raised = done.exception is not None and not isinstance(done.exception, SystemExit)
    return done.exit_code, str(done.exception) if raised else done.output


def test_the_exit_code_says_whether_there_were_findings(data_dir: str, tmp_path: Path) -> None:
    code, text = check("eeg49", "--data-dir", data_dir)
    assert (code, text.splitlines()[-1]) == (1, "3 findings in eeg49.")
    assert text.startswith("ceiling: eeg49, scalp: RDMs of 1 subject (group mean)")
    assert check("cichy92", "--data-dir", data_dir) == (0, "0 findings in cichy92.\n")
    (tmp_path / "sub-01_events.tsv").write_text("onset\tid\n1\ta\n")
    assert check(str(tmp_path), "--ids", "id") == (0, f"0 findings in {tmp_path}.\n")


def test_findings_as_json(data_dir: str) -> None:
    code, text = check(f"{data_dir}/bids_events/ds004018", "--ids", "stimulusname", "--json")
    found = json.loads(text)
    assert (code, {one["kind"] for one in found}) == (1, {"onset unit", "pointer"})


def test_options_reach_the_recording(data_dir: str) -> None:
    code, text = check("macaque_v4", "--set", "session='201025'", "--data-dir", data_dir)
    assert code == 1
    assert "every stimulus has one trial" in text
    _, message = check("nothing_like_it")
    assert "is neither a recording, a folder nor a study file" in message


def _study(folder: Path, recordings: str) -> str:
    path = folder / "one.toml"
    learnt = 'name = "one"\nreadout_only = false\n[training]\nnetwork = "mlp"\ndataset = "digits"\n[rules.backprop]\n'
    path.write_text(learnt + recordings)
    return str(path)


_SIMULATED = """
[[recordings]]
dataset = "simulated"
options = { n_subjects = 3, n_stimuli = 20, training = { epochs = 0.1 } }
"""
_EEG = """
[[recordings]]
dataset = "eeg49"
"""


def test_a_study_file_is_checked_recording_by_recording(data_dir: str, tmp_path: Path) -> None:
    path = _study(tmp_path, _SIMULATED + _EEG)
    code, text = check(path, "--data-dir", data_dir)
    *lines, last = text.splitlines()
    assert (code, last) == (1, f"4 findings in {path}.")
    assert [line.split(":")[0] for line in lines] == ["runs", "ceiling", "before onset", "before onset"]


def test_what_a_study_accepts_is_listed_and_does_not_count(data_dir: str, tmp_path: Path) -> None:
    path = _study(tmp_path, _EEG + 'accept = ["ceiling", "before onset"]')
    code, text = check(path, "--data-dir", data_dir)
    *lines, last = text.splitlines()
    assert (code, last) == (0, f"3 findings in {path}, 3 of them accepted.")
    assert all(line.endswith("The study accepts this.") for line in lines)


def test_what_a_study_file_says_itself_is_refused_as_an_option(tmp_path: Path) -> None:
    said = check(_study(tmp_path, _EEG), "--trained-on", "digits")[1]
    assert said == "--trained-on is not for a study file, which says what is compared. Leave it out."
    assert "nowhere.toml" in check(str(tmp_path / "nowhere.toml"))[1]


def _things(folder: Path, data_dir: str) -> Path:
    """Lay the real tables of ids of THINGS-EEG2 and THINGS-fMRI out as published; no recording is there."""
    real = Path(data_dir, "things_ids")
    (folder / "things_eeg2").mkdir()
    (folder / "things_eeg2" / "image_metadata.npy").symlink_to(real / "image_metadata.npy")
    tables = folder / "things_fmri" / "betas_csv"
    tables.mkdir(parents=True)
    (tables / "sub-01_StimulusMetadata.csv").symlink_to(real / "things_fmri_sub-01_StimulusMetadata.csv")
    (tables / "sub-01_ResponseData.h5").write_bytes(b"not read")
    return folder


def test_sets_of_one_picture_library_share_stimuli(data_dir: str, tmp_path: Path) -> None:
    folder = str(_things(tmp_path, data_dir))
    code, text = check("things_eeg2", "--against", "things_fmri", "--data-dir", folder, "--json")
    assert code == 1
    found = {one["where"]: one["finding"] for one in json.loads(text)}
    assert list(found) == [
        "things_eeg2, test and things_fmri, training",
        "things_eeg2, training and things_fmri, training",
    ]
    sizes = [int(one.split()[0]) for one in found.values()]
    assert sizes == [77, 6330]
    back, _ = check("things_fmri", "--against", "things_eeg2", "--set", "part='training'", "--data-dir", folder)
    assert back == 1


def test_what_a_user_put_there_is_listed_as_here(data_dir: str, tmp_path: Path) -> None:
    from brainalign.face.health import health

    folder = str(_things(tmp_path, data_dir))
    done = CliRunner().invoke(data_app, ["list", "--json", "--data-dir", folder])
    states = {one["name"]: one["status"] for one in json.loads(done.output)}
    assert (states["things_fmri"], states["things_eeg2"], states["bold5000"]) == ("your copy", "your copy", "by hand")
    assert states["digits"] == "embedded"
    checks = {one.what: one for one in health(folder)}
    assert checks["data: things_fmri"].state == f"your copy in {folder}/things_fmri"
    assert checks["data: bold5000"].remedy.startswith("Get the files of release 2")


def test_parts_of_one_set_share_nothing(data_dir: str, tmp_path: Path) -> None:
    from brainalign.data_check.shared_stimuli import check_own_parts
    from brainalign.recordings.source import recording_source

    folder = str(_things(tmp_path, data_dir))
    for name in ("things_eeg2", "things_fmri"):
        source = recording_source(name, {"data_dir": folder})
        assert list(check_own_parts(source)) == []
    table = Path(folder, "things_fmri", "betas_csv", "sub-01_StimulusMetadata.csv")
    text = table.read_text("utf-8")
    table.unlink()
    table.write_text(text + "test,12,10,1,9840,dog_12s.jpg,dog\n", "utf-8")  # a training picture among the test
    (found,) = check_own_parts(recording_source("things_fmri", {"data_dir": folder}))
    assert "things_fmri, test and things_fmri, training" in str(found)
    assert "1 stimuli are in both, such as 'dog_12s'" in str(found)
    assert list(check_own_parts(recording_source("things_eeg1", {"data_dir": folder}))) == []  # not here


def test_what_is_asked_against_what(data_dir: str, tmp_path: Path) -> None:
    _, message = check("cichy92", "--against", "kriegeskorte92", "--trained-on", "digits", "--data-dir", data_dir)
    assert "--against looks at ids of two recordings" in message
    _, message = check(str(tmp_path), "--against", "cichy92")
    assert "--against is for recordings, and a folder of files is none. Leave it out." in message
    _, message = check("cichy92", "--ids", "stimulus", "--data-dir", data_dir)
    assert "--ids is for a folder of files, and a recording knows its ids. Leave it out." in message
    code, text = check("cichy92", "--against", "kriegeskorte92", "--against", "eeg49", "--data-dir", data_dir)
    assert (code, text.splitlines()[-1]) == (1, "1 finding in cichy92.")
    assert "92 stimuli are in both" in text
