"""Control tasks equal gymnasium's, step by step, under every setting."""

import numpy as np
import pytest
import torch

from brainalign.errors import SpecError
from brainalign.metalearning.control_tasks import CONTROL_TASKS, control_task, gymnasium_environment

VARIANTS = [(name, variant) for name, task in CONTROL_TASKS.items() for variant in ("default", *task.unseen)]


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_dynamics_equal_gymnasium(name: str, variant: str) -> None:
    pytest.importorskip("gymnasium")
    task = control_task(name)
    setting = task.setting(variant)
    environment = gymnasium_environment(task, setting)
    environment.reset(seed=3)
    state = torch.tensor(np.array(environment.unwrapped.state), dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        action = torch.randint(0, len(task.forces), (), generator=generator)
        force = task.forces[action] * setting["actuator"]
        theirs = np.array([force], np.float64) if name == "pendulum" else task.forces.index(force)
        observed, reward, ended, _, _ = environment.step(theirs)
        state, ours, done = task.step(state, action, setting)
        assert np.allclose(state, environment.unwrapped.state, atol=1e-9)
        assert np.allclose(task.observe(state), observed, atol=1e-6)
        assert float(ours) == pytest.approx(float(reward), abs=1e-9)
        assert bool(done) == ended
        if ended:
            break


@pytest.mark.parametrize("name", CONTROL_TASKS)
def test_starts_lie_where_gymnasium_draws_them(name: str) -> None:
    pytest.importorskip("gymnasium")
    task = control_task(name)
    environment = gymnasium_environment(task, task.setting())
    theirs = []
    for seed in range(200):
        environment.reset(seed=seed)
        theirs.append(np.array(environment.unwrapped.state))
    ours = task.draw((2000,), torch.Generator().manual_seed(0)).double().numpy()
    assert (np.min(theirs, 0) >= ours.min(0) - 1e-2).all()
    assert (np.max(theirs, 0) <= ours.max(0) + 1e-2).all()
    assert np.allclose(np.std(theirs, 0), ours.std(0), rtol=0.2)


def test_a_batch_equals_its_members() -> None:
    task = control_task("cart_pole")
    state = task.draw((2, 3), torch.Generator().manual_seed(0))
    action = torch.tensor([[0, 1, 0], [1, 1, 0]])
    lengths = torch.tensor([0.5, 0.7, 0.9])
    together, _, _ = task.step(state, action, {**task.settings, "length": lengths})
    for i in range(2):
        for j in range(3):
            one, _, _ = task.step(state[i, j], action[i, j], {**task.settings, "length": float(lengths[j])})
            assert torch.allclose(one, together[i, j])


def test_unknown_names_are_refused() -> None:
    with pytest.raises(SpecError, match="Unknown control task 'chess'"):
        control_task("chess")
    with pytest.raises(SpecError, match="Unknown variant 'fat pole'"):
        control_task("cart_pole").setting("fat pole")
