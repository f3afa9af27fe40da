"""What has to be seen on a GPU, in one run of under 8 minutes: results equal to the CPU's, and times.

    python benchmarks/gpu_check.py OUT [--device cuda] [--minutes 7]

Needs no data and no network. Writes ``OUT/gpu_check.json`` after every part, so that a run that is cut off leaves what
it found. Parts: the device; every rule on every network for one step, CPU against device in double precision; scoring
(dissimilarities, samples of stimuli, regressions) by NumPy and by torch on the device, with the seconds of each; time
per step of a population of 10 in single precision, loop against ``vmap``; a whole training twice on the device.
"""

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from brainalign.comparisons.encoding import Encoding
from brainalign.computing import computing_on
from brainalign.condensed import Condensed
from brainalign.credit.batch import Batch
from brainalign.datasets.task import Task
from brainalign.networks.architecture import architecture
from brainalign.networks.network import Network
from brainalign.patterns import Patterns
from brainalign.randomness import stream
from brainalign.rdms import compute_rdms
from brainalign.resampling.left_out import left_out_pairs, units_of
from brainalign.resampling.pairs_bootstrap import bootstrap_pairs
from brainalign.rules.learning_rule import LearningRule, learning_rule, learning_rules
from brainalign.specs import TrainSpec
from brainalign.training.checkpoint import stack
from brainalign.training.population import population_step
from brainalign.training.runtime import Runtime
from brainalign.training.train import train

SMALL = {
    "mlp": {"widths": (32, 24)},
    "cnn": {"channels": (8, 12), "hidden": 16},
    "rnn": {"widths": (24,), "blocks": "step"},
    "transformer": {"width": 16, "depth": 1, "heads": 2, "blocks": "sublayer"},
}
LARGE: dict[str, dict[str, Any]] = {
    "mlp": {"widths": (256,) * 5},
    "cnn": {"channels": (32, 64, 128), "hidden": 256},
}
# relative to the largest entry of an update, in double precision
TOLERANCE = 1e-9


