"""What of a recording is scored, and what is kept from an earlier run: a job for each measure, and one for figures."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from brainalign.alignment.ceilings import kept_ceilings
from brainalign.alignment.display import displayed
from brainalign.alignment.failure import Failure
from brainalign.alignment.instance import Instance
from brainalign.alignment.layer_means import LayerMeans
from brainalign.alignment.mean_rdms import mean_rdms
from brainalign.alignment.score import Progress, measures_of, score_each
from brainalign.alignment.score_cache import Shown, read_scores, read_shown, write_scores, write_shown
from brainalign.alignment.scores import Scores
from brainalign.comparisons.comparison import Comparison
from brainalign.errors import DataError
from brainalign.provenance import code_hash
from brainalign.recordings.brain import Brain
from brainalign.specs import ScoringSpec, to_dict
from brainalign.storage import content_hash

#: Shows networks one after another, and notes those whose answers are no numbers.
Show = Callable[[list[Failure]], Iterable[Instance]]

#: What is asked of scores that are there; a change scores nothing again.
_ASKED_AFTERWARDS = ("alpha", "correction", "ranking_layer", "equivalence")


@dataclass(frozen=True)
class Jobs:
    """The jobs of one recording, each kept in a folder that its inputs and code name.

    Parameters
    ----------
    brain
        The recording.
    scoring
        How it is scored.
    networks
        What names the networks: specifications and hashes of weights.
    content
        What names the content of the recording.
    code
        Hash of the code that measures, by name, score with; of none: that figures are made with.
    cache
        Where results are kept.
    """

    brain: Brain
    scoring: ScoringSpec
    networks: Sequence[Any]
    content: Any
    code: Callable[[Sequence[str]], str]
    cache: Path

    @cached_property
    def measures(self) -> list[Comparison]:
        """The measures that are asked for."""
        return measures_of(self.brain.spec, self.scoring)

    def folder(self, measure: Comparison | None = None) -> Path:
        """Return where the scores of a measure are kept, or what figures show."""
        recorded = {
            name: value
            for name, value in to_dict(self.brain.spec).items()
            if name not in ("measures", "subjects", "accept", "within_categories", "each_category")
        }
        scoring, name = self.scoring, self.brain.spec.dataset
        common = (recorded, self.networks, self.content, self.brain.stimuli.key, scoring.resolution)
        if measure is None:
            key = content_hash("shown", *common, scoring.dissimilarity, self.code(()))
            return self.cache / f"{name}-shown-{key[:16]}"
        low_level = {"scored": scoring.low_level, "made": bool(scoring.low_level or scoring.partial)}
        drawn = [scoring.checkpoints, scoring.resampling, scoring.n_bootstrap, scoring.seed]
        own = {"name": measure.name, **to_dict(measure)}
        key = content_hash("scores", *common, low_level, drawn, own, self.code((measure.name,)))
        return self.cache / f"{name}-{measure.name}-{key[:16]}"

    def ceilings(self) -> pd.DataFrame:
        """Return the noise ceilings of the recording, from an earlier run where they are kept."""
        about = [{"name": measure.name, **to_dict(measure)} for measure in self.measures]
        recorded = {name: value for name, value in to_dict(self.brain.spec).items() if name != "subjects"}
        code = code_hash("brainalign.alignment.ceilings"), self.code(())
        key = content_hash("ceilings", recorded, self.content, self.brain.ids, about, *code)
        return kept_ceilings(self.cache / f"{self.brain.spec.dataset}-ceilings-{key[:16]}", self.brain, self.measures)

    def done(self, show: Show, progress: Progress) -> tuple[Scores, Shown]:
        """Return scores of all measures and what figures show; networks are shown for what is not kept, and once.

        Raises
        ------
        LayerError
            If no network could be scored.
        """
        shown = read_shown(self.folder())
        scores = self.scored(show, progress, undrawn=shown is None)
        if (shown := shown or read_shown(self.folder())) is None:
            raise DataError(self._changed)
        return scores, shown

    def scored(self, show: Show, progress: Progress, undrawn: bool = False) -> Scores:
        """Return scores of all measures; what figures show is made with them where ``undrawn``, else not.

        Raises
        ------
        LayerError
            If no network could be scored.
        """
        kept = {measure.label: read_scores(self.folder(measure)) for measure in self.measures}
        missing = [measure for measure in self.measures if kept[measure.label] is None]
        if missing or undrawn:
            self._do(missing, undrawn, show, progress)
            # read back, so that numbers are the same to the last bit now and when they are read again
            kept = {measure.label: read_scores(self.folder(measure)) for measure in self.measures}
        found = [one for one in kept.values() if one is not None]
        if len(found) < len(kept):
            raise DataError(self._changed)
        return Scores.together(found)

    @property
    def _changed(self) -> str:
        return f"Scores in {str(self.cache)!r} changed while they were written; run the study again."

    def _do(self, missing: Sequence[Comparison], undrawn: bool, show: Show, progress: Progress) -> None:
        failures: list[Failure] = []
        brain, label = self.brain, self.brain.source.label
        ids = displayed(brain.displayed(brain.rois)).ids
        means = LayerMeans(ids, self.scoring.dissimilarity, label)

        def instances() -> Iterable[Instance]:
            for one in show(failures):
                if undrawn:
                    means.add(one)
                yield one

        if missing:
            for name, scores in score_each(instances(), brain, missing, self.scoring, progress, failures).items():
                measure = next(one for one in missing if one.label == name)
                write_scores(self.folder(measure), scores)
        else:
            for _ in instances():
                pass
        if undrawn:
            write_shown(self.folder(), Shown(mean_rdms(brain, ids, means.means()), tuple(means.failures)))
