"""Processor time of every rule on the digits: ten epochs, two seeds, the perceptron.

    python benchmarks/digits_cost.py [--rule RULE ...]

Each rule is trained for one epoch with its recommended options and once with its defaults; ten epochs are ten times
that, the start of the run included, so that figures are upper bounds. Processor time of one thread, not the clock's.
"""

import argparse
import tempfile
import time

import torch

from brainalign.errors import BrainalignError
from brainalign.recommended import completed
from brainalign.rules.learning_rule import learning_rules
from brainalign.specs import TrainSpec, train_spec
from brainalign.training.train import train

EPOCHS = 10


def main() -> None:
    """Print a row for each rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rule", nargs="*", default=list(learning_rules()))
    torch.set_num_threads(1)
    for rule in parser.parse_args().rule:
        asked = {"rule": rule, "network": "mlp", "dataset": "digits", "seeds": 2, "epochs": 1, "n_checkpoints": 2}
        seconds = [EPOCHS * _seconds(train_spec(options)) for options in (completed(asked)[0], asked)]
        print(f"| `{rule}` | {' | '.join(f'{one:.0f}' for one in seconds)} |", flush=True)


def _seconds(spec: TrainSpec) -> float:
    """Return the processor time of a training; NaN for one that fails."""
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        try:
            train(spec, folder)
        except BrainalignError as error:
            print(f"{spec.rule}: {error}", flush=True)
            return float("nan")
    return time.process_time() - started


if __name__ == "__main__":
    main()
