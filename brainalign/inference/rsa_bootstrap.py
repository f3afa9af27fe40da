"""Bootstrap of representational similarity over stimuli, for many models and subjects at once."""

from collections.abc import Mapping

from brainalign.condensed import Condensed
from brainalign.rdms import RDMs, by_subject, match
from brainalign.resampling.draw_units import labels_of
from brainalign.resampling.pairs_bootstrap import bootstrap_pairs
from brainalign.resampling.score_draws import ScoreDraws


def bootstrap_rsa(
    models: RDMs,
    subjects: RDMs,
    method: str,
    n_draws: int,
    seed: int,
    nuisance: RDMs | None = None,
    groups: Mapping[str, str | int] | None = None,
) -> ScoreDraws:
    """Score model RDMs against subject RDMs, as observed and for bootstrap samples of stimuli.

    RDMs are joined on stimulus ids. Subject RDMs under one descriptor ``"subject"`` are averaged first: sessions of one
    person are not people.

    A bootstrap sample of stimuli with counts ``c`` gives the pair (i, j), i != j, the weight ``c_i c_j``;
    pairs of a stimulus with its own copy are dropped (Schuett et al. 2023, eLife 12:e82566). The result
    equals expanding the RDMs, at a fraction of the cost. Noise ceilings (leave-one-subject-out and full pool;
    Nili et al. 2014) are computed for every draw when there are two subjects or more.

    Parameters
    ----------
    models, subjects
        RDMs over the same stimuli, in any order.
    method
        ``"corr"``, ``"cosine"``, ``"spearman"``, ``"rho-a"``, ``"tau-a"``, ``"corr_cov"`` or ``"cosine_cov"``.
    n_draws
        Bootstrap samples; 1000 for figures, 200 for simulations.
    seed
        Seed of the draws.
    nuisance
        RDMs removed from every model: scores become semi-partial correlations (``"corr"``, ``"spearman"`` and
        ``"corr_cov"`` only).
        Ceilings are those of the subjects' whole RDMs.
    groups
        Stimulus id to cluster label; clusters are drawn instead of stimuli.

    Returns
    -------
    ScoreDraws
        Scores are NaN where a model or subject RDM is constant but for rounding.

    Raises
    ------
    SpecError
        If the method is unknown or cannot be bootstrapped, or there are too few stimuli or draws.
    StimulusMismatchError
        If stimuli differ, or one has no group.
    """
    subjects = by_subject(subjects)
    ids = subjects.stimulus_ids
    labels = None if groups is None else labels_of(groups, ids)
    held = None if nuisance is None else Condensed.of(match(subjects, nuisance)[1])
    rows = Condensed.of(match(subjects, models)[1])
    return bootstrap_pairs(rows, Condensed.of(subjects), method, n_draws, seed, held, labels)
