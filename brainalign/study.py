"""A study from its specification to a results folder; only what changed is computed again."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from brainalign.alignment.agreement import agreement
from brainalign.alignment.align import Alignment, align, check_recording
from brainalign.alignment.code import scoring_code
from brainalign.alignment.instance import UNTRAINED, Instance, show, show_start
from brainalign.alignment.mean_rdms import mean_rdms
from brainalign.comparisons.rsa import RSA
from brainalign.datasets.dataset import dataset, datasets
from brainalign.datasets.manifest import load_manifest, manifests
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import SpecError
from brainalign.inference.condensed_pairs import check_method
from brainalign.networks.architecture import architecture
from brainalign.plausibility.code import probing_code
from brainalign.plausibility.probe import mechanism, probes
from brainalign.plausibility.scorecard import COLUMNS, Candidate, scorecard, write_scorecard
from brainalign.plausibility.subject import PROBED
from brainalign.provenance import code_hash, versions
from brainalign.randomness import numpy_stream, stream
from brainalign.rdms import RDMs
from brainalign.recordings.source import RecordingSource, recording_source
from brainalign.rules.learning_rule import LearningRule, learning_rule
from brainalign.specs import RecordingSpec, StudySpec, TrainSpec, to_dict
from brainalign.storage import content_hash, write_table, write_tensors, write_text
from brainalign.training.checkpoint import Checkpoint, load_checkpoint
from brainalign.training.runtime import Runtime
from brainalign.training.train import Trained, train

Progress = Callable[[int, int, str], None]

#: Stimuli shown in RDM and MDS figures; a larger set is sampled.
_DISPLAYED = 120
_TABLES = ("scores", "contrasts", "ranks", "gates")


def run_study(
    spec: StudySpec, out: str | Path, runtime: Runtime | None = None, progress: Progress | None = None
) -> Path:
    """Train, score and infer; write the results folder described in the architecture page.

    Populations stay in ``out/populations``, scores of each recording in ``out/cache``; run again, the study resumes
    and computes only what its specification changed.

    Parameters
    ----------
    spec
        The study.
    out
        Results folder.
    runtime
        Device and data folder.
    progress
        Called with steps done, all steps and a short text.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    BrainalignError
        If the study cannot be run as specified, in one line; nothing half-written is left.
    """
    return _StudyRun(spec, Path(out), runtime or Runtime(), progress or (lambda *_: None)).finish()


@dataclass(frozen=True)
class _Target:
    spec: RecordingSpec
    source: RecordingSource


class _StudyRun:
    def __init__(self, spec: StudySpec, out: Path, runtime: Runtime, progress: Progress) -> None:
        self.spec, self.out, self.runtime, self.progress = spec, out, runtime, progress
        self.started = time.perf_counter()
        self.targets = [_Target(item, self._source(item)) for item in spec.recordings]
        if not self.targets or not spec.populations:
            msg = (
                f"Study {spec.name!r} has {len(spec.populations)} rules and {len(self.targets)} recordings; "
                "expected some of both."
            )
            raise SpecError(msg)

    def _source(self, item: RecordingSpec) -> RecordingSource:
        return recording_source(item.dataset, {"data_dir": self.runtime.data_dir, **item.options})

    def finish(self) -> Path:
        self._refuse_early()
        trained = [self._train(k, population) for k, population in enumerate(self.spec.populations)]
        checkpoints = [self._checkpoints(one) for one in trained]
        starts = self._starts(trained)
        parts = [self._align(target, checkpoints, starts) for target in self.targets]
        alignment = Alignment.concatenate(parts)
        self.stale = [one.checkpoint.spec.rule for one in trained if one.stale]
        self._write(trained, alignment, checkpoints)
        self._probe()
        return self.out

    def _refuse_early(self) -> None:
        """Refuse what cannot work before anything is trained."""
        scoring = self.spec.scoring
        RSA(scoring.dissimilarity, scoring.comparator, scoring.partial)
        check_method(scoring.comparator, bool(scoring.partial))
        for population in self.spec.populations:
            task = dataset(population.dataset, self.runtime.data_dir).task(1)
            network = architecture(population.network, dict(population.network_options)).build(task)
            learning_rule(population.rule, dict(population.rule_options)).check(network)
        seeds = {seed for population in self.spec.populations for seed in population.seeds}
        for target in self.targets:
            check_recording(target.source, target.spec, min(len(p.seeds) for p in self.spec.populations))
            planted = getattr(target.source, "seed", None) if target.source.simulated else None
            if planted in seeds:
                msg = (
                    f"Seed {planted} of the planted network is among those of the study ({sorted(seeds)}); a candidate "
                    "would be compared with itself. Give the recording another seed."
                )
                raise SpecError(msg)

    # -- stages -------------------------------------------------------------------------------------------------------

    def _train(self, position: int, population: TrainSpec) -> Trained:
        folder = self.out / "populations" / f"{population.rule}-{population.network}-{population.key}"
        total = len(self.spec.populations)

        def report(step: int, steps: int, text: str) -> None:
            self.progress(position * 1000 + 1000 * step // steps, total * 1000, f"training {text}")

        return train(population, folder, self.runtime, report)

    def _checkpoints(self, trained: Trained) -> list[Checkpoint]:
        if self.spec.scoring.checkpoints == "last":
            return [trained.checkpoint]
        return [load_checkpoint(path) for path in trained.files]

    def _starts(self, trained: Sequence[Trained]) -> list[Checkpoint]:
        """Return the first moment of populations whose networks answer otherwise than untrained ones beside them."""
        controlled = {one.network for one in self.spec.populations if one.rule == UNTRAINED}
        starts = [load_checkpoint(one.files[0]) for one in trained if one.checkpoint.network.name in controlled]
        return [start for start in starts if _answers_its_own_way(start)]

    def _align(
        self, target: _Target, checkpoints: Sequence[Sequence[Checkpoint]], starts: Sequence[Checkpoint]
    ) -> Alignment:
        """Score a recording, or read the scores if nothing they depend on has changed, this package included."""
        stimuli = target.source.stimuli()
        moments = [one for many in (*checkpoints, starts) for one in many]
        weights = [one.weights_hash(row) for one in moments for row in range(len(one.seeds))]
        key = content_hash(
            to_dict(target.spec),
            to_dict(self.spec.scoring),
            [to_dict(population) for population in self.spec.populations],
            weights,
            stimuli.key,
            _file_hashes(target.spec.dataset),
            scoring_code(self.spec.populations, target.source),
        )
        folder = self.out / "cache" / f"{target.spec.dataset}-{key[:16]}"
        if (folder / "scopes.json").exists():
            tables = {name: _read(folder / f"{name}.csv") for name in _TABLES}
            return Alignment(**tables, scope_sentences=tuple(json.loads((folder / "scopes.json").read_text())))
        total = len(self.spec.populations) * 1000
        instances = self._instances(checkpoints, stimuli)
        for start in starts:
            instances += show_start(start, stimuli, self.spec.scoring.resolution, self.runtime.device)
        found = align(
            instances, target.source, target.spec, self.spec.scoring, lambda text: self.progress(total, total, text)
        )
        for name in _TABLES:
            write_table(folder / f"{name}.csv", getattr(found, name))
        write_text(folder / "scopes.json", json.dumps(found.scope_sentences))
        return found

    def _instances(self, checkpoints: Sequence[Sequence[Checkpoint]], stimuli: Stimuli) -> list[Instance]:
        shown = [show(many, stimuli, self.spec.scoring.resolution, self.runtime.device) for many in checkpoints]
        return [one for instances in shown for one in instances]

    def _probe(self) -> None:
        """Write the scorecard of every rule with its options, or take it from an earlier run of the same code."""
        if self.spec.plausibility == "none":
            return
        codes = mechanism() if self.spec.plausibility == "mechanism" else tuple(probes())
        rules: dict[str, list[Candidate]] = {}
        for one in self.spec.populations:
            if one.network in PROBED:
                rules.setdefault(one.network, []).append(
                    Candidate(one.rule, one.rule, tuple(_hashable(one.rule_options).items()))
                )
        code = probing_code(codes, [(one.rule, network) for network, group in rules.items() for one in group])
        key = content_hash(sorted((network, *map(repr, group)) for network, group in rules.items()), codes, code)
        folder = self.out / "cache" / f"scorecard-{key[:16]}"
        if not (folder / "criteria.csv").exists():
            total = len(self.spec.populations) * 1000
            tables = [
                scorecard(group, network, only=codes, progress=lambda done, of, text: self.progress(total, total, text))
                for network, group in rules.items()
            ]
            write_scorecard(folder, pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS))
        for name in ("scorecard.csv", "criteria.csv"):
            write_text(self.out / name, (folder / name).read_text(encoding="utf-8"))

    # -- the results folder -------------------------------------------------------------------------------------------

    def _write(
        self, trained: Sequence[Trained], alignment: Alignment, checkpoints: Sequence[Sequence[Checkpoint]]
    ) -> None:
        write_table(self.out / "training.csv", pd.concat([one.history for one in trained], ignore_index=True))
        write_table(self.out / "feedback_angles.csv", pd.concat([one.angles for one in trained], ignore_index=True))
        write_table(self.out / "alignment.csv", alignment.scores)
        for name in ("contrasts", "ranks", "gates"):
            write_table(self.out / f"{name}.csv", getattr(alignment, name))
        self._write_display([many[-1:] for many in checkpoints])
        write_text(self.out / "study.json", json.dumps(self._facts(alignment), indent=1, ensure_ascii=False))

    def _write_display(self, checkpoints: Sequence[Sequence[Checkpoint]]) -> None:
        rdms: dict[str, RDMs] = {}
        about: dict[str, Any] = {}
        images: dict[str, torch.Tensor] = {}
        ids: dict[str, list[str]] = {}
        for target in self.targets:
            label, stimuli = target.source.label, _displayed(target.source.stimuli())
            images[label], ids[label] = _thumbnails(stimuli), list(stimuli.ids)
            own = mean_rdms(
                self._instances(checkpoints, stimuli),
                target.source,
                target.spec,
                stimuli.ids,
                self.spec.scoring.dissimilarity,
            )
            for name in own:
                about["|".join(name.split("|")[:2])] = {
                    "stimulus_ids": list(stimuli.ids),
                    "labels": list(stimuli.labels or ()),
                    "dissimilarity": self.spec.scoring.dissimilarity,
                }
            rdms |= own
        tensors = {name: torch.from_numpy(rdm.dissimilarities[0].astype(np.float32)) for name, rdm in rdms.items()}
        write_tensors(self.out / "rdms.safetensors", tensors, about)
        write_tensors(self.out / "thumbnails.safetensors", images, ids)

    def _facts(self, alignment: Alignment) -> dict[str, Any]:
        names = [population.dataset for population in self.spec.populations] + [t.spec.dataset for t in self.targets]
        known = [name for name in dict.fromkeys(names) if name in manifests()]
        hashed = [name for name in known if _file_hashes(name)]  # embedded sets come with their package's version
        sources = {target.source.label: target.source for target in self.targets}
        facts = {
            "name": self.spec.name,
            "spec": to_dict(self.spec),
            "key": self.spec.key,
            "versions": versions(),
            "stale": self.stale,
            "hashes": {"code": code_hash(), **{f"data: {name}": content_hash(_file_hashes(name)) for name in hashed}},
            "citations": [load_manifest(name).citation for name in known],
            "cautions": [
                *(f"{name}: {caution}" for name in known for caution in load_manifest(name).cautions),
                *(
                    f"{rule} was trained by another version of the training code; delete its folder in populations/ "
                    "to train it again."
                    for rule in self.stale
                ),
            ],
            "scope_sentences": [*alignment.scope_sentences, *agreement(alignment.ranks, self.spec.scoring)],
            "n_bootstrap": self.spec.scoring.n_bootstrap,
            "alpha": self.spec.scoring.alpha,
            "correction": self.spec.scoring.correction,
            "device": self.runtime.device,
            "training_sets": {p.dataset: datasets()[p.dataset].title for p in self.spec.populations},
            "activities": {
                population.rule: activity
                for population in self.spec.populations
                if (activity := learning_rule(population.rule, dict(population.rule_options)).activity)
            },
            "recordings": {
                label: {
                    "title": source.title,
                    "modality": source.modality,
                    "citation": source.citation,
                    "simulated": source.simulated,
                }
                for label, source in sources.items()
            },
            "wall_seconds": round(time.perf_counter() - self.started, 1),
        }
        facts["recovery"] = [
            sentence
            for target in self.targets
            if (sentence := _recovery(target.source, alignment.scores, alignment.ranks))
        ]
        return facts


def _recovery(source: RecordingSource, scores: pd.DataFrame, ranks: pd.DataFrame) -> str:
    """Say whether a simulated recording's known answer was found; nothing for a real one."""
    rule, layer = getattr(source, "rule", None), getattr(source, "layer", None)
    if not source.simulated or rule is None:
        return ""
    table = scores[(scores.dataset == source.label) & scores.final & (scores.rule != "low_level")]
    table = table[table.measure == table.measure.iloc[0]]
    means = table.groupby(["rule", "layer"]).score.mean()
    best_rule, best_layer = means.idxmax()
    at = ranks[(ranks.dataset == source.label) & (ranks.layer == layer) & (ranks.measure == table.measure.iloc[0])]
    own = at[at.rule == rule]
    alone = bool(len(own) and own.supported.iloc[0] and own.rank_high.iloc[0] == 1)
    found = f"SIMULATED truth: {layer} of a network trained with {rule}. Highest mean score: {best_layer}, {best_rule}"
    if (best_rule, best_layer) == (rule, layer):
        how = "; the inference ranks it first alone." if alone else "; the inference does not rank it first alone."
        return f"{found}. The planted layer and rule were recovered{how}"
    return f"{found}. The planted layer and rule were NOT recovered: candidates differ by less than the noise resolves."


