"""Rules at checkpoints of equal accuracy, tested there as they are at the end."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from brainalign import tables
from brainalign.activations import Activations
from brainalign.alignment.align import align
from brainalign.alignment.equal_accuracy import (
    comparable,
    equal_accuracy_sentences,
    equal_accuracy_table,
    equally_accurate,
)
from brainalign.alignment.equal_checkpoints import EqualCheckpoints, with_equal_accuracy
from brainalign.alignment.infer import Declared
from brainalign.alignment.instance import Instance
from brainalign.alignment.result import AlignmentResult
from brainalign.alignment.score import score
from brainalign.report.equal_accuracy import equal_accuracy
from brainalign.report.verdict import verdicts
from brainalign.specs import RecordingSpec, ScoringSpec
from tests.synthetic_world import N_LATENT, World

STEPS = (5, 10, 20)
#: Accuracy of each rule at these steps.
ACCURACY = {"backprop": (0.3, 0.605, 0.9), "feedback_alignment": (0.2, 0.3, 0.6)}
WORLD = World(n_stimuli=40, n_subjects=10, n_seeds=5, layers=("hidden",))


def accuracies(by_rule: Mapping[str, tuple[float, ...]] = ACCURACY, network: str = "mlp") -> pd.DataFrame:
    rows = [
        {"rule": rule, "network": network, "seed": seed, "step": step, "val_accuracy": value + 0.01 * (seed - 1)}
        for rule, values in by_rule.items()
        for step, value in zip(STEPS, values, strict=True)
        for seed in range(3)
    ]
    return pd.DataFrame(rows)


# -- which checkpoints ------------------------------------------------------------------------------------------------


def test_each_rule_is_taken_where_it_answers_as_well_as_the_weakest() -> None:
    table = equal_accuracy_table(accuracies())
    first, second = table.to_dict("records")
    assert (first["rule"], first["checkpoint"], second["rule"], second["checkpoint"]) == (
        "backprop", 10, "feedback_alignment", 20,
    )  # fmt: skip
    assert table.target_accuracy.tolist() == pytest.approx([0.6, 0.6])
    assert table.accuracy.tolist() == pytest.approx([0.605, 0.6])
    assert table.accuracy_end.tolist() == pytest.approx([0.9, 0.6])
    assert comparable(table) == {("mlp", "backprop"): 10, ("mlp", "feedback_alignment"): 20}
    (said,) = equal_accuracy_sentences(table)
    assert "ends with a validation accuracy of 0.600. 2 of 2 rules have a checkpoint within 0.02" in said
    assert "still differ by up to 0.005" in said


def test_a_rule_without_a_checkpoint_near_enough_is_not_comparable() -> None:
    table = equal_accuracy_table(accuracies({**ACCURACY, "backprop": (0.1, 0.8, 0.9)}))
    assert table.matched.tolist() == [False, True]
    assert comparable(table) == {}
    (said,) = equal_accuracy_sentences(table)
    assert "nothing is compared. Not comparable, with the nearest accuracy: backprop (0.800)" in said


def test_a_rule_no_better_than_readout_only_sets_no_accuracy_in_common() -> None:
    three = {**ACCURACY, "hebbian": (0.1, 0.2, 0.3)}
    assert equal_accuracy_table(accuracies(three)).target_accuracy.iloc[0] == pytest.approx(0.3)
    table = equal_accuracy_table(accuracies(three), {"mlp": ["hebbian"]})
    assert set(table.rule) == set(ACCURACY)
    assert table.target_accuracy.iloc[0] == pytest.approx(0.6)
    assert equal_accuracy_table(accuracies(), {"mlp": ["backprop"]}).empty
    assert len(equal_accuracy_table(accuracies(), {"cnn": ["backprop"]})) == 2


def test_without_earlier_checkpoints_or_accuracies_there_is_no_table() -> None:
    every = accuracies()
    assert equal_accuracy_table(every[every.step == 20]).empty
    assert equal_accuracy_table(every.assign(val_accuracy=np.nan)).empty
    assert equal_accuracy_sentences(tables.empty("equal_accuracy")) == []
    assert EqualCheckpoints().without(()) == ()


def test_the_step_nearest_to_the_lowest_end_is_taken_of_each_rule() -> None:
    rng = np.random.default_rng(0)
    steps = [1, 2, 4, 8, 16, 32]
    curves = {f"rule {k}": pd.Series(np.sort(rng.random(6)), index=steps) for k in range(5)}
    target, chosen = equally_accurate(curves)
    assert target == min(own[32] for own in curves.values())
    assert chosen == {rule: int((own - target).abs().idxmin()) for rule, own in curves.items()}
    assert len(set(chosen.values())) > 1


# -- what they support ------------------------------------------------------------------------------------------------


def instance(rule: str, seed: int, step: int, accuracy: float, bonus: float) -> Instance:
    """Return a network that shows of the brain's latent what its accuracy says, and ``bonus`` of the rule's own."""
    rng = np.random.default_rng([seed, step, len(rule)])
    latent = WORLD._latent()
    mixture, noise = rng.standard_normal((N_LATENT, 30)), rng.standard_normal((WORLD.n_stimuli, 30))
    layer = ((2 * accuracy + bonus) * latent @ mixture / 2 + 2 * noise).astype(np.float32)
    shown = Activations({"hidden": layer}, WORLD.ids, f"{rule}-{seed}-{step}")
    return Instance(rule, "mlp", seed, step, step / 20, step == STEPS[-1], shown, (16, 16))


def found(bonus: float, by_rule: Mapping[str, tuple[float, ...]] = ACCURACY) -> AlignmentResult:
    """Return what is found at the end and at equal accuracy, where feedback alignment has a bonus of its own."""
    instances = {
        (rule, step): [
            instance(rule, seed, step, value, bonus * (rule == "feedback_alignment")) for seed in range(WORLD.n_seeds)
        ]
        for rule, values in by_rule.items()
        for step, value in zip(STEPS, values, strict=True)
    }
    spec, scoring, source = RecordingSpec("made_up"), ScoringSpec(low_level=False), WORLD.source()
    ends = [one for (_, step), many in instances.items() if step == STEPS[-1] for one in many]
    table = equal_accuracy_table(accuracies(by_rule))
    steps = comparable(table)
    equal = [
        replace(one, final=True)
        for (rule, step), many in instances.items()
        if steps.get(("mlp", rule)) == step
        for one in many
    ]
    result = replace(align(ends, source, spec, scoring), equal_accuracy=table)
    if not equal:
        return result
    return with_equal_accuracy(result, score(equal, source, spec, scoring), Declared.of(scoring), {})


def test_rules_that_differ_by_accuracy_alone_differ_at_the_end_only() -> None:
    result = found(0.0)
    ((_, end),), ((_, equal),) = result.contrasts.iterrows(), result.contrasts_at_equal_accuracy.iterrows()
    assert end.kind == equal.kind == "vs_backprop"
    assert (end.verdict, equal.verdict) == ("lower", "inconclusive")
    assert end.p_adjusted < 0.01
    assert equal.p_adjusted > 0.1
    assert equal[["scope_subjects", "scope_stimuli", "scope_seeds"]].tolist() == ["random"] * 3
    assert result.ranks.supported.all()
    assert not result.ranks_at_equal_accuracy.supported.any()
    assert "G6" in set(result.gates_at_equal_accuracy.gate)


def test_rules_that_differ_beyond_accuracy_differ_at_equal_accuracy() -> None:
    result = found(0.6)
    assert result.contrasts_at_equal_accuracy.verdict.tolist() == ["higher"]
    assert result.contrasts_at_equal_accuracy.p_adjusted.item() < 1e-3
    assert result.ranks_at_equal_accuracy.supported.all()
    section = equal_accuracy(result)
    assert section is not None
    assert [one.state for one in section.verdicts] == ["limited"]  # low-level controls were not scored
    assert (
        "the data support the order feedback alignment (rank 1) > backprop (rank 2)"
        in section.verdicts[0].statements[0]
    )
    ((name, end, _, equal, _, p, verdict),) = section.differences.rows
    assert (name, p, verdict) == ("FA − backprop", "< 0.001", "higher")
    assert float(end.replace("−", "-")) == pytest.approx(result.contrasts.delta.item(), abs=5e-4)
    assert float(equal) == pytest.approx(result.contrasts_at_equal_accuracy.delta.item(), abs=5e-4)


def test_a_verdict_at_the_end_says_that_accuracy_may_explain_it() -> None:
    result = found(0.0)
    rows = accuracies().reindex(columns=list(tables.TABLES["training"].names)).fillna(0)
    trained = replace(result, training=tables.cast("training", rows))
    (verdict,) = verdicts(trained)
    assert "from 0.600 to 0.900: accuracy alone may explain an order." in verdict.reasons[-1]
    assert verdict.reasons[-1].endswith("Equal accuracy has a section of its own.")
    assert not any("may explain" in reason for one in verdicts(trained.at_equal_accuracy) for reason in one.reasons)
    (alone,) = verdicts(replace(trained, ranks_at_equal_accuracy=tables.empty("ranks_at_equal_accuracy")))
    assert alone.reasons[-1].endswith('checkpoints = "all" compares at equal accuracy.')
    alike = trained.training.assign(val_accuracy=0.7)
    assert not any(
        "may explain" in reason for one in verdicts(replace(trained, training=alike)) for reason in one.reasons
    )


def test_what_is_not_comparable_has_no_p_and_the_page_says_so() -> None:
    result = found(0.6, {**ACCURACY, "backprop": (0.1, 0.8, 0.9)})
    assert result.contrasts_at_equal_accuracy.empty
    section = equal_accuracy(result)
    assert section is not None
    assert section.verdicts == ()
    assert [row[-1] for row in section.checkpoints.rows] == ["not comparable", "yes"]
    assert [row[3:] for row in section.differences.rows] == [("–", "–", "–", "not comparable")]


def test_a_ranking_layer_that_no_network_here_has_declares_nothing() -> None:
    scoring = ScoringSpec(low_level=False)
    equal = [instance(rule, seed, 10, 0.6, 0.0) for rule in ACCURACY for seed in range(WORLD.n_seeds)]
    scores = score([replace(one, final=True) for one in equal], WORLD.source(), RecordingSpec("made_up"), scoring)
    declared = Declared(ranking_layer={"V1": "conv9"})
    result = with_equal_accuracy(AlignmentResult(tables.empty("alignment")), scores, declared, {})
    assert len(result.contrasts_at_equal_accuracy) == 1
