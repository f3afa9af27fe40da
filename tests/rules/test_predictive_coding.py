"""Predictive coding against plain descent of its energy, and the limits in which its answer is known."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from math import comb, sqrt

import pytest
import torch
from linear_chain import linear_chain
from torch import Tensor
from torch.func import grad
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from brainalign.credit.batch import Batch
from brainalign.credit.prediction import Prediction, depth_scales, error_slopes, latent_slopes, top_error
from brainalign.credit.step import Step
from brainalign.errors import SpecError
from brainalign.networks.architecture import architecture
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.rules.backprop import Backprop
from brainalign.rules.feedback_alignment import FeedbackAlignment
from brainalign.rules.predictive_coding import PredictiveCoding
from tests.small import NETWORKS, TASK, batch, descend, instance, largest_difference, network

VARIANTS = ("strict", "fixed_prediction", "incremental", "error_based")


# -- a plain reference: the energy, and descent of it by automatic differentiation ------------------------------------


def energy(
    prediction: Prediction, params: Params, latents: Sequence[Tensor], data: Batch, squared: bool = False
) -> Tensor:
    """Return E, a sum over samples."""
    inputs = [data.x, *latents]
    predicted = [prediction.of(k, params, x)[0] for k, x in enumerate(inputs)]
    total = sum(((x - p).square().sum() / 2 for x, p in zip(latents, predicted, strict=False)), torch.zeros(()))
    if squared:
        return total + (F.one_hot(data.y, TASK.n_outputs) - predicted[-1]).square().sum() / 2
    return total + F.cross_entropy(predicted[-1], data.y, reduction="sum")


def states(prediction: Prediction, params: Params, errors: Sequence[Tensor], x: Tensor) -> list[Tensor]:
    """Return the latents that deviate from their predictions by ``errors``."""
    found: list[Tensor] = []
    for k, error in enumerate(errors):
        x = prediction.of(k, params, x)[0] + error
        found.append(x)
    return found


def feed_forward(prediction: Prediction, params: Params, x: Tensor) -> list[Tensor]:
    return prediction.feed_forward(params, x)[0][:-1]


def plainly(rule: PredictiveCoding, net: Network, params: Params, state: Params, data: Batch) -> Params:
    """Return the rule's update by descending the energy, with nothing skipped and nothing shared."""
    prediction, squared = rule.prediction(net, state), rule.output == "squared_error"
    if rule.variant == "error_based":

        def of_errors(errors: list[Tensor]) -> Tensor:
            return energy(prediction, params, states(prediction, params, errors, data.x), data, squared)

        errors = [torch.zeros_like(x) for x in feed_forward(prediction, params, data.x)]
        errors = _descent(grad(of_errors), errors, rule)
        latents = states(prediction, params, errors, data.x)
    else:
        slope = grad(lambda latents: energy(prediction, params, latents, data, squared))
        latents = _descent(slope, feed_forward(prediction, params, data.x), rule)
    local = grad(lambda params: energy(prediction, params, latents, data, squared) / len(data.y))
    return local(params)


def _descent(slope: Callable, values: list[Tensor], rule: PredictiveCoding) -> list[Tensor]:
    velocity = [torch.zeros_like(x) for x in values]
    for _ in range(rule.steps):
        velocity = [rule.momentum * v + s for v, s in zip(velocity, slope(values), strict=True)]
        values = [x - rule.rate * v for x, v in zip(values, velocity, strict=True)]
    return values


