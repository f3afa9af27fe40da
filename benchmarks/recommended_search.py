"""How each rule is best trained on digits or MNIST: grids on validation samples, beside the readout-only control.

    python benchmarks/recommended_search.py [--network mlp rnn transformer cnn] [--rule RULE ...] [--small | --equal]
    python benchmarks/recommended_search.py --dataset mnist --network rnn transformer

Of the digits, a quarter of the training split is held out and seeds are 100 to 102, so that neither the test split nor
the seeds of reported networks play a part. Of MNIST, candidates see 10,000 samples twice with seed 100; searched are
rules that exceed readout only on the digits with that network, two rates each (``--equal``). What is tried is appended
to ``presets/searches/<data set>-<network>/<rule>.csv``; called again, finished candidates are not trained again. The
best of each file is what ``LearningRule.recommended`` or a preset file (``benchmarks/recommended_presets.py``) holds.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import torch

from brainalign.errors import BrainalignError
from brainalign.networks.architecture import architectures
from brainalign.reproduction.presets import Preset
from brainalign.reproduction.search import search
from brainalign.rules.learning_rule import learning_rules
from brainalign.specs import TrainSpec
from brainalign.support import learned

SEARCHES = Path(__file__).parents[1] / "presets" / "searches"
#: Passes over three quarters of the samples: as many steps as 20 passes over nine tenths.
EPOCHS, HELD_OUT, SEEDS = 28, 0.25, (100, 101, 102)
#: The same of MNIST: passes, samples, seeds.
MNIST_EPOCHS, MNIST_SAMPLES, MNIST_SEEDS = 2, 10_000, (100,)
#: What one block is, so that none hides an exact gradient of a longer path.
BLOCKS = {"rnn": {"blocks": "step"}, "transformer": {"blocks": "sublayer"}}

ADAM = {"optimizer": ["adam"], "learning_rate": [0.001, 0.003, 0.01]}
SGD = {"optimizer": ["sgd"], "optimizer.momentum": [0.9], "learning_rate": [0.03, 0.1]}
PLAIN = {"optimizer": ["sgd"], "schedule": ["constant"], "learning_rate": [1.0]}
#: SoftHebb as its paper has it.
SOFT = {"rule.radius": [25.0], "rule.norm_power": [0.5], "rule.largest": [True], "rule.activation": ["triangle"]}
PRINCIPAL = {"rule.competition": ["linear"], "rule.reconstruction": ["ordered"], "rule.activation": ["linear"]}
#: STDP as the preset of MNIST has it.
VOTE = {"rule.readout": ["vote"], "rule.duration": [100.0], "rule.dt": [2.0], "rule.max_rate": [127.5]}
SIGNS = {"rule.reward": ["expected"], "rule.code": ["signs"], "rule.rewarded": ["all"]}

#: Rule to grids in place of Adam's alone.
GRIDS: dict[str, list[dict[str, list[Any]]]] = {
    "untrained": [],
    "readout_only": [
        {**ADAM, "learning_rate": [0.003, 0.01, 0.03, 0.1]},
        {**SGD, "learning_rate": [0.03, 0.1, 0.3]},
    ],
    "hebbian": [
        {**SGD, "rule.rate": [0.0, 0.01, 0.1]},
        {**SGD, **SOFT, "rule.rate": [0.0, 0.5, 2.5], "rule.plastic_steps": [60]},
        {**SGD, **PRINCIPAL, "rule.rate": [0.0, 0.005, 0.05]},
    ],
    "stdp": [
        {**PLAIN, "rule.theta": [0.02, 0.1, 0.5], "rule.rate": [4.0]},
        {**PLAIN, **VOTE, "rule.drive": [2.0, 4.0], "rule.theta": [0.1, 0.5], "rule.rate": [4.0]},
        {**PLAIN, **VOTE, "rule.drive": [2.0], "rule.theta": [0.5], "rule.rate": [0.0]},
    ],
    "reward_modulated_stdp": [
        {**PLAIN, "rule.rate": [0.0, 0.1, 1.0], "rule.readout_rate": [0.3, 2.0]},
        {**PLAIN, **SIGNS, "rule.rate": [0.1, 1.0]},
    ],
    "weight_perturbation": [{**ADAM, "rule.samples": [16]}, {"learning_rate": [0.01], "rule.samples": [64]}],
    "node_perturbation": [ADAM, {"learning_rate": [0.003, 0.01], "rule.samples": [8]}],
    "target_propagation": [
        {**ADAM, "rule.activation": ["tanh", "elu"]},
        {**ADAM, "learning_rate": [0.003], "rule.activation": ["elu"], "rule.step_size": [30.0]},
    ],
    "counter_current": [{**ADAM, "rule.matching": ["samples", "classes"]}],
    "forward_forward": [ADAM, {"learning_rate": [0.003], "rule.threshold": [0.3]}],
}

#: F3 on the Transformer: its paper claims that network. Under SGD the feedback's scale is how fast blocks learn beside
#: the readout; under Adam it says nothing.
OF_NETWORK: dict[tuple[str, str], list[dict[str, list[Any]]]] = {
    ("transformer", "delayed_feedback"): [
        {**SGD, "learning_rate": [0.1, 0.3], "rule.scale": [0.003, 0.03, 0.3]},
        {"optimizer": ["adam"], "learning_rate": [0.003, 0.01, 0.03, 0.1]},
    ],
    # The readout of a recurrent network wants large rates; principal components were the best of the usual grid.
    ("rnn", "hebbian"): [
        *GRIDS["hebbian"],
        {**SGD, **PRINCIPAL, "learning_rate": [0.3], "rule.rate": [0.0, 0.002, 0.005]},
    ],
}

#: What a step of these costs, at many times a step of backpropagation; they come last.
SLOW = (
    *("forward_forward", "node_perturbation", "local_difference_reconstruction", "weight_mirror", "predictive_coding"),
    *("weight_perturbation", "reward_modulated_stdp", "equilibrium_propagation", "contrastive_hebbian", "stdp"),
)


#: Four times as many steps, of a quarter of the samples, for rules that 200 steps did not lift above readout only; what
#: is recommended is the better of both on validation samples.
SMALL = {"optimizer": ["adam"], "batch_size": [32], "learning_rate": [0.001, 0.003]}
LONGER = (
    *("direct_feedback_alignment", "delayed_feedback", "difference_target_propagation", "pepita", "forward_gradient"),
    *("fixed_weight_target_propagation", "top_down_credit", "target_propagation", "forward_forward", "readout_only"),
)


#: ``--equal``: two candidates for every rule, rates of Adam, with the options that were found on the perceptron.
RATES = {"optimizer": ["adam"], "learning_rate": [0.003, 0.01]}
EQUAL: dict[str, dict[str, list[Any]]] = {
    "hebbian": {
        **SGD,
        **SOFT,
        "learning_rate": [0.003, 0.01, 0.03, 0.1],
        "rule.rate": [0.5],
        "rule.plastic_steps": [60],
    },
    "counter_current": {**RATES, "rule.matching": ["classes"]},
    "target_propagation": {**RATES, "rule.activation": ["elu"]},
    "two_views": {**RATES, "rule.mirror": [False], "rule.smallest": [0.5, 0.7]},
    "weight_perturbation": {**RATES, "rule.samples": [16]},
    "untrained": {},
    "readout_only": {},
}


def main() -> None:
    """Search every rule and network that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", nargs="*", default=["mlp", "rnn", "transformer", "cnn"], choices=architectures())
    parser.add_argument("--dataset", default="digits", choices=("digits", "mnist"))
    parser.add_argument("--rule", nargs="*")
    parser.add_argument("--small", action="store_true", help="small batches, of rules that did not exceed readout only")
    parser.add_argument("--equal", action="store_true", help="two rates for every rule, the same budget for each")
    parser.add_argument("--seed", nargs="*", type=int)
    options = parser.parse_args()
    torch.set_num_threads(1)
    on_mnist = options.dataset == "mnist"
    options.equal |= on_mnist
    budget: dict[str, Any] = {"epochs": EPOCHS, "seed": options.seed or SEEDS}
    if on_mnist:
        budget = {"epochs": MNIST_EPOCHS, "seed": options.seed or MNIST_SEEDS, "n_train": MNIST_SAMPLES}
    for network in options.network:
        for rule in LONGER if options.small else options.rule or _rules(network, on_mnist):
            for grid in _grids(network, rule, options):
                held_out = {} if on_mnist else {"validation_fraction": HELD_OUT}
                spec = TrainSpec(rule, network, options.dataset, network_options=BLOCKS.get(network, {}), **held_out)
                try:
                    found = search(Preset(f"{options.dataset}-{network}", rule, spec, "-"), grid, SEARCHES, **budget)
                except BrainalignError as error:
                    print(network, rule, str(error)[:150], file=sys.stderr, flush=True)
                    continue
                best = found.iloc[0]
                print(network, rule, {name: best[name] for name in (*grid, "val_accuracy", "status")}, flush=True)


