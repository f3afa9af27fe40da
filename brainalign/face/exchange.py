"""To the objects of other packages, and from them: rsatoolbox, mne."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from brainalign.errors import DataError, SpecError
from brainalign.patterns import Patterns
from brainalign.rdms import RDMs
from brainalign.recordings.recording import Recording
from brainalign.rsatoolbox_exchange import from_rsatoolbox as rdms_from_rsatoolbox
from brainalign.rsatoolbox_exchange import to_rsatoolbox as rdms_to_rsatoolbox

#: What mne calls the channels of a modality, and by what values of a unit are multiplied for it.
_KINDS = {"EEG": "eeg", "MEG": "mag"}
_SCALES = {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "µV": 1e-6, "T": 1.0, "pT": 1e-12, "fT": 1e-15}


def to_rsatoolbox(thing: RDMs | Patterns | Recording, id_descriptor: str = "stimulus") -> Any:
    """Return RDMs as ``rsatoolbox.rdm.RDMs``, patterns and recordings as its data sets.

    Parameters
    ----------
    thing
        :class:`RDMs`; :class:`Patterns` ``(n_rows, n_features)``; or a :class:`Recording`, trials as observations: a
        ``TemporalDataset`` where it has several times.
    id_descriptor
        Name of the descriptor that holds stimulus ids; runs are under ``"run"``, channels under ``"channel"``.

    Raises
    ------
    DataError
        If it has no counterpart.

    Examples
    --------
    >>> import brainalign as ba, numpy as np
    >>> rdm = ba.compute_rdms(np.eye(3), ("a", "b", "c"), "euclidean")
    >>> ba.to_rsatoolbox(rdm).n_cond
    3
    >>> ba.to_rsatoolbox(ba.Patterns(np.eye(3), ("a", "b", "c"), "three")).measurements.shape
    (3, 3)
    """
    if isinstance(thing, RDMs):
        return rdms_to_rsatoolbox(thing, id_descriptor)
    from rsatoolbox.data import Dataset, TemporalDataset

    if isinstance(thing, Patterns):
        return Dataset(np.array(thing.values), obs_descriptors={id_descriptor: list(thing.stimulus_ids)})
    if not isinstance(thing, Recording):
        msg = f"to_rsatoolbox got {type(thing).__name__}; expected RDMs, Patterns or a Recording."
        raise DataError(msg)
    observed = {id_descriptor: list(thing.stimulus_ids)} | ({} if thing.runs is None else {"run": list(thing.runs)})
    about = {"subject": thing.subject, "dataset": thing.dataset, "unit": thing.unit}
    labels = {
        "descriptors": about,
        "obs_descriptors": observed,
        "channel_descriptors": {"channel": list(thing.channels)},
    }
    if len(thing.times) == 1:
        return Dataset(np.array(thing.data[:, :, 0]), **labels)
    return TemporalDataset(np.array(thing.data), **labels, time_descriptors={"time": list(thing.times)})


def from_rsatoolbox(thing: Any, id_descriptor: str = "stimulus") -> RDMs | Patterns:
    """Return ``rsatoolbox.rdm.RDMs`` as :class:`RDMs`, a ``Dataset`` of it as :class:`Patterns`.

    Parameters
    ----------
    thing
        An object of rsatoolbox; of a data set ``(n_rows, n_features)``.
    id_descriptor
        Name of the pattern or observation descriptor that holds stimulus ids.

    Raises
    ------
    StimulusMismatchError
        If there is no such descriptor, or ids of RDMs repeat.
    DataError
        If it is something else, or a number is not finite.

    Examples
    --------
    >>> import brainalign as ba, numpy as np
    >>> one = ba.Patterns(np.eye(3), ("a", "b", "c"), "three")
    >>> ba.from_rsatoolbox(ba.to_rsatoolbox(one)).rows(["b"]).tolist()
    [[0.0, 1.0, 0.0]]
    """
    if hasattr(thing, "dissimilarities") or not hasattr(thing, "obs_descriptors"):
        return rdms_from_rsatoolbox(thing, id_descriptor)
    known = thing.obs_descriptors or {}
    if id_descriptor not in known or np.ndim(thing.measurements) != 2:
        found = ", ".join(known) or "none"
        msg = (
            f"This data set of rsatoolbox has measurements {np.shape(thing.measurements)} and descriptors {found}; "
            f"expected (n_rows, n_features) and {id_descriptor!r}. Give id_descriptor, or average over times."
        )
        raise DataError(msg)
    return Patterns(np.array(thing.measurements), tuple(map(str, known[id_descriptor])), "Data of rsatoolbox")


def to_epochs(recording: Recording, kinds: Sequence[str] | None = None) -> Any:
    """Return a recording with several times as ``mne.EpochsArray``; ids are its events, and metadata with runs.

    Parameters
    ----------
    recording
        EEG or MEG, ``(n_trials, n_channels, n_times)``, times evenly spaced. Values in uV, fT and the like become volt
        and tesla; others stay as they are.
    kinds
        Type of each channel in the words of mne; ``"eeg"``, ``"mag"`` for MEG, and else ``"misc"`` unless given.

    Raises
    ------
    SpecError
        If the recording has one time, times that are not evenly spaced, or another number of channels than kinds.

    Examples
    --------
    >>> import brainalign as ba, numpy as np
    >>> about = {"modality": "EEG", "unit": "uV", "subject": "s01"}
    >>> one = ba.Recording.from_array(np.ones((2, 3, 5)), ["cat", "dog"], times=[0, 0.1, 0.2, 0.3, 0.4], **about)
    >>> epochs = ba.to_epochs(one)
    >>> epochs.metadata.stimulus.tolist(), epochs.info["sfreq"], float(epochs.get_data().max())
    (['cat', 'dog'], 10.0, 1e-06)
    """
    import mne
    import pandas as pd

    times = np.asarray(recording.times)
    steps = np.diff(times)
    if len(times) < 2 or not np.allclose(steps, steps.mean(), rtol=1e-3):
        what = "one time" if len(times) < 2 else f"times {steps.min():.4g} to {steps.max():.4g} s apart"
        msg = f"{recording.name} has {what}; epochs expect samples at one rate. Give several, evenly spaced times."
        raise SpecError(msg)
    n = len(recording.channels)
    types = [_KINDS.get(recording.modality, "misc")] * n if kinds is None else list(kinds)
    if len(types) != n:
        msg = f"{recording.name}: {len(types)} kinds for {n} channels; expected one each."
        raise SpecError(msg)
    info = mne.create_info(list(recording.channels), round(float(1 / steps.mean()), 6), types, verbose="error")
    info["subject_info"] = {"his_id": recording.subject}
    code = {name: k for k, name in enumerate(dict.fromkeys(recording.stimulus_ids), start=1)}
    events = np.column_stack([np.arange(len(recording.data)), np.zeros((len(recording.data), 2), int)])
    events[:, 2] = [code[name] for name in recording.stimulus_ids]
    runs = {} if recording.runs is None else {"run": list(recording.runs)}
    values = np.asarray(recording.data, dtype=np.float64) * _SCALES.get(recording.unit, 1.0)
    return mne.EpochsArray(
        values,
        info,
        events,
        float(times[0]),
        code,
        metadata=pd.DataFrame({"stimulus": list(recording.stimulus_ids), **runs}),
        verbose="error",
    )
