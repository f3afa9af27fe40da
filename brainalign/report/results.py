"""The results folder of a study, loaded and checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from brainalign.rdms import RDMs
from brainalign.report.result_files import (
    COLUMNS,
    check_folder,
    check_hashes,
    read_plausibility,
    read_rdms,
    read_study,
    read_table,
    read_thumbnails,
)
from brainalign.storage import locked

# How the scores of a rule's own untrained networks are named.
_OWN_CONTROL = "untrained:"


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
    failures
        Populations the study went on without; no rows where there are none.
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
    failures: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS["failures"].split()))

    @classmethod
    def load(cls, folder: str | Path) -> "Results":
        """Read a results folder.

        Raises
        ------
        DataError
            If the folder holds no finished study, a file is missing, cut or not what the study wrote, a column or a
            key is missing, or a value cannot be read; one line that says which.
        """
        folder = Path(folder)
        check_folder(folder)
        with locked(folder, shared=True):
            study = read_study(folder / "study.json")
            check_hashes(folder, study)
            tables = {name: read_table(folder / f"{name}.csv", columns.split()) for name, columns in COLUMNS.items()}
            scores = tables["alignment"]
            own = scores.rule.str.startswith(_OWN_CONTROL)
            tables["alignment"] = scores[~own]
            rdms, labels = read_rdms(folder / "rdms.safetensors")
            plausibility, criteria = read_plausibility(folder)
            thumbnails = read_thumbnails(folder / "thumbnails.safetensors")
        return cls(
            folder=folder,
            own_controls=tuple(sorted(scores.rule[own].str.removeprefix(_OWN_CONTROL).unique())),
            study=study,
            rdms=rdms,
            labels=labels,
            plausibility=plausibility,
            criteria=criteria,
            thumbnails=thumbnails,
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

    def recorded_dissimilarities(self, measure: str) -> dict[str, list[str]]:
        """Return the dissimilarities that recordings scored by ``measure`` brought, each with recordings and ROIs.

        A study of an earlier version stored those of displayed RDMs at most; what it did not is under an empty name.
        """
        cells = self.alignment[self.alignment.measure == measure][["dataset", "roi"]].drop_duplicates()
        stored = self.study.get("dissimilarities", {})
        found: dict[str, list[str]] = {}
        for dataset, roi in cells.to_numpy():
            brain = self.rdms.get(f"{dataset}|{roi}|brain")
            name = stored.get(dataset, {}).get(roi) or (brain.measure if brain else "")
            found.setdefault(name, []).append(f"{self.dataset_label(dataset)} {roi}")
        return found

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
