"""What every network promises, whatever its architecture."""

import pytest
import torch

from brainalign.datasets.task import Task
from brainalign.errors import SpecError
from brainalign.networks.architecture import architecture, architectures
from brainalign.networks.network import Network
from brainalign.networks.wiring import Wiring
from brainalign.randomness import stream
from tests.small import FINEST, TASK, batch, network


@pytest.fixture(params=FINEST)
def net(request: pytest.FixtureRequest) -> Network:
    return network(request.param)


def test_the_four_architectures_are_found() -> None:
    assert set(architectures()) == {"mlp", "cnn", "rnn", "transformer"}


def test_output_and_layer_shapes(net: Network) -> None:
    params, state, x = net.init(stream(0, "init")), net.init_state(), batch(3, dtype=torch.float32).x
    activities = net.activities(params, state, x)
    assert list(activities) == list(net.layers)
    assert activities["readout"].shape == (3, TASK.n_outputs)
    shapes = net.output_shapes
    y = x
    for block, shape in zip(net.blocks, shapes, strict=True):
        y = block.forward(params, y, Wiring(state))
        assert y.shape[1:] == shape


def test_forward_is_a_function_of_each_stimulus_alone(net: Network) -> None:
    params, state, x = net.init(stream(0, "init")), net.init_state(), batch(6, dtype=torch.float32).x
    whole = net.forward(params, x, Wiring(state))
    alone = torch.cat([net.forward(params, x[k : k + 1], Wiring(state)) for k in range(6)])
    torch.testing.assert_close(whole, alone, rtol=1e-5, atol=1e-6)


def test_the_check_above_can_fail() -> None:
    net = network("cnn")
    params, x = net.init(stream(0, "init")), batch(6, dtype=torch.float32).x
    adapting = [net.forward(params, part, Wiring(net.init_state(), adapt=True)) for part in (x, x[:3])]
    assert (adapting[0][:3] - adapting[1]).abs().max() > 0.01


def test_synapses_hold_every_weight_matrix_once(net: Network) -> None:
    params = net.init(stream(0, "init"))
    matrices = {name for name, tensor in params.items() if tensor.ndim > 1 and not name.endswith("position")}
    assert matrices == {synapse.weight_name for synapse in net.synapses}
    assert all(params[s.weight_name].shape == s.weight_shape for s in net.synapses)


