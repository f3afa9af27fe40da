"""How plausible rules are, from a notebook."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from brainalign.asked_for import asked_for
from brainalign.errors import SpecError
from brainalign.folder_kinds import SCORECARD, require_free
from brainalign.plausibility.candidate import Candidate, candidates
from brainalign.plausibility.ranks import rank_distribution
from brainalign.plausibility.scorecard import Progress, criteria, write_scorecard
from brainalign.plausibility.scorecard import scorecard as measured
from brainalign.summary import Summarised, Summary, some


@dataclass(frozen=True, eq=False)
class Scorecard(Summarised):
    """What probes measured of rules; :func:`scorecard` returns it.

    Parameters
    ----------
    table
        A row for each rule and probe; columns in the documentation of results.

    Examples
    --------
    >>> import brainalign as ba, pandas as pd, tempfile
    >>> about = {"network": "mlp", "outcome": 0.5, "lo": 0.5, "hi": 0.5, "certified": True, "evidence": "trace"}
    >>> rows = [{"rule": rule, "probe": "P1", "pass": rule != "backprop"} for rule in ("backprop", "hebbian")]
    >>> card = ba.Scorecard(pd.DataFrame([{**row, **about, "note": "", "seconds": 0.1} for row in rows]))
    >>> print(card)
    Scorecard, mlp
      backprop: passes 0 of 1 probes; fails P1
      hebbian: passes 1 of 1 probes; fails none
    >>> card.ranks().rule.tolist(), len(card.criteria) > 2
    (['backprop', 'hebbian'], True)
    >>> drawn = card.plot()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sorted(path.name for path in card.save(folder).iterdir())
    ['criteria.csv', 'scorecard.csv']
    """

    table: pd.DataFrame

    def summary(self) -> Summary:
        """Return rules, and how many probes each passes."""
        told = self.table[self.table["pass"].notna()]
        facts = {}
        for rule in dict.fromkeys(self.table.rule):
            of_rule = told[told.rule == rule]
            failed = list(of_rule.probe[of_rule["pass"] == False])  # noqa: E712 -- a column of objects
            facts[rule] = (
                f"passes {len(of_rule) - len(failed)} of {len(of_rule)} probes; fails {some(failed, 8) or 'none'}"
            )
        if len(facts) > 4:
            facts = {"rules": some(facts, 6), **facts}
        return Summary(f"Scorecard, {', '.join(dict.fromkeys(self.table.network))}", facts)

    @property
    def criteria(self) -> pd.DataFrame:
        """What the probes say of the criteria of the literature, a row for each rule and criterion."""
        return criteria(self.table)

    def ranks(self, seed: int = 0) -> pd.DataFrame:
        """Return how the order of rules depends on the weights of probes, a row for each rule.

        Raises
        ------
        SpecError
            If no certified probe with a limit is among them.
        """
        return rank_distribution(self.table, seed)

    def plot(self) -> Any:
        """Return the matplotlib figure of the scorecard."""
        from brainalign.report.figures.scorecard import draw_scorecard

        return draw_scorecard(self.table)

    def save(self, folder: str | Path) -> Path:
        """Write ``scorecard.csv`` and ``criteria.csv``; return the folder.

        Raises
        ------
        StorageError
            If another command wrote the folder, or it cannot be written.
        """
        require_free(folder, SCORECARD)
        write_scorecard(Path(folder), self.table)
        return Path(folder)


def scorecard(
    rules: str | Sequence[str] | Sequence[Candidate] | None = None,
    network: str = "mlp",
    probes: str | Sequence[str] | None = None,
    seeds: int | Sequence[int] = 3,
    workers: int = 1,
    progress: Progress | None = None,
) -> Scorecard:
    """Measure how biologically plausible learning rules are: each criterion is an experiment on the running rule.

    Parameters
    ----------
    rules
        Names, of :func:`list_rules`; default: all of them.
    network
        ``"mlp"``, ``"cnn"``, ``"rnn"`` or ``"transformer"``; a small one of that kind is probed.
    probes
        Codes, such as ``"P1"``; default: all of them.
    seeds
        How many, or which.
    workers
        Processes.
    progress
        Called with steps done, all steps and a short text.

    Raises
    ------
    SpecError
        If a rule, network or probe is unknown, or none of them is asked for.

    Examples
    --------
    >>> import brainalign as ba
    >>> card = ba.scorecard("hebbian", probes=["P12c"], seeds=1)
    >>> card.table[["rule", "probe", "certified"]].to_dict("records")
    [{'rule': 'hebbian', 'probe': 'P12c', 'certified': True}]
    """
    rules, probes = asked_for(rules, "scorecard(): rules"), asked_for(probes, "scorecard(): probes")
    names: list[Any] = [rules] if isinstance(rules, str) else list(rules)
    codes = (probes,) if isinstance(probes, str) else tuple(probes)
    chosen = [one for one in names if isinstance(one, Candidate)]
    if chosen and len(chosen) < len(names):
        msg = f"rules hold names and candidates; expected one kind. Give Candidate(name, name) for each of {names!r}."
        raise SpecError(msg)
    numbers = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    return Scorecard(measured(chosen or candidates(names), network, numbers, codes, workers, progress))
