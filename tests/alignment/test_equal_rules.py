"""Rules that are one share a place and a line; everything else stays."""

from typing import Any

import numpy as np
import pandas as pd

from brainalign import tables
from brainalign.alignment.equal_rules import share_places
from brainalign.alignment.result import AlignmentResult

CELL = {"network": "rnn", "dataset": "d", "roi": "IT", "time": np.nan, "layer": "rnn1", "measure": "rsa"}


def _tables(network: str = "rnn") -> AlignmentResult:
    cell = {**CELL, "network": network}
    places = (("dual_propagation", 0.3, 1, 1), ("backprop", 0.2, 2, 3), ("hebbian", 0.1, 3, 3))
    ranks = [
        {**cell, "rule": rule, "mean_score": score, "rank": place, "rank_low": place, "rank_high": high,
         "supported": True}
        for rule, score, place, high in places
    ]  # fmt: skip
    pairs = [("dual_propagation", "backprop", "higher"), ("hebbian", "backprop", "lower")]
    blank: dict[str, Any] = {
        column: "" if kind == "text" else 0 if "whole" in kind else np.nan
        for column, kind in ((c.name, c.type) for c in tables.TABLES["contrasts"].columns)
    }
    contrasts = [{**blank, **cell, "rule_a": a, "rule_b": b, "verdict": verdict} for a, b, verdict in pairs]
    return AlignmentResult(
        tables.empty("alignment"),
        tables.cast("contrasts", pd.DataFrame(contrasts)),
        tables.cast("ranks", pd.DataFrame(ranks)),
        tables.empty("gates"),
    )


def test_equal_rules_share_a_place_and_say_so() -> None:
    before = _tables()
    found = share_places(before, {"rnn": ["backprop", "dual_propagation"]})
    ranks = found.ranks.set_index("rule")
    assert ranks["rank"].to_dict() == {"dual_propagation": 1, "backprop": 1, "hebbian": 3}
    assert ranks.rank_high.to_dict() == {"dual_propagation": 3, "backprop": 3, "hebbian": 3}
    assert ranks.mean_score.to_dict() == {"dual_propagation": 0.3, "backprop": 0.2, "hebbian": 0.1}
    assert list(found.contrasts.verdict) == ["no inference possible", "lower"]
    assert list(found.gates.gate) == ["G11"]
    assert found.gates.sentence[0] == (
        "On rnn, dual_propagation equals backpropagation (cosine of updates above .9999, measured): backprop and "
        "dual_propagation are not ranked against each other."
    )


def test_nothing_changes_elsewhere() -> None:
    before = _tables("cnn")
    for equal in ({}, {"cnn": ["backprop"]}, {"rnn": ["backprop", "dual_propagation"]}):
        found = share_places(before, equal)
        pd.testing.assert_frame_equal(found.ranks, before.ranks)
        pd.testing.assert_frame_equal(found.contrasts, before.contrasts)
        assert not len(found.gates)
