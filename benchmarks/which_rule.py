"""Train the networks of ``analyses/which_rule.toml`` or of a study beside it, and write their RDMs.

    python benchmarks/which_rule.py STUDY train OUT [RULE ...] [--device cuda]   # OUT/populations; resumes
    python benchmarks/which_rule.py STUDY rdms OUT    # docs/results/STUDY/*.safetensors and training.csv

``STUDY`` is ``which_rule``; ``which_rule_mlp``, ``which_rule_rnn``, ``which_rule_transformer`` or ``which_rule_mnist``
beside it; or ``which_rule_full``: the same file with a larger network, 20 epochs and 10 seeds, for a GPU.

The RDM of every layer of every network is kept; of studies beside the main one, that of every declared layer.
``benchmarks/which_rule_tables.py`` makes all tables from them.
"""

import argparse
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

import brainalign as ba
from brainalign.alignment.equal_accuracy import equally_accurate as nearest
from brainalign.alignment.instance import role_of
from brainalign.errors import BrainalignError, DataError, DivergenceError
from brainalign.extraction.population import answers_its_own_way, extract_each
from brainalign.provenance import code_hash
from brainalign.roles import OWN_START, READOUT_ONLY
from brainalign.storage import write_table
from brainalign.study_file import study_from_table
from brainalign.training.checkpoint import Checkpoint, load_checkpoint
from brainalign.training.checkpoint_accuracy import checkpoint_accuracy
from brainalign.training.readout import exceeds_readout, final_scores
from brainalign.training.runtime import Runtime
from brainalign.training.train import Trained, train

ROOT = Path(__file__).parent.parent
#: The study of all rules, and those of other networks and training sets beside it.
MAIN = "which_rule"
BESIDE = ("which_rule_mlp", "which_rule_rnn", "which_rule_transformer", "which_rule_mnist")
#: ``which_rule`` at the size that a GPU allows, and what differs there.
FULL = "which_rule_full"
FULL_TRAINING: dict[str, Any] = {
    "network_options": {"channels": [64, 128, 256], "hidden": 512, "normalisation": "none", "activation": "tanh"},
    "seeds": 10,
    "epochs": 20,
}
#: Studies of one training set, whose networks differ.
ARCHITECTURES = (MAIN, *BESIDE[:3])
#: The recording whose pictures networks were shown, and the recordings that have these pictures.
SHOWN = {"cichy92": ("cichy92", "kriegeskorte92"), "eeg49": ("eeg49",)}
#: Scored beside the study's own measure, as exploratory.
WHITENED = ba.RSA(comparator="corr_cov")
MEASURES = ("rsa spearman", WHITENED.label)
#: Ends the names of files of networks at equal accuracy.
EQUAL = "-equal-accuracy"
#: The difference of two rules for which it is said how much data would find it.
GAP = 0.05


def study(name: str = MAIN, rules: tuple[str, ...] = (), **training: Any) -> ba.StudySpec:
    """Return a study, or the part of it that trains some rules; ``training`` takes the place of its options."""
    training = (FULL_TRAINING if name == FULL else {}) | training
    path = ROOT / "analyses" / f"{MAIN if name == FULL else name}.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    table["training"] |= training
    if rules:
        table["rules"] = {rule: table["rules"][rule] for rule in rules}
    return study_from_table(table, str(path), path.parent)


def results(name: str = MAIN) -> Path:
    """Return the folder of a study's committed tables."""
    return ROOT / "docs" / "results" / name


def declared_layers(spec: ba.StudySpec) -> tuple[str, ...]:
    """Return the layers at which anything was declared for RDMs."""
    rois = {roi for one in spec.recordings if "rsa" in one.measures for roi in ba.recording(one.dataset).rois}
    return tuple(dict.fromkeys(layer for roi, layer in dict(spec.scoring.ranking_layer).items() if roi in rois))


def population(out: Path, spec: ba.TrainSpec) -> Path:
    """Return the folder of a population, where a study looks for it."""
    return out / "populations" / f"{spec.rule}-{spec.network}-{spec.key}"


