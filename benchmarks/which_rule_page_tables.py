"""Tables of the pages of ``which_rule``, made from its stored tables."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd
from which_rule_found import CONTROLS, FAMILY, Findings
from which_rule_words import (
    FEW,
    SHORT,
    comparable,
    counted,
    differing_pairs,
    listed,
    near_target,
    relation,
    supports_order,
)

from brainalign.inference.plausibility_relation import MIN_FAMILIES
from brainalign.report.style import words

Row = dict[str, object]

#: Columns of the main table.
_ACCURACY, _EXCEEDS = "test accuracy (%)", "exceeds readout only"


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


def place_table(found: Findings) -> Iterator[Row]:
    """Yield what each recording and region says, a row each."""
    for place in found.places:
        means, floors = found.means(place), found.floors(place)
        cells = {}
        for kind, control in (("vs_readout_only", "readout only"), ("vs_backprop", "backpropagation")):
            rows = found.differing(place, kind)
            for side, sign in (("above", 1), ("below", -1)):
                cells[f"{side} {control}"] = (
                    counted(found, place, [rule for rule, gap in rows if sign * gap > 0]) or "–"
                )
        yield {
            "place": place,
            **cells,
            "highest network": f"{words(means.idxmax())}, {means.max():.2f}",
            "highest simple feature": f"{words(floors.idxmax())}, {floors.max():.2f}",
        }


def rank_summary(found: Findings) -> Iterator[Row]:
    """Yield how far rank sets reach."""
    for place in found.places:
        ranks = found.at(found.ranks, place)
        first, last = ranks.rank_low == 1, ranks.rank_high == len(ranks)
        yield {
            "place": place,
            "rules that may be first": _which(ranks.rule[first], len(ranks)),
            "rules that may be last": _which(ranks.rule[last], len(ranks)),
            "rules that may take any rank": f"{(first & last).sum()} of {len(ranks)}",
        }


def _which(rules: pd.Series, total: int) -> str:
    return listed(list(rules)) if len(rules) <= 2 * FEW else f"{len(rules)} of {total}"


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


def equal_table(found: Findings) -> Iterator[Row]:
    """Yield at each place whether an order of rules is supported at the end and at equal accuracy, and which differ."""
    said = {True: "supported", False: "not supported"}
    near = len(near_target(found))
    for place in found.places:
        end, equal = found.at(found.ranks, place), found.at(found.equal_ranks, place)
        if equal.empty:
            continue
        pairs, total = differing_pairs(found, place)
        named = f": {', '.join(pairs)}" if 0 < len(pairs) <= FEW else ""
        yield {
            "place": place,
            "order at the end": said[supports_order(end)],
            "order at equal accuracy": said[supports_order(equal)],
            f"pairs that differ among the {near} rules nearest in accuracy": f"{len(pairs)} of {total}{named}",
        }


def relation_table(found: Findings) -> Iterator[Row]:
    """Yield how plausibility and alignment go together at each place."""
    for place in found.places:
        one = relation(found, place)
        yield {
            "place": place,
            "rules": "" if one is None else one.n_rules,
            "families": "too few" if one is None else one.n_families,
            "Spearman": "" if one is None else f"{one.rho:.2f}",
            "95 % interval": "" if one is None else f"{one.ci_low:.2f} to {one.ci_high:.2f}",
            "p": "" if one is None else f"fewer than {MIN_FAMILIES} families" if np.isnan(one.p) else f"{one.p:.3f}",
        }


def needs_table(found: Findings, *measures: str) -> Iterator[Row]:
    """Yield what would be needed to find a difference, by all measures or some."""
    needed = found.table("needs")
    needed = needed[needed.measure.isin(measures or needed.measure)]
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


def architecture_table(parts: Mapping[str, Findings]) -> Iterator[Row]:
    """Yield accuracies of the rules that every architecture has."""
    for rule in shared(parts.values()):
        cells = {}
        for one in parts.values():
            exceeds = " ✓" if rule in one.learned and rule not in CONTROLS else ""
            network = SHORT[one.spec.populations[0].network]
            cells[network] = f"{100 * one.accuracy['mean'][rule]:.1f}{exceeds}"
        yield {"rule": words(rule), **cells}


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


def shared(parts: Iterable[Findings]) -> list[str]:
    first, *rest = parts
    return [rule for rule in first.rules if all(rule in one.rules for one in rest)]


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