def test_same_seed_same_parameters_and_another_seed_others(net: Network) -> None:
    one, same, other = (net.init(stream(seed, "init")) for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_a_block_that_says_it_is_affine_is(net: Network) -> None:
    params, wiring = net.init(stream(0)), Wiring(net.init_state())
    x, other = batch().x.to(torch.float32), batch().x.flip(0).to(torch.float32)
    for block in net.blocks:

        def current(x: torch.Tensor, block=block) -> torch.Tensor:
            return block.preactivation(params, x, wiring)

        bent = current(x + other) - current(x) - current(other) + current(torch.zeros_like(x))
        if block.affine:
            torch.testing.assert_close(bent, torch.zeros_like(bent), rtol=0, atol=1e-5)
        x, other = (block.forward(params, one, wiring) for one in (x, other))
    assert net.blocks[-1].affine or net.name not in ("mlp", "cnn")


def test_granularity_does_not_change_what_a_network_computes() -> None:
    for whole, parts in (("rnn", "step"), ("transformer", "sublayer"), ("transformer", "projection")):
        options = {"widths": (10, 7)} if whole == "rnn" else {"width": 8, "heads": 2}
        coarse, fine = (architecture(whole, {**options, "blocks": b}).build(TASK) for b in ("layer", parts))
        params, x = coarse.init(stream(0, "init")), batch(3, dtype=torch.float32).x
        assert params.keys() == fine.init(stream(0, "init")).keys()
        assert len(fine.blocks) > len(coarse.blocks)
        torch.testing.assert_close(coarse.forward(params, x, Wiring({})), fine.forward(params, x, Wiring({})))
        shown, finer = (net.activities(params, {}, x) for net in (coarse, fine))
        assert list(shown) == list(finer) == list(fine.layers) == list(coarse.layers)
        for layer in shown:  # rnn1 is the state after the last step, layer1 what the encoder layer hands on
            torch.testing.assert_close(shown[layer], finer[layer])


def test_the_finest_blocks_of_a_transformer_hold_no_synapse_behind_another() -> None:
    """What a synapse of a block does to its output does not pass through another synapse of that block."""
    net = network("transformer-projection")
    params, wiring = net.init(stream(0, "init")), Wiring(net.init_state())
    x = batch(2, dtype=torch.float32).x
    for block in net.blocks:
        through = {synapse.weight_name: torch.zeros_like(params[synapse.weight_name]) for synapse in block.synapses}
        weights = {name: params[name].clone().requires_grad_() for name in through}
        plain, cut = (block.forward({**params, **weights}, x, Wiring(wiring.state, one)) for one in ({}, through))
        signal = torch.randn_like(plain)
        exact, without = (torch.autograd.grad((signal * y).sum(), list(weights.values())) for y in (plain, cut))
        # Errors that may not cross any synapse of the block reach all of its weights all the same.
        for one, other in zip(exact, without, strict=True):
            torch.testing.assert_close(one, other)
        x = plain.detach()


def test_running_statistics_converge_to_those_of_the_data() -> None:
    net = network("cnn")
    params, state, x = net.init(stream(0, "init")), net.init_state(), batch(64, dtype=torch.float32).x
    for _ in range(200):
        wiring = Wiring(state, adapt=True)
        adapted = net.forward(params, x, wiring)
        state = {**state, **wiring.statistics}
    torch.testing.assert_close(net.forward(params, x, Wiring(state)), adapted, rtol=0.02, atol=0.02)


def test_a_convolutional_network_reads_other_resolutions_and_an_mlp_does_not() -> None:
    x = torch.randn(2, 1, 16, 16)
    cnn, mlp = network("cnn"), network("mlp")
    assert cnn.forward(cnn.init(stream(0, "init")), x, Wiring(cnn.init_state())).shape == (2, 5)
    with pytest.raises(RuntimeError):
        mlp.forward(mlp.init(stream(0, "init")), x, Wiring({}))


def test_every_convolution_may_have_its_own_kernel_and_pooled_windows_may_overlap() -> None:
    net = architecture("cnn", {"channels": (3, 4), "kernel": (5, 3), "pool": 4, "normalisation": "none"}).build(TASK)
    assert [synapse.kernel for synapse in net.synapses[:2]] == [5, 3]
    plain = architecture("cnn", {"channels": (3, 4), "kernel": (5, 3), "normalisation": "none"}).build(TASK)
    assert net.output_shapes == plain.output_shapes
    params, x = net.init(stream(0, "init")), torch.randn(2, 1, 8, 8)
    current = net.synapses[0](params, x)
    found = net.blocks[0].preactivation(params, x, Wiring({}))
    # a window of four around every window of two, cut off at the border
    torch.testing.assert_close(found[..., 1, 2], current[..., 1:5, 3:7].amax((-2, -1)))
    torch.testing.assert_close(found[..., 0, 0], current[..., :3, :3].amax((-2, -1)))


@pytest.mark.parametrize(
    ("name", "options", "task", "message"),
    [
        ("cnn", {"channels": (2,) * 4}, TASK, "expected inputs of at least 16 pixels"),
        ("cnn", {"kernel": 4}, TASK, "odd number"),
        ("cnn", {"channels": (2, 2), "kernel": (3, 3, 3)}, TASK, "one for each of 2 layers"),
        ("cnn", {"pool": 3}, TASK, "Option pool is 3; expected an even number"),
        ("transformer", {"heads": 3}, TASK, "divisor of width"),
        ("transformer", {"patch": 3}, TASK, "do not tile 8 x 8"),
        ("rnn", {"blocks": "row"}, TASK, "expected one of: layer, step"),
        ("mlp", {"activation": "sigmoid"}, TASK, "Unknown nonlinearity 'sigmoid'"),
        ("mlp", {"width": 3}, Task((1, 2, 2), 2, 1), "Unknown option 'width' of 'mlp'. Choose one of: widths"),
        ("vgg", {}, TASK, "Unknown network 'vgg'. Choose one of: cnn, mlp, rnn, transformer"),
    ],
)
def test_bad_options_give_one_line(name: str, options: dict, task: Task, message: str) -> None:
    with pytest.raises(SpecError, match=message.replace(".", r"\.")) as caught:
        architecture(name, options).build(task)
    assert "\n" not in str(caught.value)
