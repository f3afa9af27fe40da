"""Tables: every column is known, text is categories, what cannot be is refused, and the documentation says the same."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from brainalign import tables
from brainalign.columns import COLUMNS, ROLES
from brainalign.comparisons.comparison import comparisons
from brainalign.comparisons.description import Description
from brainalign.comparisons.rsa import RSA
from brainalign.errors import DataError
from brainalign.report.figure import figures

ROOT = Path(__file__).parents[1]


def _failures() -> pd.DataFrame:
    columns = list(tables.TABLES["failures"].names)
    return pd.DataFrame([("stdp", "mlp", "trained", "training", "", 'a "reason", with a comma')], columns=columns)


def test_every_column_of_every_table_is_described_and_every_description_is_used() -> None:
    used = {COLUMNS.get(f"{one.name}.{name}", COLUMNS[name]) for one in tables.TABLES.values() for name in one.names}
    assert used == set(COLUMNS.values())
    assert all(column.meaning for column in COLUMNS.values())


def test_the_documentation_is_generated_from_the_columns() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert tables.markdown() in text, "run python -c 'from brainalign import tables; print(tables.markdown())'"


@pytest.mark.parametrize("name", list(tables.TABLES))
def test_a_table_without_rows_keeps_its_types_in_a_file(name: str, tmp_path: Path) -> None:
    found = tables.empty(name)
    assert tuple(found.columns) == tables.TABLES[name].names
    tables.write(tmp_path, name, found)
    if tables.TABLES[name].filled:
        with pytest.raises(DataError, match="has no rows"):
            tables.read(tmp_path, name)
    else:
        pd.testing.assert_frame_equal(tables.read(tmp_path, name), found, check_categorical=False)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    written = tables.cast("failures", _failures())
    tables.write(tmp_path, "failures", _failures()[[*reversed(_failures().columns)]])
    pd.testing.assert_frame_equal(tables.read(tmp_path, "failures"), written)


def test_rows_of_several_tables_are_one_table_with_the_categories_of_all() -> None:
    parts = [tables.cast("failures", _failures().assign(rule=rule)) for rule in ("b", "a")]
    found = tables.joined("failures", [tables.empty("failures"), *parts])
    assert list(found.rule) == ["b", "a"]
    assert list(found.rule.cat.categories) == ["a", "b"]
    assert tables.joined("failures", []).empty


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("score", "much", "holds 'much' in column 'score'; expected a number"),
        ("n_stimuli", 1.5, "holds 1.5 in column 'n_stimuli'; expected a whole number"),
        ("n_stimuli", None, "holds nothing in column 'n_stimuli'; expected a whole number"),
        ("seed", 0.5, "holds 0.5 in column 'seed'; expected a whole number"),
        ("final", "maybe", "holds 'maybe' in column 'final'; expected true or false"),
    ],
)
def test_a_cell_that_cannot_be_is_refused(column: str, value: object, message: str) -> None:
    table = _scores(1, 1).astype({column: object}).assign(**{column: value})
    with pytest.raises(DataError, match=re.escape(message)):
        tables.cast("alignment", table)


def test_a_missing_column_is_refused() -> None:
    with pytest.raises(DataError, match=r"'failures.csv' lacks column 'role' \(has rule, "):
        tables.cast("failures", _failures().drop(columns="role"))


def test_a_seed_beyond_32_bits_keeps_its_value() -> None:
    found = tables.cast("alignment", _scores(1, 1).assign(seed=2**40))
    assert list(found.seed) == [2**40]


def _scores(n_times: int, n_subjects: int) -> pd.DataFrame:
    """Return score rows as plain text and numbers: 4 rules, 5 seeds, 4 layers where there are several times."""
    few = n_times == 1
    place = pd.MultiIndex.from_product(
        [
            [f"rule {k}" for k in range(1 if few else 4)],
            range(1 if few else 5),
            [f"layer {k}" for k in range(1 if few else 4)],
            [f"subject {k}" for k in range(n_subjects)],
            np.arange(n_times) / 1000,
        ],
        names=["rule", "seed", "layer", "subject", "time"],
    )
    rows = place.to_frame(index=False)
    rows["score"] = np.random.default_rng(0).standard_normal(len(rows))
    return rows.assign(
        role="trained", network="cnn", checkpoint=100, epoch=1.0, layer_index=0, dataset="eeg", roi="all",
        measure="rsa spearman", se=0.01, ci_low=0.0, ci_high=0.4, scope="stimuli", floor=0.1, ceiling_lower=0.2,
        ceiling_upper=0.3, normalised=0.5, n_stimuli=92, n_targets=0, simulated=False, final=True,
    )  # fmt: skip


def test_a_table_of_300_times_is_small_in_memory() -> None:
    plain = _scores(300, 15)
    assert len(plain) == 360_000
    found = tables.cast("alignment", plain)
    size = found.memory_usage(deep=True, index=False)
    text = [column.name for column in tables.TABLES["alignment"].columns if column.type == "text"]
    assert size[text].sum() < 3.9e6  # a byte a cell, and two where there are more than 127 names
    assert size.sum() < 36e6
    assert plain[text].astype(object).memory_usage(deep=True, index=False).sum() > 120e6
    again = tables.joined("alignment", [found, found.iloc[:0]])
    assert again.memory_usage(deep=True, index=False).sum() < 36e6


# -- measures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(comparisons()))
def test_every_measure_describes_itself_as_a_row_that_is_read_back(name: str, tmp_path: Path) -> None:
    about = comparisons()[name]().describe()
    assert about.kind == comparisons()[name].kind
    tables.write(tmp_path, "measures", pd.DataFrame([about.row()]))
    (row,) = tables.read(tmp_path, "measures").to_dict("records")
    assert Description.from_row(row) == about


def test_variants_of_a_measure_have_names_of_their_own() -> None:
    held = ("pixels", "luminance")
    variants = [
        RSA(),
        RSA("squared_euclidean"),
        RSA(comparator="corr"),
        RSA(partial=held),
        RSA(partial=held, semi=True),
    ]
    names = [one.describe().measure for one in variants]
    assert len(set(names)) == 5
    assert names[-1] == "rsa spearman without pixels, luminance"
    assert variants[-1].describe().held == held
    assert variants[-1].describe().title == "RSA score (semipartial Spearman ρ given pixels and luminance)"
    assert variants[-2].describe().axis == "RSA score (partial Spearman ρ)"


def test_no_name_of_a_measure_is_known_outside_its_file() -> None:
    names = "|".join(comparisons())
    quoted = re.compile(rf"[\"']({names})[\"' :|]")
    own = {f"comparisons/{name}.py" for name in comparisons()} | {"specs.py"}
    own |= {"comparisons/nested_folds.py"}  # names a random stream, which may not change
    package = ROOT / "brainalign"
    rooms = ("alignment", "comparisons", "inference", "report")
    files = [path for room in rooms for path in (package / room).rglob("*.py")]
    files += [package / "study.py", package / "study_checks.py"]
    found = [
        f"{path.relative_to(package)}: {line.strip()}"
        for path in files
        if str(path.relative_to(package)) not in own
        for line in path.read_text("utf-8").splitlines()
        if quoted.search(line)
    ]
    assert found == []


def test_no_label_is_taken_apart() -> None:
    parsed = re.compile(
        r"split\([\"'][|][\"']|partition\([\"'][|:][\"']|removeprefix\([\"']untrained|startswith\([\"']rsa"
    )
    rooms = ("alignment", "comparisons", "inference", "report")
    files = [path for room in rooms for path in (ROOT / "brainalign" / room).rglob("*.py")]
    assert [path.name for path in files if parsed.search(path.read_text("utf-8"))] == []


def test_roles_are_what_the_column_says() -> None:
    assert all(f"`{role}`" in COLUMNS["role"].meaning for role in ROLES)


def test_figures_need_columns_that_there_are() -> None:
    assert len(figures()) >= 12
    for name, figure in figures().items():
        for table, columns in figure.needs.items():
            assert set(columns) <= set(tables.TABLES[table].names), name
