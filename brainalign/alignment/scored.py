"""Scores of every layer of every network against one ROI, with their bootstrap."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from brainalign.alignment.instance import Instance
from brainalign.columns import LOW_LEVEL, OWN_START, TRAINED
from brainalign.comparisons.comparators import compare_vectors
from brainalign.comparisons.condensed import Condensed
from brainalign.comparisons.description import Description
from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.response_ceiling import response_ceiling
from brainalign.comparisons.rsa import RSA
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError, LayerError, SpecError
from brainalign.inference.condensed_pairs import align_pairs
from brainalign.inference.encoding_bootstrap import bootstrap_predictions
from brainalign.inference.resampling import draw_subjects
from brainalign.inference.rsa_bootstrap import bootstrap_pairs
from brainalign.inference.score_draws import ScoreDraws
from brainalign.patterns import Patterns
from brainalign.rdms import RDMs, by_subject, compute_rdms, match
from brainalign.recordings.joined import scored_ids
from brainalign.recordings.recording import Recording
from brainalign.specs import ScoringSpec


@dataclass(frozen=True)
class Model:
    """One row of scores: a layer of an instance, or a low-level control; ``role`` says what it is."""

    rule: str
    network: str
    seed: int | None
    step: int | None
    epoch: float | None
    final: bool
    layer: str
    layer_index: int
    role: str = TRAINED


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores against the subjects of one ROI.

    Parameters
    ----------
    about
        What the measure is.
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
    own_stimuli
        Number of stimuli of each subject where each was scored on its own, see :func:`side_by_side`.
    """

    about: Description
    models: tuple[Model, ...]
    draws: ScoreDraws
    earlier: np.ndarray
    subjects: tuple[str, ...]
    n_stimuli: int
    n_targets: int
    ceiling: np.ndarray
    own_stimuli: tuple[int, ...] | None = None

    @property
    def measure(self) -> str:
        """Name of the measure in tables."""
        return self.about.measure

    @property
    def scores(self) -> np.ndarray:
        """``(n_models, n_subjects)`` scores of all rows."""
        return np.concatenate([self.draws.observed, self.earlier])


def layers_of(instances: Sequence[Instance]) -> list[tuple[Model, np.ndarray, tuple[str, ...]]]:
    """Return every layer of every instance with its features and stimulus ids; final instances first."""
    ordered = sorted(instances, key=lambda one: not one.final)
    return [
        (
            Model(one.rule, one.network, one.seed, one.step, one.epoch, one.final, layer, index, one.role),
            features,
            one.activations.stimulus_ids,
        )
        for one in ordered
        for index, (layer, features) in enumerate(one.activations.layers.items())
    ]


def control(name: str) -> Model:
    """Return the row of a low-level control."""
    return Model(LOW_LEVEL, "-", None, None, None, True, name, 0, LOW_LEVEL)


def score_rsa(
    layers: Sequence[tuple[Model, RDMs]],
    brains: RDMs,
    scoring: ScoringSpec,
    nuisance: dict[str, RDMs] | None = None,
    stimuli: Stimuli | None = None,
) -> Scored:
    """Score RDMs of layers against the RDMs of subjects, joined on stimulus ids.

    With ``nuisance``, those RDMs are taken out of the layers' RDMs first (semi-partial correlation), so that the noise
    ceiling stays what it is. A layer whose RDM is constant scores NaN. ``stimuli`` say which of them belong together:
    those are drawn as one, and pairs of them are left out, for a picture is like itself to every layer and brain.
    Without ``stimuli`` each is one for itself.
    """
    brains = by_subject(brains)
    groups = None if stimuli is None else stimuli.groups_of(brains.stimulus_ids)
    rows, subject_rows = _between([rdm for _, rdm in layers], brains, groups), _between([brains], brains, groups)
    models = tuple(model for model, _ in layers)
    held = None
    measure = RSA(scoring.dissimilarity, scoring.comparator, tuple(nuisance or ()), semi=bool(nuisance))
    if nuisance:
        held = _between(list(nuisance.values()), brains, groups)
    n_final = sum(model.final for model in models)
    draws = bootstrap_pairs(
        rows.rows(slice(n_final)), subject_rows, scoring.comparator, scoring.n_bootstrap, scoring.seed, held, groups
    )
    earlier = np.empty((0, len(brains)))
    if n_final < len(models) and held is None:
        earlier = _scores_of_earlier(rows.rows(slice(n_final, None)), subject_rows, scoring.comparator)
    ceiling = np.full((2, len(brains)), np.nan)
    if draws.ceiling_lower_observed is not None and draws.ceiling_upper_observed is not None:
        ceiling = np.stack([draws.ceiling_lower_observed, draws.ceiling_upper_observed])
    subjects = brains.descriptors.get("subject", tuple(str(k + 1) for k in range(len(brains))))
    kept = models[: n_final + len(earlier)]
    return Scored(measure.describe(), kept, draws, earlier, tuple(subjects), len(brains.stimulus_ids), 0, ceiling)


def _between(rdms: Sequence[RDMs], brains: RDMs, groups: Sequence[int] | None) -> Condensed:
    """Return condensed RDMs in the stimulus order of ``brains``, with NaN, which is left out, within a group."""
    ordered = [match(brains, rdm)[1] for rdm in rdms]
    vectors = np.concatenate([rdm.dissimilarities for rdm in ordered])
    if groups is not None:
        first, second = np.triu_indices(len(groups), 1)
        codes = np.asarray(groups)
        vectors = np.where(codes[first] == codes[second], np.nan, vectors)
    return Condensed(vectors, np.concatenate([rdm.rounding for rdm in ordered]))


