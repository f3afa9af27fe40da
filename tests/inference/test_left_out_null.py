"""False positives of the contrast without each stimulus, where two rules are equal in the population."""

import os

import numpy as np
import pytest
from simulated_null import Design, null_world

from brainalign.condensed import Condensed
from brainalign.inference.contrast import contrast
from brainalign.inference.scope import Scope
from brainalign.resampling.left_out import units_of
from brainalign.resampling.linear_pairs import LinearPairs
from brainalign.resampling.score_draws import ScoreDraws


def rate(design: Design, n_sims: int) -> float:
    """Return the share of p < .05 of the contrast of two rules that are equal in the population.

    With fixed subjects these must not prefer a rule: their gains do not vary (``subject_sd=0``).
    """
    units, counted = units_of(None, design.n_stimuli)
    rows, hits = np.arange(design.n_seeds), 0
    for number in range(n_sims):
        rng = np.random.default_rng([number, design.n_subjects, design.n_stimuli, design.n_seeds])
        models, subjects = null_world(design, rng)
        pairs = LinearPairs(Condensed.of(models), units, counted, centred=True)
        draws = ScoreDraws.without_each(*pairs.scores(Condensed.of(subjects)), units)
        subjects_scope = "random" if design.n_subjects >= 6 else "fixed"
        hits += contrast(draws, rows, rows + design.n_seeds, Scope(subjects=subjects_scope)).p < 0.05
    return hits / n_sims


@pytest.mark.parametrize(
    "design",
    [
        Design(10, 40, 5),
        Design(15, 92, 3),
        Design(6, 20, 3),
        Design(4, 92, 5, subject_sd=0),
        Design(1, 92, 5, subject_sd=0),
    ],
    ids=str,
)
def test_false_positives_are_near_nominal(design: Design) -> None:
    n_sims = int(os.environ.get("BRAINALIGN_SIMULATIONS", "500"))
    limit = 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / n_sims)
    assert 0.02 <= rate(design, n_sims) <= limit
