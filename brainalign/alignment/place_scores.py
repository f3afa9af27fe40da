"""Scores of one measure in one ROI at all its times, with what inference needs of their draws."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from brainalign.alignment.scored import Model, Scored
from brainalign.comparisons.description import Description
from brainalign.resampling.draw_margins import DrawMargins
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.roles import LOW_LEVEL

#: What networks are, and their rule.
Population = tuple[str, str]
#: Network and layer.
Cell = tuple[str, str]
#: Rule and network, and the step of an earlier checkpoint; none for all of the population.
Lost = tuple[str, str, int | None]

_CEILINGS = ("ceiling_lower", "ceiling_upper", "ceiling_lower_observed", "ceiling_upper_observed")


@dataclass(frozen=True, eq=False)
class PlaceScores:
    """Scores against the subjects of one ROI.

    Parameters
    ----------
    about
        What the measure is.
    roi, times
        Where, and at how many seconds from onset; one NaN where there is one time.
    models
        The rows: final networks and controls first, then earlier checkpoints.
    subjects
        Names of the columns.
    scores
        ``(n_times, n_models, n_subjects)``.
    errors
        The same shape: standard errors over stimuli, NaN where nothing was drawn.
    ceiling
        ``(n_times, 2, n_subjects)`` lower and upper noise ceiling; NaN where it cannot be estimated.
    margins
        What is kept of the draws at each time.
    n_stimuli, n_targets, own_stimuli
        Sizes, see :class:`~brainalign.alignment.scored.Scored`.
    """

    about: Description
    roi: str
    times: tuple[float, ...]
    models: tuple[Model, ...]
    subjects: tuple[str, ...]
    scores: np.ndarray
    errors: np.ndarray
    ceiling: np.ndarray
    margins: tuple[DrawMargins, ...]
    n_stimuli: int
    n_targets: int
    own_stimuli: tuple[int, ...] | None = None

    @classmethod
    def of(cls, scored: Iterable[Scored]) -> "PlaceScores":
        """Keep what is needed of the scores at every time, one time after another."""
        first: Scored | None = None
        times, scores, errors, ceilings = [], [], [], []
        margins: list[DrawMargins] = []
        for one in scored:
            first = first or replace(one, draws=one.draws.rows([]))
            times.append(one.time)
            scores.append(one.scores)
            unknown = np.full(one.earlier.shape, np.nan)
            errors.append(np.concatenate([one.errors, unknown]))
            ceilings.append(one.ceiling)
            own = DrawMargins.of(one.draws, [rows for _, _, rows in _groups(one.models)])
            margins.append(_sharing(margins[0], own) if margins else own)
        assert first is not None
        return cls(
            first.about, first.roi, tuple(times), first.models, first.subjects, np.stack(scores), np.stack(errors),
            np.stack(ceilings), tuple(margins), first.n_stimuli, first.n_targets, first.own_stimuli,
        )  # fmt: skip

    @property
    def measure(self) -> str:
        """Name of the measure in tables."""
        return self.about.measure

    @property
    def samples(self) -> str:
        """How stimuli were sampled again: ``"bootstrap"``, ``"leave_one_out"`` or ``"none"``."""
        rest = self.margins[0].rest
        return "leave_one_out" if rest.left_out else "bootstrap" if self.n_draws else "none"

    @property
    def n_draws(self) -> int:
        """Samples of stimuli."""
        return len(self.margins[0].by_model)

    @cached_property
    def _grouped(self) -> "list[tuple[Cell, Population, tuple[int, ...]]]":
        return _groups(self.models)

    @cached_property
    def cells(self) -> dict[Cell, dict[Population, list[int]]]:
        """Rows of final networks by (network, layer) and population, in the order of seeds."""
        found: dict[Cell, dict[Population, list[int]]] = {}
        for cell, population, rows in self._grouped:
            found.setdefault(cell, {})[population] = list(rows)
        return found

    def draws(self, cell: Cell, time: int) -> tuple[ScoreDraws, dict[Population, list[int]]]:
        """Return the draws of the networks of a cell, and the rows of each population in them."""
        chosen = [k for k, (own, _, _) in enumerate(self._grouped) if own == cell]
        draws = self.margins[time].of_groups(chosen, self.scores[time])
        rows, first = {}, 0
        for population, own in self.cells[cell].items():
            rows[population] = list(range(first, first + len(own)))
            first += len(own)
        return draws, rows

    def without(self, lost: Collection[Lost]) -> "PlaceScores":
        """Return the scores without some populations, or earlier checkpoints of them."""
        gone = set(lost)
        kept = [k for k, one in enumerate(self.models) if not _is_lost(one, gone)]
        if len(kept) == len(self.models):
            return self
        models = tuple(self.models[k] for k in kept)
        place = {row: k for k, row in enumerate(kept)}
        return replace(
            self,
            models=models,
            scores=self.scores[:, kept],
            errors=self.errors[:, kept],
            margins=tuple(_without(one, place) for one in self.margins),
        )

    # -- on disk ------------------------------------------------------------------------------------------------------

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return all arrays by name; draws are the same samples of stimuli at all times."""
        rest = [one.rest for one in self.margins]
        found = {
            "scores": self.scores,
            "errors": self.errors,
            "ceiling": self.ceiling,
            "by_subject": np.stack([one.by_subject for one in self.margins]),
            "by_model": np.stack([one.by_model for one in self.margins]),
            "stimulus_counts": _small(rest[0].stimulus_counts),
            "subject_resamples": _small(rest[0].subject_resamples),
        }
        for name in _CEILINGS:
            if getattr(rest[0], name) is not None:
                found[name] = np.stack([getattr(one, name) for one in rest])
        return {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in found.items()}

    def facts(self) -> dict[str, Any]:
        """Return all else, as JSON-able values."""
        rest = self.margins[0].rest
        return {
            "about": self.about.row(),
            "roi": self.roi,
            "times": [None if math.isnan(time) else time for time in self.times],
            "models": [asdict(one) for one in self.models],
            "subjects": self.subjects,
            "groups": self.margins[0].groups,
            "n_units": rest.n_units,
            "n_strata": rest.n_strata,
            "left_out": rest.left_out,
            "n_stimuli": self.n_stimuli,
            "n_targets": self.n_targets,
            "own_stimuli": self.own_stimuli,
        }

    @classmethod
    def read(cls, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> "PlaceScores":
        """Return what :meth:`tensors` and :meth:`facts` gave."""
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        groups = tuple(tuple(group) for group in facts["groups"])
        n_draws, n_subjects = arrays["by_model"].shape[1], len(facts["subjects"])
        margins = []
        for time in range(len(facts["times"])):
            rest = ScoreDraws(
                observed=np.empty((0, n_subjects)),
                draws=np.empty((n_draws, 0, n_subjects)),
                stimulus_counts=arrays["stimulus_counts"].astype(np.int64),
                subject_resamples=arrays["subject_resamples"].astype(np.int64),
                n_units=facts["n_units"],
                n_strata=facts["n_strata"],
                left_out=facts["left_out"],
                **{name: arrays[name][time] for name in _CEILINGS if name in arrays},
            )
            margins.append(DrawMargins(groups, arrays["by_subject"][time], arrays["by_model"][time], rest))
        own = facts["own_stimuli"]
        return cls(
            Description.from_row(facts["about"]),
            facts["roi"],
            tuple(np.nan if time is None else time for time in facts["times"]),
            tuple(Model(**one) for one in facts["models"]),
            tuple(facts["subjects"]),
            arrays["scores"],
            arrays["errors"],
            arrays["ceiling"],
            tuple(margins),
            facts["n_stimuli"],
            facts["n_targets"],
            None if own is None else tuple(own),
        )


def _groups(models: tuple[Model, ...]) -> list[tuple[Cell, Population, tuple[int, ...]]]:
    """Return cell, population and rows in the order of seeds, of final networks; cells by network and depth."""
    found: dict[Cell, dict[Population, list[int]]] = {}
    final = [k for k, one in enumerate(models) if one.final and one.role != LOW_LEVEL]
    for row in sorted(final, key=lambda k: models[k].seed or 0):
        one = models[row]
        found.setdefault((one.network, one.layer), {}).setdefault((one.role, one.rule), []).append(row)
    depth = {(one.network, one.layer): one.layer_index for one in models}
    cells = sorted(found, key=lambda cell: (cell[0], depth[cell]))
    return [(cell, population, tuple(rows)) for cell in cells for population, rows in found[cell].items()]


def _sharing(first: DrawMargins, own: DrawMargins) -> DrawMargins:
    """Return margins that hold the samples of stimuli, which are the same at every time, where the first has them."""
    samples = {name: getattr(first.rest, name) for name in ("stimulus_counts", "subject_resamples")}
    return replace(own, rest=replace(own.rest, **samples))


def _is_lost(model: Model, lost: set[Lost]) -> bool:
    if model.role == LOW_LEVEL:
        return False
    whole = (model.rule, model.network, None) in lost
    return whole or (not model.final and (model.rule, model.network, model.step) in lost)


def _without(margins: DrawMargins, place: Mapping[int, int]) -> DrawMargins:
    """Return the margins of the groups that are left; ``place`` says where a row has gone."""
    left = [k for k, group in enumerate(margins.groups) if all(row in place for row in group)]
    first = np.cumsum([0, *(len(group) for group in margins.groups)])
    columns = [column for k in left for column in range(first[k], first[k + 1])]
    groups = tuple(tuple(place[row] for row in margins.groups[k]) for k in left)
    return replace(
        margins, groups=groups, by_subject=margins.by_subject[:, left], by_model=margins.by_model[:, columns]
    )


def _small(values: np.ndarray) -> np.ndarray:
    """Return whole numbers in as few bytes as hold them."""
    fits = values.size and values.max() < 2**8
    return values.astype(np.uint8 if fits else np.int32)
