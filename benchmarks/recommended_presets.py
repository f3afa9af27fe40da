"""Write the recommended presets of digits and MNIST: the best of each search, for networks that rules do not declare.

    python benchmarks/recommended_presets.py

``presets/searches/<data set>-<network>/<rule>.csv`` holds the candidates (``benchmarks/recommended_search.py``),
trained on part of the training split and judged on another part. Taken is the smallest rate within half a point of
the best validation accuracy. ``presets/<data set>-<network>.toml`` is written where a rule has a search and, on the
digits, declares nothing itself.
A search of one candidate is none, and a rule whose best candidate has its plasticity off has no way to be trained.
A mirrored digit is another sign on every network, so that two views carry over from the perceptron what they are.
"""

from pathlib import Path

import pandas as pd
import tomlkit

from brainalign.networks.architecture import architectures
from brainalign.reproduction.presets import option_tables
from brainalign.reproduction.search import MEASURED
from brainalign.rules.learning_rule import learning_rules

PRESETS = Path(__file__).parents[1] / "presets"
NEAR = 0.005
#: Where there is no search: what is known of the digits all the same, and the rule that each file must hold.
CARRIED: dict[str, dict[str, object]] = {
    "backprop": {"learning_rate": 0.001, "found": "the default; not searched on this network"},
    "two_views": {
        "learning_rate": 0.003,
        "options": {"mirror": False, "smallest": 0.7},
        "found": "carried over from digits-mlp, since mirrored digits are none; not searched on this network",
    },
}
_HEAD = (
    "the best of a small search (benchmarks/recommended_search.py --equal). Every rule had",
    "the same two rates, some had more.",
    "benchmarks/recommended_presets.py writes this file. What it holds is recommended on this network and data set.",
)


def main() -> None:
    """Write one file for each network on the digits, and for those that were searched on MNIST."""
    for network in architectures():
        _write("digits", network, 20, CARRIED)
    for network in ("rnn", "transformer"):
        _write("mnist", network, 2, {})


def _write(dataset: str, network: str, epochs: int, carried: dict[str, dict[str, object]]) -> None:
    found = {rule: _chosen(rule, dataset, network) or carried.get(rule) for rule in learning_rules()}
    document = tomlkit.document()
    first, *others = _HEAD
    for line in (f"Rules on {'the digits' if dataset == 'digits' else 'MNIST'}: {first}", *others):
        document.add(tomlkit.comment(line))
    title = {"digits": "Digits", "mnist": "MNIST"}[dataset]
    document["title"] = f"{title}, {network} as it is by default, with recommended blocks"
    document["recommended"] = True
    training = tomlkit.table()
    training.update({"dataset": dataset, "network": network, "seeds": [0, 1, 2, 3, 4], "epochs": epochs})
    if options := dict(architectures()[network].recommended):
        training["network_options"] = options
    document["training"] = training
    document["presets"] = {rule: own for rule, own in found.items() if own}
    (PRESETS / f"{dataset}-{network}.toml").write_text(tomlkit.dumps(document), encoding="utf-8")


def _chosen(rule: str, dataset: str, network: str) -> dict[str, object]:
    """Return the options of a preset and its ``found`` line; nothing without a search, or where the rule says it."""
    path = PRESETS / "searches" / f"{dataset}-{network}" / f"{rule}.csv"
    if not path.is_file() or (
        dataset == "digits" and network in learning_rules()[rule].recommended and rule != "backprop"
    ):
        return {}
    rows = pd.read_csv(path)
    done = rows[rows.status == "finished"]
    if len(done) < 2:
        return {}
    near = done[done.val_accuracy >= done.val_accuracy.max() - NEAR]
    best = near.sort_values(["learning_rate", "val_accuracy"], ascending=[True, False]).iloc[0]
    names = [name for name in rows.columns if name not in MEASURED and rows[name].notna().any()]
    settings = {name: getattr(best[name], "item", lambda name=name: best[name])() for name in names}
    settings = {name: value for name, value in settings.items() if pd.notna(value) and value != "adam"}
    options = option_tables(settings)
    off = learning_rules()[rule].plasticity_off
    if off and off.items() <= options.get("rule_options", {}).items():
        return {}
    tables = {("options" if name == "rule_options" else name): value for name, value in options.items()}
    tried = ", ".join(f"{name} {{{', '.join(f'{one}' for one in pd.unique(rows[name].dropna()))}}}" for name in names)
    seeds = " ".join(str(best.seed).split())
    samples = f" of {best.n_train:g} samples" if best.n_train else ""
    return {
        **tables,
        "found": f"{len(rows)} candidates, {tried}; {best.epochs:g} epochs{samples}, seeds {seeds}; "
        f"validation accuracy {best.val_accuracy:.4f}",
    }


if __name__ == "__main__":
    main()
