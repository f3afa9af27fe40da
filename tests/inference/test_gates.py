from dataclasses import replace

import numpy as np
import pytest

from brainalign.inference.cell import compare_rules
from brainalign.inference.gates import judge, judge_family
from brainalign.inference.scope import Scope
from brainalign.resampling.score_draws import ScoreDraws

RULES = {"bp": range(0, 10), "fa": range(10, 20), "dfa": range(20, 30)}
UNTRAINED = {rule: range(30, 40) for rule in RULES}


def some_draws(levels=(0.5, 0.4, 0.3, 0.1), n_subjects=12, n_units=60, ceiling=0.6, noise=0.01):
    """Ten seeds at each level; errors over subjects, stimuli and seeds of about ``noise``."""
    rng = np.random.default_rng(0)
    n_models = 10 * len(levels)
    observed = np.repeat(levels, 10)[:, None] + noise * rng.standard_normal((n_models, n_subjects))
    draws = observed + noise * rng.standard_normal((200, n_models, 1))
    counts = rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=200)
    lower = ceiling + 0.02 * rng.standard_normal(n_subjects)
    return ScoreDraws(
        observed,
        draws,
        counts,
        rng.integers(0, n_subjects, (200, n_subjects)),
        n_units,
        ceiling_lower=lower + 0.02 * rng.standard_normal((200, 1)),
        ceiling_upper=lower + 0.02 * rng.standard_normal((200, 1)),
        ceiling_lower_observed=lower,
        ceiling_upper_observed=lower,
    )


def a_cell(scope=None, rules=RULES, untrained=UNTRAINED, **options):
    return compare_rules(some_draws(**options), rules, scope or Scope(), untrained)


def codes(verdict):
    return {(gate.code, gate.severity) for gate in verdict.gates}


def test_clear_differences_are_ranked():
    verdict = judge(a_cell())
    assert verdict.gates == ()
    assert verdict.supported
    assert verdict.normalised
    assert [(item.rule, item.rank_low, item.rank_high) for item in verdict.ranks] == [
        ("bp", 1, 1),
        ("fa", 2, 2),
        ("dfa", 3, 3),
    ]
    assert verdict.sentence.startswith("Ranks (simultaneous 95% sets): bp 1; fa 2; dfa 3.")


def test_a_rule_that_does_not_exceed_readout_only_is_scored_and_not_ranked():
    whole = a_cell()
    verdict = judge(replace(whole, unlearned=("bp",)))
    assert verdict.supported
    assert [(item.rule, item.rank, item.rank_low, item.rank_high) for item in verdict.ranks] == [
        ("fa", 1, 1, 1),
        ("dfa", 2, 2, 2),
    ]
    assert codes(verdict) == {("G12", "warn")}
    assert verdict.gates[0].sentence == (
        "bp does not exceed readout only after as many steps (test split, paired over seeds): is scored and not ranked."
    )
    assert ("bp", "fa") in whole.contrasts  # contrasts stay
    alone = judge(replace(whole, unlearned=("bp", "fa")))
    assert not alone.supported
    assert alone.sentence.startswith("One rule only, nothing to rank.")
    none = judge(replace(whole, unlearned=tuple(RULES)))
    assert not none.supported
    assert none.ranks == ()
    assert none.sentence.startswith("No rule exceeds readout only, nothing to rank.")


def test_equal_rules_are_not_ranked():
    verdict = judge(a_cell(levels=(0.4, 0.4, 0.4, 0.1), noise=0.03))
    assert not verdict.supported
    assert codes(verdict) == {("G6", "stop")}
    assert verdict.sentence.startswith("RANKING NOT SUPPORTED: differences below 0.0")
    assert "cannot be resolved with this recording (observed range 0.0" in verdict.sentence


def test_wide_rank_sets_are_not_ranked_though_one_rule_stands_out():
    cell = a_cell()
    blurred = {pair: replace(item, p=0.4) for pair, item in cell.contrasts.items()}
    verdict = judge(replace(cell, contrasts=blurred))
    assert not verdict.supported
    assert "Rank sets span 2 places on average (above 1)." in verdict.sentence


