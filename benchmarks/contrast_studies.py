"""Studies of the contrast of two rules: false positives, power, gates, and methods that are known to be invalid."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import stats

from benchmarks.encoding_worlds import layers_and_responses, scored
from benchmarks.further_studies import ALPHA, Row, contrast_of, scope_of, share
from benchmarks.worlds import World, cell, left_out, rdms, stream
from brainalign.inference.contrast import contrast
from brainalign.inference.gates import judge, judge_family
from brainalign.inference.permutation import permutation_test
from brainalign.rdms import RDMs
from brainalign.resampling.pairs_bootstrap import bootstrap_pairs

#: Power where the error is known, as a share of which power is asked for: gaps in true standard errors.
POWER = (World(10, 40, 5, "same"), World(15, 92, 5, "same"), World(10, 40, 5, "same", noise=3.0))
KNOWN = (0.795, 0.767, 0.463)


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
