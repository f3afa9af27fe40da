"""Networks against a recording: shown one after another, reduced at once, scored in blocks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from brainalign.alignment.instance import Instance
from brainalign.alignment.layer_rdms import LayerRDMs
from brainalign.alignment.repeats import brains_fixed, without_each_repeat
from brainalign.alignment.row_errors import row_errors
from brainalign.alignment.scored import Model, Scored, naming
from brainalign.comparisons.comparison import Comparison
from brainalign.comparisons.prepared import Prepared
from brainalign.errors import LayerError, SpecError
from brainalign.patterns import Patterns
from brainalign.recordings.brain import Brain
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.roles import CHOSEN_LAYER, LOW_LEVEL

# what measures made of layers that wait for their scores, in bytes
_WAITING_BYTES = 2**27
_OBSERVED = Samples("none")

#: Draws of one block of layers, by part of subjects and by time.
Block = list[list[ScoreDraws]]


class Scoring:
    """Scores of networks as they come; their activations are let go as soon as every measure has reduced them.

    Parameters
    ----------
    brain
        The recordings.
    rois, measures
        What layers are scored on; each measure prepares each ROI once.
    samples
        Samples of stimuli for final networks and controls; earlier checkpoints are scored as observed only.
    controls
        Low-level features of the stimuli by name, for measures that take some out of a score.
    scored_controls
        Whether the controls are scored, too.
    """

    def __init__(
        self,
        brain: Brain,
        rois: Sequence[str],
        measures: Sequence[Comparison],
        samples: Samples,
        controls: Mapping[str, Patterns],
        scored_controls: bool = True,
    ) -> None:
        self.brain, self.samples = brain, samples
        self._sides = [
            _Side(measure, {roi: measure.prepare(*brain.place(roi), controls) for roi in rois}) for measure in measures
        ]
        for side in self._sides:
            fixed = [roi for roi, of_roi in side.parts.items() if brains_fixed(brain, of_roi)]
            for one in without_each_repeat(brain, fixed):
                side.repeats.append({roi: side.measure.prepare(*one.place(roi), controls) for roi in fixed})
        parts = [part for side in self._sides for of_roi in side.parts.values() for part in of_roi]
        self._ids = tuple(dict.fromkeys(i for part in parts for i in part.stimulus_ids))
        for name, features in controls.items() if scored_controls else ():
            for side in self._sides:
                if not side.partial:
                    side.wait(Model.control(name), side.measure.control(features))

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers of networks that were shown."""
        return tuple(
            dict.fromkeys(model.layer for side in self._sides for model in side.models[True] if model.seed is not None)
        )

    def ids(self, roi: str, measure: Comparison) -> tuple[str, ...]:
        """Return the ids of the stimuli on which any subject is scored, in the order in which they are shown."""
        parts = next(side.parts[roi] for side in self._sides if side.measure is measure)
        held = {i for part in parts for i in part.stimulus_ids}
        return tuple(i for i in self.brain.ids if i in held)

    def show(self, instance: Instance, noted: bool = False) -> None:
        """Reduce the layers of an instance; they are scored when enough of them wait.

        Parameters
        ----------
        instance
            A network under the stimuli.
        noted
            Whether a measure that cannot score a layer goes on without the population, see :meth:`lost`; what it has
            of it is forgotten. Other measures keep it.

        Raises
        ------
        LayerError
            If a layer cannot be scored and that is not to be noted.
        StimulusMismatchError
            If the network did not see the stimuli that are scored, or saw others.
        """
        self.brain.check_shown(instance.activations.stimulus_ids, self._ids)
        for side in self._sides:
            try:
                side.show(instance)
            except LayerError as error:
                if not noted:
                    raise
                side.lose(error)
        if sum(side.bytes for side in self._sides) > _WAITING_BYTES:
            self._score()

    def forget(self, rule: str, network: str, step: int | None) -> None:
        """Leave a population out of what is scored, or one earlier checkpoint of it."""
        for side in self._sides:
            side.forget(rule, network, step)

    def lost(self, measure: Comparison) -> list[LayerError]:
        """Return why a measure has no scores of some populations."""
        return next(side.errors for side in self._sides if side.measure is measure)

    def has(self, instance: Instance) -> bool:
        """Return whether every measure has the scores of an instance that was shown."""
        return not any(side.lacks(instance) for side in self._sides)

    def finish(self) -> Iterator[Scored]:
        """Yield the scores by ROI, measure and time.

        Raises
        ------
        LayerError
            If a measure could score no final network; why the first was lost.
        """
        for side in self._sides:
            if side.errors and not any(model.seed is not None and side.keeps(model) for model in side.models[True]):
                raise side.errors[0]
        self._score()
        for roi in self._sides[0].parts if self._sides else ():
            for side in self._sides:
                windows = bool(self.brain.place(roi)[0].spec.only_windows)
                yield from side.scored(roi, self.samples.seed, windows)

    def _score(self) -> None:
        for side in self._sides:
            side.score(self.samples)


