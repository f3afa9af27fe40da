"""The results folder of a study, loaded and checked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from brainalign.errors import DataError
from brainalign.plausibility.scorecard import read_scorecard
from brainalign.rdms import RDMs
from brainalign.storage import read_tensors

_COLUMNS = {
    "training": (
        "rule network dataset seed epoch step train_loss train_accuracy val_loss val_accuracy test_loss test_accuracy "
        "feedback_angle ms_per_step population learning_rate"
    ),
    "alignment": (
        "rule network seed checkpoint epoch layer layer_index dataset subject roi time measure score floor "
        "ceiling_lower ceiling_upper n_stimuli n_targets simulated"
    ),
    "contrasts": (
        "kind rule_a rule_b network dataset roi time layer measure delta se se_subjects se_stimuli se_seeds dof ci_low "
        "ci_high p p_adjusted correction family family_size n_subjects n_stimuli n_seeds scope_subjects scope_stimuli "
        "scope_seeds mde verdict"
    ),
    "ranks": "network dataset roi time layer measure rule mean_score rank rank_low rank_high supported",
    "gates": "network dataset roi time layer measure gate severity sentence",
}
_TEXT = (
    *("rule", "network", "dataset", "checkpoint", "layer", "subject", "roi", "measure", "kind", "rule_a", "rule_b"),
    *("correction", "family", "scope_subjects", "scope_stimuli", "scope_seeds", "verdict", "gate", "severity"),
    "sentence",
)
_BOOLEAN = ("simulated", "supported")
_OPTIONAL = {"ranks"}
# How the scores of a rule's own untrained networks are named.
_OWN_CONTROL = "untrained:"
_STUDY_KEYS = ("name", "spec", "key", "versions", "hashes", "recordings")


@dataclass(frozen=True, eq=False)
class Results:
    """What a study found: everything the report draws, and nothing it has to compute.

    Parameters
    ----------
    folder
        Where it was read from.
    training, alignment, contrasts, ranks, gates
        The tables of the results folder, columns as in the architecture page; ``ranks`` has no rows where the study
        did not write it, and ``alignment`` holds a rule's own untrained networks as its floor only.
    rdms
        Name (``dataset|roi|brain`` or ``dataset|roi|rule|layer``) to one RDM; empty where there are none.
    labels
        ``dataset|roi`` to the category of each stimulus of its RDMs; only where categories are known.
    thumbnails
        Data set to ``(ids, images)``, images uint8 ``(n_stimuli, height, width, channels)``.
    study
        The content of ``study.json``.
    own_controls
        Rules whose floor is their own networks before training.
    plausibility, criteria
        The scorecard and what it says of the criteria of the literature; no rows where the study has none.
    """

    folder: Path
    training: pd.DataFrame
    alignment: pd.DataFrame
    contrasts: pd.DataFrame
    ranks: pd.DataFrame
    gates: pd.DataFrame
    study: Mapping[str, Any]
    rdms: Mapping[str, RDMs] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    thumbnails: Mapping[str, tuple[tuple[str, ...], np.ndarray]] = field(default_factory=dict)
    own_controls: tuple[str, ...] = ()
    plausibility: pd.DataFrame = field(default_factory=pd.DataFrame)
    criteria: pd.DataFrame = field(default_factory=pd.DataFrame)

    @classmethod
    def load(cls, folder: str | Path) -> "Results":
        """Read a results folder.

        Raises
        ------
        DataError
            If a file, a column or a key is missing, or a number cannot be read; one line that says which.
        """
        folder = Path(folder)
        tables = {name: _read_table(folder / f"{name}.csv", columns.split()) for name, columns in _COLUMNS.items()}
        scores = tables["alignment"]
        own = scores.rule.str.startswith(_OWN_CONTROL)
        tables["alignment"] = scores[~own]
        rdms, labels = _read_rdms(folder / "rdms.safetensors")
        plausibility, criteria = read_scorecard(folder)
        return cls(
            folder=folder,
            own_controls=tuple(sorted(scores.rule[own].str.removeprefix(_OWN_CONTROL).unique())),
            study=_read_study(folder / "study.json"),
            rdms=rdms,
            labels=labels,
            plausibility=plausibility,
            criteria=criteria,
            thumbnails=_read_thumbnails(folder / "thumbnails.safetensors"),
            **tables,
        )

    @property
    def rules(self) -> tuple[str, ...]:
        """Learning rules: backprop first, then by name, the untrained control last."""
        compared = set(self.contrasts.rule_a) | set(self.contrasts.rule_b)
        found = (set(self.alignment.rule) | set(self.training.rule) | compared) - {"low_level"}
        return tuple(sorted(found, key=lambda rule: (rule == "untrained", rule != "backprop", rule)))

    @property
    def networks(self) -> tuple[str, ...]:
        """Network names that were scored, in order of appearance."""
        return tuple(name for name in self.alignment.network.unique() if name != "-")

    @property
    def measures(self) -> tuple[str, ...]:
        """Measures that were computed, in order of appearance."""
        return tuple(self.alignment.measure.unique())

    @property
    def alpha(self) -> float:
        """Level at which adjusted p values are called significant."""
        return float(self.study.get("alpha", 0.05))

    def is_simulated(self, dataset: str) -> bool:
        """Return whether any score of ``dataset`` came from simulated recordings."""
        return bool(self.alignment.simulated[self.alignment.dataset == dataset].any())

    def dataset_label(self, dataset: str) -> str:
        """Return the name of a data set for titles; simulated ones say so."""
        if not self.is_simulated(dataset):
            return dataset
        plain = dataset[len("simulated") :] if dataset.lower().startswith("simulated") else f" {dataset}"
        return f"SIMULATED{plain}"

    def ranking_layer(self, roi: str) -> str | None:
        """Return the layer declared for ``roi`` before the data were seen, if the study declared one."""
        spec = self.study["spec"]
        declared = spec.get("ranking_layer") or spec.get("scoring", {}).get("ranking_layer") or {}
        return declared.get(roi)

    def at_declared_layer(self, table: pd.DataFrame) -> pd.Series:
        """Return which rows of a table of cells are at the layer declared for their ROI, all where none is declared.

        A declared layer that a network does not have declares nothing for that network.
        """
        depth = {network: set(self.layers(network)) for network in self.networks}
        chosen = [
            declared is None or declared not in depth.get(network, ()) or layer == declared
            for network, layer, declared in zip(
                table.network, table.layer, map(self.ranking_layer, table.roi), strict=True
            )
        ]
        return pd.Series(chosen, index=table.index, dtype=bool)

    def layers(self, network: str) -> list[str]:
        """Return the layers of ``network`` in the order of depth."""
        rows = self.alignment[self.alignment.network == network].drop_duplicates("layer")
        return list(rows.sort_values("layer_index", kind="stable").layer)


def _read_table(path: Path, columns: list[str]) -> pd.DataFrame:
    if not path.exists():
        if path.stem in _OPTIONAL:
            return pd.DataFrame(columns=columns)
        msg = f"{path.name!r} is missing in {str(path.parent)!r}; expected a results folder. Run the study again."
        raise DataError(msg)
    text = dict.fromkeys((*_TEXT, *_BOOLEAN), str)
    try:
        # Only an empty cell is missing: a rule, layer or region may well be called "NA" or "none".
        table = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])
    except (ValueError, OSError) as error:
        msg = f"Cannot read {str(path)!r} ({str(error).splitlines()[0]}); expected a CSV table. Run the study again."
        raise DataError(msg) from error
    missing = [name for name in columns if name not in table.columns]
    if missing:
        msg = f"{path.name!r} lacks column {missing[0]!r} (has {', '.join(table.columns)}); run the study again."
        raise DataError(msg)
    return table.assign(**{name: _column(path, table[name]) for name in columns})


def _column(path: Path, values: pd.Series) -> pd.Series:
    name = str(values.name)
    if name in _BOOLEAN:
        return values.str.lower().isin(["true", "1"]).astype(bool)
    if name in _TEXT:
        return values.fillna("")
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = values[numbers.isna() & values.notna() & (values.astype(str).str.lower() != "nan")]
    if len(wrong):
        msg = f"{path.name!r} holds {wrong.iloc[0]!r} in column {name!r}; expected a number. Run the study again."
        raise DataError(msg)
    return numbers


def _read_study(path: Path) -> dict[str, Any]:
    try:
        study = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"Cannot read {path.name!r} in {str(path.parent)!r} ({error}); expected JSON. Run the study again."
        raise DataError(msg) from error
    missing = [key for key in _STUDY_KEYS if key not in study]
    if missing:
        msg = f"{path.name!r} lacks key {missing[0]!r}; expected {', '.join(_STUDY_KEYS)}. Run the study again."
        raise DataError(msg)
    return study


def _read_rdms(path: Path) -> tuple[dict[str, RDMs], dict[str, tuple[str, ...]]]:
    if not path.exists():
        return {}, {}
    tensors, metadata = read_tensors(path)
    rdms: dict[str, RDMs] = {}
    for name, tensor in tensors.items():
        about = metadata.get("|".join(name.split("|")[:2]))
        if about is None or not {"stimulus_ids", "dissimilarity"} <= set(about):
            msg = (
                f"{path.name!r} does not say which stimuli {name!r} holds; expected metadata "
                "{'dataset|roi': {'stimulus_ids', 'labels', 'dissimilarity'}}. Run the study again."
            )
            raise DataError(msg)
        ids = tuple(about["stimulus_ids"])
        n_pairs = len(ids) * (len(ids) - 1) // 2
        values = tensor.double().numpy().reshape(1, -1)
        if values.shape[1] != n_pairs:
            msg = f"RDM {name!r} has {values.shape[1]} pairs; expected {n_pairs} for {len(ids)} stimuli. Run again."
            raise DataError(msg)
        rdms[name] = RDMs(values, ids, about["dissimilarity"])
    labels = {cell: tuple(about["labels"]) for cell, about in metadata.items() if about.get("labels")}
    return rdms, labels


def _read_thumbnails(path: Path) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    if not path.exists():
        return {}
    tensors, metadata = read_tensors(path)
    thumbnails = {}
    for name, tensor in tensors.items():
        ids = tuple(metadata.get(name, ()))
        if len(ids) != len(tensor):
            msg = f"{path.name!r}: {len(ids)} ids for {len(tensor)} images of {name!r}; expected one each. Run again."
            raise DataError(msg)
        thumbnails[name] = (ids, tensor.numpy())
    return thumbnails
