"""The results folder of a study, loaded and checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from brainalign import tables
from brainalign.alignment.mean_rdm import MeanRDM, read_mean_rdms
from brainalign.columns import LOW_LEVEL, OWN_START, UNTRAINED
from brainalign.comparisons.description import Description
from brainalign.errors import DataError
from brainalign.plausibility.scorecard import read_scorecard
from brainalign.rdms import RDMs
from brainalign.report.result_files import check_folder, check_hashes, read_study, read_tables, read_thumbnails
from brainalign.storage import locked


@dataclass(frozen=True, eq=False)
class Results:
    """What a study found: everything the report draws, and nothing it has to compute.

    Parameters
    ----------
    folder
        Where it was read from.
    training, alignment, contrasts, ranks, gates, measures
        The tables of the results folder, columns as in :mod:`brainalign.tables`; ``ranks`` has no rows where the study
        did not write it, and ``alignment`` holds a rule's own untrained networks as its floor only.
    rdms
        What it is of to one RDM; empty where there are none.
    labels
        ``(dataset, roi)`` to the category of each stimulus of its RDMs; only where categories are known.
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
    measures: pd.DataFrame
    study: Mapping[str, Any]
    rdms: Mapping[MeanRDM, RDMs] = field(default_factory=dict)
    labels: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    thumbnails: Mapping[str, tuple[tuple[str, ...], np.ndarray]] = field(default_factory=dict)
    own_controls: tuple[str, ...] = ()
    plausibility: pd.DataFrame = field(default_factory=pd.DataFrame)
    criteria: pd.DataFrame = field(default_factory=pd.DataFrame)
    failures: pd.DataFrame = field(default_factory=partial(tables.empty, "failures"))

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
            found = read_tables(folder)
            rdms, labels = read_mean_rdms(folder / "rdms.safetensors")
            plausibility, criteria = read_scorecard(folder)
            thumbnails = read_thumbnails(folder / "thumbnails.safetensors")
        own = found["alignment"].role == OWN_START
        own_controls = tuple(sorted(set(found["alignment"].rule[own])))
        found["alignment"] = found["alignment"][~own]
        return cls(
            folder=folder,
            own_controls=own_controls,
            study=study,
            rdms=rdms,
            labels=labels,
            plausibility=plausibility,
            criteria=criteria,
            thumbnails=thumbnails,
            **found,
        )

    @property
    def rules(self) -> tuple[str, ...]:
        """Learning rules: backprop first, then by name, the untrained control last."""
        compared = set(self.contrasts.rule_a) | set(self.contrasts.rule_b)
        found = set(self.network_scores.rule) | set(self.training.rule) | compared
        return tuple(sorted(found, key=lambda rule: (rule in self.untrained, rule != "backprop", rule)))

    @cached_property
    def untrained(self) -> frozenset[str]:
        """Rules that have trained nothing: the controls of all others."""
        parts = (self.alignment, self.failures)
        against = self.contrasts.rule_b[self.contrasts.role_b == UNTRAINED]
        return frozenset(rule for part in parts for rule in part.rule[part.role == UNTRAINED]) | frozenset(against)

    @cached_property
    def network_scores(self) -> pd.DataFrame:
        """The scores of networks, without low-level controls."""
        return self.alignment[self.alignment.role != LOW_LEVEL]

    @property
    def low_level(self) -> pd.DataFrame:
        """The scores of low-level controls."""
        return self.alignment[self.alignment.role == LOW_LEVEL]

    @property
    def networks(self) -> tuple[str, ...]:
        """Network names that were scored, in order of appearance."""
        return tuple(self.network_scores.network.unique())

    @property
    def scored_measures(self) -> tuple[str, ...]:
        """Measures that were computed, in order of appearance."""
        return tuple(self.alignment.measure.unique())

    def about(self, measure: str) -> Description:
        """Return what a measure is."""
        return self._descriptions[measure]

    @cached_property
    def _descriptions(self) -> dict[str, Description]:
        try:
            found = [Description.from_row(row) for row in self.measures.to_dict("records")]
        except (ValueError, TypeError) as error:
            msg = f"'measures.csv' cannot be read ({error}); expected what the study wrote. Run the study again."
            raise DataError(msg) from error
        return {one.measure: one for one in found}

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

        One that is not known is under an empty name.
        """
        cells = self.alignment[self.alignment.measure == measure][["dataset", "roi"]].drop_duplicates()
        stored = self.study.get("dissimilarities", {})
        found: dict[str, list[str]] = {}
        for dataset, roi in cells.to_numpy():
            brain = self.rdms.get(MeanRDM(dataset, roi))
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
