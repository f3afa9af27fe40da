"""Scorecards of the documentation: the rules that a network lacks, one after another.

    python benchmarks/scorecards.py [--network cnn rnn transformer mlp] [--rule RULE ...]

Rows are added to ``docs/scorecard`` after every rule, so that a run that is stopped goes on where it was. Beside the
perceptron, the probes are those that train nothing, with one seed. Whether a probe is certified on a network is taken
from the rows that are there: its controls were run with them. Without such rows a network is measured as a whole by
``brainalign scorecard --network ... --out ...``.
"""

import argparse
from pathlib import Path

import pandas as pd
import torch

from brainalign.plausibility.asked import asked
from brainalign.plausibility.candidate import candidates
from brainalign.plausibility.scorecard import COLUMNS, probe, read_scorecard, write_scorecard
from brainalign.plausibility.subject import PROBED
from brainalign.rules.learning_rule import learning_rules

CARDS = Path(__file__).parents[1] / "docs" / "scorecard"
#: Network to what is said of it beside its sizes, and its seeds.
NETWORKS: dict[str, tuple[dict[str, object], int]] = {
    "mlp": ({}, 3),
    "cnn": ({}, 1),
    "rnn": ({"network.blocks": "step"}, 1),
    "transformer": ({"network.blocks": "sublayer"}, 1),
}


def main() -> None:
    """Probe what has no rows yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", nargs="*", default=["cnn", "rnn", "transformer", "mlp"], choices=NETWORKS)
    parser.add_argument("--rule", nargs="*", default=list(learning_rules()))
    options = parser.parse_args()
    torch.set_num_threads(1)
    for network in options.network:
        for rule in options.rule:
            _add(network, rule)


def _add(network: str, rule: str) -> None:
    settings, n_seeds = NETWORKS[network]
    what = asked((rule,), network, (), settings)
    table = read_scorecard(CARDS)[0]
    there = table[table.network == what.title]
    certified = there.drop_duplicates("probe").set_index("probe").certified
    codes = list(certified.index)
    lacking = [code for code in codes if code not in set(there[there.rule == rule].probe)]
    if not lacking:
        return
    shown = {**PROBED[network], **(what.network_options or {})}
    found = probe(candidates([rule])[0], network, lacking, tuple(range(n_seeds)), shown)
    rows = pd.DataFrame(
        [{**found[code], "certified": bool(certified[code]), "network": what.title} for code in lacking]
    )
    table = pd.concat([table, rows[list(COLUMNS)].astype({"pass": object})], ignore_index=True)
    order = table.network.map({name: k for k, name in enumerate(table.network.unique())})
    table = table.assign(order=order).sort_values(["order", "rule"], kind="stable").drop(columns="order")
    write_scorecard(CARDS, table)
    print(f"{what.title}: {rule}, {rows.seconds.sum():.0f} s", flush=True)


if __name__ == "__main__":
    main()