def train_all(name: str, out: Path, *rules: str, device: str = "cpu") -> None:
    """Train all rules or some; a population that is trained is not trained again."""
    for spec in study(name, rules).populations:
        started = time.perf_counter()
        try:
            found = train(spec, population(out, spec), Runtime(device=device))
        except BrainalignError as error:
            print(f"{spec.rule}: {error}", flush=True)
            if isinstance(error, DivergenceError):
                note_divergence(out, name, spec.rule, str(error))
            continue
        last = found.history[found.history.step == found.history.step.max()]
        print(
            f"{spec.rule}: test accuracy {last.test_accuracy.mean():.4f}, {time.perf_counter() - started:.0f} s",
            flush=True,
        )


def note_divergence(out: Path, name: str, rule: str, reason: str) -> None:
    """Keep which rule diverged with the options that its search found; the page says so."""
    path = out / "diverged.csv"
    known = pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=["study", "rule", "reason"])
    others = known[(known.study != name) | (known.rule != rule)]
    write_table(path, pd.concat([others, pd.DataFrame([{"study": name, "rule": rule, "reason": reason}])]))


def trained(name: str, out: Path) -> Iterator[Trained]:
    """Yield the populations that are trained to their end."""
    for spec in study(name).populations:
        folder = population(out, spec)
        if (folder / "training.csv").is_file() and (one := Trained.load(folder)).checkpoint.epoch == spec.epochs:
            yield one


