"""Write ``docs/findings.md`` and its figures from the tables of ``docs/results/which_rule``.

    python benchmarks/which_rule_page.py

Every number on the page comes from these tables; ``benchmarks/which_rule.py tables`` makes them again from the
committed RDMs.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined
from matplotlib.colors import Normalize
from which_rule import GAP, RESULTS, ROOT, SHOWN, STUDY, exceeding, study

import brainalign as ba
from brainalign.inference.plausibility_relation import plausibility_relation
from brainalign.report.rule_style import rule_styles
from brainalign.report.style import DOUBLE, paper, words
from brainalign.storage import write_text

PAGE = ROOT / "docs" / "findings.md"
TEMPLATE = Path(__file__).parent / "which_rule_findings.md.j2"
FIGURES = RESULTS / "figures"
SPEARMAN, WITHIN, WHITENED = "rsa spearman", "rsa spearman within categories", "rsa corr_cov"
#: Place to recording, ROI, measure and title; the order of the page.
PLACES = {
    "EVC": ("cichy92", "EVC", SPEARMAN, "human EVC, 15 people"),
    "IT": ("cichy92", "IT", SPEARMAN, "human IT, 15 people"),
    "monkey IT": ("kriegeskorte92", "monkeyIT", SPEARMAN, "monkey IT"),
    "human IT (4)": ("kriegeskorte92", "humanIT", SPEARMAN, "human IT, 4 people"),
    "EEG, all pairs": ("eeg49", "scalp", SPEARMAN, "EEG at 130 to 170 ms, all pairs"),
    "EEG, within categories": ("eeg49", "scalp", WITHIN, "EEG at 130 to 170 ms, pairs within categories"),
}
#: Rules by family, as declared.
FAMILIES = {
    "backpropagation": ("backprop",),
    "feedback weights": (
        *("feedback_alignment", "direct_feedback_alignment", "sign_symmetry", "kolen_pollack", "weight_mirror"),
    ),
    "projected targets": ("direct_random_target_projection", "delayed_feedback"),
    "target propagation": (
        *("target_propagation", "difference_target_propagation", "fixed_weight_target_propagation"),
        *("local_difference_reconstruction", "counter_current"),
    ),
    "local losses": ("local_losses",),
    "relaxation": ("predictive_coding", "dual_propagation", "equilibrium_propagation", "contrastive_hebbian"),
    "forward only": ("forward_forward", "pepita", "forward_gradient"),
    "perturbation": ("node_perturbation", "weight_perturbation"),
    "Hebbian and spikes": ("hebbian", "reward_modulated_stdp"),
    "learned credit": ("top_down_credit",),
}
FAMILY = {rule: family for family, rules in FAMILIES.items() for rule in rules}
CONTROLS = ("untrained", "readout_only", "two_views", "backprop")


class Findings:
    """The tables, and what is read from them."""

    def __init__(self) -> None:
        read = lambda name: pd.read_csv(RESULTS / f"{name}.csv")  # noqa: E731
        self.scores, self.contrasts, self.ranks, self.gates = map(read, ("scores", "contrasts", "ranks", "gates"))
        self.training, self.needs, self.time_course = map(read, ("training", "needs", "time_course"))
        self.by_category = read("by_category")
        self.matched, self.matched_scores = read("equal-accuracy"), read("scores-equal-accuracy")
        self.matched_contrasts = read("contrasts-equal-accuracy")
        spec = study()
        self.layers = dict(spec.scoring.ranking_layer)
        asked = list(tomllib.loads(STUDY.read_text(encoding="utf-8"))["rules"])
        self.rules = [rule for rule in asked if rule in set(self.training.rule)]
        self.untrained_yet = [rule for rule in FAMILY if rule not in self.rules]
        self.learned = exceeding(self.training)
        self.about = ba.load_rdms(RESULTS / f"rdms-{next(iter(SHOWN))}.safetensors")[1]
        self.accuracy = self._accuracy()

    def _accuracy(self) -> pd.DataFrame:
        last = self.training[self.training.step == self.training.groupby("rule").step.transform("max")]
        return last.groupby("rule").test_accuracy.agg(["mean", "std"])

    def at(self, table: pd.DataFrame, place: str) -> pd.DataFrame:
        """Return the rows of a table at a place and its declared layer; of low-level controls all."""
        recording, roi, measure, _ = PLACES[place]
        here = table[(table.dataset == recording) & (table.roi == roi) & (table.measure == measure)]
        control = here.role == "low_level" if "role" in here else pd.Series(False, index=here.index)
        return here[(here.layer == self.layers[roi]) | control]

    def means(self, place: str, table: pd.DataFrame | None = None) -> pd.Series:
        """Return the mean score of every rule at a place, over seeds and subjects."""
        here = self.at(self.scores if table is None else table, place)
        return here[~here.role.isin(["low_level", "own_start"])].groupby("rule").score.mean()

    def floors(self, place: str) -> pd.Series:
        """Return the scores of low-level controls."""
        here = self.at(self.scores, place)
        return here[here.role == "low_level"].groupby("layer").score.mean()

    def ceiling(self, place: str) -> tuple[float, float]:
        """Return the noise ceiling of a place; NaN where there is none."""
        here = self.at(self.scores, place)
        return float(here.ceiling_lower.mean()), float(here.ceiling_upper.mean())

    def contrast(self, place: str, rule: str, kind: str, table: pd.DataFrame | None = None) -> pd.Series | None:
        """Return the contrast of a rule with one of its two controls."""
        here = self.at(self.contrasts if table is None else table, place)
        found = here[(here.rule_a == rule) & (here.kind == kind)]
        return None if found.empty else found.iloc[0]

    def differing(self, place: str, kind: str, table: pd.DataFrame | None = None) -> list[tuple[str, float]]:
        """Return the rules that differ from a control by the largest t of the family, with the difference."""
        here = self.at(self.contrasts if table is None else table, place)
        rows = here[(here.kind == kind) & (here.p_adjusted < 0.05)].sort_values("delta", ascending=False)
        return list(zip(rows.rule_a, rows.delta, strict=True))


# -- words ------------------------------------------------------------------------------------------------------------


def listed(rules: list[str]) -> str:
    """Return names of rules in one sentence's order."""
    names = [words(rule) for rule in rules]
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)


