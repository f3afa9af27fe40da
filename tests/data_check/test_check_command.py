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
    assert "is neither a recording nor a folder" in message
