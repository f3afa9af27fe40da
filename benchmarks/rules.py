"""What a step of each learning rule costs over backpropagation's, measured and in theory.

    python benchmarks/rules.py [--network mlp --widths 256,256,256,256,256] [--batch 256] [--device cpu] [--compile]

All rules take turns in one run, so that whatever else the machine does falls on all alike. Prints the median
milliseconds per step of one network, the ratio to backpropagation, the ratio of multiply-adds that the algorithm needs,
and measured over theory.
"""

import argparse
import statistics
import time

import torch

from brainalign.credit.batch import Batch
from brainalign.datasets.task import Task
from brainalign.networks.architecture import architecture
from brainalign.randomness import stream
from brainalign.rules.learning_rule import LearningRule, learning_rule, learning_rules


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="mlp")
    parser.add_argument("--widths", type=lambda text: tuple(int(w) for w in text.split(",")), default=(256,) * 5)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--rules", nargs="*", default=[name for name, rule in learning_rules().items() if rule.learns])
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    shape = {"widths": options.widths} if options.network in ("mlp", "rnn") else {}
    network = architecture(options.network, shape).build(Task((1, 28, 28), 10, 60_000))
    names = ["backprop", *(name for name in options.rules if name != "backprop")]
    steps = {
        name: _Timed(learning_rule(name), network, options.batch, options.device, options.compile) for name in names
    }
    for turn in range(options.rounds + 2):  # the first two rounds warm up
        for step in steps.values():
            step.run(count=turn >= 2)
    base = steps["backprop"]
    print(f"{'rule':36s} {'ms':>8s} {'measured':>9s} {'theory':>7s} {'over theory':>12s}")
    for name, step in steps.items():
        measured, theory = step.median / base.median, step.theory / base.theory
        print(f"{name:36s} {step.median:8.2f} {measured:8.2f}x {theory:6.2f}x {measured / theory:12.2f}")


class _Timed:
    def __init__(self, rule: LearningRule, network, batch: int, device: str, compile: bool) -> None:
        self.device, self.times = device, []
        self.theory = rule.multiply_adds(network, batch)
        params = network.init(stream(0, "init"))
        state = {**network.init_state(), **rule.init(network, params, stream(0, "rule"))}
        x, y = torch.randn(batch, *network.task.input_shape), torch.randint(0, 10, (batch,))
        noise = rule.noise(network, batch, stream(0, "noise"))
        groups = ({n: t.to(device) for n, t in group.items()} for group in (params, state, noise))
        self.params, self.state, self.noise = groups
        self.batch = Batch(x.to(device), y.to(device), torch.arange(batch, device=device))

        def step(*arguments):
            return rule.step(network, *arguments)

        self.step = torch.compile(step) if compile else step

    def run(self, count: bool) -> None:
        start = time.perf_counter()
        self.step(self.params, self.state, self.batch, self.noise)
        if self.device.startswith("cuda"):
            torch.cuda.synchronize()
        if count:
            self.times.append(1000 * (time.perf_counter() - start))

    @property
    def median(self) -> float:
        return statistics.median(self.times)


if __name__ == "__main__":
    main()