def test_nothing_random_is_not_ranked():
    verdict = judge(a_cell(Scope("fixed", "fixed", "fixed")))
    assert not verdict.supported
    assert "no inference possible" in verdict.sentence
    assert not verdict.normalised


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"n_subjects": 4}, "G1", "4 subjects, fewer than 6: a population claim is impossible"),
        ({"n_subjects": 4}, "G1", "p is 0.125)"),
        ({"n_subjects": 1}, "G1", "1 subject, fewer than 6"),
        ({"n_stimuli": 12}, "G2", "12 independent stimuli, fewer than 20: stimuli are fixed"),
        ({"n_stimuli": 30}, "G2", "30 independent stimuli, fewer than 50"),
        ({"n_seeds": 2}, "G3", "2 seeds per rule, fewer than 3: seeds are fixed"),
        ({"n_seeds": 4}, "G3", "4 seeds per rule, fewer than 5: statements about learning rules"),
        ({"ceiling": None}, "G5", "no lower noise ceiling"),
        ({"vs_untrained": {}}, "G9", "no untrained control"),
    ],
)
def test_small_samples_warn_and_keep_the_ranking(change, code, words):
    verdict = judge(replace(a_cell(), **change))
    assert (code, "warn") in codes(verdict)
    assert any(words in gate.sentence for gate in verdict.gates)
    assert verdict.supported


def test_seeds_that_carry_the_error_call_for_more():
    cell = a_cell()
    noisy = {pair: replace(item, se_seeds=0.8 * item.se) for pair, item in cell.contrasts.items()}
    verdict = judge(replace(cell, contrasts=noisy, n_seeds=6))
    assert "Seeds carry 64% of the error variance (above 30%) with 6 seeds per rule: train 10." in {
        gate.sentence for gate in verdict.gates
    }
    assert judge(replace(cell, contrasts=noisy, n_seeds=10)).gates == ()


def test_no_reliable_geometry_stops():
    verdict = judge(a_cell(ceiling=0.001))
    assert codes(verdict) == {("G4", "stop")}
    assert not verdict.supported
    assert not verdict.normalised
    assert "the data carry no reliable geometry" in verdict.sentence


def test_an_uncertain_ceiling_forbids_normalising_only():
    cell = a_cell()
    verdict = judge(replace(cell, ceiling=replace(cell.ceiling, mean=0.3, se=0.1, ci_low=0.08, ci_high=0.52)))
    assert codes(verdict) == {("G5", "warn")}
    assert verdict.gates[0].sentence.startswith("The lower noise ceiling is 3 standard errors from 0 (below 4)")
    assert verdict.supported
    assert not verdict.normalised


def test_coarse_permutations_stop():
    verdict = judge(replace(a_cell(), resolution=1 / 20))
    assert codes(verdict) == {("G7", "stop")}
    assert "smallest attainable p is 0.05, above 0.05/6 = 0.00833" in verdict.sentence


def test_no_learning_effect_suppresses_the_order():
    verdict = judge(a_cell(levels=(0.5, 0.4, 0.3, 0.55)))
    assert codes(verdict) == {("G9", "stop")}
    assert not verdict.supported
    assert "no learning effect demonstrated" in verdict.sentence


def test_a_rule_that_learned_nothing_is_named():
    verdict = judge(a_cell(levels=(0.5, 0.4, 0.3, 0.3)))
    assert codes(verdict) == {("G9", "warn")}
    assert verdict.gates[0].sentence.startswith("No learning effect demonstrated for dfa ")
    assert verdict.supported


def test_a_detectable_difference_above_the_range_forbids_nothing():
    cell = a_cell()
    blunt = {pair: replace(item, mde=10.0) for pair, item in cell.contrasts.items()}
    assert judge(replace(cell, contrasts=blunt)).supported


