"""Tables of one recording kept between runs, and what they are keyed by."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from brainalign import tables
from brainalign.alignment.failure import Failure
from brainalign.alignment.mean_rdm import MeanRDM, read_mean_rdms, write_mean_rdms
from brainalign.alignment.result import AlignmentResult
from brainalign.rdms import RDMs
from brainalign.storage import is_sealed, locked, seal, write_text

_TABLES = ("alignment", "contrasts", "ranks", "gates", "measures")
_RDMS = "rdms.safetensors"


@dataclass(frozen=True, eq=False)
class KeptScores:
    """What is kept of a recording: tables, the populations that have none or are not shown, and mean RDMs to show."""

    alignment: AlignmentResult
    failures: tuple[Failure, ...] = ()
    rdms: Mapping[MeanRDM, RDMs] = field(default_factory=dict)


def write_scores(folder: Path, kept: KeptScores) -> None:
    """Write what is kept: tables to the last bit, RDMs in single precision as the results folder has them."""
    alignment = kept.alignment
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        for name in _TABLES:
            tables.write(folder, name, alignment.tables[name], digits=tables.EXACT)
        facts = {"facts": alignment.facts, "failures": [asdict(one) for one in kept.failures]}
        write_text(folder / "scopes.json", json.dumps(facts))
        write_mean_rdms(folder / _RDMS, kept.rdms, {})
        seal(folder)


def read_scores(folder: Path) -> KeptScores | None:
    """Return what :func:`write_scores` wrote; None where there is nothing, or not all of it as it was."""
    with locked(folder, shared=True):
        if not is_sealed(folder):
            return None
        read = {name: tables.read(folder, name) for name in _TABLES}
        facts = json.loads((folder / "scopes.json").read_text(encoding="utf-8"))
        rdms, _ = read_mean_rdms(folder / _RDMS)
    failures = tuple(Failure(**one) for one in facts["failures"])
    return KeptScores(AlignmentResult.of_tables(read, facts=facts["facts"]), failures, rdms)
