"""README: its code runs, its commands exist, its links lead somewhere, and it is short."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from brainalign.__main__ import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "presets/README.md",
]
# what makes a long command short; other commands are checked, not run
SHORT = {
    "train": ("--epochs", "0.2", "--seeds", "2"),
    "scorecard": ("--probe", "P1"),
    "rules": (),
    "doctor": (),
}


def _blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", README, flags=re.S)


def _commands() -> list[list[str]]:
    lines = [line for block in _blocks("sh") for line in block.splitlines() if line.startswith("brainalign ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


def test_it_is_short() -> None:
    assert len(README.split()) <= 1200


def test_the_ten_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    [block] = _blocks("python")
    lines = [line for line in block.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert len([line for line in lines if not line.startswith("import")]) <= 10
    exec(compile(block, "README.md", "exec"), {})
    assert "mine" in capsys.readouterr().out


@pytest.mark.parametrize("command", _commands(), ids=" ".join)
def test_commands_exist(command: list[str]) -> None:
    here = typer.main.get_command(app)
    words = list(command)
    while words and words[0] in getattr(here, "commands", {}):
        here = here.commands[words.pop(0)]
    assert not getattr(here, "commands", None), f"unknown verb in {command}"
    known = {option for parameter in here.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("command", [one for one in _commands() if one[0] in SHORT], ids=" ".join)
def test_commands_run(command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, [*command, *SHORT[command[0]]])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    local = [link for link in links if not link.startswith(("http://", "https://", "mailto:"))]
    assert [link for link in local if not (page.parent / link).exists()] == []


def _written(page: Path) -> list[str]:
    """Return the commands that a page writes down, in blocks of code and within lines."""
    text = page.read_text(encoding="utf-8")
    blocks = [block for kind, block in re.findall(r"```(\w*)\n(.*?)```", text, flags=re.S) if kind in ("", "sh")]
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    spans = re.findall(r"(?<!`)`(brainalign [^`\n]+)`(?!`)", re.sub(r"```.*?```", "", text, flags=re.S))
    return [one for one in (*lines, *spans) if one.startswith("brainalign ")]


@pytest.mark.parametrize(
    ("page", "line"),
    [pytest.param(page, line, id=f"{page.name}: {line}") for page in PAGES for line in dict.fromkeys(_written(page))],
)
def test_commands_of_every_page_exist(page: Path, line: str) -> None:
    here: Any = typer.main.get_command(app)
    words = shlex.split(line, comments=True)[1:]
    while words and words[0] in getattr(here, "commands", {}):
        here = here.commands[words.pop(0)]
    assert not (words and getattr(here, "commands", None)), f"unknown verb in {page.name}: {line}"
    known = {option for parameter in here.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known


def test_figures_of_the_searchlight_page_come_out(
    data_dir: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRAINALIGN_DATA", data_dir)
    text = (ROOT / "docs" / "searchlight.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    names: dict[str, Any] = {}
    exec(compile(block, "searchlight.md", "exec"), names)
    table = names["found"].table()
    found = f"Of {len(table)} centres in this slice of\none person, {(table.p_fwe <= 0.05).sum()} have `p_fwe <= .05`"
    assert found in text
    assert f"the highest correlation is {table.score.max():.2f}".replace("0.", ".") in text
    assert (tmp_path / "maps" / "centres.csv").is_file()
