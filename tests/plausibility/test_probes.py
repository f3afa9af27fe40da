"""The certification matrix: what every probe must say of every rule, and of rules that cheat."""

import pytest

from brainalign.plausibility.candidate import candidates
from brainalign.plausibility.control_rules import Clamped, Crowd
from brainalign.plausibility.null_space import unfelt_changes
from brainalign.plausibility.probe import probes
from brainalign.plausibility.scorecard import probe as probe_rule
from brainalign.plausibility.subject import Subject, probed_network
from brainalign.plausibility.unsupported import Unsupported
from brainalign.rules.learning_rule import LearningRule, learning_rule, learning_rules
from tests.plausibility.adversaries import Diary, EpochalCopy, LayerNorm, NowAndThen, Peeker, Praise

#: Rule to: weights not transported (None: cannot tell), locality beside that (audit, neighbours), waits of three hidden
#: layers in synapses, update locked, backward locked, phases, numbers about the target, memory of samples.
MATRIX: dict[str, tuple[bool | None, bool, bool, tuple[int, ...], bool, bool, int, int, bool]] = {
    "backprop": (False, True, True, (6, 4, 2), True, True, 2, 4, False),
    "contrastive_hebbian": (False, True, True, (62, 61, 60), True, True, 2, 4, False),
    "counter_current": (True, False, True, (2, 0, 0), False, True, 1, 4, False),
    "delayed_feedback": (True, True, True, (0, 0, 0), False, False, 1, 4, True),
    "difference_target_propagation": (True, True, True, (7, 5, 3), True, True, 3, 4, False),
    "direct_feedback_alignment": (True, True, True, (4, 3, 2), True, False, 2, 4, False),
    "direct_random_target_projection": (True, True, True, (0, 0, 0), False, False, 1, 4, False),
    "dual_propagation": (False, True, True, (6, 5, 3), True, True, 2, 4, False),
    "equilibrium_propagation": (False, True, True, (60, 60, 59), True, True, 2, 4, False),
    "feedback_alignment": (True, True, True, (6, 4, 2), True, True, 2, 4, False),
    "fixed_weight_target_propagation": (True, True, True, (6, 4, 2), True, True, 2, 4, False),
    "forward_forward": (True, False, True, (0, 0, 0), False, False, 3, 4, False),
    "forward_gradient": (None, False, True, (1, 1, 1), False, False, 1, 4, False),
    "hebbian": (True, False, True, (0, 0, 0), False, False, 1, 0, False),
    "kolen_pollack": (True, True, True, (6, 4, 2), True, True, 2, 4, False),
    "local_difference_reconstruction": (True, True, True, (8, 6, 4), True, True, 4, 4, False),
    "local_losses": (False, False, True, (2, 2, 2), False, False, 2, 4, False),
    "node_perturbation": (True, True, True, (3, 2, 1), True, False, 2, 1, False),
    "pepita": (True, True, True, (5, 5, 5), True, False, 2, 4, False),
    "predictive_coding": (False, True, True, (40, 40, 40), True, True, 2, 4, False),
    "reward_modulated_stdp": (True, False, True, (0, 0, 0), False, False, 1, 1, False),
    "sign_symmetry": (False, True, True, (6, 4, 2), True, True, 2, 4, False),
    "stdp": (True, False, True, (0, 0, 0), False, False, 1, 0, False),
    "target_propagation": (True, True, True, (8, 6, 4), True, True, 4, 4, False),
    "top_down_credit": (True, True, True, (6, 5, 4), True, True, 2, 4, False),
    "two_views": (False, True, True, (8, 6, 4), True, True, 3, 0, False),
    "weight_mirror": (True, True, True, (6, 4, 2), True, True, 3, 4, False),
    "weight_perturbation": (True, True, True, (3, 2, 1), True, False, 32, 4, False),
}
_CODES = ("P1", "P2", "P2a", "P3", "P3b", "P3c", "P4", "P5", "P8d", "P10b")
#: Rules whose way back is linear; one of dual propagation's states is, to rounding.
_LINEAR = {
    "backprop", "delayed_feedback", "direct_feedback_alignment", "direct_random_target_projection", "dual_propagation",
    "feedback_alignment", "fixed_weight_target_propagation", "kolen_pollack", "local_difference_reconstruction",
    "local_losses", "sign_symmetry", "two_views", "weight_mirror",
}  # fmt: skip

#: Rules without signals that cross synapses on a way back.
_NO_WAY_BACK = {
    "forward_forward", "forward_gradient", "hebbian", "node_perturbation", "reward_modulated_stdp", "stdp",
    "weight_perturbation",
}  # fmt: skip


def _subject(rule: LearningRule, network: str = "mlp", **options: object) -> Subject:
    return Subject(rule, probed_network(network), seeds=(0,), **options)


