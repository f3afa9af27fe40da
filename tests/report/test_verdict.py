"""Verdicts repeat ranks and gates, never more."""

import dataclasses

import pandas as pd

from brainalign.comparisons.rsa import RSA
from brainalign.report.verdict import NOT_SUPPORTED, order_of, verdicts


def test_order_keeps_overlapping_rank_sets_open():
    rows = pd.DataFrame({"rule": ["c", "a", "b_b"], "rank": [3, 1, 2], "rank_low": [2, 1, 2], "rank_high": [3, 1, 3]})
    assert order_of(rows) == "a (rank 1) > b b (rank 2–3) ~ c (rank 2–3)"


def test_supported_and_refused(full):
    found = {verdict.heading.split(" · cnn")[0]: verdict for verdict in verdicts(full)}
    assert len(found) == 5
    it = found["cichy92 · IT"]
    assert it.state == "supported"
    (accuracy,) = it.reasons  # gates of other layers are no reason here
    assert accuracy.startswith("Rules ended with validation accuracies from 0.099 to 0.788: accuracy alone may explain")
    assert it.statements == (
        "At layer conv5 the data support the order backprop (rank 1) > feedback alignment (rank 2) > "
        "direct feedback alignment (rank 3) > untrained (rank 4). backprop scores 0.191, the best low-level control, "
        "Gabor, 0.034. That lead was not tested.",
    )
    monkey = found["kriegeskorte92 · monkeyIT"]
    assert monkey.state == "refused"
    assert monkey.statements == (f"{NOT_SUPPORTED} at layer conv5.",)
    assert [reason[:3] for reason in monkey.reasons] == ["G6:", "G1:"]  # what forbids stands first
    assert monkey.scope == "Scope: Stimuli and seeds are random; subjects are fixed."


def test_without_a_declared_layer_every_cell_counts(full):
    spec = {key: value for key, value in full.facts["spec"].items() if key != "ranking_layer"}
    open_study = dataclasses.replace(full, facts={**full.facts, "spec": spec})
    it = next(verdict for verdict in verdicts(open_study) if verdict.heading.startswith("cichy92 · IT"))
    assert it.statements[0] == f"{NOT_SUPPORTED} in 5 of 6 cells."
    assert it.statements[1].startswith("At layer conv5")
    assert it.state == "limited"
    assert it.reasons[-2] == "No layer was declared beforehand: 6 layers were looked at, each by itself."


def test_without_ranks_nothing_is_claimed(full):
    for verdict in verdicts(dataclasses.replace(full, ranks=full.ranks.iloc[:0])):
        assert verdict.state == "refused"
        assert verdict.statements == ("No ranking was computed.",)


def _at_it(results):
    return next(verdict for verdict in verdicts(results) if verdict.heading.startswith("cichy92 · IT"))


def _with_control(full, name, score):
    table = full.scores
    chosen = (table.role == "low_level") & (table.layer == name) & (table.dataset == "cichy92") & (table.roi == "IT")
    return dataclasses.replace(full, scores=table.assign(score=table.score.mask(chosen, score)))


def test_an_order_whose_first_rule_pixels_reach_is_not_green(full):
    best = full.ranks.query("roi == 'IT' and layer == 'conv5' and rule == 'backprop'").mean_score.iloc[0]
    verdict = _at_it(_with_control(full, "pixels", 0.31))
    assert verdict.state == "limited"
    assert verdict.statements[0].endswith(
        f"But the low-level control pixels scores 0.310, the best rule, backprop, {best:.3f}."
    )
    assert _at_it(_with_control(full, "pixels", best)).state == "limited"  # as well is not better
    assert _at_it(_with_control(full, "luminance", best - 1e-6)).state == "supported"
    assert _at_it(_with_control(full, "luminance", float("nan"))).state == "supported"


def test_an_order_without_controls_is_not_green(full):
    verdict = _at_it(dataclasses.replace(full, scores=full.scores.query("role != 'low_level'")))
    assert verdict.state == "limited"
    assert verdict.statements[0].endswith("Low-level controls were not scored.")


def test_a_score_with_pixels_taken_out_is_judged_by_what_is_left(full):
    about = RSA(partial=("pixels", "luminance"), semi=True).describe()
    named = {"measure": about.measure}
    measures = pd.DataFrame([about.row()])
    at_it = full.ranks.roi == "IT"
    for shift, state in ((0.0, "supported"), (-0.5, "limited")):
        ranks = full.ranks[at_it].assign(**named, mean_score=full.ranks.mean_score + shift)
        alignment = full.scores[full.scores.role != "low_level"].assign(**named)
        verdict = _at_it(dataclasses.replace(full, ranks=ranks, scores=alignment, measures=measures))
        assert verdict.state == state
        assert (
            "with pixels and luminance taken out. Other low-level controls were not taken out."
            in (verdict.statements[0])
        )


def test_controls_are_compared_at_the_time_of_the_order(full):
    at = full.scores[full.scores.roi == "IT"]
    early, late = (at.assign(time=time) for time in (0.1, 0.2))
    late = late.assign(score=late.score.mask(late.role == "low_level", 0.9))
    ranks = pd.concat([full.ranks.assign(time=time) for time in (0.1, 0.2)])
    verdict = _at_it(dataclasses.replace(full, scores=pd.concat([early, late]), ranks=ranks))
    assert [text.endswith("That lead was not tested.") for text in verdict.statements] == [True, False]
    assert verdict.state == "limited"


def test_a_verdict_names_who_is_missing_where(full):
    rows = [
        ("stdp", "cnn", "trained", "training", "", "it diverged"),
        ("hebbian", "cnn", "own_start", "scoring", "cichy92", "a layer is constant"),
        ("hebbian", "mlp", "trained", "training", "", "another network"),
        ("pepita", "cnn", "trained", "scoring", "macaque_v4", "another recording"),
        ("pepita", "cnn", "trained", "checkpoint", "cichy92", "an earlier checkpoint"),
    ]
    failures = pd.DataFrame(rows, columns=list(full.failures.columns))
    assert _at_it(dataclasses.replace(full, failures=failures)).statements[1:] == (
        "Not compared: STDP, since its training failed.",
        "Not compared: Hebbian learning, since a layer of it could not be scored.",
    )
