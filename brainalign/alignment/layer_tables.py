"""Tables of layers beside their scores, made while networks are shown: temporal generalisation and dimensionality."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from brainalign import tables
from brainalign.alignment.failure import Failure
from brainalign.alignment.instance import Instance
from brainalign.alignment.jobs import Jobs, Show
from brainalign.alignment.layer_rdms import LayerRDMs
from brainalign.alignment.time_generalisation import TimeGeneralisation
from brainalign.comparisons.encoding import Encoding
from brainalign.errors import SpecError
from brainalign.extraction.dimensionality import layer_dimensions
from brainalign.provenance import code_hash
from brainalign.recordings.brain import Brain
from brainalign.specs import ScoringSpec, to_dict
from brainalign.storage import content_hash, is_sealed, locked, seal

#: Tables that are made of layers; each is an option of scoring by its name.
NAMES = ("time_generalisation", "dimensionality")


class LayerTables:
    """The tables of layers that scoring asks for, of one recording; each network is let go at once.

    Parameters
    ----------
    brain
        The recording.
    scoring
        What is asked for.
    """

    def __init__(self, brain: Brain, scoring: ScoringSpec) -> None:
        self.brain = brain
        self.asked = [name for name in NAMES if getattr(scoring, name)]
        self._times = TimeGeneralisation(brain, scoring) if scoring.time_generalisation else None
        self._dimensions: list[dict[str, object]] = []

    def seeing(self, instances: Iterable[Instance]) -> Iterator[Instance]:
        """Yield networks as they come, and add each to the tables."""
        for one in instances:
            self.add(one)
            yield one

    def add(self, one: Instance) -> None:
        """Add a network; one before the end of its training is passed over.

        Raises
        ------
        SpecError
            If there are RDMs of its layers only.
        """
        if not self.asked or not one.final:
            return
        shown = one.activations
        if isinstance(shown, LayerRDMs):
            msg = (
                f"{self.asked[0]} needs the patterns of layers; of {one.rule!r} there are RDMs. Show the network, or "
                "leave the option out."
            )
            raise SpecError(msg)
        if self._times is not None:
            self._times.add(one, shown)
        if "dimensionality" in self.asked:
            about = {"role": one.role, "rule": one.rule, "network": one.network, "seed": one.seed}
            label = self.brain.source.label
            self._dimensions += [{**about, "dataset": label, **row} for row in layer_dimensions(shown)]

    def tables(self) -> dict[str, Any]:
        """Return the tables by name."""
        found: dict[str, Any] = {}
        if self._times is not None:
            found["time_generalisation"] = self._times.table()
        if "dimensionality" in self.asked:
            made = pd.DataFrame(self._dimensions)
            found["dimensionality"] = tables.cast("dimensionality", made) if len(made) else tables.empty(NAMES[1])
        return found


def kept_layer_tables(jobs: Jobs, show: Show, lost: Collection[tuple[str, str]]) -> dict[str, Any]:
    """Return the tables of a recording from an earlier run that kept them, or show networks and keep them.

    Parameters
    ----------
    jobs
        The recording, the networks and where results are kept.
    show
        Shows the networks.
    lost
        ``(rule, network)`` of populations without scores, which the tables leave out.
    """
    brain, scoring = jobs.brain, jobs.scoring
    made = LayerTables(brain, scoring)
    if not made.asked:
        return {}
    # what is inferred from scores, such as a level, is no part of it
    asked = [scoring.resolution, scoring.seed, scoring.clusters, dict(scoring.ranking_layer), dict(scoring.options)]
    recorded = {name: value for name, value in to_dict(brain.spec).items() if name not in ("measures", "subjects")}
    code = code_hash(__name__, TimeGeneralisation.__module__), jobs.code((Encoding.name,))
    inputs = (recorded, jobs.networks, jobs.content, brain.stimuli.key, made.asked, asked, code)
    folder = jobs.cache / f"{brain.spec.dataset}-layers-{content_hash('layers', *inputs)[:16]}"
    if not is_sealed(folder):
        failures: list[Failure] = []  # those of scoring are the same, and noted there
        for one in show(failures):
            made.add(one)
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            for name, table in made.tables().items():
                tables.write(folder, name, table, tables.EXACT)
            seal(folder)
    with locked(folder, shared=True):
        return {name: _without(tables.read(folder, name), lost) for name in made.asked}


def _without(table: pd.DataFrame, lost: Collection[tuple[str, str]]) -> pd.DataFrame:
    kept: Sequence[bool] = [pair not in lost for pair in zip(table.rule, table.network, strict=True)]
    return table[kept].reset_index(drop=True)
