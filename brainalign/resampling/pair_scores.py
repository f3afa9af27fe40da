"""Scores of weighted RDMs, and how they follow from weighted second moments."""

from dataclasses import dataclass

import numpy as np

#: A variance below this share of the RDM's own is rounding error of a constant RDM, not variation
CONSTANT = 1e-10


@dataclass(frozen=True, eq=False)
class PairScores:
    """Scores ``(n_draws, n_models, n_subjects)`` and noise ceilings ``(n_draws, n_subjects)`` or ``None``."""

    scores: np.ndarray
    lower: np.ndarray | None
    upper: np.ndarray | None


def semi_partial(cross: np.ndarray, squares_left: np.ndarray, squares_right: np.ndarray, n_nuisance: int) -> np.ndarray:
    """Return correlations of models, cleared of nuisance, with subjects.

    Equation: ``r = (c_ms - c_mz C_zz^-1 c_zs) / sqrt((c_mm - c_mz C_zz^-1 c_zm) c_ss)``: the semi-partial
    correlation. Only the model is residualised, so that the score stays below the subjects' noise ceiling.

    Parameters
    ----------
    cross
        ``(..., n_models + n_nuisance, n_subjects + n_nuisance)`` co-moments.
    squares_left, squares_right
        ``(..., n_models + n_nuisance)`` and ``(..., n_subjects + n_nuisance)`` second moments.
    n_nuisance
        Number of nuisance RDMs, the last rows and columns.

    Returns
    -------
    numpy.ndarray
        ``(..., n_models, n_subjects)``, NaN where a model or a subject does not vary.
    """
    n_models, n_subjects = cross.shape[-2] - n_nuisance, cross.shape[-1] - n_nuisance
    scores = cross[..., :n_models, :n_subjects]
    model_squares, subject_squares = squares_left[..., :n_models], squares_right[..., :n_subjects]
    floor = CONSTANT * np.maximum(1.0, model_squares)
    if n_nuisance:
        with_nuisance = cross[..., :n_models, n_subjects:]
        among_nuisance = np.nan_to_num(cross[..., n_models:, n_subjects:])
        fitted = with_nuisance @ np.linalg.pinv(among_nuisance, hermitian=True)
        scores = scores - fitted @ cross[..., n_models:, :n_subjects]
        model_squares = model_squares - (fitted * with_nuisance).sum(axis=-1)
    model_squares = np.where(model_squares > floor, model_squares, np.nan)
    subject_squares = np.where(subject_squares > CONSTANT, subject_squares, np.nan)
    return scores / np.sqrt(model_squares[..., :, None] * subject_squares[..., None, :])


def group_ceilings(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper noise ceiling of cosine or correlation from the subjects' co-moments.

    The pool that maximises the mean score is the mean of unit-norm (cosine) or z-scored (correlation) RDMs
    (Nili et al. 2014, PLOS Comput Biol 10:e1003553). With ``R`` the subjects' similarity and ``q = R 1``, the
    upper ceiling of subject s is ``q_s / sqrt(1'R1)``, the lower ``(q_s - 1) / sqrt(1'R1 - 2 q_s + 1)``.

    Parameters
    ----------
    gram
        ``(..., n_subjects, n_subjects)`` weighted co-moments, ``n_subjects >= 2``.

    Returns
    -------
    lower, upper
        ``(..., n_subjects)``.
    """
    squares = np.diagonal(gram, axis1=-2, axis2=-1)
    size = np.sqrt(np.where(squares > CONSTANT, squares, np.nan))
    similarity = gram / (size[..., :, None] * size[..., None, :])
    rows = similarity.sum(axis=-1)
    total = rows.sum(axis=-1, keepdims=True)
    rest = total - 2 * rows + 1
    upper = rows / np.sqrt(np.where(total > CONSTANT, total, np.nan))
    lower = (rows - 1) / np.sqrt(np.where(rest > CONSTANT, rest, np.nan))
    return lower, upper
