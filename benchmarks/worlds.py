"""Simulated worlds in which it is known how brain-like two rules are, and every test of their difference.

A stimulus has latent features in two blocks. Subjects use both, with gains of their own, and are measured with noise.
Networks show features through a mixing that differs between seeds.

- ``own``: rule A shows the first block and rule B the second. Expected scores are equal, while a sample of stimuli or
  subjects may happen to favour one block: stimuli and subjects carry the error.
- ``same``: both rules show both blocks, as rules of a real study nearly do: seeds carry the error.
- ``swap``: the second block is the first with stimuli exchanged in pairs, so that rules are equal on these very
  stimuli. Only subjects, noise of measurement and seeds tell them apart.
- ``noise``: as ``own``, but brains hold noise only.
- ``gap``: as ``own``, but rule B shows features beside that no brain has, so that rule A is more alike.
"""

from dataclasses import dataclass, replace

import numpy as np

from brainalign.condensed import Condensed
from brainalign.inference.cell import Cell, compare_rules
from brainalign.inference.scope import Scope
from brainalign.resampling.left_out import linear_ceilings, units_of
from brainalign.resampling.linear_pairs import LinearPairs
from brainalign.resampling.ranked_pairs import RankedPairs
from brainalign.resampling.score_draws import ScoreDraws


@dataclass(frozen=True)
class World:
    """A design and how large each source of differences is."""

    n_subjects: int
    n_stimuli: int
    n_seeds: int
    kind: str = "own"
    seed_sd: float = 0.5
    subject_sd: float = 0.3
    noise: float = 1.0
    n_features: int = 4
    n_repeats: int = 1

    @property
    def design(self) -> str:
        return f"{self.n_subjects}x{self.n_stimuli}x{self.n_seeds}"


def stream(world: World, number: int) -> np.random.Generator:
    """Return the generator of one simulated data set: of the world and its number, whatever ran before."""
    seed = [number, world.n_subjects, world.n_stimuli, world.n_seeds, *world.kind.encode()]
    return np.random.default_rng([*seed, round(1000 * world.noise), round(1000 * world.seed_sd)])


def condensed(features: np.ndarray) -> np.ndarray:
    """Return squared Euclidean RDMs ``(..., n_pairs)`` of features ``(..., n_stimuli, n_features)``."""
    gram = features @ np.swapaxes(features, -1, -2)
    norm = np.diagonal(gram, axis1=-2, axis2=-1)
    i, j = np.triu_indices(gram.shape[-1], 1)
    return norm[..., i] + norm[..., j] - 2 * gram[..., i, j]


def rdms(world: World, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return models ``(2 n_seeds, n_pairs)``, rule A first, subjects, and subjects without each repeat or ``None``."""
    k, d = world.n_stimuli, world.n_features
    blocks = rng.standard_normal((2, k, d))
    if world.kind == "swap":
        blocks[1] = blocks[0][np.arange(k) ^ 1] if k % 2 == 0 else blocks[0][::-1]
    gains = 1 + world.subject_sd * rng.standard_normal((world.n_subjects, 2))
    signal = np.concatenate([gains[:, b, None, None] * blocks[b] for b in range(2)], axis=2)
    if world.kind == "noise":
        signal = np.zeros_like(signal)
    # noise of the mean over repeats does not depend on how many there are
    size = world.noise * np.sqrt(world.n_repeats)
    trials = signal + size * rng.standard_normal((world.n_repeats, *signal.shape))
    models = []
    private = rng.standard_normal((k, d)) if world.kind == "gap" else None
    for rule in range(2):
        shown = np.concatenate(list(blocks), axis=1) if world.kind == "same" else blocks[rule]
        if rule and private is not None:
            shown = np.concatenate([shown, 0.7 * private], axis=1)
        for _ in range(world.n_seeds):
            width = shown.shape[1]
            models.append(condensed(shown @ (np.eye(width) + world.seed_sd * rng.standard_normal((width, width)))))
    without = None
    if world.n_repeats > 1:
        without = np.stack([condensed(np.delete(trials, r, axis=0).mean(axis=0)) for r in range(world.n_repeats)])
    return np.stack(models), condensed(trials.mean(axis=0)), without


def left_out(world: World, number: int, comparator: str = "corr") -> ScoreDraws:
    """Return the scores of one simulated data set, and those without each stimulus and each repeat."""
    models, subjects, without = rdms(world, stream(world, number))
    units, counted = units_of(None, world.n_stimuli)
    rows, brains = Condensed.of(models), Condensed.of(subjects)
    if comparator == "spearman":
        return ScoreDraws.without_each(*RankedPairs(rows, units, counted, True).scores(brains), units)
    pairs = LinearPairs(rows, units, counted, centred=True)
    ceilings = linear_ceilings(pairs, brains) if world.n_subjects > 1 else None
    draws = ScoreDraws.without_each(*pairs.scores(brains), units, 1, ceilings)
    if without is None:
        return draws
    of_repeats = np.stack([pairs.scores(Condensed.of(one), resampled=False)[0] for one in without])
    return replace(draws, repeats=of_repeats)


def cell(world: World, draws: ScoreDraws, scope: Scope | None = None) -> Cell:
    """Compare rule A with rule B as a study does."""
    n = world.n_seeds
    subjects = "random" if world.n_subjects > 1 else "fixed"
    return compare_rules(draws, {"a": range(n), "b": range(n, 2 * n)}, scope or Scope(subjects))