def test_rank_sets_hold_for_all_cells_of_a_family():
    # a p that is small in one cell is not among many cells
    cell = a_cell()
    close = {pair: replace(item, p=0.004) for pair, item in cell.contrasts.items()}
    cell = replace(cell, contrasts=close)
    assert judge(cell).supported
    family = judge_family(dict.fromkeys(range(8), cell))
    assert not any(verdict.supported for verdict in family.values())
    assert {item.rank_high - item.rank_low for verdict in family.values() for item in verdict.ranks} == {2}
    assert "over 2 cells" in judge_family({"a": a_cell(), "b": a_cell()})["a"].sentence


def test_noise_of_a_measurement_cannot_be_ranked():
    draws = some_draws(n_subjects=3, n_units=16)
    cell = compare_rules(draws, RULES, Scope(), UNTRAINED)
    verdict = judge(cell)
    assert not verdict.supported
    assert ("G10", "stop") in codes(verdict)
    assert "no repeats say how noisy the measurement is" in verdict.sentence
    rng = np.random.default_rng(1)
    with_repeats = replace(draws, repeats=draws.observed + 0.001 * rng.standard_normal((4, *draws.observed.shape)))
    verdict = judge(compare_rules(with_repeats, RULES, Scope(), UNTRAINED))
    assert verdict.supported
    noisy = replace(draws, repeats=draws.observed + 0.5 * rng.standard_normal((4, *draws.observed.shape)))
    assert not judge(compare_rules(noisy, RULES, Scope(), UNTRAINED)).supported


def test_one_collapsed_seed_is_left_out_and_named():
    draws = some_draws()
    observed = draws.observed.copy()
    observed[3] = np.nan
    verdict = judge(compare_rules(replace(draws, observed=observed), RULES, Scope(), UNTRAINED))
    assert verdict.supported
    assert codes(verdict) == {("G3", "warn")}
    assert "1 seed of 10 left out of all rules, since scores are undefined there for bp (1 seed)" in (
        verdict.gates[0].sentence
    )


def test_a_rule_without_scores_stays_undefined():
    draws = some_draws()
    observed = draws.observed.copy()
    observed[:10] = np.nan
    cell = compare_rules(replace(draws, observed=observed), RULES, Scope(), UNTRAINED)
    assert np.isnan(cell.contrasts["bp", "fa"].p)
    assert cell.contrasts["fa", "dfa"].p < 0.05
    assert cell.n_seeds == 10
    assert not judge(cell).supported


def test_without_a_ceiling_scores_must_exceed_zero():
    cell = replace(a_cell(), ceiling=None)
    none = {rule: replace(item, mean=0.001, se=0.01) for rule, item in cell.scores.items()}
    verdict = judge(replace(cell, scores=none))
    assert ("G4", "stop") in codes(verdict)
    assert "nothing shows that the data carry reliable geometry" in verdict.sentence


def test_the_ceiling_is_tested_where_subjects_and_stimuli_are_fixed():
    verdict = judge(a_cell(n_subjects=4, n_units=16, ceiling=0.001))
    assert ("G4", "stop") in codes(verdict)


def test_few_subjects_alone_cannot_reach_small_p_without_a_distribution():
    cell = a_cell(Scope(stimuli="fixed", seeds="fixed"), n_subjects=6)
    assert cell.sign_flip == 2**-5
    assert ("G7", "warn") in codes(judge(cell))
    assert a_cell().sign_flip == 0


def test_one_rule_has_nothing_to_rank():
    verdict = judge(a_cell(rules={"bp": RULES["bp"]}, untrained={"bp": UNTRAINED["bp"]}))
    assert not verdict.supported
    assert verdict.sentence.startswith("One rule only")


def test_every_sentence_is_one_line_that_ends():
    cell = a_cell(levels=(0.4, 0.4, 0.4, 0.5))
    cell = replace(cell, n_subjects=3, n_stimuli=12, n_seeds=1, ceiling=None, resolution=1)
    for gate in judge(cell).gates:
        assert gate.sentence.endswith(".")
        assert "\n" not in gate.sentence
        assert gate.severity in ("stop", "warn")
