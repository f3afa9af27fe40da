"""Sentences of the pages of ``which_rule``, made from its tables."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from which_rule import MAIN, ROOT
from which_rule_found import FAMILY, PAIRS, PLACES, SPEARMAN, WHITENED, Findings, plausibility

from brainalign.alignment.equal_accuracy import TOLERANCE
from brainalign.inference.plausibility_relation import PlausibilityRelation, plausibility_relation
from brainalign.report.rule_style import rule_styles
from brainalign.report.style import words

#: Up to so many rules are named; of more the number is said.
FEW = 3


def listed(rules: Sequence[str]) -> str:
    """Return names of rules in one sentence's order."""
    return _joined([words(rule) for rule in rules], ", ")


def counted(found: Findings, place: str, rules: Sequence[str]) -> str:
    """Return few names, or how many of the rules tested at a place; ``‡`` marks those that answer in their own way."""
    own = found.before_training(place).index
    if len(rules) > FEW:
        here = found.at(found.contrasts, place)
        return f"{len(rules)} of {(here.kind == 'vs_readout_only').sum()}"
    return _joined([words(rule) + ("‡" if rule in own else "") for rule in rules], ", ")


def taught(found: Findings) -> str:
    """Return how many rules taught hidden layers something, and which did not."""
    candidates = [rule for rule in found.rules if rule in FAMILY]
    lacking = [rule for rule in candidates if rule not in found.learned]
    return (
        f"**{len(candidates) - len(lacking)} of {len(candidates)} rules taught hidden layers something**: their "
        "networks answer better than those of which only the readout was trained, after as many steps."
        + (f" These did not: {listed(lacking)}. They are scored and not ranked." if lacking else "")
    )


def in_short(parts: Mapping[str, Findings]) -> Iterator[str]:
    """Yield what the data support, a bullet each."""
    found = parts[MAIN]
    yield taught(found)
    yield _orders(found)
    yield _simple_features(found)
    yield _learning(found)
    table = found.table("architectures")
    yield f"**{table.rule.nunique()} rules were trained on all four architectures.** {all_architectures(found)}"
    yield _plausibility_in_short(found)


def _orders(found: Findings) -> str:
    supported = [place for place in found.places if supports_order(found.at(found.ranks, place))]
    if not supported:
        return "**No order of the rules is supported** in any recording."
    kept = [place for place in supported if supports_order(found.at(found.equal_ranks, place))]
    pairs = [differing_pairs(found, place) for place in supported]
    differ = _joined([f"{len(one)} of {total} pairs" for one, total in pairs], ", ")
    return (
        f"**No order of the rules is supported** but in {_joined(supported)}, at the accuracies that the rules "
        f"reached. At equal accuracy one is supported in {_joined(kept) or 'none of these'}. Of rules that are "
        f"equally accurate, {differ} differ there."
    )


def _simple_features(found: Findings) -> str:
    beaten = []
    for place in found.places:
        means, floors = found.means(place), found.floors(place)
        if floors.max() >= means.max():
            beaten.append(f"{place} ({words(floors.idxmax())} {floors.max():.2f}, highest network {means.max():.2f})")
    if not beaten:
        return "**Networks score above simple features** (pixels, luminance, Gabor filters) in every recording."
    return f"**A simple feature of the picture scores as high as every network or higher** in {_joined(beaten)}."


def _learning(found: Findings) -> str:
    said = []
    for place in found.places:
        higher = [rule for rule, delta in found.differing(place, "vs_readout_only") if delta > 0]
        if higher:
            said.append(f"{place} ({counted(found, place, higher)})")
    if not said:
        return "**Learning of hidden layers raises no score** above that of networks of which only the readout learned."
    return f"**Learning of hidden layers raises scores** above those of readout only in {_joined(said)}."


def all_architectures(found: Findings) -> str:
    """Return which rules differ from a control in every architecture."""
    table = found.table("architectures")
    always = sorted(set(table[table.p_all_adjusted < 0.05].rule))
    if always:
        return f"These differ from a control in all four: {listed(always)}."
    return "None differs from readout only or from backpropagation in all four."


def _plausibility_in_short(found: Findings) -> str:
    known = [one for place in found.places if (one := relation(found, place)) is not None]
    if not known:
        return "**Plausibility and alignment.** Fewer than four families have a scorecard and exceed readout only."
    open_intervals = [one for one in known if one.ci_low < 0 < one.ci_high]
    few = "" if any(np.isfinite(one.p) for one in known) else " There are too few families for a test."
    return (
        f"**Plausibility and alignment.** Over {known[0].n_families} families of rules, the interval of their "
        f"correlation holds 0 in {len(open_intervals)} of {len(known)} comparisons.{few}"
    )


def _joined(parts: Sequence[str], comma: str = "; ") -> str:
    return comma.join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)


def place_by_place(found: Findings) -> Iterator[str]:
    """Yield what each recording and region says, a bullet each."""
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
    if not supports_order(found.at(found.ranks, place)):
        yield "No order of the rules is supported."
        return
    yield "An order of rules is supported at the accuracies that they reached."
    yield " ".join(_at_equal_accuracy(found, place))


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


def _at_equal_accuracy(found: Findings, place: str) -> Iterator[str]:
    """Yield what is left of an order at equal accuracy."""
    ranks = found.at(found.equal_ranks, place)
    if ranks.empty:
        yield "It was not tested at equal accuracy, so that accuracy alone may explain it."
        return
    accuracy = 100 * found.equal_accuracy()
    said = "an order is supported, too" if supports_order(ranks) else "no order is supported"
    yield (
        f"At checkpoints with validation accuracies from {accuracy.min():.1f} to {accuracy.max():.1f} % {said}. "
        f"{equal_pairs(found, place)}"
    )


