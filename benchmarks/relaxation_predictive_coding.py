"""Inference of predictive coding against Torch2PC's, the same work in the same run.

    git clone https://github.com/RobertRosenbaum/Torch2PC
    python benchmarks/relaxation_predictive_coding.py --torch2pc Torch2PC [--widths 1024,512,256] [--compile]

Both compute every weight's gradient of one batch after the same number of inference steps on the same network with the
same weights, and all take turns, so that whatever else the machine does falls on all alike. First the gradients are
compared; then the median milliseconds per batch of one network are printed, those per network of a population (one
program for all of it), and how many times longer Torch2PC takes. Torch2PC has no error-based variant; that line is
compared with its strict one, which is the slower way to the same equilibrium.
"""

import argparse
import contextlib
import importlib
import io
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from brainalign.credit.batch import Batch
from brainalign.datasets.task import Task
from brainalign.networks.architecture import architecture
from brainalign.networks.network import Network, Params
from brainalign.randomness import stream
from brainalign.rules.backprop import Backprop
from brainalign.rules.learning_rule import LearningRule
from brainalign.rules.predictive_coding import PredictiveCoding
from brainalign.training.checkpoint import stack
from brainalign.training.population import population_step

TASK = Task((1, 28, 28), 10, 60_000)
CLASSES = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch2pc", required=True, help="folder with TorchSeq2PC.py")
    parser.add_argument("--widths", type=lambda text: tuple(int(w) for w in text.split(",")), default=(1024, 512, 256))
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--error-steps", type=int, default=5, help="inference steps of the error-based variant")
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()

    sys.path.insert(0, options.torch2pc)
    with contextlib.redirect_stdout(io.StringIO()):  # it greets on import
        infer = importlib.import_module("TorchSeq2PC").PCInfer
    network = architecture("mlp", {"widths": options.widths}).build(TASK)
    params = network.init(stream(0, "init"))
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(options.batch, *TASK.input_shape, generator=generator).to(options.device)
    y = torch.randint(0, CLASSES, (options.batch,), generator=generator).to(options.device)

    def theirs(variant: str) -> Callable[[], object]:
        model, loss = _sequential(network, params).to(options.device), torch.nn.CrossEntropyLoss(reduction="sum")
        return lambda: (infer(model, loss, x, y, variant, options.rate, options.steps), model)[1]

    def ours(variant: str, steps: int) -> PredictiveCoding:
        return PredictiveCoding(variant=variant, steps=steps, rate=options.rate)

    rules: dict[str, tuple[LearningRule, str]] = {
        "strict": (ours("strict", options.steps), "Strict"),
        "fixed_prediction": (ours("fixed_prediction", options.steps), "FixedPred"),
        "error_based": (ours("error_based", options.error_steps), "Strict"),
        "backprop": (Backprop(), "Exact"),
    }
    _compare(network, params, {name: pair for name, pair in rules.items() if name != "error_based"}, theirs, x, y)

    calls: dict[str, Callable[[], object]] = {f"Torch2PC {kind}": theirs(kind) for _, kind in rules.values()}
    for name, (rule, _) in rules.items():
        for n_seeds in (1, options.seeds):
            arguments = _population(network, n_seeds, x, y)
            step = population_step(rule, network, "vmap" if n_seeds > 1 else "loop", options.compile)
            calls[f"{name} {n_seeds}"] = lambda step=step, arguments=arguments: step(*arguments)
    times = _take_turns(calls, options.rounds, options.device)

    print(f"{'':18s} {'Torch2PC':>9s} {'one network':>19s} {f'per network of {options.seeds}':>24s}")
    for name, (_, kind) in rules.items():
        reference, alone = times[f"Torch2PC {kind}"], times[f"{name} 1"]
        together = times[f"{name} {options.seeds}"] / options.seeds
        print(
            f"{name:18s} {reference:6.1f} ms {alone:9.1f} ms ({reference / alone:4.1f}x)"
            f" {together:14.1f} ms ({reference / together:4.1f}x)"
        )
    base = times["backprop 1"], times[f"backprop {options.seeds}"]
    for name in rules:
        cost = (times[f"{name} 1"] / base[0], times[f"{name} {options.seeds}"] / base[1])
        print(f"{name:18s} {cost[0]:.2f} x backprop alone, {cost[1]:.2f} x as a population")


def _sequential(network: Network, params: Params) -> torch.nn.Sequential:
    """Return the perceptron as Torch2PC wants it: one module per block."""
    blocks = []
    for k, synapse in enumerate(network.synapses):
        linear = torch.nn.Linear(synapse.n_in, synapse.n_out)
        linear.load_state_dict({part: params[f"{synapse.name}.{part}"] for part in ("weight", "bias")})
        before = [torch.nn.Flatten()] if k == 0 else []
        after = [torch.nn.ReLU()] if k < len(network.synapses) - 1 else []
        blocks.append(torch.nn.Sequential(*before, linear, *after))
    return torch.nn.Sequential(*blocks)


def _compare(
    network: Network, params: Params, rules: dict, theirs: Callable[[str], Callable[[], object]], x: Tensor, y: Tensor
) -> None:
    """Print how far apart the two gradients of each weight are.

    Torch2PC teaches with the errors before the last step and the activities after it, and its strict variant sends on
    errors of different steps; so after a finite number of steps the gradients are near and not equal.
    """
    params = {name: tensor.to(x.device) for name, tensor in params.items()}
    for name, (rule, kind) in rules.items():
        mine = rule.step(network, params, {}, Batch(x, y, y), {}).updates
        model = theirs(kind)()
        cosines = []
        for synapse, block in zip(network.synapses, model, strict=True):
            gradient = next(block.parameters()).grad.flatten()
            cosines.append(
                float(torch.cosine_similarity(mine[synapse.weight_name].flatten().double(), gradient.double(), dim=0))
            )
        print(f"{name:18s} cosines of the gradients of every weight to Torch2PC {kind}:", end=" ")
        print(", ".join(f"{cosine:.6f}" for cosine in cosines))


def _population(network: Network, n_seeds: int, x: Tensor, y: Tensor) -> tuple[Params, Params, Batch, Params]:
    params = stack([network.init(stream(seed, "init")) for seed in range(n_seeds)], str(x.device))
    labels = y.repeat(n_seeds, 1)
    return params, {}, Batch(x.repeat(n_seeds, *(1,) * x.ndim), labels, labels), {}


def _take_turns(calls: dict[str, Callable[[], object]], rounds: int, device: str) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 2):  # the first two rounds warm up
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if device.startswith("cuda"):
                torch.cuda.synchronize()
            if turn >= 2:
                times[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in times.items()}


if __name__ == "__main__":
    main()
