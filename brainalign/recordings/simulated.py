"""A simulated brain with a known answer."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from brainalign.datasets.dataset import dataset as find_dataset
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import SpecError
from brainalign.extraction.population import extract_each
from brainalign.randomness import numpy_stream
from brainalign.recordings.facts import Facts
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.specs import train_spec
from brainalign.training.runtime import Runtime
from brainalign.training.train import train

# when the signal of the planted layer peaks unless latencies are given, and its standard deviation, in seconds
_PEAK, _WIDTH = 0.15, 0.03


@dataclass(frozen=True)
class Simulated(RecordingSource):
    """SIMULATED subjects that respond as one hidden layer of one trained network does.

    Response of subject s to stimulus i, repeat m: ``y = z_i (C + d D_s) / sqrt(p) + noise * e``. ``z_i`` are the
    layer's standardised features ``(p,)``; ``C`` and ``D_s`` are random mixtures ``(p, n_channels)``, one shared
    by all subjects and one of the subject's own; ``e`` is white noise.

    The planted network is trained like the candidates, but from a seed that must not be among theirs: no
    candidate is the planted network itself. Even the planted layer would stay below the noise ceiling: all subjects
    share one finite mixture of its features, which were standardised.

    Parameters
    ----------
    rule, layer
        What is planted.
    network, network_options, dataset, training
        The planted network and further :class:`~brainalign.specs.TrainSpec` fields of its training.
    seed
        Its seed, and the seed of the simulation.
    n_subjects, n_stimuli, n_repeats, n_channels
        Sizes; stimuli are test images of ``dataset``, balanced over classes.
    noise
        Standard deviation of the noise of a single trial, in units of the signal's.
    individuality
        Weight ``d`` of a subject's own mixture.
    n_times, tmin, tmax
        Times and the first and last of them, in seconds from onset; one time is a response without a time course.
    latencies
        With several times: layer to the seconds from onset at which its signal peaks; the planted layer alone, at
        0.15 s, unless given. The signal of a layer rises and falls as a Gaussian of 0.03 s.
    drift
        With several times: correlation of the noise at neighbouring times, from 0 (white) to below 1.
    """

    title: ClassVar[str] = "SIMULATED brain"
    modality: ClassVar[str] = "simulated"
    citation: ClassVar[str] = "simulated with brainalign; no brain was recorded"
    rois: ClassVar[tuple[str, ...]] = ("planted",)
    simulated: ClassVar[bool] = True

    rule: str = "backprop"
    layer: str = "hidden2"
    network: str = "mlp"
    network_options: Mapping[str, Any] = field(default_factory=dict)
    dataset: str = "digits"
    training: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 1000
    n_subjects: int = 12
    n_stimuli: int = 60
    n_repeats: int = 4
    n_channels: int = 80
    noise: float = 1.0
    individuality: float = 0.5
    n_times: int = 1
    tmin: float = -0.1
    tmax: float = 0.5
    latencies: Mapping[str, float] = field(default_factory=dict)
    drift: float = 0.8

    def __post_init__(self) -> None:
        if self.n_times < 1 or (self.n_times > 1 and not self.tmin < self.tmax):
            msg = (
                f"n_times = {self.n_times} from {self.tmin} to {self.tmax} s, expected increasing times, at least one."
            )
            raise SpecError(msg)
        if not 0 <= self.drift < 1:
            msg = f"drift = {self.drift}, expected a correlation of neighbouring times from 0 to below 1."
            raise SpecError(msg)
        course = (self.tmin, self.tmax, self.drift)
        if self.n_times == 1 and course != (Simulated.tmin, Simulated.tmax, Simulated.drift):
            msg = f"tmin, tmax, drift = {course} with one time; set n_times to 100, say."
            raise SpecError(msg)
        if self.latencies and self.n_times == 1:
            msg = f"latencies = {dict(self.latencies)} with one time; set n_times to 100, say."
            raise SpecError(msg)

    def __hash__(self) -> int:
        return id(self)

    @property
    def planted(self) -> str:
        """What is planted, in words."""
        return f"layer {self.layer} of a {self.network} trained with {self.rule}"

    def stimuli(self) -> Stimuli:
        """Return the test images that the simulated subjects saw."""
        return find_dataset(self.dataset, self.data_dir).test_stimuli(self.n_stimuli, self.seed)

    @cached_property
    def _layers(self) -> Mapping[str, np.ndarray]:
        """Layers of the planted network under the stimuli."""
        own = {"rule": self.rule, "network": self.network, "dataset": self.dataset, "seeds": (self.seed,)}
        options = {"network_options": self.network_options, **self.training, **own, "n_checkpoints": 2}
        spec = train_spec(options, "simulated, training")
        with tempfile.TemporaryDirectory() as folder:
            trained = train(spec, folder, Runtime(data_dir=self.data_dir))
        return next(extract_each(trained.checkpoint, self.stimuli())).layers

    def _features(self, layer: str) -> np.ndarray:
        """Return the standardised features of a layer, without units that are silent."""
        if layer not in self._layers:
            msg = f"Unknown layer {layer!r} to plant. Choose one of: {', '.join(self._layers)}."
            raise SpecError(msg)
        features = self._layers[layer].astype(np.float64)
        spread = features.std(axis=0)
        return (features - features.mean(axis=0))[:, spread > 0] / spread[spread > 0]

    def features(self, layer: str) -> np.ndarray:
        """Return the standardised features of a layer of the planted network, ``(n_stimuli, n_units)``."""
        return self._features(layer)

    @property
    def times(self) -> tuple[float, ...]:
        """Seconds from onset."""
        return tuple(np.linspace(self.tmin, self.tmax, self.n_times).tolist()) if self.n_times > 1 else (0.0,)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Return ``"simulated 1"`` and so on."""
        return tuple(f"simulated {k + 1}" for k in range(self.n_subjects))

    def facts(self, subject: str, roi: str) -> Facts:
        """Return ids, sizes and times, without training or drawing anything."""
        self._require_roi(roi)
        self._require_subject(subject)
        ids = self.stimuli().ids
        return Facts(ids, len(ids) * self.n_repeats, self.n_channels, self.times)

    def recording(self, subject: str) -> Recording:
        """Return the ``n_stimuli * n_repeats`` trials of a subject, in arbitrary units."""
        self._require_subject(subject)
        number = self.subjects.index(subject)
        return Recording(
            data=self._trials_over_time(number) if self.n_times > 1 else self._trials(number),
            stimulus_ids=self.stimuli().ids * self.n_repeats,
            channels=tuple(f"channel {k + 1}" for k in range(self.n_channels)),
            times=self.times,
            subject=subject,
            dataset="simulated",
            modality="simulated",
            unit="arbitrary",
            rois={"planted": np.ones(self.n_channels, dtype=bool)},
            simulated=True,
        )

    def _trials(self, subject: int) -> np.ndarray:
        """Return ``(n_trials, n_channels, 1)`` of a subject."""
        features = self._features(self.layer)
        p = features.shape[1]
        shared = numpy_stream(self.seed, "simulated", "shared").standard_normal((p, self.n_channels))
        rng = numpy_stream(self.seed, "simulated", "subject", subject)
        own = rng.standard_normal((p, self.n_channels))
        signal = features @ (shared + self.individuality * own) / np.sqrt(p * (1 + self.individuality**2))
        trials = np.tile(signal, (self.n_repeats, 1))
        trials += self.noise * rng.standard_normal(trials.shape)
        return trials[:, :, None]

    def _trials_over_time(self, subject: int) -> np.ndarray:
        """Return ``(n_trials, n_channels, n_times)`` of a subject: layers one after another in noise that drifts."""
        times = np.asarray(self.times)
        rng = numpy_stream(self.seed, "simulated", "subject over time", subject)
        signal = np.zeros((self.n_stimuli, self.n_channels, self.n_times))
        for layer, peak in (self.latencies or {self.layer: _PEAK}).items():
            features = self._features(layer)
            size = (features.shape[1], self.n_channels)
            shared = numpy_stream(self.seed, "simulated", "shared", layer).standard_normal(size)
            mixture = shared + self.individuality * rng.standard_normal(size)
            responses = features @ mixture / np.sqrt(len(shared) * (1 + self.individuality**2))
            signal += responses[:, :, None] * np.exp(-0.5 * ((times - peak) / _WIDTH) ** 2)
        noise = rng.standard_normal((self.n_repeats * self.n_stimuli, self.n_channels, self.n_times))
        for k in range(1, self.n_times):
            noise[:, :, k] = self.drift * noise[:, :, k - 1] + np.sqrt(1 - self.drift**2) * noise[:, :, k]
        return np.tile(signal, (self.n_repeats, 1, 1)) + self.noise * noise