def main() -> None:
    """Run all parts and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=7.0)
    asked = parser.parse_args()
    end = time.monotonic() + 60 * asked.minutes
    asked.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"device": _device(asked.device), "not run": []}
    parts = {"equal": equal, "scoring": scoring, "times": times, "training": training}
    for name, part in parts.items():
        found[name] = []
        try:
            for row in part(asked.device, end):
                found[name].append(row)
        except Exception as error:  # a part that fails must not hide the others
            found[name].append({"error": f"{type(error).__name__}: {error}"})
        if time.monotonic() > end:
            found["not run"].append(f"rest of {name!r}")
        (asked.out / "gpu_check.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    checked = found["equal"] + found["scoring"] + found["training"]
    wrong = [row for row in checked if not row.get("equal", False)]
    print(json.dumps({"device": found["device"], "wrong": wrong, "not run": found["not run"]}, indent=1))
    for row in found["scoring"] + found["times"]:
        print(row)


def _device(name: str) -> dict[str, str]:
    device = torch.device(name)
    what = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "CPU"
    return {"name": what, "torch": torch.__version__, "python": platform.python_version()}


def _population(rule: LearningRule, network: Network, n: int, batch: int, dtype: torch.dtype) -> tuple[Any, ...]:
    """Return parameters, state, batch and noise of ``n`` instances on the CPU."""
    parts = []
    for seed in range(n):
        params = network.init(stream(seed, "init"))
        state = {**network.init_state(), **rule.init(network, params, stream(seed, "rule"))}
        drawn = rule.noise(network, batch, stream(seed, "noise"))
        x = torch.randn(batch, *network.task.input_shape, generator=stream(seed, "x"))
        y = torch.randint(0, network.task.n_outputs, (batch,), generator=stream(seed, "y"))
        parts.append((params, state, {"x": x}, drawn, {"y": y, "index": torch.arange(batch)}))
    params, state, x, drawn, labels = (stack([part[k] for part in parts]) for k in range(5))

    def cast(group: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: t.to(dtype) if t.is_floating_point() else t for name, t in group.items()}

    return cast(params), cast(state), Batch(cast(x)["x"], labels["y"], labels["index"]), cast(drawn)


def _on(device: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    params, state, batch, drawn = arguments
    groups = ({name: t.to(device) for name, t in group.items()} for group in (params, state, drawn))
    own, kept, noise = groups
    return own, kept, Batch(*(t.to(device) for t in batch)), noise


def equal(device: str, end: float) -> Any:
    """Compare one step of every rule on every network, two instances, CPU against device."""
    for shape, options in SMALL.items():
        network = architecture(shape, dict(options)).build(Task((1, 8, 8), 5, 64))
        for name in learning_rules():
            rule = learning_rule(name)
            if time.monotonic() > end or rule.incompatibility(network) is not None:
                continue
            row: dict[str, Any] = {"rule": name, "network": shape}
            try:
                arguments = _population(rule, network, 2, 8, torch.float64)
                step = population_step(rule, network, "vmap")
                here, there = step(*arguments), step(*_on(device, arguments))
                row["difference"] = max((_apart(u, there.updates[k]) for k, u in here.updates.items()), default=0.0)
                row["equal"] = row["difference"] < TOLERANCE
            except Exception as error:
                row |= {"equal": False, "error": f"{type(error).__name__}: {str(error)[:200]}"}
            yield row


def _apart(here: torch.Tensor, there: torch.Tensor) -> float:
    return float((here - there.cpu()).abs().max() / (1e-12 + here.abs().max()))


def times(device: str, end: float) -> Any:
    """Time a step of 10 instances in single precision, batch 128, as one program and as a loop."""
    for shape, options in LARGE.items():
        network = architecture(shape, dict(options)).build(Task((3, 32, 32), 10, 50_000))
        for name in learning_rules():
            rule = learning_rule(name)
            if time.monotonic() > end or not rule.learns or rule.incompatibility(network) is not None:
                continue
            row: dict[str, Any] = {"rule": name, "network": shape}
            arguments = _on(device, _population(rule, network, 10, 128, torch.float32))
            for execution in ("vmap", "loop"):
                try:
                    row[f"{execution}_ms"] = round(_milliseconds(rule, network, execution, arguments, device), 2)
                except Exception as error:
                    row[f"{execution}_ms"] = f"{type(error).__name__}: {str(error)[:120]}"
            yield row


def _milliseconds(rule: LearningRule, network: Network, execution: str, arguments: Any, device: str) -> float:
    step, taken = population_step(rule, network, execution), []
    for _ in range(6):
        _wait(device)
        start = time.perf_counter()
        step(*arguments)
        _wait(device)
        taken.append(time.perf_counter() - start)
    return 1000 * min(taken[2:])


def _wait(device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()


def scoring(device: str, end: float) -> Any:
    """Score by NumPy and by torch on the device: largest difference, and seconds of each (the better of two)."""
    rng = np.random.default_rng(0)
    ids = tuple(map(str, range(1000)))
    wide = rng.standard_normal((1000, 5000))
    models, brains = (Condensed.of(rng.random((n, 92 * 91 // 2))) for n in (80, 15))
    units, counted = units_of(None, 92)
    features = Patterns(wide[:, :2000], ids)
    targets = Patterns(wide[:, :50] @ rng.standard_normal((50, 500)) + 9 * rng.standard_normal((1000, 500)), ids)
    single, double = Encoding(dtype="float32"), Encoding()
    work: dict[str, tuple[Callable[[], np.ndarray], float]] = {
        "correlation RDM 1000 x 5000": (lambda: compute_rdms(wide, ids).dissimilarities, 1e-10),
        "squared Euclidean RDM": (lambda: compute_rdms(wide, ids, "squared_euclidean").dissimilarities, 1e-10),
        "leave one out, corr, 80 x 15 x 92": (
            lambda: left_out_pairs("corr", models, units, counted).scores(brains)[1], 1e-10,
        ),
        "bootstrap, corr, 1000 draws": (lambda: bootstrap_pairs(models, brains, "corr", 1000, 0).draws, 1e-10),
        "ridge 1000 x 2000 x 500, float64": (lambda: double.score(features, targets).r, 1e-8),
        "ridge 1000 x 2000 x 500, float32": (lambda: single.score(features, targets).r, 1e-3),
    }  # fmt: skip
    for name, (compute, most) in work.items():
        if time.monotonic() > end:
            return
        row: dict[str, Any] = {"scoring": name}
        try:
            here, row["numpy_s"] = _timed(compute)
            with computing_on(device, with_torch=True):
                compute()  # starts the device
                there, row["device_s"] = _timed(compute)
            row["difference"] = float(np.nanmax(np.abs(here - there)))
            row["equal"] = row["difference"] < most
        except Exception as error:
            row |= {"equal": False, "error": f"{type(error).__name__}: {str(error)[:200]}"}
        yield row


def _timed(compute: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    taken = []
    for _ in range(2):
        start = time.perf_counter()
        found = compute()
        taken.append(time.perf_counter() - start)
    return found, round(min(taken), 3)


def training(device: str, end: float) -> Any:
    """Train on the device twice and on the CPU; compare weights."""
    for name in ("backprop", "feedback_alignment", "predictive_coding"):
        if time.monotonic() > end:
            continue
        spec = TrainSpec(name, "mlp", "digits", network_options={"widths": (32,)}, seeds=(0, 1), epochs=3)
        with tempfile.TemporaryDirectory() as folder:
            whole = train(spec, Path(folder) / "whole", Runtime(device=device)).checkpoint
            again = train(spec, Path(folder) / "again", Runtime(device=device)).checkpoint
            cpu = train(spec, Path(folder) / "cpu", Runtime()).checkpoint
        same = all(torch.equal(whole.params[k].cpu(), again.params[k].cpu()) for k in whole.params)
        apart = max(float((whole.params[k].cpu() - cpu.params[k]).abs().max()) for k in cpu.params)
        yield {"rule": name, "equal": same, "largest difference to the CPU after 3 epochs": apart}


if __name__ == "__main__":
    main()
