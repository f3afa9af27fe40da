"""Figure of ``which_rule``: what each rule changes in each architecture."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from which_rule_found import PLACES, Findings
from which_rule_words import SHORT

from brainalign.report.style import DOUBLE, words

#: Colour and marker of each architecture.
_LOOKS = {
    "cnn": ("#000000", "o"),
    "mlp": ("#0072B2", "s"),
    "rnn": ("#E69F00", "^"),
    "transformer": ("#CC79A7", "D"),
}


def architecture_figure(found: Findings) -> plt.Figure:
    """Draw every shared rule minus readout only in each architecture, a panel for each place."""
    table = found.table("architectures")
    table = table[table.control == "readout_only"]
    places = [place for place in found.places if not _rows(table, place).empty]
    rules = list(dict.fromkeys(table.rule))[::-1]
    size = (DOUBLE, 0.6 + 0.17 * len(rules))
    figure, axes = plt.subplots(1, len(places), figsize=size, sharey=True, layout="constrained")
    for ax, place in zip(axes, places, strict=True):
        here = _rows(table, place).set_index("rule").reindex(rules)
        ax.axvline(0, color="0.4", lw=0.6)
        for row in range(len(rules)):
            ax.axhline(row, color="0.93", lw=0.5, zorder=0)
        for k, (network, (colour, marker)) in enumerate(_LOOKS.items()):
            at = np.arange(len(rules)) + 0.15 * (1.5 - k)
            # p of one test each: the adjusted ones, over architectures, stand in the tables
            delta, sure = here[f"delta_{network}"], here[f"p_{network}"] < 0.05
            ax.scatter(delta[~sure], at[~sure], s=10, lw=0.7, marker=marker, fc="white", ec=colour)
            ax.scatter(delta[sure], at[sure], s=10, lw=0.7, marker=marker, fc=colour, ec=colour)
        ax.set_title(place.replace(", ", ",\n").replace(" categor", "\ncategor"))
        ax.set_xlabel("difference\n(Spearman ρ)")
        two_ticks(ax)
    axes[0].set_yticks(range(len(rules)), [words(rule) for rule in rules])
    handles = [
        plt.Line2D([], [], ls="", marker=marker, ms=3.5, mfc=colour, mec=colour, label=SHORT[network])
        for network, (colour, marker) in _LOOKS.items()
    ]
    figure.legend(handles=handles, loc="outside lower right", ncols=len(handles))
    return figure


def two_ticks(ax: plt.Axes) -> None:
    """Mark 0 and one more number: panels are narrow. Where there is no room for both, a line marks 0."""
    far = max(ax.get_xlim(), key=abs)
    nice = np.sign(far) * max(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if step <= abs(far))
    near = abs(nice) < 0.42 * np.ptp(ax.get_xlim())
    ax.set_xticks([0, nice], ["" if near else "0", f"{nice:g}".replace("-", "−")])


def _rows(table: pd.DataFrame, place: str) -> pd.DataFrame:
    recording, roi, measure, _ = PLACES[place]
    return table[(table.dataset == recording) & (table.roi == roi) & (table.measure == measure)]