def in_short(found: Findings) -> Iterator[str]:
    """Yield the findings, a bullet each."""
    candidates = [rule for rule in found.rules if rule in FAMILY]
    lacking = [rule for rule in candidates if rule not in found.learned]
    yield (
        f"**{len(candidates) - len(lacking)} of {len(candidates)} rules taught hidden layers something**: their "
        "networks answer better than those of which only the readout was trained, after as many steps."
        + (f" These did not: {listed(lacking)}. They are scored and not ranked." if lacking else "")
    )
    for place, (_, _, _, title) in PLACES.items():
        yield f"**{title[0].upper()}{title[1:]}.** " + " ".join(_verdict(found, place))


def _verdict(found: Findings, place: str) -> Iterator[str]:
    for kind, control in (("vs_readout_only", "readout only"), ("vs_backprop", "backpropagation")):
        rows = found.differing(place, kind)
        higher = [rule for rule, delta in rows if delta > 0]
        lower = [rule for rule, delta in rows if delta < 0]
        if not rows:
            yield f"No rule differs from {control}."
        if higher:
            yield f"Above {control}: {listed(higher)}."
        if lower:
            yield f"Below {control}: {listed(lower)}."
    means, floors = found.means(place), found.floors(place)
    best, floor = means.idxmax(), floors.idxmax()
    if floors[floor] >= means[best]:
        yield (
            f"**{floor.capitalize()} alone scores {floors[floor]:.2f}, as high as every network or higher** (highest: "
            f"{words(best)}, {means[best]:.2f})."
        )
    else:
        highest = f"the highest network {words(best)} ({means[best]:.2f})"
        yield f"The highest floor is {floor} ({floors[floor]:.2f}), {highest}."
    supported = found.at(found.ranks, place).supported.astype(bool).any()
    yield "An order of rules is supported." if supported else "No order of the rules is supported."