def _rules(network: str, on_mnist: bool) -> list[str]:
    """Return all rules, cheap ones first; of MNIST those that exceed readout only on the digits, and that control."""
    rules = sorted(learning_rules(), key=_cost)
    if not on_mnist:
        return rules
    exceeding = {rule for (rule, shape), row in learned().items() if shape == network and row["exceeds"] == "True"}
    return [rule for rule in rules if rule in exceeding | {"readout_only"}]


def _grids(network: str, rule: str, options: argparse.Namespace) -> list[dict[str, list[Any]]]:
    if options.dataset == "mnist" and rule == "readout_only":
        return [{"optimizer": ["adam"], "learning_rate": [0.01, 0.03, 0.1]}]
    if options.equal:
        return [one for one in [EQUAL.get(rule, RATES)] if one]
    return [SMALL | _of(rule)] if options.small else OF_NETWORK.get((network, rule), GRIDS.get(rule, [ADAM]))


def _of(rule: str) -> dict[str, list[Any]]:
    own = {"target_propagation": {"rule.activation": ["elu"]}, "readout_only": {"learning_rate": [0.003, 0.01, 0.03]}}
    return own.get(rule, {})


def _cost(rule: str) -> int:
    return SLOW.index(rule) + 1 if rule in SLOW else 0


if __name__ == "__main__":
    main()
