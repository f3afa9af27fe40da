"""What figures of scores have in common: one for each network and measure."""

from collections.abc import Sequence
from typing import ClassVar

from brainalign.alignment.result import AlignmentResult
from brainalign.report.figure import Figure
from brainalign.report.scores import final_scores
from brainalign.report.style import words


class ScoreFigure(Figure):
    """A figure that is drawn for every network and measure with scores."""

    section: ClassVar[str] = "scores"

    def cells(self, results: AlignmentResult) -> Sequence[tuple[str, ...]]:
        """Return (network, measure) of all that was scored and that the figure has something of."""
        return [
            (network, measure)
            for network in results.networks
            for measure in results.scored_measures
            if not final_scores(results, network, measure).empty and self.shows(results, network, measure)
        ]

    def shows(self, results: AlignmentResult, network: str, measure: str) -> bool:
        """Return whether there is something to draw."""
        del results, network, measure
        return True

    def title(self, results: AlignmentResult, *cell: str) -> str:
        """Return the heading with network and measure; simulated recordings say so."""
        network, measure = cell
        datasets = list(final_scores(results, network, measure).dataset)
        return f"{simulated_prefix(results, datasets)}{self.heading}, {words(network)}, {results.about(measure).title}"


def simulated_prefix(results: AlignmentResult, datasets: Sequence[str]) -> str:
    """Return what titles begin with where some or all recordings were simulated."""
    flags = {results.is_simulated(name) for name in set(datasets)}
    return {frozenset({True}): "SIMULATED: ", frozenset({True, False}): "Partly SIMULATED: "}.get(frozenset(flags), "")