def _passes(code: str, subject: Subject) -> bool | None:
    one = probes()[code]
    return one.passes(one.measure(subject))


def test_every_rule_that_learns_has_its_row() -> None:
    assert set(MATRIX) == {n for n, rule in learning_rules().items() if rule.learns and rule.role == "trained"}


@pytest.mark.parametrize("name", MATRIX)
def test_certification_matrix(name: str) -> None:
    unmoved, local, own_rows, waits, update, backward, phases, numbers, remembers = MATRIX[name]
    found = probe_rule(candidates([name])[0], "mlp", _CODES, (0,))
    assert found["P1"]["pass"] is unmoved, found["P1"]["note"]
    assert found["P2"]["pass"] is local, found["P2"]["note"]
    assert found["P2a"]["pass"] is own_rows
    assert found["P3"]["note"] == f"by weight: {', '.join(map(str, waits))}"
    assert found["P3b"]["pass"] is not update
    assert found["P3c"]["pass"] is not backward
    assert found["P4"]["hi"] == phases
    assert found["P5"]["hi"] == numbers
    assert found["P8d"]["pass"] is (None if name in _NO_WAY_BACK else name not in _LINEAR)
    assert found["P10b"]["pass"] is not remembers


def test_variants_move_as_they_must() -> None:
    own_feedback = learning_rule("predictive_coding", {"feedback": "random"})
    assert _passes("P1", _subject(own_feedback)) is True
    one_tremble = learning_rule("weight_perturbation", {"samples": 1})
    assert max(probes()["P5"].measure(_subject(one_tremble)).values) == 1
    oja = learning_rule("hebbian", {"competition": "linear", "standardise": False})
    for code in ("P1", "P2", "P2a", "P3", "P4", "P5", "P7"):
        assert _passes(code, _subject(oja)) is True
    subspace = learning_rule("hebbian", {"competition": "linear", "reconstruction": "ordered", "standardise": False})
    assert _passes("P2a", _subject(subspace)) is False


@pytest.mark.parametrize("name", ["forward_forward", "hebbian", "stdp"])
def test_without_a_message_nobody_can_tell_whether_errors_are_unsigned(name: str) -> None:
    found = probe_rule(candidates([name])[0], "mlp", ("P6", "P6b"), (0,))
    assert found["P6"]["pass"] is None
    assert found["P6"]["note"].startswith("no message: ")
    assert found["P6b"]["pass"] is None


@pytest.mark.parametrize("name", ["node_perturbation", "reward_modulated_stdp", "weight_perturbation"])
def test_a_global_signal_that_goes_below_zero_is_signed(name: str) -> None:
    found = probe_rule(candidates([name])[0], "mlp", ("P6",), (0,))["P6"]
    assert found["pass"] is False
    assert found["outcome"] == 1
    assert "goes below zero" in found["note"]


def test_a_global_signal_that_never_goes_below_zero_is_unsigned() -> None:
    found = probes()["P6"].measure(_subject(Praise()))
    assert found.values == (0.0,)
    assert "never has both signs" in found.note


def test_predictive_coding_with_feedback_weights_of_its_own_is_local() -> None:
    own = _subject(learning_rule("predictive_coding", {"feedback": "random"}))
    for code in ("P1", "P2", "P2a"):
        assert _passes(code, own) is True
    assert max(probes()["P2"].measure(own).values) == 0
    # The rule as it is, probed for locality with that option, is the same; its transport is another matter.
    default = _subject(learning_rule("predictive_coding"))
    assert default.separated.rule == own.rule
    assert _passes("P2a", default) is True
    assert _passes("P1", default) is False


def test_transport_is_counted_once() -> None:
    backprop = _subject(learning_rule("backprop"))
    assert [_passes(code, backprop) for code in ("P1", "P2", "P2a")] == [False, True, True]
    assert "left to P1" in probes()["P2a"].measure(backprop).note


@pytest.mark.parametrize(
    ("rule", "options", "phases", "note"),
    [
        ("weight_mirror", {}, 3, "noise alone"),
        ("feedback_alignment", {}, 2, ""),
        ("local_difference_reconstruction", {"feedback_steps": 0}, 2, ""),
        ("local_difference_reconstruction", {"feedback_steps": 3}, 5, ""),
    ],
)
def test_phases_in_which_feedback_weights_learn_are_counted(rule: str, options: dict, phases: int, note: str) -> None:
    found = probes()["P4"].measure(_subject(learning_rule(rule, options)))
    assert set(found.values) == {phases}
    assert note in found.note


@pytest.mark.parametrize(
    "name",
    ["delayed_feedback", "direct_random_target_projection", "counter_current", "hebbian", "reward_modulated_stdp"],
)
def test_readouts_wait_for_a_signed_error_where_hidden_layers_need_not(name: str) -> None:
    found = probe_rule(candidates([name])[0], "mlp", ("P4", "P4d"), (0,))
    assert found["P4"]["pass"] is True
    assert found["P4d"]["pass"] is False
    assert "both signs" in found["P4d"]["note"]


