"""Our equilibrium propagation against the public code of Laborieux et al. 2021, side by side in one run.

    git clone https://github.com/Laborieux-Axel/Equilibrium-Propagation
    python benchmarks/relaxation_energy.py --equilibrium-propagation Equilibrium-Propagation

Both train the same multi-layer perceptron with outputs inside the energy: one free and two nudged phases from the same
numbers of steps, batch and nudge, and the gradients; no optimiser. A step of theirs updates all layers at once, one of
ours every other layer and then those between. Takes turns, prints the median milliseconds per step for one seed and per
seed for a population, and the ratio.
"""

import argparse
import importlib
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from brainalign.credit.batch import Batch
from brainalign.datasets.task import Task
from brainalign.networks.architecture import architecture
from brainalign.networks.network import Network
from brainalign.randomness import stream
from brainalign.rules.equilibrium_propagation import EquilibriumPropagation
from brainalign.training.checkpoint import stack
from brainalign.training.population import choose_execution, population_step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--equilibrium-propagation", type=Path, required=True, help="folder with their model_utils.py")
    parser.add_argument("--widths", type=lambda text: tuple(int(w) for w in text.split(",")), default=(512,))
    parser.add_argument("--free-steps", type=int, default=30)
    parser.add_argument("--nudged-steps", type=int, default=10)
    parser.add_argument("--beta", type=float, default=0.1)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compile", action="store_true", help="compile our steps, not theirs")
    options = parser.parse_args()
    network = architecture("mlp", {"widths": options.widths}).build(Task((1, 28, 28), 10, 60_000))
    rule = EquilibriumPropagation(
        beta=options.beta, free_steps=options.free_steps, nudged_steps=options.nudged_steps, readout="inside"
    )
    theirs = _theirs(options)
    steps = {n: _ours(rule, network, n, options) for n in (1, options.seeds)}
    times: dict[Any, list[float]] = {"theirs": [], **{n: [] for n in steps}}
    for turn in range(options.rounds + 2):  # the first two rounds warm up
        for name, run in {"theirs": theirs, **steps}.items():
            start = time.perf_counter()
            run()
            if options.device.startswith("cuda"):
                torch.cuda.synchronize()
            if turn >= 2:
                times[name].append(1000 * (time.perf_counter() - start) / (1 if name == "theirs" else name))
    base = statistics.median(times["theirs"])
    print(f"{'':34s} {'ms per seed':>12s} {'theirs / ours':>14s}")
    print(f"{'Laborieux et al.':34s} {base:12.2f}")
    for n in steps:
        ours = statistics.median(times[n])
        print(f"{f'brainalign, population of {n}':34s} {ours:12.2f} {base / ours:14.2f}")


def _theirs(options: argparse.Namespace) -> Callable[[], None]:
    sys.path.insert(0, str(options.equilibrium_propagation))
    sys.modules.setdefault("torchvision", ModuleType("torchvision"))  # of their data only
    module = importlib.import_module("model_utils")
    torch.manual_seed(0)
    model = module.P_MLP([784, *options.widths, 10], activation=module.my_hard_sig).to(options.device)
    x, y = _data(options, 1)
    x, y = x[0], y[0]
    criterion, beta = torch.nn.MSELoss(reduction="none"), options.beta

    def run() -> None:
        neurons = model.init_neurons(options.batch, options.device)
        free = module.copy(model(x, y, neurons, options.free_steps, beta=0.0, criterion=criterion))
        nudged = [
            module.copy(model(x, y, module.copy(free), options.nudged_steps, beta=b, criterion=criterion))
            for b in (beta, -beta)
        ]
        model.compute_syn_grads(x, y, *nudged, (beta, -beta), criterion)

    return run


def _ours(
    rule: EquilibriumPropagation, network: Network, n_seeds: int, options: argparse.Namespace
) -> Callable[[], object]:
    params = stack([network.init(stream(seed, "init")) for seed in range(n_seeds)], options.device)
    execution = choose_execution("auto", network, n_seeds, torch.device(options.device))
    step = population_step(rule, network, execution, options.compile)
    x, y = _data(options, n_seeds)
    index = torch.arange(options.batch, device=options.device).repeat(n_seeds, 1)
    return lambda: step(params, {}, Batch(x, y, index), {})


def _data(options: argparse.Namespace, n_seeds: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(n_seeds, options.batch, 1, 28, 28, generator=generator)
    y = torch.randint(0, 10, (n_seeds, options.batch), generator=generator)
    return x.to(options.device), y.to(options.device)


if __name__ == "__main__":
    main()
