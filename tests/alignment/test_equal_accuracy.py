"""Rules at checkpoints of equal accuracy, beside the end of training."""

import numpy as np
import pandas as pd
import pytest

from brainalign import tables
from brainalign.alignment.align import align
from brainalign.alignment.equal_accuracy import equal_accuracy_sentence, equal_accuracy_table, equally_accurate
from brainalign.specs import RecordingSpec, ScoringSpec
from tests.synthetic_world import World

WORLD = World(n_stimuli=24, n_subjects=6, n_seeds=3, layers=("hidden2",))
#: Accuracy of each rule at steps 0, 5 and 10.
ACCURACY = {"backprop": (0.1, 0.605, 0.9), "feedback_alignment": (0.1, 0.3, 0.6), "readout_only": (0.1, 0.2, 0.4)}


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    instances = [
        *WORLD.instances(step=0, final=False, progress=0.0),
        *WORLD.instances(step=5, final=False, progress=0.4),
        *WORLD.instances(step=10),
    ]
    return align(instances, WORLD.source(), RecordingSpec("made_up"), ScoringSpec(low_level=False)).scores


def training(accuracy: dict[str, tuple[float, ...]]) -> pd.DataFrame:
    rows = [
        {"rule": rule, "network": "mlp", "seed": seed, "step": step, "val_accuracy": value + 0.01 * (seed - 1)}
        for rule, values in accuracy.items()
        for step, value in zip((0, 5, 10), values, strict=True)
        for seed in range(3)
    ]
    return tables.cast("training", pd.DataFrame(rows, columns=list(tables.TABLES["training"].names)).fillna(0))


def test_each_rule_is_taken_where_it_answers_as_well_as_the_weakest(scores: pd.DataFrame) -> None:
    table = equal_accuracy_table(scores, training(ACCURACY))
    (row,) = table.to_dict("records")
    assert (row["rule_a"], row["checkpoint_a"], row["checkpoint_b"]) == ("feedback_alignment", 10, 5)
    assert row["target_accuracy"] == pytest.approx(0.6)
    assert row["matched"]
    means = scores.groupby(["rule", "checkpoint", "seed"], observed=True).score.mean()
    own = means["feedback_alignment", 10] - means["backprop", 5]
    assert row["delta"] == pytest.approx(own.mean(), abs=1e-12)
    assert row["se_seeds"] == pytest.approx(own.std(ddof=1) / np.sqrt(3), abs=1e-12)
    end = means["feedback_alignment", 10] - means["backprop", 10]
    assert row["delta_end"] == pytest.approx(end.mean(), abs=1e-12)
    assert "1 of 1 rules and backprop have checkpoints within 0.02 of 0.600" in equal_accuracy_sentence(table)


def test_accuracies_that_no_checkpoint_meets_are_not_called_equal(scores: pd.DataFrame) -> None:
    table = equal_accuracy_table(scores, training({**ACCURACY, "backprop": (0.1, 0.8, 0.9)}))
    assert not table.matched.any()


def test_a_rule_no_better_than_readout_only_sets_no_target(scores: pd.DataFrame) -> None:
    controls = scores[scores.rule == "untrained"].assign(rule="readout_only", role="readout_only")
    both = pd.concat([scores, controls], ignore_index=True)
    weak = {**ACCURACY, "feedback_alignment": (0.1, 0.2, 0.35)}
    assert equal_accuracy_table(both, training(weak)).empty
    assert len(equal_accuracy_table(both, training(ACCURACY))) == 1


def test_without_earlier_checkpoints_or_accuracies_there_is_no_table(scores: pd.DataFrame) -> None:
    assert equal_accuracy_table(scores[scores.final], training(ACCURACY)).empty
    nothing = training(ACCURACY).assign(val_accuracy=np.nan)
    assert equal_accuracy_table(scores, nothing).empty
    assert equal_accuracy_sentence(tables.empty("equal_accuracy")) == ""


def test_the_step_nearest_to_the_lowest_end_is_taken_of_each_rule() -> None:
    rng = np.random.default_rng(0)
    steps = [1, 2, 4, 8, 16, 32]
    curves = {f"rule {k}": pd.Series(np.sort(rng.random(6)), index=steps) for k in range(5)}
    target, chosen = equally_accurate(curves)
    assert target == min(own[32] for own in curves.values())
    assert chosen == {rule: int((own - target).abs().idxmin()) for rule, own in curves.items()}
    assert len(set(chosen.values())) > 1
