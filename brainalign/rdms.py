"""Representational dissimilarity matrices, condensed and keyed by stimulus id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from brainalign.arrays import as_numbers
from brainalign.datasets.stimuli import checked_ids, positions
from brainalign.dissimilarities.dissimilarity import Dissimilarity, dissimilarity
from brainalign.dissimilarities.trials import Trials
from brainalign.errors import DataError, SpecError, StimulusMismatchError
from brainalign.rounding import STORED, is_constant
from brainalign.summary import Summarised, Summary, picture, some


@dataclass(frozen=True, eq=False)
class RDMs(Summarised):
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
    rounding
        ``(n_rdms,)`` rounding error of the dissimilarities of each RDM: values closer than that are tied. Default:
        what a chain of sums leaves of the largest one, 64 units in its last place.

    Raises
    ------
    StimulusMismatchError
        If ids repeat, or the number of pairs is not that of the ids.
    DataError
        If a dissimilarity is not finite, or a descriptor has not one value per RDM.

    Examples
    --------
    >>> import brainalign as ba, numpy as np
    >>> square = np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0.0]])
    >>> two = ba.RDMs.from_matrices([square, 2 * square], ("a", "b", "c"), "euclidean", {"subject": ("s1", "s2")})
    >>> two.dissimilarities.tolist()
    [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]
    >>> two.mean().matrices()[0].tolist()
    [[0.0, 1.5, 3.0], [1.5, 0.0, 4.5], [3.0, 4.5, 0.0]]
    >>> two.select(subject="s2").subset(("c", "a")).dissimilarities.tolist()
    [[4.0]]
    """

    dissimilarities: np.ndarray
    stimulus_ids: tuple[str, ...]
    measure: str
    descriptors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rounding: np.ndarray = None  # type: ignore[assignment]  # filled in below

    def __post_init__(self) -> None:
        numbers = np.asarray(as_numbers(self.dissimilarities, "Dissimilarities"), dtype=np.float64)
        object.__setattr__(self, "dissimilarities", numbers)
        object.__setattr__(self, "stimulus_ids", checked_ids(self.stimulus_ids, "RDMs"))
        object.__setattr__(self, "descriptors", {name: tuple(v) for name, v in self.descriptors.items()})
        n = len(self.stimulus_ids)
        shape = self.dissimilarities.shape
        if len(shape) != 2 or shape[1] != n * (n - 1) // 2:
            msg = (
                f"Dissimilarities have shape {shape}, expected (n_rdms, {n * (n - 1) // 2}) for {n} ids; "
                "give the upper triangles, or use RDMs.from_matrices."
            )
            raise StimulusMismatchError(msg)
        self._check_finite()
        stored = STORED * np.abs(self.dissimilarities).max(axis=1, initial=0.0)
        given = stored if self.rounding is None else np.asarray(self.rounding, dtype=np.float64)
        if given.shape != (len(self),) or not (np.isfinite(given) & (given >= 0)).all():
            msg = f"Rounding is {given.tolist()} for {len(self)} RDMs; expected one finite number >= 0 each."
            raise DataError(msg)
        object.__setattr__(self, "rounding", given)
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

    def summary(self) -> Summary:
        """Return how many there are, over which stimuli, and in HTML the mean of them."""
        n = len(self.stimulus_ids)
        facts = {"stimuli": some(self.stimulus_ids)}
        facts |= {name: some(dict.fromkeys(values)) for name, values in self.descriptors.items()}
        if not self.dissimilarities.size:
            return Summary(f"{len(self)} RDMs ({self.measure}), no pairs", facts)
        low, high = float(self.dissimilarities.min()), float(self.dissimilarities.max())
        facts["dissimilarities"] = f"{low:.3g} to {high:.3g}"
        mean = self.mean().matrices()[0]
        grey = np.round(255 * (mean - mean.min()) / ((mean.max() - mean.min()) or 1)).astype(np.uint8)
        step = -(-n // 240)
        title = f"{len(self)} {'RDM' if len(self) == 1 else 'RDMs'} of {n} stimuli ({self.measure})"
        return Summary(title, facts, picture(grey[::step, ::step]))

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
        return RDMs(
            dissimilarities=self.dissimilarities[:, pairs],
            stimulus_ids=tuple(ids),
            measure=self.measure,
            descriptors=self.descriptors,
            rounding=self.rounding,
        )

    def select(self, **descriptors: str | Sequence[str]) -> "RDMs":
        """Return the RDMs with these descriptors, e.g. ``subject=("s1", "s2")``.

        Raises
        ------
        DataError
            If there is no such descriptor, or no RDM with it.
        """
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
        return RDMs(
            dissimilarities=self.dissimilarities[chosen],
            stimulus_ids=self.stimulus_ids,
            measure=self.measure,
            descriptors=kept,
            rounding=self.rounding[chosen],
        )

    def mean(self) -> "RDMs":
        """Return the mean RDM as RDMs of length 1; descriptors stay where all RDMs agree."""
        shared = {name: values[:1] for name, values in self.descriptors.items() if len(set(values)) == 1}
        values = self.dissimilarities.mean(axis=0, keepdims=True)
        return RDMs(
            dissimilarities=values,
            stimulus_ids=self.stimulus_ids,
            measure=self.measure,
            descriptors=shared,
            rounding=self.rounding.max(keepdims=True, initial=0.0),
        )


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
    errors = np.concatenate([part.rounding for part in parts])
    return RDMs(
        dissimilarities=values,
        stimulus_ids=rdms[0].stimulus_ids,
        measure=measures[0],
        descriptors=descriptors,
        rounding=errors,
    )


def by_subject(rdms: RDMs) -> RDMs:
    """Return one RDM per subject: RDMs under one descriptor ``"subject"`` are averaged, in the order of first mention.

    RDMs without that descriptor stay, each as a subject of its own.
    """
    subjects = rdms.descriptors.get("subject")
    if subjects is None or len(set(subjects)) == len(subjects):
        return rdms
    return concatenate([rdms.select(subject=subject).mean() for subject in dict.fromkeys(subjects)])


def compute_rdms(
    features: Any,
    stimulus_ids: Sequence[str],
    measure: str = "correlation",
    descriptors: Mapping[str, Sequence[str]] | None = None,
    sets: bool = False,
) -> RDMs:
    """Return the RDM of a set of patterns, or of each of several.

    ``"correlation"``: ``1 - r(x_i, x_j)``. ``"cosine"``: ``1 - cos(x_i, x_j)``.
    ``"squared_euclidean"``: ``|x_i - x_j|^2 / n_features``, per feature as rsatoolbox has it; ``"euclidean"``: its
    root. All come from one Gram matrix in float64, accumulated over blocks of features.

    Parameters
    ----------
    features
        ``(n_stimuli, n_features)``, in the order of ``stimulus_ids``: an array, list, data frame or tensor.
    stimulus_ids
        Unique ids, length ``n_stimuli``.
    measure
        A dissimilarity: ``"correlation"``, ``"cosine"``, ``"squared_euclidean"``, ``"euclidean"``, or one of your own.
    descriptors
        Name to one value per RDM.
    sets
        Whether ``features`` are ``(n_sets, n_stimuli, n_features)``: one RDM for each set. It must be said, since a
        recording ``(n_stimuli, n_channels, n_times)`` has three axes, too.

    Raises
    ------
    SpecError
        If the measure is unknown.
    StimulusMismatchError
        If the number of patterns is not the number of ids.
    DataError
        If a pattern is not finite, has no features, or is constant (correlation) or zero (cosine).

    Examples
    --------
    >>> import brainalign as ba, numpy as np
    >>> rdm = ba.compute_rdms(np.eye(3), ("a", "b", "c"), "squared_euclidean")
    >>> rdm.dissimilarities.round(3).tolist()
    [[0.667, 0.667, 0.667]]
    """
    distance = dissimilarity(measure)
    ids = checked_ids(stimulus_ids, "RDMs")
    patterns = as_numbers(features, "Features")
    _check_shape(patterns.shape, len(ids), sets)
    parts = [_pairs(distance, one, ids) for one in (patterns if sets else patterns[None])]
    labels = {name: tuple(v) for name, v in (descriptors or {}).items()}
    values, rounding = np.stack([values for values, _ in parts]), np.array([error for _, error in parts])
    return RDMs(dissimilarities=values, stimulus_ids=ids, measure=measure, descriptors=labels, rounding=rounding)


def compute_trial_rdms(
    data: Any,
    trial_ids: Sequence[str],
    measure: str,
    runs: Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
    stimulus_ids: Sequence[str] | None = None,
) -> RDMs:
    """Return the RDM of trials, for dissimilarities that need more than the mean response to a stimulus.

    >>> import numpy as np
    >>> ids, runs = ["face", "house", "chair"] * 4, np.repeat(["1", "2", "3", "4"], 3)
    >>> data = np.random.default_rng(0).normal(size=(12, 5))
    >>> rdm = compute_trial_rdms(data, ids, "crossnobis", runs, {"noise": "univariate"})
    >>> rdm.dissimilarities.shape, bool((rdm.dissimilarities < 0).any())
    ((1, 3), True)

    Parameters
    ----------
    data
        ``(n_trials, n_channels)``.
    trial_ids
        ``(n_trials,)`` id of the stimulus of each trial.
    measure
        A dissimilarity, such as ``"crossnobis"``.
    runs
        ``(n_trials,)`` run of each trial; noise of different runs is independent.
    options
        Fields of the dissimilarity.
    stimulus_ids
        Which stimuli, in which order; all, in the order of first presentation, unless given.

    Raises
    ------
    SpecError
        If the measure or an option is unknown.
    StimulusMismatchError
        If there is not one id, and one run, for each trial.
    DataError
        If trials do not hold what the measure needs: repeats, runs.
    """
    distance = dissimilarity(measure, dict(options or {}))
    shown = checked_ids(trial_ids, "Trials", unique=False)
    trials = as_numbers(data, "Trials")
    if trials.ndim != 2 or len(trials) != len(shown) or (runs is not None and len(runs) != len(shown)):
        msg = (
            f"Trials have shape {trials.shape} for {len(shown)} ids and {len(shown) if runs is None else len(runs)} "
            "runs; expected (n_trials, n_channels), one id and one run each."
        )
        raise StimulusMismatchError(msg)
    if not np.isfinite(trials).all():
        row = int((~np.isfinite(trials).all(axis=1)).argmax())
        msg = f"Trial {row} (stimulus {shown[row]!r}) holds NaN or infinity, expected finite numbers; drop it."
        raise DataError(msg)
    ids = tuple(dict.fromkeys(shown)) if stimulus_ids is None else checked_ids(stimulus_ids, "RDMs")
    names = None if runs is None else [str(one) for one in runs]
    values, rounding = distance.of_trials(Trials.of(trials[:, :, None], shown, ids, names))
    return RDMs(dissimilarities=values, stimulus_ids=ids, measure=measure, descriptors={}, rounding=rounding)


def _check_shape(shape: tuple[int, ...], n_ids: int, sets: bool) -> None:
    expected = f"(n_sets, {n_ids}, n_features)" if sets else f"({n_ids}, n_features)"
    if len(shape) != 2 + sets or shape[-2] != n_ids:
        remedy = "give one pattern per id."
        if len(shape) == 3 and not sets:
            remedy = (
                f"join the last two axes with features.reshape({shape[0]}, -1), or say sets=True where the first axis "
                "holds sets of patterns."
            )
        msg = f"Features have shape {tuple(shape)}, expected {expected} for {n_ids} ids; {remedy}"
        raise StimulusMismatchError(msg)
    if 0 in shape:
        msg = f"Features have shape {tuple(shape)}, expected at least one stimulus and one feature; drop the empty set."
        raise DataError(msg)


def _pairs(distance: Dissimilarity, patterns: np.ndarray, ids: Sequence[str]) -> tuple[np.ndarray, float]:
    """Return the condensed dissimilarities ``(n_pairs,)`` of patterns ``(n, n_features)``, and their rounding error."""
    with np.errstate(invalid="ignore"):  # infinities of both signs, reported below
        sums = patterns.sum(axis=1, dtype=np.float64)
    if not np.isfinite(sums).all():
        row = int(np.flatnonzero(~np.isfinite(sums))[0])
        msg = f"Pattern of stimulus {ids[row]!r} holds NaN or infinity, expected finite features; drop it."
        raise DataError(msg)
    values, rounding = distance.pairs(patterns, ids)
    if is_constant(patterns[[0, -1]], axis=0).all() and is_constant(patterns, axis=0).all():
        # One pattern for all stimuli: what is left between them is the rounding of their own numbers.
        return np.zeros_like(values), rounding
    return values, rounding
