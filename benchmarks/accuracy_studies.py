"""Two rules that learn at other speeds, at the end of training and at checkpoints of equal accuracy.

How much a network shows of what the brain holds follows from its accuracy. In worlds of kind ``accuracy`` nothing else
tells rules apart: a difference at the end is one of accuracy, and at equal accuracy there is none, but for accuracies
that are still apart. In ``accuracy and rule`` rule B shows features beside that no brain has, so that it is less alike
at equal accuracy, too. Accuracies of seeds scatter; checkpoints double their steps.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from benchmarks.further_studies import ALPHA, Row, contrast_of, share
from benchmarks.worlds import World, condensed, stream
from brainalign.alignment.equal_accuracy import comparable, equal_accuracy_table
from brainalign.condensed import Condensed
from brainalign.resampling.left_out import units_of
from brainalign.resampling.linear_pairs import LinearPairs
from brainalign.resampling.score_draws import ScoreDraws

STEPS = tuple(16 * 2**k for k in range(8))
#: Rule to its accuracy after very many steps, and the steps after which it has two thirds of what it gains.
_RULES = {"a": (0.6, 600.0), "b": (0.8, 150.0)}
_CHANCE = 0.1
_SEED_SD = 0.02


def equal_accuracy(world: World, n: int, comparator: str) -> Iterator[Row]:
    """How often rules are said to differ at the end, and at checkpoints that are chosen by validation accuracy."""
    del comparator
    end, there = [], []
    for k in range(n):
        rng = stream(world, k)
        accuracy = {rule: _accuracies(world, *curve, rng) for rule, curve in _RULES.items()}
        steps = comparable(equal_accuracy_table(_table(accuracy, rng)))
        brain = rng.standard_normal((world.n_stimuli, world.n_features))
        end.append(contrast_of(world, _scored(world, brain, accuracy, dict.fromkeys(_RULES, STEPS[-1]), rng)).p < ALPHA)
        if steps:
            chosen = {rule: steps["net", rule] for rule in _RULES}
            there.append(contrast_of(world, _scored(world, brain, accuracy, chosen, rng)).p < ALPHA)
    yield "at the end: p < .05", *share(np.array(end))
    yield "checkpoints of equal accuracy", *share(np.arange(n) < len(there))
    yield "at equal accuracy, of these: p < .05", *share(np.array(there))


def _accuracies(world: World, highest: float, speed: float, rng: np.random.Generator) -> np.ndarray:
    """Return the true accuracy of every seed at every step, ``(n_seeds, n_steps)``."""
    tops = highest + _SEED_SD * rng.standard_normal((world.n_seeds, 1))
    speeds = speed * np.exp(0.2 * rng.standard_normal())
    return _CHANCE + (tops - _CHANCE) * (1 - np.exp(-np.array(STEPS) / speeds))


def _table(accuracy: Mapping[str, np.ndarray], rng: np.random.Generator) -> pd.DataFrame:
    """Return accuracies as 1,000 validation samples show them."""
    rows = [
        (rule, "net", seed, step, rng.binomial(1000, own[seed, k]) / 1000)
        for rule, own in accuracy.items()
        for seed in range(len(own))
        for k, step in enumerate(STEPS)
    ]
    return pd.DataFrame(rows, columns=["rule", "network", "seed", "step", "val_accuracy"])


def _scored(
    world: World,
    brain: np.ndarray,
    accuracy: Mapping[str, np.ndarray],
    steps: Mapping[str, int],
    rng: np.random.Generator,
) -> ScoreDraws:
    """Return scores of both rules, rule A first, and those without each stimulus."""
    k, d = brain.shape
    gains = 1 + world.subject_sd * rng.standard_normal((world.n_subjects, 1, d))
    subjects = condensed(gains * brain + world.noise * rng.standard_normal((world.n_subjects, k, d)))
    private = rng.standard_normal((k, d))
    models = []
    for rule, own in accuracy.items():
        for reached in own[:, STEPS.index(steps[rule])]:
            mixed = brain @ (np.eye(d) + world.seed_sd * rng.standard_normal((d, d)))
            parts = [3 * reached**2 * mixed, rng.standard_normal((k, d))]
            if rule == "b" and world.kind == "accuracy and rule":
                parts.append(2 * private)
            models.append(condensed(np.concatenate(parts, axis=1)))
    units, counted = units_of(None, k)
    pairs = LinearPairs(Condensed.of(np.stack(models)), units, counted, centred=True)
    return ScoreDraws.without_each(*pairs.scores(Condensed.of(subjects)), units)
