"""Counts, lists and scopes in words, taken from rows."""

import re
from collections.abc import Sequence

import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.report.scores import panel_rows, panels
from brainalign.report.style import words
from brainalign.roles import MODEL

_DISSIMILARITIES = {
    "correlation": "correlation distance",
    "cosine": "cosine distance",
    "euclidean": "Euclidean distance",
    "squared_euclidean": "squared Euclidean distance",
    "crossnobis": "crossnobis distance",
    "mahalanobis": "squared Mahalanobis distance",
    "poisson_kl": "cross-validated Poisson divergence",
    "correlation_across_runs": "correlation distance across runs",
    "decoding_accuracy": "pairwise decoding accuracy",
    "decoding_dprime": "pairwise decoding d'",
    "unknown": "dissimilarity not named",
    "": "a dissimilarity that the study did not store",
}


def listed(items: Sequence[str], last: str = "and") -> str:
    """Return ``"a"``, ``"a and b"`` or ``"a, b and c"``."""
    items = list(items)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}" if items else "none"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return ``"1 seed"`` or ``"5 seeds"``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def spanned(values: pd.Series, noun: str = "", plural: str | None = None) -> str:
    """Return ``"5"`` or ``"4 to 6"`` for the whole numbers in ``values``; with a noun, ``"4 to 6 seeds"``."""
    low, high = int(values.min()), int(values.max())
    span = str(low) if low == high else f"{low} to {high}"
    return f"{span} {noun if high == 1 else plural or noun + 's'}" if noun else span


#: What sentences on learning rules say of networks that no rule trained.
_OF_MODELS = (
    (r", not for the learning rules\b", ", not for others that are trained alike"),
    (r"\bof ([^.,]*) trained with each rule\b", r"of each network (\1)"),
    (r"\blearning rules\b", "networks that are trained alike"),
    (r"\brules\b", "networks"),
    (r"\brule\b", "network"),
)


def of_models(sentence: str) -> str:
    """Return a sentence on learning rules as one on networks that no rule trained.

    Examples
    --------
    >>> of_models("Mean RSA score of models trained with each rule. One colour scale for all rules.")
    'Mean RSA score of each network (models). One colour scale for all networks.'
    """
    for pattern, words_of_models in _OF_MODELS:
        sentence = re.sub(pattern, words_of_models, sentence)
    return sentence


def in_words_of(results: AlignmentResult, sentence: str) -> str:
    """Return a sentence on learning rules in words that are true of what was compared."""
    roles = set(results.network_scores.role)
    return of_models(sentence) if roles == {MODEL} else sentence


def sample_sizes(results: AlignmentResult, scores: pd.DataFrame) -> str:
    """Return subjects and stimuli of each recording and ROI in ``scores``, and the number of seeds."""
    parts = []
    for dataset, roi in panels(scores):
        rows = panel_rows(scores, dataset, roi)
        stimuli = counted(int(rows.n_stimuli.max()), "stimulus", "stimuli")
        parts.append(f"{results.dataset_label(dataset)} {roi}: {counted(rows.subject.nunique(), 'subject')}, {stimuli}")
    seeds = scores.groupby("rule", observed=True).seed.nunique()
    return f"{'; '.join(parts)}; {spanned(seeds, 'seed')} per rule."


def contrast_sizes(contrasts: pd.DataFrame) -> str:
    """Return ``"6 subjects, 24 stimuli, 1 seed"`` of contrasts."""
    stimuli = spanned(contrasts.n_stimuli, "stimulus", "stimuli")
    return f"{spanned(contrasts.n_subjects, 'subject')}, {stimuli}, {spanned(contrasts.n_seeds, 'seed')}"


def scope_of(contrasts: pd.DataFrame, results: AlignmentResult) -> str:
    """Return which of subjects, stimuli and seeds were random in ``contrasts``, by recording where they differ."""
    said: dict[str, list[str]] = {}
    for dataset, roi in panels(contrasts):
        rows = panel_rows(contrasts, dataset, roi)
        factors = {"subjects": rows.scope_subjects, "stimuli": rows.scope_stimuli, "seeds": rows.scope_seeds}
        random = [name for name, scope in factors.items() if (scope == "random").all()]
        fixed = [name for name in factors if name not in random]
        parts = [f"{listed(names)} are {kind}" for kind, names in (("random", random), ("fixed", fixed)) if names]
        said.setdefault("; ".join(parts), []).append(f"{results.dataset_label(dataset)} {roi}")
    if len(said) == 1:
        return f"{next(iter(said)).capitalize()}."
    return " ".join(f"For {listed(where)}, {text}." for text, where in said.items())


def correction_name(correction: str) -> str:
    """Return the name of a correction for multiple tests."""
    names = {
        "holm": "Holm's method",
        "bh": "the Benjamini-Hochberg method",
        "by": "the Benjamini-Yekutieli method",
        "max_t": "the largest t of the family",
    }
    return names.get(correction, words(correction))


def dissimilarity_name(name: str) -> str:
    """Return a dissimilarity in words."""
    return _DISSIMILARITIES.get(name, words(name))


def abbreviations(short: dict[str, str]) -> str:
    """Return ``"FA, feedback alignment."`` for rules whose short name is not their name."""
    pairs = [f"{name}, {words(rule)}" for rule, name in short.items() if name != words(rule)]
    return f"{'; '.join(pairs)}." if pairs else ""


def simulated_note(results: AlignmentResult, datasets: Sequence[str]) -> str:
    """Return the warning every caption of simulated recordings begins with, or nothing."""
    simulated = [name for name in dict.fromkeys(datasets) if results.is_simulated(name)]
    return f"SIMULATED: no brain was recorded for {listed(simulated)}." if simulated else ""


def in_ms(time: float) -> str:
    """Return a time in s as ``"120 ms"``."""
    return f"{1000 * time:.0f} ms".replace("-", "−")
