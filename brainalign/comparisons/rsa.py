"""Representational similarity analysis: how alike the geometries of a layer and a brain are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from brainalign.comparisons.comparators import check_comparator, compare
from brainalign.comparisons.comparison import Comparison
from brainalign.comparisons.description import GEOMETRY, Description
from brainalign.comparisons.pairs_within import categories_apart, pairs_within
from brainalign.comparisons.partial_compare import check_partial, partial_compare
from brainalign.comparisons.prepared import Prepared
from brainalign.condensed import Condensed
from brainalign.dissimilarities.dissimilarity import dissimilarity
from brainalign.errors import SpecError
from brainalign.options import SET, Needs, require, require_used
from brainalign.patterns import Patterns
from brainalign.rdms import RDMs, compute_rdms, match
from brainalign.recordings.brain import Brain
from brainalign.recordings.movie import Movie
from brainalign.resampling.condensed_pairs import KEEP_MEAN, WHITENED, check_each_pair, check_method
from brainalign.resampling.left_out import left_out_ceilings, left_out_pairs, units_of
from brainalign.resampling.pairs_bootstrap import bootstrap_pairs
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.specs import ScoringSpec

#: Comparators of RDMs and how the field writes what they give.
UNITS = {
    "corr": "Pearson r",
    "spearman": "Spearman ρ",
    "rho-a": "Spearman ρ-a",
    "tau-a": "Kendall τ-a",
    "corr_cov": "whitened r",
    "cosine_cov": "whitened cosine",
}
KRIEGESKORTE = (
    "Kriegeskorte N, Mur M, Bandettini P (2008). Representational similarity analysis: connecting the branches of "
    "systems neuroscience. Frontiers in Systems Neuroscience 2:4. doi:10.3389/neuro.06.004.2008"
)
NILI = (
    "Nili H, Wingfield C, Walther A, Su L, Marslen-Wilson W, Kriegeskorte N (2014). A toolbox for representational "
    "similarity analysis. PLoS Computational Biology 10:e1003553. doi:10.1371/journal.pcbi.1003553"
)
#: Pairs of stimuli of one category.
WITHIN = "within_categories"
#: Each category alone, averaged: neither the means of categories nor their spreads count.
EACH = "each_category"
_OF_PAIRS = {
    WITHIN: ("within categories", "over pairs of stimuli of one category only"),
    EACH: ("of each category", "in each category alone and averaged over categories by their numbers of pairs"),
}
_CEILING = (
    "noise ceiling, the mean agreement of each subject's RDM with the mean RDM of the other subjects (lower) "
    "and of all subjects (upper)."
)

# scores without each stimulus that are held at once
_BLOCK_BYTES = 2**28


@dataclass(frozen=True)
class RSA(Comparison):
    """Compare the RDM of a layer with the RDMs of brains (Kriegeskorte et al. 2008, Front Syst Neurosci 2:4).

    Parameters
    ----------
    dissimilarity
        Of the layer's patterns: ``"correlation"``, ``"squared_euclidean"``, ``"euclidean"`` or ``"cosine"``.
    comparator
        ``"corr"``, ``"cosine"``, ``"spearman"``, ``"rho-a"`` or ``"tau-a"``, or whitened: ``"corr_cov"``,
        ``"cosine_cov"`` (for dissimilarities with a meaningful zero).
    partial
        Names of RDMs held constant, e.g. ``("pixels",)``; then the score is a partial correlation.
    semi
        Take them out of the layer's RDM only: a semi-partial correlation, to which the noise ceiling still applies.
    pairs
        ``"all"``, or ``"within_categories"``: only pairs of stimuli of one category, as the labels of the stimuli say.
        The pairs of all categories are pooled, so that one category may be more spread out than another. With
        ``"each_category"`` the score is that of each category alone, averaged by numbers of pairs: a difference between
        the means or the spreads of categories counts for nothing.

    Raises
    ------
    SpecError
        If an option is unknown, ``partial`` is asked of a comparator without a partial form, or some pairs of one that
        needs them all.

    Examples
    --------
    >>> import brainalign as ba, numpy as np
    >>> rng, ids = np.random.default_rng(0), [f"stimulus {k}" for k in range(12)]
    >>> measure = ba.RSA(dissimilarity="euclidean", comparator="spearman")
    >>> layer, brain = (measure.rdms(rng.standard_normal((12, 5)), ids) for _ in range(2))
    >>> measure.score(layer, brain).shape
    (1, 1)
    >>> float(measure.score(layer, layer).round(6)[0, 0])
    1.0
    >>> ba.RSA(comparator="corr", partial=("pixels",), semi=True).label
    'rsa corr without pixels'
    """

    name: ClassVar[str] = "rsa"
    kind: ClassVar[str] = GEOMETRY
    word: ClassVar[str] = "RSA"
    of_rdms: ClassVar[bool] = True

    only_with: ClassVar[Needs] = {"semi": {"partial": SET}}
    dissimilarity: str = "correlation"
    comparator: str = "spearman"
    partial: tuple[str, ...] = ()
    semi: bool = False
    pairs: str = field(default="all", metadata={"later": True})

    def __post_init__(self) -> None:
        distance = dissimilarity(self.dissimilarity)
        if distance.needs != "means":
            raise distance.without_trials()
        check_comparator(self.comparator)
        if self.partial:
            check_partial(self.comparator)
        known = ("all", *_OF_PAIRS)
        require(self.pairs in known, "Option pairs", self.pairs, f"one of: {', '.join(known)}")
        if self.pairs == EACH and self.comparator in KEEP_MEAN:
            msg = (
                f"{self.comparator!r} keeps the mean of an RDM, and pairs = {EACH!r} takes it out; use 'corr_cov', say."
            )
            raise SpecError(msg)
        if self.pairs == WITHIN:
            check_each_pair(self.comparator, self.comparator not in WHITENED, "and pairs within categories are some")
        require_used(self, self.name)

    def describe(self) -> Description:
        """Return what tables, captions and methods say of the measure with its options."""
        unit = UNITS.get(self.comparator, self.comparator)
        how = ("semipartial " if self.semi else "partial ") if self.partial else ""
        partly = how
        held = [{"gabor": "Gabor"}.get(name, name) for name in self.partial]
        given = f" given {' and '.join(held)}" if held else ""
        constant = f", with {', '.join(held[:-1])}{' and ' if held[1:] else ''}{held[-1]} held constant" if held else ""
        name = f"{self.name} {self.comparator}"
        name += f" of {self.dissimilarity.replace('_', ' ')} distances" if self.dissimilarity != "correlation" else ""
        name += f" {'without' if self.semi else 'given'} {', '.join(self.partial)}" if self.partial else ""
        of_pairs = ""
        if self.pairs in _OF_PAIRS:
            short, of_pairs = _OF_PAIRS[self.pairs]
            name, how, of_pairs = f"{name} {short}", f"{short}, {how}", f", {of_pairs}"
        return Description(
            measure=name,
            kind=self.kind,
            title=f"RSA score ({how}{unit}{given})",
            axis=f"RSA score ({how}{unit})",
            unit=unit,
            sentence="Representational similarity analysis {citation} compared dissimilarity matrices of networks "
            f"({{layers}}) with those of recordings ({{recordings}}) by {partly}{unit}{constant}{of_pairs}.",
            ceiling=f"{_CEILING[:-1]}{of_pairs}.",
            dissimilarity=self.dissimilarity,
            comparator=self.comparator,
            held=self.partial,
            citation=KRIEGESKORTE,
            ceiling_citation=NILI,
        )

    def rdms(self, features: Any, stimulus_ids: Sequence[str], sets: bool = False) -> RDMs:
        """Return the RDM of ``(n_stimuli, n_features)``; with ``sets`` features have a first axis, of sets."""
        return compute_rdms(features, stimulus_ids, self.dissimilarity, sets=sets)

    def score(
        self,
        features: RDMs,
        responses: RDMs,
        nuisance: Mapping[str, RDMs] | None = None,
        categories: Mapping[str, str] | None = None,
    ) -> np.ndarray:
        """Return the score of every layer RDM against every brain RDM, ``(n_layers, n_brains)``.

        Parameters
        ----------
        features
            RDMs of layers, see :meth:`rdms`.
        responses
            RDMs of brains over the same stimuli, in any order.
        nuisance
            RDMs by name; those named in ``partial`` are used, one RDM each.
        categories
            Category of each stimulus by its id, for pairs within categories.

        Raises
        ------
        SpecError
            If an RDM named in ``partial`` is missing or is not one RDM, or categories are missing.
        StimulusMismatchError
            If stimuli differ.
        DataError
            If an RDM is constant or explained by the nuisance RDMs.
        """
        if self.pairs in _OF_PAIRS:
            return self._within(*match(features, responses), nuisance or {}, categories)
        if not self.partial:
            return compare(features, responses, self.comparator)
        features, responses = match(features, responses)
        return partial_compare(features, responses, self._held(nuisance or {}), self.comparator, self.semi)

    def _within(
        self,
        features: RDMs,
        responses: RDMs,
        nuisance: Mapping[str, RDMs],
        categories: Mapping[str, str] | None,
    ) -> np.ndarray:
        """Return scores over pairs within categories, of RDMs in one order of stimuli."""
        self._check_semi()
        ids = features.stimulus_ids
        missing = [one for one in ids if one not in (categories or {})]
        if missing:
            msg = f"{len(missing)} of {len(ids)} stimuli have no category ({missing[:3]}); give categories by id."
            raise SpecError(msg)
        named = [(categories or {})[one] for one in ids]
        counted, codes = pairs_within(named), categories_apart(named) if self.pairs == EACH else None
        held = [match(features, one)[1] for one in self._held(nuisance)]
        models, brains = (Condensed.of_all([one]).where(counted) for one in (features, responses))
        nuisance_rows = Condensed.of_all(held).where(counted) if held else None
        scored = left_out_pairs(self.comparator, models, np.arange(len(ids)), counted, nuisance_rows, codes)
        return scored.scores(brains, resampled=False)[0]

    def _check_semi(self) -> None:
        if self.partial and not self.semi:
            held_out = ", ".join(self.partial)
            msg = f"Scores of samples take {held_out} out of layers only, not out of brains; say semi=True."
            raise SpecError(msg)

    def within(self, each: bool = False) -> "RSA":
        """Return the same measure of pairs within categories, pooled or of each category alone."""
        return replace(self, pairs=EACH if each else WITHIN)

    def _held(self, nuisance: Mapping[str, RDMs]) -> list[RDMs]:
        """Return the RDMs named in ``partial``."""
        found = []
        for name in self.partial:
            if name not in nuisance or len(nuisance[name]) != 1:
                count = len(nuisance[name]) if name in nuisance else 0
                known = ", ".join(nuisance) or "none"
                msg = f"{self.label} found {count} RDMs named {name!r}, expected one; nuisance RDMs given: {known}."
                raise SpecError(msg)
            found.append(nuisance[name])
        return found

    # -- stages of a study ----------------------------------------------------------------------------------------

    @classmethod
    def of_study(cls, scoring: ScoringSpec) -> tuple["RSA", ...]:
        """Return RSA as a study asks for it, and its semi-partial form where controls are to be taken out.

        Raises
        ------
        SpecError
            If options of RSA are named elsewhere than in the study's scoring.
        """
        check_method(scoring.comparator, bool(scoring.partial))
        if cls.name in scoring.options:
            msg = "Options of 'rsa' are dissimilarity, comparator and partial of [scoring] itself; name them there."
            raise SpecError(msg)
        plain = cls(scoring.dissimilarity, scoring.comparator)
        return (plain, replace(plain, partial=scoring.partial, semi=True)) if scoring.partial else (plain,)

    def layer(self, features: Patterns | RDMs) -> RDMs:
        """Return the RDM of a layer; one that is given stays.

        Raises
        ------
        SpecError
            If it is of another dissimilarity than the measure's.
        """
        if isinstance(features, RDMs):
            if features.measure != self.dissimilarity:
                msg = (
                    f"The RDM of a layer is of {features.measure!r}, the measure asks for {self.dissimilarity!r}; "
                    f"expected one dissimilarity. Use RSA(dissimilarity={features.measure!r})."
                )
                raise SpecError(msg)
            return features
        return compute_rdms(features.values, features.stimulus_ids, self.dissimilarity)

    def control(self, features: Patterns) -> RDMs:
        """Return the RDM of a control; squared Euclidean for one number per stimulus, which has no correlation."""
        measure = "squared_euclidean" if features.values.shape[1] == 1 else self.dissimilarity
        return compute_rdms(features.values, features.stimulus_ids, measure)

    def prepare(self, brain: Brain, roi: str, controls: Mapping[str, Patterns]) -> tuple[Prepared, ...]:
        """Return the RDMs of subjects at every time, and those of the controls that are taken out.

        Raises
        ------
        SpecError
            If controls are to be taken out of brains, too, which samples of stimuli do not do, or pairs within
            categories are asked for and stimuli have no labels.
        """
        self._check_semi()
        held = [self.control(controls[name]) for name in self.partial]
        found = []
        for movie in brain.movies(roi):
            ids = movie.stimulus_ids
            nuisance = Condensed.of_all([one.subset(ids) for one in held]) if held else None
            groups = brain.groups_of(ids)
            categories = brain.categories(ids) if self.pairs in _OF_PAIRS else None
            if categories is not None and self.pairs == EACH:
                categories_apart(categories, groups)
            found.append(Prepared.of_movie(movie, groups, (movie, nuisance, categories)))
        return tuple(found)

    def draws(self, layers: Sequence[RDMs], prepared: Prepared, samples: Samples) -> Iterator[ScoreDraws]:
        """Yield the scores of layers at each time, with noise ceilings where there are two subjects or more.

        Scores are NaN where an RDM is constant but for rounding. Pairs of stimuli that are one are left out.
        """
        check_method(self.comparator, bool(self.partial))
        samples = samples.at(len(prepared.times))
        movie, nuisance, categories = prepared.content
        ids = prepared.stimulus_ids
        models = Condensed.of_all([one if one.stimulus_ids == ids else one.subset(ids) for one in layers])
        units, counted = units_of(None if prepared.groups is None else np.asarray(prepared.groups), len(ids))
        codes = categories_apart(categories) if self.pairs == EACH else None
        if categories is not None:
            counted = counted & pairs_within(categories)
            models, nuisance = models.where(counted), None if nuisance is None else nuisance.where(counted)
        if samples.kind == "bootstrap":
            rows, held = models.only(counted), None if nuisance is None else nuisance.only(counted)
            for k in range(len(movie.times)):
                subjects = movie.at(slice(k, k + 1)).only(counted)
                drawn = samples.n_draws, samples.seed
                yield bootstrap_pairs(rows, subjects, self.comparator, *drawn, held, prepared.groups, codes)
            return
        of_pairs = (units, counted, codes)
        yield from self._without_each(models, movie, nuisance, of_pairs, samples.kind == "leave_one_out")

    def _brains(self, movie: Movie, times: slice, counted: np.ndarray) -> Condensed:
        brains = movie.at(times)
        return brains.where(counted) if self.pairs in _OF_PAIRS else brains

    def _without_each(
        self,
        models: Condensed,
        movie: Movie,
        nuisance: Condensed | None,
        of_pairs: tuple[np.ndarray, np.ndarray, np.ndarray | None],
        resampled: bool,
    ) -> Iterator[ScoreDraws]:
        units, counted, categories = of_pairs
        n_strata = 1 if categories is None else int(categories.max()) + 1
        n_subjects, n_units = len(movie.subjects), int(units.max()) + 1
        scored = left_out_pairs(self.comparator, models, units, counted, nuisance, categories)
        per_time = 8 * n_subjects * (len(models) * n_units * resampled + 8 * models.values.shape[1])
        width = max(1, _BLOCK_BYTES // per_time)
        for start in range(0, len(movie.times), width):
            block = slice(start, min(start + width, len(movie.times)))
            observed, without = scored.scores(self._brains(movie, block, counted), resampled)
            observed = observed.reshape(len(models), n_subjects, -1)
            without = without.reshape(len(without), *observed.shape)
            for k in range(observed.shape[2]):
                subjects = self._brains(movie, slice(start + k, start + k + 1), counted)
                ceilings = None
                if n_subjects > 1:
                    ceilings = left_out_ceilings(scored, subjects, units, counted, resampled)
                yield ScoreDraws.without_each(observed[:, :, k], without[..., k], units, n_strata, ceilings)
