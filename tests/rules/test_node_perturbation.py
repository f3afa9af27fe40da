"""Node perturbation: slopes by reverse differentiation, means, closed forms, decorrelation, and no backward pass."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.func import vjp

import brainalign
from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost
from brainalign.datasets.task import Task
from brainalign.errors import SpecError
from brainalign.networks.architecture import architecture
from brainalign.rules.backprop import Backprop
from brainalign.rules.forward_gradient import ForwardGradient
from brainalign.rules.node_perturbation import NodePerturbation
from brainalign.rules.weight_perturbation import WeightPerturbation
from tests.rules.directions import Frozen, assert_mean_is, many, sensitivities, taught
from tests.small import NETWORKS, batch, descend, instance, largest_difference, network, noise

VARIANTS = {
    "both": NodePerturbation(1e-5, 2),
    "one": NodePerturbation(1e-7, 2, antithetic=False),
    "both-directional": NodePerturbation(1e-5, 2, directional=True),
    "both-layerwise": NodePerturbation(1e-5, 2, layerwise=True),
    "one-layerwise-directional": NodePerturbation(1e-7, 2, antithetic=False, layerwise=True, directional=True),
}


def _drawn(rule, net, n: int = 5, seed: int = 0) -> dict[str, Tensor]:
    return {k.removeprefix("current/"): v for k, v in noise(rule, net, n, seed).items()}


@pytest.mark.parametrize("rule", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("name", NETWORKS)
def test_update_is_each_samples_slope_times_its_noise_times_activity(rule: NodePerturbation, name: str) -> None:
    net, data = network(name), batch(5)
    params, state = instance(net, rule, 0)
    v = _drawn(rule, net)
    # Noise reaches other samples through statistics of the batch only, and there the rule takes them as given.
    j = {n: torch.diagonal(t, dim1=0, dim2=2).movedim(-1, 0) for n, t in
         sensitivities(net, params, state, data, Frozen).items()}  # fmt: skip
    groups = [[n] for n in v] if rule.layerwise else [list(v)]
    signals = {n: torch.zeros_like(t[0]) for n, t in v.items()}
    for group in groups:
        for k in range(rule.samples):
            for i in range(5):
                own = {n: v[n][k][:, i] for n in group}
                slope = sum((j[n][i] * own[n]).sum() for n in group)
                if rule.directional:
                    slope = slope * sum(t.numel() for t in own.values()) / sum(t.square().sum() for t in own.values())
                for n in group:
                    signals[n][:, i] += slope * own[n] / (5 * rule.samples)
    expected = taught(net, params, state, data, signals)
    found = rule.step(net, params, state, data, noise(rule, net, 5)).updates
    size = max(float(u.abs().max()) for u in expected.values())
    assert largest_difference(found, expected) < 1e-4 * size


@pytest.mark.parametrize("rule", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("name", ["mlp", "cnn-plain", "rnn", "rnn-step", "transformer"])
def test_mean_of_updates_is_the_gradient(rule: NodePerturbation, name: str) -> None:
    if name != "mlp" and rule not in (VARIANTS["both"], VARIANTS["one"]):
        pytest.skip("variants differ in how they treat slopes, not networks")
    net, data = network(name), batch(2)
    params, state = instance(net, rule, 1)
    exact = Backprop().step(net, params, state, data, {}).updates
    assert_mean_is(many(replace(rule, samples=1), net, params, state, data, 2000 if "rnn" in name else 600), exact)


# -- closed forms -----------------------------------------------------------------------------------------------------


def _quadratic(n: int = 10):
    """Return one linear layer under squared error, whose loss is quadratic in the currents."""
    net = architecture("mlp", {"widths": ()}).build(Task((3, 1, 1), 2, 64, "regression"))
    g = torch.Generator().manual_seed(5)
    x = torch.randn(n, 3, 1, 1, generator=g, dtype=torch.float64)
    data = Batch(x, torch.randn(n, 2, generator=g, dtype=torch.float64), torch.arange(n))
    params, state = instance(net, NodePerturbation(), 0)
    x = x.flatten(1)
    error = x @ params["readout.weight"].T + params["readout.bias"] - data.y
    return net, data, params, state, x, error


@pytest.mark.parametrize("sigma", [0.01, 3.0])
@pytest.mark.parametrize("antithetic", [True, False])
def test_quadratic_loss_has_a_closed_form_at_any_sigma(sigma: float, antithetic: bool) -> None:
    net, data, params, state, x, error = _quadratic()
    rule = NodePerturbation(sigma, 1, antithetic)
    xi = _drawn(rule, net, 10)["readout"][0, 0]
    slope = (error * xi).sum(1)  # gradient of the mean of two squares
    slope = slope if antithetic else slope + sigma * xi.square().sum(1) / 2
    found = rule.step(net, params, state, data, noise(rule, net, 10)).updates
    expected = {"readout.weight": (slope[:, None] * xi).T @ x / 10, "readout.bias": (slope[:, None] * xi).mean(0)}
    assert largest_difference(found, expected) < 1e-10


@pytest.mark.parametrize("directional", [False, True])
def test_squared_size_of_a_signal_is_that_of_theory(directional: bool) -> None:
    # E |(g xi) xi|^2 = (N + 2) |g|^2, and N |g|^2 where the length of xi is taken out.
    net, data, params, state, _, error = _quadratic(1)
    updates = many(NodePerturbation(1.0, 1, directional=directional), net, params, state, data, 6000)
    size = updates["readout.bias"].square().sum(1) / error.square().sum()
    assert abs(float(size.mean()) - (2 if directional else 4)) < 4 * float(size.std()) / len(size) ** 0.5
    assert float(size.std()) / len(size) ** 0.5 < 0.25


def test_noise_of_one_layer_at_a_time_has_less_variance() -> None:
    net, data = network("mlp"), batch(4)
    sizes = {}
    for layerwise in (False, True):
        rule = NodePerturbation(1e-4, 1, layerwise=layerwise)
        updates = many(rule, net, *instance(net, rule, 1), data, 300)
        sizes[layerwise] = sum(float(u.var(0).sum()) for u in updates.values())
    assert sizes[True] < 0.7 * sizes[False]


def test_updates_do_not_scale_with_sigma() -> None:
    net, data = network("mlp"), batch()
    rules = [NodePerturbation(sigma, 1) for sigma in (1e-3, 1e-5)]
    params, state = instance(net, rules[0], 0)
    one, two = (rule.step(net, params, state, data, noise(rule, net)).updates for rule in rules)
    assert largest_difference(one, two) < 1e-3 * max(float(u.abs().max()) for u in two.values())


def test_statistics_and_metrics_are_those_of_the_calm_pass() -> None:
    net, data = network("cnn"), batch()
    exact = Backprop().step(net, *instance(net, Backprop(), 0), data, {})
    for antithetic in (True, False):
        rule = NodePerturbation(1e-5, 1, antithetic)
        step = rule.step(net, *instance(net, rule, 0), data, noise(rule, net))
        # A batch repeated has the same variance but for the correction of its bias.
        assert largest_difference(step.state, exact.state) < 1e-3
        assert abs(float(step.metrics["loss"] - exact.metrics["loss"])) < 1e-5
        assert float(step.metrics["accuracy"]) == float(exact.metrics["accuracy"])


# -- decorrelation ----------------------------------------------------------------------------------------------------


def _correlated(n: int = 64) -> Batch:
    g = torch.Generator().manual_seed(2)
    mixing = torch.randn(64, 64, generator=g, dtype=torch.float64) / 8
    x = torch.randn(n, 64, generator=g, dtype=torch.float64) @ mixing + 0.3
    return Batch(x.view(n, 1, 8, 8), torch.randint(0, 5, (n,), generator=g), torch.arange(n))


def _moment(x: Tensor, mix: Tensor) -> Tensor:
    rows = x.flatten(1) @ mix.T
    return rows.T @ rows / len(rows)


def test_decorrelation_takes_one_step_of_the_published_rule() -> None:
    net, data = network("mlp"), _correlated()
    rule = NodePerturbation(decorrelation=0.5, whitening=0.3, decorrelation_samples=20)
    params, state = instance(net, rule, 0)
    name = "decorrelation/hidden1"
    state[name] = state[name] + 0.1 * torch.randn(64, 64, generator=torch.Generator().manual_seed(1)).double()
    moment = _moment(data.x[:20], state[name])
    c, v = moment - torch.diag(moment.diagonal()), torch.diag(moment.diagonal() - 1)
    rate = 0.5 / (1 + moment.trace())
    expected = state[name] - rate * (0.7 * c + 0.3 * v) @ state[name]
    step = rule.step(net, params, state, data, noise(rule, net, 64))
    torch.testing.assert_close(step.state[name], expected, rtol=0, atol=1e-12)
    assert set(step.state) == {f"decorrelation/{s.name}" for s in net.synapses}


def test_the_rate_of_decorrelation_falls_in_a_straight_line_to_zero() -> None:
    net, data, name = network("mlp"), _correlated(), "decorrelation/hidden1"
    rule = NodePerturbation(decorrelation=0.5, decorrelation_steps=4)
    params, state = instance(net, rule, 0)

    def change(taken: int) -> Tensor:
        at = {**state, "decorrelated": torch.tensor(float(taken)).double()}
        step = rule.step(net, params, at, data, noise(rule, net, 64))
        assert step.state["decorrelated"] == taken + 1
        return step.state[name] - state[name]

    torch.testing.assert_close(change(3), change(0) / 4, rtol=1e-12, atol=1e-14)
    assert change(0).norm() > 0
    assert not change(4).any()
    assert not change(9).any()


@pytest.mark.parametrize("whitening", [0.0, 0.5])
def test_decorrelation_lowers_correlations_and_whitening_sets_the_power(whitening: float) -> None:
    net, data = network("mlp"), _correlated(256)
    data = data._replace(x=2 * data.x)
    rule = NodePerturbation(decorrelation=0.9, whitening=whitening, decorrelation_samples=256)
    params, state = instance(net, rule, 0)

    def account(state: dict[str, Tensor]) -> tuple[float, float]:
        """Return the mean size of correlations, and how far the power of features is from 1."""
        moment = _moment(data.x, state["decorrelation/hidden1"])
        power = moment.diagonal()
        correlations = moment / power.sqrt() / power.sqrt()[:, None] - torch.eye(64)
        return float(correlations.abs().mean()), float((power - 1).abs().mean())

    first, drawn = account(state), noise(rule, net, 256)
    for _ in range(150):
        state = {**state, **rule.step(net, params, state, data, drawn).state}
    last = account(state)
    assert last[0] < 0.5 * first[0]
    assert not whitening or last[1] < 0.2 * first[1]


@pytest.mark.parametrize("name", ["mlp", "cnn", "rnn", "transformer"])
def test_the_trained_network_answers_through_what_decorrelates_it(name: str) -> None:
    net, data, rule = network(name), batch(), NodePerturbation(decorrelation=0.1)
    params, state = instance(net, rule, 0)
    plain = net.activities(params, state, data.x)
    assert largest_difference(rule.respond(net, params, state, data.x), plain) < 1e-12  # R starts as the identity
    g = torch.Generator().manual_seed(3)
    state = {n: t + 0.2 * torch.randn(t.shape, generator=g).double() if n.startswith("decorrelation/") else t
             for n, t in state.items()}  # fmt: skip
    folded = dict(params)
    for s in net.synapses:
        folded[s.weight_name] = torch.einsum("oi...,ij->oj...", params[s.weight_name], state[f"decorrelation/{s.name}"])
    mixed = rule.respond(net, params, state, data.x)
    assert largest_difference(mixed, net.activities(folded, state, data.x)) < 1e-10
    assert not torch.allclose(mixed["readout"], plain["readout"])
    # Weights learn from the mixed activity: the slope of a weight behind R is that of the folded weight, times R^T.
    small = replace(rule, sigma=1e-5)
    drawn = noise(small, net)
    found = small.step(net, params, state, data, drawn).updates
    bare = {n: t for n, t in state.items() if not n.startswith("decorrelation/")}
    outside = NodePerturbation(1e-5).step(net, folded, bare, data, drawn).updates
    for s in net.synapses:
        expected = torch.einsum("oj...,ij->oi...", outside[s.weight_name], state[f"decorrelation/{s.name}"])
        size = float(expected.abs().max())
        assert float((found[s.weight_name] - expected).abs().max()) < 1e-6 * size


# -- fixed norms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mlp", "cnn-plain"])
def test_neurons_keep_the_length_of_their_weights(name: str) -> None:
    net, data, rule = network(name), batch(), NodePerturbation(1e-4, fixed_norm=True)
    params, state = instance(net, rule, 0)
    hidden = [s for s in net.synapses if s.name != "readout"]
    assert {n: t.shape for n, t in state.items()} == {f"length/{s.name}": (s.n_out,) for s in hidden}
    state = {f"length/{s.name}": params[s.weight_name].flatten(1).norm(dim=1) for s in hidden}  # in double precision
    # Longer weights behind the fixed length mean the same network, and updates that have no part along the weight.
    long = {n: 3 * t if n in [s.weight_name for s in hidden] else t for n, t in params.items()}
    same = rule.respond(net, long, state, data.x)
    assert largest_difference(same, net.activities(params, state, data.x)) < 1e-12
    drawn = noise(rule, net)
    free = NodePerturbation(1e-4).step(net, params, state, data, drawn).updates
    found = rule.step(net, long, state, data, drawn).updates
    for s in hidden:
        length = state[f"length/{s.name}"].view(-1, *[1] * (params[s.weight_name].ndim - 1))

        def shown(weight: Tensor, length: Tensor = length) -> Tensor:
            return length * weight / weight.flatten(1).norm(dim=1).view(length.shape)

        (expected,) = vjp(shown, long[s.weight_name])[1](free[s.weight_name])
        torch.testing.assert_close(found[s.weight_name], expected, rtol=1e-9, atol=1e-12)
        assert float((found[s.weight_name] * long[s.weight_name]).flatten(1).sum(1).abs().max()) < 1e-10
    torch.testing.assert_close(found["readout.weight"], free["readout.weight"])


# -- no pass backwards ------------------------------------------------------------------------------------------------

FORWARD_ONLY = {
    "weights": WeightPerturbation(samples=1),
    "nodes": NodePerturbation(decorrelation=0.1, fixed_norm=True),
    "nodes-layerwise": NodePerturbation(antithetic=False, layerwise=True, directional=True),
    **{
        f"forward-{space}-{'local' if local else 'global'}": ForwardGradient(space, local)
        for space in ("activities", "weights")
        for local in (True, False)
    },
}


@pytest.mark.parametrize("rule", FORWARD_ONLY.values(), ids=FORWARD_ONLY)
@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_is_ever_differentiated_in_reverse(rule, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("reverse differentiation")

    for owner, names in (
        (torch.func, ("grad", "grad_and_value", "vjp", "jacrev", "hessian")),
        (torch._functorch.eager_transforms, ("grad_impl", "grad_and_value_impl", "_vjp_with_argnums", "vjp")),
        (torch.autograd, ("grad", "backward")),
        (torch.autograd.Function, ("apply",)),
        (torch.Tensor, ("backward", "requires_grad_")),
        (brainalign.credit.chain, ("vjp", "grad_and_value", "blockwise", "error_descent", "teach")),
    ):
        for attribute in names:
            if hasattr(owner, attribute):
                monkeypatch.setattr(owner, attribute, refuse)
    with pytest.raises(AssertionError, match="reverse"):
        Backprop().step(network("mlp"), *instance(network("mlp"), Backprop(), 0), batch(4), {})
    net = network(name)
    params, state = instance(net, rule, 0)
    with torch.no_grad():
        step = rule.step(net, params, state, batch(4), noise(rule, net, 4))
    assert max(float(u.abs().max()) for u in step.updates.values()) > 1e-9
    assert not any(u.requires_grad for u in step.updates.values())


@pytest.mark.parametrize(
    ("file", "allowed"),
    [("rules/weight_perturbation", set()), ("rules/node_perturbation", set()), ("rules/forward_gradient", {"jvp"}),
     ("credit/perturbation", set()), ("credit/synaptic", set())],
)  # fmt: skip
def test_no_file_of_these_rules_names_a_differentiator(file: str, allowed: set[str]) -> None:
    tree = ast.parse((Path(brainalign.__file__).parent / f"{file}.py").read_text("utf-8"))
    named = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    named |= {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    named |= {a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
    forbidden = {"autograd", "backward", "requires_grad", "requires_grad_", "grad", "grad_and_value", "vjp", "jacrev",
                 "jacfwd", "jvp", "linearize", "blockwise", "teach", "error_descent"}  # fmt: skip
    assert named & forbidden == allowed


# -- tasks, cost, options ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["regression", "reconstruction"])
def test_real_targets_are_learned(objective: str) -> None:
    n_outputs = 3 if objective == "regression" else 64
    net = network("mlp", Task((1, 8, 8), n_outputs, 64, objective))
    rule = NodePerturbation(1e-3)
    params, state = instance(net, rule, 0)
    data = batch(24)
    y = torch.randn(24, 3, generator=torch.Generator().manual_seed(0)).double() if n_outputs == 3 else data.x.flatten(1)
    data = data._replace(y=y)
    first = None
    for k in range(200):
        params, state, step = descend(rule, net, params, state, data, 0.02, seed=k)
        first = first if first is not None else float(step.metrics["loss"])
    assert float(step.metrics["loss"]) < (0.5 if n_outputs == 3 else 0.97) * first
    assert "accuracy" not in step.metrics


def test_cost_counts_passes_products_and_decorrelation() -> None:
    net = network("mlp")
    f = sum(forward_cost(net).values())
    assert f == 64 * 12 + 12 * 9 + 9 * 5
    # The first synapse is crossed once, and once more by its update.
    first = 64 * 12
    assert NodePerturbation(samples=3).multiply_adds(net, 8) == 7 * f - 5 * first
    assert NodePerturbation(samples=3, antithetic=False).multiply_adds(net, 8) == 5 * f - 3 * first
    assert NodePerturbation(layerwise=True).multiply_adds(net, 8) == 7 * f - 5 * first
    square = 64**2 + 12**2 + 9**2
    mixed = NodePerturbation(decorrelation=0.1, decorrelation_samples=4).multiply_adds(net, 8)
    assert mixed == 3 * f - first + 3 * square - 64**2
    conv = network("cnn-plain")
    places = 64
    mixing = NodePerturbation(decorrelation=0.1).multiply_adds(conv, 8) - NodePerturbation().multiply_adds(conv, 8)
    assert mixing == 4 * 64**2 + 3 * places * 1


def test_options_that_make_no_sense_are_refused() -> None:
    for options, message in (
        ({"sigma": 0.0}, "sigma is 0"), ({"samples": 0}, "samples is 0"),
        ({"decorrelation": 1.5}, "decorrelation is 1.5"),
        ({"whitening": -0.1}, "whitening is -0.1; expected a number from 0 to 1"),
        ({"decorrelation_samples": 0}, "decorrelation_samples is 0"),
    ):  # fmt: skip
        with pytest.raises(SpecError, match=message):
            NodePerturbation(**options)
