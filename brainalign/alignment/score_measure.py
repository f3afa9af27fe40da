"""One measure of every layer against one ROI of a recording, the low-level controls beside them."""

from collections.abc import Sequence

import numpy as np

from brainalign.alignment.brain import Brain
from brainalign.alignment.scored import (
    Model,
    Scored,
    control,
    layer_rdms,
    score_encoding,
    score_rsa,
    side_by_side,
)
from brainalign.comparisons.comparison import comparisons
from brainalign.comparisons.description import PREDICTION
from brainalign.comparisons.rsa import RSA
from brainalign.datasets.stimuli import positions
from brainalign.low_level import low_level_features, low_level_rdms
from brainalign.rdms import RDMs
from brainalign.specs import ScoringSpec


def score_measure(
    measure: str,
    layers: Sequence[tuple[Model, np.ndarray, tuple[str, ...]]],
    brain: Brain,
    roi: str,
    scoring: ScoringSpec,
    resolution: tuple[int, int],
) -> list[Scored]:
    """Return the scores of a measure, and of its semi-partial form where controls are to be taken out.

    Parameters
    ----------
    measure
        Name of a comparison.
    layers
        Features of every layer with the ids of their rows, final instances first.
    brain
        The recordings.
    roi
        Which of their ROIs.
    scoring
        How.
    resolution
        Height and width at which the low-level controls see the stimuli.

    Raises
    ------
    StimulusMismatchError
        If networks did not see the stimuli on which the recording is scored.
    """
    ids = brain.scored(measure, roi)
    layers = [_over(brain, ids, *layer) for layer in layers]
    stimuli = brain.stimuli if ids == brain.stimuli.ids else brain.stimuli.subset(ids)
    n_final = sum(model.final for model, *_ in layers)
    if comparisons()[measure].kind == PREDICTION:
        controls = low_level_features(stimuli, resolution) if scoring.low_level else {}
        rows = [(control(name), features, stimuli.ids) for name, features in controls.items()]
        return [_encoding([*layers[:n_final], *rows, *layers[n_final:]], brain, roi, scoring)]
    RSA(scoring.dissimilarity, scoring.comparator)  # refuses unknown options before any work
    wanted = scoring.low_level or scoring.partial
    controls_rdms = low_level_rdms(stimuli, resolution, scoring.dissimilarity) if wanted else {}
    rdms = layer_rdms(layers, scoring.dissimilarity)
    shown = [(control(name), rdm) for name, rdm in controls_rdms.items()] if scoring.low_level else []
    found = [_rsa([*rdms[:n_final], *shown, *rdms[n_final:]], brain, roi, scoring)]
    if scoring.partial:
        held = {name: controls_rdms[name] for name in scoring.partial}
        found.append(_rsa(rdms[:n_final], brain, roi, scoring, held))
    return found


def _over(
    brain: Brain, ids: tuple[str, ...], model: Model, features: np.ndarray, own: tuple[str, ...]
) -> tuple[Model, np.ndarray, tuple[str, ...]]:
    """Return a layer over the stimuli that are scored; it stays as it is where these are all it was shown."""
    brain.check_shown(own, ids)
    if len(own) == len(ids):
        return model, features, own
    return model, features[positions(own, ids, f"layer {model.layer}")], ids


def _encoding(
    layers: Sequence[tuple[Model, np.ndarray, tuple[str, ...]]], brain: Brain, roi: str, scoring: ScoringSpec
) -> Scored:
    if not brain.apart:
        return score_encoding(layers, brain.recordings, roi, scoring, brain.stimuli)
    parts = [score_encoding(layers, [one], roi, scoring, brain.stimuli) for one in brain.recordings]
    return side_by_side(parts, scoring.seed)


def _rsa(
    layers: Sequence[tuple[Model, RDMs]],
    brain: Brain,
    roi: str,
    scoring: ScoringSpec,
    nuisance: dict[str, RDMs] | None = None,
) -> Scored:
    parts = []
    for brains in (rdms := brain.rdms(roi)):
        over = [(model, _subset(rdm, brains)) for model, rdm in layers]
        held = {name: _subset(rdm, brains) for name, rdm in nuisance.items()} if nuisance else None
        parts.append(score_rsa(over, brains, scoring, held, brain.stimuli))
    return parts[0] if len(rdms) == 1 else side_by_side(parts, scoring.seed)


def _subset(rdm: RDMs, brains: RDMs) -> RDMs:
    return rdm if len(rdm.stimulus_ids) == len(brains.stimulus_ids) else rdm.subset(brains.stimulus_ids)
