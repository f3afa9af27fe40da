"""Scores of one measure in one ROI at all its times, with the draws of networks, which inference needs."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from brainalign.alignment.scored import Model, Scored
from brainalign.comparisons.description import Description
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.roles import LOW_LEVEL

#: What networks are, and their rule.
Population = tuple[str, str]
#: Network and layer.
Cell = tuple[str, str]
#: Rule and network, and the step of an earlier checkpoint; none for all of the population.
Lost = tuple[str, str, int | None]


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
    draws
        Scores of final networks, and those of samples of the stimuli, at each time; rows in the order of ``rows``.
    rows
        Which of ``models`` they are: low-level controls are not inferred about.
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
    draws: tuple[ScoreDraws, ...]
    rows: tuple[int, ...]
    n_stimuli: int
    n_targets: int
    own_stimuli: tuple[int, ...] | None = None

    @classmethod
    def of(cls, scored: Iterable[Scored]) -> "PlaceScores":
        """Keep what is needed of the scores at every time, one time after another."""
        first: Scored | None = None
        times, scores, errors, ceilings = [], [], [], []
        draws: list[ScoreDraws] = []
        rows: tuple[int, ...] = ()
        for one in scored:
            rows = tuple(k for k, model in enumerate(one.models) if model.final and model.role != LOW_LEVEL)
            first = first or replace(one, draws=one.draws.rows([]))
            times.append(one.time)
            scores.append(one.scores)
            errors.append(np.concatenate([one.errors, np.full(one.earlier.shape, np.nan)]))
            ceilings.append(one.ceiling)
            own = one.draws.rows(rows)
            draws.append(_sharing(draws[0], own) if draws else own)
        assert first is not None
        return cls(
            about=first.about,
            roi=first.roi,
            times=tuple(times),
            models=first.models,
            subjects=first.subjects,
            scores=np.stack(scores),
            errors=np.stack(errors),
            ceiling=np.stack(ceilings),
            draws=tuple(draws),
            rows=rows,
            n_stimuli=first.n_stimuli,
            n_targets=first.n_targets,
            own_stimuli=first.own_stimuli,
        )

    @property
    def measure(self) -> str:
        """Name of the measure in tables."""
        return self.about.measure

    @property
    def samples(self) -> str:
        """How stimuli were sampled again: ``"bootstrap"``, ``"leave_one_out"`` or ``"none"``."""
        first = self.draws[0]
        return "leave_one_out" if first.left_out else "bootstrap" if first.n_draws else "none"

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

    def of_cell(self, cell: Cell, time: int) -> tuple[ScoreDraws, dict[Population, list[int]]]:
        """Return the draws of the networks of a cell, and the rows of each population in them."""
        place = {row: k for k, row in enumerate(self.rows)}
        chosen = [place[row] for own in self.cells[cell].values() for row in own]
        rows, first = {}, 0
        for population, own in self.cells[cell].items():
            rows[population] = list(range(first, first + len(own)))
            first += len(own)
        return self.draws[time].rows(chosen), rows

    def without(self, lost: Collection[Lost]) -> "PlaceScores":
        """Return the scores without some populations, or earlier checkpoints of them."""
        gone = set(lost)
        kept = [k for k, one in enumerate(self.models) if not _is_lost(one, gone)]
        if len(kept) == len(self.models):
            return self
        place = {row: k for k, row in enumerate(kept)}
        left = [k for k, row in enumerate(self.rows) if row in place]
        return replace(
            self,
            models=tuple(self.models[k] for k in kept),
            scores=self.scores[:, kept],
            errors=self.errors[:, kept],
            draws=tuple(one.rows(left) for one in self.draws),
            rows=tuple(place[self.rows[k]] for k in left),
        )

    # -- on disk ------------------------------------------------------------------------------------------------------

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return all arrays by name; what draws share at all times is there once."""
        found = {"scores": self.scores, "errors": self.errors, "ceiling": self.ceiling}
        for time, draws in enumerate(self.draws):
            for name, values in _arrays(draws).items():
                if time == 0 or values is not getattr(self.draws[0], name):
                    found[f"{time}.{name}"] = values
        return {name: torch.from_numpy(_small(np.ascontiguousarray(own))) for name, own in found.items()}

    def facts(self) -> dict[str, Any]:
        """Return all else, as JSON-able values."""
        first = self.draws[0]
        return {
            "about": self.about.row(),
            "roi": self.roi,
            "times": [None if math.isnan(time) else time for time in self.times],
            "models": [asdict(one) for one in self.models],
            "subjects": self.subjects,
            "rows": self.rows,
            "draws": {f.name: getattr(first, f.name) for f in fields(first) if f.name not in _arrays(first)},
            "n_stimuli": self.n_stimuli,
            "n_targets": self.n_targets,
            "own_stimuli": self.own_stimuli,
        }

    @classmethod
    def read(cls, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> "PlaceScores":
        """Return what :meth:`tensors` and :meth:`facts` gave."""
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        first = {name.removeprefix("0."): _wide(own) for name, own in arrays.items() if name.startswith("0.")}
        draws = []
        for time in range(len(facts["times"])):
            start = f"{time}."
            own = {name.removeprefix(start): values for name, values in arrays.items() if name.startswith(start)}
            draws.append(ScoreDraws(**{**facts["draws"], **first, **(own if time else {})}))
        own_stimuli = facts["own_stimuli"]
        return cls(
            about=Description.from_row(facts["about"]),
            roi=facts["roi"],
            times=tuple(np.nan if time is None else time for time in facts["times"]),
            models=tuple(Model(**one) for one in facts["models"]),
            subjects=tuple(facts["subjects"]),
            scores=arrays["scores"],
            errors=arrays["errors"],
            ceiling=arrays["ceiling"],
            draws=tuple(draws),
            rows=tuple(facts["rows"]),
            n_stimuli=facts["n_stimuli"],
            n_targets=facts["n_targets"],
            own_stimuli=None if own_stimuli is None else tuple(own_stimuli),
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


def _arrays(draws: ScoreDraws) -> dict[str, np.ndarray]:
    """Return what of draws is an array."""
    found = {f.name: getattr(draws, f.name) for f in fields(draws)}
    return {name: value for name, value in found.items() if isinstance(value, np.ndarray)}


def _sharing(first: ScoreDraws, own: ScoreDraws) -> ScoreDraws:
    """Return draws that hold what is the same at every time, the samples of stimuli, where the first has them."""
    same = {
        name: getattr(first, name)
        for name in ("stimulus_counts", "subject_resamples")
        if np.array_equal(getattr(first, name), getattr(own, name))
    }
    return replace(own, **same)


def _is_lost(model: Model, lost: set[Lost]) -> bool:
    if model.role == LOW_LEVEL:
        return False
    whole = (model.rule, model.network, None) in lost
    return whole or (not model.final and (model.rule, model.network, model.step) in lost)


def _small(values: np.ndarray) -> np.ndarray:
    """Return counts in a byte each where they fit."""
    whole = values.dtype.kind == "i" and values.size and values.min() >= 0 and values.max() < 2**8
    return values.astype(np.uint8) if whole else values


def _wide(values: np.ndarray) -> np.ndarray:
    return values.astype(np.int64) if values.dtype == np.uint8 else values
