"""Debiased linear centred kernel alignment of a layer and a brain."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.comparisons.comparison import Comparison
from brainalign.comparisons.description import GEOMETRY, Description
from brainalign.comparisons.prepared import Prepared
from brainalign.condensed import Condensed
from brainalign.errors import SpecError
from brainalign.patterns import Patterns
from brainalign.rdms import RDMs, compute_rdms
from brainalign.recordings.brain import Brain
from brainalign.recordings.movie import Movie
from brainalign.resampling.condensed_pairs import check_each_pair
from brainalign.resampling.form_pairs import FormPairs
from brainalign.resampling.left_out import linear_ceilings
from brainalign.resampling.pairs_bootstrap import bootstrap_pairs
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.resampling.unbiased_form import UnbiasedForm
from brainalign.specs import ScoringSpec

# scores without each stimulus that are held at once
_BLOCK_BYTES = 2**28
_MIN_STIMULI = 5

_CITATION = (
    "Kornblith S, Norouzi M, Lee H, Hinton G (2019). Similarity of neural network representations revisited. "
    "Proceedings of the 36th International Conference on Machine Learning, PMLR 97:3519-3529; debiased as in Murphy A, "
    "Zylberberg J, Fyshe A (2024). Correcting biased centered kernel alignment measures in biological and artificial "
    "neural networks. arXiv:2405.01012"
)


@dataclass(frozen=True)
class LinearCKA(Comparison):
    """``HSIC(X, Y) / sqrt(HSIC(X, X) HSIC(Y, Y))`` with unbiased HSIC of linear kernels.

    HSIC is that of Song et al. 2012, JMLR 13:1393. Independent patterns score 0 on average, whatever the numbers of
    stimuli and features; the biased form gives them ``p / (p + n)``, and is not offered. Scores can be negative.
    Rotations and one scale for all features change nothing. It equals the cosine of U-centred squared Euclidean
    distances, which is what layers are reduced to.
    """

    name: ClassVar[str] = "linear_cka"
    kind: ClassVar[str] = GEOMETRY
    word: ClassVar[str] = "CKA"
    of_trials: ClassVar[bool] = True

    def describe(self) -> Description:
        """Return what tables, captions and methods say of the measure."""
        return Description(
            measure=self.name,
            kind=self.kind,
            title="Debiased linear CKA",
            axis="Debiased linear CKA",
            unit="CKA",
            sentence="Debiased linear centred kernel alignment {citation} compared layers with mean responses.",
            ceiling="noise ceiling, the mean agreement of each subject's kernel with the mean kernel of the other "
            "subjects (lower) and of all subjects (upper).",
            citation=_CITATION,
        )

    @classmethod
    def of_study(cls, scoring: ScoringSpec) -> tuple["LinearCKA", ...]:
        """Return the measure; it has no options."""
        return (cls.with_options(scoring),)

    def score(self, features: Patterns, responses: Patterns) -> float:
        """Return the score; the two are joined on stimulus ids, those of ``responses``.

        Raises
        ------
        SpecError
            If there are fewer than 5 stimuli.
        StimulusMismatchError
            If a response has no features.
        """
        ids = responses.stimulus_ids
        _check_stimuli(len(ids))
        ours, theirs = (
            Condensed.of(compute_rdms(side.rows(ids), ids, "squared_euclidean")) for side in (features, responses)
        )
        return float(FormPairs(ours, len(ids), UnbiasedForm).scores(theirs, resampled=False)[0][0, 0])

    def layer(self, features: Patterns) -> RDMs:
        """Return the squared Euclidean distances of a layer: what of it CKA depends on."""
        return compute_rdms(features.values, features.stimulus_ids, "squared_euclidean")

    def prepare(self, brain: Brain, roi: str, controls: Mapping[str, Patterns]) -> tuple[Prepared, ...]:
        """Return the squared Euclidean distances of the mean responses of subjects at every time."""
        del controls
        found = []
        for part, ids in brain.parts:
            _check_stimuli(len(ids))
            movie = Movie.of_recordings(part, roi, ids, "squared_euclidean")
            groups = brain.groups_of(ids)
            check_each_pair(self.name, groups is None or len(set(groups)) == len(ids))
            found.append(Prepared.of_movie(movie, None, movie))
        return tuple(found)

    def draws(self, layers: Sequence[RDMs], prepared: Prepared, samples: Samples) -> Iterator[ScoreDraws]:
        """Yield the scores of layers at each time, with noise ceilings where there are two subjects or more."""
        samples = samples.at(len(prepared.times))
        movie, ids = prepared.content, prepared.stimulus_ids
        rows = [one if one.stimulus_ids == ids else one.subset(ids) for one in layers]
        models = Condensed(
            np.concatenate([one.dissimilarities for one in rows]), np.concatenate([one.rounding for one in rows])
        )
        if samples.kind == "bootstrap":
            for k in range(len(movie.times)):
                subjects = movie.at(slice(k, k + 1))
                yield bootstrap_pairs(models, subjects, self.name, samples.n_draws, samples.seed)
            return
        scored, resampled = FormPairs(models, len(ids), UnbiasedForm), samples.kind == "leave_one_out"
        n_subjects, units = len(movie.subjects), np.arange(len(ids))
        per_time = 8 * n_subjects * (4 * len(models) * len(ids) * resampled + 8 * models.values.shape[1])
        width = max(1, _BLOCK_BYTES // per_time)
        for start in range(0, len(movie.times), width):
            block = slice(start, min(start + width, len(movie.times)))
            observed, without = scored.scores(movie.at(block), resampled)
            observed = observed.reshape(len(models), n_subjects, -1)
            without = without.reshape(len(without), *observed.shape)
            for k in range(observed.shape[2]):
                subjects = movie.at(slice(start + k, start + k + 1))
                ceilings = linear_ceilings(scored, subjects, resampled) if n_subjects > 1 else None
                yield ScoreDraws.without_each(observed[:, :, k], without[..., k], units, 1, ceilings)


def _check_stimuli(n: int) -> None:
    if n < _MIN_STIMULI:
        msg = f"CKA got {n} stimuli, expected at least {_MIN_STIMULI}: its unbiased form takes four at a time."
        raise SpecError(msg)