def supports_order(ranks: pd.DataFrame) -> bool:
    """Return whether rank sets support an order."""
    return bool(ranks.supported.astype(bool).any())


def near_target(found: Findings) -> set[str]:
    """Return the rules that are equally accurate, within the tolerance, at their checkpoints of equal accuracy."""
    accuracy = found.equal_accuracy()
    return set(accuracy.index[(accuracy - found.table("equal-accuracy").target.iloc[0]).abs() <= TOLERANCE])


def differing_pairs(found: Findings, place: str) -> tuple[list[str], int]:
    """Return which of these rules differ, as sentences, and of how many pairs; p is that over all pairs of rules."""
    near = near_target(found)
    here = found.at(found.equal_contrasts, place)
    pairs = here[here.kind.isin(["pair", "vs_backprop"]) & here.rule_a.isin(near) & here.rule_b.isin(near)]
    names = [
        f"{words(one.rule_a if one.delta > 0 else one.rule_b)} above "
        f"{words(one.rule_b if one.delta > 0 else one.rule_a)}"
        for one in pairs[pairs.p_adjusted < 0.05].itertuples()
    ]
    return names, len(pairs)


def equal_pairs(found: Findings, place: str) -> str:
    """Return which rules differ of those whose accuracies are equal within the tolerance."""
    names, total = differing_pairs(found, place)
    target = found.table("equal-accuracy").target.iloc[0]
    return (
        f"Of the {len(near_target(found))} rules within {100 * TOLERANCE:g} points of {100 * target:.1f} %, "
        f"{len(names)} of {total} pairs differ, adjusted over all pairs of rules."
    )


def comparable(found: Findings, rule: str) -> bool:
    """Return whether a rule and backpropagation are equally accurate at their checkpoints of equal accuracy."""
    accuracy = found.equal_accuracy()
    return bool(abs(accuracy[rule] - accuracy["backprop"]) <= TOLERANCE)


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


def relation(found: Findings, place: str) -> PlausibilityRelation | None:
    """Return how plausibility and alignment go together at a place; None with fewer than four families."""
    plausible, means = plausibility(), found.means(place)
    rules = [rule for rule in found.rules if rule in FAMILY and rule in found.learned and rule in plausible.index]
    if len({FAMILY[rule] for rule in rules}) < 4:
        return None
    return plausibility_relation(
        {rule: plausible[rule] for rule in rules},
        {rule: means[rule] for rule in rules},
        {rule: _error(found, place, rule) for rule in rules},
        {rule: FAMILY[rule] for rule in rules},
    )


def _error(found: Findings, place: str, rule: str) -> float:
    """Return the error of a mean: that of the contrast with readout only, whose networks share all but learning."""
    one = found.contrast(place, rule, "vs_readout_only")
    return float(one.se) if one is not None else 0.0


#: Names of architectures as tables have them.
SHORT = {"cnn": "CNN", "mlp": "MLP", "rnn": "RNN", "transformer": "Transformer"}


def not_trained(parts: Mapping[str, Findings]) -> Iterator[str]:
    """Yield which rules an architecture lacks, a bullet for each: those that are laid out, and those that are not."""
    for name, one in parts.items():
        path = ROOT / "benchmarks" / f"{name.replace(MAIN, 'which_rule_search', 1)}.toml"
        laid_out = tomllib.loads(path.read_text(encoding="utf-8"))["presets"]
        later = [rule for rule in one.untrained_yet if rule in laid_out and rule not in one.diverged]
        never = [rule for rule in one.untrained_yet if rule not in laid_out]
        said = [f"not trained: {listed(later)}"] if later else []
        said += [f"diverged with the options that its search found: {listed(one.diverged)}"] if one.diverged else []
        said += [f"not laid out: {listed(never)}"] if never else []
        if said:
            yield f"{SHORT[one.spec.populations[0].network]}, {'; '.join(said)}."


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


def before_onset(found: Findings) -> str:
    """Return what scores are before onset at the declared layer."""
    table = found.table("time_course")
    here = table[(table.layer == found.layers["scalp"]) & (table.role == "trained") & (table.time < 0)]
    means = here.groupby("measure")["mean"].mean()
    largest = here.groupby(["measure", "rule"])["mean"].mean().abs().groupby("measure").max()
    return _joined(
        [
            f"{means[one]:+.2f} ({name}; largest mean of a rule {largest[one]:.2f})"
            for one, name in PAIRS.items()
            if one in means
        ],
        ", ",
    )


def short_names(found: Findings) -> str:
    """Return what the short names in figures stand for."""
    styles = rule_styles(found.rules)
    own = [(styles[rule].short, words(rule)) for rule in found.rules if styles[rule].short != words(rule)]
    return ", ".join(f"{short}: {name}" for short, name in sorted(own))


def fixed_seeds(found: Findings) -> str:
    """Return at which places too few seeds are left for a claim about other seeds."""
    places = [place for place in found.places if (found.at(found.contrasts, place).scope_seeds == "fixed").any()]
    if not places:
        return ""
    return (
        f" At {', '.join(places)} fewer than three seeds of a rule are left with answers that differ, so that tests "
        "there hold for these seeds only."
    )


#: Validation accuracy that a candidate of a search must pass to have learned: chance is a tenth.
_LEARNS = 0.15


def missing(found: Findings) -> str:
    """Return which rules were not trained."""
    if not found.untrained_yet:
        return "All rules that train this network are among the results."
    return f"Not trained, and so not among the results: {listed(found.untrained_yet)}.{_searched(found)}"


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
