"""Representational similarity analysis: how alike the geometries of a layer and a brain are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from brainalign.comparisons.comparators import centred, check_comparator, compare, compare_vectors, corr, ranks
from brainalign.comparisons.comparison import Comparison
from brainalign.errors import DataError, SpecError
from brainalign.rdms import MEASURES, RDMs, compute_rdms, match

_PARTIAL = ("corr", "spearman")


@dataclass(frozen=True)
class RSA(Comparison):
    """Compare the RDM of a layer with the RDMs of brains (Kriegeskorte et al. 2008, Front Syst Neurosci 2:4).

    Parameters
    ----------
    dissimilarity
        Of the layer's patterns: ``"correlation"``, ``"euclidean"`` (squared) or ``"cosine"``.
    comparator
        ``"corr"``, ``"cosine"``, ``"spearman"``, ``"rho-a"`` or ``"tau-a"``.
    partial
        Names of RDMs held constant, e.g. ``("pixels",)``; then the score is a partial correlation.

    Raises
    ------
    SpecError
        If an option is unknown, or ``partial`` is asked of a comparator that is not ``"corr"`` or ``"spearman"``.
    """

    name: ClassVar[str] = "rsa"

    dissimilarity: str = "correlation"
    comparator: str = "spearman"
    partial: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.dissimilarity not in MEASURES:
            msg = f"Unknown dissimilarity {self.dissimilarity!r}. Choose one of: {', '.join(MEASURES)}."
            raise SpecError(msg)
        check_comparator(self.comparator)
        if self.partial:
            _check_partial(self.comparator)

    @property
    def label(self) -> str:
        """``rsa:<dissimilarity>:<comparator>``, then ``|`` and the RDMs held constant, if any."""
        held = f"|{'+'.join(self.partial)}" if self.partial else ""
        return f"{self.name}:{self.dissimilarity}:{self.comparator}{held}"

    def rdms(self, features: np.ndarray | torch.Tensor, stimulus_ids: Sequence[str]) -> RDMs:
        """Return the RDMs of ``([n_sets,] n_stimuli, n_features)`` in this measure's dissimilarity."""
        return compute_rdms(features, stimulus_ids, self.dissimilarity)

    def score(self, features: RDMs, responses: RDMs, nuisance: Mapping[str, RDMs] | None = None) -> np.ndarray:
        """Return the score of every layer RDM against every brain RDM, ``(n_layers, n_brains)``.

        Parameters
        ----------
        features
            RDMs of layers, see :meth:`rdms`.
        responses
            RDMs of brains over the same stimuli, in any order.
        nuisance
            RDMs by name; those named in ``partial`` are used, one RDM each.

        Raises
        ------
        SpecError
            If an RDM named in ``partial`` is missing or is not one RDM.
        StimulusMismatchError
            If stimuli differ.
        DataError
            If an RDM is constant or explained by the nuisance RDMs.
        """
        if not self.partial:
            return compare(features, responses, self.comparator)
        features, responses = match(features, responses)
        held = self.nuisance_vectors(features, nuisance or {})
        return partial_compare(features.dissimilarities, responses.dissimilarities, held, self.comparator)

    def nuisance_vectors(self, reference: RDMs, nuisance: Mapping[str, RDMs]) -> np.ndarray:
        """Return the RDMs named in ``partial``, ``(n_partial, n_pairs)``, in the stimulus order of ``reference``."""
        vectors = [np.empty((0, reference.dissimilarities.shape[1]))]
        for name in self.partial:
            if name not in nuisance or len(nuisance[name]) != 1:
                found = len(nuisance[name]) if name in nuisance else 0
                known = ", ".join(nuisance) or "none"
                msg = f"{self.label} found {found} RDMs named {name!r}, expected one; nuisance RDMs given: {known}."
                raise SpecError(msg)
            vectors.append(match(reference, nuisance[name])[1].dissimilarities)
        return np.concatenate(vectors)


def partial_compare(models: np.ndarray, brains: np.ndarray, nuisance: np.ndarray, method: str) -> np.ndarray:
    """Return the partial correlations ``(n_models, n_brains)`` given nuisance RDMs.

    Both sides are regressed on the nuisance RDMs and an intercept, and the residuals are correlated; for
    ``"spearman"`` everything is ranked first. The result equals the correlation where there is no nuisance RDM.

    Parameters
    ----------
    models, brains, nuisance
        ``(n_models, n_pairs)``, ``(n_brains, n_pairs)``, ``(n_nuisance, n_pairs)`` over the same pairs.
    method
        ``"corr"`` or ``"spearman"``.

    Raises
    ------
    SpecError
        If the method has no partial form.
    DataError
        If an RDM is constant, or is a linear function of the nuisance RDMs, so that nothing is left to compare.
    """
    _check_partial(method)
    if len(nuisance) == 0:
        return compare_vectors(models, brains, method)
    sides = [np.atleast_2d(np.asarray(side, dtype=np.float64)) for side in (models, brains, nuisance)]
    if method == "spearman":
        sides = [ranks(side) for side in sides]
    model, brain, held = (
        centred(side, which) for side, which in zip(sides, ("model", "brain", "nuisance"), strict=True)
    )
    _, values, axes = np.linalg.svd(held / np.linalg.norm(held, axis=1, keepdims=True), full_matrices=False)
    # nuisance RDMs that repeat each other span fewer directions than there are RDMs
    basis = axes[values > 1e-10 * values[0]]
    return corr(_residual(model, basis, "model"), _residual(brain, basis, "brain"))


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


def _check_partial(method: str) -> None:
    check_comparator(method)
    if method not in _PARTIAL:
        msg = f"Comparator {method!r} has no partial form. Choose one of: {', '.join(_PARTIAL)}, or set partial = []."
        raise SpecError(msg)
