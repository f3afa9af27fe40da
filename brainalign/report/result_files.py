"""The files of a results folder, read whole or refused in one line."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from brainalign.errors import DataError
from brainalign.plausibility.scorecard import read_scorecard
from brainalign.rdms import RDMs
from brainalign.results_folder import RESULTS, STUDY
from brainalign.storage import file_hash, read_tensors

#: Columns of every table.
COLUMNS = {
    "training": (
        "rule network dataset seed epoch step train_loss train_accuracy val_loss val_accuracy test_loss test_accuracy "
        "feedback_angle ms_per_step population learning_rate"
    ),
    "alignment": (
        "rule network seed checkpoint epoch layer layer_index dataset subject roi time measure score floor "
        "ceiling_lower ceiling_upper n_stimuli n_targets simulated"
    ),
    "contrasts": (
        "kind rule_a rule_b network dataset roi time layer measure delta se se_subjects se_stimuli se_seeds dof ci_low "
        "ci_high p p_adjusted correction family family_size n_subjects n_stimuli n_seeds scope_subjects scope_stimuli "
        "scope_seeds mde verdict"
    ),
    "ranks": "network dataset roi time layer measure rule mean_score rank rank_low rank_high supported",
    "failures": "rule network stage recording reason",
    "gates": "network dataset roi time layer measure gate severity sentence",
}
_TEXT = (
    *("rule", "network", "dataset", "checkpoint", "layer", "subject", "roi", "measure", "kind", "rule_a", "rule_b"),
    *("correction", "family", "scope_subjects", "scope_stimuli", "scope_seeds", "verdict", "gate", "severity"),
    *("sentence", "stage", "recording", "reason"),
)
_BOOLEAN = ("simulated", "supported")
_WHOLE = (
    *("layer_index", "step", "rank", "rank_low", "rank_high", "family_size"),
    *("n_subjects", "n_stimuli", "n_seeds"),
)
_OPTIONAL = {"ranks", "failures"}
# A study without these has nothing to show.
_FILLED = {"training", "alignment"}
_SCORECARD = ["rule", "network", "probe", "outcome", "lo", "hi", "pass", "certified", "note"]
_CRITERIA = ["rule", "network", "criterion", "title", "measured", "probes", "certified", "claimed", "disagrees"]

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
    **dict.fromkeys(("files", "activities", "training_sets", "dissimilarities"), dict),
    **dict.fromkeys(("citations", "cautions", "scope_sentences", "recovery", "stale", "failures"), list),
    **dict.fromkeys(("alpha", "wall_seconds", "n_bootstrap"), (int, float)),
}
_KINDS: dict[Any, str] = {str: "text", dict: "an object", list: "a list", (int, float): "a number"}


def check_folder(folder: Path) -> None:
    """Refuse what is not the results folder of a finished study, and say what it is instead."""
    give = "give the results folder of a study (brainalign run)."
    if not folder.exists():
        msg = f"Folder {str(folder)!r} is missing; {give}"
    elif not folder.is_dir():
        msg = f"{str(folder)!r} is a file; {give}"
    elif (folder / STUDY).exists():
        return
    elif (folder / "checkpoints").is_dir():
        msg = f"Folder {str(folder)!r} holds one training run, and a report is about a study; {give}"
    elif any((folder / name).exists() for name in ("populations", "cache", *RESULTS)):
        msg = (
            f"{STUDY!r} is missing in {str(folder)!r}: the study there was not finished. {_AGAIN}; what it trained and "
            "scored is kept."
        )
    else:
        msg = f"Folder {str(folder)!r} holds no results of a study ({STUDY!r} is missing); {give}"
    raise DataError(msg)


def read_study(path: Path) -> dict[str, Any]:
    """Read ``study.json``."""
    try:
        study = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"Cannot read {path.name!r} in {str(path.parent)!r} ({error}); expected JSON. {_AGAIN}."
        raise DataError(msg) from error
    if not isinstance(study, dict):
        msg = f"{path.name!r} holds {_short(study)}; expected an object. {_AGAIN}."
        raise DataError(msg)
    missing = [key for key in _STUDY_KEYS if key not in study]
    if missing:
        msg = f"{path.name!r} lacks key {missing[0]!r}; expected {', '.join(_STUDY_KEYS)}. {_AGAIN}."
        raise DataError(msg)
    for key, kind in (_STUDY_KEYS | _STUDY_OPTIONAL).items():
        if key in study and not isinstance(study[key], kind):
            msg = f"{path.name!r}: {key!r} is {_short(study[key])}; expected {_KINDS[kind]}. {_AGAIN}."
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


def read_table(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read a table that must have ``columns``; where an optional one is not there, it has no rows."""
    if not path.exists():
        if path.stem in _OPTIONAL:
            return pd.DataFrame(columns=columns)
        msg = f"{path.name!r} is missing in {str(path.parent)!r}; expected a results folder. {_AGAIN}."
        raise DataError(msg)
    text = dict.fromkeys((*_TEXT, *_BOOLEAN), str)
    try:
        # Only an empty cell is missing: a rule, layer or region may well be called "NA" or "none".
        table = pd.read_csv(io.BytesIO(_whole(path)), dtype=text, keep_default_na=False, na_values=[""])
    except (ValueError, OSError) as error:
        if isinstance(error, DataError):
            raise
        msg = f"Cannot read {str(path)!r} ({_short(error, 80)}); expected a CSV table. {_AGAIN}."
        raise DataError(msg) from error
    missing = [name for name in columns if name not in table.columns]
    if missing:
        have = _short(", ".join(map(str, table.columns)), 200)
        msg = f"{path.name!r} lacks column {missing[0]!r} (has {have}); run the study again."
        raise DataError(msg)
    if path.stem in _FILLED and table.empty:
        msg = f"{path.name!r} in {str(path.parent)!r} has no rows. {_AGAIN}."
        raise DataError(msg)
    return table.assign(**{name: _column(path, table[name]) for name in columns})


