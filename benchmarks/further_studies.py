"""Studies of measures beside RSA, and of tests beside the contrast, for ``benchmarks.simstudy``."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import stats

from benchmarks.measure_worlds import choosing, measured
from benchmarks.worlds import World, cell, condensed, left_out, stream
from brainalign.condensed import Condensed
from brainalign.inference.contrast import Contrast, contrast
from brainalign.inference.equivalence import equivalence
from brainalign.inference.estimate import estimate_score
from brainalign.inference.gates import judge
from brainalign.inference.latency import latency
from brainalign.inference.max_t import max_t
from brainalign.inference.scope import Scope, resolve_scope
from brainalign.inference.sign_flip import sign_flip_test
from brainalign.inference.student import t_test
from brainalign.resampling.left_out import units_of
from brainalign.resampling.linear_pairs import LinearPairs
from brainalign.resampling.score_draws import ScoreDraws

ALPHA = 0.05

Row = tuple[str, float, float]


def share(hits: np.ndarray) -> tuple[float, float]:
    """Return a rate and its Monte-Carlo error; that of none or all is taken at one hit or miss."""
    rate, n = float(np.mean(hits)), len(hits)
    near = min(max(rate, 1 / n), 1 - 1 / n)
    return rate, float(np.sqrt(near * (1 - near) / n))


def scope_of(world: World) -> Scope:
    """Return what is random: subjects, unless there is one."""
    asked = {} if world.n_subjects > 1 else {"subjects": "fixed"}
    return resolve_scope(asked, world.n_subjects, world.n_stimuli, world.n_seeds)


def contrast_of(world: World, draws: ScoreDraws) -> Contrast:
    """Return the contrast of the two rules."""
    rows = np.arange(world.n_seeds)
    return contrast(draws, rows, rows + world.n_seeds, scope_of(world))


def measures(world: World, n: int, name: str) -> Iterator[Row]:
    """False positives of a measure in the path of a study; in noise also how often a ranking is supported."""
    drawn = [measured(name, world, stream(world, k)) for k in range(n)]
    yield from _rates("leave one out", [contrast_of(world, one) for one in drawn])
    if all(one.training is not None and (one.training != one.observed).any() for one in drawn):
        without = [contrast_of(world, replace(one, training=None)) for one in drawn]
        yield from _rates("leave one out, training set left out (not shipped)", without)
    if world.kind.endswith("noise"):
        judged = [judge(cell(world, one, scope_of(world))) for one in drawn]
        yield "ranking supported", *share(np.array([one.supported for one in judged]))


def _rates(name: str, found: list[Contrast]) -> Iterator[Row]:
    yield f"{name}: p < .05", *share(np.array([one.p < ALPHA for one in found]))
    variances, delta = np.array([one.se**2 for one in found]), np.array([one.delta for one in found])
    if np.isfinite(variances).all():
        ratio = float(np.sqrt(variances.mean()) / delta.std(ddof=1))
        yield f"{name}: standard error over true", ratio, ratio / np.sqrt(2 * len(found))


def chosen_layers(world: World, n: int, name: str) -> Iterator[Row]:
    """Networks of four layers and brains of noise: a mean score above 0 at the layer that is chosen."""
    del name
    scope, rows, hits, means = scope_of(world), range(world.n_seeds), [], []
    for k in range(n):
        found = [estimate_score(one, rows, scope) for one in choosing(world, stream(world, k))]
        hits.append([one.mean > 0 and t_test(one.mean, one.se, one.dof) / 2 < ALPHA for one in found])
        means.append([one.mean for one in found])
    names = "leave one out, layer chosen in training stimuli", "INVALID layer chosen on the stimuli that are scored"
    for place, (hit, mean) in enumerate(zip(np.array(hits).T, np.array(means).T, strict=True)):
        yield f"{names[place]}: p < .05", *share(hit)
        yield f"{names[place]}: mean score", float(mean.mean()), float(mean.std(ddof=1) / np.sqrt(n))


def coverage(world: World, n: int, comparator: str) -> Iterator[Row]:
    """How often intervals hold the true difference, and rank sets the true ranks, of two rules that differ."""
    drawn = [left_out(world, k, comparator) for k in range(n)]
    found = [contrast_of(world, one) for one in drawn]
    true = float(np.mean([one.delta for one in found]))
    inside = [one.ci_low <= true <= one.ci_high for one in found]
    yield "95 % interval: holds the true difference", *share(np.array(inside))
    places = {"a": 1, "b": 2} if true > 0 else {"a": 2, "b": 1}
    ranks = [judge(cell(world, one)).ranks for one in drawn]
    held = [all(item.rank_low <= places[item.rule] <= item.rank_high for item in one) for one in ranks]
    yield "rank sets: hold the true ranks", *share(np.array(held))


def tost(world: World, n: int, comparator: str) -> Iterator[Row]:
    """Two one-sided tests: how often rules that differ by the margin, or not at all, are called equivalent."""
    found = [contrast_of(world, left_out(world, k, comparator)) for k in range(n)]
    true = float(np.std([one.delta for one in found], ddof=1))
    for factor in (3.0, 5.0):
        margin = factor * true
        at = [equivalence(_shifted(one, margin), margin).p < ALPHA for one in found]
        none = [equivalence(one, margin).p < ALPHA for one in found]
        yield f"TOST at a difference of the margin, {factor:g} true errors: p < .05", *share(np.array(at))
        yield f"TOST without a difference, margin {factor:g} true errors: power", *share(np.array(none))


def _shifted(one: Contrast, by: float) -> Contrast:
    return replace(one, delta=one.delta + by, ci_low=one.ci_low + by, ci_high=one.ci_high + by)


def times(world: World, n: int, comparator: str) -> Iterator[Row]:
    """Two rules that are equal at each of eight times: a difference at some time, by the largest t and apart."""
    del comparator
    scope, rows = scope_of(world), np.arange(world.n_seeds)
    together, apart = [], []
    for k in range(n):
        cells = _course(world, stream(world, k))
        together.append(np.nanmin(max_t(cells, rows, rows + world.n_seeds, scope, 1000)) < ALPHA)
        apart.append(min(contrast_of(world, one).p for one in cells) < ALPHA)
    yield "max-T over 8 times: p < .05", *share(np.array(together))
    yield "INVALID each time apart: p < .05", *share(np.array(apart))


def _course(world: World, rng: np.random.Generator, n_times: int = 8) -> list[ScoreDraws]:
    k, d = world.n_stimuli, world.n_features
    blocks = rng.standard_normal((2, k, d))
    gains = 1 + world.subject_sd * rng.standard_normal((world.n_subjects, 2))
    signal = np.concatenate([gains[:, b, None, None] * blocks[b] for b in range(2)], axis=2)
    models = np.stack([
        condensed(blocks[rule] @ (np.eye(d) + world.seed_sd * rng.standard_normal((d, d))))
        for rule in range(2) for _ in range(world.n_seeds)
    ])  # fmt: skip
    units, counted = units_of(None, k)
    pairs = LinearPairs(Condensed.of(models), units, counted, centred=True)
    found = []
    for _ in range(n_times):
        brains = Condensed.of(condensed(signal + world.noise * rng.standard_normal(signal.shape)))
        found.append(ScoreDraws.without_each(*pairs.scores(brains), units))
    return found


def sign_flips(world: World, n: int, comparator: str) -> Iterator[Row]:
    """Differences of subjects that are 0 on average, at 20 times with noise that lasts."""
    del comparator
    together, single, apart = [], [], []
    for k in range(n):
        rng = stream(world, k)
        noise = rng.standard_normal((world.n_subjects, 24))
        values = sum(noise[:, j : j + 20] for j in range(5)) * (1 + rng.random((world.n_subjects, 1)))
        found = sign_flip_test(values, 500, k)
        together.append(found.p_max.min() <= ALPHA)
        single.append(found.p[0] <= ALPHA)
        apart.append(found.p.min() <= ALPHA)
    yield "sign flips, one test: p <= .05", *share(np.array(single))
    yield "sign flips, largest t of 20 times: p <= .05", *share(np.array(together))
    yield "INVALID sign flips, 20 times apart: p <= .05", *share(np.array(apart))


def latencies(world: World, n: int, comparator: str) -> Iterator[Row]:
    """Scores that rise and fall at .15 s, at 100 times: how often intervals hold the true peak and half-peak."""
    del comparator
    at = np.linspace(-0.1, 0.395, 100)
    width = np.hypot(_RISE, np.hypot(_OWN_TIME, _OWN_TIME_OF_STIMULI if world.kind == "stimuli" else 0.0))
    true = {"peak": 0.15, "onset": 0.15 - width * np.sqrt(2 * np.log(2))}
    found: dict[str, list[tuple[bool, bool, bool]]] = {kind: [] for kind in true}
    for k in range(n):
        own, without = _courses(world, at, stream(world, k))
        for kind, moment in true.items():
            one = latency(own, at, kind, without)
            half = stats.t.ppf(0.975, world.n_subjects - 1) * one.se
            found[kind].append((not one.gate, one.ci_low <= moment <= one.ci_high, abs(one.seconds - moment) <= half))
    for kind, rows in found.items():
        claimed, held, of_jackknife = np.array(rows).T
        yield f"{kind} latency: claimed", *share(claimed)
        if claimed.any():
            yield f"{kind} latency, 95 % interval: holds the true one", *share(held[claimed])
            name = f"INVALID t of the jackknife error, {kind} latency, 95 % interval"
            yield f"{name}: holds the true one", *share(of_jackknife[claimed])


# seconds: standard deviation of a course, of the moments of subjects, and of those of stimuli
_RISE, _OWN_TIME, _OWN_TIME_OF_STIMULI = 0.05, 0.01, 0.05


def _courses(world: World, at: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
    """Return courses of subjects with lasting noise and, of a world of stimuli, the mean without each."""
    of_stimuli = rng.standard_normal(world.n_stimuli) * _OWN_TIME_OF_STIMULI * (world.kind == "stimuli")
    shifts = _OWN_TIME * rng.standard_normal((world.n_subjects, 1)) + of_stimuli
    each = np.exp(-((at - 0.15 - shifts[:, :, None]) ** 2) / (2 * _RISE**2))
    each = each * (1 + 0.3 * rng.standard_normal((world.n_subjects, 1, 1)))
    noise = rng.standard_normal((world.n_subjects, len(at) + 4))
    lasting = world.noise * sum(noise[:, j : j + len(at)] for j in range(5)) / np.sqrt(5)
    mean = each.mean(axis=0)
    without = (mean.sum(axis=0) - mean) / (world.n_stimuli - 1) + lasting.mean(axis=0)
    return each.mean(axis=1) + lasting, without if world.kind == "stimuli" else None
