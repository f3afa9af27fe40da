"""Search options of every rule of ``which_rule``, or of a study beside it, in the same way; write its preset file.

``which_rule_search.toml`` beside this file (``which_rule_search_mlp.toml`` for the study ``which_rule_mlp``, and so on)
holds the candidates of each rule: 2 rates x 2 values of one option, laid out before any was trained. Each is trained on
part of the samples for 2 epochs with one seed (100) that the study does not have; validation samples decide. Finished
candidates are kept, so the script may be stopped and run again.

    python benchmarks/which_rule_search.py STUDY OUT [RULE ...]   # STUDY is which_rule, which_rule_mlp, ...
    python benchmarks/which_rule_search.py STUDY OUT --write      # writes the preset file
"""

import sys
import tomllib
from pathlib import Path

import pandas as pd
import tomlkit

from brainalign.errors import BrainalignError
from brainalign.reproduction.presets import Preset, changed
from brainalign.reproduction.search import search, without_effect
from brainalign.specs import train_spec

HERE = Path(__file__).parent


class Search:
    """The candidates of every rule of a study.

    Parameters
    ----------
    study
        ``"which_rule"``, or that with an architecture or a data set behind it.
    """

    def __init__(self, study: str) -> None:
        self.study = study
        path = HERE / f"{study.replace('which_rule', 'which_rule_search', 1)}.toml"
        if not path.is_file():
            sys.exit(f"{path} does not exist; expected a study that is searched, such as which_rule.")
        self.asked = tomllib.loads(path.read_text(encoding="utf-8"))
        self.file = self.asked["file"]
        self.budget = self.asked["search"]

    def candidates(self) -> dict[str, tuple[Preset, dict[str, list]]]:
        """Return the preset that each rule starts from, and its grid."""
        found = {}
        for rule, own in self.asked["presets"].items():
            fixed = {name: value for name, value in own.items() if name not in ("grid", "options")}
            options = {**self.asked["training"], "rule": rule, "rule_options": own.get("options", {}), **fixed}
            found[rule] = Preset(self.file, rule, train_spec(options, rule), "searched"), own["grid"]
        return found

    def train(self, out: str, *rules: str) -> None:
        """Train the candidates of all rules, or of some."""
        for rule, (preset, grid) in self.candidates().items():
            if rules and rule not in rules:
                continue
            try:
                ranked = search(preset, grid, out, **self.budget)
            except BrainalignError as error:
                print(f"{rule}: {error}", flush=True)
                continue
            print(f"{rule}\n{ranked.to_string(index=False)}", flush=True)

    def write(self, out: str) -> None:
        """Write the preset file: every rule whose candidates are all trained, with the best of them."""
        document = tomlkit.document()
        for line in (
            f"The network of the study {self.study}, the same for all rules. Options of every rule were searched",
            "in the same way (benchmarks/which_rule_search.py, which writes this file).",
        ):
            document.add(tomlkit.comment(line))
        document["title"] = self.asked["title"]
        document["training"] = self.asked["training"]
        presets = tomlkit.table(is_super_table=True)
        for rule, (preset, grid) in self.candidates().items():
            path = Path(out) / self.file / f"{rule}.csv"
            rows = pd.read_csv(path) if path.is_file() else pd.DataFrame()
            if len(rows) == 4 and (rows.status == "finished").any():
                presets[rule] = self._chosen(rows, preset, grid)
        document["presets"] = presets
        (HERE.parent / "presets" / f"{self.file}.toml").write_text(tomlkit.dumps(document), encoding="utf-8")

    def _chosen(self, rows: pd.DataFrame, preset: Preset, grid: dict) -> tomlkit.items.Table:
        """Return the table of the best candidate, and what it was chosen among."""
        if idle := without_effect(rows, grid):
            sys.exit(f"{preset.label}: {idle[0]} changes no candidate; search another option, as other rules have two.")
        own, shared = self.asked["presets"][preset.label], self.asked["training"]
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
            f"{len(rows)} candidates, {tried}; {self.budget['epochs']} epochs of {self.budget['n_train']} samples, "
            f"seed {self.budget['seed']}; validation accuracy {best.val_accuracy:.4f}"
        )
        return table


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    asked = Search(sys.argv[1])
    if "--write" in sys.argv:
        asked.write(sys.argv[2])
    else:
        asked.train(*sys.argv[2:])
