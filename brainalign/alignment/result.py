"""What was found: tables, mean RDMs and facts, in memory and as a results folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from brainalign import tables
from brainalign.alignment.facts import joined_facts
from brainalign.alignment.mean_rdm import MeanRDM, read_mean_rdms, write_mean_rdms
from brainalign.alignment.result_files import (
    RDMS,
    SCORES,
    THUMBNAILS,
    check_folder,
    check_hashes,
    read_facts,
    read_stored,
    read_tables,
    read_thumbnails,
    write_facts,
    write_stored,
    write_tables,
    write_thumbnails,
)
from brainalign.alignment.scores import Scores
from brainalign.columns import LOW_LEVEL, OWN_START, READOUT_ONLY, UNTRAINED
from brainalign.comparisons.description import Description
from brainalign.errors import DataError, SpecError
from brainalign.folder_kinds import require_own
from brainalign.provenance import code_hash, own_hashes
from brainalign.rdms import RDMs
from brainalign.results_folder import STUDY, replacing
from brainalign.roles import CHOSEN_LAYER
from brainalign.storage import locked
from brainalign.tables import AT_EQUAL_ACCURACY
from brainalign.time_windows import window_places


@dataclass(frozen=True, eq=False, repr=False)
class AlignmentResult:
    """Everything that was found of one or more recordings; figures, verdicts, methods and page are drawn from it.

    :func:`brainalign.align` returns one, a study writes one, :meth:`load` reads one. Columns of the tables are
    described in :mod:`brainalign.columns`; a table that nothing filled has no rows.

    Parameters
    ----------
    scores
        A row for each layer of a network, or low-level control, and subject.
    contrasts, ranks, gates
        A row for each difference of two rules, rule in a cell, and gate that fired.
    latencies
        When scores peak and begin, of recordings with times.
    clusters
        Times at which rules differ, all times together, where that was asked for.
    equal_accuracy
        The checkpoint of each rule at which rules are equally accurate, of studies that score all checkpoints.
    contrasts_at_equal_accuracy, ranks_at_equal_accuracy, gates_at_equal_accuracy
        What is found of rules at these checkpoints, see :attr:`at_equal_accuracy`.
    measures
        What each measure is.
    ceilings
        Every noise ceiling with its interval, where they were asked for.
    training, feedback_angles, failures, scorecard, criteria
        How networks were trained, who is missing, and how plausible rules are.
    time_generalisation
        How well models of one time predict others, where that was asked for.
    dimensionality
        How many directions of its activity each layer uses, where that was asked for.
    facts
        Where it all comes from: the content of ``study.json``.
    rdms
        What it is of to one mean RDM over the displayed stimuli.
    labels
        ``(dataset, roi)`` to the category of each stimulus of its RDMs; only where categories are known.
    thumbnails
        Recording to ``(ids, images)``, images uint8 ``(n_stimuli, height, width, channels)``.
    stored
        Scores of each recording with what inference needs, of which :func:`~brainalign.alignment.infer.infer` makes the
        tables again with another level, correction, ranking layer or scope. Studies keep theirs in their cache.
    folder
        Where it was read from; none for what is in memory only.
    """

    scores: pd.DataFrame
    contrasts: pd.DataFrame = field(default_factory=partial(tables.empty, "contrasts"))
    ranks: pd.DataFrame = field(default_factory=partial(tables.empty, "ranks"))
    gates: pd.DataFrame = field(default_factory=partial(tables.empty, "gates"))
    latencies: pd.DataFrame = field(default_factory=partial(tables.empty, "latencies"))
    clusters: pd.DataFrame = field(default_factory=partial(tables.empty, "clusters"))
    equal_accuracy: pd.DataFrame = field(default_factory=partial(tables.empty, "equal_accuracy"))
    measures: pd.DataFrame = field(default_factory=partial(tables.empty, "measures"))
    ceilings: pd.DataFrame = field(default_factory=partial(tables.empty, "ceilings"))
    training: pd.DataFrame = field(default_factory=partial(tables.empty, "training"))
    feedback_angles: pd.DataFrame = field(default_factory=partial(tables.empty, "feedback_angles"))
    failures: pd.DataFrame = field(default_factory=partial(tables.empty, "failures"))
    scorecard: pd.DataFrame = field(default_factory=partial(tables.empty, "scorecard"))
    criteria: pd.DataFrame = field(default_factory=partial(tables.empty, "criteria"))
    contrasts_at_equal_accuracy: pd.DataFrame = field(
        default_factory=partial(tables.empty, "contrasts_at_equal_accuracy")
    )
    ranks_at_equal_accuracy: pd.DataFrame = field(default_factory=partial(tables.empty, "ranks_at_equal_accuracy"))
    gates_at_equal_accuracy: pd.DataFrame = field(default_factory=partial(tables.empty, "gates_at_equal_accuracy"))
    time_generalisation: pd.DataFrame = field(default_factory=partial(tables.empty, "time_generalisation"))
    dimensionality: pd.DataFrame = field(default_factory=partial(tables.empty, "dimensionality"))
    facts: Mapping[str, Any] = field(default_factory=dict)
    rdms: Mapping[MeanRDM, RDMs] = field(default_factory=dict)
    labels: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    thumbnails: Mapping[str, tuple[tuple[str, ...], np.ndarray]] = field(default_factory=dict)
    stored: tuple[Scores, ...] = ()
    folder: Path | None = None

    #: Fields that are tables, and the names of their files.
    FILES: ClassVar[Mapping[str, str]] = {
        "scores": "alignment",
        **{name: name for name in tables.TABLES if name != "alignment"},
    }

    # -- together and on disk -----------------------------------------------------------------------------------------

    @classmethod
    def of_tables(cls, found: Mapping[str, pd.DataFrame], **more: Any) -> "AlignmentResult":
        """Return a result of tables under the names of their files, with facts, RDMs and so on."""
        own: dict[str, Any] = {name: found[file] for name, file in cls.FILES.items() if file in found}
        return cls(**own, **more)

    @classmethod
    def concatenate(cls, parts: Sequence["AlignmentResult"]) -> "AlignmentResult":
        """Join what was found of several recordings.

        Facts that are lists or tables of names are joined, of others the first part's are kept.
        """
        if len(parts) == 1:
            return parts[0]
        found = {name: tables.joined(name, [part.tables[name] for part in parts]) for name in cls.FILES.values()}
        found["measures"] = found["measures"].drop_duplicates("measure", ignore_index=True)
        joined = {
            own: {key: value for part in parts for key, value in getattr(part, own).items()}
            for own in ("rdms", "labels", "thumbnails")
        }
        stored = tuple(one for part in parts for one in part.stored)
        return cls.of_tables(found, **joined, stored=stored, facts=joined_facts([part.facts for part in parts]))

    @classmethod
    def load(cls, folder: str | Path) -> "AlignmentResult":
        """Read a results folder.

        Raises
        ------
        DataError
            If the folder holds no finished study, a file is missing, cut or not what was written, a column or a key is
            missing, or a value cannot be read; one line that says which.
        """
        folder = Path(folder)
        check_folder(folder)
        with locked(folder, shared=True):
            facts = read_facts(folder / STUDY)
            check_hashes(folder, facts)
            found = read_tables(folder, facts)
            rdms, labels = read_mean_rdms(folder / RDMS)
            stored = read_stored(folder / SCORES)
            thumbnails = read_thumbnails(folder / THUMBNAILS)
        return cls.of_tables(
            found, facts=facts, rdms=rdms, labels=labels, thumbnails=thumbnails, stored=stored, folder=folder
        )

    def save(self, folder: str | Path) -> Path:
        """Write a results folder, which :meth:`load` and :func:`brainalign.write_report` read; floats keep 9 digits.

        Raises
        ------
        StorageError
            If the folder holds the results of something else, or a file cannot be written; nothing half-written is
            left.
        """
        folder = Path(folder)
        require_own(folder, self.facts["name"])
        facts = {**self.facts, "hashes": self.facts.get("hashes") or {"code": code_hash(), **own_hashes()}}
        with replacing(folder) as staged:
            write_tables(staged, self.tables)
            if self.rdms:
                write_mean_rdms(staged / RDMS, self.rdms, self.labels)
            if self.thumbnails:
                write_thumbnails(staged / THUMBNAILS, self.thumbnails)
            if self.stored:
                write_stored(staged / SCORES, self.stored)
            write_facts(staged, facts)
        return folder

    def with_facts(self, **facts: Any) -> "AlignmentResult":
        """Return the same with some facts changed or added."""
        return replace(self, facts={**self.facts, **facts})

    def only(
        self,
        *,
        network: str | None = None,
        dataset: str | None = None,
        roi: str | None = None,
        layer: str | None = None,
        measure: str | None = None,
    ) -> "AlignmentResult":
        """Return the part at one place, such as ``only(roi="IT", layer="hidden2")``, to draw less in a figure.

        Scores, contrasts, ranks, gates and RDMs are chosen; low-level controls have no network and no layer of one, and
        stay. p values stay adjusted within the families that were tested.

        Raises
        ------
        SpecError
            If no network was scored there.
        """
        asked = {"network": network, "dataset": dataset, "roi": roi, "layer": layer, "measure": measure}
        where = {name: value for name, value in asked.items() if value is not None}
        kept = self.network_scores
        for name, value in where.items():
            known = list(dict.fromkeys(kept[name]))
            if value not in known:
                msg = f"No score of a network has {name} {value!r} here. Choose among: {', '.join(known)}."
                raise SpecError(msg)
            kept = kept[kept[name] == value]
        tables_of_cells = ("scores", "contrasts", "ranks", "gates", "latencies", "clusters", *AT_EQUAL_ACCURACY)
        cut: dict[str, Any] = {own: rows_at(getattr(self, own), where) for own in tables_of_cells}
        if network is not None:
            cut["equal_accuracy"] = rows_at(self.equal_accuracy, {"network": network})
        # these are of no measure, and dimensionality is of no ROI
        for own, lacks in (("time_generalisation", ("measure",)), ("dimensionality", ("measure", "roi"))):
            cut[own] = rows_at(getattr(self, own), {name: at for name, at in where.items() if name not in lacks})
        rdms = {key: rdm for key, rdm in self.rdms.items() if key.is_at(dataset, roi, network)}
        return replace(self, **cut, rdms=rdms, folder=None)

    # -- what is drawn ------------------------------------------------------------------------------------------------

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table under the name of its file."""
        return {name: getattr(self, own) for own, name in self.FILES.items()}

    @cached_property
    def shown_scores(self) -> pd.DataFrame:
        """The scores that figures show: a rule's own networks at the start are its floor and not drawn themselves."""
        return self.scores[self.scores.role != OWN_START]

    @cached_property
    def network_scores(self) -> pd.DataFrame:
        """The shown scores of networks, without low-level controls."""
        return self.shown_scores[self.shown_scores.role != LOW_LEVEL]

    @cached_property
    def low_level(self) -> pd.DataFrame:
        """The scores of low-level controls."""
        return self.scores[self.scores.role == LOW_LEVEL]

    @property
    def at_equal_accuracy(self) -> "AlignmentResult":
        """The same with contrasts, ranks and gates of rules at checkpoints of equal accuracy in place of the last.

        The history of training is left out, since it ends at the last.

        >>> from brainalign import tables
        >>> AlignmentResult(tables.empty("alignment")).at_equal_accuracy.contrasts.empty
        True
        """
        return replace(
            self,
            training=tables.empty("training"),
            contrasts=self.contrasts_at_equal_accuracy,
            ranks=self.ranks_at_equal_accuracy,
            gates=self.gates_at_equal_accuracy,
        )

    @property
    def rules(self) -> tuple[str, ...]:
        """Learning rules: backprop first, then by name, the controls readout only and untrained last."""
        compared = set(self.contrasts.rule_a) | set(self.contrasts.rule_b)
        found = set(self.network_scores.rule) | set(self.training.rule) | compared
        return tuple(
            sorted(found, key=lambda rule: (rule in self.untrained, rule == READOUT_ONLY, rule != "backprop", rule))
        )

    @cached_property
    def untrained(self) -> frozenset[str]:
        """Rules that have trained nothing: the controls of all others."""
        parts = (self.shown_scores, self.failures)
        against = self.contrasts.rule_b[self.contrasts.role_b == UNTRAINED]
        return frozenset(rule for part in parts for rule in part.rule[part.role == UNTRAINED]) | frozenset(against)

    @cached_property
    def own_controls(self) -> tuple[str, ...]:
        """Rules whose floor is their own networks before training."""
        return tuple(sorted(set(self.scores.rule[self.scores.role == OWN_START])))

    @property
    def networks(self) -> tuple[str, ...]:
        """Network names that were scored, in order of appearance."""
        return tuple(self.network_scores.network.unique())

    @property
    def scored_measures(self) -> tuple[str, ...]:
        """Measures that were computed, in order of appearance."""
        return tuple(self.shown_scores.measure.unique())

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
    def scope_sentences(self) -> tuple[str, ...]:
        """What the inference of each recording and measure extends to, and what scores rest on."""
        return tuple(self.facts.get("scope_sentences", ()))

    @property
    def alpha(self) -> float:
        """Level at which adjusted p values are called significant."""
        return float(self.facts.get("alpha", 0.05))

    def is_simulated(self, dataset: str) -> bool:
        """Return whether any score of ``dataset`` came from simulated recordings."""
        return bool(self.scores.simulated[self.scores.dataset == dataset].any())

    def dataset_label(self, dataset: str) -> str:
        """Return the name of a recording for titles; simulated ones say so."""
        if not self.is_simulated(dataset):
            return dataset
        plain = dataset[len("simulated") :] if dataset.lower().startswith("simulated") else f" {dataset}"
        return f"SIMULATED{plain}"

    def ranking_layer(self, roi: str) -> str | None:
        """Return the layer declared for ``roi`` before the data were seen, if one was declared."""
        spec = self.facts.get("spec", {})
        declared = spec.get("ranking_layer") or spec.get("scoring", {}).get("ranking_layer") or {}
        recorded = self.window_places.get(roi, roi)
        return declared.get(roi, declared.get(recorded))

    @cached_property
    def window_places(self) -> dict[str, str]:
        """ROIs in a window of time that was declared by name, to the ROI.

        >>> from brainalign import tables
        >>> AlignmentResult(tables.empty("alignment")).window_places
        {}
        """
        named = [one.get("windows") for one in self.facts.get("spec", {}).get("recordings", ())]
        rois = list(dict.fromkeys(self.scores.roi))
        found = {place: roi for windows in named for place, roi in window_places(rois, windows).items()}
        return {place: roi for place, roi in found.items() if place in rois}

    def recorded_dissimilarities(self, measure: str) -> dict[str, list[str]]:
        """Return the dissimilarities that recordings scored by ``measure`` brought, each with recordings and ROIs.

        One that is not known is under an empty name.
        """
        cells = self.scores[self.scores.measure == measure][["dataset", "roi"]].drop_duplicates()
        stored = self.facts.get("dissimilarities", {})
        found: dict[str, list[str]] = {}
        for dataset, roi in cells.to_numpy():
            brain = self.rdms.get(MeanRDM(dataset, roi))
            name = stored.get(dataset, {}).get(roi) or (brain.measure if brain else "")
            found.setdefault(name, []).append(f"{self.dataset_label(dataset)} {roi}")
        return found

    def at_declared_layer(self, table: pd.DataFrame) -> pd.Series:
        """Return which rows of a table of cells are at the layer declared for their ROI, all where none is declared.

        A declared layer that a network does not have declares nothing for that network. Rows of measures that choose a
        layer by themselves are always there.
        """
        depth = {network: set(self.layers(network)) for network in self.networks}
        chosen = [
            declared is None or declared not in depth.get(network, ()) or layer in (declared, CHOSEN_LAYER)
            for network, layer, declared in zip(
                table.network, table.layer, map(self.ranking_layer, table.roi), strict=True
            )
        ]
        return pd.Series(chosen, index=table.index, dtype=bool)

    def layers(self, network: str) -> list[str]:
        """Return the layers of ``network`` in the order of depth."""
        rows = self.shown_scores[self.shown_scores.network == network].drop_duplicates("layer")
        return list(rows.sort_values("layer_index", kind="stable").layer)


def rows_at(table: pd.DataFrame, where: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows of a table of cells at one place; low-level controls are at every network and layer."""
    kept = pd.Series(True, index=table.index)
    control = table.role == LOW_LEVEL if "role" in table else ~kept
    for name, value in where.items():
        kept &= (table[name] == value) | (control & (name in ("network", "layer")))
    return table[kept]
