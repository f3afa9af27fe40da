"""The files of a results folder: written, and read whole or refused in one line."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from brainalign import tables
from brainalign.alignment.scores import Scores
from brainalign.errors import DataError
from brainalign.folder_kinds import RESULTS as RESULTS_FOLDER
from brainalign.folder_kinds import instead, kind_of
from brainalign.results_folder import STUDY, result_hashes
from brainalign.storage import file_hash, read_tensors, write_tensors, write_text
from brainalign.tables import OPTIONAL, TABLES, short

RDMS, THUMBNAILS, SCORES = "rdms.safetensors", "thumbnails.safetensors", "scores.safetensors"

# Tables that a folder may lack, whatever its study.json says; so that folders of earlier versions are read.
_OPTIONAL = (*(name for name in OPTIONAL if name != "training"), "ranks", "failures")

_AGAIN = "Run the study again"
_STUDY_KEYS: dict[str, Any] = {
    "name": str,
    "spec": dict,
    "key": str,
    "versions": dict,
    "hashes": dict,
    "recordings": dict,
}
_STUDY_OPTIONAL: dict[str, Any] = {
    **dict.fromkeys(("files", "activities", "training_sets", "dissimilarities", "findings"), dict),
    **dict.fromkeys(("citations", "cautions", "scope_sentences", "recovery", "stale", "failures", "unlearned"), list),
    **dict.fromkeys(("alpha", "wall_seconds", "n_bootstrap"), (int, float)),
}
_KINDS: dict[Any, str] = {str: "text", dict: "an object", list: "a list", (int, float): "a number"}


def check_folder(folder: Path) -> None:
    """Refuse what is not the results folder of a finished study, and say what it is and which command reads it."""
    if kind_of(folder) is not RESULTS_FOLDER:
        raise DataError(instead(folder, "the results folder of a study (brainalign run, align)"))


def read_facts(path: Path) -> dict[str, Any]:
    """Read ``study.json``."""
    try:
        study = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"Cannot read {path.name!r} in {str(path.parent)!r} ({error}); expected JSON. {_AGAIN}."
        raise DataError(msg) from error
    if not isinstance(study, dict):
        msg = f"{path.name!r} holds {short(study)}; expected an object. {_AGAIN}."
        raise DataError(msg)
    missing = [key for key in _STUDY_KEYS if key not in study]
    if missing:
        msg = f"{path.name!r} lacks key {missing[0]!r}; expected {', '.join(_STUDY_KEYS)}. {_AGAIN}."
        raise DataError(msg)
    for key, kind in (_STUDY_KEYS | _STUDY_OPTIONAL).items():
        if key in study and not isinstance(study[key], kind):
            msg = f"{path.name!r}: {key!r} is {short(study[key])}; expected {_KINDS[kind]}. {_AGAIN}."
            raise DataError(msg)
    return study


def check_hashes(folder: Path, study: Mapping[str, Any]) -> None:
    """Refuse files that are not the ones the study wrote; studies of earlier versions do not say which these are."""
    for name, digest in study.get("files", {}).items():
        path = folder / Path(name).name
        if not path.is_file():
            msg = f"{name!r} is missing in {str(folder)!r}, and the study wrote it. {_AGAIN}."
            raise DataError(msg)
        if file_hash(path) != digest:
            msg = (
                f"{name!r} in {str(folder)!r} is not what the study wrote: it was cut, changed or exchanged. "
                f"{_AGAIN}; it computes nothing again that it kept."
            )
            raise DataError(msg)


def read_tables(folder: Path, study: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Read every table; one that was not written, since nothing filled it, has no rows.

    Raises
    ------
    DataError
        If the results are of an earlier version, or a table is not as the study wrote it.
    """
    if not (folder / "measures.csv").exists() and (folder / "alignment.csv").exists():
        msg = f"The results in {str(folder)!r} are of an earlier version ('measures.csv' is missing). {_AGAIN}."
        raise DataError(msg)
    found = {}
    for name in TABLES:
        unwritten = "files" in study and f"{name}.csv" not in study["files"]
        absent = name in _OPTIONAL or (name in OPTIONAL and unwritten)
        there = (folder / f"{name}.csv").exists()
        found[name] = tables.read(folder, name) if there or not absent else tables.empty(name)
    unknown = sorted(set(found["alignment"].measure) - set(found["measures"].measure))
    if unknown:
        msg = f"'alignment.csv' holds measure {unknown[0]!r}, which 'measures.csv' does not describe. {_AGAIN}."
        raise DataError(msg)
    return found


def read_thumbnails(path: Path) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Read ids and images by data set."""
    if not path.exists():
        return {}
    tensors, metadata = read_tensors(path)
    thumbnails = {}
    for name, tensor in tensors.items():
        ids = tuple(metadata.get(name, ()))
        if len(ids) != len(tensor):
            msg = f"{path.name!r}: {len(ids)} ids for {len(tensor)} images of {name!r}; expected one each. Run again."
            raise DataError(msg)
        thumbnails[name] = (ids, tensor.numpy())
    return thumbnails


def write_tables(folder: Path, found: Mapping[str, pd.DataFrame]) -> None:
    """Write tables under their names; those that only some results have are left out where nothing filled them."""
    for name, table in found.items():
        if len(table) or name not in OPTIONAL:
            tables.write(folder, name, table)


def write_thumbnails(path: Path, thumbnails: Mapping[str, tuple[tuple[str, ...], np.ndarray]]) -> None:
    """Write what :func:`read_thumbnails` reads."""
    images = {name: torch.from_numpy(shown.copy()) for name, (_, shown) in thumbnails.items()}
    write_tensors(path, images, {name: list(ids) for name, (ids, _) in thumbnails.items()})


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write ``study.json``, with the hashes of all files that are there."""
    whole = {**facts, "files": result_hashes(folder)}
    write_text(folder / STUDY, json.dumps(whole, indent=1, ensure_ascii=False))


def write_stored(path: Path, stored: Sequence[Scores]) -> None:
    """Write what :func:`read_stored` reads."""
    Scores.save_all(path, stored)


def read_stored(path: Path) -> tuple[Scores, ...]:
    """Read the stored scores of each recording; none where there is no file."""
    return Scores.load_all(path) if path.exists() else ()
