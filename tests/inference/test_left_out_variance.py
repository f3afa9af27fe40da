"""The variance without each stimulus, against worlds whose variance is known."""

import numpy as np
import pytest

from brainalign.condensed import Condensed
from brainalign.inference.contrast import contrast
from brainalign.inference.estimate import estimate_ceiling, estimate_score
from brainalign.inference.left_out_variance import left_out_variance
from brainalign.inference.scope import Scope
from brainalign.resampling.left_out import linear_ceilings, units_of
from brainalign.resampling.linear_pairs import LinearPairs
from brainalign.resampling.pairs_bootstrap import bootstrap_pairs
from brainalign.resampling.score_draws import ScoreDraws

ALL = Scope("random", "random", "random")


def means_of_stimuli(rng, n_units: int, n_seeds: int, n_subjects: int, parts: dict[str, float]):
    """Return scores that are means over stimuli of random effects, and the scores without each stimulus."""
    sub, sti, see = (rng.standard_normal(n) for n in (n_subjects, n_units, n_seeds))
    sti_sub = rng.standard_normal((n_units, 1, n_subjects))
    sti_see = rng.standard_normal((n_units, n_seeds, 1))
    x = (
        parts["subjects"] * sub[None, None]
        + parts["stimuli"] * sti[:, None, None]
        + parts["seeds"] * see[None, :, None]
        + parts["sti_sub"] * sti_sub
        + parts["sti_see"] * sti_see
    )
    return x.mean(axis=0), (x.sum(axis=0) - x) / (n_units - 1)


@pytest.mark.parametrize(
    "parts",
    [
        {"subjects": 1, "stimuli": 3, "seeds": 0.5, "sti_sub": 4, "sti_see": 3},
        {"subjects": 0.2, "stimuli": 5, "seeds": 0.1, "sti_sub": 1, "sti_see": 6},
        {"subjects": 1, "stimuli": 0, "seeds": 1, "sti_sub": 5, "sti_see": 0},
    ],
)
def test_it_is_the_variance_of_the_mean_with_each_interaction_once(parts: dict[str, float]) -> None:
    n_units, n_seeds, n_subjects = 40, 5, 10
    rng = np.random.default_rng(0)
    found, truth = [], []
    for _ in range(1500):
        scores, without = means_of_stimuli(rng, n_units, n_seeds, n_subjects, parts)
        found.append(left_out_variance(scores, without, ALL).total)
        truth.append(scores.mean())
    assert np.mean(found) == pytest.approx(np.var(truth), rel=0.1)


def test_fixed_factors_drop_out() -> None:
    rng = np.random.default_rng(1)
    parts = {"subjects": 1, "stimuli": 3, "seeds": 0.5, "sti_sub": 4, "sti_see": 3}
    scores, without = means_of_stimuli(rng, 30, 5, 10, parts)
    stimuli = left_out_variance(scores, without, Scope("fixed", "random", "fixed"))
    mean = without.mean(axis=(1, 2))
    assert stimuli.total == pytest.approx(29 / 30 * ((mean - mean.mean()) ** 2).sum())
    assert (stimuli.dof, np.isnan(stimuli.subjects), np.isnan(stimuli.seeds)) == (pytest.approx(29), True, True)
    subjects = left_out_variance(scores, without, Scope("random", "fixed", "fixed"))
    assert subjects.total == pytest.approx(scores.mean(axis=0).var(ddof=1) / 10)
    assert subjects.dof == pytest.approx(9)
    seeds = left_out_variance(scores, without, Scope("fixed", "fixed", "random"))
    assert seeds.total == pytest.approx(scores.mean(axis=1).var(ddof=1) / 5)
    nothing = left_out_variance(scores, without, Scope("fixed", "fixed", "fixed"))
    assert nothing.total == 0
    assert np.isnan(left_out_variance(scores * np.nan, without, ALL).total)


def rsa_draws(seed: int = 0):
    """Return the bootstrap and the draws without each stimulus of the same world."""
    rng = np.random.default_rng(seed)
    base = rng.random(40 * 39 // 2)
    models = np.concatenate([base + 1.0 * rng.random((3, 780)), base + 1.5 * rng.random((3, 780))])
    subjects = base + 1.5 * rng.random((8, 780))
    units, counted = units_of(None, 40)
    pairs = LinearPairs(Condensed.of(models), units, counted, centred=True)
    left = ScoreDraws.without_each(
        *pairs.scores(Condensed.of(subjects)), units, 1, linear_ceilings(pairs, Condensed.of(subjects))
    )
    return bootstrap_pairs(models, subjects, "corr", 1000, 0), left


def test_contrasts_estimates_and_ceilings_have_errors_near_those_of_the_bootstrap() -> None:
    boot, left = rsa_draws()
    np.testing.assert_allclose(left.observed, boot.observed, atol=1e-12)
    one, other = (contrast(draws, range(3), range(3, 6), ALL) for draws in (boot, left))
    assert other.delta == pytest.approx(one.delta, abs=1e-12)
    assert other.se == pytest.approx(one.se, rel=0.35)
    assert other.se <= one.se  # the seed by stimulus part counts once
    assert other.n_stimuli == 40
    assert other.verdict == "higher"
    for estimate in (estimate_score, None):
        one, other = (
            estimate(draws, range(3), ALL) if estimate else estimate_ceiling(draws, ALL) for draws in (boot, left)
        )
        assert other.mean == pytest.approx(one.mean, abs=1e-12)
        assert other.se == pytest.approx(one.se, rel=0.25)


def test_a_rule_against_itself_has_no_difference() -> None:
    found = contrast(rsa_draws()[1], range(3), range(3), ALL)
    assert (found.delta, found.se, found.p) == (0, 0, 1)
