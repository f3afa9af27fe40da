"""Responses of one subject to stimuli: EEG, MEG, fMRI or spikes, one class for all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from brainalign.datasets.stimuli import checked_ids, positions
from brainalign.errors import DataError, SpecError, StimulusMismatchError
from brainalign.geometry.geometry import Geometry
from brainalign.mapped import add_rows, release, room
from brainalign.patterns import Patterns
from brainalign.recordings.recording_checks import (
    blocks,
    checked_data,
    checked_mask,
    checked_motion,
    checked_names,
    checked_rois,
    checked_times,
    columns_of,
    rows_of,
)
from brainalign.recordings.recording_maker import ALL as ALL
from brainalign.recordings.recording_maker import RecordingMaker
from brainalign.recordings.run_effects import run_effects
from brainalign.storage import content_hash
from brainalign.summary import Summary, some, span


@dataclass(frozen=True, eq=False)
class Recording(RecordingMaker):
    """Trials of one subject, each under the id of the stimulus that was shown.

    What is given is checked and brought into one form; an array of finite numbers is not copied, a memory-mapped one
    is read in blocks. The verbs return a new recording and leave this one as it is.

    Parameters
    ----------
    data
        ``(n_trials, n_channels, n_times)`` real numbers; fMRI betas and spike counts have one time.
    stimulus_ids
        ``(n_trials,)`` ids; a stimulus shown again is a further trial with the same id.
    channels
        Names of sensors, voxels or units, length ``n_channels``, each once.
    times
        Seconds from stimulus onset, length ``n_times``, increasing.
    subject, dataset, modality, unit
        Who, from which set, ``"EEG" | "MEG" | "fMRI" | "spikes"``, and the unit of ``data``.
    rois
        ROI name to boolean mask over channels ``(n_channels,)``, true for at least one.
    runs
        Optional run or session of each trial ``(n_trials,)``.
    simulated
        True if no brain was recorded; carried to every table, figure and caption.
    notes
        Sentences on what was left out or done before; they do not enter the key.
    geometry
        Where the channels are (:mod:`brainalign.geometry`), for searchlights and maps; it does not enter the key.
    motion
        Where the head was at each trial ``(n_trials, 6)``: shifts along x, y, z in mm, then turns in radians; for
        nuisance RDMs.

    Raises
    ------
    StimulusMismatchError
        If the lengths of data, ids, channels, times, masks, runs or motion disagree, or an id is no id.
    DataError
        If ``data`` is empty, masked, not numeric, or holds NaN or infinity; if channels repeat, times do not increase,
        a mask is not boolean or empty, or a name is not text.

    Examples
    --------
    >>> import brainalign as ba, numpy as np
    >>> data = np.arange(24.0).reshape(4, 2, 3) ** 2  # 4 trials, 2 channels, 3 times
    >>> who = {"subject": "s01", "dataset": "mine", "modality": "EEG", "unit": "uV"}
    >>> back = {"rois": {"occipital": np.array([False, True])}, "runs": ("1", "1", "2", "2")}
    >>> one = ba.Recording(data, ("cat", "dog", "cat", "dog"), ("Fz", "Oz"), (0.0, 0.1, 0.2), **who, **back)
    >>> print(one)
    Recording mine/s01, EEG in uV
      data: 4 trials, 2 channels, 3 times from 0 to 0.2 s
      stimuli: cat, dog
      ROIs: occipital (1 channels)
      runs: 1, 2
    >>> ids, means = one.average(roi="occipital")
    >>> ids, means.shape, one.means(["dog"], run="2").shape
    (('cat', 'dog'), (2, 1, 3), (1, 2, 3))
    >>> one.patterns().values.shape, one.n_channels("occipital")
    ((2, 6), 1)
    >>> [(names, means.shape) for names, means in one.mean_blocks(("cat", "dog"), n_values=6)]
    [(('Fz',), (2, 1, 3)), (('Oz',), (2, 1, 3))]
    >>> one.select("occipital").drop_trials(np.array([True, False, False, False])).data.shape
    (3, 1, 3)
    >>> one.window(0.05, 0.2).times, one.subset(["cat"]).drop_channels(["Fz"]).channels
    ((0.15000000000000002,), ('Oz',))
    >>> one.windows([(0, 0.1), (0.1, 0.2)]).data.shape
    (4, 2, 2)
    >>> one.centred("run").key == one.key, one.name
    (False, 'Recording mine/s01')
    """

    data: np.ndarray
    stimulus_ids: tuple[str, ...]
    channels: tuple[str, ...]
    times: tuple[float, ...]
    subject: str
    dataset: str
    modality: str
    unit: str
    rois: Mapping[str, np.ndarray] = field(default_factory=dict)
    runs: tuple[str, ...] | None = None
    simulated: bool = False
    notes: tuple[str, ...] = ()
    geometry: Geometry | None = None
    motion: np.ndarray | None = None

    def __post_init__(self) -> None:
        for option in ("subject", "dataset", "modality", "unit"):
            value = getattr(self, option)
            if not isinstance(value, str) or not value.strip():
                msg = f"Recording: {option} is {value!r}; expected text, such as {option} = '{_EXAMPLES[option]}'."
                raise DataError(msg)
        name = self.name
        ids = checked_ids(self.stimulus_ids, name, unique=False)
        channels, times = checked_names(self.channels, name, "channels"), checked_times(self.times, name)
        checked = {
            "stimulus_ids": ids,
            "channels": channels,
            "times": times,
            "data": checked_data(self.data, (len(ids), len(channels), len(times)), name),
            "rois": checked_rois(self.rois, len(channels), name),
            "runs": None if self.runs is None else checked_names(self.runs, name, "runs", len(ids)),
            "motion": None if self.motion is None else checked_motion(self.motion, len(ids), name),
        }
        for option, value in checked.items():
            object.__setattr__(self, option, value)
        if self.geometry is not None and len(self.geometry) != len(channels):
            what = f"{len(self.geometry)} {self.geometry.places} for {len(channels)} channels"
            msg = f"{name} got a geometry of {what}; expected one for each. Give geometry.at(kept)."
            raise StimulusMismatchError(msg)

    def summary(self) -> Summary:
        """Return whose it is, its sizes, and what it is divided into."""
        stimuli, times = dict.fromkeys(self.stimulus_ids), self.times
        when = f"{len(times)} times from {span(times, 's')}" if len(times) > 1 else "one time"
        simulated = "SIMULATED " if self.simulated else ""
        facts = {
            "data": f"{len(self.data)} trials, {len(self.channels)} channels, {when}",
            "stimuli": some(stimuli),
            "ROIs": some(f"{roi} ({int(mask.sum())} channels)" for roi, mask in self.rois.items()) or "none",
            "runs": "none" if self.runs is None else some(dict.fromkeys(self.runs)),
        }
        return Summary(f"{simulated}Recording {self.dataset}/{self.subject}, {self.modality} in {self.unit}", facts)

    @property
    def name(self) -> str:
        """Whose recording it is, for messages."""
        return f"Recording {self.dataset}/{self.subject}"

    @cached_property
    def key(self) -> str:
        """Content hash of all that is here: data, ids, channels, times, ROIs, runs, and what they are called."""
        little = self.data.dtype.newbyteorder("<")
        parts = [content_hash(self.data[part].astype(little, copy=False)) for part in blocks(self.data)]
        facts = (self.subject, self.dataset, self.modality, self.unit, self.simulated)
        runs = None if self.runs is None else list(self.runs)
        labels = (list(self.stimulus_ids), list(self.channels), list(self.times), runs)
        motion = [] if self.motion is None else [content_hash(self.motion)]
        return content_hash(list(self.data.shape), parts, *labels, *facts, dict(self.rois), *motion)

    # -- means over trials --------------------------------------------------------------------------------------------

    def average(self, roi: str | None = None) -> tuple[tuple[str, ...], np.ndarray]:
        """Return unique ids, in order of first presentation, and the mean response to each.

        Returns
        -------
        ids
            ``n_stimuli`` ids.
        responses
            ``(n_stimuli, n_channels_of_roi, n_times)``, float64.

        Raises
        ------
        DataError
            If the recording has no such ROI.
        """
        ids = tuple(dict.fromkeys(self.stimulus_ids))
        return ids, self._means(ids, np.ones(len(self.data), dtype=bool), None if roi is None else self._mask(roi))

    def patterns(self, roi: str | None = None) -> Patterns:
        """Return the mean response to each stimulus, channels by times as one row: what an encoding model predicts.

        Raises
        ------
        DataError
            If the recording has no such ROI.
        """
        ids, responses = self.average(roi)
        return Patterns(responses.reshape(len(ids), -1), ids, f"Responses of {self.dataset}/{self.subject}")

    def means(self, ids: Sequence[str], run: str | None = None, roi: str | None = None) -> np.ndarray:
        """Return the mean response to each of ``ids``, in that order, ``(n_ids, n_channels_of_roi, n_times)``, float64.

        Parameters
        ----------
        ids
            Stimuli, each once.
        run
            Average over the trials of this run only.
        roi
            Keep the channels of this ROI only.

        Raises
        ------
        StimulusMismatchError
            If a stimulus was not shown (in that run).
        DataError
            If there is no such run or ROI.
        """
        wanted = checked_ids(ids, self.name)
        trials = np.ones(len(self.data), dtype=bool) if run is None else self._trials_of(run)
        shown = dict.fromkeys(one for one, kept in zip(self.stimulus_ids, trials, strict=True) if kept)
        positions(tuple(shown), wanted, f"{self.dataset}/{self.subject}" + ("" if run is None else f", run {run}"))
        among = set(wanted)
        trials = trials & np.array([one in among for one in self.stimulus_ids])
        return self._means(wanted, trials, None if roi is None else self._mask(roi))

    def mean_blocks(
        self, ids: Sequence[str], roi: str | None = None, n_values: int = 2**25
    ) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
        """Yield some channels after others, and the mean responses to ``ids`` in them, as :meth:`means` returns them.

        Parameters
        ----------
        ids, roi
            As in :meth:`means`.
        n_values
            How many numbers of a block are held.

        Yields
        ------
        channels
            Names.
        means
            ``(n_ids, n_channels, n_times)``, float64.

        Raises
        ------
        StimulusMismatchError
            If a stimulus was not shown.
        DataError
            If there is no such ROI.
        """
        wanted = checked_ids(ids, self.name)
        positions(tuple(dict.fromkeys(self.stimulus_ids)), wanted, f"{self.dataset}/{self.subject}")
        among = set(wanted)
        trials = np.array([one in among for one in self.stimulus_ids])
        own = np.arange(len(self.channels)) if roi is None else np.flatnonzero(self._mask(roi))
        width = max(1, n_values // (len(wanted) * len(self.times)))
        for start in range(0, len(own), width):
            some = own[start : start + width]
            # channels that follow one another are read as a part of the file
            part = slice(some[0], some[-1] + 1) if some[-1] - some[0] + 1 == len(some) else some
            yield tuple(self.channels[k] for k in some), self._means(wanted, trials, part)

    def _means(self, ids: Sequence[str], trials: np.ndarray, channels: np.ndarray | slice | None) -> np.ndarray:
        row = {stimulus: k for k, stimulus in enumerate(ids)}
        which = np.array([row.get(stimulus, -1) for stimulus in self.stimulus_ids])
        n_channels = len(self.channels if channels is None else np.arange(len(self.channels))[channels])
        total = np.zeros((len(ids), n_channels, len(self.times)))
        for part in blocks(self.data):
            kept = np.flatnonzero(trials[part]) + part.start
            data = self.data[part] if len(kept) == part.stop - part.start else self.data[kept]
            add_rows(total, which[kept], data if channels is None else data[:, channels])
        return total / np.bincount(which[trials], minlength=len(ids))[:, None, None]

    # -- parts --------------------------------------------------------------------------------------------------------

    def n_channels(self, roi: str) -> int:
        """Return how many channels a ROI has; an unknown one raises :class:`DataError`."""
        return int(self._mask(roi).sum())

    def select(self, roi: str) -> "Recording":
        """Return the channels of a ROI; other ROIs keep the channels they share with it."""
        return self._with_channels(self._mask(roi))

    def drop_channels(self, names: Sequence[str]) -> "Recording":
        """Return the recording without these channels; a ROI of which nothing is left goes with them.

        Raises
        ------
        DataError
            If a channel is unknown, or none would be left.
        """
        dropped = set(checked_names(names, self.name, "channels"))
        unknown = sorted(dropped - set(self.channels))
        if unknown:
            first = ", ".join(self.channels[:3])
            msg = f"{self.name} has no channels {unknown[:3]}; its {len(self.channels)} channels begin with {first}."
            raise DataError(msg)
        return self._with_channels(np.array([one not in dropped for one in self.channels]))

    def drop_trials(self, where: np.ndarray) -> "Recording":
        """Return the recording without the trials at which the mask ``where`` ``(n_trials,)`` is true.

        Raises
        ------
        DataError
            If the mask is not boolean, or no trial would be left.
        StimulusMismatchError
            If the mask has another length.
        """
        dropped = np.asarray(where)
        if dropped.dtype != bool or dropped.shape != (len(self.data),):
            msg = (
                f"{self.name}: trials to drop are {dropped.dtype} {dropped.shape}; expected one boolean for each of "
                f"{len(self.data)} trials, such as np.isin(np.arange({len(self.data)}), positions)."
            )
            raise DataError(msg)
        return self if not dropped.any() else self._with_trials(~dropped)

    def subset(self, ids: Sequence[str]) -> "Recording":
        """Return the trials of these stimuli, in the order of trials; a stimulus that was not shown raises."""
        wanted = set(checked_ids(ids, self.name))
        positions(tuple(dict.fromkeys(self.stimulus_ids)), tuple(wanted), f"{self.dataset}/{self.subject}")
        kept = np.array([one in wanted for one in self.stimulus_ids])
        return self if kept.all() else self._with_trials(kept)

    def window(self, tmin: float, tmax: float) -> "Recording":
        """Return the mean over the times from ``tmin`` to ``tmax`` seconds, both included, as a recording of one time.

        Its time is the mean of those times.

        Raises
        ------
        DataError
            If no time is in the window.
        """
        times = np.array(self.times)
        inside = (times >= tmin) & (times <= tmax)
        if not inside.any():
            msg = (
                f"{self.name} has no time from {tmin:g} to {tmax:g} s; its {len(times)} times run from {times[0]:g} "
                f"to {times[-1]:g} s. Give a window among them."
            )
            raise DataError(msg)
        data = np.concatenate(
            [self.data[part][:, :, inside].mean(axis=2, keepdims=True, dtype=np.float64) for part in blocks(self.data)]
        )
        return replace(self, data=data, times=(float(times[inside].mean()),))

    def windows(self, windows: Sequence[tuple[float, ...]]) -> "Recording":
        """Return the means over several windows (see :meth:`window`), each at the centre of its window.

        Parameters
        ----------
        windows
            ``(tmin, tmax)`` in seconds, in the order of their centres.

        Raises
        ------
        DataError
            If no time is in a window, or centres do not increase.
        """
        data = np.concatenate([self.window(*window).data for window in windows], axis=2)
        return replace(self, data=data, times=tuple((tmin + tmax) / 2 for tmin, tmax in windows))

    def centred(self, by: str = "run", each: bool = False) -> "Recording":
        """Return the recording without what differs between runs.

        Every run gets the same mean pattern; the mean pattern over all runs stays, so that a recording of one run stays
        as it is. See :func:`brainalign.recordings.run_effects.run_effects`.

        Parameters
        ----------
        by
            ``"run"``.
        each
            False: what differs between runs is estimated from the stimuli that they share, and is right however often
            each was shown. True: the mean over the stimuli of each run is made the same, which is right where stimuli
            were dealt to runs at random, and removes what differs between the stimuli of runs otherwise.

        Raises
        ------
        SpecError
            If ``by`` is another word.
        DataError
            If there are no runs, or, unless ``each``, runs that share no stimuli.
        """
        if by != "run":
            msg = f"by = {by!r}, expected 'run'."
            raise SpecError(msg)
        if self.runs is None:
            msg = f"{self.name} has no runs to centre by. Give runs = one name per trial, or do not centre."
            raise DataError(msg)
        effects, run = run_effects(self.data, self.stimulus_ids, self.runs, each, self.name)
        kind = self.data.dtype if self.data.dtype.kind == "f" else np.dtype(np.float64)
        data = room(self.data.shape, kind.newbyteorder("="))
        for part in blocks(self.data):
            data[part] = self.data[part] - effects[run[part]]
            release(data)
        return replace(self, data=data)

    def _with_channels(self, kept: np.ndarray) -> "Recording":
        rois = {roi: mask[kept] for roi, mask in self.rois.items() if mask[kept].any()}
        channels = tuple(one for one, keep in zip(self.channels, kept, strict=True) if keep)
        geometry = None if self.geometry is None else self.geometry.at(kept)
        return replace(self, data=columns_of(self.data, kept), channels=channels, rois=rois, geometry=geometry)

    def _with_trials(self, kept: np.ndarray) -> "Recording":
        rows = np.flatnonzero(kept)
        ids = tuple(self.stimulus_ids[row] for row in rows)
        runs = None if self.runs is None else tuple(self.runs[row] for row in rows)
        motion = None if self.motion is None else self.motion[rows]
        return replace(self, data=rows_of(self.data, kept), stimulus_ids=ids, runs=runs, motion=motion)

    def _trials_of(self, run: str) -> np.ndarray:
        runs = self.runs or ()
        if str(run) not in runs:
            msg = f"{self.name} has no run {run!r}; choose one of {', '.join(dict.fromkeys(runs)) or 'none'}."
            raise DataError(msg)
        return np.array([one == str(run) for one in runs])

    def _mask(self, roi: str) -> np.ndarray:
        if roi not in self.rois:
            have = ", ".join(self.rois) or "none"
            msg = f"{self.name} has no ROI {roi!r}; choose one of {have}."
            raise DataError(msg)
        return checked_mask(self.rois[roi], len(self.channels), self.name, roi)


_EXAMPLES = {"subject": "s01", "dataset": "my_data", "modality": "EEG", "unit": "uV"}
