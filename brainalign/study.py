"""A study from its specification to a results folder; only what changed is computed again."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from brainalign import tables
from brainalign.alignment.code import scoring_code
from brainalign.alignment.display import Display, displayed
from brainalign.alignment.equal_accuracy import equal_accuracy_sentences, no_part_sentences
from brainalign.alignment.equal_checkpoints import EqualCheckpoints, with_equal_accuracy
from brainalign.alignment.equal_rules import equal_rules, share_places
from brainalign.alignment.facts import recording_facts
from brainalign.alignment.failure import Failure
from brainalign.alignment.failure_table import failure_table
from brainalign.alignment.infer import Declared, infer
from brainalign.alignment.instance import Instance, role_of, show, show_start
from brainalign.alignment.jobs import Jobs, Show
from brainalign.alignment.layer_tables import kept_layer_tables
from brainalign.alignment.recovery import recovery
from brainalign.alignment.result import AlignmentResult
from brainalign.columns import UNTRAINED
from brainalign.computing import computing_on
from brainalign.data_check.brain import BrainCheck, findings_facts, refuse_severe
from brainalign.data_check.kept_findings import KeptFindings
from brainalign.datasets.dataset import datasets
from brainalign.datasets.manifest import load_manifest, manifests
from brainalign.errors import DivergenceError, ExtractionError, LayerError, SpecError
from brainalign.extraction.population import answers_its_own_way
from brainalign.folder_kinds import require_own
from brainalign.plausibility.kept_scorecard import kept_scorecard
from brainalign.provenance import code_hash, own_hashes, versions
from brainalign.recordings.brain import Brain
from brainalign.recordings.source import RecordingSource, recording_source
from brainalign.rules.learning_rule import learning_rule
from brainalign.specs import RecordingSpec, StudySpec, TrainSpec, to_dict
from brainalign.storage import content_hash
from brainalign.study_checks import check_study
from brainalign.training.checkpoint import Checkpoint, load_checkpoint
from brainalign.training.readout import StudyControls, study_controls, train_study_controls
from brainalign.training.runtime import Runtime
from brainalign.training.train import Trained, train

Progress = Callable[[int, int, str], None]


def run_study(
    spec: StudySpec, out: str | Path, runtime: Runtime | None = None, progress: Progress | None = None
) -> Path:
    """Train, score and infer; write the results folder described in the architecture page.

    Populations stay in ``out/populations``, scores of each recording in ``out/cache``; run again, the study resumes
    and computes only what its specification changed. A population whose training diverges, or a layer of which cannot
    be scored, is a row of ``failures.csv``; the study goes on without it.

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
        If the study cannot be run as specified, no population is left, or ``out`` holds another study; one line.
        Results are written at the end and together, so that nothing half-written is left.

    Examples
    --------
    >>> import brainalign as ba, tempfile
    >>> train = [ba.TrainSpec(rule, "mlp", "digits", seeds=1, epochs=0.1) for rule in ("untrained", "backprop")]
    >>> brain = {"n_subjects": 3, "n_stimuli": 20, "training": {"epochs": 0.1}}
    >>> about = ba.RecordingSpec("simulated", options=brain)
    >>> scoring = ba.ScoringSpec(n_bootstrap=100, comparator="corr", low_level=False)
    >>> study = ba.StudySpec("tiny", "A tiny study", train, [about], scoring, plausibility="none")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = ba.AlignmentResult.load(ba.run_study(study, folder))
    >>> set(found.contrasts.kind)
    {'vs_untrained'}
    """
    return _StudyRun(spec, Path(out), runtime or Runtime(), progress or (lambda *_: None)).finish()


class _StudyRun:
    def __init__(self, spec: StudySpec, out: Path, runtime: Runtime, progress: Progress) -> None:
        self.spec, self.out, self.runtime, self.progress = spec, out, runtime, progress
        self.started = time.perf_counter()
        self.failures: list[Failure] = []
        total = len(spec.populations) * 1000
        say = lambda text: self.progress(0, total, text)  # noqa: E731
        self.checks = [BrainCheck(self._source(item), item, say) for item in spec.recordings]
        self.brains = [one.brain for one in self.checks]
        self.findings: dict[str, Mapping[str, Any]] = {}
        if not self.brains or not spec.populations:
            msg = (
                f"Study {spec.name!r} has {len(spec.populations)} rules and {len(self.brains)} recordings; "
                "expected some of both."
            )
            raise SpecError(msg)

    def _source(self, item: RecordingSpec) -> RecordingSource:
        return recording_source(item.dataset, {"data_dir": self.runtime.data_dir, **item.options})

    def finish(self) -> Path:
        require_own(self.out, self.spec.name)
        check_study(self.spec, self.brains, self.runtime.data_dir)
        self._check_data()
        trained = list(self._trained())
        self.controls = self._beside(trained)
        checkpoints = [self._checkpoints(one) for one in trained]
        starts = self._starts(trained)
        self.alike = equal_rules([one.checkpoint for one in trained])
        equal = self._equally_accurate(checkpoints)
        display = Display()
        with computing_on(self.runtime.device):
            parts = [self._align(brain, checkpoints, starts, equal, display) for brain in self.brains]
        found = share_places(AlignmentResult.concatenate(parts), self.alike)
        self.stale = [one.checkpoint.spec.rule for one in trained if one.stale]
        total = len(self.spec.populations) * 1000
        say = lambda done, of, text: self.progress(total, total, text)  # noqa: E731
        plausible, criteria = kept_scorecard(self.spec, self.out / "cache", say)
        found = replace(
            found,
            training=tables.joined("training", [one.history for one in trained]),
            equal_accuracy=equal.table,
            feedback_angles=tables.joined("feedback_angles", [one.angles for one in trained]),
            failures=failure_table(self.failures),
            scorecard=plausible,
            criteria=criteria,
            rdms=display.rdms,
            labels=display.labels,
            thumbnails=display.thumbnails,
            stored=(),  # they are in the cache, by measure
        )
        return replace(found, facts=self._facts(found)).save(self.out)

    # -- stages -------------------------------------------------------------------------------------------------------

    def _check_data(self) -> None:
        """Note what the data check finds; what is severe and not accepted stops here."""
        trained_on = [population.dataset for population in self.spec.populations]
        for check in self.checks:
            spec, label = check.brain.spec, check.brain.source.label
            found = check.findings(trained_on, KeptFindings(self.out / "cache"))
            refuse_severe(found, spec, label)
            self.findings[label] = findings_facts(found, spec)

    def _trained(self) -> Iterator[Trained]:
        """Train one population after another; one that diverges is noted and left out."""
        for position, population in enumerate(self.spec.populations):
            try:
                yield self._train(position, population)
            except DivergenceError as error:
                self.failures.append(
                    Failure(
                        rule=population.rule,
                        network=population.network,
                        stage="training",
                        recording="",
                        reason=str(error),
                    )
                )
        if len(self.failures) == len(self.spec.populations):
            first = self.failures[0].reason
            msg = f"Training of every population of study {self.spec.name!r} diverged; nothing is left. First: {first}"
            raise DivergenceError(msg)

    def _train(self, position: int, population: TrainSpec) -> Trained:
        folder = self.out / "populations" / f"{population.rule}-{population.network}-{population.key}"
        total = len(self.spec.populations)

        def report(step: int, steps: int, text: str) -> None:
            self.progress(position * 1000 + 1000 * step // steps, total * 1000, f"training {text}")

        return train(population, folder, self.runtime, report)

    def _beside(self, trained: Sequence[Trained]) -> StudyControls:
        """Return which rules do not exceed readout only after as many steps; what that lacks is trained."""
        total = len(self.spec.populations) * 1000
        say = lambda *_: self.progress(total, total, "training readout_only")  # noqa: E731
        specs, histories = [one.checkpoint.spec for one in trained], [one.history for one in trained]
        lacking = train_study_controls(specs, self.out / "populations", self.runtime, say)
        self.lacking, beside = lacking, [(one.checkpoint.spec, one.history) for one in lacking]
        return study_controls([*zip(specs, histories, strict=True), *beside])

    def _checkpoints(self, trained: Trained) -> list[Checkpoint]:
        if self.spec.scoring.checkpoints == "last":
            return [trained.checkpoint]
        return [load_checkpoint(path) for path in trained.files]

    def _starts(self, trained: Sequence[Trained]) -> list[Checkpoint]:
        """Return the first moment of populations whose networks answer otherwise than untrained ones beside them."""
        last = [one.checkpoint for one in trained]
        controlled = {one.spec.network for one in last if role_of(one) == UNTRAINED}
        starts = [load_checkpoint(one.files[0]) for one in trained if one.checkpoint.network.name in controlled]
        return [start for start in starts if answers_its_own_way(start)]

    def _jobs(self, brain: Brain, checkpoints: Sequence[Sequence[Checkpoint]], starts: Sequence[Checkpoint]) -> Jobs:
        """Return what is to be scored of a recording; a job is named by its inputs and by the code it runs."""
        moments = [one for many in (*checkpoints, starts) for one in many]
        weights = [one.weights_hash(row) for one in moments for row in range(len(one.seeds))]
        populations = self.spec.populations
        return Jobs(
            brain=brain,
            scoring=self.spec.scoring,
            networks=[[to_dict(population) for population in populations], weights],
            content=brain.key,
            code=lambda names: scoring_code(populations, brain.source, self.spec.scoring, brain.spec, names),
            cache=self.out / "cache",
        )

    def _equally_accurate(self, checkpoints: Sequence[Sequence[Checkpoint]]) -> EqualCheckpoints:
        """Return where rules are equally accurate; nowhere if only last checkpoints are scored."""
        if self.spec.scoring.checkpoints == "last":
            return EqualCheckpoints()
        left_out = self.controls.unlearned_in_validation
        beside = [self._checkpoints(one) for one in self.lacking]
        return EqualCheckpoints.of(checkpoints, left_out, self.out / "cache", self.runtime.data_dir, beside)

    def _said_of_equal(self, table: pd.DataFrame) -> list[str]:
        if self.spec.scoring.checkpoints == "last":
            return []
        return [*equal_accuracy_sentences(table), *no_part_sentences(table, self.controls.unlearned_in_validation)]

    def _align(
        self,
        brain: Brain,
        checkpoints: Sequence[Sequence[Checkpoint]],
        starts: Sequence[Checkpoint],
        equal: EqualCheckpoints,
        display: Display,
    ) -> AlignmentResult:
        """Score what is not kept of a recording, and infer; of rules at equal accuracy beside their end, too."""
        jobs = self._jobs(brain, checkpoints, starts)
        show, say = self._shown(brain, checkpoints, starts)
        scores, shown = jobs.done(show, say)
        lost = {(one.rule, one.network) for one in scores.failures if one.stage == "scoring"}
        self.failures += [*scores.failures, *(one for one in shown.failures if (one.rule, one.network) not in lost)]
        rdms = {key: rdm for key, rdm in shown.rdms.items() if (key.rule, key.network) not in lost}
        display.add(brain.source.label, displayed(brain.displayed(brain.rois)), rdms)
        found = infer(scores, self._declared(brain))
        if self.spec.scoring.ceilings:
            found = replace(found, ceilings=jobs.ceilings())
        found = replace(found, **kept_layer_tables(jobs, show, lost))
        if chosen := equal.without(lost):
            found = self._at_equal_accuracy(found, brain, equal, chosen, starts)
        brain.let_go()
        return found

    def _at_equal_accuracy(
        self,
        found: AlignmentResult,
        brain: Brain,
        equal: EqualCheckpoints,
        chosen: Sequence[Sequence[Checkpoint]],
        starts: Sequence[Checkpoint],
    ) -> AlignmentResult:
        """Score checkpoints of equal accuracy as last ones are, and add what is found of them."""
        rules = {(one.spec.rule, one.network.name) for (one,) in chosen}
        own = [start for start in starts if (start.spec.rule, start.network.name) in rules]
        try:
            scores = self._jobs(brain, chosen, own).scored(*self._shown(brain, chosen, own))
        except LayerError as error:
            self.failures.append(replace(Failure.of(error, brain.source.label), stage="checkpoint"))
            return found
        self.failures += [replace(one, stage="checkpoint") for one in scores.failures]
        declared = replace(self._declared(brain), unlearned=equal.unlearned)
        return with_equal_accuracy(found, scores, declared, self.alike)

    def _declared(self, brain: Brain) -> Declared:
        return Declared.of(self.spec.scoring, brain.spec.subjects, self.controls.unlearned)

    def _shown(
        self, brain: Brain, checkpoints: Sequence[Sequence[Checkpoint]], starts: Sequence[Checkpoint]
    ) -> tuple[Show, Callable[[str], None]]:
        """Return what shows stimuli to populations and their starts, and what is told of progress."""
        total = len(self.spec.populations) * 1000

        def show(failures: list[Failure]) -> Iterator[Instance]:
            yield from self._instances(checkpoints, brain, failures)
            unseen = {(one.rule, one.network) for one in failures if one.stage == "scoring"}
            for start in (start for start in starts if (start.spec.rule, start.network.name) not in unseen):
                yield from show_start(start, brain.stimuli, *self._how(brain))

        return show, lambda text: self.progress(total, total, text)

    def _instances(
        self, checkpoints: Sequence[Sequence[Checkpoint]], brain: Brain, failures: list[Failure]
    ) -> Iterator[Instance]:
        """Show stimuli to every population; one whose answers are no numbers is noted in ``failures``."""
        for many in checkpoints:
            try:
                yield from show(many, brain.stimuli, *self._how(brain))
            except ExtractionError as error:
                last, label = many[-1], brain.source.label
                failures.append(
                    Failure(
                        rule=last.spec.rule,
                        network=last.network.name,
                        stage="scoring",
                        recording=label,
                        reason=str(error),
                        role=role_of(last),
                    )
                )

    def _how(self, brain: Brain) -> tuple[int, str, str]:
        """Return resolution, device and what becomes of pictures with another ratio of sides."""
        return self.spec.scoring.resolution, self.runtime.device, brain.spec.aspect

    def _facts(self, found: AlignmentResult) -> dict[str, Any]:
        names = [population.dataset for population in self.spec.populations] + [one.spec.dataset for one in self.brains]
        known = [name for name in dict.fromkeys(names) if name in manifests()]
        hashed = [name for name in known if _file_hashes(name)]  # embedded sets come with their package's version
        facts = {
            "name": self.spec.name,
            "spec": to_dict(self.spec),
            "key": self.spec.key,
            "versions": versions(),
            "stale": self.stale,
            "hashes": {
                "code": code_hash(),
                **{f"data: {name}": content_hash(_file_hashes(name)) for name in hashed},
                **own_hashes(),
            },
            "citations": [load_manifest(name).citation for name in known],
            "cautions": [
                *(f"{name}: {caution}" for name in known for caution in load_manifest(name).cautions),
                *(
                    f"{rule} was trained by other code than today's; run the study with --retrain to train it again."
                    for rule in self.stale
                ),
                *self.controls.lines,
            ],
            "unlearned": list(self.controls.lines),
            "findings": self.findings,
            "scope_sentences": [
                *found.scope_sentences,
                *(f"At equal accuracy: {said}" for said in self._said_of_equal(found.equal_accuracy)),
            ],
            "n_bootstrap": self.spec.scoring.n_bootstrap,
            "alpha": self.spec.scoring.alpha,
            "correction": self.spec.scoring.correction,
            "failures": [asdict(one) for one in self.failures],
            "dissimilarities": {
                brain.source.label: {roi: brain.movies(roi)[0].measure for roi in brain.rois} for brain in self.brains
            },
            "device": self.runtime.device,
            "training_sets": {p.dataset: datasets()[p.dataset].title for p in self.spec.populations},
            "activities": {
                population.rule: activity
                for population in self.spec.populations
                if (activity := learning_rule(population.rule, dict(population.rule_options)).activity)
            },
            "recordings": {brain.source.label: recording_facts(brain.source) for brain in self.brains},
            "wall_seconds": round(time.perf_counter() - self.started, 1),
        }
        facts["recovery"] = [
            sentence for brain in self.brains if (sentence := recovery(brain.source, found.scores, found.ranks))
        ]
        return facts


def _file_hashes(name: str) -> Mapping[str, str]:
    """Return the content hash of each file of a data set; nothing for a simulated one."""
    return {entry.path: entry.key for entry in load_manifest(name).files} if name in manifests() else {}
