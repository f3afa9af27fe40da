"""Verdicts repeat ranks and gates, never more."""

import dataclasses

import pandas as pd

from brainalign.report.verdict import NOT_SUPPORTED, order_of, verdicts


def test_order_keeps_overlapping_rank_sets_open():
    rows = pd.DataFrame({"rule": ["c", "a", "b_b"], "rank": [3, 1, 2], "rank_low": [2, 1, 2], "rank_high": [3, 1, 3]})
    assert order_of(rows) == "a (rank 1) > b b (rank 2–3) ~ c (rank 2–3)"


def test_supported_and_refused(full):
    found = {verdict.heading.split(" · cnn")[0]: verdict for verdict in verdicts(full)}
    assert len(found) == 5
    it = found["cichy92 · IT"]
    assert it.supported
    assert it.reasons == ()  # gates of other layers are no reason here
    assert it.statements == (
        "At layer conv5 the data support the order backprop (rank 1) > feedback alignment (rank 2) > "
        "direct feedback alignment (rank 3) > untrained (rank 4).",
    )
    monkey = found["kriegeskorte92 · monkeyIT"]
    assert not monkey.supported
    assert monkey.statements == (f"{NOT_SUPPORTED} at layer conv5.",)
    assert [reason[:3] for reason in monkey.reasons] == ["G6:", "G1:"]  # what forbids stands first
    assert monkey.scope == "Scope: Stimuli and seeds are random; subjects are fixed."


def test_without_a_declared_layer_every_cell_counts(full):
    spec = {key: value for key, value in full.study["spec"].items() if key != "ranking_layer"}
    open_study = dataclasses.replace(full, study={**full.study, "spec": spec})
    it = next(verdict for verdict in verdicts(open_study) if verdict.heading.startswith("cichy92 · IT"))
    assert it.statements[0] == f"{NOT_SUPPORTED} in 5 of 6 cells."
    assert it.statements[1].startswith("At layer conv5")


def test_without_ranks_nothing_is_claimed(full):
    for verdict in verdicts(dataclasses.replace(full, ranks=full.ranks.iloc[:0])):
        assert not verdict.supported
        assert verdict.statements == ("No ranking was computed.",)
