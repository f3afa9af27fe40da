"""Published tables of results: what was reported, which preset serves each cell, how our protocol differs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brainalign.errors import SpecError
from brainalign.shipped import find_file, names_in, read_toml, require_keys, shipped_folder


@dataclass(frozen=True)
class PublishedColumn:
    """One data set and network of a published table.

    Parameters
    ----------
    name
        Short name.
    data, network
        What the paper trained on, and what.
    presets
        Preset file that serves it; empty if none does.
    missing
        Why none does; empty if one does.
    measure
        ``"accuracy"`` of the test split in percent, or its ``"loss"``, which is better where lower.
    """

    name: str
    data: str
    network: str
    presets: str = ""
    missing: str = ""
    measure: str = "accuracy"


@dataclass(frozen=True)
class PublishedRow:
    """One method of a published table.

    Parameters
    ----------
    method
        The paper's name.
    label
        Label of our preset.
    rule
        Our rule, which the label is a variant of.
    published
        Column to mean and s.d. of the test accuracy in percent; a column without a figure is left out.
    differences
        What is ours and not the paper's in this row.
    """

    method: str
    label: str
    rule: str
    published: Mapping[str, tuple[float, float]]
    differences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gap:
    """Two rows of which one is worse, by label; other rows lie between them or do not.

    What share of the way from ``worse`` to ``better`` a row goes is part of the table.
    """

    worse: str
    better: str


@dataclass(frozen=True)
class PublishedTable:
    """A table of test figures that a paper reports, and how our protocol differs from the paper's."""

    name: str
    title: str
    citation: str
    source: str
    columns: tuple[PublishedColumn, ...]
    rows: tuple[PublishedRow, ...]
    differences: tuple[str, ...]
    gap: Gap | None = None

    def select(
        self, rows: tuple[str, ...] = (), columns: tuple[str, ...] = ()
    ) -> list[tuple[PublishedColumn, PublishedRow]]:
        """Return cells column by column; rows by method or label, columns by name, nothing given takes all.

        Raises
        ------
        SpecError
            If a name is unknown; the message lists those there are.
        """
        labels = {row.label for row in self.rows}
        _known("row", rows, labels | {row.method for row in self.rows}, [row.label for row in self.rows])
        names = [column.name for column in self.columns]
        _known("column", columns, set(names), names)
        return [
            (column, row)
            for column in self.columns
            if not columns or column.name in columns
            for row in self.rows
            if not rows or row.label in rows or row.method in rows
        ]


def reproductions(folder: str | Path | None = None) -> tuple[str, ...]:
    """Return the names of the tables of a folder (``None``: those that are shipped)."""
    return names_in(_folder(folder))


def published_table(table: str, folder: str | Path | None = None) -> PublishedTable:
    """Return a table: a name in ``folder`` (``None``: those that are shipped) or a path."""
    return read_table(find_file(table, _folder(folder), "table"))


def read_table(path: str | Path) -> PublishedTable:
    """Read a table file.

    The file holds ``title``, ``citation``, ``source``, ``differences`` (a list of sentences), ``[[columns]]`` with
    ``name``, ``data``, ``network`` and either ``presets`` or ``missing``, and ``[[rows]]`` with ``method``, ``label``,
    ``rule`` (the label if not given), ``published`` (column to ``[mean, s.d.]``) and ``differences``. A column may have
    ``measure = "loss"``; a table ``[gap]`` names the labels ``worse`` and ``better``.

    Raises
    ------
    SpecError
        If the file cannot be read, or a key or value is unknown or missing.
    """
    path = Path(path)
    table = read_toml(path, "table file")
    require_keys(table, str(path), ("title", "citation", "source", "columns", "rows"), ("differences", "gap"))
    columns = tuple(_column(item, f"{path}, [[columns]]") for item in _tables(table["columns"], f"{path}, [[columns]]"))
    names = tuple(column.name for column in columns)
    rows = tuple(_row(item, names, f"{path}, [[rows]]") for item in _tables(table["rows"], f"{path}, [[rows]]"))
    _distinct(names, f"{path}, [[columns]]: name")
    _distinct(tuple(row.label for row in rows), f"{path}, [[rows]]: label")
    texts = {key: _text(table[key], f"{path}: {key}") for key in ("title", "citation", "source")}
    gap = _gap(table["gap"], rows, f"{path}, [gap]") if "gap" in table else None
    return PublishedTable(
        path.stem, **texts, columns=columns, rows=rows, differences=_sentences(table, str(path)), gap=gap
    )


def _folder(folder: str | Path | None) -> Path:
    return shipped_folder("reproductions") if folder is None else Path(folder)


def _column(item: dict[str, Any], where: str) -> PublishedColumn:
    require_keys(item, where, ("name", "data", "network"), ("presets", "missing", "measure"))
    column = PublishedColumn(**{key: _text(value, f"{where}: {key}") for key, value in item.items()})
    if bool(column.presets) == bool(column.missing):
        msg = f"{where} {column.name!r}: expected either 'presets', a preset file, or 'missing', the reason for none."
        raise SpecError(msg)
    if column.measure not in ("accuracy", "loss"):
        msg = f"{where} {column.name!r}: measure is {column.measure!r}; expected 'accuracy' or 'loss'."
        raise SpecError(msg)
    return column


def _row(item: dict[str, Any], columns: tuple[str, ...], where: str) -> PublishedRow:
    require_keys(item, where, ("method", "label", "published"), ("rule", "differences"))
    method, label = (_text(item[key], f"{where}: {key}") for key in ("method", "label"))
    where = f"{where} {method!r}"
    require_keys(item["published"], f"{where}: published", (), columns)
    published = {}
    for name, value in item["published"].items():
        numbers = isinstance(value, list) and len(value) == 2 and all(type(one) in (int, float) for one in value)
        if not numbers:
            msg = f"{where}: {name} is {value!r}; expected [mean, s.d.] in percent, or no entry."
            raise SpecError(msg)
        published[name] = (float(value[0]), float(value[1]))
    rule = _text(item.get("rule", label), f"{where}: rule")
    return PublishedRow(method=method, label=label, rule=rule, published=published, differences=_sentences(item, where))


def _gap(item: Any, rows: tuple[PublishedRow, ...], where: str) -> Gap:
    (item,) = _tables([item], where)
    require_keys(item, where, ("worse", "better"))
    for key, label in item.items():
        _known(
            f"{key} row", (_text(label, f"{where}: {key}"),), {row.label for row in rows}, [row.label for row in rows]
        )
    return Gap(**item)


def _sentences(table: dict[str, Any], where: str) -> tuple[str, ...]:
    found = table.get("differences", [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        msg = f"{where}: differences is {found!r}; expected a list of sentences."
        raise SpecError(msg)
    return tuple(found)


def _tables(value: Any, where: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        msg = f"{where} is {value!r}; expected a list of tables."
        raise SpecError(msg)
    return value


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        msg = f"{what} is {value!r}; expected text."
        raise SpecError(msg)
    return value


def _distinct(names: tuple[str, ...], what: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"{what} {twice[0]!r} occurs twice; expected each once."
        raise SpecError(msg)


def _known(what: str, asked: tuple[str, ...], known: set[str], have: list[str]) -> None:
    for name in asked:
        if name not in known:
            msg = f"Unknown {what} {name!r}. Choose one of: {', '.join(have)}."
            raise SpecError(msg)
