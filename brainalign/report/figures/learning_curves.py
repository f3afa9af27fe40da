"""Learning curves: loss, accuracy and feedback angle by epoch, the mean in bold and every seed thin."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from brainalign.alignment.result import AlignmentResult
from brainalign.report.figure import Figure
from brainalign.report.legend import bottom_legend
from brainalign.report.lines import marks_at
from brainalign.report.rule_style import rule_styles
from brainalign.report.scores import groups
from brainalign.report.style import SMALL, panel_grid, paper, words
from brainalign.report.wording import spanned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from brainalign.report.style import On, Sheet

_CURVES = {
    "train_loss": "Training loss",
    "val_accuracy": "Validation accuracy\n(share)",
    "test_accuracy": "Test accuracy\n(share)",
    "feedback_angle": "Feedback angle\n(degrees)",
}


class LearningCurves(Figure):
    """What was measured of each rule by epoch; what was not measured has no panel."""

    file: ClassVar[str] = "learning"
    heading: ClassVar[str] = "Learning curves"
    section: ClassVar[str] = "training"
    place: ClassVar[int] = 0
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "training": ("rule", "network", "dataset", "seed", "epoch", *_CURVES)
    }

    def cells(self, results: AlignmentResult) -> Sequence[tuple[str, ...]]:
        """Return (network, training set) of all that was trained."""
        table = results.training[results.training[["train_loss", "val_accuracy", "test_accuracy"]].notna().any(axis=1)]
        return [(str(network), str(dataset)) for (network, dataset), _ in groups(table, "network", "dataset")]

    def title(self, results: AlignmentResult, *cell: str) -> str:
        """Return the title of one network on one training set."""
        return f"{self.heading}, {words(cell[0])} on {cell[1]}"

    def draw(self, results: AlignmentResult, *cell: str, on: "On" = None) -> "Sheet":
        """Draw the curves of one network on one training set."""
        return _draw(results, *cell, on=on)

    def caption(self, results: AlignmentResult, *cell: str) -> str:
        """Return the caption."""
        network, dataset = cell
        table = results.training[(results.training.network == network) & (results.training.dataset == dataset)]
        seeds = table.groupby("rule", observed=True).seed.nunique()
        sentences = [
            f"Learning of {words(network)} on {dataset}.",
            f"Bold: mean over seeds, with the marker of the rule. Thin: {spanned(seeds, 'seed')} per rule.",
        ]
        if results.untrained & set(table.rule):
            sentences.append("Broken line: untrained network.")
        if table.feedback_angle.notna().any():
            angle = "between feedback and forward weights, mean over synapses; 90 is unrelated."
            sentences.append(f"Feedback angle: {angle}")
        return " ".join(sentences)


def _draw(results: AlignmentResult, network: str, dataset: str, *, on: "On" = None) -> "Sheet":
    table = results.training[(results.training.network == network) & (results.training.dataset == dataset)]
    curves = [name for name in _CURVES if table[name].notna().any()]
    with paper(on):
        from matplotlib.lines import Line2D

        figure, axes = panel_grid(len(curves), 1.7, on=on)
        handles: list[Any] = []
        for k, rule in enumerate(results.rules):
            rows = table[table.rule == rule]
            if rows.empty:
                continue
            style = rule_styles(results.rules)[rule]
            constant = rule in results.untrained or rows.epoch.nunique() == 1
            for axis, name in zip(axes, curves, strict=True):
                if rows[name].isna().all():  # a rule without feedback weights has no angle
                    continue
                if constant:  # an untrained network is a level, not a curve
                    axis.axhline(rows[name].mean(), color=style.colour, linestyle="--", linewidth=1)
                    continue
                by_seed = rows.pivot_table(index="epoch", columns="seed", values=name)
                axis.plot(by_seed.index, by_seed, color=style.colour, linewidth=0.4, alpha=0.5)
                at = marks_at(len(by_seed), k, len(results.rules))
                axis.plot(by_seed.index, by_seed.mean(axis=1), color=style.colour, marker=style.marker, markevery=at)
            look: dict[str, Any] = {"linestyle": "--"} if constant else {"marker": style.marker}
            handles.append(Line2D([], [], color=style.colour, label=style.label, **look))
        for axis, name in zip(axes, curves, strict=True):
            _label(axis, _CURVES[name])
        bottom_legend(figure, handles, on)
    return figure


def _label(axis: "Axes", name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_xlabel("Epoch")
    axis.set_ylabel(name)
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if "accuracy" in name:
        axis.set_ylim(0, 1)
    if "angle" in name:
        axis.set_ylim(0, 100)
        axis.axhline(90, color="0.7", linewidth=0.6, zorder=0)
        axis.text(1, 91, "unrelated", transform=axis.get_yaxis_transform(), ha="right", fontsize=SMALL, color="0.35")
