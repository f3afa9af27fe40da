"""Scores as rows, and which networks are compared with which."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from brainalign import tables
from brainalign.alignment.place_scores import PlaceScores, Population
from brainalign.columns import OWN_START, UNTRAINED
from brainalign.inference.scope import MIN_RANDOM_STIMULI
from brainalign.roles import COMPARED

_LEVEL = 0.95


def score_table(place: PlaceScores, dataset: str, simulated: bool) -> pd.DataFrame:
    """Return a row for each model, subject and time of one measure in one ROI, column by column."""
    n_models, n_subjects, n_times = len(place.models), len(place.subjects), len(place.times)
    names = {"checkpoint": "step"}
    of_models = ("role", "rule", "network", "seed", "checkpoint", "epoch", "layer", "layer_index", "final")
    by_model = {name: [getattr(model, names.get(name, name)) for model in place.models] for name in of_models}
    by_row = {name: np.tile(pd.Series(own).repeat(n_subjects).to_numpy(), n_times) for name, own in by_model.items()}
    sizes = place.own_stimuli or (place.n_stimuli,) * n_subjects
    per_time = n_models * n_subjects
    scores, ceilings = place.scores.ravel(), np.repeat(place.ceiling.mean(axis=2), per_time, axis=0)
    return tables.cast("alignment", pd.DataFrame({
        **by_row,
        "dataset": dataset,
        "roi": place.roi,
        "time": np.repeat(place.times, per_time),
        "measure": place.measure,
        "subject": list(place.subjects) * n_models * n_times,
        "score": scores,
        **_intervals(place),
        "floor": _floors(place).ravel(),
        "ceiling_lower": ceilings[:, 0],
        "ceiling_upper": ceilings[:, 1],
        "normalised": _normalised(scores, *ceilings.T),
        "n_stimuli": list(sizes) * n_models * n_times,
        "n_targets": place.n_targets,
        "simulated": simulated,
    }))  # fmt: skip


def _intervals(place: PlaceScores) -> dict[str, object]:
    """Return standard errors and intervals of scores over stimuli, and their scope."""
    from scipy.special import stdtrit

    rest = place.draws[0]
    errors = place.errors if rest.n_units >= MIN_RANDOM_STIMULI else np.full_like(place.errors, np.nan)
    half = float(stdtrit(rest.n_units - rest.n_strata, 0.5 + _LEVEL / 2)) * errors
    scope = np.where(np.isnan(errors), "none", "stimuli").ravel()
    low, high = place.scores - half, place.scores + half
    return {"se": errors.ravel(), "ci_low": low.ravel(), "ci_high": high.ravel(), "scope": scope}


def _normalised(scores: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Return scores as shares of the lower noise ceiling, or of the upper one where a measure has only that."""
    ceiling = np.where(np.isnan(lower), upper, lower)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(ceiling > 0, scores / ceiling, np.nan)


def _floors(place: PlaceScores) -> np.ndarray:
    """Return the untrained control's mean score beside every score, ``(n_times, n_models, n_subjects)``."""
    found = {}
    for (network, layer), populations in place.cells.items():
        controls = controls_of(populations)
        for role, rule in populations:
            control = controls.get(rule) if role in COMPARED else (role, rule)
            if control is not None:
                found[network, layer, role, rule] = place.scores[:, populations[control]].mean(axis=1)
    none = np.full((len(place.times), len(place.subjects)), np.nan)
    rows = [found.get((one.network, one.layer, one.role, one.rule), none) for one in place.models]
    return np.stack(rows, axis=1)


def controls_of(populations: Collection[Population]) -> dict[str, Population]:
    """Return the untrained control of each trained rule: its own networks at the start where these are there."""
    untrained = next((one for one in populations if one[0] == UNTRAINED), None)
    found = {}
    for rule in (rule for role, rule in populations if role in COMPARED):
        control = (OWN_START, rule) if (OWN_START, rule) in populations else untrained
        if control is not None:
            found[rule] = control
    return found