# -- tables -----------------------------------------------------------------------------------------------------------


def main_table(found: Findings) -> Iterator[str]:
    """Yield the table of rules by recordings."""
    yield "| rule | test accuracy (%) | exceeds readout only | " + " | ".join(PLACES) + " |"
    yield "|" + "---|" * (3 + len(PLACES))
    means = {place: found.means(place) for place in PLACES}
    for rule in sorted(found.rules, key=lambda rule: -found.accuracy["mean"][rule]):
        accuracy = found.accuracy.loc[rule]
        learned = "yes" if rule in found.learned else "no" if rule in FAMILY or rule == "two_views" else "control"
        cells = [f"{means[place][rule]:.3f}{_marks(found, place, rule)}" for place in PLACES]
        shown = f"{100 * accuracy['mean']:.1f} ± {100 * accuracy['std']:.1f}"
        yield f"| {words(rule)} | {shown} | {learned} | " + " | ".join(cells) + " |"
    for control in ("pixels", "luminance", "gabor"):
        cells = [f"{found.floors(place).get(control, np.nan):.3f}" for place in PLACES]
        yield f"| *{control}* | | floor | " + " | ".join(cells) + " |"
    ceilings = [found.ceiling(place) for place in PLACES]
    cells = ["not estimable" if np.isnan(low) else f"{low:.3f} to {high:.3f}" for low, high in ceilings]
    yield "| *noise ceiling* | | | " + " | ".join(cells) + " |"


def _marks(found: Findings, place: str, rule: str) -> str:
    marks = ""
    for kind, (up, down) in (("vs_readout_only", ("▲", "▼")), ("vs_backprop", ("△", "▽"))):
        one = found.contrast(place, rule, kind)
        if one is not None and one.p_adjusted < 0.05:
            marks += up if one.delta > 0 else down
    return f" {marks}" if marks else ""


def rank_table(found: Findings) -> Iterator[str]:
    """Yield rank sets: places that the data do not exclude."""
    yield "| rule | " + " | ".join(PLACES) + " |"
    yield "|" + "---|" * (1 + len(PLACES))
    at = {place: found.at(found.ranks, place).set_index("rule") for place in PLACES}
    rules = [rule for rule in found.rules if any(rule in one.index for one in at.values())]
    for rule in rules:
        cells = []
        for one in at.values():
            row = one.loc[rule] if rule in one.index else None
            cells.append("not ranked" if row is None else f"{row.rank_low:.0f} to {row.rank_high:.0f}")
        yield f"| {words(rule)} | " + " | ".join(cells) + " |"


def matched_table(found: Findings) -> Iterator[str]:
    """Yield differences from backpropagation at the end and at equal accuracy."""
    some = [place for place in PLACES if place != "human IT (4)"]
    yield (
        "| rule | step | validation accuracy (%) | "
        + " | ".join(f"{place}: end, equal accuracy" for place in some)
        + " |"
    )
    yield "|" + "---|" * (3 + len(some))
    for row in found.matched.to_dict("records"):
        cells = []
        for place in some:
            pair = [
                found.contrast(place, row["rule"], "vs_backprop", table)
                for table in (found.contrasts, found.matched_contrasts)
            ]
            cells.append(
                ", ".join("" if one is None else _signed(one) for one in pair)
                if any(one is not None for one in pair)
                else ""
            )
        yield f"| {words(row['rule'])} | {row['step']} | {100 * row['val_accuracy']:.1f} | " + " | ".join(cells) + " |"


def _signed(one: pd.Series) -> str:
    return f"{one.delta:+.3f}{'*' if one.p_adjusted < 0.05 else ''}"


