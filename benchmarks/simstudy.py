"""Error rates of every shipped test in simulated worlds, with known-invalid methods beside them: ``make simstudy``.

``python -m benchmarks.simstudy [--n 1000] [--only null,power] [--again]`` appends rows to
``docs/results/simstudy.csv`` and writes ``docs/results/simstudy.md`` from it. Rows that are there are not computed
again, so that a run that stopped goes on. Each row holds its date and a hash of the code that it rests on. Rows of
other code than today's are counted at the end; ``--again`` computes them again.
"""

import argparse
import ast
import csv
import datetime
import hashlib
import inspect
import io
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from benchmarks.accuracy_studies import equal_accuracy
from benchmarks.contrast_studies import POWER, encoding, families, invalid, null, permutation, power, supported
from benchmarks.further_studies import Row, chosen_layers, coverage, latencies, measures, sign_flips, times, tost
from benchmarks.map_studies import fusion, over_times, searchlights
from benchmarks.measure_worlds import MEASURES
from benchmarks.worlds import World
from brainalign.comparisons.comparison import comparisons
from brainalign.provenance import code_hash
from brainalign.storage import write_text

FOLDER = Path(__file__).parents[1] / "docs" / "results"
COLUMNS = ("study", "world", "design", "measure", "test", "quantity", "value", "mc_error", "n", "date", "code")
KEY = COLUMNS[:4]
#: Where rules are equal: world by the scope that it is null for.
NULL = (
    World(10, 40, 5),
    World(15, 92, 3),
    World(6, 20, 3),
    World(10, 40, 5, seed_sd=0.2, subject_sd=0.1, noise=0.5),
    World(10, 40, 5, "same"),
    World(15, 92, 5, "same"),
    World(10, 40, 5, "same", noise=3.0),
    World(15, 92, 3, "same"),
    World(6, 20, 3, "same"),
    World(4, 92, 5, subject_sd=0.0),
    World(3, 92, 5, subject_sd=0.0),
    World(1, 92, 5, subject_sd=0.0),
    World(4, 92, 5, "same"),
    World(20, 16, 10, "swap"),
    World(8, 12, 5, "swap"),
    World(20, 16, 10, "same"),
    World(3, 16, 5, "swap", seed_sd=0.1, subject_sd=0.0),
)
REPEATS = tuple(
    World(3, 16, 5, kind, seed_sd=sd, subject_sd=0.0, n_repeats=r)
    for kind, sd in (("swap", 0.1), ("swap", 0.5), ("noise", 0.1))
    for r in (1, 4, 8)
)
NOISE = (
    *(
        World(*design, "noise")
        for design in ((3, 16, 5), (4, 92, 5), (3, 92, 5), (1, 92, 5), (15, 92, 3), (20, 16, 10))
    ),
    *(World(*design, "noise") for design in ((6, 20, 3), (10, 40, 5))),
    World(3, 16, 5, "noise", seed_sd=0.1),
)
#: Features of the networks beside stimuli: fewer, and more.
ENCODINGS = (World(1, 60, 3, "encoding", n_features=150), World(1, 60, 3, "encoding", n_features=12))
#: The same for every measure: more features than training stimuli, and fewer; one subject, who is fixed, and several.
FEATURES = tuple(
    World(*design, kind, n_features=p, subject_sd=0.3 if design[0] > 1 else 0.0)
    for kind, design, p in (
        ("features", (1, 60, 3), 150),
        ("features", (6, 40, 3), 150),
        ("features noise", (6, 40, 3), 150),
        ("features", (1, 60, 3), 12),
        ("features", (6, 40, 3), 12),
        ("features noise", (1, 60, 3), 150),
    )
)
#: Rules that differ by accuracy alone, and beyond it.
ACCURACIES = tuple(World(10, 40, 5, kind, seed_sd=0.2, noise=0.7) for kind in ("accuracy", "accuracy and rule"))
#: For measures that take seconds for each data set.
SMALL = (World(1, 30, 3, "features", n_features=8, subject_sd=0.0),)
#: Measures by how long they take.
CHEAP = ("linear_cka", "procrustes", "regression_rsa", "weighted_rsa")
FITTED = tuple(name for name in MEASURES if name not in CHEAP)


