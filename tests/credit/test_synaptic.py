"""Local products equal the weight gradients of reverse differentiation, wherever a synapse stands."""

import pytest
import torch
from torch import Tensor
from torch.func import grad, vmap

from brainalign.credit.objective import loss
from brainalign.credit.synaptic import Synaptic, current_shapes, synaptic_update, synaptic_updates
from brainalign.networks.synapse import Synapse
from brainalign.rules.backprop import Backprop
from tests.small import NETWORKS, batch, instance, network

SYNAPSES = {
    "linear": (Synapse("s", "linear", 7, 5), (6, 7)),
    "linear-without-bias": (Synapse("s", "linear", 7, 5, bias=False), (6, 7)),
    "tokens": (Synapse("s", "linear", 7, 5), (6, 4, 7)),
    "conv": (Synapse("s", "conv2d", 3, 5, kernel=3, padding=1), (6, 3, 8, 8)),
    "conv-strided": (Synapse("s", "conv2d", 3, 5, kernel=4, stride=2, padding=1), (6, 3, 9, 11)),
    "conv-without-bias": (Synapse("s", "conv2d", 2, 4, kernel=3, bias=False), (6, 2, 5, 7)),
}


def _draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _by_differentiation(synapse: Synapse, x: Tensor, signal: Tensor) -> dict[str, Tensor]:
    params = {"s.weight": _draw(*synapse.weight_shape, seed=3)}
    if synapse.bias:
        params["s.bias"] = _draw(synapse.n_out, seed=4)
    return grad(lambda p: (synapse(p, x) * signal).sum())(params)


@pytest.mark.parametrize("case", SYNAPSES.values(), ids=SYNAPSES)
def test_local_product_is_the_weight_gradient(case: tuple[Synapse, tuple[int, ...]]) -> None:
    synapse, shape = case
    weight = _draw(*synapse.weight_shape)
    xs = _draw(3, *shape, seed=1)
    out = synapse({"s.weight": weight, "s.bias": weight.new_zeros(5)[: synapse.n_out]}, xs[0])
    signals = _draw(3, *out.shape, seed=2)
    together = vmap(lambda x, signal: synaptic_update(synapse, x, signal))(xs, signals)
    for k in range(3):
        expected = _by_differentiation(synapse, xs[k], signals[k])
        alone = synaptic_update(synapse, xs[k], signals[k])
        assert alone.keys() == expected.keys() == together.keys()
        for name, value in expected.items():
            torch.testing.assert_close(alone[name], value, rtol=0, atol=1e-12)
            torch.testing.assert_close(together[name][k], value, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_signals_of_reverse_differentiation_make_its_weight_gradients_in_every_network(name: str) -> None:
    net, data = network(name), batch(6)
    params, state = instance(net, Backprop(), 0)
    shapes = {n: (times, 6, *shape) for n, (times, *shape) in current_shapes(net).items()}

    def run(noise: dict[str, Tensor]) -> tuple[Tensor, dict[str, list[Tensor]]]:
        wiring = Synaptic(state, noise, adapt=True)
        return loss(net.task, net.forward(params, data.x, wiring), data.y), wiring.inputs

    still = {n: torch.zeros(shape, dtype=torch.float64) for n, shape in shapes.items()}
    signals, inputs = grad(run, has_aux=True)(still)
    expected = Backprop().step(net, params, state, data, {}).updates
    found = synaptic_updates(net.synapses, inputs, signals)
    assert set(found) == {n for s in net.synapses for n in (s.weight_name, s.bias_name) if n in params}
    for n, update in found.items():
        torch.testing.assert_close(update, expected[n], rtol=0, atol=1e-12)
    assert all(float(found[s.weight_name].abs().max()) > 1e-9 for s in net.synapses)


def test_noise_meets_the_crossing_it_is_meant_for() -> None:
    # Two steps of a linear recurrence: what is added to the first current passes the recurrent weight, too.
    synapse = Synapse("s", "linear", 2, 2, bias=False)
    params, x = {"s.weight": _draw(2, 2)}, _draw(1, 2, seed=1)
    first, second = _draw(1, 2, seed=2), _draw(1, 2, seed=3)
    wiring = Synaptic({}, {"s": [first, second]})
    once = wiring.synapse(synapse, params, x)
    twice = wiring.synapse(synapse, params, once)
    w = params["s.weight"]
    torch.testing.assert_close(twice, (x @ w.T + first) @ w.T + second)
    assert wiring.inputs["s"][0] is x
    assert wiring.inputs["s"][1] is once
    alone = Synaptic({}, {"other": [first]})
    assert torch.equal(alone.synapse(synapse, params, x), x @ w.T)


def test_shapes_count_crossings() -> None:
    shapes = current_shapes(network("rnn"))
    assert shapes == {"rnn1.input": (8, 10), "rnn1.recurrent": (7, 10), "rnn2.input": (8, 7),
                      "rnn2.recurrent": (7, 7), "readout": (1, 5)}  # fmt: skip
    assert current_shapes(network("cnn"))["conv2"] == (1, 6, 4, 4)
    assert current_shapes(network("transformer"))["layer2.mlp.up"] == (1, 4, 16)
