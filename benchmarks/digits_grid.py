"""Which rules teach hidden layers: every rule and network on the digits, beside readout only.

    python benchmarks/digits_grid.py [--network mlp rnn cnn transformer] [--rule RULE ...] [--converged] [--page]

Each rule has its recommended training, 20 epochs and five seeds; the figure is the test accuracy after the last epoch.
Beside it stand networks of which only the readout was trained: for as many steps, and (``--converged``, which trains
nothing else unless rules are named) for 500 epochs.
Rows are appended to ``docs/results/digits_grid.csv`` as they come; what has a row with its key is not trained again.
``--page`` only writes the page. Pairs without a row are listed there as not run.
"""

import argparse
import datetime
import shutil
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from brainalign.columns import TRAINED
from brainalign.datasets.dataset import dataset
from brainalign.errors import BrainalignError
from brainalign.networks.architecture import architecture, architectures
from brainalign.provenance import code_hash
from brainalign.recommended import completed
from brainalign.rules.learning_rule import learning_rule, learning_rules
from brainalign.specs import TrainSpec, train_spec
from brainalign.storage import write_table, write_text
from brainalign.training.converged import CONVERGED, converged_readout
from brainalign.training.readout import exceeds_readout, final_scores, readout_spec
from brainalign.training.train import train

RESULTS = Path(__file__).parents[1] / "docs" / "results"
NETWORKS = ("mlp", "rnn", "cnn", "transformer")
EPOCHS = 20
#: Cheap rules first; these cost many times a step of backpropagation.
SLOW = (
    *("forward_forward", "node_perturbation", "local_difference_reconstruction", "weight_mirror", "predictive_coding"),
    *("weight_perturbation", "reward_modulated_stdp", "equilibrium_propagation", "contrastive_hebbian", "stdp"),
)
COLUMNS = (
    *("network", "rule", "blocks", "epochs", "batch_size", "n_seeds", "accuracy", "sd", "readout_only", "difference"),
    *("low", "high", "exceeds", "plasticity_off", "seconds", "date", "code", "key", "control_key", "note"),
)


