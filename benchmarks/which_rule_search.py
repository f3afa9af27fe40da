"""Search options of every rule of the study ``which_rule`` in the same way, then write its preset file.

``which_rule_search.toml`` beside this file holds the candidates of each rule: 2 rates x 2 values of one option, laid
out before any was trained. Each is trained on 20,000 samples for 2 epochs with one seed (100) that the study does
not have; validation samples decide. Finished candidates are kept, so the script may be stopped and run again.

    python benchmarks/which_rule_search.py OUT [RULE ...]
    python benchmarks/which_rule_search.py OUT --write    # writes presets/cifar10_jpeg-cnn-16-32-64.toml
"""

import sys
import tomllib
from pathlib import Path

import pandas as pd
import tomlkit

from brainalign.errors import BrainalignError
from brainalign.reproduction.presets import Preset, changed
from brainalign.reproduction.search import search
from brainalign.specs import train_spec

HERE = Path(__file__).parent
FILE = "cifar10_jpeg-cnn-16-32-64"
EPOCHS, N_TRAIN, SEED = 2, 20_000, 100
_HEAD = (
    "The network of the study which_rule, the same for all rules. Options of every rule were searched in the same way",
    "(benchmarks/which_rule_search.py, which writes this file).",
)


def candidates() -> dict[str, tuple[Preset, dict[str, list]]]:
    """Return the preset that each rule starts from, and its grid."""
    asked = tomllib.loads((HERE / "which_rule_search.toml").read_text(encoding="utf-8"))
    found = {}
    for rule, own in asked["presets"].items():
        grid = own.pop("grid")
        options = {**asked["training"], "rule": rule, "rule_options": own.pop("options", {}), **own}
        found[rule] = Preset(FILE, rule, train_spec(options, rule), "searched"), grid
    return found


def main(out: str, *rules: str) -> None:
    """Train the candidates of all rules, or of some."""
    for rule, (preset, grid) in candidates().items():
        if rules and rule not in rules:
            continue
        try:
            ranked = search(preset, grid, out, EPOCHS, SEED, N_TRAIN)
        except BrainalignError as error:
            print(f"{rule}: {error}", flush=True)
            continue
        print(f"{rule}\n{ranked.to_string(index=False)}", flush=True)


def write(out: str) -> None:
    """Write the preset file: every rule whose candidates are all trained, with the best of them."""
    asked = tomllib.loads((HERE / "which_rule_search.toml").read_text(encoding="utf-8"))
    document = tomlkit.document()
    for line in _HEAD:
        document.add(tomlkit.comment(line))
    document["title"] = asked["title"]
    document["training"] = asked["training"]
    presets = tomlkit.table(is_super_table=True)
    for rule, (preset, grid) in candidates().items():
        path = Path(out) / FILE / f"{rule}.csv"
        rows = pd.read_csv(path) if path.is_file() else pd.DataFrame()
        if len(rows) == 4 and (rows.status == "finished").any():
            presets[rule] = _chosen(rows, preset, grid, asked["presets"][rule], asked["training"])
    document["presets"] = presets
    (HERE.parent / "presets" / f"{FILE}.toml").write_text(tomlkit.dumps(document), encoding="utf-8")


def _chosen(rows: pd.DataFrame, preset: Preset, grid: dict, own: dict, shared: dict) -> tomlkit.items.Table:
    """Return the table of the best candidate, and what it was chosen among."""
    best = rows[rows.status == "finished"].sort_values("val_accuracy", ascending=False).iloc[0]
    spec = changed(preset.spec, {name: best[name].item() for name in grid})
    table = tomlkit.table()
    table.update({name: own[name] for name in ("optimizer", "clip") if name in own})
    for name, options in {"options": spec.rule_options, "optimizer_options": spec.optimizer_options}.items():
        if dict(options) != shared.get(name, {}):
            table[name] = tomlkit.inline_table()
            table[name].update(dict(options))
    table["learning_rate"] = spec.learning_rate
    tried = ", ".join(f"{name} {{{', '.join(f'{one:g}' for one in values)}}}" for name, values in grid.items())
    table["found"] = (
        f"{len(rows)} candidates, {tried}; {EPOCHS} epochs of {N_TRAIN} samples, seed {SEED}; "
        f"validation accuracy {best.val_accuracy:.4f}"
    )
    return table


if __name__ == "__main__":
    if "--write" in sys.argv:
        write(sys.argv[1])
    else:
        main(*sys.argv[1:])
