"""Rules beside each other at equal accuracy: at the checkpoint of each that answers as well as the weakest rule."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from brainalign import tables

#: Largest distance of a mean validation accuracy from the one in common that counts as equal.
TOLERANCE = 0.02


def equal_accuracy_table(
    accuracies: pd.DataFrame, left_out: Mapping[str, Collection[str]] | None = None, tolerance: float = TOLERANCE
) -> pd.DataFrame:
    """Return the checkpoint of each rule at which it is as accurate as the weakest rule at its end.

    Nothing but validation accuracy is looked at: no test sample and no brain. What is chosen is the same for all seeds.
    A rule whose nearest checkpoint is farther than ``tolerance`` from the accuracy in common cannot be compared at
    equal accuracy.

    Parameters
    ----------
    accuracies
        Columns rule, network, seed, step and val_accuracy, of rules at checkpoints after their first step, see
        :func:`brainalign.training.checkpoint_accuracy.checkpoint_accuracy`.
    left_out
        Network to rules that take no part: those that do not exceed readout only on validation samples.
    tolerance
        Largest distance from the accuracy in common.

    Returns
    -------
    pandas.DataFrame
        Table ``equal_accuracy``: a row for each rule; none for a network with fewer than two rules, or without earlier
        checkpoints.
    """
    rows: list[dict[str, object]] = []
    for network, here in accuracies.dropna(subset="val_accuracy").groupby("network", observed=True, sort=False):
        out = set((left_out or {}).get(str(network), ()))
        means = here.groupby(["rule", "step"], observed=True).val_accuracy.mean()
        by_rule = {rule: means[rule] for rule in dict.fromkeys(map(str, here.rule)) if rule not in out}
        if len(by_rule) < 2 or all(len(own) < 2 for own in by_rule.values()):
            continue
        target, steps = equally_accurate(by_rule)
        for rule, step in steps.items():
            own = by_rule[rule]
            rows.append({
                "rule": rule,
                "network": str(network),
                "checkpoint": step,
                "accuracy": float(own[step]),
                "accuracy_end": float(own.iloc[-1]),
                "target_accuracy": target,
                "tolerance": tolerance,
                "matched": abs(float(own[step]) - target) <= tolerance,
            })  # fmt: skip
    return tables.cast("equal_accuracy", pd.DataFrame(rows)) if rows else tables.empty("equal_accuracy")


def equally_accurate(accuracies: Mapping[str, pd.Series]) -> tuple[float, dict[str, int]]:
    """Return the accuracy in common, and the step at which each rule is nearest to it.

    In common is the lowest accuracy that a rule ends with. Checkpoints are apart, so that accuracies are near each
    other, not equal.

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


def comparable(table: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Return network and rule to the step at which it is compared; nothing of a network with one such rule alone.

    Parameters
    ----------
    table
        What :func:`equal_accuracy_table` returned.
    """
    matched = table[table.matched]
    several = matched.groupby("network", observed=True).rule.transform("size") > 1
    chosen = matched[several]
    keys = zip(chosen.network.astype(str), chosen.rule.astype(str), strict=True)
    return dict(zip(keys, chosen.checkpoint.astype(int), strict=True))


def no_part_sentences(table: pd.DataFrame, left_out: Mapping[str, Collection[str]]) -> list[str]:
    """Return which rules take no part, and that nothing is compared where fewer than two are left."""
    why = "left out, since nothing shows on validation samples that they exceed readout only"
    found = [f"{network}: {why}: {', '.join(rules)}." for network, rules in left_out.items() if rules]
    if table.empty:
        found.append("nothing is compared: fewer than two rules take part, or no validation samples were held out.")
    return found


def equal_accuracy_sentences(table: pd.DataFrame) -> list[str]:
    """Return for each network what accuracies were compared, how far they differ, and which rules cannot be."""
    found = []
    for network, rows in table.groupby("network", observed=True, sort=False):
        near, far = rows[rows.matched], rows[~rows.matched]
        target, tolerance = rows.target_accuracy.iloc[0], f"{rows.tolerance.iloc[0]:g}"
        start = f"{network}: the least accurate rule that takes part ends with a validation accuracy of {target:.3f}."
        if len(near) < 2:
            said = f"No other rule has a checkpoint within {tolerance} of it: nothing is compared."
        else:
            apart = near.accuracy.max() - near.accuracy.min()
            said = (
                f"{len(near)} of {len(rows)} rules have a checkpoint within {tolerance} of it and are compared there; "
                f"their accuracies still differ by up to {apart:.3f}."
            )
        if len(far):
            names = [f"{rule} ({reached:.3f})" for rule, reached in zip(far.rule, far.accuracy, strict=True)]
            said += (
                f" Not comparable, with the nearest accuracy: {', '.join(names)}. More checkpoints would lie nearer."
            )
        found.append(f"{start} {said}")
    return found