def rdms(study_name: str, out: Path) -> None:
    """Show the stimuli to every trained network and write its RDMs, how it was trained, and the hashes of weights."""
    found, folder = list(trained(study_name, out)), results(study_name)
    history = pd.concat([one.history for one in found], ignore_index=True)
    declared = declared_layers(study(study_name))
    shows = [("", final_and_starts(found), ())]
    if study_name in (MAIN, FULL):
        earlier = [(one, role_of(one)) for one in equally_accurate(found, history, folder)]
        shows.append((EQUAL, earlier, declared))
    else:  # of studies beside it only what is scored is kept
        shows = [(suffix, moments, declared) for suffix, moments, _ in shows]
    about = {
        "weights": {
            f"{one.spec.rule} {role} {seed} step {one.step}": one.weights_hash(row)
            for _, moments, _ in shows
            for one, role in moments
            for row, seed in enumerate(one.seeds)
        },
        "populations": {one.checkpoint.spec.rule: one.checkpoint.spec.key for one in found},
        "trained by": {one.checkpoint.spec.rule: one.code for one in found},
        "code": code_hash(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    for name in SHOWN:
        stimuli = ba.recording(name).stimuli()
        for suffix, some, layers in shows:
            networks = [one for moment, role in some for one in shown(moment, role, stimuli, layers)]
            ba.save_rdms(folder / f"rdms-{name}{suffix}.safetensors", networks, {**about, "stimuli": name})
            print(f"{name}{suffix}: {len(networks)} networks", flush=True)
    write_table(folder / "training.csv", history)
    if (out / "diverged.csv").is_file():
        noted = pd.read_csv(out / "diverged.csv")
        write_table(folder / "diverged.csv", noted[(noted.study == study_name) & ~noted.rule.isin(history.rule)])


def final_and_starts(found: Sequence[Trained]) -> list[tuple[Checkpoint, str]]:
    """Return the last moment of every population, and the first of those that untrained networks do not match."""
    moments: list[tuple[Checkpoint, str]] = []
    for one in found:
        moments.append((one.checkpoint, role_of(one.checkpoint)))
        if one.checkpoint.rule.learns and answers_its_own_way(one.checkpoint):
            moments.append((load_checkpoint(one.files[0]), OWN_START))
    return moments


def equally_accurate(found: Sequence[Trained], history: pd.DataFrame, folder: Path) -> list[Checkpoint]:
    """Return of every rule that exceeds readout only the moment when it is as accurate as the least accurate of them.

    Accuracy is that of validation samples, mean over seeds; test samples are not looked at. Checkpoints double their
    steps, so that accuracies are near each other, not equal; ``equal-accuracy.csv`` says what they are.
    """
    able = [one for one in found if one.checkpoint.spec.rule in exceeding(history, "val")]
    if not able:
        return []
    accuracy = pd.concat([at_checkpoints(one) for one in able])
    means = accuracy.groupby(["rule", "step"], observed=True, sort=False).val_accuracy.mean()
    target, steps = nearest({rule: means[rule] for rule in (one.checkpoint.spec.rule for one in able)})
    rows = [
        {"rule": rule, "step": step, "val_accuracy": means[rule, step], "target": target}
        for rule, step in steps.items()
    ]
    write_table(folder / "equal-accuracy.csv", pd.DataFrame(rows), digits=4)
    return equal_checkpoints(able, folder)


def equal_checkpoints(found: Sequence[Trained], folder: Path) -> list[Checkpoint]:
    """Return the checkpoints that ``equal-accuracy.csv`` names.

    Raises
    ------
    DataError
        If a rule that it names is not among the populations.
    """
    steps = pd.read_csv(folder / "equal-accuracy.csv").set_index("rule").step
    populations = {one.checkpoint.spec.rule: one for one in found}
    if missing := [rule for rule in steps.index if rule not in populations]:
        msg = (
            f"'equal-accuracy.csv' names {missing[0]!r}, which is not trained here; give the folder of all populations."
        )
        raise DataError(msg)
    files = {rule: populations[rule].files[0].parent / f"step-{step:07d}.safetensors" for rule, step in steps.items()}
    return [load_checkpoint(path) for path in files.values()]


def at_checkpoints(one: Trained) -> pd.DataFrame:
    """Return the validation accuracy of every seed at every checkpoint after the first 50 steps; kept beside them."""
    path = one.files[0].parent.parent / "accuracy.csv"
    if not path.is_file():
        checkpoints = [load_checkpoint(file) for file in one.files]
        table = checkpoint_accuracy([checkpoint for checkpoint in checkpoints if checkpoint.step > 50])
        write_table(path, table[["rule", "seed", "step", "val_accuracy"]])
    return pd.read_csv(path)


def exceeding(history: pd.DataFrame, split: str = "test") -> set[str]:
    """Return the rules whose networks are more accurate than readout only, paired over seeds, on ``split`` samples."""
    by_rule = {str(rule): final_scores(rows, split) for rule, rows in history.groupby("rule", observed=True)}
    learning = [rule for rule in by_rule if rule not in (READOUT_ONLY, "untrained")]
    return {rule for rule in learning if exceeds_readout(by_rule[rule], by_rule[READOUT_ONLY]).exceeds}


def shown(
    checkpoint: Checkpoint, role: str, stimuli: ba.Stimuli, layers: Sequence[str] = (), resolution: int = 0
) -> Iterator[ba.LayerRDMs]:
    """Yield the RDMs of layers of every seed; ``layers`` is all unless some are named."""
    preprocessing = checkpoint.preprocessing
    if resolution:
        preprocessing = replace(preprocessing, resolution=(resolution, resolution))
    for seed, activations in zip(checkpoint.seeds, extract_each(checkpoint, stimuli, preprocessing), strict=True):
        origin = ba.Origin(
            checkpoint.spec.rule,
            checkpoint.network.name,
            seed,
            role,
            preprocessing.resolution,
            step=checkpoint.step,
            epoch=checkpoint.epoch,
        )
        made = ba.LayerRDMs.of(activations).layers
        yield ba.LayerRDMs({name: rdm for name, rdm in made.items() if not layers or name in layers}, origin)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=(MAIN, *BESIDE, FULL))
    parser.add_argument("verb", choices=("train", "rdms"))
    parser.add_argument("out", type=Path)
    parser.add_argument("rules", nargs="*")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    if given.verb == "train":
        train_all(given.study, given.out, *given.rules, device=given.device)
    elif given.rules:
        parser.error(f"rdms takes no rules, got {', '.join(given.rules)}: it shows every population that is trained")
    else:
        rdms(given.study, given.out)
