"""EEG and MEG files as mne reads them, refused where mne would go on with less than the file promises."""

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from brainalign.errors import BrainalignError, DataError
from brainalign.readers.damage import require_data
from brainalign.readers.matlab import matlab_kind

#: Suffixes that are read; ``.mat`` is FieldTrip's here, CoSMoMVPA has a reader of its own.
SUFFIXES = (".set", ".vhdr", ".edf", ".bdf", ".ds", ".sqd", ".con", ".fif", ".fif.gz", ".mat", ".cnt", ".mff", ".gdf")

# what mne only warns of, though part of the recording is missing
_FATAL = ("outside data range", "does not match the file size", "could not be read", "truncated")
_BRAINVISION_BYTES = {"INT_16": 2, "IEEE_FLOAT_32": 4, "INT_32": 4}


def read_meeg(path: str | os.PathLike[str], split_missing: str = "raise") -> tuple[Any, tuple[str, ...]]:
    """Return a recording as an object of mne, with its data loaded, and what mne warned of.

    Parameters
    ----------
    path
        A file, or the folder of a CTF recording (``.ds``). ``-epo.fif`` and ``-ave.fif`` names are epochs and
        averages, as mne asks; EEGLAB and FieldTrip files say themselves what they hold.
    split_missing
        ``"raise"`` or ``"ignore"``: what becomes of a FIF file that names a further part which is not there.

    Returns
    -------
    recording
        ``mne.io.BaseRaw``, ``mne.BaseEpochs``, or a list of ``mne.Evoked``; units are mne's: volt, tesla, tesla per
        metre.
    warnings
        One sentence each.

    Raises
    ------
    DataError
        If the file is missing, a pointer, damaged, cut short, of another format, or flat throughout.
    """
    file = require_data(path)
    name = file.name.lower()
    if not name.endswith(SUFFIXES):
        msg = f"{str(file)!r} is of no EEG or MEG format that is read; expected one of {', '.join(SUFFIXES)}."
        raise DataError(msg)
    _check_parts(file)
    with _said(file) as notes:
        found = _read(file, name, split_missing)
    _require_signal(found, file)
    return found, tuple(notes)


@contextlib.contextmanager
def _said(file: Path) -> Iterator[list[str]]:
    """Turn whatever goes wrong into one line, collect warnings, and refuse those that mean a loss."""
    notes: list[str] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield notes
    except BrainalignError:
        raise
    except Exception as error:  # readers of foreign formats raise anything on damaged input
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        msg = f"{str(file)!r} cannot be read ({reason}); expected a whole file of its format. Fetch or export it again."
        raise DataError(msg) from error
    notes += dict.fromkeys(" ".join(str(one.message).split()) for one in caught if _concerns(one))
    for note in notes:
        if any(word in note for word in _FATAL):
            msg = f"{str(file)!r} is cut short: {note[:160]} Fetch or export it again."
            raise DataError(msg)


def _concerns(warning: warnings.WarningMessage) -> bool:
    return not issubclass(warning.category, DeprecationWarning | FutureWarning | PendingDeprecationWarning)


def _read(file: Path, name: str, split_missing: str) -> Any:
    import mne

    with mne.utils.use_log_level("ERROR" if name.endswith(".mat") else "WARNING"):
        if name.endswith(".mat"):
            from brainalign.readers.fieldtrip import read_fieldtrip

            return read_fieldtrip(file)
        if name.endswith((".fif", ".fif.gz")):
            stem = name.split(".fif")[0]
            if stem.endswith(("-epo", "_epo")):
                return mne.read_epochs(file, preload=True)
            if stem.endswith(("-ave", "_ave")):
                return mne.read_evokeds(file)
            return mne.io.read_raw_fif(file, preload=True, on_split_missing=split_missing)
        try:
            return mne.io.read_raw(file, preload=True)
        except TypeError:
            if not name.endswith(".set"):
                raise
        return mne.io.read_epochs_eeglab(file)  # mne refuses a file of several trials as continuous


def _check_parts(file: Path) -> None:
    """Check the files that belong to a header: they may be pointers, missing, or cut."""
    if file.suffix.lower() == ".vhdr":
        header = _brainvision_header(file)
        for key in ("DataFile", "MarkerFile"):
            if named := header.get(key):
                require_data(file.parent / named.replace("$b", file.stem))
        width = _BRAINVISION_BYTES.get(header.get("BinaryFormat", ""), 0) * int(header.get("NumberOfChannels") or 0)
        data = file.parent / header.get("DataFile", "").replace("$b", file.stem)
        size = data.stat().st_size if data.is_file() else 0
        if width and header.get("DataFormat", "BINARY") == "BINARY" and size % width:
            msg = (
                f"{str(data)!r} holds {size} bytes, no whole number of samples of {width} bytes; it is cut short. "
                "Fetch "
                "or export it again."
            )
            raise DataError(msg)
    if file.suffix.lower() == ".set" and file.with_suffix(".fdt").exists():
        require_data(file.with_suffix(".fdt"))
    if file.suffix.lower() == ".ds":
        for part in sorted(file.iterdir()):
            if part.suffix in (".meg4", ".res4"):
                require_data(part)
    if file.suffix.lower() == ".mat" and matlab_kind(file) == "":
        msg = f"{str(file)!r} is no MATLAB file; expected version 4 to 7.3. Save it again from MATLAB."
        raise DataError(msg)


def _brainvision_header(file: Path) -> dict[str, str]:
    """Return the settings of a BrainVision header; comments are left out."""
    pairs: dict[str, str] = {}
    for line in file.read_bytes().decode("latin-1").splitlines():
        key, sign, value = line.partition("=")
        if sign and not line.startswith(";"):
            pairs.setdefault(key.strip(), value.strip())
    return pairs


def _require_signal(found: Any, file: Path) -> None:
    """Refuse a recording in which no channel varies: its data were overwritten or never there."""
    for one in found if isinstance(found, list) else [found]:
        if not any(np.ptp(one.get_data(picks=[k]), axis=-1).any() for k in range(len(one.ch_names))):
            msg = f"{str(file)!r} holds no signal: every channel is constant; expected data. Fetch or export it again."
            raise DataError(msg)
