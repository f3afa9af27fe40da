"""Rules beside each other at equal accuracy: at the checkpoint of each that answers as well as the weakest rule."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from brainalign import tables
from brainalign.columns import READOUT_ONLY, TRAINED

#: Largest difference in mean validation accuracy at which two rules count as equally accurate.
TOLERANCE = 0.02
_CELL = ["network", "dataset", "roi", "time", "layer", "measure"]


def equal_accuracy_table(scores: pd.DataFrame, training: pd.DataFrame, tolerance: float = TOLERANCE) -> pd.DataFrame:
    """Return the difference of every rule and backpropagation at equal accuracy, beside that at the end.

    The accuracy in common is the lowest that a rule ends with, mean over seeds on validation samples. Rules that end no
    better than readout only are left out where that control was trained. Of each rule the scored checkpoint with the
    nearest accuracy is taken, the same for all seeds. Checkpoints before the last have no samples of stimuli: there is
    no p, and the standard error is over seeds alone. It is exploratory.

    Parameters
    ----------
    scores
        Table of scores, earlier checkpoints with them.
    training
        Table of trainings.
    tolerance
        Largest distance of an accuracy from the one in common.

    Returns
    -------
    pandas.DataFrame
        A row for each rule but backpropagation in each cell; none without earlier checkpoints, accuracies or two rules.
    """
    found = []
    for network, of_network in scores[scores.checkpoint.notna()].groupby("network", observed=True):
        steps = _accuracies(of_network, training[training.network == network])
        if len(steps) < 2 or "backprop" not in steps or all(len(own) < 2 for own in steps.values()):
            continue
        target, chosen = equally_accurate(steps)
        found += _rows(of_network, steps, chosen, target, tolerance)
    if not found:
        return tables.empty("equal_accuracy")
    return tables.cast("equal_accuracy", pd.DataFrame(found))


def equally_accurate(accuracies: Mapping[str, pd.Series]) -> tuple[float, dict[str, int]]:
    """Return the accuracy in common, and the step at which each rule is nearest to it.

    In common is the lowest accuracy that a rule ends with. Steps double, so that accuracies are near each other, not
    equal.

    Parameters
    ----------
    accuracies
        Rule to its mean validation accuracy, by step in rising order.

    Examples
    --------
    >>> strong, weak = pd.Series({10: 0.3, 20: 0.62, 40: 0.9}), pd.Series({10: 0.1, 20: 0.3, 40: 0.6})
    >>> equally_accurate({"backprop": strong, "feedback_alignment": weak})
    (0.6, {'backprop': 20, 'feedback_alignment': 40})
    """
    target = min(float(own.iloc[-1]) for own in accuracies.values())
    return target, {
        rule: int(own.index.to_numpy()[int(np.abs(own.to_numpy() - target).argmin())])
        for rule, own in accuracies.items()
    }


def equal_accuracy_sentence(table: pd.DataFrame) -> str:
    """Return how many rules could be compared at equal accuracy; nothing where none was."""
    if table.empty:
        return ""
    said = []
    for network, rows in table.groupby("network", observed=True):
        matched = rows.groupby("rule_a", observed=True).matched.first()
        said.append(
            f"{network}: {int(matched.sum())} of {len(matched)} rules and backprop have checkpoints within"
            f" {rows.tolerance.iloc[0]:g} of {rows.target_accuracy.iloc[0]:.3f}"
        )
    return (
        f"At equal validation accuracy ({'; '.join(said)}) differences are in equal_accuracy.csv, exploratory and "
        "without p values."
    )


def _accuracies(scores: pd.DataFrame, training: pd.DataFrame) -> dict[str, pd.Series]:
    """Return rule to its mean validation accuracy at each scored checkpoint, by step."""
    means = training.groupby(["rule", "step"], observed=True).val_accuracy.mean()
    found: dict[str, pd.Series] = {}
    for rule, own in scores[scores.role == TRAINED].groupby("rule", observed=True):
        scored = sorted(set(own.checkpoint.astype(int)))
        known = means[means.index.get_level_values("rule") == rule].droplevel("rule")
        known = known.reindex(scored).dropna()
        if len(known):
            found[str(rule)] = known
    readout = scores.rule[scores.role == READOUT_ONLY].unique()
    for name in readout:
        at_end = means[means.index.get_level_values("rule") == name].droplevel("rule").sort_index()
        if len(at_end):
            found = {rule: own for rule, own in found.items() if own.iloc[-1] > at_end.iloc[-1]}
    return found


def _rows(
    scores: pd.DataFrame, steps: Mapping[str, pd.Series], chosen: Mapping[str, int], target: float, tolerance: float
) -> list[dict[str, object]]:
    means = scores.groupby([*_CELL, "rule", "checkpoint", "seed"], observed=True, dropna=False).score.mean()
    at = {
        rule: [means.xs((rule, step), level=("rule", "checkpoint")) for step in (chosen[rule], int(own.index[-1]))]
        for rule, own in steps.items()
    }
    reached = {rule: float(steps[rule][step]) for rule, step in chosen.items()}
    rows: list[dict[str, object]] = []
    for rule in (rule for rule in steps if rule != "backprop"):
        early, end = (_differences(a, b) for a, b in zip(at[rule], at["backprop"], strict=True))
        matched = max(abs(reached[one] - target) for one in (rule, "backprop")) <= tolerance
        for cell, own in early.items():
            rows.append({
                **dict(zip(_CELL, cell, strict=True)),
                "time": float("nan") if cell[3] is None else cell[3],
                "rule_a": rule,
                "rule_b": "backprop",
                "checkpoint_a": chosen[rule],
                "checkpoint_b": chosen["backprop"],
                "accuracy_a": reached[rule],
                "accuracy_b": reached["backprop"],
                "target_accuracy": target,
                "tolerance": tolerance,
                "matched": matched,
                "delta": float(own.mean()),
                "se_seeds": float(own.std(ddof=1) / np.sqrt(len(own))) if len(own) > 1 else np.nan,
                "delta_end": float(np.mean(end[cell])),
            })  # fmt: skip
    return rows


def _differences(one: pd.Series, other: pd.Series) -> dict[tuple[object, ...], np.ndarray]:
    """Return the differences of paired seeds in each cell; a missing time is None, which equals itself."""
    sides = []
    for side in (one, other):
        table = side.rename("score").reset_index()
        names = [table[name].astype(object).where(table[name].notna(), None) for name in (*_CELL, "seed")]
        sides.append(dict(zip(zip(*names, strict=True), table.score, strict=True)))
    found: dict[tuple[object, ...], list[float]] = {}
    for key, value in sides[0].items():
        if key in sides[1]:
            found.setdefault(key[:-1], []).append(float(value) - float(sides[1][key]))
    return {cell: np.array(values) for cell, values in found.items()}
