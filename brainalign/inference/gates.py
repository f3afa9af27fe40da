"""What the data of cells support: gates, simultaneous rank sets, and whether rules may be ranked."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from brainalign.inference.cell import Cell
from brainalign.inference.family import adjust
from brainalign.inference.gate import Gate
from brainalign.inference.gate_checks import REFUSED, gates_of
from brainalign.inference.rank_set import RankSet
from brainalign.inference.ranks import rank_sets
from brainalign.inference.verdict import Verdict

Key = TypeVar("Key", bound=Hashable)


def judge(cell: Cell) -> Verdict:
    """Return which gates fire in a cell, its rank sets, and whether its rules may be ranked.

    The cell is a family of its own; :func:`judge_family` is for cells that are looked at together.
    """
    return judge_family({None: cell})[None]


def judge_family(cells: Mapping[Key, Cell]) -> dict[Key, Verdict]:
    """Judge the cells of one declared family: layers, regions or times that are looked at together.

    p values of all contrasts of all cells, those with untrained controls too, are adjusted together by Holm's method.
    Rank sets rest on these, so that all sets of all cells hold together with probability ``1 - alpha``, and so does
    what is said of learning.

    Gates: G1 few subjects, G2 few stimuli, G3 few seeds, or seeds whose scores are undefined, G4 no reliable geometry,
    G5 ceiling too uncertain to divide by, G6 rank sets too wide for an order (the smallest detectable difference is
    printed there and forbids nothing), G7 p values that a test without a distribution cannot reach, G8 scores before
    onset that are not 0, G9 no learning effect, G10 noise of the measurement in no error, G12 rules that do not exceed
    readout only. A gate of severity
    ``"stop"`` forbids a ranking.

    Parameters
    ----------
    cells
        Key to cell, of one level.

    Returns
    -------
    dict
        Key to verdict.
    """
    tests = [
        ((key, kind, name), item.p)
        for key, cell in cells.items()
        for kind, own in (("pair", cell.contrasts), ("untrained", cell.vs_untrained))
        for name, item in own.items()
    ]
    adjusted = dict(zip([name for name, _ in tests], adjust([p for _, p in tests]).tolist(), strict=True))
    return {
        key: _verdict(
            cell,
            {pair: adjusted[key, "pair", pair] for pair in cell.contrasts},
            {rule: adjusted[key, "untrained", rule] for rule in cell.vs_untrained},
            (len(tests), len(cells)),
        )
        for key, cell in cells.items()
    }


def _verdict(
    cell: Cell, pairs: Mapping[tuple[str, str], float], learned: Mapping[str, float], sizes: tuple[int, int]
) -> Verdict:
    n_tests, n_cells = sizes
    ranks = _ranks(cell, pairs)
    gates = tuple(gates_of(cell, ranks, learned, n_tests))
    stops = [gate for gate in gates if gate.severity == "stop"]
    normalised = cell.ceiling is not None and not any(gate.code in ("G4", "G5", "G10") for gate in gates)
    supported = not stops and len(ranks) > 1
    return Verdict(
        supported=supported,
        normalised=normalised,
        gates=gates,
        ranks=ranks,
        sentence=_sentence(cell, stops, ranks, n_cells),
    )


def _ranks(cell: Cell, pairs: Mapping[tuple[str, str], float]) -> tuple[RankSet, ...]:
    """Return the rank sets of rules that are ranked; p is adjusted over the contrasts of all rules."""
    means = {rule: item.mean for rule, item in cell.scores.items() if rule not in cell.unlearned}
    contrasts = {pair: one for pair, one in cell.contrasts.items() if means.keys() >= set(pair)}
    return rank_sets(means, contrasts, cell.alpha, {pair: pairs[pair] for pair in contrasts})


def _sentence(cell: Cell, stops: Sequence[Gate], ranks: Sequence[RankSet], n_cells: int) -> str:
    refusal = [gate.sentence for gate in stops if gate.sentence.startswith(REFUSED)]
    if refusal:
        return refusal[0]
    if stops:
        return f"{REFUSED}: {stops[0].sentence}"
    if not ranks:
        return f"No rule exceeds readout only, nothing to rank. {cell.scope.sentence}"
    if len(ranks) < 2:
        return f"One rule only, nothing to rank. {cell.scope.sentence}"
    order = "; ".join(f"{item.rule} {_span(item)}" for item in ranks)
    over = f" over {n_cells} cells" if n_cells > 1 else ""
    return f"Ranks (simultaneous {100 * (1 - cell.alpha):g}% sets{over}): {order}. {cell.scope.sentence}"


def _span(item: RankSet) -> str:
    return str(item.rank_low) if item.rank_low == item.rank_high else f"{item.rank_low}-{item.rank_high}"