def needs_table(found: Findings) -> Iterator[str]:
    """Yield what would be needed to find a difference."""
    names = [name for name in found.needs.columns if name.endswith("needed")]
    yield "| recording | ROI | measure | at hand | detectable now | " + " | ".join(names) + " | all together |"
    yield "|" + "---|" * (6 + len(names))
    for row in found.needs.to_dict("records"):
        if found.layers.get(row["roi"]) != row["layer"]:
            continue
        cells = ["no number is enough" if pd.isna(row[name]) else f"{row[name]:.0f}" for name in names]
        together = "no number is enough" if pd.isna(row["all grow"]) else row["all grow"]
        yield (
            f"| {row['dataset']} | {row['roi']} | {row['measure']} | {row['subjects x stimuli x seeds']} | "
            f"{row['detectable now']:.3f} | " + " | ".join(cells) + f" | {together} |"
        )


def whitened(found: Findings) -> str:
    """Return what whitened correlation says at the declared layers."""
    parts = []
    for recording, roi, measure, title in PLACES.values():
        if measure != SPEARMAN:
            continue
        here = found.contrasts[
            (found.contrasts.dataset == recording)
            & (found.contrasts.roi == roi)
            & (found.contrasts.measure == WHITENED)
            & (found.contrasts.kind == "vs_readout_only")
            & (found.contrasts.layer == found.layers[roi])
        ]
        above = list(here[(here.p_adjusted < 0.05) & (here.delta > 0)].rule_a)
        parts.append(f"{title}: {len(above)} of {len(here)} above readout only")
    return "; ".join(parts) + "."


# -- plausibility -----------------------------------------------------------------------------------------------------


def plausibility() -> pd.Series:
    """Return the share of the literature's criteria that each rule meets on this network, of those decided."""
    table = pd.read_csv(ROOT / "docs" / "scorecard" / "criteria.csv")
    cnn = table[(table.network == "cnn") & table.measured.notna()]
    return cnn.groupby("rule").measured.agg(lambda marks: float((marks.astype(str) == "True").mean()))


def relations(found: Findings) -> Iterator[str]:
    """Yield how plausibility and alignment go together, a bullet for each place."""
    plausible = plausibility()
    for place in PLACES:
        means = found.means(place)
        rules = [rule for rule in found.rules if rule in FAMILY and rule in found.learned and rule in plausible.index]
        errors = {rule: _error(found, place, rule) for rule in rules}
        if len({FAMILY[rule] for rule in rules}) < 4:
            yield f"{place}: fewer than four families have a scorecard on this network and exceed readout only."
            continue
        one = plausibility_relation(
            {rule: plausible[rule] for rule in rules},
            {rule: means[rule] for rule in rules},
            errors,
            {rule: FAMILY[rule] for rule in rules},
        )
        yield f"{place}: {one.sentence}"


def _error(found: Findings, place: str, rule: str) -> float:
    """Return the error of a mean: that of the contrast with readout only, whose networks share all but learning."""
    one = found.contrast(place, rule, "vs_readout_only")
    return float(one.se) if one is not None else 0.0


# -- figures ----------------------------------------------------------------------------------------------------------


