"""A results folder with the shape of a real study and seeded numbers, for the tests of the report."""

import itertools
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from brainalign import tables
from brainalign.alignment.mean_rdm import MeanRDM, write_mean_rdms
from brainalign.columns import LOW_LEVEL, TRAINED, UNTRAINED
from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.rsa import RSA as Geometry
from brainalign.rdms import RDMs
from brainalign.storage import write_tensors, write_text

MEASURES = (Geometry().describe(), Encoding().describe())
RSA, ENCODING = (one.measure for one in MEASURES)
CATEGORIES = (
    ("human face", 12),
    ("human body", 12),
    ("animal face", 12),
    ("animal body", 12),
    ("natural", 23),
    ("artificial", 21),
)
GAIN = {"untrained": 0.0, "backprop": 1.0, "feedback_alignment": 0.8, "direct_feedback_alignment": 0.5}


@dataclass(frozen=True)
class Target:
    """One recording and ROI: how many subjects, how well layers do, and its ceiling."""

    dataset: str
    roi: str
    measure: str
    n_subjects: int
    n_stimuli: int
    base: float
    learned: float
    peak: float  # relative depth of the best layer
    ceiling: tuple[float, float]


TARGETS = (
    Target("cichy92", "EVC", RSA, 15, 92, 0.12, 0.02, 0.2, (0.242, 0.392)),
    Target("cichy92", "IT", RSA, 15, 92, 0.04, 0.16, 0.9, (0.453, 0.542)),
    Target("kriegeskorte92", "monkeyIT", RSA, 1, 92, 0.05, 0.15, 0.8, (math.nan, math.nan)),
    Target("kriegeskorte92", "humanIT", RSA, 4, 92, 0.05, 0.18, 0.9, (0.38, 0.67)),
    Target("macaque_v4", "V4", ENCODING, 2, 640, 0.31, 0.12, 0.6, (0.66, 0.79)),
)


