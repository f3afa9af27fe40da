"""The instrument: what it sees of a step, that it changes nothing, and what it can change."""

import pytest
import torch

from brainalign.plausibility.forward_pass import forward_pass, rows_met
from brainalign.plausibility.subject import PROBED, Subject, probed_network
from brainalign.plausibility.tap import INDEX, Tap, X, Y
from brainalign.rules.learning_rule import learning_rule, learning_rules


def _subject(rule: str, network: str = "mlp", **options: object) -> Subject:
    return Subject(learning_rule(rule, options), probed_network(network), seeds=(0,), horizon=2, training=0, after=1)


@pytest.mark.parametrize("network", PROBED)
@pytest.mark.parametrize("rule", learning_rules())
def test_a_rule_cannot_tell_that_it_is_watched(rule: str, network: str) -> None:
    subject = _subject(rule, network)
    if subject.rule.incompatibility(subject.network):
        pytest.skip("declared incompatible")
    moment = subject.path(0)[1]
    alone = subject.step(moment)
    watched, tap = subject.watch(moment)
    assert all(torch.equal(alone.updates[name], watched.updates[name]) for name in alone.updates)
    assert all(torch.equal(alone.state[name], watched.state[name]) for name in alone.state)
    assert {matrix for crossing in tap.crossings for matrix in crossing.matrices} & set(moment.params)


def test_backpropagation_crosses_every_weight_forwards_and_all_but_the_first_back() -> None:
    subject = _subject("backprop")
    _, tap = subject.watch(subject.path(0)[0])
    seen = [(next(iter(c.matrices)).removesuffix(".weight"), c.forward, c.senders, c.receivers) for c in tap.crossings]
    assert seen == [
        ("hidden1", True, 64, 112), ("hidden2", True, 112, 104), ("hidden3", True, 104, 96), ("readout", True, 96, 5),
        ("readout", False, 5, 96), ("hidden3", False, 96, 104), ("hidden2", False, 104, 112),
    ]  # fmt: skip


def test_convolutions_are_crossings_whose_columns_rebuild_the_current() -> None:
    subject = _subject("backprop", "cnn")
    moment = subject.path(0)[0]
    _, tap = subject.watch(moment)
    crossing = next(c for c in tap.crossings if c.forward and c.matrices == {"conv2.weight"})
    rebuilt = crossing.columns() @ moment.params["conv2.weight"].flatten(1).T
    torch.testing.assert_close(rebuilt, crossing.current.movedim(1, -1).reshape(-1, crossing.receivers))
    assert sum(not c.forward for c in tap.crossings) == 3


def test_a_square_recurrent_weight_is_told_forwards_from_backwards() -> None:
    subject = _subject("backprop", "rnn")
    moment = subject.path(0)[0]
    steps = 4
    plain = forward_pass(subject, moment)
    assert all(c.forward for c in plain.crossings)
    assert rows_met(plain)["rnn1.recurrent.weight"] == (steps - 1) * len(moment.batch.y)
    _, tap = subject.watch(moment)
    back = [c for c in tap.crossings if c.matrices == {"rnn1.recurrent.weight"} and not c.forward]
    assert len(back) == steps - 1


def test_what_an_update_rests_on_is_known() -> None:
    subject = _subject("delayed_feedback", initial="ones")
    step, tap = subject.watch(subject.path(0)[0])
    hidden, readout = (tap.node(step.updates[name]) for name in ("hidden1.weight", "readout.weight"))
    assert tap.reads(hidden, X)
    assert tap.reads(hidden, INDEX)
    assert not tap.reads(hidden, Y)
    assert tap.reads(readout, Y)


def test_signs_and_trembles_of_a_matrix_are_that_matrix_and_updates_of_it_are_not() -> None:
    w, x = torch.randn(4, 3, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    noise = {"tremble": torch.randn(4, 3, dtype=torch.float64), "dust": torch.randn(2, 4, dtype=torch.float64)}
    batch = _batch(x)
    with Tap({"w": w}, {}, batch, noise) as tap:
        u = batch.x @ w.sign().T
        batch.x @ (w + 0.1 * noise["tremble"]).T
        outer = u.T @ batch.x
        batch.x @ outer.T
        noise["dust"] @ w
    assert [(c.matrices, c.forward) for c in tap.crossings] == [({"w"}, True), ({"w"}, True), ({"w"}, False)]


def test_replayed_currents_cut_the_graph() -> None:
    subject = _subject("feedback_alignment")
    moment = subject.path(0)[0]
    before, tap = subject.watch(moment)
    currents = [c.current for c in tap.crossings]
    kick = {0: torch.ones_like(currents[0])}
    after, seen = subject.watch(moment, replay=currents, disturb=kick)
    torch.testing.assert_close(seen.crossings[0].current, currents[0] + 1)
    # The second layer's current stays as it was, so only what reads the first layer's own activity changes.
    changed = {name for name in before.updates if not torch.equal(before.updates[name], after.updates[name])}
    assert changed == {"hidden1.weight", "hidden1.bias", "hidden2.weight"}


def test_messages_and_matrices_can_be_altered_with_and_without_record() -> None:
    subject = _subject("backprop")
    moment = subject.path(0)[0]
    first = subject.step(moment)
    for record in (True, False):
        seen = []

        def silence(message, matrix, meeting, seen=seen):
            seen.append((meeting.order, meeting.forward))
            return (message if meeting.forward else 0 * message), matrix

        silent, _ = subject.watch(moment, alter=silence, record=record)
        assert seen == [(k, k < 4) for k in range(7)]
        assert not silent.updates["hidden1.weight"].any()
        torch.testing.assert_close(silent.updates["readout.weight"], first.updates["readout.weight"])


def test_slopes_can_be_taken_for_one() -> None:
    subject = _subject("backprop")
    moment = subject.path(0)[0]
    bent, _ = subject.watch(moment)
    straight, _ = subject.watch(moment, slope=lambda error, passed: error.expand_as(passed))
    assert not torch.equal(bent.updates["hidden3.weight"], straight.updates["hidden3.weight"])
    assert torch.equal(bent.updates["readout.weight"], straight.updates["readout.weight"])


def _batch(x: torch.Tensor):
    from brainalign.credit.batch import Batch

    return Batch(x, torch.zeros(len(x), dtype=torch.long), torch.arange(len(x)))