def joint_figure(found: Findings) -> plt.Figure:
    """Draw accuracy by alignment, coloured by plausibility, a panel for each place."""
    plausible = plausibility()
    styles = rule_styles(found.rules)
    figure, axes = plt.subplots(2, 3, figsize=(DOUBLE, DOUBLE * 0.66), layout="constrained")
    drawn = None
    scale = Normalize(0, max(plausible.max(), 0.1))
    for ax, place in zip(axes.flat, PLACES, strict=True):
        means = found.means(place)
        low, high = found.ceiling(place)
        if not np.isnan(low):
            ax.axhspan(low, high, color="0.9", lw=0)
        for name, value in found.floors(place).items():
            ax.axhline(value, color="0.55", lw=0.7, ls={"pixels": "--", "luminance": ":", "gabor": "-."}[name])
            ax.text(101, value, name, fontsize=5, va="center", color="0.4", clip_on=False)
        for rule in found.rules:
            x, y = 100 * found.accuracy["mean"][rule], means[rule]
            error = found.contrast(place, rule, "vs_readout_only")
            if error is not None:
                ax.errorbar(x, y, error.se, color="0.7", lw=0.6, zorder=1)
            control = rule in CONTROLS
            known = rule in plausible.index and not control
            drawn_now = ax.scatter(
                x, y, s=16, zorder=2, lw=0.5, edgecolor="k", marker="D" if control else "o",
                **({"c": [plausible[rule]], "cmap": "viridis", "norm": scale} if known else {"c": "white"}),
            )  # fmt: skip
            drawn = drawn_now if known else drawn
            ax.annotate(styles[rule].short, (x, y), xytext=(2.5, 2), textcoords="offset points", fontsize=4.5)
        ax.set(title=place, xlim=(5, 100))
    for ax in axes[:, 0]:
        ax.set_ylabel("Spearman ρ at the declared layer")
    for ax in axes[-1]:
        ax.set_xlabel("test accuracy (%)")
    if drawn is not None:
        figure.colorbar(drawn, ax=axes, shrink=0.5, label="share of criteria met")
    return figure


def contrast_figure(found: Findings) -> plt.Figure:
    """Draw every rule minus readout only, and minus backpropagation, with errors."""
    figure, axes = plt.subplots(1, len(PLACES), figsize=(DOUBLE, DOUBLE * 0.5), sharey=True, layout="constrained")
    rules = [rule for rule in found.rules if rule not in ("untrained", "readout_only")][::-1]
    for ax, place in zip(axes, PLACES, strict=True):
        for shift, kind, colour in ((0.14, "vs_readout_only", "#0072B2"), (-0.14, "vs_backprop", "#D55E00")):
            for k, rule in enumerate(rules):
                one = found.contrast(place, rule, kind)
                if one is None:
                    continue
                sure = one.p_adjusted < 0.05
                ax.errorbar(
                    one.delta, k + shift, xerr=[[one.delta - one.ci_low], [one.ci_high - one.delta]], color=colour,
                    lw=0.8, marker="o", ms=3, mfc=colour if sure else "white",
                )  # fmt: skip
        ax.axvline(0, color="0.4", lw=0.6)
        ax.set_title(place.replace(", ", ",\n"))
        ax.set_xlabel("difference")
    axes[0].set_yticks(range(len(rules)), [words(rule) for rule in rules])
    for name, colour in (("minus readout only", "#0072B2"), ("minus backpropagation", "#D55E00")):
        axes[-1].plot([], [], color=colour, marker="o", ms=3, label=name)
    figure.legend(loc="outside lower right", ncols=2)
    return figure


def time_figure(found: Findings) -> plt.Figure:
    """Draw scores over time: the declared layer, and each rule's best layer."""
    styles = rule_styles(found.rules)
    layer = found.layers["scalp"]
    table = found.time_course[~found.time_course.role.isin(["own_start"])]
    figure, axes = plt.subplots(2, 2, figsize=(DOUBLE, DOUBLE * 0.6), sharex=True, layout="constrained")
    for column, measure in enumerate((SPEARMAN, WITHIN)):
        own = table[table.measure == measure]
        for row, ax in enumerate(axes[:, column]):
            for rule in found.rules:
                here = own[own.rule == rule]
                best = here.groupby("layer")["mean"].max().idxmax() if row else layer
                line = here[here.layer == best]
                strong = rule in CONTROLS
                ax.plot(
                    1000 * line.time, line["mean"], color=styles[rule].colour, lw=1.4 if strong else 0.6,
                    ls="-" if rule in ("backprop", "untrained") else "--" if strong else "-",
                    label=words(rule) if not row and not column else None,
                )  # fmt: skip
            low = own[own.role == "low_level"]
            for name, line in low.groupby("layer"):
                ax.plot(
                    1000 * line.time,
                    line["mean"],
                    color="0.5",
                    lw=0.8,
                    ls={"pixels": "--", "luminance": ":"}.get(name, "-."),
                )
            ax.axvspan(130, 170, color="0.92", lw=0)
            ax.axvline(0, color="0.5", lw=0.5)
            ax.axhline(0, color="0.5", lw=0.5)
            kind = "all pairs" if measure == SPEARMAN else "pairs within categories"
            ax.set_title(f"{kind}: {'best layer of each rule' if row else f'declared layer ({layer})'}")
    for ax in axes[:, 0]:
        ax.set_ylabel("Spearman ρ")
    for ax in axes[-1]:
        ax.set_xlabel("time from onset (ms)")
    figure.legend(loc="outside right upper", fontsize=5)
    return figure