def read_plausibility(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the scorecard and its criteria; two tables without rows where there is none."""
    for name in ("scorecard.csv", "criteria.csv"):
        if (folder / name).exists():
            _whole(folder / name)
    try:
        plausibility, criteria = read_scorecard(folder)
        for table, columns in ((plausibility, _SCORECARD), (criteria, _CRITERIA)):
            if missing := [name for name in columns if name not in table.columns]:
                msg = f"no column {missing[0]!r}"
                raise ValueError(msg)
        numbers = {name: pd.to_numeric(plausibility[name]) for name in ("outcome", "lo", "hi")}
        for marks in (plausibility.certified, criteria.certified, criteria.disagrees):
            if len(marks) and marks.dtype != bool:
                msg = f"{marks.name} is not true or false"
                raise ValueError(msg)
    except (ValueError, KeyError, TypeError) as error:
        msg = (
            f"Cannot read the scorecard in {str(folder)!r} ({_short(error, 80)}); expected scorecard.csv and "
            f"criteria.csv as the study wrote them. {_AGAIN}."
        )
        raise DataError(msg) from error
    return plausibility.assign(**numbers), criteria


def _whole(path: Path) -> bytes:
    """Return the bytes of a table; one that ends in the middle of a line is cut."""
    content = path.read_bytes()
    if not content.endswith(b"\n"):
        how = "is cut in the middle of a line" if content.strip() else "is empty"
        msg = f"{path.name!r} in {str(path.parent)!r} {how}; expected a whole table. {_AGAIN}."
        raise DataError(msg)
    return content


def _column(path: Path, values: pd.Series) -> pd.Series:
    name = str(values.name)
    if name in _BOOLEAN:
        words = values.fillna("").str.lower()
        _refuse(path, values[~words.isin(["true", "false", "1", "0"])], "true or false")
        return words.isin(["true", "1"]).astype(bool)
    if name in _TEXT:
        return values.fillna("")
    numbers = pd.to_numeric(values, errors="coerce")
    _refuse(path, values[numbers.isna() & values.notna() & (values.astype(str).str.lower() != "nan")], "a number")
    if name in _WHOLE:
        _refuse(path, values[~np.isfinite(numbers.astype(float))], "a whole number")
    return numbers


def _refuse(path: Path, wrong: pd.Series, expected: str) -> None:
    if len(wrong):
        what = "nothing" if pd.isna(wrong.iloc[0]) else _short(wrong.tolist()[0])
        msg = f"{path.name!r} holds {what} in column {str(wrong.name)!r}; expected {expected}. {_AGAIN}."
        raise DataError(msg)


def _short(value: object, most: int = 40) -> str:
    """Return a value in quotes, or an error or list as it is; on one line, of printable characters, not too long."""
    plain = isinstance(value, Exception) or most > 80
    text = str(value) if plain else repr(value)
    text = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    return text if len(text) <= most else f"{text[: most - 3]}..."


def read_rdms(path: Path) -> tuple[dict[str, RDMs], dict[str, tuple[str, ...]]]:
    """Read the mean RDMs by name, and the categories of their stimuli by ``dataset|roi``."""
    if not path.exists():
        return {}, {}
    tensors, metadata = read_tensors(path)
    rdms: dict[str, RDMs] = {}
    for name, tensor in tensors.items():
        about = metadata.get("|".join(name.split("|")[:2]))
        if not isinstance(about, dict) or not {"stimulus_ids", "dissimilarity"} <= set(about):
            msg = (
                f"{path.name!r} does not say which stimuli {name!r} holds; expected metadata "
                f"{{'dataset|roi': {{'stimulus_ids', 'labels', 'dissimilarity'}}}}. {_AGAIN}."
            )
            raise DataError(msg)
        ids = tuple(about["stimulus_ids"])
        n_pairs = len(ids) * (len(ids) - 1) // 2
        values = tensor.double().numpy().reshape(1, -1)
        if values.shape[1] != n_pairs:
            msg = f"RDM {name!r} has {values.shape[1]} pairs; expected {n_pairs} for {len(ids)} stimuli. Run again."
            raise DataError(msg)
        # Studies of earlier versions do not say which dissimilarity a recording brought.
        measure = about.get("brain_dissimilarity", "") if name.endswith("|brain") else about["dissimilarity"]
        rdms[name] = RDMs(values, ids, measure)
    labels = {cell: tuple(about["labels"]) for cell, about in metadata.items() if about.get("labels")}
    return rdms, labels


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