def test_a_readout_that_is_clamped_need_not_answer_first() -> None:
    assert _passes("P4d", _subject(Clamped())) is True
    vote = learning_rule("reward_modulated_stdp", {"readout": "vote"})
    with pytest.raises(Unsupported, match="readout does not learn"):
        probes()["P4d"].measure(_subject(vote))


def test_spikes_of_one_size_are_spikes_and_traces_that_nothing_learns_from_are_no_messages() -> None:
    assert _passes("P8", _subject(learning_rule("reward_modulated_stdp"))) is True
    assert max(probes()["P8"].measure(_subject(learning_rule("equilibrium_propagation"))).values) < 0.9


@pytest.mark.parametrize("network", ["mlp", "cnn"])
def test_the_null_space_separates_by_six_orders_of_magnitude(network: str) -> None:
    guilty, innocent = (
        max(one.others for one in unfelt_changes(_subject(learning_rule(name), network, horizon=3)))
        for name in ("backprop", "feedback_alignment")
    )
    assert guilty > 0.1
    assert innocent < 1e-6 * guilty


@pytest.mark.parametrize("network", ["rnn", "transformer"])
@pytest.mark.parametrize(("rule", "clean"), [("backprop", False), ("feedback_alignment", True), ("hebbian", True)])
def test_recurrent_and_attention_synapses_are_probed_too(network: str, rule: str, clean: bool) -> None:
    assert _passes("P1", _subject(learning_rule(rule), network, horizon=2, training=2, after=1)) is clean


# -- rules that cheat -------------------------------------------------------------------------------------------------


def test_transport_at_every_tenth_step_is_seen() -> None:
    assert _passes("P1", _subject(NowAndThen(), horizon=8, training=0, after=1)) is True  # not yet
    assert _passes("P1", _subject(NowAndThen())) is False


def test_a_copy_of_signs_refreshed_each_epoch_is_seen() -> None:
    assert _passes("P1", _subject(EpochalCopy(), horizon=6, training=0, after=1)) is True  # not yet
    assert _passes("P1", _subject(EpochalCopy())) is False


def test_a_learned_mirror_passes_and_shows_its_angle() -> None:
    subject = _subject(learning_rule("weight_mirror", {"warm_up": 0}), training=60)
    assert _passes("P1", subject) is True
    start, end = probes()["P1b"].measure(subject).values
    assert start > 85
    assert end < start - 10


def test_a_norm_over_the_layer_is_seen() -> None:
    assert _passes("P2", _subject(LayerNorm())) is False
    assert _passes("P2d", _subject(LayerNorm())) is False


def test_peeking_at_the_next_batch_is_seen_as_memory_of_the_last() -> None:
    measured = probes()["P10b"].measure(_subject(Peeker()))
    assert max(measured.values) > 0
    assert "waiting/x" in measured.note


def test_state_per_sample_is_seen() -> None:
    measured = probes()["P10b"].measure(_subject(Diary()))
    assert measured.values == (1.0,)
    assert _passes("P10c", _subject(Diary())) is False


def test_a_rule_that_needs_company_learns_nothing_from_samples_one_at_a_time() -> None:
    online = probes()["P10e"]
    crowd, alone = (max(online.measure(_subject(rule)).values) for rule in (Crowd(), learning_rule("backprop")))
    assert alone > 0.6
    assert crowd < 0.1


# -- probes that cannot tell ------------------------------------------------------------------------------------------


def test_an_empty_null_space_is_no_pass() -> None:
    subject = Subject(learning_rule("feedback_alignment"), _narrow(), seeds=(0,), horizon=2, training=0, after=1)
    with pytest.raises(Unsupported, match=r"null space empty, .* states span all"):
        probes()["P1"].measure(subject)


def test_a_rule_that_does_not_learn_has_nothing_to_be_probed() -> None:
    found = probe_rule(candidates(["untrained"])[0], "mlp", ("P1", "P3", "P11"), (0,))
    assert "learns nothing" in found["P1"]["note"]
    assert "no hidden weight changes" in found["P11"]["note"]
    assert all(record["pass"] is None for record in found.values())


def test_an_incompatible_pair_says_why() -> None:
    found = probe_rule(candidates(["contrastive_hebbian"])[0], "rnn", ("P1",), (0,))
    assert found["P1"]["pass"] is None
    assert len(found["P1"]["note"]) > 10


def _narrow():
    from brainalign.networks.architecture import architecture
    from brainalign.plausibility.subject import TASK

    return architecture("mlp", {"widths": (2, 2)}).build(TASK)