def save_figures(found: Findings) -> None:
    """Save every figure as PNG and SVG."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    drawings = {"joint": joint_figure, "contrasts": contrast_figure, "time_course": time_figure}
    with paper():
        for name, draw in drawings.items():
            figure = draw(found)
            for suffix in ("png", "svg"):
                metadata = {"Date": None} if suffix == "svg" else {"Software": None}
                figure.savefig(FIGURES / f"{name}.{suffix}", dpi=200, metadata=metadata)
            plt.close(figure)


# -- the page ---------------------------------------------------------------------------------------------------------


def before_onset(found: Findings) -> str:
    """Return what scores are before onset at the declared layer."""
    table = found.time_course
    here = table[(table.layer == found.layers["scalp"]) & (table.role == "trained") & (table.time < 0)]
    means = here.groupby("measure")["mean"].mean()
    largest = here.groupby(["measure", "rule"])["mean"].mean().abs().groupby("measure").max()
    return " ".join(
        f"{'All pairs' if measure == SPEARMAN else 'Within categories'}: mean over rules and times before onset "
        f"{means[measure]:+.3f}, largest mean of a rule {largest[measure]:.3f}."
        for measure in means.index
    )


def category_table(found: Findings) -> Iterator[str]:
    """Yield scores among the pairs of each category alone."""
    table = found.by_category[found.by_category.role != "own_start"]
    places = [(category, moment) for category in table.category.unique() for moment in table.moment.unique()]
    yield "| rule | " + " | ".join(f"{category} pairs, {moment}" for category, moment in places) + " |"
    yield "|" + "---|" * (1 + len(places))
    means = table.groupby(["rule", "category", "moment"]).score.mean()
    for rule in found.rules:
        yield f"| {words(rule)} | " + " | ".join(f"{means[rule, *place]:.2f}" for place in places) + " |"
    accuracy = table.groupby(["category", "moment"]).accuracy.first()
    yield "| *mean decoding accuracy* | " + " | ".join(f"{accuracy[place]:.3f}" for place in places) + " |"


def page(found: Findings) -> str:
    """Return the page."""
    network = study().populations[0]
    missing = (
        f"Not trained so far, and so not among the results: {listed(found.untrained_yet)}."
        if found.untrained_yet
        else "All rules that train this network are among the results."
    )
    template = Environment(trim_blocks=False, autoescape=False, keep_trailing_newline=True, undefined=StrictUndefined)
    return template.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        date=found.about["date"],
        code=found.about["code"][:16],
        missing=missing,
        channels=", ".join(map(str, network.network_options["channels"])),
        hidden=network.network_options["hidden"],
        epochs=f"{found.training.epoch.max():g}",
        seeds=found.training.seed.nunique(),
        in_short=list(in_short(found)),
        n_conditions=len(found.rules),
        main_table="\n".join(main_table(found)),
        rank_table="\n".join(rank_table(found)),
        before_onset=before_onset(found),
        category_table="\n".join(category_table(found)),
        target=f"{100 * found.matched.target.iloc[0]:.1f}",
        matched_table="\n".join(matched_table(found)),
        relations=list(relations(found)),
        whitened=whitened(found),
        gap=f"{GAP:g}",
        needs_table="\n".join(needs_table(found)),
    )


if __name__ == "__main__":
    all_found = Findings()
    save_figures(all_found)
    write_text(PAGE, page(all_found))
    print(Path(PAGE).relative_to(ROOT))
