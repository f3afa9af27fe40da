"""Error rates of every shipped test in simulated worlds, with known-invalid methods beside them: ``make simstudy``.

``python -m benchmarks.simstudy [--n 1000] [--only null,power]`` appends rows to ``docs/results/simstudy.csv`` and
writes ``docs/results/simstudy.md`` from it. Rows that are there are not computed again, so that a run that stopped goes
on.
"""

import argparse
import csv
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats

from benchmarks.accuracy_studies import equal_accuracy
from benchmarks.encoding_worlds import layers_and_responses, scored
from benchmarks.further_studies import (
    ALPHA,
    Row,
    chosen_layers,
    contrast_of,
    coverage,
    latencies,
    measures,
    scope_of,
    share,
    sign_flips,
    times,
    tost,
)
from benchmarks.map_studies import fusion, over_times, searchlights
from benchmarks.measure_worlds import MEASURES
from benchmarks.worlds import World, cell, left_out, rdms, stream
from brainalign.inference.contrast import contrast
from brainalign.inference.gates import judge, judge_family
from brainalign.inference.permutation import permutation_test
from brainalign.rdms import RDMs
from brainalign.resampling.pairs_bootstrap import bootstrap_pairs

FOLDER = Path(__file__).parents[1] / "docs" / "results"
COLUMNS = ("study", "world", "design", "measure", "test", "quantity", "value", "mc_error", "n")
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
#: Power where the error is known, as a share of which power is asked for: gaps in true standard errors.
POWER = (World(10, 40, 5, "same"), World(15, 92, 5, "same"), World(10, 40, 5, "same", noise=3.0))
KNOWN = (0.795, 0.767, 0.463)
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


def null(world: World, n: int, comparator: str) -> Iterator[Row]:
    """False positives of the contrast, and how its error compares with the true one."""
    found = [contrast_of(world, left_out(world, k, comparator)) for k in range(n)]
    delta = np.array([one.delta for one in found])
    yield "leave one out: p < .05", *share(np.array([one.p < ALPHA for one in found]))
    variances = np.array([one.se**2 for one in found])
    if np.isfinite(variances).all():
        ratio = float(np.sqrt(variances.mean()) / delta.std(ddof=1))
        yield "leave one out: standard error over true", ratio, ratio / np.sqrt(2 * n)


def invalid(world: World, n: int, comparator: str) -> Iterator[Row]:
    """The bootstrap, and methods that are known to be invalid, on the same data."""
    del comparator
    hits = []
    rows = np.arange(world.n_seeds)
    for k in range(n):
        models, subjects, _ = rdms(world, stream(world, k))
        draws = bootstrap_pairs(models, subjects, "corr", 200, seed=k)
        difference = draws.observed[rows] - draws.observed[rows + world.n_seeds]
        entry = _entry_bootstrap(models, subjects, np.random.default_rng(k))
        hits.append((
            contrast(draws, rows, rows + world.n_seeds, scope_of(world)).p,
            stats.ttest_1samp(difference.mean(axis=0), 0).pvalue if world.n_subjects > 1 else np.nan,
            stats.ttest_1samp(difference.mean(axis=1), 0).pvalue,
            2 * stats.norm.sf(abs(difference.mean()) / entry),
        ))  # fmt: skip
    names = ("bootstrap", "INVALID subject t test", "INVALID seeds as sample", "INVALID bootstrap of RDM entries")
    for name, p in zip(names, np.array(hits).T, strict=True):
        if np.isfinite(p).any():
            yield f"{name}: p < .05", *share(p < ALPHA)


def encoding(world: World, n: int, comparator: str) -> Iterator[Row]:
    """False positives of encoding scores of one subject: with and without the variance of the training stimuli."""
    del comparator
    rows, scope, found = np.arange(world.n_seeds), scope_of(world), []
    for k in range(n):
        layers, responses = layers_and_responses(world.n_stimuli, world.n_features, world.n_seeds, stream(world, k))
        draws = scored(layers, responses, "leave_one_out")
        boot = scored(layers, responses, "bootstrap", k)
        without = replace(draws, training=None)
        difference = (draws.observed[rows] - draws.observed[rows + world.n_seeds]).mean(axis=1)
        tests = [contrast(one, rows, rows + world.n_seeds, scope) for one in (draws, without, boot)]
        seeds = stats.ttest_1samp(difference, 0).pvalue
        found.append([*(one.p for one in tests), seeds, *(one.se**2 for one in tests), difference.mean()])
    table = np.array(found)
    names = ("leave one out", "leave one out, training set left out (not shipped)", "bootstrap")
    for place, name in enumerate((*names, "INVALID seeds as sample")):
        yield f"{name}: p < .05", *share(table[:, place] < ALPHA)
    for place, name in enumerate(names):
        ratio = float(np.sqrt(table[:, 4 + place].mean()) / table[:, 7].std(ddof=1))
        yield f"{name}: standard error over true", ratio, ratio / np.sqrt(2 * n)


