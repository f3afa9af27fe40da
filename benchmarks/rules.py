"""What a step of each learning rule costs over backpropagation's, measured and in theory.

    python benchmarks/rules.py [--network mlp --widths 256,256,256,256,256] [--batch 256] [--device cpu] [--compile]

All rules take turns in one run, so that whatever else the machine does falls on all alike. Prints the median
milliseconds per step of a population of seeds, as it is trained, the ratio to backpropagation, the ratio of
multiply-adds that the algorithm needs, and measured over theory. Element-wise work is in the time and not in theory.

On a CPU these are milliseconds of its threads, not of the clock on the wall: where other programs wait for the same
cores, a long step is interrupted more often than a short one, which the median of the wall's clock would take for cost.
"""

import argparse
import statistics
import time

import torch

from brainalign.credit.batch import Batch
from brainalign.datasets.task import Task
from brainalign.networks.architecture import architecture
from brainalign.networks.network import Network
from brainalign.randomness import stream
from brainalign.rules.learning_rule import LearningRule, learning_rule, learning_rules
from brainalign.training.checkpoint import stack
from brainalign.training.population import choose_execution, population_step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="mlp")
    parser.add_argument("--widths", type=lambda text: tuple(int(w) for w in text.split(",")), default=(256,) * 5)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--rules", nargs="*", default=[name for name, rule in learning_rules().items() if rule.learns])
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    shape = {"widths": options.widths} if options.network in ("mlp", "rnn") else {}
    network = architecture(options.network, shape).build(Task((1, 28, 28), 10, 60_000))
    names = ["backprop", *(name for name in options.rules if name != "backprop")]
    how = network, options.batch, options.seeds, options.device, options.compile
    steps = {name: _Timed(learning_rule(name), *how) for name in names}
    for turn in range(options.rounds + 2):  # the first two rounds warm up
        for step in steps.values():
            step.run(count=turn >= 2)
    base = steps["backprop"]
    print(f"{'rule':36s} {'ms':>8s} {'measured':>9s} {'theory':>7s} {'over theory':>12s}")
    for name, step in steps.items():
        measured, theory = step.median / base.median, step.theory / base.theory
        print(f"{name:36s} {step.median:8.2f} {measured:8.2f}x {theory:6.2f}x {measured / theory:12.2f}")


class _Timed:
    def __init__(
        self, rule: LearningRule, network: Network, batch: int, n_seeds: int, device: str, compile: bool
    ) -> None:
        self.device, self.times = device, list[float]()
        self.theory = rule.multiply_adds(network, batch)
        params = [network.init(stream(seed, "init")) for seed in range(n_seeds)]
        state = [
            {**network.init_state(), **rule.init(network, own, stream(seed, "rule"))} for seed, own in enumerate(params)
        ]
        noise = [rule.noise(network, batch, stream(seed, "noise")) for seed in range(n_seeds)]
        x, y = torch.randn(n_seeds, batch, *network.task.input_shape), torch.randint(0, 10, (n_seeds, batch))
        index = torch.arange(batch).repeat(n_seeds, 1)
        self.arguments = (
            stack(params, device),
            stack(state, device),
            Batch(x.to(device), y.to(device), index.to(device)),
            stack(noise, device),
        )
        execution = choose_execution("auto", network, n_seeds, torch.device(device))
        self.step = population_step(rule, network, execution, compile)

    def run(self, count: bool) -> None:
        clock = time.process_time if self.device == "cpu" else time.perf_counter
        start = clock()
        self.step(*self.arguments)
        if self.device.startswith("cuda"):
            torch.cuda.synchronize()
        if count:
            self.times.append(1000 * (clock() - start))

    @property
    def median(self) -> float:
        return statistics.median(self.times)


if __name__ == "__main__":
    main()
