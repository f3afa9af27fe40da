"""The tables of a study: every column with its type, unit and meaning; made, checked, written and read here.

Text is kept as categories, so that a table of many times stays small in memory.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from brainalign.columns import BOOLEAN, COLUMNS, MARK, NUMBER, SINGLE, TEXT, WHOLE, Column
from brainalign.errors import DataError
from brainalign.storage import write_table

#: Digits that keep every bit of a float.
EXACT = 17

_AGAIN = "Run the study again"
_MARKS = {"true": True, "1": True, "false": False, "0": False, "": None}


@dataclass(frozen=True)
class Schema:
    """A table: what a row stands for, its columns in order, and whether a study without rows of it shows nothing."""

    name: str
    row: str
    names: tuple[str, ...]
    filled: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns, in order."""
        return tuple(COLUMNS.get(f"{self.name}.{name}") or COLUMNS[name] for name in self.names)


def _schema(name: str, row: str, names: str, filled: bool = False) -> Schema:
    return Schema(name, row, tuple(names.split()), filled)


_CELL = "network dataset roi time layer measure"
_CONTRAST = (
    f"kind rule_a rule_b role_b {_CELL} delta se se_subjects se_stimuli se_seeds dof samples ci_low ci_high "
    "p p_adjusted correction family family_size n_subjects n_stimuli n_seeds scope_subjects scope_stimuli "
    "scope_seeds mde verdict margin p_equivalent equivalence "
    "var_subjects var_stimuli var_seeds var_subjects_stimuli var_stimuli_seeds var_subjects_seeds var_residual"
)
_RANK = f"{_CELL} rule mean_score rank rank_low rank_high supported"
_GATE = f"{_CELL} gate severity sentence"

#: Tables of the results folder by name; ``<name>.csv`` holds each.
TABLES: dict[str, Schema] = {
    one.name: one
    for one in (
        _schema(
            "training",
            "population member and evaluation",
            "rule network dataset seed epoch step train_loss train_accuracy val_loss val_accuracy test_loss "
            "test_accuracy feedback_angle ms_per_step population learning_rate",
            filled=True,
        ),
        _schema(
            "feedback_angles",
            "feedback weight of a population member and evaluation",
            "rule network dataset seed epoch step feedback angle",
        ),
        _schema(
            "alignment",
            "score",
            "role rule network seed checkpoint epoch layer layer_index dataset subject roi time measure score se "
            "ci_low ci_high scope floor ceiling_lower ceiling_upper normalised n_stimuli n_targets simulated final",
            filled=True,
        ),
        _schema(
            "measures",
            "measure",
            "measure kind title axis unit dissimilarity comparator held ceiling ceiling_citation sentence citation",
            filled=True,
        ),
        _schema("contrasts", "contrast", _CONTRAST),
        _schema("ranks", "rule in a cell", _RANK),
        _schema(
            "ceilings",
            "noise ceiling of a ROI, or the reason why there is none",
            "dataset roi time kind comparator subject bound ceiling_lower ceiling_upper ci_low ci_high scope reason",
        ),
        _schema("gates", "gate that fired in a cell", _GATE),
        _schema(
            "latencies",
            "moment of a time course: its peak and its onset",
            "role rule network dataset roi layer measure moment seconds se ci_low ci_high n_subjects gate",
        ),
        _schema(
            "clusters",
            "cluster of times at which two rules differ, or test that found none",
            "kind rule_a rule_b role_b network dataset roi layer measure method seconds_first seconds_last "
            "seconds_peak t delta p p_adjusted family_size n_subjects reason",
        ),
        _schema(
            "time_generalisation",
            "rule, layer, and pair of times: models fitted at one and tested at the other",
            "role rule network dataset roi layer seconds_fitted seconds_tested score se p n_subjects n_seeds",
        ),
        _schema(
            "dimensionality",
            "layer of a network under the stimuli of a recording",
            "role rule network seed dataset layer n_stimuli n_features participation_ratio uncorrected",
        ),
        _schema(
            "equal_accuracy",
            "rule, and its checkpoint of equal accuracy",
            "rule network checkpoint accuracy accuracy_end target_accuracy tolerance matched",
        ),
        _schema("contrasts_at_equal_accuracy", "contrast of rules at these checkpoints", _CONTRAST),
        _schema("ranks_at_equal_accuracy", "rule in a cell, at these checkpoints", _RANK),
        _schema("gates_at_equal_accuracy", "gate that fired in a cell there", _GATE),
        _schema("failures", "population the study went on without", "rule network role stage recording reason"),
        _schema("scorecard", "rule and probe", "rule network probe outcome lo hi pass certified evidence note seconds"),
        _schema(
            "criteria",
            "rule and criterion",
            "rule network criterion title source measured probes certified reading claimed claim_source disagrees",
        ),
    )
}

