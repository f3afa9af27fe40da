"""One step for all instances at once is each instance's own step."""

from functools import partial

import pytest
import torch
from torch.func import vmap

from brainalign.credit.batch import Batch
from brainalign.credit.step import Step
from brainalign.errors import SpecError
from brainalign.networks.network import Network, Params
from brainalign.rules.backprop import Backprop
from brainalign.rules.learning_rule import LearningRule, learning_rule, learning_rules
from brainalign.training.checkpoint import stack
from brainalign.training.population import choose_execution, population_step
from tests.small import NETWORKS, batch, instance, largest_difference, network, noise


class Shaken(Backprop):
    """A rule that adds its own noise to the gradient."""

    def noise(self, network: Network, batch_size: int, generator: torch.Generator) -> Params:
        return {"shake": torch.randn(batch_size, generator=generator)}

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        learned = super().step(network, params, state, batch, noise)
        return learned._replace(updates={n: u + noise["shake"].mean() for n, u in learned.updates.items()})


CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize("kind", [*learning_rules().values(), Shaken], ids=lambda kind: kind.name())
@pytest.mark.parametrize("shape", ["mlp", "cnn"])
def test_vmap_and_loop_are_each_instances_own_step(kind: type[LearningRule], shape: str) -> None:
    net, rule = network(shape), kind()
    if rule.incompatibility(net):
        pytest.skip(f"{rule.name()} does not train {shape}")
    own = [instance(net, rule, seed) for seed in range(3)]
    batches = [batch(seed=seed) for seed in range(3)]
    noise = [
        {name: tensor.double() for name, tensor in rule.noise(net, 12, torch.Generator().manual_seed(seed)).items()}
        for seed in range(3)
    ]
    stacked = Batch(*(torch.stack(parts) for parts in zip(*batches, strict=True)))
    arguments = (stack([p for p, _ in own]), stack([s for _, s in own]), stacked, stack(noise))
    results = {how: population_step(rule, net, how)(*arguments) for how in ("vmap", "loop")}
    for row in range(3):
        alone = rule.step(net, *own[row], batches[row], noise[row])
        for how, result in results.items():
            for ours, expected in zip(result, alone, strict=True):
                got = {name: tensor[row] for name, tensor in ours.items()}
                assert not expected or largest_difference(got, dict(expected)) < 1e-9, how


def test_the_choice_depends_on_network_and_device_alone() -> None:
    mlp, cnn = network("mlp"), network("cnn")
    assert choose_execution("auto", mlp, 3, CPU) == "vmap"
    assert choose_execution("auto", cnn, 3, CPU) == "loop"
    assert choose_execution("auto", cnn, 3, CUDA) == "vmap"
    assert choose_execution("vmap", cnn, 3, CPU) == "vmap"
    assert choose_execution("loop", mlp, 3, CUDA) == "loop"


@pytest.mark.parametrize("execution", ["auto", "vmap", "loop"])
@pytest.mark.parametrize("shape", NETWORKS)
def test_one_instance_needs_no_vmap(execution: str, shape: str) -> None:
    assert choose_execution(execution, network(shape), 1, CPU) == "loop"


def test_an_unknown_execution_is_refused() -> None:
    with pytest.raises(SpecError, match="execution is 'fast'; expected one of: auto, vmap, loop"):
        choose_execution("fast", network("mlp"), 1, CPU)


def _two(net: Network, rule: LearningRule) -> tuple[Params, Params, Batch, Params]:
    """Return what a step of two instances takes."""
    if reason := rule.incompatibility(net):
        pytest.skip(reason)
    parts = [
        (*instance(net, rule, seed, torch.float32), noise(rule, net, 12, seed, torch.float32)) for seed in range(2)
    ]
    params, state, drawn = (stack([part[k] for part in parts]) for k in range(3))
    one = batch(12, 0, torch.float32)
    return params, state, Batch(*(torch.stack([part, part]) for part in one)), drawn


@pytest.mark.parametrize("name", ["mlp", "cnn"])
@pytest.mark.parametrize("rule_name", sorted(learning_rules()))
def test_a_step_is_one_graph(name: str, rule_name: str) -> None:
    # What the compiler cannot trace runs uncompiled, with all that maps over it; fullgraph raises instead.
    net, rule = network(name), learning_rule(rule_name)
    arguments = _two(net, rule)
    net.output_shapes  # noqa: B018 -- as in population_step
    torch.compile(vmap(lambda *a: tuple(rule.step(net, *a))), backend="eager", fullgraph=True)(*arguments)
    torch._dynamo.reset()


def test_many_rules_compile_in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    torch._dynamo.reset()
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    net = network("mlp")
    names = (
        "backprop", "delayed_feedback", "direct_feedback_alignment", "direct_random_target_projection",
        "feedback_alignment", "kolen_pollack", "node_perturbation", "pepita", "sign_symmetry", "untrained",
    )  # fmt: skip
    assert len(names) > torch._dynamo.config.recompile_limit
    for name in names:
        rule = learning_rule(name)
        arguments = _two(net, rule)
        population_step(rule, net, "vmap", True)(*arguments)
    torch._dynamo.reset()


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("rule_name", sorted(learning_rules()))
def test_a_compiled_step_equals_an_eager_one(name: str, rule_name: str) -> None:
    net, rule = network(name), learning_rule(rule_name)
    arguments = _two(net, rule)
    eager, compiled = (population_step(rule, net, "vmap", compile)(*arguments) for compile in (False, True))
    torch._dynamo.reset()
    assert eager.updates.keys() == compiled.updates.keys()
    for leaf in eager.updates:
        torch.testing.assert_close(eager.updates[leaf], compiled.updates[leaf], rtol=1e-3, atol=1e-5)
