"""Draw which rules teach hidden layers of a perceptron, from the table of ``benchmarks/digits_grid.py``.

The figure is ``docs/results/figures/digits_grid.png``.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from brainalign.report.style import DOUBLE, paper, words

RESULTS = Path(__file__).parents[1] / "docs" / "results"

#: Percentage points below readout only at which the axis ends.
LEAST = -10


def main() -> None:
    """Draw the difference to readout only of every rule that was measured on the perceptron, with its interval."""
    table = pd.read_csv(RESULTS / "digits_grid.csv").drop_duplicates(["network", "rule", "epochs"], keep="last")
    table = table[(table.network == "mlp") & table.difference.notna()].sort_values("difference")
    exceeds = table.exceeds.astype(str) == "True"
    with paper():
        figure, axes = plt.subplots(figsize=(DOUBLE, 0.14 * len(table) + 0.7), layout="constrained")
        kinds = ((exceeds, "#0072B2", "#0072B2", "exceeds"), (~exceeds, "0.45", "white", "does not exceed"))
        for chosen, colour, face, label in kinds:
            rows = table[chosen]
            places = [table.index.get_loc(index) for index in rows.index]
            width = [100 * (rows.difference - rows.low), 100 * (rows.high - rows.difference)]
            look = {"color": colour, "markerfacecolor": face, "markersize": 4, "label": label}
            axes.errorbar(100 * rows.difference, places, xerr=width, fmt="o", **look)
        axes.axvline(0, color="0.35", linewidth=0.8, linestyle=(0, (4, 2)))
        axes.set_yticks(range(len(table)), [words(rule) for rule in table.rule])
        axes.set_xlabel("test accuracy above readout only, percentage points (mean of 5 seeds, 95 % interval)")
        axes.set_title("Digits, perceptron, 20 epochs: which rules teach hidden layers?")
        for place, far in enumerate(100 * table.difference):
            if far < LEAST:  # drawn at the edge, with its number
                axes.annotate(
                    f"{far:.0f}".replace("-", "−"),
                    (LEAST, place),
                    (LEAST + 1, place),
                    va="center",
                    arrowprops={"arrowstyle": "->"},
                )
        axes.set_xlim(left=LEAST)
        axes.legend(loc="upper left")
        path = RESULTS / "figures" / "digits_grid.png"
        path.parent.mkdir(exist_ok=True)
        figure.savefig(path, dpi=200)
    print(path)


if __name__ == "__main__":
    main()
