"""What scores before onset say of those after it: gate G8 of every layer of a recording with times."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from brainalign.alignment.place_scores import PlaceScores
from brainalign.comparisons.description import PREDICTION
from brainalign.inference.estimate import Estimate, estimate_score
from brainalign.inference.gate import Gate
from brainalign.inference.pre_stimulus import before_onset
from brainalign.inference.scope import resolve_scope
from brainalign.resampling.score_draws import ScoreDraws


@dataclass(frozen=True)
class BeforeOnset:
    """Gates by network and layer, and a sentence for each network; empty where no time is before onset."""

    gates: dict[tuple[str, str], Gate] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()

    @classmethod
    def of(cls, place: PlaceScores, subjects: str, alpha: float) -> "BeforeOnset":
        """Test the mean score of every layer and rule, controls too, over the times before onset."""
        early = [k for k, time in enumerate(place.times) if time < 0]
        if not early:
            return cls()
        found: dict[tuple[str, str], Gate] = {}
        sentences = []
        for network in dict.fromkeys(name for name, _ in place.cells):
            layers = [layer for name, layer in place.cells if name == network]
            means = {
                (layer, rule): one
                for layer in layers
                for rule, one in _means(place, (network, layer), early, subjects).items()
            }
            gates, said = before_onset(means, alpha, place.about.kind != PREDICTION)
            found |= {(network, layer): gate for layer, gate in gates.items()}
            sentences.append(f"{place.roi}, {network}, {place.about.title}: {said}")
        return cls(found, tuple(sentences))


def _means(place: PlaceScores, cell: tuple[str, str], early: Sequence[int], subjects: str) -> dict[str, Estimate]:
    rows = place.of_cell(cell, early[0])[1]
    draws = ScoreDraws.mean([place.of_cell(cell, time)[0] for time in early])
    asked = {"subjects": subjects} | ({"stimuli": "fixed"} if place.own_stimuli else {})
    scope = resolve_scope(asked, draws.n_subjects, draws.n_units, min(map(len, rows.values())))
    defined = np.isfinite(draws.observed).all(axis=1)
    kept = {rule: [row for row in own if defined[row]] for (_, rule), own in rows.items()}
    return {rule: estimate_score(draws, own, scope) for rule, own in kept.items() if own}
