"""Policies that learn by credit: the update itself, policy gradients, tables, gymnasium's returns, refusals."""

import pytest
import torch

from brainalign.errors import SpecError
from brainalign.metalearning.control_tasks import control_task
from brainalign.metalearning.credit_policy import CreditPolicy, Policy, returns
from brainalign.metalearning.evolution import Evolution
from brainalign.metalearning.policy_baselines import PolicyGradient, lifetime_policy_gradient
from brainalign.metalearning.reinforcement import (
    ReinforcementOptions,
    gymnasium_returns,
    reinforcement_experiment,
    train_method,
)

TASK = control_task("cart_pole")
SMALL = CreditPolicy("cart_pole", width=6, n_credits=2, hidden=(3,), learning_steps=20)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _balancing() -> Policy:
    """Return a policy that pushes the cart under the pole, which balances CartPole."""
    inner = torch.tensor([[0.02, 0.1, 1.0, 1.0]]) * 0.01  # in the linear part of tanh
    return Policy(inner[None], torch.tensor([[-1.0], [1.0]])[None])


def test_credit_zero_changes_nothing() -> None:
    world = SMALL.world(3, _generator())
    policy = SMALL.learn(torch.zeros(2, SMALL.network.n_parameters), world, TASK.settings)
    assert torch.equal(policy.inner, world.policy.inner.expand_as(policy.inner))


def test_one_step_is_credit_times_presynaptic_activity() -> None:
    options = CreditPolicy("cart_pole", width=6, n_credits=2, hidden=(), learning_steps=1)
    world = options.world(3, _generator())
    phi = torch.zeros(1, options.network.n_parameters)
    phi[0, -2:] = torch.tensor([0.3, -0.8])  # a linear network of biases emits the same credits whatever it reads
    credit = torch.tanh(phi[0, -2:])
    learned = options.learn(phi, world, TASK.settings)
    senses = TASK.senses(world.starts[0])
    hidden = world.policy.hidden(senses)
    on_hidden, on_actions = options.kernels
    for k in range(3):
        grown = options.rate * torch.outer(on_hidden @ credit, senses[k])
        assert torch.allclose(learned.inner[0, k] - world.policy.inner[k], grown, atol=1e-6)
        grown = options.rate * torch.outer(on_actions @ credit, hidden[k])
        assert torch.allclose(learned.outer[0, k] - world.policy.outer[k], grown, atol=1e-6)


def test_lifetimes_of_many_networks_equal_those_of_one() -> None:
    world = SMALL.world(4, _generator())
    phi = torch.stack([SMALL.network.init(_generator(k)) for k in range(3)])
    together = SMALL.learn(phi, world, TASK.settings).inner
    alone = torch.cat([SMALL.learn(one[None], world, TASK.settings).inner for one in phi])
    assert torch.allclose(together, alone, atol=1e-4)


def test_a_balancing_policy_earns_all_there_is_here_and_in_gymnasium() -> None:
    pytest.importorskip("gymnasium")
    starts = TASK.draw((20,), _generator())
    assert float(returns(TASK, _balancing(), starts, TASK.settings).mean()) == 500
    assert float(gymnasium_returns(TASK, _balancing(), TASK.settings, 3, 0).mean()) == 500
    backwards = TASK.setting("reversed")
    assert float(returns(TASK, _balancing(), starts, backwards).mean()) < 15
    assert float(gymnasium_returns(TASK, _balancing(), backwards, 3, 0).mean()) < 15


def test_the_policy_gradient_learns_to_balance() -> None:
    drawn = CreditPolicy("cart_pole", width=16).world(1, _generator()).policy
    policy, steps = PolicyGradient(15, episodes=8).learn(TASK, drawn, torch.tensor([0.03]), TASK.settings, _generator())
    starts = TASK.draw((20,), _generator(1))
    before = returns(TASK, drawn, starts, TASK.settings).mean()
    assert returns(TASK, policy, starts, TASK.settings).mean() > before + 30
    assert steps > 15 * 8 * 8


def test_the_gradient_within_a_lifetime_is_the_score_times_the_surprise() -> None:
    options = CreditPolicy("pendulum", width=5, learning_steps=1)
    task = options.control
    world = options.world(1, _generator())
    learned = lifetime_policy_gradient(options, torch.tensor([0.5]), world, task.settings)
    weights = [world.policy.inner[0].clone().requires_grad_(), world.policy.outer[0].clone().requires_grad_()]
    senses = task.senses(world.starts[0, 0])
    policy = Policy(*weights)
    logs = torch.log_softmax(policy.logits(policy.hidden(senses)), -1)
    action = (world.chance[0, 0] > logs.exp().cumsum(-1)[:-1]).sum(-1)
    _, reward, _ = task.step(world.starts[0, 0], action, task.settings)
    slopes = torch.autograd.grad(logs[action], weights)
    assert torch.allclose(learned.inner[0, 0] - weights[0], 0.5 * reward / 16 * slopes[0], atol=1e-6)
    assert torch.allclose(learned.outer[0, 0] - weights[1], 0.5 * reward / 16 * slopes[1], atol=1e-6)


def test_a_tiny_outer_run_improves() -> None:
    options = ReinforcementOptions(
        tasks=("cart_pole",), width=8, n_credits=2, learning_steps=30, lifetimes=4, gymnasium_episodes=0,
        evolution=Evolution(20, 16, sigma=0.2, learning_rate=0.1),
    )  # fmt: skip
    learner = train_method("credit", "cart_pole", options, 0)
    world = options.credit_policy("cart_pole").world(100, _generator(3))
    after = returns(TASK, learner.lived(world, TASK.settings), world.test_starts, TASK.settings).mean()
    assert after > returns(TASK, world.policy, world.test_starts, TASK.settings).mean() + 10


def test_the_tables_hold_a_row_per_variant_method_and_seed() -> None:
    options = ReinforcementOptions(
        tasks=("mountain_car",), width=4, n_credits=2, learning_steps=5, lifetimes=2, n_test=4, seeds=(0,), updates=1,
        gymnasium_episodes=0, evolution=Evolution(1, 2),
    )  # fmt: skip
    scores = reinforcement_experiment(options).scores
    assert len(scores) == 7 * 6
    assert (scores.mean_return >= -200).all()


def test_progress_leads_outer_levels_and_is_no_return() -> None:
    task = control_task("mountain_car")
    still = Policy(torch.zeros(1, 2, 2), torch.zeros(1, 3, 2))  # always pushes left
    start = torch.tensor([[-0.5, 0.0]])
    assert returns(task, still, start, task.settings).item() == -200
    assert returns(task, still, start, task.settings, progress=True).item() > -250


def test_what_cannot_be_run_is_refused() -> None:
    for wrong, message in (
        ({"tasks": ("chess",)}, "Unknown control task"), ({"methods": ("magic",)}, "methods is 'magic'"),
        ({"seeds": ()}, "need an entry each"), ({"n_test": 10}, "at most n_test"), ({"updates": 0}, "updates is 0"),
    ):  # fmt: skip
        with pytest.raises(SpecError, match=message):
            ReinforcementOptions(**wrong)
    with pytest.raises(SpecError, match="rate is 0"):
        CreditPolicy(rate=0)
