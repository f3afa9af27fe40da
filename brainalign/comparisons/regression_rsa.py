"""Regression RSA: what a layer's RDM explains of a brain's RDM that RDMs of low-level features do not."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np

from brainalign.comparisons.beside_controls import check_controls, in_words
from brainalign.comparisons.comparison import Comparison
from brainalign.comparisons.description import GEOMETRY, Description
from brainalign.comparisons.nuisance import NUISANCES
from brainalign.comparisons.prepared import Prepared
from brainalign.comparisons.rdm_regression import METHODS, RDMRegression
from brainalign.comparisons.rsa import RSA
from brainalign.condensed import Condensed
from brainalign.errors import SpecError
from brainalign.patterns import Patterns
from brainalign.rdms import RDMs
from brainalign.recordings.brain import Brain
from brainalign.resampling.condensed_pairs import WHITENED, check_each_pair, pair_weights
from brainalign.resampling.draw_units import draw_stimuli, draw_subjects
from brainalign.resampling.left_out import units_of
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.resampling.weighted_ranks import WeightedRanks
from brainalign.specs import ScoringSpec
from brainalign.whitening import whitened

_JOZWIK = (
    "Jozwik KM, Kriegeskorte N, Storrs KR, Mur M (2017). Deep convolutional neural networks outperform feature-based "
    "but not categorical models in explaining object similarity judgments. Frontiers in Psychology 8:1726. "
    "doi:10.3389/fpsyg.2017.01726"
)


@dataclass(frozen=True)
class RegressionRSA(Comparison):
    """``R2(layer and controls) - R2(controls)`` of a brain's RDM regressed on RDMs, with an intercept.

    Weights are not negative unless asked otherwise: distances add. The regression is fitted to the pairs that are
    scored, so that a layer of noise scores a little above 0, never below; compare networks with each other. Held-out
    weights are those of ``weighted_rsa``. From Python,
    :class:`~brainalign.comparisons.rdm_regression.RDMRegression` takes any RDMs and says more of them.

    Parameters
    ----------
    dissimilarity
        Of layers and controls (squared Euclidean for luminance, one number per stimulus).
    comparator
        ``"corr"``: least squares; ``"spearman"``: of ranks; ``"corr_cov"``: generalised least squares, with independent
        errors of patterns.
    controls
        Low-level features, of ``"pixels"``, ``"luminance"`` and ``"gabor"``.
    nonnegative
        Whether weights below 0 are excluded.
    nuisance
        What is put beside them for each subject: ``"order"``, how far apart in time stimuli were shown, for recordings
        of trials; ``"motion"``, how far apart the head was, for those whose trials say it
        (:mod:`brainalign.comparisons.nuisance`).

    Raises
    ------
    SpecError
        If an option is unknown.
    """

    name: ClassVar[str] = "regression_rsa"
    kind: ClassVar[str] = GEOMETRY
    word: ClassVar[str] = "regression RSA"

    dissimilarity: str = "correlation"
    comparator: str = "corr"
    controls: tuple[str, ...] = ("pixels", "gabor")
    nonnegative: bool = True
    nuisance: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        RSA(self.dissimilarity)  # refuses what layers cannot have
        check_controls(self.controls)
        unknown = [name for name in self.nuisance if name not in NUISANCES]
        if unknown:
            msg = f"nuisance = {list(self.nuisance)}, expected some of: {', '.join(NUISANCES)}."
            raise SpecError(msg)
        if self.comparator not in METHODS:
            msg = f"comparator = {self.comparator!r}, expected one of: {', '.join(METHODS)}."
            raise SpecError(msg)

    def describe(self) -> Description:
        """Return what tables, captions and methods say of the measure with its options."""
        how = {"corr": "", "spearman": " of ranks", "corr_cov": " (whitened)"}
        beside = " and ".join([in_words(self.controls), *(NUISANCES[name].words for name in self.nuisance)])
        weights = "non-negative weights" if self.nonnegative else "weights of any sign"
        return Description(
            measure=f"{self.name} {self.comparator} beyond {', '.join((*self.controls, *self.nuisance))}",
            kind=self.kind,
            title=f"Unique variance of RDMs beyond {beside} (R²)",
            axis="Unique variance of RDMs (R²)",
            unit="R²",
            sentence="Regression of dissimilarity matrices {citation} explained those of recordings ({recordings}) by "
            f"those of a layer and of {beside} ({{layers}}) by least squares{how[self.comparator]} with {weights}; the "
            f"score is R² less that without the layer{self.options}.",
            dissimilarity=self.dissimilarity,
            comparator=self.comparator,
            held=(*self.controls, *self.nuisance),
            citation=_JOZWIK,
        )

    @classmethod
    def of_study(cls, scoring: ScoringSpec) -> tuple["RegressionRSA", ...]:
        """Return the measure with the options of a study, and the dissimilarity that it names for layers."""
        found = cls.with_options(scoring, dissimilarity=scoring.dissimilarity)
        found._check_samples(scoring.resampling)
        return (found,)

    def _check_samples(self, kind: str) -> None:
        """Refuse bootstrap samples of whitened RDMs: the pairs of copies are missing in them."""
        if self.comparator in WHITENED and kind == "bootstrap":
            msg = (
                f"Measure 'regression_rsa' with comparator {self.comparator!r} has no bootstrap; set resampling = "
                "'leave_one_out' in [scoring], or comparator = 'corr'."
            )
            raise SpecError(msg)

    def score(self, features: RDMs, responses: RDMs, controls: Mapping[str, RDMs] | None = None) -> np.ndarray:
        """Return the unique variance of the RDM of a layer for every brain RDM, ``(n_brains,)``; joined on ids.

        ``controls`` are one RDM each by name; none raise :class:`SpecError`.
        """
        if not controls:
            msg = "Regression RSA got no controls, expected RDMs by name to be beyond of; use RSA without."
            raise SpecError(msg)
        models = {"the layer that is scored": features, **controls}
        return RDMRegression.fit(models, responses, self.comparator, self.nonnegative).unique[:, 0]

    # -- stages of a study ----------------------------------------------------------------------------------------

    def layer(self, features: Patterns) -> RDMs:
        """Return the RDM of a layer."""
        return RSA(self.dissimilarity).layer(features)

    def control(self, features: Patterns) -> RDMs:
        """Return the RDM of a control."""
        return RSA(self.dissimilarity).control(features)

    def prepare(self, brain: Brain, roi: str, controls: Mapping[str, Patterns]) -> tuple[Prepared, ...]:
        """Return the RDMs of subjects at every time, and those of the controls."""
        held = [self.control(controls[name]) for name in self.controls]
        nuisances = self._nuisances(brain)
        found = []
        for movie in brain.movies(roi):
            ids = movie.stimulus_ids
            beside = [_rows([*(one.subset(ids) for one in held), *nuisances(who, ids)]) for who in movie.subjects]
            found.append(Prepared.of_movie(movie, brain.groups_of(ids), (movie, beside)))
        return tuple(found)

    def check(self, brain: Brain) -> None:
        """Refuse nuisances that the first subject of a recording does not have."""
        if self.nuisance:
            self._require_trials(brain)
            part, ids = brain.parts[0]
            for name in self.nuisance:
                NUISANCES[name].made(part[0], ids[:2])

    def _nuisances(self, brain: Brain) -> Callable[[str, Sequence[str]], list[RDMs]]:
        """Return what gives the nuisance RDMs of a subject, or none where they are not asked for."""
        if not self.nuisance:
            return lambda subject, ids: []
        self._require_trials(brain)
        found = {}
        for part, ids in brain.parts:
            for one in part:
                found[one.subject] = [NUISANCES[name].made(one, ids) for name in self.nuisance]
        return lambda subject, ids: [rdm.subset(ids) for rdm in found[subject]]

    def _require_trials(self, brain: Brain) -> None:
        if not brain.has_trials:
            msg = (
                f"Recording {brain.source.label!r} comes as RDMs only, which have no "
                f"{' or '.join(NUISANCES[name].words for name in self.nuisance)}; leave nuisance out of regression_rsa."
            )
            raise SpecError(msg)

    def draws(self, layers: Sequence[RDMs], prepared: Prepared, samples: Samples) -> Iterator[ScoreDraws]:
        """Yield the scores of layers at each time, with those of samples of the stimuli, each fitted anew.

        Pairs of stimuli that are one are left out.
        """
        samples, ids = samples.at(len(prepared.times)), prepared.stimulus_ids
        self._check_samples(samples.kind)
        movie, beside = prepared.content
        layer_rows = _rows([one if one.stimulus_ids == ids else one.subset(ids) for one in layers])
        groups = None if prepared.groups is None else np.asarray(prepared.groups)
        units, counted = units_of(groups, len(ids))
        if self.comparator in WHITENED:
            check_each_pair(self.comparator, bool(counted.all()))
        counts, n_units = np.ones((1, len(ids)), np.int64), int(units.max()) + 1
        if samples.kind == "bootstrap":
            drawn, n_units, _ = draw_stimuli(len(ids), samples.n_draws, samples.seed, prepared.groups)
            counts = np.concatenate([counts, drawn])
        elif samples.kind == "leave_one_out":
            counts = np.concatenate([counts, (np.arange(n_units)[:, None] != units[None]).astype(np.int64)])
        for k in range(len(movie.times)):
            subjects = movie.at(slice(k, k + 1))
            found = self._unique(layer_rows, beside, subjects, counts, counted)
            if samples.kind != "bootstrap":
                yield ScoreDraws.without_each(found[0], found[1:], units)
                continue
            resampled = draw_subjects(len(movie.subjects), samples.n_draws, samples.seed)
            yield ScoreDraws(
                observed=found[0],
                draws=found[1:],
                stimulus_counts=counts[1:],
                subject_resamples=resampled,
                n_units=n_units,
            )

    def _unique(
        self,
        layers: Condensed,
        beside: Sequence[Condensed],
        subjects: Condensed,
        counts: np.ndarray,
        counted: np.ndarray,
    ) -> np.ndarray:
        """Return the score of each layer for each subject in each sample, ``(n_samples, n_layers, n_subjects)``."""
        if not self.nuisance:  # the same for all subjects
            return self._beyond(layers, beside[0], subjects, counts, counted)
        each = [
            self._beyond(layers, own, subjects.rows(np.array([s])), counts, counted) for s, own in enumerate(beside)
        ]
        return np.concatenate(each, axis=2)

    def _beyond(
        self, layers: Condensed, beside: Condensed, subjects: Condensed, counts: np.ndarray, counted: np.ndarray
    ) -> np.ndarray:
        models, n_layers = layers.joined(beside), len(layers)
        both = models.joined(subjects)
        first, second = np.triu_indices(counts.shape[1], 1)
        ranks = WeightedRanks(both.values, both.rounding) if self.comparator == "spearman" else None
        found = np.empty((len(counts), n_layers, len(subjects)))
        for k, sample in enumerate(counts):
            weights = pair_weights(sample, first, second) * counted
            if self.comparator in WHITENED:
                left = both.values[:, weights > 0]
                rows = whitened(left - left.mean(axis=1, keepdims=True), int(sample.sum()))
                weights = np.ones(rows.shape[1])
            else:
                rows = both.values if ranks is None else ranks.centred(weights)
                rows = rows - (rows @ weights / weights.sum())[:, None]
            sizes = np.sqrt((rows**2) @ weights)
            whole = np.sqrt((both.values**2).max(axis=1) * weights.sum()) if ranks is None else sizes
            rows = rows / np.where(sizes > 1e-12 * whole, sizes, np.inf)[:, None]
            n_models = len(models)
            gram = (rows * weights) @ rows[:n_models].T
            found[k] = _unique_of_gram(gram, n_layers, n_models, self.nonnegative)
        constant = both.constant
        found[:, constant[:n_layers]] = np.nan
        found[:, :, constant[len(models) :]] = np.nan
        return found


def _unique_of_gram(gram: np.ndarray, n_layers: int, n_models: int, nonnegative: bool) -> np.ndarray:
    """Return what each layer explains beyond the controls, ``(n_layers, n_subjects)``.

    Parameters
    ----------
    gram
        ``(n_models + n_subjects, n_models)`` inner products of rows of unit norm: layers, controls, then subjects.
    n_layers, n_models
        How many rows are layers, and models.
    nonnegative
        Whether weights below 0 are excluded.
    """
    controls = list(range(n_layers, n_models))
    alone = _explained(gram, np.array([controls]), n_models, nonnegative)
    own = np.array([[layer, *controls] for layer in range(n_layers)])
    return _explained(gram, own, n_models, nonnegative) - alone


def _explained(gram: np.ndarray, chosen: np.ndarray, n_models: int, nonnegative: bool) -> np.ndarray:
    """Return R squared of each subject by each set of models ``(n_sets, size)``, ``(n_sets, n_subjects)``.

    Non-negative least squares is the best of the unconstrained fits to subsets of the models whose weights are all
    non-negative; there are few models, so that all subsets are tried.
    """
    size = chosen.shape[1]
    within = gram[:n_models][chosen[:, :, None], chosen[:, None, :]]
    across = gram[n_models:, chosen].transpose(1, 2, 0)
    if not nonnegative:
        return np.einsum("sij,sip,sjp->sp", np.linalg.pinv(within, 1e-10, hermitian=True), across, across)
    best = np.zeros((len(chosen), across.shape[2]))
    for n in range(1, size + 1):
        for part in map(list, combinations(range(size), n)):
            inverse = np.linalg.pinv(within[:, part][:, :, part], 1e-10, hermitian=True)
            weights = inverse @ across[:, part]
            r2 = (weights * across[:, part]).sum(axis=1)
            best = np.maximum(best, np.where((weights >= 0).all(axis=1), r2, 0.0))
    return best


def _rows(rdms: Sequence[RDMs]) -> Condensed:
    return Condensed(
        np.concatenate([one.dissimilarities for one in rdms]), np.concatenate([one.rounding for one in rdms])
    )