#: Name to function, worlds, comparators, and the share of ``--n`` that is simulated.
STUDIES: dict[str, tuple[Callable[[World, int, str], Iterator[Row]], tuple[World, ...], tuple[str, ...], float]] = {
    "null": (null, NULL, ("corr",), 1.0),
    "null of ranks": (null, (NULL[0], NULL[4], NULL[9]), ("spearman",), 0.3),
    "power": (power, POWER, ("corr",), 1.0),
    "measurement": (supported, REPEATS, ("corr",), 0.5),
    "noise only": (supported, NOISE, ("corr",), 0.5),
    "permutation": (permutation, (World(4, 20, 1, "noise"),), ("corr",), 0.5),
    "families": (families, (World(10, 40, 5), World(4, 92, 5, subject_sd=0.0)), ("corr",), 0.4),
    "encoding": (encoding, ENCODINGS, ("encoding ridge",), 0.25),
    "coverage": (coverage, (World(10, 40, 5, "gap"), World(15, 92, 3, "gap"), World(6, 20, 3, "gap")), ("corr",), 0.5),
    "equivalence": (tost, (World(10, 40, 5), World(15, 92, 3)), ("corr",), 0.5),
    "times": (times, (World(10, 40, 5), World(6, 20, 3)), ("corr",), 0.2),
    "sign flips": (sign_flips, (World(6, 20, 1), World(10, 20, 1), World(15, 20, 1)), ("scores",), 1.0),
    "latencies": (
        latencies,
        (
            *(World(10, 20, 1), World(20, 20, 1), World(40, 20, 1, noise=2.0), World(20, 20, 1, noise=0.3)),
            World(20, 24, 1, "stimuli", noise=0.3),
        ),
        ("scores",),
        0.1,
    ),
    "measures": (measures, FEATURES, CHEAP, 0.2),
    # Regularised CCA takes a minute for each data set of these worlds; it stands among measures of few stimuli.
    "fitted measures": (measures, FEATURES[:4], tuple(name for name in FITTED if name != "cca"), 0.05),
    "measures of few stimuli": (measures, SMALL, FITTED, 0.2),
    "layer choice": (
        chosen_layers,
        (World(1, 30, 3, "features noise", n_features=8, subject_sd=0.0),),
        ("layer_choice",),
        0.06,
    ),
    "searchlights": (searchlights, (World(6, 12, 1, "noise"),), ("spearman",), 0.15),
    "fusion": (fusion, (World(4, 16, 1, "noise"),), ("spearman",), 0.5),
    "tests over times": (over_times, (World(8, 20, 1),), ("scores",), 0.2),
    "equal accuracy": (equal_accuracy, ACCURACIES, ("corr",), 1.0),
    "invalid methods": (invalid, (NULL[0], NULL[2], NULL[4], NULL[9], NULL[10]), ("corr",), 0.3),
}


def name_of(world: World, scored: str = "") -> str:
    if scored == "scores":
        return f"time courses of subjects{' and stimuli' * (world.kind == 'stimuli')}, noise {world.noise:g}"
    if world.kind.startswith(("encoding", "features")):
        kind = world.kind.removeprefix("features").strip() or "equal rules"
        return f"{kind}, {world.n_features} features"
    text = f"{world.kind}, seeds {world.seed_sd:g}, subjects {world.subject_sd:g}, noise {world.noise:g}"
    return text + (f", {world.n_repeats} repeats" if world.n_repeats > 1 else "")


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the stored rows."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def asked(only: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], World, str]]:
    """Return the key, the world and the comparator of what ``make simstudy`` computes."""
    for study, (_, worlds, comparators, _) in STUDIES.items():
        for world in worlds if not only or study in only else ():
            for comparator in comparators:
                plain = comparator.startswith(("encoding", "scores", *MEASURES))
                measure = comparator if plain else f"rsa {comparator}"
                yield (study, name_of(world, comparator), world.design, measure), world, comparator


def run(path: Path, n: int, only: tuple[str, ...] = (), again: bool = False) -> None:
    """Compute what is missing, world by world, and append it; ``again`` also what rests on other code."""
    done, old = {_key(row) for row in rows_of(path)}, outdated(path, only)
    for key, world, comparator in asked(only):
        if key in done and not (again and key in old):
            continue
        function, _, _, part = STUDIES[key[0]]
        started, size = time.perf_counter(), max(20, int(part * n))
        found = list(function(world, size, comparator))
        made = datetime.date.today().isoformat(), code_of(key[0], comparator)
        rows = [(*key, *text.rsplit(": ", 1), value, error, size, *made) for text, value, error in _split(found)]
        stored = rows_of(path)
        kept = [row for row in stored if _key(row) != key]
        place = next((k for k, row in enumerate(stored) if _key(row) == key), len(kept))
        new = [dict(zip(COLUMNS, map(_text, row), strict=True)) for row in rows]
        write_rows(path, [*kept[:place], *new, *kept[place:]])
        seconds = time.perf_counter() - started
        print(f"{' | '.join(key)}: {found} ({seconds:.0f} s)", file=sys.stderr, flush=True)
    if left := outdated(path, only):
        print(
            f"Rows of {len(left)} worlds rest on other code than today's; --again computes them again.", file=sys.stderr
        )


