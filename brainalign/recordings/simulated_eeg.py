"""Simulated EEG with a known answer: layers respond one after another in sources of a head."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from brainalign.options import require
from brainalign.randomness import numpy_stream
from brainalign.recordings.planted_source import PlantedSource
from brainalign.recordings.recording import Recording
from brainalign.recordings.sensor_groups import REGIONS, with_sensor_groups

# standard deviation of a response in seconds, of the signal in volt, of a group of sources in metres
_WIDTH, _SIGNAL, _SPREAD = 0.03, 2e-6, 0.03
_RADIUS, _CENTRE = 0.095, (0.0, 0.0, 0.04)
_N_BACKGROUND, _N_SOURCES = 60, 24


@dataclass(frozen=True, eq=False)
class SimulatedEeg(PlantedSource):
    """SIMULATED EEG of a spherical head: each layer of a trained network drives sources of its own, at its latency.

    The layers' sources lie from the back of the head to the front, in the order of latencies. A source answers to a
    stimulus with a random mixture of its layer's features, which people share in part, at the layer's latency and that
    trial's jitter. Fields at the 10-20 electrodes follow from mne's forward model. Noise comes from sources all over
    the head, with a spectrum of 1/f, and from the sensors.

    Parameters
    ----------
    latencies
        Layer to the seconds from onset at which its sources peak.
    network, network_options, dataset, training, rule, seed
        The planted network, see :class:`Simulated`.
    n_subjects, n_stimuli, n_repeats
        Sizes; every repeat is a run.
    rate, tmin, tmax
        Samples per second, and the first and last second of epochs.
    noise
        Standard deviation of the noise of a single trial, in units of the signal's.
    jitter
        Standard deviation of the latency over trials, in seconds.
    individuality
        Weight of a person's own mixture.

    Raises
    ------
    SpecError
        If an option is out of range.
    """

    title: ClassVar[str] = "SIMULATED EEG"
    citation: ClassVar[str] = "simulated with brainalign and the forward model of mne; no brain was recorded"
    rois: ClassVar[tuple[str, ...]] = ("eeg", *REGIONS)

    latencies: Mapping[str, float] = field(default_factory=lambda: {"hidden1": 0.1, "hidden2": 0.2})
    n_repeats: int = 8
    rate: float = 100.0
    tmin: float = -0.1
    tmax: float = 0.4
    noise: float = 1.0
    jitter: float = 0.01

    def __post_init__(self) -> None:
        require(self.tmin < self.tmax, "tmin, tmax", (self.tmin, self.tmax), "increasing seconds from onset")
        require(self.rate > 0, "rate", self.rate, "samples per second above 0")
        require(self.noise >= 0 and self.jitter >= 0, "noise, jitter", (self.noise, self.jitter), "0 or more")
        require(len(self.latencies) > 0, "latencies", dict(self.latencies), "a layer or more, each with its seconds")
        for layer, peak in self.latencies.items():
            require(
                self.tmin < peak < self.tmax, f"latency of {layer}", peak, f"seconds within {self.tmin} to {self.tmax}"
            )

    @property
    def times(self) -> tuple[float, ...]:
        """Seconds from onset."""
        n = round((self.tmax - self.tmin) * self.rate) + 1
        return tuple((self.tmin + np.arange(n) / self.rate).round(9).tolist())

    def recording(self, subject: str) -> Recording:
        """Return the trials of a person in volt, each repeat of all stimuli one run."""
        self._require_subject(subject)
        rng = numpy_stream(self.seed, "simulated eeg", "subject", self.subjects.index(subject))
        names, fields, _ = self._head
        ids = self.stimuli().ids
        data = self._signal(rng)
        data += self.noise * _SIGNAL * self._noise(len(data), rng)
        one = Recording(
            data=data,
            stimulus_ids=ids * self.n_repeats,
            channels=names,
            times=self.times,
            subject=subject,
            dataset="simulated_eeg",
            modality="simulated",
            unit="V",
            rois={"eeg": np.ones(fields.shape[0], dtype=bool)},
            runs=tuple(f"{run + 1}" for run in range(self.n_repeats) for _ in ids),
            simulated=True,
        )
        return with_sensor_groups(one)

    def _signal(self, rng: np.random.Generator) -> np.ndarray:
        """Return ``(n_trials, n_channels, n_times)``, of a standard deviation of 2 uV at the peaks."""
        _, fields, places = self._head
        times = np.asarray(self.times)
        n = self.n_stimuli * self.n_repeats
        total = np.zeros((n, fields.shape[0], len(times)))
        for layer, peak in self.latencies.items():
            features = self.planted.features(layer)
            p = features.shape[1]
            shared = numpy_stream(self.seed, "simulated eeg", "shared", layer).standard_normal((p, _N_SOURCES))
            mixture = shared + self.individuality * rng.standard_normal(shared.shape)
            sensors = features @ mixture @ fields[:, places[layer]].T
            sensors *= _SIGNAL / sensors.std()
            onset = peak + self.jitter * rng.standard_normal(n)
            course = np.exp(-0.5 * ((times - onset[:, None]) / _WIDTH) ** 2)
            total += np.tile(sensors, (self.n_repeats, 1))[:, :, None] * course[:, None, :]
        return total

    def _noise(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return ``(n, n_channels, n_times)`` of standard deviation 1; a tenth of its variance is from the sensors."""
        _, fields, places = self._head
        size = 4 * len(self.times)  # epochs of a longer recording: 1/f has slow parts
        spectrum = np.fft.rfftfreq(size, 1 / self.rate)
        shape = np.zeros(len(spectrum))
        shape[1:] = spectrum[1:] ** -0.5  # amplitude; power falls with 1/f
        sources = rng.standard_normal((n, _N_BACKGROUND, len(spectrum))) * shape
        phases = np.exp(2j * np.pi * rng.random(sources.shape))
        waves = np.fft.irfft(sources * phases, size, axis=2)[:, :, : len(self.times)]
        sensors = np.einsum("cs,nst->nct", fields[:, places["background"]], waves)
        white = rng.standard_normal(sensors.shape)
        return np.sqrt(0.9) * sensors / sensors.std() + np.sqrt(0.1) * white

    @cached_property
    def _head(self) -> tuple[tuple[str, ...], np.ndarray, dict[str, slice]]:
        """Return channels, the field of each source at them ``(n_channels, n_sources)``, and sources by layer."""
        import mne

        montage = mne.channels.make_standard_montage("biosemi64")
        names = list(montage.ch_names)
        info = mne.create_info(names, self.rate, "eeg", verbose="error").set_montage(montage)
        sphere = mne.make_sphere_model(r0=_CENTRE, head_radius=_RADIUS, verbose="error")
        rng = numpy_stream(self.seed, "simulated eeg", "head")
        order = sorted(self.latencies, key=lambda layer: self.latencies[layer])
        points: list[np.ndarray] = []
        places: dict[str, slice] = {}
        for layer, back in zip(order, np.linspace(-0.055, 0.045, len(order)), strict=True):
            places[layer] = slice(len(points) * _N_SOURCES, (len(points) + 1) * _N_SOURCES)
            points.append(np.array([0.0, back, 0.055]) + _SPREAD * rng.standard_normal((_N_SOURCES, 3)))
        directions = rng.standard_normal((_N_BACKGROUND, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        background = np.array(_CENTRE) + 0.06 * rng.random((_N_BACKGROUND, 1)) ** (1 / 3) * directions
        places["background"] = slice(len(order) * _N_SOURCES, len(order) * _N_SOURCES + _N_BACKGROUND)
        positions = np.concatenate([*points, background])
        away = positions - np.array(_CENTRE)
        positions = np.array(_CENTRE) + away * np.minimum(1, 0.065 / np.linalg.norm(away, axis=1, keepdims=True))
        normals = rng.standard_normal(positions.shape)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        space = mne.setup_volume_source_space(pos={"rr": positions, "nn": normals}, sphere_units="m", verbose="error")
        forward = mne.make_forward_solution(info, None, space, sphere, meg=False, eeg=True, verbose="error")
        fixed = mne.convert_forward_solution(forward, force_fixed=True, use_cps=False, verbose="error")
        fields = fixed["sol"]["data"]
        return tuple(names), fields - fields.mean(axis=0), places