def main() -> None:
    """Train what has no row yet, cheapest first, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", nargs="*", default=list(NETWORKS), choices=architectures())
    parser.add_argument("--rule", nargs="*")
    parser.add_argument("--converged", action="store_true")
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rules = options.rule or (() if options.converged else sorted(learning_rules(), key=_cost))
    for network, rule in product(() if options.page else options.network, rules):
        if rule != "untrained":
            _row(network, rule, EPOCHS)
            write_text(RESULTS / "digits_grid.md", page())
    for network in options.network if options.converged else ():
        _row(network, "readout_only", CONVERGED)
    write_text(RESULTS / "digits_grid.md", page())


def _cost(rule: str) -> int:
    return -1 if rule in ("readout_only", "backprop") else SLOW.index(rule) + 1 if rule in SLOW else 0


def asked(network: str, rule: str, epochs: float) -> TrainSpec:
    """Return the training of a pair: what is recommended, five seeds."""
    options = {"rule": rule, "network": network, "dataset": "digits", "epochs": epochs, "n_checkpoints": 2}
    return train_spec(completed(options)[0])


def rows() -> pd.DataFrame:
    """Return what was measured; of a pair that was measured twice, the last."""
    path = RESULTS / "digits_grid.csv"
    if not path.exists():
        return pd.DataFrame(columns=list(COLUMNS))
    found = pd.read_csv(path, dtype={"key": str, "code": str, "note": str, "control_key": str})
    return found.drop_duplicates(["network", "rule", "epochs"], keep="last", ignore_index=True)


def _today(row: Any) -> bool:
    """Return whether a row is of what is recommended today, for the rule and for its control."""
    spec = asked(row.network, row.rule, row.epochs)
    return bool(row.key == spec.key and row.control_key == readout_spec(spec).key)


def _row(network: str, rule: str, epochs: float) -> None:
    spec = asked(network, rule, epochs)
    if any(row.key == spec.key and _today(row) for row in rows().itertuples()):
        return
    built = architecture(network, dict(spec.network_options)).build(dataset("digits").task(1))
    if learning_rule(rule, dict(spec.rule_options)).incompatibility(built):
        return
    started = time.perf_counter()
    row = dict.fromkeys(COLUMNS) | {
        "network": network, "rule": rule, "blocks": built.granularity, "epochs": epochs, "batch_size": spec.batch_size,
        "n_seeds": len(spec.seeds), "date": datetime.date.today().isoformat(), "code": code_hash()[:16],
        "key": spec.key, "control_key": readout_spec(spec).key, "note": "",
    }  # fmt: skip
    try:
        row |= _converged(spec) if epochs == CONVERGED else _measured(spec, plasticity_off=True)
    except BrainalignError as error:
        row["note"] = str(error)
    row["seconds"] = round(time.perf_counter() - started)
    table = pd.concat([rows(), pd.DataFrame([row])], ignore_index=True)
    write_table(RESULTS / "digits_grid.csv", table[list(COLUMNS)])
    print(
        {name: row[name] for name in ("network", "rule", "accuracy", "readout_only", "exceeds", "seconds")}, flush=True
    )


def _converged(spec: TrainSpec) -> dict[str, object]:
    """Return what readout only ends at; normalised networks answer with the statistics of one pass over the samples."""
    values = pd.Series(converged_readout(spec, spec.epochs, settled=True).values())
    normalised = architecture(spec.network, dict(spec.network_options)).build(dataset("digits").task(1)).init_state()
    note = "normalised by the statistics of one pass" if normalised else ""
    return {"accuracy": round(values.mean(), 4), "sd": round(values.std(), 4), "note": note}


def _measured(spec: TrainSpec, plasticity_off: bool) -> dict[str, object]:
    scores = _scores(spec)
    values = pd.Series(scores.values())
    found: dict[str, object] = {"accuracy": round(values.mean(), 4), "sd": round(values.std(), 4)}
    rule = learning_rule(spec.rule, dict(spec.rule_options))
    if rule.role != TRAINED:
        return found
    beside = exceeds_readout(scores, _control(spec))
    found |= {"readout_only": round(beside.control, 4), "difference": round(beside.difference, 4)}
    found |= {"low": round(beside.low, 4), "high": round(beside.high, 4), "exceeds": beside.exceeds}
    if plasticity_off and rule.plasticity_off:
        still = {**spec.rule_options, **rule.plasticity_off}
        own = exceeds_readout(scores, _scores(train_spec({**vars(spec), "rule_options": still})))
        found["plasticity_off"] = round(own.control, 4)
        found["exceeds"] = bool(beside.exceeds and own.exceeds)
    return found


#: Key of a control to its scores: rules of one network and batch size share it.
_CONTROLS: dict[str, dict[int, float]] = {}


def _control(spec: TrainSpec) -> dict[int, float]:
    """Return seed to accuracy of the readout-only control of a rule."""
    control = readout_spec(spec)
    if control.key not in _CONTROLS:
        _CONTROLS[control.key] = _scores(control)
    return _CONTROLS[control.key]


def _scores(spec: TrainSpec) -> dict[int, float]:
    folder = Path(tempfile.mkdtemp(prefix="digits_grid"))
    try:
        return final_scores(train(spec, folder).history)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def page() -> str:
    """Return the table as a page, with what was not run."""
    found = rows()
    found = found[
        [_today(row) for row in found.itertuples()]
    ]  # a figure of other options than are recommended today is none of a rule
    usual, long = found[found.epochs == EPOCHS], found[found.epochs == CONVERGED]
    lines = [
        "# Which rules teach hidden layers? Digits, every rule and network",
        "",
        f"Generated by `benchmarks/digits_grid.py`. Test accuracy in percent after {EPOCHS} epochs, mean of five "
        "seeds, each rule with its recommended training. *Readout only*: hidden weights as drawn, the readout "
        "trained for as many steps, at its own rate. A rule exceeds it where the paired 95 % interval of the "
        "difference over seeds is "
        f"above 0. The last column compares means with that control after {CONVERGED} epochs, when it has converged; "
        "networks without it have none. A rule whose networks answer in their own way must also exceed them with its "
        "plasticity off. Blocks "
        "say what a rule differentiates exactly: "
        "`layer` of an RNN or Transformer would hold exact gradients inside a layer. A sub-layer still holds one "
        "synapse behind another (`projection` would not): queries, keys and values get exact gradients through the "
        "output synapse.",
        "",
    ]
    for network in NETWORKS:
        part = usual[usual.network == network]
        if part.empty:
            continue
        ended = long[(long.network == network) & (long.rule == "readout_only")]
        converged, how = ended.accuracy, "".join(f" ({note})" for note in ended.note.dropna() if note)
        after = f"; after {CONVERGED} epochs {100 * converged.iloc[-1]:.1f}{how}" if len(converged) else ""
        alone = part[part.rule == "readout_only"].accuracy
        lines += [f"## {network} (blocks: {part.blocks.iloc[-1]})", ""]
        if len(alone):
            lines += [f"Readout only after {EPOCHS} epochs at batch 128: {100 * alone.iloc[-1]:.1f}{after}.", ""]
        lines += [
            "| rule | accuracy | s.d. | readout only | difference [95 %] | plasticity off | exceeds readout only |"
            + (" exceeds it converged |" if len(converged) else ""),
            "|---|---|---|---|---|---|---|" + ("---|" if len(converged) else ""),
        ]
        for row in part[part.rule != "readout_only"].sort_values("accuracy", ascending=False).to_dict("records"):
            lines.append(_line(row, float(converged.iloc[-1]) if len(converged) else None))
        lines.append("")
    done = {(row.network, row.rule) for row in usual.itertuples()}
    missing = [f"{n}: {', '.join(_missing(n, done))}" for n in NETWORKS if _missing(n, done)]
    lines += ["## Not run", "", *(f"- {text}" for text in missing or ["nothing is missing"]), ""]
    codes = ", ".join(f"`{code}`" for code in dict.fromkeys(found.code))
    dates = sorted(set(found.date))
    lines += [f"Measured {dates[0]} to {dates[-1]} with code {codes}." if dates else "Nothing was measured yet.", ""]
    return "\n".join(lines)


def _line(row: dict[str, object], converged: float | None) -> str:
    if pd.isna(row["accuracy"]):
        return f"| `{row['rule']}` | {row['note']} | | | | | | {'|' if converged is not None else ''}".rstrip()
    number = {
        name: 100 * float(str(row[name])) for name in ("accuracy", "sd", "readout_only", "difference", "low", "high")
    }
    off = "" if pd.isna(row["plasticity_off"]) else f"{100 * float(str(row['plasticity_off'])):.1f}"
    cells = [
        f"`{row['rule']}`", f"{number['accuracy']:.1f}", f"{number['sd']:.1f}", f"{number['readout_only']:.1f}",
        f"{number['difference']:+.1f} [{number['low']:+.1f}, {number['high']:+.1f}]", off,
        "yes" if str(row["exceeds"]) == "True" else "no",
    ]  # fmt: skip
    if converged is not None:
        cells.append("yes" if float(str(row["accuracy"])) > converged else "no")
    return f"| {' | '.join(cells)} |"


def _missing(network: str, done: set[tuple[str, str]]) -> list[str]:
    names = []
    for rule in learning_rules():
        spec = asked(network, rule, EPOCHS)
        built = architecture(network, dict(spec.network_options)).build(dataset("digits").task(1))
        fits = not learning_rule(rule, dict(spec.rule_options)).incompatibility(built)
        if rule != "untrained" and fits and (network, rule) not in done:
            names.append(f"`{rule}`")
    return names


if __name__ == "__main__":
    main()
