"""When two families of measures make one claim."""

import pandas as pd

from brainalign.alignment.agreement import agreement
from brainalign.specs import ScoringSpec

Sets = dict[str, tuple[int, int]]


def _ranks(rsa: Sets, encoding: Sets, supported: tuple[bool, bool]) -> pd.DataFrame:
    rows = [
        {"network": "cnn", "dataset": "d", "roi": "V4", "layer": "conv1", "measure": measure, "rule": rule,
         "rank_low": low, "rank_high": high, "supported": yes}
        for measure, sets, yes in (("rsa:corr:corr", rsa, supported[0]), ("encoding:ridge:r", encoding, supported[1]))
        for rule, (low, high) in sets.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


AB, BA, OPEN = {"a": (1, 1), "b": (2, 2)}, {"a": (2, 2), "b": (1, 1)}, {"a": (1, 2), "b": (1, 2)}


def test_two_measures_that_agree_are_robust() -> None:
    (sentence,) = agreement(_ranks(AB, AB, (True, True)), ScoringSpec())
    assert (
        sentence == "d V4, cnn conv1: robust; RSA and encoding both support an order, and neither reverses the other."
    )
    assert "robust" in agreement(_ranks(AB, OPEN, (True, True)), ScoringSpec())[0]


def test_reversal_and_refusal_are_measure_dependent() -> None:
    assert "opposite ways" in agreement(_ranks(AB, BA, (True, True)), ScoringSpec())[0]
    assert "opposite ways" in agreement(_ranks(BA, AB, (True, True)), ScoringSpec())[0]
    assert (
        "encoding supports an order of the rules, RSA does not"
        in agreement(_ranks(AB, AB, (False, True)), ScoringSpec())[0]
    )


def test_nothing_is_said_without_two_measures_a_supported_order_or_at_other_layers() -> None:
    table = _ranks(AB, AB, (True, True))
    assert agreement(table[table.measure.str.startswith("rsa")], ScoringSpec()) == []
    assert agreement(_ranks(OPEN, OPEN, (False, False)), ScoringSpec()) == []
    assert agreement(table, ScoringSpec(ranking_layer={"V4": "conv3"})) == []
    assert agreement(table.iloc[:0], ScoringSpec()) == []