def power(world: World, n: int, comparator: str) -> Iterator[Row]:
    """Power at the gap where a test with the true error has that of ``KNOWN``, and at four true standard errors."""
    found = [contrast_of(world, left_out(world, k, comparator)) for k in range(n)]
    delta, se, dof = (np.array([getattr(one, name) for one in found]) for name in ("delta", "se", "dof"))
    true = delta.std(ddof=1)
    known = KNOWN[POWER.index(world)]
    for name, gap in (
        (f"gap found with power {known} if the error were known", stats.norm.ppf(known) + 1.96),
        ("gap of four true standard errors", 4.0),
    ):
        yield f"leave one out: power, {name}", *share(2 * stats.t.sf(abs(delta + gap * true) / se, dof) < ALPHA)


def supported(world: World, n: int, comparator: str) -> Iterator[Row]:
    """How often a ranking of two rules is supported, and p below .05."""
    cells = [cell(world, left_out(world, k, comparator)) for k in range(n)]
    yield "ranking supported", *share(np.array([judge(one).supported for one in cells]))
    yield "leave one out: p < .05", *share(np.array([one.contrasts["a", "b"].p < ALPHA for one in cells]))


def permutation(world: World, n: int, comparator: str) -> Iterator[Row]:
    """One model against brains that know nothing of it: permuted stimulus labels, and permuted entries."""
    hits = []
    for k in range(n):
        rng = stream(world, k)
        models, subjects, _ = rdms(world, rng)
        ids = tuple(map(str, range(world.n_stimuli)))
        found = permutation_test(RDMs(models[:1], ids, "model"), RDMs(subjects, ids, "brain"), comparator, 199, k)
        brain = subjects.mean(axis=0)
        r = np.corrcoef(models[0], brain)[0, 1]
        entries = np.array([np.corrcoef(models[0], rng.permutation(brain))[0, 1] for _ in range(199)])
        hits.append((found.p[0], (1 + (entries >= r).sum()) / 200))
    names = "stimulus-label permutation", "INVALID permutation of RDM entries"
    for name, p in zip(names, np.array(hits).T, strict=True):
        yield f"{name}: p <= .05", *share(p <= ALPHA)


def families(world: World, n: int, comparator: str) -> Iterator[Row]:
    """Rank sets of four layers at which two rules are equal: a wrong order in some layer, judged apart and together."""
    apart, together = [], []
    for k in range(n):
        cells = {layer: cell(world, left_out(world, 4 * k + layer, comparator)) for layer in range(4)}
        wrong = lambda found: any(item.rank_low == item.rank_high for one in found for item in one.ranks)  # noqa: E731
        apart.append(wrong([judge(one) for one in cells.values()]))
        together.append(wrong(list(judge_family(cells).values())))
    yield "rank sets judged layer by layer (not shipped): wrong in a layer", *share(np.array(apart))
    yield "rank sets of the family: wrong in a layer", *share(np.array(together))


def _entry_bootstrap(models: np.ndarray, subjects: np.ndarray, rng: np.random.Generator) -> float:
    """Return the error from resampling RDM entries as if they were independent: wrong on purpose."""
    n, found = len(models) // 2, []
    for _ in range(50):
        entries = rng.integers(0, models.shape[1], models.shape[1])
        r = np.corrcoef(models[:, entries], subjects[:, entries])[: len(models), len(models) :].mean(axis=1)
        found.append(r[:n].mean() - r[n:].mean())
    return float(np.std(found, ddof=1))


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
    "fitted measures": (measures, FEATURES[:4], FITTED, 0.05),
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


def run(path: Path, n: int, only: tuple[str, ...] = ()) -> None:
    """Compute what is missing, world by world, and append it."""
    done = {(row["study"], row["world"], row["design"], row["measure"]) for row in rows_of(path)}
    path.parent.mkdir(parents=True, exist_ok=True)
    for study, (function, worlds, comparators, part) in STUDIES.items():
        for world in worlds if not only or study in only else ():
            for comparator in comparators:
                plain = comparator.startswith(("encoding", "scores", *MEASURES))
                measure = comparator if plain else f"rsa {comparator}"
                key = study, name_of(world, comparator), world.design, measure
                if key in done:
                    continue
                started, size = time.perf_counter(), max(20, int(part * n))
                found = list(function(world, size, comparator))
                append(
                    path, [(*key, *text.rsplit(": ", 1), value, error, size) for text, value, error in _split(found)]
                )
                seconds = time.perf_counter() - started
                print(f"{' | '.join(key)}: {found} ({seconds:.0f} s)", file=sys.stderr, flush=True)


def _split(found: list[Row]) -> list[Row]:
    return [(text if ": " in text else f"{text}: share", value, error) for text, value, error in found]


def append(path: Path, rows: list[tuple[object, ...]]) -> None:
    """Add rows of one world at once."""
    new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(COLUMNS)
        writer.writerows([
            [f"{value:.4g}" if isinstance(value, float) else value for value in row] for row in rows
        ])  # fmt: skip


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


def main() -> None:
    """Run the study and write its page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=2000, help="simulated data sets of the largest studies")
    parser.add_argument("--only", default="", help="studies, separated by commas")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of simstudy.csv and simstudy.md")
    asked = parser.parse_args()
    path = asked.out / "simstudy.csv"
    try:
        run(path, asked.n, tuple(name for name in asked.only.split(",") if name))
    finally:
        if path.exists():
            (asked.out / "simstudy.md").write_text(page(path), encoding="utf-8")


if __name__ == "__main__":
    main()