#: Tables of rules at checkpoints of equal accuracy, in the columns of those at the end.
AT_EQUAL_ACCURACY = tuple(f"{name}_at_equal_accuracy" for name in ("contrasts", "ranks", "gates"))

#: Tables that are not written where nothing filled them: of results without trainings, feedback, times, probes, or
#: what scoring was not asked for.
OPTIONAL = (
    *("training", "feedback_angles", "latencies", "clusters", "equal_accuracy", "scorecard", "criteria", "ceilings"),
    *AT_EQUAL_ACCURACY,
    *("time_generalisation", "dimensionality"),
)


# -- in memory --------------------------------------------------------------------------------------------------------


def empty(name: str) -> pd.DataFrame:
    """Return a table without rows."""
    return cast(name, pd.DataFrame(columns=list(TABLES[name].names)))


def cast(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its columns in order and their types; further columns stay behind them.

    Raises
    ------
    DataError
        If a column is missing or holds what it must not; one line that names it.
    """
    schema, file = TABLES[name], f"{name}.csv"
    missing = [column for column in schema.names if column not in table.columns]
    if missing:
        have = short(", ".join(map(str, table.columns)), 200)
        msg = f"{file!r} lacks column {missing[0]!r} (has {have}); run the study again."
        raise DataError(msg)
    more = {column: table[column] for column in table.columns if column not in schema.names}
    own = {column.name: _column(file, column, table[column.name]) for column in schema.columns}
    return pd.DataFrame({**own, **more}, index=table.index)


def joined(name: str, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of several tables as one."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return empty(name)
    columns = list(TABLES[name].names)
    if len(filled) == 1:
        return cast(name, filled[0][columns].reset_index(drop=True))
    plain = [part[columns].astype({c: object for c in columns if part[c].dtype == "category"}) for part in filled]
    return cast(name, pd.concat(plain, ignore_index=True))


def _column(file: str, column: Column, values: pd.Series) -> pd.Series:
    if column.type == TEXT:
        return _categories(values)
    if column.type in (BOOLEAN, MARK):
        return _marks(file, column, values)
    numbers = values if pd.api.types.is_numeric_dtype(values.dtype) else _numbers(file, column, values)
    if column.type in (NUMBER, SINGLE):
        return numbers.astype("float64" if column.type == NUMBER else "float32")
    known, exact = numbers.notna().to_numpy(), numbers.to_numpy("float64", na_value=np.nan)
    wrong = ~np.isfinite(exact) & (known | (column.type == WHOLE))
    _refuse(file, column, values[wrong | (np.nan_to_num(exact, posinf=0, neginf=0) % 1 != 0)], "a whole number")
    small = not known.any() or np.abs(exact[known]).max() < 2**31
    if column.type == WHOLE:
        return numbers.astype("int32" if small else "int64")
    return numbers.astype("Int32" if small else "Int64")


def _numbers(file: str, column: Column, values: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(values.astype(object), errors="coerce").astype("float64")
    nothing = values.isna() | (values.astype(object).astype(str).str.lower() == "nan")
    _refuse(file, column, values[numbers.isna() & ~nothing], "a number")
    return numbers


def _categories(values: pd.Series) -> pd.Series:
    """Return text as categories in alphabetical order, what is missing as empty text."""
    if values.dtype == "category" and not values.isna().any():
        return values.cat.set_categories(sorted(map(str, values.cat.remove_unused_categories().cat.categories)))
    text = values.astype(object).where(values.notna(), "").map(str).astype(object)
    return pd.Series(pd.Categorical(text, categories=sorted(set(text))), index=values.index, name=values.name)


def _marks(file: str, column: Column, values: pd.Series) -> pd.Series:
    if values.dtype == bool:
        return values if column.type == BOOLEAN else values.astype(object)
    words = values.astype(object).where(values.notna(), "").map(str).str.lower()
    allowed = [word for word in _MARKS if word or column.type == MARK]
    _refuse(file, column, values[~words.isin(allowed)], "true or false")
    found = pd.Series([_MARKS[word] for word in words], index=values.index, dtype=object, name=values.name)
    return found.astype(bool) if column.type == BOOLEAN else found


def _refuse(file: str, column: Column, wrong: pd.Series, expected: str) -> None:
    if len(wrong):
        what = "nothing" if pd.isna(wrong.iloc[0]) else short(wrong.tolist()[0])
        msg = f"{file!r} holds {what} in column {column.name!r}; expected {expected}. {_AGAIN}."
        raise DataError(msg)


# -- on disk ----------------------------------------------------------------------------------------------------------


def write(folder: Path, name: str, table: pd.DataFrame, digits: int = 9) -> None:
    """Write ``<name>.csv`` atomically, its columns in order; floats keep ``digits`` significant digits."""
    write_table(folder / f"{name}.csv", cast(name, table)[list(TABLES[name].names)], digits)


def read(folder: Path, name: str) -> pd.DataFrame:
    """Read what :func:`write` wrote.

    Raises
    ------
    DataError
        If the file is missing, cut, no table, without a column, or holds what it must not; or if it has no rows and a
        study without them shows nothing.
    """
    path = folder / f"{name}.csv"
    if not path.exists():
        msg = f"{path.name!r} is missing in {str(folder)!r}; expected a results folder. {_AGAIN}."
        raise DataError(msg)
    try:
        # Only an empty cell is missing: a rule, layer or region may well be called "NA" or "none".
        options: dict[str, Any] = {"keep_default_na": False, "na_values": [""]}
        kinds = {c.name: str for c in TABLES[name].columns if c.type in (TEXT, BOOLEAN, MARK)}
        table = pd.read_csv(io.BytesIO(whole(path)), dtype=kinds, **options)
    except (ValueError, OSError) as error:
        if isinstance(error, DataError):
            raise
        msg = f"Cannot read {str(path)!r} ({short(error, 80)}); expected a CSV table. {_AGAIN}."
        raise DataError(msg) from error
    table = cast(name, table)
    if TABLES[name].filled and table.empty:
        msg = f"{path.name!r} in {str(folder)!r} has no rows. {_AGAIN}."
        raise DataError(msg)
    return table


def whole(path: Path) -> bytes:
    """Return the bytes of a table; one that ends in the middle of a line is refused with a DataError."""
    content = path.read_bytes()
    if not content.endswith(b"\n"):
        how = "is cut in the middle of a line" if content.strip() else "is empty"
        msg = f"{path.name!r} in {str(path.parent)!r} {how}; expected a whole table. {_AGAIN}."
        raise DataError(msg)
    return content


def short(value: object, most: int = 40) -> str:
    """Return a value in quotes, or an error or list as it is; on one line, of printable characters, not too long."""
    plain = isinstance(value, Exception) or most > 80
    text = str(value) if plain else repr(value)
    text = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    return text if len(text) <= most else f"{text[: most - 3]}..."


# -- in the documentation ---------------------------------------------------------------------------------------------


def markdown() -> str:
    """Return two tables for the documentation: the files with their columns, and what each column holds."""
    lines = ["| file | one row per | columns |", "|---|---|---|"]
    lines += [f"| `{one.name}.csv` | {one.row} | {', '.join(one.names)} |" for one in TABLES.values()]
    lines += ["", "| column | type | unit | meaning |", "|---|---|---|---|"]
    for key, column in COLUMNS.items():
        table = key.rpartition(".")[0]
        where = f" (`{table}`)" if table else ""
        lines.append(f"| `{column.name}`{where} | {column.type} | {column.unit} | {column.meaning} |")
    return "\n".join(lines)
