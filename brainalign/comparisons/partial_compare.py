"""Partial correlation of RDMs: what a model and a brain share beside what nuisance RDMs hold."""

from collections.abc import Sequence

import numpy as np

from brainalign.comparisons.comparators import check_comparator, compare
from brainalign.condensed import Condensed, unit
from brainalign.errors import DataError, SpecError
from brainalign.rdms import RDMs, match
from brainalign.resampling.condensed_pairs import PARTIAL
from brainalign.whitening import whitened


def partial_compare(
    models: RDMs, brains: RDMs, nuisance: Sequence[RDMs], method: str, semi: bool = False
) -> np.ndarray:
    """Return the partial correlations ``(n_models, n_brains)`` given nuisance RDMs.

    Both sides are regressed on the nuisance RDMs and an intercept, and the residuals are correlated; for
    ``"spearman"`` everything is ranked first. The result equals the correlation where there is no nuisance RDM.

    Parameters
    ----------
    models, brains, nuisance
        RDMs over the same stimuli, in any order.
    method
        ``"corr"``, ``"spearman"`` or ``"corr_cov"``.
    semi
        Regress the models only.

    Raises
    ------
    SpecError
        If the method has no partial form.
    StimulusMismatchError
        If stimuli differ.
    DataError
        If an RDM is constant, or is a linear function of the nuisance RDMs, so that nothing is left to compare.
    """
    check_partial(method)
    if len(nuisance) == 0:
        return compare(models, brains, method)
    model, brain = (
        _centred([match(models, side)[1]], which, method) for side, which in ((models, "model"), (brains, "brain"))
    )
    held = _centred([match(models, side)[1] for side in nuisance], "nuisance", method)
    _, values, axes = np.linalg.svd(held / np.linalg.norm(held, axis=1, keepdims=True), full_matrices=False)
    # nuisance RDMs that repeat each other span fewer directions than there are RDMs
    basis = axes[values > 1e-10 * values[0]]
    first = unit(_residual(model, basis, "model"), "model")
    second = unit(brain if semi else _residual(brain, basis, "brain"), "brain")
    return first @ second.T


def _centred(rdms: Sequence[RDMs], which: str, method: str) -> np.ndarray:
    """Return dissimilarities minus their means: ranked for ``"spearman"``, whitened for ``"corr_cov"``."""
    rows = Condensed.of_all(rdms)
    if method == "corr_cov":
        return whitened(rows.centred(which), len(rdms[0].stimulus_ids))
    return rows.centred_ranks(which) if method == "spearman" else rows.centred(which)


def _residual(vectors: np.ndarray, basis: np.ndarray, which: str) -> np.ndarray:
    residual = vectors - (vectors @ basis.T) @ basis
    explained = np.linalg.norm(residual, axis=1) <= 1e-9 * np.linalg.norm(vectors, axis=1)
    if explained.any():
        msg = (
            f"RDM {int(explained.argmax())} of the {which} RDMs is a linear function of the nuisance RDMs, expected "
            "more than they hold; leave it out of `partial`, or score it without."
        )
        raise DataError(msg)
    return residual


def check_partial(method: str) -> None:
    """Raise :class:`SpecError` for a comparator that has no partial form."""
    check_comparator(method)
    if method not in PARTIAL:
        msg = f"Comparator {method!r} has no partial form. Choose one of: {', '.join(PARTIAL)}, or set partial = []."
        raise SpecError(msg)
