"""Scores of every layer of every network against one ROI, with their bootstrap."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from brainalign.alignment.instance import Instance
from brainalign.comparisons.comparators import compare_vectors
from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.response_ceiling import response_ceiling
from brainalign.comparisons.rsa import RSA
from brainalign.datasets.stimuli import positions
from brainalign.errors import DataError, LayerError, SpecError
from brainalign.inference.encoding_bootstrap import bootstrap_encoding
from brainalign.inference.rsa_bootstrap import bootstrap_rsa
from brainalign.inference.score_draws import ScoreDraws
from brainalign.rdms import RDMs, compute_rdms, match
from brainalign.recordings.recording import Recording
from brainalign.specs import ScoringSpec

LOW_LEVEL = "low_level"


@dataclass(frozen=True)
class Model:
    """One row of scores: a layer of an instance, or a low-level control."""

    rule: str
    network: str
    seed: int | None
    step: int | None
    epoch: float | None
    final: bool
    layer: str
    layer_index: int


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores against the subjects of one ROI.

    Parameters
    ----------
    measure
        Label of the comparison.
    models
        The rows: those with a bootstrap first, then ``earlier`` checkpoints.
    draws
        Scores and bootstrap of the first rows.
    earlier
        ``(n_earlier, n_subjects)`` scores of checkpoints before the last.
    subjects
        Names of the columns.
    n_stimuli, n_targets
        Sizes; targets are voxels or units of an encoding model, 0 for RSA.
    ceiling
        Lower and upper noise ceiling of each subject, ``(2, n_subjects)``; NaN where it cannot be estimated.
    """

    measure: str
    models: tuple[Model, ...]
    draws: ScoreDraws
    earlier: np.ndarray
    subjects: tuple[str, ...]
    n_stimuli: int
    n_targets: int
    ceiling: np.ndarray

    @property
    def scores(self) -> np.ndarray:
        """``(n_models, n_subjects)`` scores of all rows."""
        return np.concatenate([self.draws.observed, self.earlier])


def layers_of(instances: Sequence[Instance]) -> list[tuple[Model, np.ndarray, tuple[str, ...]]]:
    """Return every layer of every instance with its features and stimulus ids; final instances first."""
    ordered = sorted(instances, key=lambda one: not one.final)
    return [
        (
            Model(one.rule, one.network, one.seed, one.step, one.epoch, one.final, layer, index),
            features,
            one.activations.stimulus_ids,
        )
        for one in ordered
        for index, (layer, features) in enumerate(one.activations.layers.items())
    ]


def control(name: str) -> Model:
    """Return the row of a low-level control."""
    return Model(LOW_LEVEL, "-", None, None, None, True, name, 0)


def score_rsa(
    layers: Sequence[tuple[Model, RDMs]],
    brains: RDMs,
    scoring: ScoringSpec,
    nuisance: dict[str, RDMs] | None = None,
) -> Scored:
    """Score RDMs of layers against the RDMs of subjects, joined on stimulus ids.

    With ``nuisance``, those RDMs are taken out of the layers' RDMs first (semi-partial correlation), so that the noise
    ceiling stays what it is. A layer whose RDM is constant scores NaN.
    """
    vectors = np.concatenate([match(brains, rdm)[1].dissimilarities for _, rdm in layers])
    models = tuple(model for model, _ in layers)
    held = None
    measure = RSA(scoring.dissimilarity, scoring.comparator).label
    if nuisance:
        held = np.concatenate([match(brains, rdm)[1].dissimilarities for rdm in nuisance.values()])
        measure += f":semipartial:{'+'.join(nuisance)}"
    n_final = sum(model.final for model in models)
    draws = bootstrap_rsa(
        vectors[:n_final], brains.dissimilarities, scoring.comparator, scoring.n_bootstrap, scoring.seed, held
    )
    earlier = np.empty((0, len(brains)))
    if n_final < len(models) and held is None:
        earlier = _scores_of_earlier(vectors[n_final:], brains.dissimilarities, scoring.comparator)
    ceiling = np.full((2, len(brains)), np.nan)
    if draws.ceiling_lower_observed is not None and draws.ceiling_upper_observed is not None:
        ceiling = np.stack([draws.ceiling_lower_observed, draws.ceiling_upper_observed])
    subjects = brains.descriptors.get("subject", tuple(str(k + 1) for k in range(len(brains))))
    kept = models[: n_final + len(earlier)]
    return Scored(measure, kept, draws, earlier, tuple(subjects), len(brains.stimulus_ids), 0, ceiling)


