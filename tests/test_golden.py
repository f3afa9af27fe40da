"""Numbers that a redesign of the brain side must not move: fixed networks against every recording."""

import json

import numpy as np
import pandas as pd
import pytest

from tests.golden.cases import CASES, FOLDER, Case, compute

#: Faults whose mending changed golden values; ``changed.json`` names one for each entry that it replaces.
FAULTS = json.loads((FOLDER / "faults.json").read_text("utf-8"))

# Low-level features are made on the spot in single precision, and machines round them differently.
TOLERANCE, LOW_LEVEL_TOLERANCE = 1e-10, 1e-5

#: Columns that say what a row is; the others are values.
KEYS = {
    "scores": ("rule", "network", "seed", "layer", "dataset", "roi", "measure", "subject"),
    "contrasts": ("kind", "rule_a", "rule_b", "network", "dataset", "roi", "measure", "layer"),
    "ranks": ("network", "dataset", "roi", "layer", "measure", "rule"),
    "gates": ("network", "dataset", "roi", "layer", "measure", "gate"),
    "draws": ("roi", "comparator", "draw", "subject", "model"),
    "variances": ("roi", "comparator", "model", "subjects", "part"),
}


def golden(case: Case, name: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"{case.name}-{name}.csv", dtype=str, keep_default_na=False)


def entries(table: pd.DataFrame, name: str) -> dict[str, str]:
    """Return every value of a table by what it is; order of rows and columns does not matter."""
    found = {}
    values = [column for column in table.columns if column not in KEYS[name]]
    for row in table.to_dict("records"):
        key = "/".join(str(row[column]) for column in KEYS[name])
        for column in values:
            entry = f"{name}/{key}/{column}"
            assert entry not in found, f"{entry} is there twice"
            found[entry] = row[column]
    return found


#: Names of measures today, and what they were called when golden values were written.
MEASURES = {
    **{f"rsa {name}": f"rsa:correlation:{name}" for name in ("spearman", "corr", "cosine", "rho-a")},
    "rsa spearman without pixels, luminance": "rsa:correlation:spearman:semipartial:pixels+luminance",
    "encoding ridge": "encoding:ridge:r",
}


def as_it_was_called(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the names and columns of golden values: roles and names of measures came later."""
    table = table.drop(columns=["role", "role_b"], errors="ignore")
    if "measure" in table:
        table = table.assign(measure=table.measure.astype(object).map(MEASURES))
    if "family" in table:
        own = zip(table.network, table.dataset, table.measure, table.family, strict=True)
        table = table.assign(family=[f"{n}, {d}, {m}: {f.rpartition(': ')[2]}" for n, d, m, f in own])
    return table


def as_text(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a table as it would be read back, with 17 digits."""
    text = table.to_csv(index=False, float_format="%.17g")
    return pd.read_csv(pd.io.common.StringIO(text), dtype=str, keep_default_na=False)


def same(found: str, expected: str, tolerance: float) -> bool:
    try:
        return bool(np.isclose(float(found), float(expected), rtol=0, atol=tolerance, equal_nan=True))
    except ValueError:
        return found == expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_numbers_are_what_they_were_or_the_fault_that_changed_them_is_named(case: Case, data_dir: str) -> None:
    changed = json.loads((FOLDER / "changed.json").read_text("utf-8")).get(case.name, {})
    tables = compute(case, data_dir)
    wrong = []
    for name, table in tables.items():
        expected = entries(golden(case, name), name)
        found = entries(as_text(as_it_was_called(table), name), name)
        for fault, replaced in changed.items():
            assert fault in FAULTS, f"{fault} is no fault that was mended"
            expected |= {entry: value for entry, value in replaced.items() if entry.partition("/")[0] == name}
        gone = {entry for entry, value in expected.items() if value == "gone"}
        expected = {entry: value for entry, value in expected.items() if entry not in gone}
        wrong += [f"{entry} is gone" for entry in expected.keys() - found.keys()]
        for entry in expected.keys() & found.keys():
            loose = "low_level" in entry or "semipartial" in entry
            if not same(found[entry], expected[entry], LOW_LEVEL_TOLERANCE if loose else TOLERANCE):
                wrong.append(f"{entry} is {found[entry]}, was {expected[entry]}")
    assert not wrong, f"{len(wrong)} entries, first: " + "\n".join(sorted(wrong)[:20])


def test_the_comparison_would_notice_a_change_of_1e_9() -> None:
    assert same("0.5", "0.50000000001", TOLERANCE)
    assert not same("0.5", "0.500000001", TOLERANCE)
    assert same("nan", "nan", TOLERANCE)
    assert not same("", "0.1", TOLERANCE)
    assert same("G2", "G2", TOLERANCE)