def run(rule: PredictiveCoding, net: Network, n: int = 12) -> tuple[Params, Params, Batch, Step]:
    params, state = instance(net, rule, 0)
    data = batch(n)
    return params, state, data, rule.step(net, params, state, data, {})


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("variant", ["strict", "error_based"])
@pytest.mark.parametrize(
    "options",
    [{"steps": 2}, {"steps": 7, "momentum": 0.6}, {"steps": 6, "output": "squared_error", "scaling": "depth"}],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_updates_equal_plain_descent_of_the_energy(name: str, variant: str, options: dict) -> None:
    net, rule = network(name), PredictiveCoding(variant=variant, rate=0.05, **options)
    params, state, data, step = run(rule, net)
    assert largest_difference(step.updates, plainly(rule, net, params, state, data)) < 1e-12


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("variant", ["strict", "error_based"])
def test_energy_never_rises_in_inference(name: str, variant: str) -> None:
    net, rule, data = network(name), PredictiveCoding(variant=variant), batch()
    params, state = instance(net, rule, 0)
    prediction = rule.prediction(net, state)
    outputs, _, _ = prediction.feed_forward(params, data.x)
    top = lambda predicted: top_error(net.task, predicted, data.y, squared=False)  # noqa: E731
    if variant == "strict":
        slopes, values = latent_slopes(prediction, params, outputs, top), outputs[:-1]
    else:
        slopes, values = (
            error_slopes(prediction, params, outputs[0], top),
            [torch.zeros_like(x) for x in outputs[:-1]],
        )
    rate = (
        0.002 if variant == "strict" and name.startswith("transformer") else 0.02
    )  # a token of small norm is steeply normalised
    energies = []
    for k in range(1, 40):
        latents = values if variant == "strict" else states(prediction, params, values, data.x)
        energies.append(float(energy(prediction, params, latents, data)))
        moving = slopes(values, k)
        rest = len(values) - len(moving)
        values = [*values[:rest], *(x - rate * s for x, s in zip(values[rest:], moving, strict=True))]
    assert all(later < earlier for earlier, later in pairwise(energies))


# -- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("extra", [-1, 0, 3])
def test_fixed_predictions_at_full_rate_are_backprop(name: str, extra: int) -> None:
    net = network(name)
    rule = PredictiveCoding(variant="fixed_prediction", rate=1.0, steps=len(net.blocks) + extra)
    params, state, data, step = run(rule, net)
    exact = Backprop().step(net, params, state, data, {})
    assert largest_difference(step.updates, exact.updates) < 1e-10
    assert largest_difference(step.metrics, exact.metrics) == 0
    if exact.state:
        assert largest_difference(step.state, exact.state) == 0


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("variant", ["strict", "fixed_prediction"])
def test_slow_inference_gives_backprop_times_the_paths_an_error_can_take(name: str, variant: str) -> None:
    """To first order an error that climbs m blocks in T steps arrives ``C(T, m) rate^m`` times."""
    net = network(name)
    rule = PredictiveCoding(variant=variant, rate=2e-4, steps=len(net.blocks) + 1)
    params, state, data, step = run(rule, net)
    exact = Backprop().step(net, params, state, data, {}).updates
    shared = {n for n in params if sum(n in block.parameters() for block in net.blocks) > 1}
    for k, block in enumerate(net.blocks):
        down = len(net.blocks) - 1 - k
        for own in block.parameters().keys() - shared:
            expected = comb(rule.steps, down) * rule.rate**down * exact[own]
            # Normalised weights do not feel their scale, so that errors of rounding are all there is in some.
            torch.testing.assert_close(step.updates[own], expected, rtol=3e-2, atol=5e-3 * rule.rate**down)


@pytest.mark.parametrize("name", [n for n in NETWORKS if n != "rnn-step"])
@pytest.mark.parametrize("variant", ["strict", "incremental"])
def test_an_error_comes_down_one_block_per_step(name: str, variant: str) -> None:
    net = network(name)
    for steps in range(1, len(net.blocks) + 1):
        rule = PredictiveCoding(variant=variant, steps=steps)
        *_, step = run(rule, net)
        reached = min(len(net.blocks), steps + (variant == "strict"))
        for k, block in enumerate(net.blocks):
            moved = any(step.updates[own].abs().max() > 0 for own in block.parameters())
            assert moved is (k >= len(net.blocks) - reached)


def equilibrium_energy(params: Params, names: list[str], data: Batch) -> Tensor:
    """Return the least mean energy of a linear chain, ``r^T S^-1 r / 2`` with ``S`` from the products of weights."""
    weights = [params[name] for name in names]
    above = torch.eye(len(weights[-1]), dtype=data.x.dtype)
    s = above
    for weight in reversed(weights[1:]):
        above = above @ weight
        s = s + above @ above.T
    residual = F.one_hot(data.y, len(s)) - data.x.flatten(1) @ (above @ weights[0]).T
    return (residual * torch.linalg.solve(s, residual.T).T).sum() / (2 * len(residual))


@pytest.mark.parametrize("variant", ["strict", "error_based"])
def test_converged_updates_of_a_linear_chain_are_the_gradient_of_the_equilibrium_energy(variant: str) -> None:
    net = linear_chain()
    rule = PredictiveCoding(variant=variant, steps=1500, rate=0.1, output="squared_error")
    params, _, data, step = run(rule, net)
    expected = grad(equilibrium_energy)(params, [f"{block.name}.weight" for block in net.blocks], data)
    assert largest_difference(step.updates, expected) < 1e-10
    assert all(update.abs().max() > 1e-3 for update in expected.values())


def test_states_and_errors_reach_the_same_equilibrium() -> None:
    net = architecture("mlp", {"widths": (12, 9, 7), "activation": "tanh"}).build(TASK)
    found = [
        run(PredictiveCoding(variant=variant, steps=1500, rate=0.1), net)[-1].updates
        for variant in ("strict", "error_based")
    ]
    assert largest_difference(*found) < 1e-10


@pytest.mark.parametrize("name", NETWORKS)
def test_energy_of_errors_is_energy_of_the_states_that_follow(name: str) -> None:
    """The value, and what each descends: errors its gradient, weights that with states held."""
    net, rule, data = network(name), PredictiveCoding(variant="error_based"), batch()
    params, state = instance(net, rule, 0)
    prediction, generator = rule.prediction(net, state), torch.Generator().manual_seed(1)
    errors = [
        0.1 * torch.randn(x.shape, generator=generator, dtype=x.dtype)
        for x in feed_forward(prediction, params, data.x)
    ]  # fmt: skip

    def of_errors(errors: list[Tensor]) -> Tensor:
        answer = prediction.of(len(errors), params, states(prediction, params, errors, data.x)[-1])[0]
        return sum(e.square().sum() for e in errors) / 2 + F.cross_entropy(answer, data.y, reduction="sum")

    torch.testing.assert_close(
        of_errors(errors), energy(prediction, params, states(prediction, params, errors, data.x), data), rtol=1e-13,
        atol=0,
    )  # fmt: skip
    first = prediction.of(0, params, data.x)[0]
    slopes = error_slopes(prediction, params, first, lambda p: top_error(net.task, p, data.y, squared=False))
    for mine, exact in zip(slopes(errors, 1), grad(of_errors)(errors), strict=True):
        torch.testing.assert_close(mine, exact, rtol=1e-10, atol=1e-12)


# -- incremental ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("weight_rate", [0.0, 0.03])
def test_incremental_updates_are_the_way_of_weights_that_move_with_the_latents(name: str, weight_rate: float) -> None:
    net = network(name)
    rule = PredictiveCoding(variant="incremental", steps=6, rate=0.05, weight_rate=weight_rate)
    params, state, data, step = run(rule, net)
    prediction = rule.prediction(net, state)
    both = grad(lambda latents, weights: energy(prediction, weights, latents, data), argnums=(0, 1))
    latents, weights = feed_forward(prediction, params, data.x), params
    total = {n: torch.zeros_like(w) for n, w in params.items()}
    for _ in range(rule.steps):
        slopes, gradient = both(latents, weights)
        latents = [x - rule.rate * s for x, s in zip(latents, slopes, strict=True)]
        weights = {n: w - weight_rate * gradient[n] / len(data.y) for n, w in weights.items()}
        total = {n: total[n] + gradient[n] / len(data.y) for n in total}
    assert largest_difference(step.updates, {n: t / rule.steps for n, t in total.items()}) < 1e-12
    if weight_rate:
        went = {n: w - rule.steps * weight_rate * step.updates[n] for n, w in params.items()}
        assert largest_difference(went, weights) < 1e-12


# -- feedback ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_fixed_predictions_with_random_feedback_are_feedback_alignment(name: str) -> None:
    net = network(name)
    rule = PredictiveCoding(variant="fixed_prediction", rate=1.0, feedback="random")
    params, state, data, step = run(rule, net)
    exact = FeedbackAlignment().step(net, params, state, data, {})
    assert largest_difference(step.updates, exact.updates) < 1e-10
    assert (
        rule.feedback_angles(net, params, state).keys()
        == FeedbackAlignment().feedback_angles(net, params, state).keys()
    )


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_feedback_that_equals_the_weights_changes_nothing(name: str, variant: str) -> None:
    net, rule, data = (
        network(name),
        PredictiveCoding(variant=variant, steps=4, feedback="random", weight_rate=0.0),
        batch(),
    )
    params, state = instance(net, rule, 0)
    state |= {f"feedback/{s.weight_name}": params[s.weight_name] for s in net.synapses}
    mine = rule.step(net, params, state, data, {}).updates
    assert largest_difference(mine, run(replace(rule, feedback="transposed"), net)[-1].updates) < 1e-12


@pytest.mark.parametrize("variant", ["strict", "error_based"])
def test_random_feedback_carries_errors_through_no_forward_weight(variant: str) -> None:
    """A chain of matrices by hand: weights predict, and nothing but ``B`` sends back."""
    net = linear_chain()
    rule = PredictiveCoding(variant=variant, steps=5, output="squared_error", feedback="random")
    params, state, data, step = run(rule, net)
    w = [params[f"{block.name}.weight"] for block in net.blocks]
    b = [state[f"feedback/{block.name}.weight"] for block in net.blocks]
    x, goal = [data.x.flatten(1)], F.one_hot(data.y, 5)
    for weight in w[:-1]:
        x.append(x[-1] @ weight.T)

    def all_errors() -> list[Tensor]:
        return [x[k] @ w[k].T - (x[k + 1] if k + 1 < len(x) else goal) for k in range(len(w))]

    for _ in range(rule.steps):
        errors = all_errors()
        if variant == "strict":
            moved = [errors[k - 1] - errors[k] @ b[k] for k in range(1, len(x))]
            x[1:] = [old + rule.rate * step_ for old, step_ in zip(x[1:], moved, strict=True)]
            continue
        sent, own = errors[-1], []
        for k in reversed(range(1, len(x))):
            sent = sent @ b[k]
            own.insert(0, -errors[k - 1] - rule.rate * (-errors[k - 1] + sent))
        for k, e in enumerate(own):
            x[k + 1] = x[k] @ w[k].T + e
    for block, error, below in zip(net.blocks, all_errors(), x, strict=True):
        torch.testing.assert_close(
            step.updates[f"{block.name}.weight"], error.T @ below / len(goal), rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("variant", VARIANTS)
def test_learned_feedback_differs_from_the_weights_by_what_decays(variant: str) -> None:
    net, rate = network("mlp"), 0.1
    rule = PredictiveCoding(variant=variant, steps=4, feedback="learned", decay=0.2)
    params, state = instance(net, rule, 0)
    first = {s.weight_name: params[s.weight_name] - state[f"feedback/{s.weight_name}"] for s in net.synapses}
    for k in range(20):
        params, state, _ = descend(rule, net, params, state, batch(12, k), rate)
    for weight, difference in first.items():
        expected = difference * (1 - rate * rule.decay) ** 20
        torch.testing.assert_close(params[weight] - state[f"feedback/{weight}"], expected, rtol=1e-9, atol=1e-12)
        assert not torch.allclose(params[weight], instance(net, rule, 0)[0][weight])  # something was learned meanwhile


def test_only_learned_feedback_is_trained() -> None:
    net = network("mlp")
    for feedback, n_weights, n_trained in (("transposed", 0, 0), ("random", 3, 0), ("learned", 3, 3)):
        rule = PredictiveCoding(feedback=feedback)
        _, state, _, step = run(rule, net)
        assert (len(state), len(rule.trainable(state))) == (n_weights, n_trained)
        assert set(rule.trainable(state)) == {name for name in step.updates if name.startswith("feedback/")}


# -- samples ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_neither_order_nor_number_of_equal_samples_matters(name: str, variant: str) -> None:
    """Latents follow their own sample's energy, weights a mean over samples."""
    net, data = network(name), batch()
    rule = PredictiveCoding(variant=variant, steps=4)
    params, state = instance(net, rule, 0)
    once = rule.step(net, params, state, data, {}).updates
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    for picked in (order, torch.cat([order, torch.arange(12)])):
        again = rule.step(net, params, state, Batch(*(part[picked] for part in data)), {}).updates
        assert largest_difference(once, again) < 1e-11


# -- depth scaling ----------------------------------------------------------------------------------------------------


def test_scales_are_those_of_mupc_relative_to_the_initial_weights() -> None:
    """Weights of unit variance times the paper's factors are this package's weights times ``depth_scales``."""
    net = architecture("mlp", {"widths": (12, 9, 7), "bias": False, "activation": "tanh"}).build(TASK)
    rule, data = PredictiveCoding(scaling="depth"), batch()
    params, state = instance(net, rule, 0)
    x, factors = data.x.flatten(1), [64**-0.5, 12**-0.5, 9**-0.5, 1 / 7]
    for k, (synapse, factor) in enumerate(zip(net.synapses, factors, strict=True)):
        unit = params[synapse.weight_name] * sqrt(synapse.n_in)
        x = factor * x @ unit.T
        x = x if k == 3 else torch.tanh(x)
    torch.testing.assert_close(rule.respond(net, params, state, data.x)["readout"], x, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", NETWORKS)
def test_only_what_is_added_to_a_skip_is_scaled_by_depth(name: str) -> None:
    net, rule, data = network(name), PredictiveCoding(scaling="depth"), batch()
    params, state = instance(net, rule, 0)
    scales = depth_scales(net)
    skips = [skip for _, skip in scales]
    assert skips == [name.startswith("transformer") and 0 < k < len(skips) - 1 for k in range(len(skips))]
    prediction, x = rule.prediction(net, state), data.x
    for k, block in enumerate(net.blocks):
        plain = block.forward(params, x, Wiring(state, adapt=True))
        factor = len(net.blocks) ** -0.5 if skips[k] else 1.0
        factor = net.blocks[-1].synapses[0].n_in ** -0.5 if k == len(net.blocks) - 1 else factor
        expected = x + factor * (plain - x) if skips[k] else factor * plain
        x = prediction.of(k, params, x)[0]
        torch.testing.assert_close(x, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", NETWORKS)
def test_without_scaling_the_answer_is_the_networks_own(name: str) -> None:
    net, rule, data = network(name), PredictiveCoding(), batch()
    params, state = instance(net, rule, 0)
    assert largest_difference(rule.respond(net, params, state, data.x), net.activities(params, state, data.x)) == 0


# -- the rest ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mlp", "cnn", "cnn-plain", "rnn"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_theory_counts_what_is_computed(name: str, variant: str) -> None:
    net = network(name)
    rule = PredictiveCoding(variant=variant, steps=5)
    params, state = instance(net, rule, 0)
    with FlopCounterMode(display=False) as counter:
        rule.step(net, params, state, batch(), {})
    assert rule.multiply_adds(net, 12) == pytest.approx(counter.get_total_flops() / (2 * 12), rel=1e-9)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("objective", ["regression", "reconstruction"])
def test_a_network_of_one_block_learns_by_the_delta_rule(variant: str, objective: str) -> None:
    task = replace(TASK, objective=objective)
    net, rule = architecture("mlp", {"widths": ()}).build(task), PredictiveCoding(variant=variant, weight_rate=0.0)
    params, state = instance(net, rule, 0)
    data = batch()._replace(y=torch.randn(12, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    mine = rule.step(net, params, state, data, {})
    assert largest_difference(mine.updates, Backprop().step(net, params, state, data, {}).updates) < 1e-12


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            {"variant": "exact"},
            "Option variant is 'exact'; expected one of: strict, fixed_prediction, incremental, error_based.",
        ),
        ({"steps": 0}, "Option steps is 0; expected a number above 0."),
        ({"steps": 2.5}, "Option steps is 2.5; expected a whole number, 0 or more."),
        ({"rate": 0}, "Option rate is 0; expected a number above 0."),
        ({"momentum": 1.0}, "Option momentum is 1.0; expected a share from 0 to below 1."),
        ({"decay": -1.0}, "Option decay is -1.0; expected 0 or more."),
    ],
)
def test_bad_options_give_one_line(options: dict, line: str) -> None:
    with pytest.raises(SpecError) as raised:
        PredictiveCoding(**options)
    assert str(raised.value) == line
