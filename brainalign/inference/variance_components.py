"""Where the variance of a mean score, or of a difference of two, comes from: each factor and interaction once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from brainalign.errors import SpecError
from brainalign.inference.scope import Scope
from brainalign.inference.score_variance import ScoreVariance
from brainalign.inference.student import satterthwaite

#: Factors and interactions, and how many of (subjects, stimuli, seeds) a component is divided by.
COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "subjects": ("subjects",),
    "stimuli": ("stimuli",),
    "seeds": ("seeds",),
    "subjects_stimuli": ("subjects", "stimuli"),
    "stimuli_seeds": ("stimuli", "seeds"),
    "subjects_seeds": ("subjects", "seeds"),
    "residual": ("subjects", "stimuli", "seeds"),
}


@dataclass(frozen=True)
class VarianceComponents:
    """Variance of a mean over subjects, stimuli and seeds, by factor, from the scores without each stimulus.

    With ``d[s, i]`` the score of seed s (of n) and subject i (of N), ``d_k`` the same without stimulus k (of K), and
    ``J(x) = (K - 1) / K sum_k (x_k - mean x)^2`` (jackknife), the variance that each factor alone gives the mean is

    - ``V_sub = var_i(mean_s d) / N``, ``V_see = var_s(mean_i d) / n``, ``V_sti = J(mean_{s, i} d_k)``.

    What two factors share is in both, and what three share is in all:

    - ``I_sub = sum_i J(m_i - mean_i m_i) / (N (N - 1))`` with ``m_i = mean_s d_k[., i]``, and ``I_see`` likewise;
    - ``I_ss = sum_{s, i} r_si^2 / (n N (n - 1) (N - 1))``, r the residuals of d from its margins;
    - ``I_all = sum_{s, i} J(r_si) / (n N (n - 1) (N - 1))``, of the residuals of ``d_k``.

    Counted once each, the variance of the mean is ``V = V_sub + V_sti + V_see - I_sub - I_see - I_ss + I_all``. It is
    not taken below the largest of the three. Fixed factors drop out, with what they share.

    Parameters
    ----------
    by_subjects, by_stimuli, by_seeds
        ``V_sub``, ``V_sti``, ``V_see``; NaN where there is one level.
    shared_subjects_stimuli, shared_stimuli_seeds, shared_subjects_seeds, shared_all
        ``I_sub``, ``I_see``, ``I_ss``, ``I_all``; NaN where a factor has one level.
    n_subjects, n_stimuli, n_seeds
        Levels; ``n_stimuli`` counts groups where groups of stimuli are left out.
    n_strata
        Strata of stimuli (folds of an encoding model): ``K - n_strata`` degrees of freedom.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> of_subject = rng.standard_normal((1, 1, 100))
    >>> of_stimuli = of_subject + 2 * rng.standard_normal((80, 1, 1)) + 0.1 * rng.standard_normal((80, 5, 100))
    >>> without = (of_stimuli.sum(axis=0) - of_stimuli) / 79
    >>> found = VarianceComponents.of(of_stimuli.mean(axis=0), without)  # subjects differ by 1, stimuli by 2
    >>> {name: round(found.components[name], 1) for name in ("subjects", "stimuli", "residual")}
    {'subjects': 0.9, 'stimuli': 3.8, 'residual': 0.0}
    """

    by_subjects: float
    by_stimuli: float
    by_seeds: float
    shared_subjects_stimuli: float
    shared_stimuli_seeds: float
    shared_subjects_seeds: float
    shared_all: float
    n_subjects: int
    n_stimuli: int
    n_seeds: int
    n_strata: int = 1

    @classmethod
    def of(
        cls, scores: np.ndarray, without: np.ndarray, n_strata: int = 1, training: np.ndarray | None = None
    ) -> "VarianceComponents":
        """Return the components of the mean of ``scores``.

        Parameters
        ----------
        scores
            ``(n_seeds, n_subjects)`` scores, or differences of scores of two rules whose seeds are paired.
        without
            ``(n_stimuli, n_seeds, n_subjects)`` the same without each stimulus; no rows where there are no such scores.
        n_strata
            Strata of stimuli.
        training
            Of the shape of ``without``: the scores without each stimulus as a training stimulus of an encoding model.
            What it adds to each part that stimuli are in is that of the training set.

        Raises
        ------
        SpecError
            If shapes do not fit.
        """
        if scores.ndim != 2 or without.shape[1:] != scores.shape:
            msg = (
                f"Scores {scores.shape} and scores without each stimulus {without.shape} do not fit; expected (seeds, "
                "subjects) and (stimuli, seeds, subjects)."
            )
            raise SpecError(msg)
        n_stimuli, (n_seeds, n_subjects) = len(without), scores.shape
        if not (np.isfinite(scores).all() and np.isfinite(without).all()):
            nan = math.nan
            return cls(
                by_subjects=nan,
                by_stimuli=nan,
                by_seeds=nan,
                shared_subjects_stimuli=nan,
                shared_stimuli_seeds=nan,
                shared_subjects_seeds=nan,
                shared_all=nan,
                n_subjects=n_subjects,
                n_stimuli=n_stimuli,
                n_seeds=n_seeds,
                n_strata=n_strata,
            )
        of_subject, of_seed = without.mean(axis=1), without.mean(axis=2)
        pairs = n_seeds * n_subjects * (n_seeds - 1) * (n_subjects - 1)
        several, drawn = pairs > 0, n_stimuli > 1
        found = cls(
            by_subjects=_spread(scores.mean(axis=0)),
            by_stimuli=float(jackknife(of_subject.mean(axis=1))) if drawn else math.nan,
            by_seeds=_spread(scores.mean(axis=1)),
            shared_subjects_stimuli=_shared(of_subject) if drawn else math.nan,
            shared_stimuli_seeds=_shared(of_seed) if drawn else math.nan,
            shared_subjects_seeds=float((_residual(scores) ** 2).sum() / pairs) if several else math.nan,
            shared_all=float(jackknife(_residual(without)).sum() / pairs) if several and drawn else math.nan,
            n_subjects=n_subjects,
            n_stimuli=n_stimuli,
            n_seeds=n_seeds,
            n_strata=n_strata,
        )
        return found if training is None or not drawn else found._with(cls.of(scores, training, n_strata))

    def _with(self, training: "VarianceComponents") -> "VarianceComponents":
        """Add what the training set does to the parts that stimuli are in."""
        return replace(
            self,
            by_stimuli=self.by_stimuli + training.by_stimuli,
            shared_subjects_stimuli=self.shared_subjects_stimuli + training.shared_subjects_stimuli,
            shared_stimuli_seeds=self.shared_stimuli_seeds + training.shared_stimuli_seeds,
            shared_all=self.shared_all + training.shared_all,
        )

    def under(self, scope: Scope) -> ScoreVariance:
        """Return the variance and its degrees of freedom where the factors of ``scope`` are random.

        Degrees of freedom are ``V S / sum_f V_f^2 / nu_f`` with ``S = sum_f V_f`` over the random factors and ``nu`` of
        ``N - 1``, ``K - 1`` and ``n - 1``. Satterthwaite's form has ``V^2`` above, as if what is shared were as
        uncertain as what is not: false positives fall to .004 where noise dominates. ``S^2`` counts what is shared
        twice: false positives reach .066 with six subjects. The simulations are those of ``benchmarks/simstudy.py``.
        A factor of one level counts as fixed. The total is NaN where a score is not finite.
        """
        asked = {"subjects": scope.subjects, "stimuli": scope.stimuli, "seeds": scope.seeds}
        levels = {"subjects": self.n_subjects, "stimuli": self.n_stimuli, "seeds": self.n_seeds}
        by_factor = {"subjects": self.by_subjects, "stimuli": self.by_stimuli, "seeds": self.by_seeds}
        if self._undefined:
            return ScoreVariance(total=math.nan, subjects=math.nan, stimuli=math.nan, dof=math.nan, seeds=math.nan)
        random = {name for name, value in asked.items() if value == "random" and levels[name] > 1}
        shared = (
            ({"subjects", "stimuli"}, self.shared_subjects_stimuli),
            ({"stimuli", "seeds"}, self.shared_stimuli_seeds),
            ({"subjects", "seeds"}, self.shared_subjects_seeds),
            ({"subjects", "stimuli", "seeds"}, -self.shared_all),
        )
        parts = {name: by_factor[name] for name in by_factor if name in random}
        total = sum(parts.values()) - sum(value for names, value in shared if names <= random)
        total = max([total, *parts.values()], default=0.0)
        free = {"subjects": self.n_subjects - 1, "stimuli": self.n_stimuli - self.n_strata, "seeds": self.n_seeds - 1}
        dof = math.inf
        if total > 0:
            whole = satterthwaite(list(parts.values()), [float(free[name]) for name in parts])
            dof = whole * total / sum(parts.values())
        of_subjects, of_stimuli, of_seeds = (parts.get(name, math.nan) for name in by_factor)
        return ScoreVariance(total=total, subjects=of_subjects, stimuli=of_stimuli, dof=dof, seeds=of_seeds)

    @property
    def components(self) -> dict[str, float]:
        """Variance between levels of each factor and interaction, in squared units of the score.

        A component is that of one level: the mean over N subjects has ``components["subjects"] / N`` of it. Estimates
        of small components may be negative. NaN where a factor has one level.
        """
        levels = {"subjects": self.n_subjects, "stimuli": self.n_stimuli, "seeds": self.n_seeds}
        # what a factor of one level shares with others cannot be told from these
        known = {
            name: 0.0 if min(levels[factor] for factor in COMPONENTS[name]) < 2 else value
            for name, value in (
                ("subjects_stimuli", self.shared_subjects_stimuli),
                ("stimuli_seeds", self.shared_stimuli_seeds),
                ("subjects_seeds", self.shared_subjects_seeds),
                ("residual", self.shared_all),
            )
        }
        whole = known.pop("residual")
        two = {name: value - whole for name, value in known.items()}
        of_mean = {
            "subjects": self.by_subjects - two["subjects_stimuli"] - two["subjects_seeds"] - whole,
            "stimuli": self.by_stimuli - two["subjects_stimuli"] - two["stimuli_seeds"] - whole,
            "seeds": self.by_seeds - two["stimuli_seeds"] - two["subjects_seeds"] - whole,
            **two,
            "residual": whole,
        }
        return {
            name: of_mean[name] * math.prod(levels[factor] for factor in factors)
            if min(levels[factor] for factor in factors) > 1
            else math.nan
            for name, factors in COMPONENTS.items()
        }

    @property
    def _undefined(self) -> bool:
        several = self.n_subjects > 1, self.n_stimuli > 1, self.n_seeds > 1
        parts = self.by_subjects, self.by_stimuli, self.by_seeds
        return any(there and math.isnan(part) for there, part in zip(several, parts, strict=True))


def jackknife(without: np.ndarray) -> np.ndarray:
    """Return the jackknife variance over the first axis of scores without each unit."""
    n = len(without)
    return (n - 1) / n * ((without - without.mean(axis=0)) ** 2).sum(axis=0)


def _spread(means: np.ndarray) -> float:
    """Return the variance of the mean of some levels."""
    return float(means.var(ddof=1)) / len(means) if len(means) > 1 else math.nan


def _shared(margin: np.ndarray) -> float:
    """Return the variance that stimuli share with a factor, of ``(n_stimuli, n_levels)`` scores without each."""
    n = margin.shape[1]
    if n < 2:
        return math.nan
    return float(jackknife(margin - margin.mean(axis=1, keepdims=True)).sum()) / (n * (n - 1))


def _residual(values: np.ndarray) -> np.ndarray:
    """Return what the margins of the last two axes leave."""
    of_seed, of_subject = values.mean(axis=-1, keepdims=True), values.mean(axis=-2, keepdims=True)
    return values - of_seed - of_subject + values.mean(axis=(-2, -1), keepdims=True)
