"""FieldTrip structs, ``raw`` and ``timelock``, as epochs and averages of mne."""

from pathlib import Path
from typing import Any

import numpy as np

from brainalign.errors import DataError
from brainalign.readers.matlab import read_matlab


def read_fieldtrip(path: Path, variable: str | None = None) -> Any:
    """Return the epochs, the continuous data, or the list of one average that a FieldTrip file holds.

    mne reads the channels. It lets an average begin at 0 s; here it begins where the file says.

    Parameters
    ----------
    path
        A ``.mat`` file.
    variable
        Name of the struct; ``None`` takes the only variable that has labels and time.

    Raises
    ------
    DataError
        If there is no such struct, several, or trials of different lengths.
    """
    import mne

    content = read_matlab(path)
    name = variable or _struct(content, path)
    struct = content[name]
    times = struct["time"]
    if "avg" in struct:
        evoked = mne.read_evoked_fieldtrip(path, None, data_name=name)
        return [evoked.shift_time(float(np.ravel(times)[0]), relative=False)]
    if isinstance(struct.get("trial"), np.ndarray) and struct["trial"].ndim == 2:  # continuous data are one trial
        return mne.io.read_raw_fieldtrip(path, None, data_name=name)
    _check_trials(struct, path)
    return mne.read_epochs_fieldtrip(path, None, data_name=name, trialinfo_column=0)


def _struct(content: dict[str, Any], path: Path) -> str:
    found = [name for name, one in content.items() if isinstance(one, dict) and {"label", "time"} <= set(one)]
    if len(found) != 1:
        what = "several FieldTrip structs: " + ", ".join(found) if found else f"{', '.join(content) or 'nothing'}"
        msg = f"{str(path)!r} holds {what}; expected one struct with label, time and trial or avg. Save it on its own."
        raise DataError(msg)
    return found[0]


def _check_trials(struct: dict[str, Any], path: Path) -> None:
    trials, n_channels = struct.get("trial"), len(np.atleast_1d(struct["label"]))
    if trials is None or not len(trials):
        msg = (
            f"{str(path)!r} has neither trials nor an average; expected the field trial or avg. Save the data with it."
        )
        raise DataError(msg)
    shapes = {np.shape(one) for one in trials}
    if len(shapes) > 1 or len(next(iter(shapes))) != 2 or next(iter(shapes))[0] != n_channels:
        shown = sorted(str(one) for one in shapes)[:3]
        msg = (
            f"{str(path)!r}: trials have shapes {', '.join(shown)} for {n_channels} channels; expected (channels, "
            "times), "
            "equal for all. Cut trials to one length with ft_redefinetrial."
        )
        raise DataError(msg)
    info = struct.get("trialinfo")
    if info is not None and np.size(info) and len(np.atleast_1d(info)) != len(trials):
        msg = (
            f"{str(path)!r}: trialinfo has {len(np.atleast_1d(info))} rows for {len(trials)} trials; expected one each."
        )
        raise DataError(msg)
