"""Gate G8: before a stimulus is shown nothing can be known of it."""

import math
from collections.abc import Mapping

import numpy as np

from brainalign.errors import SpecError
from brainalign.inference.estimate import Estimate
from brainalign.inference.family import adjust
from brainalign.inference.gate import Gate
from brainalign.inference.student import t_interval, t_test

#: Code of the gate.
BEFORE_ONSET = "G8"
#: Rules that a sentence names.
_NAMED = 3


def pre_stimulus(scores: np.ndarray, times: np.ndarray, alpha: float = 0.05) -> Gate | None:
    """Return gate G8 where scores before onset are not 0 on average; ``None`` where they are, or none is before onset.

    A mean over subjects of the mean score before onset whose ``1 - alpha`` interval (t over subjects) does not hold 0
    means leakage, slow drifts or stimuli in blocks: what comes after onset cannot be trusted either.

    Parameters
    ----------
    scores
        ``(n_subjects, n_times)`` scores whose mean is 0 without signal (crossnobis, held-out r, correlation with a
        model); two subjects or more.
    times
        ``(n_times,)`` seconds from onset.
    alpha
        Level.

    Examples
    --------
    >>> import numpy as np
    >>> times = np.linspace(-0.2, 0.4, 7)
    >>> noise = 0.1 * np.random.default_rng(0).standard_normal((10, 7))
    >>> pre_stimulus(noise, times) is None, pre_stimulus(noise + 0.2, times).code
    (True, 'G8')
    """
    values, at = np.asarray(scores, np.float64), np.asarray(times, np.float64)
    if values.ndim != 2 or at.shape != values.shape[1:] or len(values) < 2:
        msg = f"Scores {values.shape} and times {at.shape}: expected (subjects, times), two subjects or more."
        raise SpecError(msg)
    before = values[:, at < 0]
    if not before.shape[1]:
        return None
    means = before.mean(axis=1)
    mean, se = float(means.mean()), float(means.std(ddof=1)) / np.sqrt(len(means))
    low, high = t_interval(mean, se, len(means) - 1, alpha)
    if not (low > 0 or high < 0):
        return None
    sentence = (
        f"Before onset the mean score is {mean:.2g} ({100 * (1 - alpha):g}% interval [{low:.2g}, {high:.2g}] over"
        f" {len(means)} subjects): leakage, drift or blocked stimuli; what follows onset is not trusted."
    )
    return Gate(BEFORE_ONSET, "stop", sentence)


def before_onset(
    means: Mapping[tuple[str, str], Estimate], alpha: float = 0.05, signed: bool = True
) -> tuple[dict[str, Gate], str]:
    """Return gate G8 of each layer whose scores before onset are not 0, and a sentence on all of them.

    All layers and rules are tested together, by Holm's method, under the scope of the study: so one subject may be
    enough, where stimuli are random.

    Parameters
    ----------
    means
        Layer and rule to its mean score over the times before onset.
    alpha
        Level.
    signed
        Whether the scores have mean 0 without signal. Held-out predictions have a mean at or below 0, so that theirs
        are tested against larger values only.

    Examples
    --------
    >>> from brainalign.inference.scope import Scope
    >>> quiet, loud = (Estimate(mean, 0.01, 9, mean - 0.02, mean + 0.02, Scope()) for mean in (0.005, 0.2))
    >>> before_onset({("fc1", "backprop"): quiet, ("fc2", "backprop"): loud})[0].keys()
    dict_keys(['fc2'])
    """
    tests = {name: t_test(one.mean, one.se, one.dof) for name, one in means.items()}
    if not np.isfinite(list(tests.values())).any():
        low, high = _range(means)
        said = f"Before onset mean scores are from {low:.2g} to {high:.2g}; nothing is random here that could test them"
        return {layer: Gate(BEFORE_ONSET, "warn", f"{said}.") for layer, _ in means}, f"{said}."
    if not signed:
        tests = {name: p / 2 if means[name].mean > 0 else 1 - p / 2 for name, p in tests.items()}
    adjusted = dict(zip(tests, adjust(list(tests.values())).tolist(), strict=True))
    fired: dict[str, list[str]] = {}
    for (layer, rule), p in adjusted.items():
        if p < alpha:
            fired.setdefault(layer, []).append(rule)
    gates = {layer: Gate(BEFORE_ONSET, "stop", _fired(means, layer, rules, alpha)) for layer, rules in fired.items()}
    low, high = _range(means)
    said = f"before onset mean scores of layers are from {low:.2g} to {high:.2g}; "
    count = sum(map(len, fired.values()))
    verb = ("differ" if count > 1 else "differs") + " from 0" if signed else ("are" if count > 1 else "is") + " above 0"
    tested = f"{count or 'none'} of {len(tests)} means {verb} (Holm's method)."
    return gates, said + tested


def _fired(means: Mapping[tuple[str, str], Estimate], layer: str, rules: list[str], alpha: float) -> str:
    largest = sorted(rules, key=lambda rule: -abs(means[layer, rule].mean))
    own = {rule: means[layer, rule] for rule in largest[:_NAMED]}
    named = ", ".join(f"{rule} {one.mean:.2g} [{one.ci_low:.2g}, {one.ci_high:.2g}]" for rule, one in own.items())
    more = f" and {len(rules) - _NAMED} more" if len(rules) > _NAMED else ""
    return (
        f"Before onset mean scores are not 0: {named}{more} ({100 * (1 - alpha):g}% intervals): leakage, drift or "
        "blocked stimuli; what follows onset is not trusted."
    )


def _range(means: Mapping[tuple[str, str], Estimate]) -> tuple[float, float]:
    values = [one.mean for one in means.values() if math.isfinite(one.mean)]
    return (min(values), max(values)) if values else (math.nan, math.nan)
