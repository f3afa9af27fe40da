"""Scores of one measure, and mean RDMs, kept between runs; what they are keyed by."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from brainalign.alignment.failure import Failure
from brainalign.alignment.mean_rdm import MeanRDM, read_mean_rdms, write_mean_rdms
from brainalign.alignment.scores import Scores
from brainalign.rdms import RDMs
from brainalign.storage import is_sealed, locked, seal, write_text

_SCORES, _RDMS, _FAILURES = "scores.safetensors", "rdms.safetensors", "failures.json"


@dataclass(frozen=True, eq=False)
class Shown:
    """What figures show of a recording: mean RDMs, and the populations that have none."""

    rdms: Mapping[MeanRDM, RDMs] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()


def write_scores(folder: Path, scores: Scores) -> None:
    """Write the scores of a measure, to the last bit."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        scores.save(folder / _SCORES)
        seal(folder)


def read_scores(folder: Path) -> Scores | None:
    """Return what :func:`write_scores` wrote; None where there is nothing, or not all of it as it was."""
    with locked(folder, shared=True):
        return Scores.load(folder / _SCORES) if is_sealed(folder) and (folder / _SCORES).exists() else None


def write_shown(folder: Path, shown: Shown) -> None:
    """Write mean RDMs, in single precision as the results folder has them."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        write_mean_rdms(folder / _RDMS, shown.rdms, {})
        write_text(folder / _FAILURES, json.dumps([asdict(one) for one in shown.failures]))
        seal(folder)


def read_shown(folder: Path) -> Shown | None:
    """Return what :func:`write_shown` wrote; None where there is nothing, or not all of it as it was."""
    with locked(folder, shared=True):
        if not is_sealed(folder) or not (folder / _RDMS).exists():
            return None
        rdms, _ = read_mean_rdms(folder / _RDMS)
        failures = json.loads((folder / _FAILURES).read_text(encoding="utf-8"))
    return Shown(rdms, tuple(Failure(**one) for one in failures))