def _answers_its_own_way(start: Checkpoint) -> bool:
    """Return whether untrained networks of a rule answer otherwise than their chain of blocks does."""
    rule, network = learning_rule(start.spec.rule, dict(start.spec.rule_options)), start.network
    if type(rule).respond is LearningRule.respond:
        return False
    params, state = start.instance(0)
    x = torch.randn(4, *network.task.input_shape, generator=stream(0, "answers"))
    own, plain = rule.respond(network, params, state, x), network.activities(params, state, x)
    return not all(torch.allclose(own[layer], plain[layer], rtol=1e-4, atol=1e-5) for layer in plain)


def _hashable(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}


def _displayed(stimuli: Stimuli) -> Stimuli:
    if len(stimuli) <= _DISPLAYED:
        return stimuli
    rows = np.sort(numpy_stream(0, "displayed").choice(len(stimuli), _DISPLAYED, replace=False))
    return stimuli.subset([stimuli.ids[row] for row in rows])


def _thumbnails(stimuli: Stimuli, side: int = 40) -> torch.Tensor:
    images = torch.from_numpy(stimuli.images).permute(0, 3, 1, 2).float()
    if max(images.shape[-2:]) > side:
        images = F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)
    return images.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _read(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype={"roi": str, "layer": str, "subject": str})
    return table.astype({name: "Int64" for name in ("seed", "checkpoint") if name in table})


def _file_hashes(name: str) -> Mapping[str, str]:
    """Return the content hash of each file of a data set; nothing for a simulated one."""
    return {entry.path: entry.key for entry in load_manifest(name).files} if name in manifests() else {}