def _scores_of_earlier(vectors: np.ndarray, brains: np.ndarray, comparator: str) -> np.ndarray:
    """Return ``(n_rows, n_subjects)`` scores; NaN, as in the bootstrap, where a collapsed layer orders nothing."""
    scores = np.full((len(vectors), len(brains)), np.nan)
    orders = vectors.max(axis=1) > vectors.min(axis=1)
    if orders.any():
        scores[orders] = compare_vectors(vectors[orders], brains, comparator)
    return scores


def score_encoding(
    layers: Sequence[tuple[Model, np.ndarray, tuple[str, ...]]],
    recordings: Sequence[Recording],
    roi: str,
    scoring: ScoringSpec,
) -> Scored:
    """Predict responses from layers by ridge regression, all subjects' channels in one fit per layer."""
    ids, responses, owners = _responses(recordings, roi)
    encoding = Encoding(seed=scoring.seed)
    predictions: list[np.ndarray] = []
    earlier: list[list[float]] = []
    for model, features, own_ids in layers:
        with _naming(model):
            fitted = encoding.score(features[positions(own_ids, ids, f"layer {model.layer}")], responses)
        if model.final:
            predictions.append(fitted.predictions)
        else:
            earlier.append([fitted.r[owners == k].mean() for k in range(len(recordings))])
    folds = encoding.folds(np.arange(len(ids)))
    parts = [
        bootstrap_encoding(
            np.stack([one[:, owners == k] for one in predictions]),
            responses[:, owners == k],
            folds,
            scoring.n_bootstrap,
            scoring.seed,
        )
        for k in range(len(recordings))
    ]
    draws = parts[0] if len(parts) == 1 else ScoreDraws.stack_subjects(parts, scoring.seed)
    models = tuple(model for model, *_ in layers)
    upper = [np.nanmean(c) if np.isfinite(c := response_ceiling(r, roi)).any() else np.nan for r in recordings]
    return Scored(
        f"{encoding.label}:r",
        models,
        draws,
        np.array(earlier).reshape(-1, len(recordings)),
        tuple(recording.subject for recording in recordings),
        len(ids),
        responses.shape[1],
        np.stack([np.full(len(recordings), np.nan), upper]),
    )


def _responses(recordings: Sequence[Recording], roi: str) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Return ids, responses of all subjects side by side ``(n_stimuli, n_targets)``, and each target's subject."""
    ids = recordings[0].average(roi)[0]
    parts, owners = [], []
    for k, recording in enumerate(recordings):
        if len(recording.times) > 1:
            msg = (
                f"Recording {recording.dataset}/{recording.subject} has {len(recording.times)} times; encoding expects "
                "one. Average over a time window first."
            )
            raise SpecError(msg)
        own, values = recording.average(roi)
        parts.append(values[positions(own, ids, f"{recording.dataset}/{recording.subject}"), :, 0])
        owners.append(np.full(parts[-1].shape[1], k))
    return ids, np.concatenate(parts, axis=1), np.concatenate(owners)


def layer_rdms(
    layers: Sequence[tuple[Model, np.ndarray, tuple[str, ...]]], dissimilarity: str
) -> list[tuple[Model, RDMs]]:
    """Return the RDM of every layer."""
    found = []
    for model, features, ids in layers:
        with _naming(model):
            found.append((model, compute_rdms(features, ids, dissimilarity)))
    return found


@contextmanager
def _naming(model: Model) -> Iterator[None]:
    """Say whose layer it is that cannot be scored."""
    try:
        yield
    except DataError as error:
        whose = f"Layer {model.layer!r} of rule {model.rule!r} on {model.network!r}, seed {model.seed}"
        msg = f"{whose}: {error} Train that rule otherwise, or leave it out."
        raise LayerError(msg, model.rule, model.network, None if model.final else model.step) from error
