"""How continuous EEG or MEG becomes epochs: one specification, checked, hashed, printed and put into words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from brainalign.errors import DataError, SpecError
from brainalign.options import fit_fields, require
from brainalign.storage import content_hash

_WORDS = ("as recorded", "average")
_UNIT = {"eeg": ("V", 1e6, "µV"), "eog": ("V", 1e6, "µV"), "mag": ("T", 1e15, "fT"), "grad": ("T/m", 1e13, "fT/cm")}


@dataclass(frozen=True)
class Preprocess:
    """Preprocessing of continuous EEG or MEG, in the order of the fields.

    Parameters
    ----------
    tmin, tmax
        Seconds from stimulus onset between which epochs are cut, both included.
    bad_channels
        Channels that are left out, besides those that the recording marks.
    reference
        ``"as recorded"``, ``"average"``, or names of channels whose mean becomes the reference (EEG only).
    notch
        Frequencies in Hz that are taken out.
    highpass, lowpass
        Edges in Hz of a zero-phase FIR filter; ``None``: none. It smears what happens after onset to before it.
    delay
        Seconds from the event in the file to the stimulus on the screen, added to every onset.
    baseline
        First and last second of the mean that is subtracted from each epoch and channel.
    reject
        Channel type to the largest peak-to-peak amplitude of an epoch that is kept, in mne's units (V, T, T/m).
    flat
        Channel type to the smallest one.
    resample
        Samples per second of the epochs.

    Raises
    ------
    SpecError
        If an option is out of range or contradicts another.

    Examples
    --------
    >>> how = Preprocess(tmin=-0.1, tmax=0.5, highpass=0.1, lowpass=40.0, baseline=(-0.1, 0.0), resample=100.0)
    >>> print(how)
    filter 0.1-40 Hz (zero-phase FIR); epochs -0.1 to 0.5 s; baseline -0.1 to 0 s; 100 samples/s
    """

    tmin: float
    tmax: float
    bad_channels: tuple[str, ...] = ()
    reference: str | tuple[str, ...] = "as recorded"
    notch: tuple[float, ...] = ()
    highpass: float | None = None
    lowpass: float | None = None
    delay: float = 0.0
    baseline: tuple[float, float] | None = None
    reject: Mapping[str, float] = field(default_factory=dict)
    flat: Mapping[str, float] = field(default_factory=dict)
    resample: float | None = None

    def __post_init__(self) -> None:
        fit_fields(self)
        require(self.tmin < self.tmax, "tmin, tmax", (self.tmin, self.tmax), "increasing seconds from onset")
        require(max(abs(self.tmin), abs(self.tmax)) <= 60, "tmin, tmax", (self.tmin, self.tmax), "seconds, at most 60")
        if isinstance(self.reference, str):
            require(self.reference in _WORDS, "reference", self.reference, "'as recorded', 'average' or channel names")
        for name in ("highpass", "lowpass", "resample"):
            value = getattr(self, name)
            require(value is None or value > 0, name, value, "Hz above zero, or None")
        require(all(one > 0 for one in self.notch), "notch", self.notch, "frequencies in Hz above zero")
        if self.highpass is not None and self.lowpass is not None:
            edges = (self.highpass, self.lowpass)
            require(self.highpass < self.lowpass, "highpass, lowpass", edges, "highpass below lowpass")
        if self.baseline is not None:
            start, stop = self.baseline
            inside = self.tmin <= start < stop <= self.tmax
            require(inside, "baseline", self.baseline, f"two increasing seconds from {self.tmin:g} to {self.tmax:g}")
        for name in ("reject", "flat"):
            for kind, value in getattr(self, name).items():
                require(kind in _UNIT, f"{name} type", kind, f"one of {', '.join(_UNIT)}")
                unit, factor, small = _UNIT[kind]
                limit = 1 / factor * 1e5
                what = f"more than 0 and at most {limit:g} {unit}; write 100 {small} as {100 / factor:g}"
                require(0 < value <= limit, f"{name}[{kind!r}]", value, what)
        if self.resample is not None and self.lowpass is not None:
            require(
                2 * self.lowpass <= self.resample,
                "resample",
                self.resample,
                f"at least {2 * self.lowpass:g}, twice lowpass",
            )

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def key(self) -> str:
        """Hash of all options, for the keys of what is made with them."""
        return content_hash({name: _listed(value) for name, value in asdict(self).items()})

    def __str__(self) -> str:
        """Return the steps on one line, those that do something."""
        return "; ".join(self._steps())

    def sentence(self) -> str:
        """Return the steps as a sentence for a methods section."""
        return f"Recordings were preprocessed with mne: {'; '.join(self._steps())}."

    def _steps(self) -> list[str]:
        steps = []
        if self.bad_channels:
            steps.append(f"without channels {', '.join(self.bad_channels)}")
        if self.reference != "as recorded":
            average = self.reference == "average"
            steps.append("average reference" if average else f"reference {', '.join(self.reference)}")
        if self.notch:
            steps.append(f"notch at {', '.join(f'{one:g}' for one in self.notch)} Hz")
        if self.highpass is not None and self.lowpass is not None:
            steps.append(f"filter {self.highpass:g}-{self.lowpass:g} Hz (zero-phase FIR)")
        elif self.highpass is not None:
            steps.append(f"high-pass {self.highpass:g} Hz (zero-phase FIR)")
        elif self.lowpass is not None:
            steps.append(f"low-pass {self.lowpass:g} Hz (zero-phase FIR)")
        steps.append(f"epochs {self.tmin:g} to {self.tmax:g} s")
        if self.delay:
            steps.append(f"onsets {1000 * self.delay:+g} ms")
        if self.baseline is not None:
            steps.append(f"baseline {self.baseline[0]:g} to {self.baseline[1]:g} s")
        for name, word in (("reject", "above"), ("flat", "below")):
            limits = [
                f"{value * _UNIT[kind][1]:g} {_UNIT[kind][2]} ({kind})" for kind, value in getattr(self, name).items()
            ]
            if limits:
                steps.append(f"epochs {word} {', '.join(limits)} peak to peak left out")
        if self.resample is not None:
            steps.append(f"{self.resample:g} samples/s")
        return steps

    def prepare(self, raw: Any) -> Any:
        """Return a copy of continuous data, referenced and filtered, bad channels marked.

        Raises
        ------
        SpecError
            If a channel is unknown, or an edge is above half the sampling rate.
        """
        for name in (*self.bad_channels, *(self.reference if isinstance(self.reference, tuple) else ())):
            if name not in raw.ch_names:
                msg = (
                    f"Preprocess: there is no channel {name!r}; the channels begin with {', '.join(raw.ch_names[:5])}."
                )
                raise SpecError(msg)
        nyquist = raw.info["sfreq"] / 2
        for edge in (*self.notch, *(one for one in (self.highpass, self.lowpass) if one is not None)):
            if edge >= nyquist:
                msg = (
                    f"Preprocess: {edge:g} Hz in data of {2 * nyquist:g} samples/s; expected less than {nyquist:g} Hz."
                )
                raise SpecError(msg)
        made = raw.copy().load_data(verbose="error")
        made.info["bads"] = list(dict.fromkeys([*made.info["bads"], *self.bad_channels]))
        if self.reference != "as recorded":
            channels = self.reference if self.reference == "average" else list(self.reference)
            made.set_eeg_reference(channels, verbose="error")
        if self.notch:
            made.notch_filter(list(self.notch), verbose="error")
        if self.highpass is not None or self.lowpass is not None:
            made.filter(self.highpass, self.lowpass, verbose="error")
        return made

    def epochs(self, raw: Any, onsets: Any, metadata: Any = None) -> Any:
        """Return the epochs around onsets in seconds from the beginning of the recording.

        Epochs that reach beyond the recording, overlap what it marks as bad, or exceed ``reject`` and ``flat`` are left
        out; ``metadata`` loses their rows.

        Raises
        ------
        DataError
            If no epoch is left.
        """
        import mne
        import numpy as np

        made = self.prepare(raw)
        samples = np.round((np.asarray(onsets, dtype=float) + self.delay) * made.info["sfreq"]).astype(int)
        zeros = np.zeros(len(samples), dtype=int)
        events = np.column_stack([samples + made.first_samp, zeros, zeros + 1])
        epochs = mne.Epochs(
            made, events, {"stimulus": 1}, self.tmin, self.tmax, baseline=self.baseline, picks="all", preload=True,
            reject=dict(self.reject) or None, flat=dict(self.flat) or None, metadata=metadata,
            event_repeated="error", verbose="error",
        )  # fmt: skip
        if not len(epochs):
            reasons = sorted({reason for one in epochs.drop_log for reason in one})[:4]
            msg = (
                f"None of {len(events)} epochs is left (left out: {', '.join(reasons) or 'all'}); expected some. "
                "Look at "
                f"reject and flat, and whether onsets are in seconds: the recording lasts {made.times[-1]:.1f} s."
            )
            raise DataError(msg)
        return epochs if self.resample is None else epochs.resample(self.resample, verbose="error")


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value
