"""Write ``docs/findings.md`` and its figures from the tables in ``docs/results``.

    python benchmarks/which_rule_page.py

Every number on the page comes from these tables; ``benchmarks/which_rule_tables.py`` makes them again from the
committed RDMs.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined
from markdown_table import table
from which_rule import ARCHITECTURES, BESIDE, GAP, MAIN, ROOT
from which_rule_figures import save_figures
from which_rule_found import CONTROLS, FAMILY, PLACES, SPEARMAN, WHITENED, Findings, plausibility

from brainalign.alignment.equal_accuracy import TOLERANCE
from brainalign.inference.plausibility_relation import plausibility_relation
from brainalign.report.style import words
from brainalign.storage import write_text

PAGE = ROOT / "docs" / "findings.md"
#: Validation accuracy that a candidate of a search must pass to have learned: chance is a tenth.
_LEARNS = 0.15
TEMPLATE = Path(__file__).parent / "which_rule_findings.md.j2"


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
    for place in found.places:
        title = PLACES[place][3]
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
            yield from _own_start(found, place, higher)
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
        yield f"The highest floor is {words(floor)} ({floors[floor]:.2f}), {highest}."
    if not _supported(found.at(found.ranks, place)):
        yield "No order of the rules is supported."
        return
    yield "An order of rules is supported at the accuracies that they reached."
    yield " ".join(_at_equal_accuracy(found, place))


def _at_equal_accuracy(found: Findings, place: str) -> Iterator[str]:
    """Yield what is left of an order at equal accuracy."""
    ranks = found.at(found.equal_ranks, place)
    if ranks.empty:
        yield "It was not tested at equal accuracy, so that accuracy alone may explain it."
        return
    accuracy = 100 * found.equal_accuracy()
    said = "an order is supported, too" if _supported(ranks) else "no order is supported"
    yield (
        f"At checkpoints with validation accuracies from {accuracy.min():.1f} to {accuracy.max():.1f} % {said}. "
        f"{equal_pairs(found, place)}"
    )


def _supported(ranks: pd.DataFrame) -> bool:
    return bool(ranks.supported.astype(bool).any())


#: Up to so many pairs of rules are named.
_MOST_PAIRS = 4


def equal_pairs(found: Findings, place: str) -> str:
    """Return which rules differ of those whose accuracies are equal within the tolerance; p is that over all pairs."""
    accuracy, target = found.equal_accuracy(), found.table("equal-accuracy").target.iloc[0]
    near = set(accuracy.index[(accuracy - target).abs() <= TOLERANCE])
    here = found.at(found.equal_contrasts, place)
    pairs = here[here.kind.isin(["pair", "vs_backprop"]) & here.rule_a.isin(near) & here.rule_b.isin(near)]
    differ = pairs[pairs.p_adjusted < 0.05]
    names = [
        f"{words(one.rule_a if one.delta > 0 else one.rule_b)} above "
        f"{words(one.rule_b if one.delta > 0 else one.rule_a)}"
        for one in differ.itertuples()
    ]
    which = f": {', '.join(names)}" if 0 < len(names) <= _MOST_PAIRS else ""
    return (
        f"Of the {len(near)} rules within {100 * TOLERANCE:g} points of {100 * target:.1f} %, {len(differ)} of "
        f"{len(pairs)} pairs differ, adjusted over all pairs of rules{which}."
    )


def comparable(found: Findings, rule: str) -> bool:
    """Return whether a rule and backpropagation are equally accurate at their checkpoints of equal accuracy."""
    accuracy = found.equal_accuracy()
    return bool(abs(accuracy[rule] - accuracy["backprop"]) <= TOLERANCE)


# -- tables -----------------------------------------------------------------------------------------------------------


Row = dict[str, object]
#: Columns of the main table.
_ACCURACY, _EXCEEDS = "test accuracy (%)", "exceeds readout only"


def _own_start(found: Findings, place: str, rules: list[str]) -> Iterator[str]:
    """Yield what rules that answer in their own way score before training: a difference may be there from the start."""
    start, end = found.before_training(place), found.means(place)
    for rule in (one for one in rules if one in start.index):
        one = found.contrast(place, rule, "vs_untrained")
        p = "" if one is None or np.isnan(one.p) else f" (p = {one.p:.2g}, not adjusted)"
        yield (
            f"Networks of {words(rule)} have other answers than those of the control from the start: they score "
            f"{start[rule]:.2f} before training and {end[rule]:.2f} after{p}."
        )


def main_table(found: Findings) -> Iterator[Row]:
    """Yield rules by recordings, then floors and ceilings."""
    means = {place: found.means(place) for place in found.places}
    for rule in sorted(found.rules, key=lambda rule: -found.accuracy["mean"][rule]):
        accuracy = found.accuracy.loc[rule]
        learned = "yes" if rule in found.learned else "no" if rule in FAMILY or rule == "two_views" else "control"
        cells = {place: f"{means[place][rule]:.3f}{_marks(found, place, rule)}" for place in found.places}
        shown = f"{100 * accuracy['mean']:.1f} ± {100 * accuracy['std']:.1f}"
        yield {"rule": words(rule), _ACCURACY: shown, _EXCEEDS: learned, **cells}
    for control in ("pixels", "luminance", "gabor"):
        floors = {place: f"{found.floors(place).get(control, np.nan):.3f}" for place in found.places}
        yield {"rule": f"*{control}*", _ACCURACY: "", _EXCEEDS: "floor", **floors}
    starts = {place: found.before_training(place) for place in found.places}
    for rule in sorted(set().union(*(one.index for one in starts.values())), key=found.rules.index):
        cells = {place: f"{one[rule]:.3f}" if rule in one.index else "" for place, one in starts.items()}
        yield {"rule": f"*{words(rule)}, before training*", _ACCURACY: "", _EXCEEDS: "own start", **cells}
    ceilings = {place: found.ceiling(place) for place in found.places}
    cells = {
        place: "not estimable" if np.isnan(low) else f"{low:.3f} to {high:.3f}"
        for place, (low, high) in ceilings.items()
    }
    yield {"rule": "*noise ceiling*", _ACCURACY: "", _EXCEEDS: "", **cells}


def _marks(found: Findings, place: str, rule: str) -> str:
    marks = ""
    for kind, (up, down) in (("vs_readout_only", ("▲", "▼")), ("vs_backprop", ("△", "▽"))):
        one = found.contrast(place, rule, kind)
        if one is not None and one.p_adjusted < 0.05:
            marks += up if one.delta > 0 else down
    return f" {marks}" if marks else ""


def rank_table(found: Findings) -> Iterator[Row]:
    """Yield rank sets: places that the data do not exclude."""
    at = {place: found.at(found.ranks, place).set_index("rule") for place in found.places}
    rules = [rule for rule in found.rules if any(rule in one.index for one in at.values())]
    for rule in rules:
        cells = {}
        for place, one in at.items():
            row = one.loc[rule] if rule in one.index else None
            cells[place] = "not ranked" if row is None else f"{row.rank_low:.0f} to {row.rank_high:.0f}"
        yield {"rule": words(rule), **cells}


def matched_table(found: Findings) -> Iterator[Row]:
    """Yield differences from backpropagation at the end and at equal accuracy."""
    matched, there = found.table("equal-accuracy"), found.equal_contrasts
    some = [place for place in found.places if not found.at(there, place).empty and place != "human IT (4)"]
    for row in matched.to_dict("records"):
        cells = {}
        for place in some:
            end, equal = (found.contrast(place, row["rule"], "vs_backprop", one) for one in (found.contrasts, there))
            known = [] if end is None else [_signed(end)]
            if equal is not None:
                known.append(_signed(equal) if comparable(found, row["rule"]) else f"{equal.delta:+.3f}†")
            cells[f"{place}: end, equal accuracy"] = ", ".join(known)
        accuracy = f"{100 * row['val_accuracy']:.1f}"
        yield {"rule": words(row["rule"]), "step": row["step"], "validation accuracy (%)": accuracy, **cells}


def _signed(one: pd.Series) -> str:
    return f"{one.delta:+.3f}{'*' if one.p_adjusted < 0.05 else ''}"


def equal_orders(found: Findings) -> Iterator[str]:
    """Yield at each place whether an order of rules is supported at equal accuracy, beside the end."""
    for place in found.places:
        end, equal = found.at(found.ranks, place), found.at(found.equal_ranks, place)
        if not equal.empty:
            was, is_now = ("supported" if _supported(one) else "not supported" for one in (end, equal))
            yield f"{PLACES[place][3]}: at the end {was}, at equal accuracy {is_now}. {equal_pairs(found, place)}"


def needs_table(found: Findings) -> Iterator[Row]:
    """Yield what would be needed to find a difference."""
    needed = found.table("needs")
    names = [name for name in needed.columns if name.endswith("needed")]
    for row in needed.to_dict("records"):
        if found.layers.get(row["roi"]) != row["layer"]:
            continue
        cells = {name: "no number is enough" if pd.isna(row[name]) else f"{row[name]:.0f}" for name in names}
        yield {
            "recording": row["dataset"],
            "ROI": row["roi"],
            "measure": row["measure"],
            "at hand": row["subjects x stimuli x seeds"],
            "detectable now": f"{row['detectable now']:.3f}",
            **cells,
            "all together": "no number is enough" if pd.isna(row["all grow"]) else row["all grow"],
        }


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


def relations(found: Findings) -> Iterator[str]:
    """Yield how plausibility and alignment go together, a bullet for each place."""
    plausible = plausibility()
    for place in found.places:
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


# -- other networks, another training set ---------------------------------------------------------------------------

#: Names of architectures as tables have them.
_SHORT = {"cnn": "CNN", "mlp": "MLP", "rnn": "RNN", "transformer": "Transformer"}


def architecture_table(parts: Mapping[str, Findings]) -> Iterator[Row]:
    """Yield accuracies of the rules that every architecture has."""
    for rule in _shared(parts.values()):
        cells = {}
        for one in parts.values():
            exceeds = "" if rule in CONTROLS else ", exceeds" if rule in one.learned else ", does not exceed"
            network = _SHORT[one.spec.populations[0].network]
            cells[network] = f"{100 * one.accuracy['mean'][rule]:.1f}{exceeds}"
        yield {"rule": words(rule), **cells}


def not_trained(parts: Mapping[str, Findings]) -> Iterator[str]:
    """Yield which rules an architecture lacks, a bullet for each: those that are laid out, and those that are not."""
    for name, one in parts.items():
        path = ROOT / "benchmarks" / f"{name.replace(MAIN, 'which_rule_search', 1)}.toml"
        laid_out = tomllib.loads(path.read_text(encoding="utf-8"))["presets"]
        later = [rule for rule in one.untrained_yet if rule in laid_out]
        never = [rule for rule in one.untrained_yet if rule not in laid_out]
        said = [f"not trained: {listed(later)}"] if later else []
        said += [f"not laid out: {listed(never)}"] if never else []
        if said:
            yield f"{_SHORT[one.spec.populations[0].network]}, {'; '.join(said)}."


def interactions(found: Findings) -> Iterator[str]:
    """Yield what rules do over all architectures, a bullet for each place."""
    table = found.table("architectures")
    names = {name.removeprefix("delta_") for name in table.columns if name.startswith("delta_")}
    for place in found.places:
        recording, roi, measure, title = PLACES[place]
        here = table[(table.dataset == recording) & (table.roi == roi) & (table.measure == measure)]
        for control, own in here.groupby("control", sort=False):
            depends = list(own[own.p_interaction_adjusted < 0.05].rule)
            always = own[own.p_all_adjusted < 0.05]
            up = list(always[always["delta_cnn"] > 0].rule)
            down = list(always[always["delta_cnn"] < 0].rule)
            parts = [f"the difference depends on the architecture for {listed(depends) or 'no rule'}"]
            if up:
                parts.append(f"{listed(up)} above it in all {len(names)}")
            if down:
                parts.append(f"{listed(down)} below it in all {len(names)}")
            if not up and not down:
                parts.append(f"no rule differs from it in all {len(names)}")
            yield f"{title}, against {words(control)} ({len(own)} rules): {'; '.join(parts)}."


def beside_table(parts: Mapping[str, Findings]) -> Iterator[Row]:
    """Yield what each study beside the main one tested."""
    for name, one in parts.items():
        rules = [rule for rule in one.rules if rule in FAMILY]
        cells = {}
        for kind, control in (("vs_readout_only", "readout only"), ("vs_backprop", "backpropagation")):
            said = []
            for place in one.places:
                rows = one.differing(place, kind)
                up = [rule for rule, delta in rows if delta > 0]
                down = [rule for rule, delta in rows if delta < 0]
                said += [f"{place}: above {listed(up)}"] if up else []
                said += [f"{place}: below {listed(down)}"] if down else []
            cells[f"differs from {control}"] = "; ".join(said) or "none"
        able = len([rule for rule in rules if rule in one.learned])
        yield {"study": f"`{name}`", "rules": len(rules), "exceed readout only": able, **cells}


def training_sets(main: Findings, other: Findings) -> Iterator[Row]:
    """Yield each rule minus readout only under two training sets."""
    some = [place for place in other.places if place in main.places]
    for rule in (rule for rule in other.rules if rule in FAMILY):
        cells = {}
        for place in some:
            pair = [one.contrast(place, rule, "vs_readout_only") for one in (main, other)]
            cells[f"{place}: CIFAR-10 (JPEG), MNIST"] = ", ".join("" if one is None else _signed(one) for one in pair)
        yield {"rule": words(rule), "accuracy on MNIST (%)": f"{100 * other.accuracy['mean'][rule]:.1f}", **cells}


def _shared(parts: Iterable[Findings]) -> list[str]:
    first, *rest = parts
    return [rule for rule in first.rules if all(rule in one.rules for one in rest)]


# -- the page ---------------------------------------------------------------------------------------------------------


def before_onset(found: Findings) -> str:
    """Return what scores are before onset at the declared layer."""
    table = found.table("time_course")
    here = table[(table.layer == found.layers["scalp"]) & (table.role == "trained") & (table.time < 0)]
    means = here.groupby("measure")["mean"].mean()
    largest = here.groupby(["measure", "rule"])["mean"].mean().abs().groupby("measure").max()
    return " ".join(
        f"{'All pairs' if measure == SPEARMAN else 'Within categories'}: mean over rules and times before onset "
        f"{means[measure]:+.3f}, largest mean of a rule {largest[measure]:.3f}."
        for measure in means.index
    )


def fixed_seeds(found: Findings) -> str:
    """Return at which places too few seeds are left for a claim about other seeds."""
    places = [place for place in found.places if (found.at(found.contrasts, place).scope_seeds == "fixed").any()]
    if not places:
        return ""
    return (
        f" At {', '.join(places)} fewer than three seeds of a rule are left with answers that differ, so that tests "
        "there hold for these seeds only."
    )


def category_table(found: Findings) -> Iterator[Row]:
    """Yield scores among the pairs of each category alone."""
    scores = found.table("by_category")
    scores = scores[scores.role != "own_start"]
    places = [(category, moment) for category in scores.category.unique() for moment in scores.moment.unique()]
    means = scores.groupby(["rule", "category", "moment"]).score.mean()
    for rule in found.rules:
        cells = {f"{place[0]} pairs, {place[1]}": f"{means[rule, *place]:.2f}" for place in places}
        yield {"rule": words(rule), **cells}
    accuracy = scores.groupby(["category", "moment"]).accuracy.first()
    mean = {f"{place[0]} pairs, {place[1]}": f"{accuracy[place]:.3f}" for place in places}
    yield {"rule": "*mean decoding accuracy*", **mean}


def _searched(found: Findings) -> str:
    """Return what the search found of rules that were not trained."""
    presets = tomllib.loads((ROOT / "presets" / f"{found.preset}.toml").read_text(encoding="utf-8"))["presets"]
    best = {one: float(presets[one]["found"].rpartition(" ")[2]) for one in found.untrained_yet if one in presets}
    return "".join(
        f" The search of {words(rule)} found no candidate that learned: the best answers {100 * value:.1f} % of "
        "validation samples."
        for rule, value in best.items()
        if value < _LEARNS
    )


def page(found: Findings) -> str:
    """Return the page."""
    network = found.spec.populations[0]
    parts = {name: found if name == MAIN else Findings(name) for name in (MAIN, *BESIDE)}
    missing = (
        f"Not trained so far, and so not among the results: {listed(found.untrained_yet)}.{_searched(found)}"
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
        main_table=table(main_table(found)),
        rank_table=table(rank_table(found)),
        fixed_seeds=fixed_seeds(found),
        before_onset=before_onset(found),
        category_table=table(category_table(found)),
        target=f"{100 * found.table('equal-accuracy').target.iloc[0]:.1f}",
        matched_table=table(matched_table(found)),
        equal_orders=list(equal_orders(found)),
        tolerance=f"{100 * TOLERANCE:g}",
        relations=list(relations(found)),
        whitened=whitened(found),
        gap=f"{GAP:g}",
        needs_table=table(needs_table(found)),
        architecture_table=table(architecture_table({name: parts[name] for name in ARCHITECTURES})),
        not_trained=list(not_trained({name: parts[name] for name in ARCHITECTURES if name != MAIN})),
        interactions=list(interactions(found)),
        beside_table=table(beside_table({name: parts[name] for name in BESIDE})),
        training_sets=table(training_sets(found, parts["which_rule_mnist"])),
        shared=len([rule for rule in _shared([parts[name] for name in ARCHITECTURES]) if rule in FAMILY]),
    )


if __name__ == "__main__":
    all_found = Findings()
    save_figures(all_found)
    write_text(PAGE, page(all_found))
    print(Path(PAGE).relative_to(ROOT))
