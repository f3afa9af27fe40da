"""Files that travel with the package: studies, presets, tables of published results, credit networks."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brainalign.errors import SpecError, nearest

_PACKAGE = Path(__file__).parent


def shipped_folder(kind: str) -> Path:
    """Return the folder of the shipped files of a kind (``"analyses"``), as installed or beside the package."""
    inside = _PACKAGE / "shipped_files" / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind


def names_in(folder: Path, suffix: str = ".toml") -> tuple[str, ...]:
    """Return the names of the files of a folder that end in ``suffix``, without it."""
    return tuple(sorted(path.stem for path in folder.glob(f"*{suffix}")))


def find_file(name: str, folder: Path, what: str, suffix: str = ".toml") -> Path:
    """Return the path that ``name`` means: a path of a file ending in ``suffix``, or the name of one in ``folder``.

    Raises
    ------
    SpecError
        If there is no such name; the message lists those there are.
    """
    if name.endswith(suffix) or os.sep in name:
        return Path(name)
    names = names_in(folder, suffix)
    if name not in names:
        those = f"{', '.join(names) or 'none'}.{nearest(name, names)}"
        msg = f"Unknown {what} {name!r}. Give the path of a {suffix} file, or one of: {those}"
        raise SpecError(msg)
    return folder / f"{name}{suffix}"


def read_toml(path: str | Path, what: str) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    SpecError
        If it cannot be read or is not TOML, in one line.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"Cannot read {what} {str(path)!r}: {error.strerror}. Give the path of a .toml file."
        raise SpecError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        remedy = "Mend that line: text stands in quotes, 0.7 has its zero."
        msg = f"{what.capitalize()} {str(path)!r} is not valid TOML: {error}. {remedy}"
        raise SpecError(msg) from error


def known_keys(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    """Raise :class:`SpecError` naming the first key of ``table`` that is unknown, those there are and the nearest."""
    for key in table:
        if key not in known:
            msg = f"{where}: unknown key {key!r}. Choose one of: {', '.join(known)}.{nearest(key, known)}"
            raise SpecError(msg)


def require_keys(table: Mapping[str, Any], where: str, needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    """Raise :class:`SpecError` naming the first key of ``table`` that is unknown, or needed and missing."""
    known_keys(table, (*needed, *optional), where)
    for key in needed:
        if key not in table:
            msg = f"{where}: {key!r} is missing; expected {', '.join(needed)}."
            raise SpecError(msg)
