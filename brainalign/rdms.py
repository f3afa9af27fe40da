"""Representational dissimilarity matrices, condensed and keyed by stimulus id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from brainalign.datasets.stimuli import positions
from brainalign.errors import DataError, SpecError, StimulusMismatchError

#: Dissimilarities :func:`compute_rdms` knows.
MEASURES = ("correlation", "euclidean", "cosine")

# elements of one float64 block of features: 32 MB
_BLOCK = 2**22


@dataclass(frozen=True, eq=False)
class RDMs:
    """One or more RDMs over the same stimuli.

    Parameters
    ----------
    dissimilarities
        ``(n_rdms, n_pairs)``, the upper triangles in the order of :func:`scipy.spatial.distance.squareform`,
        float64.
    stimulus_ids
        Unique ids, length ``n_stimuli``, ``n_pairs = n_stimuli (n_stimuli - 1) / 2``.
    measure
        Name of the dissimilarity, e.g. ``"correlation"``.
    descriptors
        Name to one value per RDM, e.g. ``{"subject": ("s1", "s2")}``.

    Raises
    ------
    StimulusMismatchError
        If ids repeat, or the number of pairs is not that of the ids.
    DataError
        If a dissimilarity is not finite, or a descriptor has not one value per RDM.
    """

    dissimilarities: np.ndarray
    stimulus_ids: tuple[str, ...]
    measure: str
    descriptors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dissimilarities", np.asarray(self.dissimilarities, dtype=np.float64))
        object.__setattr__(self, "stimulus_ids", tuple(self.stimulus_ids))
        object.__setattr__(self, "descriptors", {name: tuple(v) for name, v in self.descriptors.items()})
        n = len(self.stimulus_ids)
        if len(set(self.stimulus_ids)) != n:
            repeated = sorted({i for i in self.stimulus_ids if self.stimulus_ids.count(i) > 1})[:3]
            msg = f"RDM ids must be unique, but {repeated} repeat; average repeats before computing RDMs."
            raise StimulusMismatchError(msg)
        shape = self.dissimilarities.shape
        if len(shape) != 2 or shape[1] != n * (n - 1) // 2:
            msg = (
                f"Dissimilarities have shape {shape}, expected (n_rdms, {n * (n - 1) // 2}) for {n} ids; "
                "give the upper triangles, or use RDMs.from_matrices."
            )
            raise StimulusMismatchError(msg)
        self._check_finite()
        for name, values in self.descriptors.items():
            if len(values) != len(self):
                msg = f"Descriptor {name!r} has {len(values)} values for {len(self)} RDMs; give one per RDM."
                raise DataError(msg)

    def _check_finite(self) -> None:
        bad = ~np.isfinite(self.dissimilarities)
        if bad.any():
            rdm, pair = np.argwhere(bad)[0]
            first, second = (int(side[pair]) for side in np.triu_indices(len(self.stimulus_ids), 1))
            msg = (
                f"RDM {rdm}: the dissimilarity of {self.stimulus_ids[first]!r} and "
                f"{self.stimulus_ids[second]!r} is {self.dissimilarities[rdm, pair]} ({int(bad.sum())} such "
                "values), expected finite numbers; subset to the stimuli that were measured."
            )
            raise DataError(msg)

    def __len__(self) -> int:
        return len(self.dissimilarities)

    @classmethod
    def from_matrices(
        cls,
        matrices: np.ndarray,
        stimulus_ids: Sequence[str],
        measure: str,
        descriptors: Mapping[str, Sequence[str]] | None = None,
    ) -> "RDMs":
        """Return RDMs of square matrices ``(n_rdms, n, n)`` or ``(n, n)``.

        One that is not symmetric with zero diagonal, to 1e-6 of its largest value, raises :class:`DataError`; one that
        is not square of the size of the ids raises :class:`StimulusMismatchError`.
        """
        matrices = np.asarray(matrices, dtype=np.float64)
        matrices = matrices[None] if matrices.ndim == 2 else matrices
        n = len(stimulus_ids)
        if matrices.ndim != 3 or matrices.shape[1:] != (n, n):
            msg = f"Matrices have shape {matrices.shape}, expected (n_rdms, {n}, {n}); give one id per row."
            raise StimulusMismatchError(msg)
        first, second = np.triu_indices(n, 1)
        upper, lower = matrices[:, first, second], matrices[:, second, first]
        labels = {name: tuple(values) for name, values in (descriptors or {}).items()}
        rdms = cls(upper, tuple(stimulus_ids), measure, labels)
        tolerance = 1e-6 * np.abs(upper).max(axis=1, initial=0.0)
        wrong = {
            "symmetric": ~(np.abs(upper - lower) <= tolerance[:, None]).all(axis=1),
            "zero on its diagonal": ~(np.abs(np.einsum("kii->ki", matrices)) <= tolerance[:, None]).all(axis=1),
        }
        for expectation, failing in wrong.items():
            if failing.any():
                msg = f"RDM {int(failing.argmax())} is not {expectation}; give whole dissimilarity matrices."
                raise DataError(msg)
        return rdms

    def matrices(self) -> np.ndarray:
        """Return the RDMs as symmetric matrices ``(n_rdms, n_stimuli, n_stimuli)`` with zero diagonal."""
        n = len(self.stimulus_ids)
        square = np.zeros((len(self), n, n))
        first, second = np.triu_indices(n, 1)
        square[:, first, second] = square[:, second, first] = self.dissimilarities
        return square

    def subset(self, ids: Sequence[str]) -> "RDMs":
        """Return the RDMs of the stimuli ``ids`` in that order; missing: :class:`StimulusMismatchError`."""
        rows = positions(self.stimulus_ids, ids, f"RDMs ({self.measure})")
        first, second = (rows[side] for side in np.triu_indices(len(rows), 1))
        low, high = np.minimum(first, second), np.maximum(first, second)
        # position of pair (i, j), i < j, in the condensed vector; a repeated id is refused on construction
        pairs = low * len(self.stimulus_ids) - low * (low + 1) // 2 + high - low - 1
        return RDMs(self.dissimilarities[:, pairs], tuple(ids), self.measure, self.descriptors)

    def select(self, **descriptors: str | Sequence[str]) -> "RDMs":
        """Return the RDMs with these descriptors, e.g. ``subject=("s1", "s2")``; none: :class:`DataError`."""
        keep = np.ones(len(self), dtype=bool)
        for name, wanted in descriptors.items():
            if name not in self.descriptors:
                known = ", ".join(self.descriptors) or "none"
                msg = f"RDMs have no descriptor {name!r}; choose one of {known}."
                raise DataError(msg)
            wanted = (wanted,) if isinstance(wanted, str) else tuple(wanted)
            keep &= np.array([value in wanted for value in self.descriptors[name]], dtype=bool)
        if not keep.any():
            values = "; ".join(f"{name}: {', '.join(sorted(set(self.descriptors[name])))}" for name in descriptors)
            msg = f"No RDM has {descriptors}; choose among {values}."
            raise DataError(msg)
        chosen = np.flatnonzero(keep)
        kept = {name: tuple(values[k] for k in chosen) for name, values in self.descriptors.items()}
        return RDMs(self.dissimilarities[chosen], self.stimulus_ids, self.measure, kept)

    def mean(self) -> "RDMs":
        """Return the mean RDM as RDMs of length 1; descriptors stay where all RDMs agree."""
        shared = {name: values[:1] for name, values in self.descriptors.items() if len(set(values)) == 1}
        return RDMs(self.dissimilarities.mean(axis=0, keepdims=True), self.stimulus_ids, self.measure, shared)


def match(a: RDMs, b: RDMs) -> tuple[RDMs, RDMs]:
    """Return ``a`` and ``b`` over the same stimuli in the order of ``a``.

    Raises :class:`StimulusMismatchError` unless they hold the same set of stimuli.
    """
    if a.stimulus_ids == b.stimulus_ids:
        return a, b
    held_a, held_b = set(a.stimulus_ids), set(b.stimulus_ids)
    only_a = [i for i in a.stimulus_ids if i not in held_b]
    only_b = [i for i in b.stimulus_ids if i not in held_a]
    if only_a or only_b:
        msg = (
            f"RDMs over {len(held_a)} and {len(held_b)} stimuli: {len(only_a)} are only in the first "
            f"({only_a[:3]} ...), {len(only_b)} only in the second ({only_b[:3]} ...); expected the same set. "
            "Subset both to the ids they share."
        )
        raise StimulusMismatchError(msg)
    return a, b.subset(a.stimulus_ids)


def concatenate(rdms: Sequence[RDMs]) -> RDMs:
    """Return the RDMs of all parts, in the stimulus order of the first; descriptors stay that all parts have.

    Measures that differ raise :class:`SpecError`, stimuli that differ :class:`StimulusMismatchError`.
    """
    measures = list(dict.fromkeys(part.measure for part in rdms))
    if len(measures) != 1:
        msg = f"Cannot concatenate RDMs with measures {measures}, expected one; compute all with one measure."
        raise SpecError(msg)
    parts = [match(rdms[0], part)[1] for part in rdms]
    names = [name for name in rdms[0].descriptors if all(name in part.descriptors for part in rdms)]
    descriptors = {name: tuple(v for part in rdms for v in part.descriptors[name]) for name in names}
    values = np.concatenate([part.dissimilarities for part in parts])
    return RDMs(values, rdms[0].stimulus_ids, measures[0], descriptors)


def compute_rdms(
    features: np.ndarray | torch.Tensor,
    stimulus_ids: Sequence[str],
    measure: str = "correlation",
    descriptors: Mapping[str, Sequence[str]] | None = None,
) -> RDMs:
    """Return the RDM of each set of patterns.

    ``"correlation"``: ``1 - r(x_i, x_j)``. ``"cosine"``: ``1 - cos(x_i, x_j)``. ``"euclidean"``:
    ``|x_i - x_j|^2 / n_features``, squared and per feature, the convention of rsatoolbox. All come from one
    Gram matrix in float64, accumulated over blocks of features.

    Parameters
    ----------
    features
        ``(n_stimuli, n_features)`` or ``(n_sets, n_stimuli, n_features)``, in the order of ``stimulus_ids``.
    stimulus_ids
        Unique ids, length ``n_stimuli``.
    measure
        One of :data:`MEASURES`.
    descriptors
        Name to one value per set.

    Raises
    ------
    SpecError
        If the measure is unknown.
    StimulusMismatchError
        If the number of patterns is not the number of ids.
    DataError
        If a pattern is not finite, or is constant (correlation) or zero (cosine).
    """
    if measure not in MEASURES:
        msg = f"Unknown dissimilarity {measure!r}. Choose one of: {', '.join(MEASURES)}."
        raise SpecError(msg)
    if isinstance(features, torch.Tensor):
        features = features.detach().cpu()
        features = (features.float() if features.dtype == torch.bfloat16 else features).numpy()
    sets = features[None] if features.ndim == 2 else features
    if sets.ndim != 3 or sets.shape[1] != len(stimulus_ids):
        msg = (
            f"Features have shape {tuple(features.shape)}, expected ([n_sets,] {len(stimulus_ids)}, n_features); "
            "give one pattern per id."
        )
        raise StimulusMismatchError(msg)
    values = np.stack([_dissimilarities(patterns, stimulus_ids, measure) for patterns in sets])
    labels = {name: tuple(v) for name, v in (descriptors or {}).items()}
    return RDMs(values, tuple(stimulus_ids), measure, labels)


def gram(features: np.ndarray, shift: np.ndarray | None = None, columns: bool = False) -> np.ndarray:
    """Return ``X X'`` in float64, ``(n, n)``, without a float64 copy of ``X``.

    ``features`` are ``(n, n_features)`` of any real type; ``shift`` ``(n,)`` is subtracted from each row; ``columns``
    subtracts the mean of each column, so that large common means cost no precision.
    """
    n, width = len(features), max(1, _BLOCK // max(1, len(features)))
    total = np.zeros((n, n))
    for start in range(0, features.shape[1], width):
        block = features[:, start : start + width].astype(np.float64)
        if shift is not None:
            block -= shift[:, None]
        if columns:
            block -= block.mean(axis=0)
        total += block @ block.T
    return total


def _dissimilarities(patterns: np.ndarray, ids: Sequence[str], measure: str) -> np.ndarray:
    """Return the condensed dissimilarities ``(n_pairs,)`` of patterns ``(n, n_features)``."""
    with np.errstate(invalid="ignore"):  # infinities of both signs, reported below
        sums = patterns.sum(axis=1, dtype=np.float64)
    if not np.isfinite(sums).all():
        row = int(np.flatnonzero(~np.isfinite(sums))[0])
        msg = f"Pattern of stimulus {ids[row]!r} holds NaN or infinity, expected finite features; drop it."
        raise DataError(msg)
    if measure == "correlation":
        _refuse(patterns.max(axis=1) == patterns.min(axis=1), ids, "constant", measure)
    product = gram(
        patterns,
        shift=sums / patterns.shape[1] if measure == "correlation" else None,
        columns=measure == "euclidean",
    )
    squares = np.diagonal(product).copy()
    first, second = np.triu_indices(len(ids), 1)
    if measure == "euclidean":
        distances = (squares[first] + squares[second] - 2 * product[first, second]) / patterns.shape[1]
    else:
        _refuse(squares == 0, ids, "zero", measure)
        norms = np.sqrt(squares)
        distances = 1 - product[first, second] / norms[first] / norms[second]
    # none of the measures can be negative: what is below 0 is rounding
    return np.maximum(distances, 0.0)


def _refuse(bad: np.ndarray, ids: Sequence[str], what: str, measure: str) -> None:
    if bad.any():
        msg = (
            f"Pattern of stimulus {ids[int(bad.argmax())]!r} is {what} ({int(bad.sum())} of {len(ids)} are) and "
            f"has no {measure} distance; drop the stimulus or use measure 'euclidean'."
        )
        raise DataError(msg)
