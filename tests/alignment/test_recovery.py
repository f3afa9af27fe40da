"""What the page says of a planted answer."""

from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from brainalign.alignment.recovery import recovery
from brainalign.recordings.source import RecordingSource


def source(**planted: Any) -> RecordingSource:
    return cast(RecordingSource, SimpleNamespace(simulated=True, rule="backprop", label="made", **planted))


def scores(rows: list[tuple[str, str, float, float]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["layer", "roi", "time", "score"])
    return table.assign(dataset="made", final=True, role="trained", measure="rsa", rule="backprop")


@pytest.mark.parametrize(("late", "outcome"), [((0.30, 0.45), "was recovered"), ((0.40, 0.40), "was NOT recovered")])
def test_order_in_time_is_judged_beside_the_other_layer(late: tuple[float, float], outcome: str) -> None:
    rows = [("hidden1", "eeg", 0.1, 0.35), ("hidden1", "eeg", 0.25, 0.4)]
    rows += [("hidden3", "eeg", time, score) for time, score in zip((0.1, 0.25), late, strict=True)]
    said = recovery(source(latencies={"hidden3": 0.25, "hidden1": 0.1}), scores(rows), pd.DataFrame())
    assert said.startswith("SIMULATED truth: layers of a network trained with backprop answer one after another")
    assert "hidden1 at 100 ms, hidden3 at 250 ms. Their mean scores are highest: hidden1 at 250 ms" in said
    assert said.endswith(f"the planted order {outcome}.")


@pytest.mark.parametrize(("turned", "outcome"), [(False, "was recovered"), (True, "was NOT recovered")])
def test_regions_are_judged_by_the_diagonal(turned: bool, outcome: str) -> None:
    values = {("hidden1", "V1"): 0.3, ("hidden2", "V1"): 0.2, ("hidden1", "IT"): 0.5, ("hidden2", "IT"): 0.48}
    regions = {"V1": "hidden2", "IT": "hidden1"} if turned else {"V1": "hidden1", "IT": "hidden2"}
    rows = [(layer, roi, 0.0, score) for (layer, roi), score in values.items()]
    said = recovery(source(regions=regions), scores(rows), pd.DataFrame())
    assert "The layer with the highest mean score: V1 hidden1, IT hidden1." in said
    assert said.endswith(f"the planted layer of every region {outcome}.")


def test_nothing_is_said_of_what_was_recorded() -> None:
    recorded = cast(RecordingSource, SimpleNamespace(simulated=False, rule="backprop"))
    assert recovery(recorded, pd.DataFrame(), pd.DataFrame()) == ""