def _scores_of_earlier(models: Condensed, brains: Condensed, comparator: str) -> np.ndarray:
    """Return ``(n_rows, n_subjects)`` scores; NaN, as in the bootstrap, where a collapsed layer orders nothing."""
    (models, brains), *_ = align_pairs(models, brains)
    scores = np.full((len(models), len(brains)), np.nan)
    orders = ~models.constant
    if orders.any():
        rounding = models.rounding[orders], brains.rounding
        scores[orders] = compare_vectors(models.values[orders], brains.values, comparator, rounding)
    return scores


def score_encoding(
    layers: Sequence[tuple[Model, np.ndarray, tuple[str, ...]]],
    recordings: Sequence[Recording],
    roi: str,
    scoring: ScoringSpec,
    stimuli: Stimuli | None,
) -> Scored:
    """Predict responses from layers by ridge regression, all subjects' channels in one fit per layer.

    Parameters
    ----------
    layers
        Features of every layer, with the ids of their rows.
    recordings
        One per subject, over the same stimuli.
    roi
        Channels to predict.
    scoring
        How.
    stimuli
        Their order is that of folds and draws, so that the order of trials means nothing; those that belong together
        are kept in one fold and drawn as one. Without them the first subject's order counts, and each stimulus is one
        for itself.

    Raises
    ------
    StimulusMismatchError
        If subjects hold different stimuli, or a layer or ``stimuli`` lack one.
    SpecError
        If a recording has several times, or there are too few stimuli.
    DataError
        If values are not finite, or features or a response are constant.
    """
    ids, responses, owners = _responses(recordings, roi, stimuli)
    groups = None if stimuli is None else stimuli.groups_of(ids)
    by_id = None if groups is None else dict(zip(ids, groups, strict=True))
    brain = Patterns(responses, ids, "Responses")
    encoding = Encoding(seed=scoring.seed)
    predictions: list[np.ndarray] = []
    earlier: list[list[float]] = []
    for model, features, own_ids in layers:
        with _naming(model):
            fitted = encoding.score(Patterns(features, own_ids, f"Features of layer {model.layer}"), brain, by_id)
        if model.final:
            predictions.append(fitted.predictions)
        else:
            earlier.append([fitted.r[owners == k].mean() for k in range(len(recordings))])
    folds = encoding.folds(np.arange(len(ids)) if groups is None else groups)
    parts = [
        bootstrap_predictions(
            np.stack([one[:, owners == k] for one in predictions]),
            responses[:, owners == k],
            folds,
            scoring.n_bootstrap,
            scoring.seed,
            groups,
        )
        for k in range(len(recordings))
    ]
    draws = parts[0] if len(parts) == 1 else ScoreDraws.stack_subjects(parts, scoring.seed)
    models = tuple(model for model, *_ in layers)
    upper = [response_ceiling(recording, roi) for recording in recordings]
    return Scored(
        encoding.describe(),
        models,
        draws,
        np.array(earlier).reshape(-1, len(recordings)),
        tuple(recording.subject for recording in recordings),
        len(ids),
        responses.shape[1],
        np.stack([np.full(len(recordings), np.nan), upper]),
    )


def side_by_side(parts: Sequence[Scored], seed: int) -> Scored:
    """Return the scores of subjects that were scored each on stimuli of its own.

    Their draws are of different stimuli, so that there is no variance over stimuli that subjects share: stimuli must be
    held fixed in what is inferred. What differs between the stimuli of two subjects is then part of what differs
    between subjects. There is no noise ceiling over subjects.
    """
    fewest = min(parts, key=lambda part: part.draws.n_units).draws
    draws = replace(
        fewest,
        observed=np.concatenate([part.draws.observed for part in parts], axis=1),
        draws=np.concatenate([part.draws.draws for part in parts], axis=2),
        subject_resamples=draw_subjects(len(parts), fewest.n_draws, seed),
        ceiling_lower=None,
        ceiling_upper=None,
        ceiling_lower_observed=None,
        ceiling_upper_observed=None,
    )
    return Scored(
        parts[0].about,
        parts[0].models,
        draws,
        np.concatenate([part.earlier for part in parts], axis=1),
        tuple(subject for part in parts for subject in part.subjects),
        min(part.n_stimuli for part in parts),
        sum(part.n_targets for part in parts),
        np.concatenate([part.ceiling for part in parts], axis=1),
        tuple(part.n_stimuli for part in parts),
    )


def _responses(
    recordings: Sequence[Recording], roi: str, stimuli: Stimuli | None
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Return ids, responses of all subjects side by side ``(n_stimuli, n_targets)``, and each target's subject."""
    held = {one.subject: dict.fromkeys(one.stimulus_ids) for one in recordings}
    first = next(iter(held.values()))
    order = tuple(first) if stimuli is None else tuple(i for i in stimuli.ids if i in first)
    ids = scored_ids(held, order, "all", recordings[0].dataset)
    parts, owners = [], []
    for k, recording in enumerate(recordings):
        if len(recording.times) > 1:
            msg = (
                f"Recording {recording.dataset}/{recording.subject} has {len(recording.times)} times; encoding expects "
                "one. Average over a time window first: Recording.window(tmin, tmax)."
            )
            raise SpecError(msg)
        parts.append(recording.means(ids, roi=roi)[:, :, 0])
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
        when = " before its first step" if model.role == OWN_START else ""
        whose = f"Layer {model.layer!r} of rule {model.rule!r}{when} on {model.network!r}, seed {model.seed}"
        msg = f"{whose}: {error} Train that rule otherwise, or leave it out."
        step = None if model.final else model.step
        raise LayerError(msg, model.rule, model.network, step, model.role) from error