@dataclass
class _Side:
    """One measure with the brain's side of every ROI, and the scores so far."""

    measure: Comparison
    parts: Mapping[str, tuple[Prepared, ...]]
    models: dict[bool, list[Model]] = field(default_factory=lambda: {True: [], False: []})
    waiting: dict[bool, list[Any]] = field(default_factory=lambda: {True: [], False: []})
    blocks: dict[tuple[str, bool], list[Block]] = field(default_factory=dict)
    left_out: set[tuple[str, str, int | None]] = field(default_factory=set)
    errors: list[LayerError] = field(default_factory=list)
    repeats: list[Mapping[str, tuple[Prepared, ...]]] = field(default_factory=list)
    bytes: int = 0

    def show(self, instance: Instance) -> None:
        if self.lacks(instance) or (self.partial and not instance.final):
            return
        made = []
        if isinstance(instance.activations, LayerRDMs) and not self.measure.of_rdms:
            word, rule = self.measure.word, instance.rule
            msg = (
                f"Measure {word!r} needs the patterns of layers; of {rule!r} there are RDMs. Show the network, or "
                "choose a measure that compares RDMs."
            )
            raise SpecError(msg)
        layers = instance.activations.layers
        if self.measure.of_networks:
            model = Model.of(instance, CHOSEN_LAYER, len(layers))
            with naming(model):
                self.wait(model, self.measure.network({one: instance.activations.patterns(one) for one in layers}))
            return
        for index, layer in enumerate(layers):
            model = Model.of(instance, layer, index)
            with naming(model):
                made.append((model, self.measure.layer(instance.activations.patterns(layer))))
        for model, own in made:
            self.wait(model, own)

    def lose(self, error: LayerError) -> None:
        self.errors.append(error)
        self.forget(error.rule, error.network, error.step)

    def lacks(self, instance: Instance) -> bool:
        return not self.keeps(Model.of(instance, "", 0))

    @property
    def partial(self) -> bool:
        """Whether controls are taken out of scores: these, and earlier checkpoints, are not scored by it."""
        return bool(self.measure.describe().held)

    def wait(self, model: Model, made: Any) -> None:
        self.models[model.final].append(model)
        self.waiting[model.final].append(made)
        for one in made.values() if isinstance(made, Mapping) else (made,):
            values = getattr(one, "dissimilarities", getattr(one, "values", None))
            self.bytes += int(getattr(values, "nbytes", 0))

    def forget(self, rule: str, network: str, step: int | None) -> None:
        self.left_out.add((rule, network, step))

    def score(self, samples: Samples) -> None:
        for final, layers in self.waiting.items():
            for roi, parts in self.parts.items() if layers else ():
                block = [
                    list(self.measure.draws(layers, part, samples.at(len(part.times)) if final else _OBSERVED))
                    for part in parts
                ]
                if final and self.repeats and roi in self.repeats[0]:
                    block = self._with_repeats(layers, roi, block)
                self.blocks.setdefault((roi, final), []).append(block)
            layers.clear()
        self.bytes = 0

    def _with_repeats(self, layers: Sequence[Any], roi: str, block: Block) -> Block:
        """Add the scores against the brains without each repeat."""
        without = [[list(self.measure.draws(layers, part, _OBSERVED)) for part in parts[roi]] for parts in self.repeats]
        return [
            [replace(draws, repeats=np.stack([one[p][t].observed for one in without])) for t, draws in enumerate(times)]
            for p, times in enumerate(block)
        ]

    def scored(self, roi: str, seed: int, windows: bool = False) -> Iterator[Scored]:
        parts, about = self.parts[roi], self.measure.describe()
        kept = {final: self._rows(models) for final, models in self.models.items()}
        models = tuple(self.models[final][k] for final in (True, False) for k in kept[final])
        times = parts[0].times
        for k, time in enumerate(times):
            of_parts = _rows_of(self.blocks.get((roi, True), []), k, kept[True], parts)
            errors = np.concatenate([row_errors(one) for one in of_parts], axis=1)
            draws = of_parts[0] if len(of_parts) == 1 else ScoreDraws.side_by_side(of_parts, seed)
            del of_parts
            earlier = np.empty((0, draws.n_subjects))
            if kept[False]:
                shown = _rows_of(self.blocks[roi, False], k, kept[False], parts)
                earlier = np.concatenate([one.observed for one in shown], axis=1)
            yield Scored(
                about=about,
                models=models,
                draws=draws,
                errors=errors,
                earlier=earlier,
                subjects=tuple(subject for part in parts for subject in part.subjects),
                n_stimuli=min(len(part.stimulus_ids) for part in parts),
                n_targets=sum(part.n_targets for part in parts),
                ceiling=np.concatenate([_ceiling(part, k, draws) for part in parts], axis=1),
                roi=roi,
                time=time if len(times) > 1 or windows else np.nan,
                own_stimuli=tuple(len(part.stimulus_ids) for part in parts for _ in part.subjects)
                if len(parts) > 1
                else None,
            )

    def _rows(self, models: Sequence[Model]) -> list[int]:
        """Return which rows are kept, controls last."""
        rows = [k for k, one in enumerate(models) if self.keeps(one)]
        return sorted(rows, key=lambda k: models[k].role == LOW_LEVEL)

    def keeps(self, model: Model) -> bool:
        whole = (model.rule, model.network, None) in self.left_out
        return not whole and (model.final or (model.rule, model.network, model.step) not in self.left_out)


def _rows_of(blocks: Sequence[Block], time: int, kept: Sequence[int], parts: Sequence[Prepared]) -> list[ScoreDraws]:
    """Return the draws of all blocks of layers for each part of subjects at one time, the rows that are kept."""
    return [ScoreDraws.stack_models([block[p][time] for block in blocks]).rows(kept) for p in range(len(parts))]


def _ceiling(part: Prepared, time: int, draws: ScoreDraws) -> np.ndarray:
    if part.ceiling is not None:
        return part.ceiling[:, :, time]
    if draws.ceiling_lower_observed is None or draws.ceiling_upper_observed is None:
        return np.full((2, len(part.subjects)), np.nan)
    return np.stack([draws.ceiling_lower_observed, draws.ceiling_upper_observed])
