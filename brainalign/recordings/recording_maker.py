"""How recordings are made of arrays, and of objects of mne."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from brainalign.errors import DataError
from brainalign.geometry.geometry import Geometry
from brainalign.readers.trials import Trials
from brainalign.recordings.recording_checks import checked_array
from brainalign.summary import Summarised

#: The ROI that all channels are, where none is named.
ALL = "all"


class RecordingMaker(Summarised):
    """Constructors of :class:`brainalign.recordings.recording.Recording`."""

    @classmethod
    def from_array(
        cls,
        data: Any,
        ids: Any,
        *,
        times: Sequence[float] | None = None,
        channels: Sequence[str] | None = None,
        rois: Mapping[str, Any] | None = None,
        runs: Sequence[str] | None = None,
        subject: str = "s01",
        dataset: str = "own",
        modality: str = "unknown modality",
        unit: str = "arbitrary",
        geometry: Geometry | None = None,
        motion: Any = None,
    ) -> Self:
        """Return a recording of an array.

        Parameters
        ----------
        data
            ``(n_trials, n_channels)``, or ``(n_trials, n_channels, n_times)`` with ``times``.
        ids
            Stimulus of each trial, ``n_trials``.
        times
            Seconds from onset, ``n_times``.
        channels
            Names; ``ch1`` and so on unless given.
        rois
            ROI to boolean mask ``(n_channels,)``; one, ``"all"``, unless given.
        runs
            Run of each trial, ``n_trials``.
        subject, dataset, modality, unit
            Who, from which set, how it was recorded, and the unit of ``data``.
        geometry
            Where the channels are, such as :class:`brainalign.geometry.volume.Volume`, for searchlights.
        motion
            Where the head was at each trial, ``(n_trials, 6)``: mm along x, y, z, then radians.

        Raises
        ------
        StimulusMismatchError
            If shapes and lengths do not fit.
        DataError
            If data have several times and ``times`` is not given, or as the class says.

        Examples
        --------
        >>> import brainalign as ba
        >>> one = ba.Recording.from_array(np.arange(6.0).reshape(3, 2), ["face", "house", "face"])
        >>> one.means(["face", "house"])[:, :, 0].tolist()
        [[2.0, 3.0], [2.0, 3.0]]
        >>> one.channels, tuple(one.rois)
        (('ch1', 'ch2'), ('all',))
        """
        array, seconds = checked_array(data, times, f"Recording {dataset}/{subject}")
        n_channels = array.shape[1]
        names = tuple(f"ch{k + 1}" for k in range(n_channels)) if channels is None else channels
        masks = {ALL: np.ones(n_channels, dtype=bool)} if rois is None else rois
        make: Any = cls
        given = (array, ids, names, seconds, subject, dataset, modality, unit, masks, runs)
        return make(*given, geometry=geometry, motion=motion)

    @classmethod
    def of(cls, trials: Trials, subject: str, dataset: str) -> Self:
        """Return what a reader returned as the recording of a subject.

        Examples
        --------
        >>> import brainalign as ba
        >>> trials = Trials(np.ones((2, 3, 1)), ("cat", "dog"), ("a", "b", "c"), (0.0,), "fMRI", "% change")
        >>> ba.Recording.of(trials, "s01", "mine").name
        'Recording mine/s01'
        """
        make: Any = cls
        return make(subject=subject, dataset=dataset, **trials.fields())

    @classmethod
    def from_assembly(
        cls,
        path: str | os.PathLike[str],
        animal: str = "",
        subject: str = "",
        dataset: str = "assembly",
        **options: Any,
    ) -> Self:
        """Return a netCDF assembly, as Brain-Score publishes them: presentations, neuroids and time bins.

        Parameters
        ----------
        path
            A file of netCDF version 4.
        animal
            Whose neuroids are taken; needed where the assembly names several.
        subject, dataset
            Names; the animal's unless given.
        options
            ``ids``, ``rois``, ``runs``, ``modality``, ``unit`` of :meth:`brainalign.readers.assembly.Assembly.trials`.

        Raises
        ------
        DataError
            If the file holds no assembly, a coordinate is missing, or there is no such animal.

        Examples
        --------
        >>> import brainalign as ba
        >>> ba.Recording.from_assembly("nowhere.nc")
        Traceback (most recent call last):
            ...
        brainalign.errors.DataError: 'nowhere.nc' does not exist; expected a file. Correct the path.
        """
        from brainalign.readers.assembly import read_assembly

        found = read_assembly(path)
        animals = found.animals()
        known = tuple(dict.fromkeys(animals.tolist()))
        if (animal or known[0]) not in known or (not animal and len(known) > 1):
            msg = f"{os.fspath(path)!r} holds {', '.join(known)}, not {animal!r}. Give animal = {known[0]!r}, say."
            raise DataError(msg)
        trials = found.trials(animals == (animal or known[0]), **options)
        return cls.of(trials, subject or animal or known[0], dataset)

    @classmethod
    def from_epochs(
        cls, epochs: Any, ids: str | Sequence[Any], subject: str = "", dataset: str = "epochs", **options: Any
    ) -> Self:
        """Return epochs of mne as a recording; channel types become ROIs, bad channels are left out and noted.

        Parameters
        ----------
        epochs
            ``mne.BaseEpochs``.
        ids
            Column of ``epochs.metadata``, ``"event"`` for the names of events, or one id per epoch.
        subject
            Name; that of ``epochs.info`` unless given.
        dataset
            Name of the set.
        options
            ``runs``, ``unit``, ``scale``, ``kinds`` of :func:`brainalign.readers.epochs.of_epochs`.

        Raises
        ------
        DataError
            If ids or channels are missing, or amplitudes contradict the unit.

        Examples
        --------
        >>> import brainalign as ba, mne, numpy as np
        >>> info = mne.create_info(["Oz", "O1"], 100.0, "eeg", verbose="error")
        >>> epochs = mne.EpochsArray(1e-5 * np.random.default_rng(0).standard_normal((3, 2, 50)), info, verbose="error")
        >>> one = ba.Recording.from_epochs(epochs, ids=["cat", "dog", "cat"], subject="s01")
        >>> one.data.shape, one.unit, list(one.rois)
        ((3, 2, 50), 'V', ['eeg'])
        """
        from brainalign.readers.epochs import of_epochs

        return cls.of(of_epochs(epochs, ids, **options), subject or _subject_of(epochs), dataset)

    @classmethod
    def from_evoked(
        cls, evoked: Any, ids: Sequence[Any] | None = None, subject: str = "", dataset: str = "averages", **options: Any
    ) -> Self:
        """Return averages of mne, one trial each, under ``ids`` or their comments; see :meth:`from_epochs`.

        Examples
        --------
        >>> import brainalign as ba, mne, numpy as np
        >>> info = mne.create_info(["Oz", "O1"], 100.0, "eeg", verbose="error")
        >>> evoked = mne.EvokedArray(1e-5 * np.random.default_rng(0).standard_normal((2, 50)), info, verbose="error")
        >>> ba.Recording.from_evoked([evoked, evoked], ids=["cat", "dog"], subject="s01").data.shape
        (2, 2, 50)
        """
        from brainalign.readers.epochs import of_evoked

        first = evoked[0] if isinstance(evoked, list | tuple) else evoked
        return cls.of(of_evoked(evoked, ids, **options), subject or _subject_of(first), dataset)

    @classmethod
    def from_raw(
        cls, raw: Any, events: Any, preprocess: Any, subject: str = "", dataset: str = "raw", **options: Any
    ) -> Self:
        """Return continuous data of mne around events; see :func:`brainalign.readers.bids_meeg.of_raw`.

        Parameters
        ----------
        raw
            ``mne.io.BaseRaw``.
        events
            Data frame with columns ``onset`` (seconds from the beginning) and ``id``, or what
            :func:`brainalign.readers.events.read_events` returns.
        preprocess
            A :class:`brainalign.readers.preprocess.Preprocess`; its sentence is among the notes.
        subject, dataset, options
            As in :meth:`from_epochs`, and ``run``.

        Examples
        --------
        >>> import brainalign as ba, mne, numpy as np, pandas as pd
        >>> from brainalign.readers.preprocess import Preprocess
        >>> info = mne.create_info(["Oz", "O1"], 100.0, "eeg", verbose="error")
        >>> raw = mne.io.RawArray(1e-5 * np.random.default_rng(0).standard_normal((2, 400)), info, verbose="error")
        >>> events = pd.DataFrame({"onset": [1.0, 2.0], "id": ["cat", "dog"]})
        >>> ba.Recording.from_raw(raw, events, Preprocess(0.0, 0.2), subject="s01").data.shape
        (2, 2, 21)
        """
        from brainalign.readers.bids_meeg import of_raw

        return cls.of(of_raw(raw, events, preprocess, **options), subject or _subject_of(raw), dataset)


def _subject_of(source: Any) -> str:
    """Return the name of the subject that an object of mne holds, or a plain one."""
    return str((source.info["subject_info"] or {}).get("his_id") or "subject")
