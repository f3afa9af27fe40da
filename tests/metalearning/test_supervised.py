"""The outer level of supervised learning on a tiny problem: it lowers its loss, resumes, keeps and refuses."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch.func import grad

from brainalign.credit.batch import Batch
from brainalign.errors import SpecError
from brainalign.metalearning import supervised
from brainalign.metalearning.evolution import Evolution
from brainalign.metalearning.learner import Learner
from brainalign.metalearning.lessons import Lessons
from brainalign.metalearning.supervised import (
    Lifetime,
    Unrolling,
    evolve_learner,
    fitness_of,
    judge_lesson,
    save_credit_network,
    search_rate,
    unroll_learner,
    validation_of,
)
from brainalign.metalearning.supervised_experiment import SupervisedOptions, summary, supervised_experiment
from brainalign.networks.architecture import architecture
from brainalign.randomness import stream
from brainalign.rules.backprop import Backprop
from brainalign.rules.top_down_credit import PHI, TopDownCredit
from brainalign.rules.weight_perturbation import WeightPerturbation
from brainalign.specs import TrainSpec
from brainalign.storage import read_tensors
from brainalign.training.train import train

LIFE = Lifetime(steps=6, looks=2, validation_lessons=2)
RULE = TopDownCredit(hidden=(4,), diffusion=3)


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    return Lessons("digits", batch_size=16, n_train=200, n_judge=40)


@pytest.fixture(scope="module")
def network(lessons: Lessons):
    return architecture("mlp", {"widths": (16,)}).build(lessons.task)


def test_parts_of_the_training_split_do_not_overlap(lessons: Lessons) -> None:
    parts = [lessons.inner[0], lessons.outer[0], lessons.validation[0], lessons.test[0]]
    assert [len(part) for part in parts] == [160, 40, 40, 500]
    assert len(torch.cat(parts[:2]).flatten(1).unique(dim=0)) == len(lessons.all[0].flatten(1).unique(dim=0))
    assert torch.cdist(parts[0].flatten(1), parts[1].flatten(1)).min() > 0


def test_a_lifetime_is_what_the_trainer_does(lessons: Lessons, network, tmp_path: Path) -> None:
    spec = TrainSpec(
        "backprop", "mlp", "digits", network_options={"widths": (16,)}, seeds=(3,), epochs=1, batch_size=16,
        n_train=200, optimizer="sgd", learning_rate=0.2, schedule="constant", n_checkpoints=2,
    )  # fmt: skip
    trained = train(spec, tmp_path).checkpoint
    learner = Learner(Backprop(), network, "rate", 0.2)
    lesson = lessons.unseen(learner, (3,), trained.step)
    one = Batch(*(tensor[0] for tensor in lesson.batches))
    params, _ = learner.live(learner.start(stream(0)), {n: t[0] for n, t in lesson.params.items()}, {}, one)
    for name, value in params.items():
        torch.testing.assert_close(value, trained.params[name][0], rtol=1e-4, atol=1e-5)


def test_what_theta_holds(network) -> None:
    layers = Learner(Backprop(), network, "layer_rates", 0.2)
    assert layers.n_parameters == 2
    credit = Learner(RULE, network, "credit", 0.2)
    theta = credit.start(stream(0))
    assert len(theta) == credit.n_parameters == RULE.top(network).n_parameters + 1
    assert float(theta[-1].exp()) == pytest.approx(0.2)
    with pytest.raises(SpecError, match="credits that diffuse, fit any network"):
        layers.on(architecture("mlp", {"widths": (8, 8)}).build(network.task))
    credit.on(architecture("mlp", {"widths": (8, 8)}).build(network.task))


def test_rates_of_layers_reach_their_layers(lessons: Lessons, network) -> None:
    learner = Learner(Backprop(), network, "layer_rates")
    lesson = lessons.draw(learner, 0, 1, 1)
    params = {name: tensor[0] for name, tensor in lesson.params.items()}
    one = Batch(*(tensor[0] for tensor in lesson.batches))
    updates = Backprop().step(network, params, {}, Batch(*(t[0] for t in one)), {}).updates
    moved, _ = learner.live(torch.tensor([0.5, 2.0]).log(), params, {}, one)
    for name, rate in (("hidden1.weight", 0.5), ("hidden1.bias", 0.5), ("readout.weight", 2.0)):
        torch.testing.assert_close(params[name] - moved[name], rate * updates[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("diffusion", [0, 3])
def test_evolution_lowers_the_outer_loss(lessons: Lessons, network, tmp_path: Path, diffusion: int) -> None:
    learner = Learner(replace(RULE, diffusion=diffusion), network, "credit", 0.02)
    options = Evolution(generations=12, population=16, sigma=0.1, learning_rate=0.5, validate_every=4)
    outer = evolve_learner(learner, lessons, LIFE, options, tmp_path)
    validate = validation_of(learner, lessons, LIFE)
    assert validate(outer.theta) < validate(learner.start(stream(LIFE.seed, "theta"))) - 0.03
    assert outer.lifetimes == 12 * 16
    assert outer.learning_rate > 0.02


def test_a_control_that_teaches_the_readout_alone_leaves_hidden_layers_as_drawn(lessons: Lessons, network) -> None:
    learner = Learner(Backprop(), network, "readout_rate", 0.5)
    lesson = lessons.draw(learner, 0, 1, 3)
    params = {name: tensor[0] for name, tensor in lesson.params.items()}
    moved, _ = learner.live(learner.start(stream(0)), params, {}, Batch(*(t[0] for t in lesson.batches)))
    assert torch.equal(moved["hidden1.weight"], params["hidden1.weight"])
    assert not torch.equal(moved["readout.weight"], params["readout.weight"])
    assert learner.n_parameters == 1


def test_a_lifetime_can_be_judged_by_mistakes_which_cannot_be_unrolled(lessons: Lessons, network, tmp_path) -> None:
    life = replace(LIFE, judged_by="mistakes")
    learner = Learner(Backprop(), network, "rate")
    validate = validation_of(learner, lessons, life)
    found = validate(torch.tensor([0.3]).log())
    assert (found * 40 * LIFE.looks * LIFE.validation_lessons) % 1 == pytest.approx(0, abs=1e-3)
    assert found < 0.9
    with pytest.raises(SpecError, match="judged_by is 'mistakes'; expected 'loss' for unrolling"):
        unroll_learner(Learner(RULE, network, "credit"), lessons, life, Unrolling(1), tmp_path)


def test_unrolling_lowers_the_outer_loss(lessons: Lessons, network, tmp_path: Path) -> None:
    learner = Learner(RULE, network, "credit", 0.02)
    outer = unroll_learner(learner, lessons, LIFE, Unrolling(30, 0.05), tmp_path)
    validate = validation_of(learner, lessons, LIFE)
    assert validate(outer.theta) < validate(learner.start(stream(LIFE.seed, "theta"))) - 0.03


@pytest.mark.parametrize("derivative", [True, False])
def test_the_gradient_through_lifetimes_equals_finite_differences(lessons: Lessons, derivative: bool) -> None:
    net = architecture("mlp", {"widths": (8,), "activation": "tanh"}).build(lessons.task)
    learner = Learner(replace(RULE, derivative=derivative, scale=1), net, "credit", 0.3)
    lesson = lessons.draw(learner, 1, 2, 4)
    double = [{n: t.double() for n, t in part.items()} for part in (lesson.params, lesson.state)]
    lesson = replace(
        lesson, params=double[0], state=double[1], batches=lesson.batches._replace(x=lesson.batches.x.double())
    )
    samples = (lessons.outer[0].double(), lessons.outer[1])
    theta = learner.start(stream(5)).double() + 0.1
    slope = grad(lambda theta: judge_lesson(learner, theta, lesson, samples, LIFE))(theta)
    for k in (0, 30, len(theta) - 3, len(theta) - 1):
        step = torch.zeros_like(theta)
        step[k] = 1e-6
        above, below = (judge_lesson(learner, theta + sign * step, lesson, samples, LIFE) for sign in (1, -1))
        assert float(slope[k]) == pytest.approx(float(above - below) / 2e-6, rel=1e-4, abs=1e-8)


def test_a_searched_rate_beats_its_neighbours_far_off(lessons: Lessons, network, tmp_path: Path) -> None:
    learner = Learner(Backprop(), network, "rate")
    outer = search_rate(learner, lessons, LIFE, 24, tmp_path, n_rates=8)
    assert (outer.lifetimes, len(outer.history)) == (24, 8)
    validate = validation_of(learner, lessons, LIFE)
    assert validate(outer.theta) < min(validate(torch.tensor([rate]).log()) for rate in (0.001, 3.0))


@pytest.mark.parametrize("kind", ["evolve", "unroll", "search"])
def test_a_killed_run_goes_on_and_ends_with_the_same_bits(
    kind: str, lessons: Lessons, network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("brainalign.metalearning.memory._SAVE_EVERY_SECONDS", 0)

    def run(folder: Path, progress=None):
        learner = Learner(RULE, network, "credit")
        if kind == "evolve":
            return evolve_learner(learner, lessons, LIFE, Evolution(5, 4, validate_every=2), folder, progress)
        if kind == "unroll":
            return unroll_learner(learner, lessons, LIFE, Unrolling(5), folder, progress)
        return search_rate(Learner(RULE, network, "rate"), lessons, LIFE, 20, folder, progress, n_rates=4)

    def killed(done: int, total: int, text: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", killed)
    measured: list[int] = []
    resumed = run(tmp_path / "killed", lambda done, *_: measured.append(done))
    assert torch.equal(whole.theta, resumed.theta)
    pd.testing.assert_frame_equal(whole.history, resumed.history)
    assert torch.equal(run(tmp_path / "whole").theta, whole.theta)


def test_a_finished_run_is_not_measured_again(lessons: Lessons, network, tmp_path: Path, monkeypatch) -> None:
    learner = Learner(RULE, network, "credit")
    options = Evolution(3, 4)
    evolve_learner(learner, lessons, LIFE, options, tmp_path)
    monkeypatch.setattr(Learner, "live", None)
    evolve_learner(learner, lessons, LIFE, options, tmp_path)
    with pytest.raises(TypeError):
        evolve_learner(learner, lessons, LIFE, Evolution(3, 4, sigma=0.1), tmp_path)


def test_runs_are_named_by_what_networks_do(lessons: Lessons) -> None:
    options = {"widths": (16,)}
    nets = [
        architecture("mlp", {**options, "activation": name}).build(lessons.task) for name in ("relu", "relu", "elu")
    ]
    keys = [supervised._key(Learner(RULE, net, "credit"), lessons, LIFE, Evolution(3, 4)) for net in nets]
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]


def test_candidates_of_a_generation_meet_the_same_networks(lessons: Lessons, network) -> None:
    fitness = fitness_of(Learner(Backprop(), network, "rate"), lessons, LIFE)
    same = torch.full((2, 1), -2.0)
    first, second = (fitness(same, stream(seed)) for seed in range(2))
    assert first[0] == first[1]
    assert first[0] != second[0]


def test_a_kept_credit_network_is_the_one_the_rule_uses(lessons: Lessons, network, tmp_path: Path) -> None:
    learner = Learner(RULE, network, "credit")
    outer = unroll_learner(learner, lessons, LIFE, Unrolling(2), tmp_path / "outer")
    path = tmp_path / "mine.safetensors"
    save_credit_network(path, outer, dataset="digits")
    rule = TopDownCredit(credit_network=str(path))
    assert (rule.hidden, rule.diffusion) == ((4,), 3)
    assert torch.equal(rule.init(network, {}, stream(0))[PHI], outer.theta[:-1])
    facts = read_tensors(path)[1]
    assert facts["learning_rate"] == pytest.approx(outer.learning_rate)
    assert facts["dataset"] == "digits"
    rate = replace(outer, learner=Learner(Backprop(), network, "rate"))
    with pytest.raises(SpecError, match="trained no credit network"):
        save_credit_network(path, rate)


def test_the_experiment_writes_tidy_tables(tmp_path: Path) -> None:
    options = SupervisedOptions(
        network_options={"widths": (16,)}, transfers=(("digits", "cnn", {"channels": (4,), "hidden": 8}),),
        rule=RULE, life=LIFE, evolution=Evolution(2, 4), unrolling=Unrolling(2),
        seeds=(0, 1), moments=(1, 4), transfer_lifetimes=64, n_train=200, batch_size=16,
    )  # fmt: skip
    table = supervised_experiment(options, tmp_path)
    counts = table.groupby(["method", "rate", "network"]).size()
    assert set(counts) == {4}
    own, away = table[table.network == "mlp 16"], table[table.network == "cnn 4-8"]
    fit = {"backprop", "random credit", "diffused credit", "diffused credit, unrolled"}
    fit |= {"diffused credit, readout too, unrolled"}
    assert set(own.method) == set(options.methods)
    assert set(own.rate) == {"as trained"}
    for rate in ("as trained", "searched there"):
        assert set(away.method[away.rate == rate]) == fit
    there = away[away.rate == "searched there"].groupby("method").trained_on.first()
    assert there["backprop"] == there["random credit"] == "digits cnn 4-8"
    assert there["diffused credit"] == "digits mlp 16; rate: digits cnn 4-8"
    short = summary(table, (4,))
    assert len(short) == len(counts)
    mine = own[(own.method == "random credit") & (own.step == 4)].accuracy
    row = short[(short.method == "random credit") & (short.network == "mlp 16")].iloc[0]
    assert (row.accuracy_mean, row.accuracy_sd) == pytest.approx((mine.mean(), mine.std()))
    written = pd.read_csv(tmp_path / "supervised.csv")
    assert supervised_experiment(options, tmp_path).accuracy.tolist() == pytest.approx(written.accuracy.tolist())


def test_bad_options_give_one_line(network) -> None:
    with pytest.raises(SpecError, match="looks is 4; expected a divisor of steps 50"):
        Lifetime(looks=4)
    with pytest.raises(SpecError, match="moves is 'weights'; expected one of: credit, rate, layer_rates"):
        Learner(Backprop(), network, "weights")
    with pytest.raises(SpecError, match="rule 'backprop' has no credit network"):
        Learner(Backprop(), network, "credit")
    with pytest.raises(SpecError, match="draws noise at every step"):
        Learner(WeightPerturbation(), network, "rate")
    with pytest.raises(SpecError, match="Unknown method 'sgd'"):
        SupervisedOptions(methods=("sgd",))
    with pytest.raises(SpecError, match="not the outer level's, 100"):
        SupervisedOptions(seeds=(100,))
    with pytest.raises(SpecError, match="expected increasing numbers of steps"):
        SupervisedOptions(moments=(5, 2))
    with pytest.raises(SpecError, match="too few for batches of 300"):
        Lessons("digits", batch_size=300, n_train=350)