@dataclass(frozen=True)
class SyntheticFolder:
    """Options of a synthetic results folder; the defaults are the full study."""

    rules: tuple[str, ...] = tuple(GAIN)
    targets: tuple[Target, ...] = TARGETS
    n_layers: int = 6
    n_seeds: int = 5
    network: str = "cnn"
    simulated: tuple[str, ...] = ()
    ranking_layer: bool = True
    with_images: bool = True
    times: tuple[float, ...] = (math.nan,)
    seed: int = 7

    def write(self, folder: Path) -> Path:
        """Write every file of the folder and return it."""
        rng = np.random.default_rng(self.seed)
        alignment = pd.concat([self._alignment(target, rng) for target in self.targets], ignore_index=True)
        contrasts, ranks, gates = self._inference(alignment)
        used = {target.measure for target in self.targets}
        tables.write(folder, "training", self._training(rng))
        tables.write(folder, "alignment", alignment)
        tables.write(folder, "measures", pd.DataFrame([one.row() for one in MEASURES if one.measure in used]))
        tables.write(folder, "contrasts", contrasts)
        tables.write(folder, "ranks", ranks)
        tables.write(folder, "gates", gates)
        write_text(folder / "study.json", json.dumps(self._study(), indent=1))
        if self.with_images:
            self._write_images(folder, rng)
        return folder

    @property
    def layers(self) -> list[str]:
        """Layer names, deepest last."""
        return [f"conv{k + 1}" for k in range(self.n_layers - 1)] + ["readout"]

    def chosen(self, target: Target) -> str:
        """Layer at which ``target`` is ranked."""
        return self.layers[round(target.peak * (self.n_layers - 1))]

    def _alignment(self, target: Target, rng: np.random.Generator) -> pd.DataFrame:
        subject_effect = rng.normal(0, 0.025, target.n_subjects)
        rows = []
        for rule in self.rules:
            seed_effect = rng.normal(0, 0.006, self.n_seeds)
            for k, layer in enumerate(self.layers):
                shape = math.exp(-((k / max(self.n_layers - 1, 1) - target.peak) ** 2) / 0.25)
                mean = target.base * (0.6 + 0.4 * shape) + _gain(rule) * target.learned * shape
                for time in self.times:
                    evoked = 1.0 if math.isnan(time) else math.exp(-(((time - 0.17) / 0.08) ** 2))
                    for seed in range(self.n_seeds):
                        for subject in range(target.n_subjects):
                            score = mean * evoked + seed_effect[seed] + subject_effect[subject] + rng.normal(0, 0.005)
                            rows.append(self._row(target, rule, seed, k, layer, subject, time, score))
        for k, (control, share) in enumerate((("pixels", 0.6), ("luminance", 0.25), ("gabor", 0.9))):
            for subject in range(target.n_subjects):
                for time in self.times:
                    score = share * target.base + subject_effect[subject]
                    rows.append(self._row(target, "low_level", None, k, control, subject, time, score))
        table = pd.DataFrame(rows)
        untrained = table[table.rule == "untrained"].groupby(["layer", "subject", "time"], dropna=False).score.mean()
        where = pd.MultiIndex.from_frame(table[["layer", "subject", "time"]])
        table.insert(13, "floor", untrained.reindex(where).to_numpy())
        return table

    def _row(
        self,
        target: Target,
        rule: str,
        seed: int | None,
        index: int,
        layer: str,
        subject: int,
        time: float,
        score: float,
    ) -> dict:
        network = rule != "low_level"
        trained = network and rule != "untrained"
        return {
            "role": TRAINED if trained else UNTRAINED if network else LOW_LEVEL,
            "rule": rule, "network": self.network if network else "-", "seed": seed, "final": True,
            "checkpoint": (7800 if trained else 0) if network else None,
            "epoch": (20 if trained else 0) if network else None,
            "layer": layer, "layer_index": index, "dataset": target.dataset, "subject": f"s{subject + 1:02d}",
            "roi": target.roi, "time": time, "measure": target.measure, "score": score,
            "se": 0.02, "ci_low": score - 0.04, "ci_high": score + 0.04, "scope": "stimuli",
            "normalised": score / target.ceiling[0],
            "ceiling_lower": target.ceiling[0], "ceiling_upper": target.ceiling[1], "n_stimuli": target.n_stimuli,
            "n_targets": 1 if target.measure == RSA else 89, "simulated": target.dataset in self.simulated,
        }  # fmt: skip

    def _inference(self, alignment: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        contrasts, ranks, gates = [], [], []
        for target in self.targets:
            part = alignment[(alignment.dataset == target.dataset) & (alignment.roi == target.roi)]
            for layer, time in itertools.product(self.layers, self.times):
                here = part[(part.layer == layer) & (part.time.isna() if math.isnan(time) else part.time == time)]
                means = here.groupby("rule").score.mean()
                cell = {"network": self.network, "dataset": target.dataset, "roi": target.roi, "time": time,
                        "layer": layer, "measure": target.measure}  # fmt: skip
                contrasts += self._contrasts(target, cell, means)
                supported = target.n_subjects >= 6 and layer == self.chosen(target) and target.roi == "IT"
                order = means[list(self.rules)].sort_values(ascending=False)
                for k, (rule, mean) in enumerate(order.items()):
                    low, high = (k + 1, k + 1) if supported else (1, len(self.rules))
                    ranks.append(cell | {"rule": rule, "mean_score": mean, "rank": k + 1, "rank_low": low,
                                         "rank_high": high, "supported": supported})  # fmt: skip
                if not supported:
                    spread = means[list(self.rules)].max() - means[list(self.rules)].min()
                    gates.append(cell | {"gate": "G6", "severity": "stop", "sentence": (
                        f"RANKING NOT SUPPORTED: differences below {1.2 * spread + 0.01:.3f} cannot be resolved "
                        f"with this data set; observed range {spread:.3f}.")})  # fmt: skip
                if target.n_subjects < 6:
                    gates.append(cell | {"gate": "G1", "severity": "warn", "sentence": (
                        f"{target.n_subjects} subjects are fewer than 6: subjects are fixed, so the result holds for "
                        "these subjects and not for a population.")})  # fmt: skip
        return (
            *(
                pd.DataFrame(rows, columns=list(tables.TABLES[name].names))
                for name, rows in (("contrasts", contrasts), ("ranks", ranks), ("gates", gates))
            ),
        )

    def _contrasts(self, target: Target, cell: dict, means: pd.Series) -> list[dict]:
        trained = [rule for rule in self.rules if rule != "untrained"]
        pairs = [("vs_untrained", rule, "untrained") for rule in trained]
        pairs += [("vs_backprop", rule, "backprop") for rule in trained if rule != "backprop"]
        pairs += [("pair", a, b) for k, a in enumerate(trained) for b in trained[k + 1 :]]
        pairs = [pair for pair in pairs if pair[2] in self.rules]
        random_subjects = target.n_subjects >= 6
        rows = []
        for kind, a, b in pairs:
            delta, se = means[a] - means[b], 0.012 if random_subjects else 0.02
            p = math.erfc(abs(delta) / se / math.sqrt(2))
            size = sum(other == kind for other, _, _ in pairs)
            rows.append(cell | {
                "kind": kind, "rule_a": a, "rule_b": b,
                "role_b": UNTRAINED if kind == "vs_untrained" else TRAINED, "delta": delta, "se": se,
                "se_subjects": 0.6 * se, "se_stimuli": 0.7 * se, "se_seeds": 0.3 * se, "dof": 9.3,
                "samples": "bootstrap",
                "ci_low": delta - 2.25 * se, "ci_high": delta + 2.25 * se, "p": p,
                "p_adjusted": min(1.0, p * size), "correction": "holm",
                "family": f"{kind} within {target.dataset} {target.roi}",
                "family_size": size, "n_subjects": target.n_subjects, "n_stimuli": target.n_stimuli,
                "n_seeds": self.n_seeds,
                "scope_subjects": "random" if random_subjects else "fixed", "scope_stimuli": "random",
                "scope_seeds": "random",
                "mde": 3.1 * se, "margin": math.nan, "p_equivalent": math.nan, "equivalence": "",
                "verdict": ("higher" if delta > 0 else "lower") if p < 0.05 else "inconclusive",
            })  # fmt: skip
        return rows

    def _training(self, rng: np.random.Generator) -> pd.DataFrame:
        rows = []
        for rule in self.rules:
            speed = {"untrained": 0.0, "backprop": 0.45, "feedback_alignment": 0.3}.get(rule, 0.22)
            top = {"untrained": 0.1, "backprop": 0.78, "feedback_alignment": 0.66}.get(rule, 0.6)
            for seed in range(self.n_seeds):
                shift = rng.normal(0, 0.006)
                for epoch in range(21 if rule != "untrained" else 1):
                    learned = 1 - math.exp(-speed * epoch)
                    accuracy = 0.1 + (top - 0.1) * learned + shift + rng.normal(0, 0.003)
                    rows.append({
                        "rule": rule, "network": self.network, "dataset": "cifar10_jpeg", "seed": seed, "epoch": epoch,
                        "step": epoch * 390,
                        "train_loss": 2.3 - 1.7 * (top - 0.1) / 0.7 * learned + rng.normal(0, 0.01),
                        "train_accuracy": accuracy + 0.04 * learned, "val_accuracy": accuracy,
                        "val_loss": 1 - accuracy, "test_loss": 1.01 - accuracy,
                        "test_accuracy": accuracy - 0.01,
                        "feedback_angle": 90 - 30 * learned if "alignment" in rule else None,
                        "ms_per_step": 31.0 + 6 * len(rule) / 10 + rng.normal(0, 0.4),
                        "population": self.n_seeds, "learning_rate": 0.001,
                    })  # fmt: skip
        return pd.DataFrame(rows)

    def _study(self) -> dict:
        titles = {
            "cichy92": ("92 object photographs, human fMRI", "fMRI"),
            "kriegeskorte92": ("92 object photographs, monkey and human IT", "spikes and fMRI"),
            "macaque_v4": ("Macaque V4 responses to natural images", "spikes"),
        }
        recordings = {
            name: {"title": titles.get(name, (name, "EEG"))[0], "modality": titles.get(name, (name, "EEG"))[1],
                   "citation": f"Authors of {name} (2014). A study. doi:10.1000/{name}",
                   "simulated": name in self.simulated}
            for name in dict.fromkeys(target.dataset for target in self.targets)
        }  # fmt: skip
        spec: dict = {
            "rules": list(self.rules),
            "networks": [self.network],
            "seeds": list(range(self.n_seeds)),
            "epochs": 20,
        }
        if self.ranking_layer:
            spec["ranking_layer"] = {target.roi: self.chosen(target) for target in self.targets}
        return {
            "name": "four rules, one network", "spec": spec, "key": "3f9c0a7be1d24c55",
            "versions": {"python": "3.11.7", "brainalign": "0.1.0", "torch": "2.13.0", "numpy": "2.4.6"},
            "hashes": {"code": "a1b2" * 16, "cichy92": "c3d4" * 16},
            "citations": ["Krizhevsky A (2009). Learning multiple layers of features from tiny images."],
            "wall_seconds": 5412.0,
            "scope_sentences": ["Results generalise to new stimuli like these 92 and to new seeds; "
                                "to new subjects only where subjects are random."],
            "cautions": ["cifar10_jpeg is a lossy copy of CIFAR-10."],
            "n_bootstrap": 1000, "alpha": 0.05, "correction": "holm", "recordings": recordings,
        }  # fmt: skip

    def _write_images(self, folder: Path, rng: np.random.Generator) -> None:
        labels = [name for name, count in CATEGORIES for _ in range(count)]
        shuffled = rng.permutation(len(labels))
        labels = [labels[k] for k in shuffled]
        ids = [f"object_{k + 1:02d}" for k in range(len(labels))]
        geometry = _geometry(labels, rng)
        rdms, categories = {}, {}
        for target in self.targets:
            if target.measure != RSA:
                continue
            cell = target.dataset, target.roi
            categories[cell] = labels
            rdms[MeanRDM(*cell)] = _rdm(geometry + rng.normal(0, 0.5, geometry.shape), ids)
            for rule in self.rules:
                for k, layer in enumerate(self.layers):
                    signal = 0.15 + _gain(rule) * (k + 1) / self.n_layers
                    role = UNTRAINED if rule == "untrained" else TRAINED
                    features = signal * geometry + rng.normal(0, 0.8, geometry.shape)
                    rdms[MeanRDM(*cell, role, rule, self.network, layer)] = _rdm(features, ids)
        write_mean_rdms(folder / "rdms.safetensors", rdms, categories)
        sets = {target.dataset for target in self.targets if target.measure == RSA}
        images = torch.as_tensor(_pictures(labels, rng))
        write_tensors(
            folder / "thumbnails.safetensors", {name: images.clone() for name in sets}, dict.fromkeys(sets, ids)
        )


def _gain(rule: str) -> float:
    return GAIN.get(rule, 0.1 + 0.05 * (len(rule) % 17))


def _geometry(labels: list[str], rng: np.random.Generator) -> np.ndarray:
    """Return ``(n_stimuli, 30)`` features with an animate/inanimate split and six clusters."""
    centre = {name: rng.normal(0, 0.9, 30) for name, _ in CATEGORIES}
    animate = rng.normal(0, 0.8, 30)
    return np.stack(
        [
            centre[label] + (animate if "human" in label or "animal" in label else -animate) + rng.normal(0, 0.7, 30)
            for label in labels
        ]
    )


def _rdm(features: np.ndarray, ids: list[str]) -> RDMs:
    values = (1 - np.corrcoef(features))[np.triu_indices(len(features), 1)]
    return RDMs(values[None], tuple(ids), "correlation")


def _pictures(labels: list[str], rng: np.random.Generator) -> np.ndarray:
    """Return ``(n_stimuli, 32, 32, 3)`` discs, bars and squares on grey, one shape and hue per category."""
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    shapes = (np.hypot(x, y) < 0.8, (abs(x) < 0.4) & (abs(y) < 0.9), np.hypot(x, 1.6 * y) < 0.8,
              (abs(y) < 0.4) & (abs(x) < 0.9), abs(x) + abs(y) < 0.9, np.maximum(abs(x), abs(y)) < 0.7)  # fmt: skip
    hues = np.array([[224, 172, 140], [180, 120, 90], [150, 110, 60], [110, 90, 70], [70, 130, 60], [60, 90, 150]])
    names = [name for name, _ in CATEGORIES]
    pictures = np.full((len(labels), 32, 32, 3), 200.0)
    for k, label in enumerate(labels):
        kind = names.index(label)
        pictures[k][shapes[kind]] = hues[kind] + rng.normal(0, 25, 3)
    return np.clip(pictures + rng.normal(0, 6, pictures.shape), 0, 255).astype(np.uint8)
