"""Scores as rows, and which networks are compared with which."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from brainalign import tables
from brainalign.alignment.scored import Scored
from brainalign.columns import COMPARED, LOW_LEVEL, OWN_START, UNTRAINED

#: What networks are, and their rule.
Population = tuple[str, str]


def cells_of(scored: Scored) -> dict[tuple[str, str], dict[Population, list[int]]]:
    """Return rows by (network, layer) and population, in the order of seeds, final instances only."""
    cells: dict[tuple[str, str], dict[Population, list[int]]] = {}
    order = sorted(range(scored.draws.n_models), key=lambda row: scored.models[row].seed or 0)
    for row in order:
        model = scored.models[row]
        if model.role != LOW_LEVEL:
            cells.setdefault((model.network, model.layer), {}).setdefault((model.role, model.rule), []).append(row)
    first = {(model.network, model.layer): model.layer_index for model in scored.models}
    return dict(sorted(cells.items(), key=lambda item: (item[0][0], first[item[0]])))


def score_table(scored: Sequence[Scored], dataset: str, simulated: bool) -> pd.DataFrame:
    """Return a row for each model, subject and time of one measure in one ROI, column by column."""
    first, n_times = scored[0], len(scored)
    n_models, n_subjects = len(first.models), len(first.subjects)
    names = {"checkpoint": "step"}
    of_models = ("role", "rule", "network", "seed", "checkpoint", "epoch", "layer", "layer_index", "final")
    by_model = {name: [getattr(model, names.get(name, name)) for model in first.models] for name in of_models}
    by_row = {name: np.tile(pd.Series(own).repeat(n_subjects).to_numpy(), n_times) for name, own in by_model.items()}
    sizes = first.own_stimuli or (first.n_stimuli,) * n_subjects
    per_time = n_models * n_subjects
    return tables.cast("alignment", pd.DataFrame({
        **by_row,
        "dataset": dataset,
        "roi": first.roi,
        "time": np.repeat([one.time for one in scored], per_time),
        "measure": first.measure,
        "subject": list(first.subjects) * n_models * n_times,
        "score": np.concatenate([one.scores.ravel() for one in scored]),
        "floor": np.concatenate([_floor(one) for one in scored]),
        "ceiling_lower": np.repeat([one.ceiling[0].mean() for one in scored], per_time),
        "ceiling_upper": np.repeat([one.ceiling[1].mean() for one in scored], per_time),
        "n_stimuli": list(sizes) * n_models * n_times,
        "n_targets": first.n_targets,
        "simulated": simulated,
    }))  # fmt: skip


def _floor(scored: Scored) -> np.ndarray:
    """Return the untrained control's mean score beside every score, ``(n_models * n_subjects,)``."""
    floors, none = _floors(scored), np.full(len(scored.subjects), np.nan)
    rows = [floors.get((one.network, one.layer, one.role, one.rule), none) for one in scored.models]
    return np.concatenate(rows)


def _floors(scored: Scored) -> dict[tuple[str, str, str, str], np.ndarray]:
    """Return the untrained control's mean score by network, layer, role and rule, ``(n_subjects,)``."""
    floors = {}
    for (network, layer), populations in cells_of(scored).items():
        controls = controls_of(populations)
        for role, rule in populations:
            control = controls.get(rule) if role in COMPARED else (role, rule)
            if control is not None:
                floors[network, layer, role, rule] = scored.draws.observed[populations[control]].mean(axis=0)
    return floors


def controls_of(populations: Collection[Population]) -> dict[str, Population]:
    """Return the untrained control of each trained rule: its own networks at the start where these are there."""
    untrained = next((one for one in populations if one[0] == UNTRAINED), None)
    found = {}
    for rule in (rule for role, rule in populations if role in COMPARED):
        control = (OWN_START, rule) if (OWN_START, rule) in populations else untrained
        if control is not None:
            found[rule] = control
    return found
