"""What the verbs of the command line share: settings as arguments, progress, tables."""

import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from brainalign.errors import SpecError
from brainalign.own_folders import add_folder


def existing_device(device: str) -> None:
    """Raise :class:`SpecError` if torch cannot use ``device`` here."""
    from brainalign.computing import check_device

    check_device(device)


def output_folder(path: Path | None) -> Path | None:
    """Return the folder of results, which need not be there; a file raises :class:`SpecError`."""
    if path is not None and path.exists() and not path.is_dir():
        msg = f"--out {str(path)!r} is a file; expected a folder, which is made if it is not there."
        raise SpecError(msg)
    return path


def no_folder(name: str, shipped: str, what: str) -> None:
    """Refuse a folder where a file is named, unless it is called as one that is shipped: that one is then meant."""
    from brainalign.folder_kinds import instead
    from brainalign.shipped import names_in, shipped_folder

    if Path(name).is_dir() and name and name not in names_in(shipped_folder(shipped)):
        raise SpecError(instead(name, f"a {what} file (.toml)"))


def own_folders(paths: list[str] | None) -> list[str] | None:
    """Look for algorithms in folders of the user's own, too; one that cannot be is a :class:`SpecError`."""
    for path in paths or ():
        add_folder(path)
    return paths


def say_stale(rules: Sequence[str]) -> None:
    """Say on stderr, in one line, which rules' networks other code trained, and what to do."""
    if rules:
        text = f"brainalign: {', '.join(rules)}: trained by other code than today's; --retrain trains again."
        typer.echo(text, err=True)


def when_started(progress: Callable[[int, int, str], None], say: Callable[[], None]) -> Callable[[int, int, str], None]:
    """Return ``progress`` that calls ``say`` once, before the first step: what is refused is then one line alone."""
    waiting = [say]

    def report(done: int, of: int, text: str) -> None:
        if waiting:
            waiting.pop()()
        progress(done, of, text)

    return report


def read_settings(
    items: Sequence[str], option: str = "--set", beside: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Read ``key=value`` items; values are TOML, and a word that is no TOML is text.

    A key that comes twice, or stands in ``beside`` with a value other than None, raises :class:`SpecError`. So does a
    number or truth value that TOML writes otherwise (``.7``, ``7.``, ``0,7``, ``007``, ``True``); the message says how.
    """
    found: dict[str, Any] = {}
    for item in items:
        key, separator, text = item.partition("=")
        if not separator or not key.strip():
            example = "learning_rate=[0.001,0.01]" if option == "--grid" else "learning_rate=0.01"
            msg = f"{option} got {item!r}; expected key=value, e.g. {example}."
            raise SpecError(msg)
        if key in found or (beside or {}).get(key) is not None:
            where = f"twice with {option}" if key in found else f"with {option} and with --{key}"
            msg = f"{key!r} is given {where}; leave one of them out."
            raise SpecError(msg)
        try:
            found[key] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            if meant := _meant(text):
                msg = f"{option} got {item!r}; expected a number or truth value as TOML writes it: {key}={meant}."
                raise SpecError(msg) from None
            found[key] = text
    return found


#: How numbers and truth values are written elsewhere, and in TOML.
_WRITTEN = (
    (r"(?<![\w.])\.(?=\d)", "0."),
    (r"(?<=\d)\.(?![\d.])", ".0"),
    (r"(?<![\w.])0+(?=\d)", ""),
    (r"\bTrue\b", "true"),
    (r"\bFalse\b", "false"),
)


def _meant(text: str) -> str:
    """Return the number, truth value or list of these that a text stands for, as TOML has it; nothing for a word."""
    text = re.sub(r"^([+-]?\d+),(\d+)$", r"\1.\2", text.strip())
    for elsewhere, here in _WRITTEN:
        text = re.sub(elsewhere, here, text)
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return ""
    return text if isinstance(value, (int, float, list)) else ""


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """Yield a progress callback: a bar on a terminal, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda done, total, text: bar.update(task, completed=done, total=total, description=text)


def print_records(records: list[dict[str, Any]], as_json: bool, title: str) -> None:
    """Print records as a table, whose first column is never broken within a word, or as JSON."""
    if as_json:
        typer.echo(json.dumps(records, indent=1, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for k, name in enumerate(records[0] if records else ()):
        table.add_column(name, overflow="fold", no_wrap=k == 0)
    for record in records:
        table.add_row(*(f"{v:.4g}" if isinstance(v, float) else "" if v is None else str(v) for v in record.values()))
    Console(width=None if sys.stdout.isatty() else 160).print(table)