def outdated(path: Path, only: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Return the keys whose rows rest on other code than today's, or do not say on which."""
    today = {key: code_of(key[0], comparator) for key, _, comparator in asked(only)}
    return {_key(row) for row in rows_of(path) if row["code"] != today.get(_key(row), row["code"])}


def _key(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in KEY)


@cache
def code_of(study: str, comparator: str) -> str:
    """Return a hash of what a study rests on: its own file, those it imports, and all of the package that they use.

    A measure that is found by its name counts with its module. A file that imports the package as a whole rests on all
    of it.
    """
    files, modules = set[Path](), set[str]()
    _follow(Path(inspect.getfile(STUDIES[study][0])), files, modules)
    if comparator in comparisons():
        modules.add(comparisons()[comparator].__module__)
    package = code_hash() if "brainalign" in modules else code_hash(*sorted(modules))
    trees = (ast.dump(ast.parse(file.read_text("utf-8"))) for file in sorted(files))
    return hashlib.sha256("\n".join([package, *trees]).encode()).hexdigest()[:16]


def _follow(file: Path, files: set[Path], modules: set[str]) -> None:
    """Collect the files of this folder and the modules of the package that a file imports."""
    if file in files:
        return
    files.add(file)
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            if name.startswith("benchmarks."):
                _follow(Path(__file__).with_name(f"{name.removeprefix('benchmarks.')}.py"), files, modules)
            elif name.split(".")[0] == "brainalign":
                modules.add(name)


def _split(found: list[Row]) -> list[Row]:
    return [(text if ": " in text else f"{text}: share", value, error) for text, value, error in found]


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    """Write all rows, at once."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, file.getvalue())


def page(path: Path) -> str:
    """Return the page of the stored rows."""
    lines = [
        "# Simulation study of inference",
        "",
        "Written by `make simstudy` from `simstudy.csv`. Each row is a rate or a ratio over `n` simulated data sets,",
        "with its Monte-Carlo error. Designs are subjects x stimuli x seeds. Subjects are random from 6 on, stimuli",
        "from 20, seeds from 3. Where neither subjects nor stimuli are random and there are no repeats there is no",
        "test, and the rate is 0. Two rules are equal in every world but those of power. Methods marked INVALID are",
        "not part of the package: they show that the worlds catch a test that is wrong. `benchmarks/worlds.py` says",
        "what the worlds are, `benchmarks/measure_worlds.py` those of the measures beside RSA. Intervals of latencies",
        "are those of the times that are not significantly below another. They hold the true one in .95 or more, and",
        "are wide where scores are noisy. Under *Equal accuracy* rules learn at other speeds: by accuracy alone they",
        "differ at the end and not at checkpoints of equal accuracy, and a difference beyond accuracy is found there.",
        "",
        _when(rows_of(path)),
    ]
    for study in dict.fromkeys(row["study"] for row in rows_of(path)):
        lines += [
            "",
            f"## {study.capitalize()}",
            "",
            "| world | design | measure | test | quantity | value | error | n |",
        ]
        lines.append("|---|---|---|---|---|---|---|---|")
        for row in (row for row in rows_of(path) if row["study"] == study):
            own = [row[name] for name in COLUMNS[1:6]] + [f"{float(row[name]):.3f}" for name in COLUMNS[6:8]]
            lines.append(f"| {' | '.join([*own, row['n']])} |")
    return "\n".join(lines) + "\n"


def _when(rows: list[dict[str, str]]) -> str:
    dates, known = sorted({row["date"] for row in rows}), sum(bool(row["code"]) for row in rows)
    return (
        f"Computed {dates[0]} to {dates[-1]}. {known} of {len(rows)} rows hold the hash of the code that they rest on "
        "(column `code` of the table); the others were computed before it was kept."
    )


def main() -> None:
    """Run the study and write its page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=2000, help="simulated data sets of the largest studies")
    parser.add_argument("--only", default="", help="studies, separated by commas")
    parser.add_argument("--again", action="store_true", help="also compute rows of other code again")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of simstudy.csv and simstudy.md")
    given = parser.parse_args()
    path = given.out / "simstudy.csv"
    try:
        run(path, given.n, tuple(name for name in given.only.split(",") if name), given.again)
    finally:
        if path.exists():
            (given.out / "simstudy.md").write_text(page(path), encoding="utf-8")


if __name__ == "__main__":
    main()
