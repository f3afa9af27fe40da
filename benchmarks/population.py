"""One vectorised program for a population of seeds against a loop over them, side by side in one run.

    python benchmarks/population.py [--device cpu] [--seeds 5] [--batch 128] [--compile]

Prints milliseconds per step of the whole population and the ratio loop / vmap, for each architecture.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch

from brainalign.credit.batch import Batch
from brainalign.datasets.task import Task
from brainalign.networks.architecture import architecture
from brainalign.randomness import stream
from brainalign.rules.learning_rule import learning_rule
from brainalign.training.checkpoint import stack
from brainalign.training.population import population_step

NETWORKS = {
    "mlp": {"widths": (256, 256)},
    "cnn": {"channels": (32, 64, 128), "hidden": 256},
    "rnn": {"widths": (128,)},
    "transformer": {},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rule", default="feedback_alignment")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    task, rule = Task((3, 32, 32), 10, options.batch), learning_rule(options.rule)
    for name, shape in NETWORKS.items():
        network = architecture(name, dict(shape)).build(task)
        params = [network.init(stream(k, "init")) for k in range(options.seeds)]
        state = [{**network.init_state(), **rule.init(network, p, stream(k, "rule"))} for k, p in enumerate(params)]
        x = torch.randn(options.seeds, options.batch, *task.input_shape, device=options.device)
        y = torch.randint(0, 10, (options.seeds, options.batch), device=options.device)
        arguments = (stack(params, options.device), stack(state, options.device), Batch(x, y, y), {})
        steps = {how: population_step(rule, network, how, options.compile) for how in ("loop", "vmap")}
        times: dict[str, list[float]] = {how: [] for how in steps}
        for _ in range(options.rounds + 1):  # interleaved, the first round only warms up
            for how, step in steps.items():
                times[how].append(_milliseconds(partial(step, *arguments), options.device))
        loop, vmapped = (statistics.median(times[how][1:]) for how in ("loop", "vmap"))
        print(f"{name:12s} loop {loop:7.1f} ms   vmap {vmapped:7.1f} ms   loop/vmap {loop / vmapped:.2f}")


def _milliseconds(call: Callable[[], object], device: str) -> float:
    start = time.perf_counter()
    call()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    main()
