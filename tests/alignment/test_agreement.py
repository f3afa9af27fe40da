"""When two families of measures make one claim."""

import math

import pandas as pd

from brainalign.alignment.agreement import agreement

Sets = dict[str, tuple[int, int]]


MEASURES = pd.DataFrame([
    {"measure": "likeness", "kind": "geometry", "held": "[]"},
    {"measure": "fit", "kind": "prediction", "held": "[]"},
    {"measure": "likeness given pixels", "kind": "geometry", "held": '["pixels"]'},
])  # fmt: skip


def _ranks(rsa: Sets, encoding: Sets, supported: tuple[bool, bool], time: float = math.nan) -> pd.DataFrame:
    rows = [
        {"network": "cnn", "dataset": "d", "roi": "V4", "layer": "conv1", "time": time, "measure": measure,
         "rule": rule, "rank_low": low, "rank_high": high, "supported": yes}
        for measure, sets, yes in (("likeness", rsa, supported[0]), ("fit", encoding, supported[1]))
        for rule, (low, high) in sets.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


AB, BA, OPEN = {"a": (1, 1), "b": (2, 2)}, {"a": (2, 2), "b": (1, 1)}, {"a": (1, 2), "b": (1, 2)}


def test_two_measures_that_agree_are_robust() -> None:
    (sentence,) = agreement(_ranks(AB, AB, (True, True)), MEASURES, {})
    assert (
        sentence
        == "d V4, cnn conv1: robust; measures of geometry and prediction all support an order, and none reverses "
        "another."
    )
    assert "robust" in agreement(_ranks(AB, OPEN, (True, True)), MEASURES, {})[0]


def test_reversal_and_refusal_are_measure_dependent() -> None:
    assert "opposite ways" in agreement(_ranks(AB, BA, (True, True)), MEASURES, {})[0]
    assert "opposite ways" in agreement(_ranks(BA, AB, (True, True)), MEASURES, {})[0]
    assert (
        "measures of prediction support an order of the rules, those of geometry do not"
        in agreement(_ranks(AB, AB, (False, True)), MEASURES, {})[0]
    )


def test_nothing_is_said_without_two_measures_a_supported_order_or_at_other_layers() -> None:
    table = _ranks(AB, AB, (True, True))
    assert agreement(table[table.measure == "likeness"], MEASURES, {}) == []
    assert agreement(_ranks(OPEN, OPEN, (False, False)), MEASURES, {}) == []
    assert agreement(table, MEASURES, {"V4": "conv3"}) == []
    assert agreement(table.iloc[:0], MEASURES, {}) == []


def test_scores_without_controls_are_no_second_measure_and_another_of_a_kind_counts() -> None:
    table = _ranks(AB, AB, (True, True))
    held = table[table.measure == "likeness"].assign(measure="likeness given pixels", supported=False)
    assert "robust" in agreement(pd.concat([table, held]), MEASURES, {})[0]
    more = MEASURES.assign(held="[]")
    assert "those of geometry do not" in agreement(pd.concat([table, held]), more, {})[0]
    reversed_ = held.assign(rank_low=[2, 1], rank_high=[2, 1], supported=True)
    assert "opposite ways" in agreement(pd.concat([table, reversed_]), more, {})[0]


def test_many_times_are_counted() -> None:
    early = [_ranks(AB, AB, (True, True), time / 1000) for time in range(96, 144, 4)]
    late = [_ranks(AB, AB, (False, False), time / 1000) for time in range(144, 1296, 4)]
    (sentence,) = agreement(pd.concat([*early, *late]), MEASURES, {})
    assert sentence.startswith("d V4, cnn conv1, 12 of 300 times (96 to 140 ms): robust; ")
