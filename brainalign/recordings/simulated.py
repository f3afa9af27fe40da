"""A simulated brain with a known answer."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from brainalign.activations import extract
from brainalign.datasets.dataset import dataset as find_dataset
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import SpecError
from brainalign.randomness import numpy_stream
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.specs import train_spec
from brainalign.training.runtime import Runtime
from brainalign.training.train import train


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
    def _features(self) -> np.ndarray:
        own = {"rule": self.rule, "network": self.network, "dataset": self.dataset, "seeds": (self.seed,)}
        options = {"network_options": self.network_options, **self.training, **own, "n_checkpoints": 2}
        spec = train_spec(options, "simulated, training")
        with tempfile.TemporaryDirectory() as folder:
            trained = train(spec, folder, Runtime(data_dir=self.data_dir))
        layers = extract(trained.checkpoint, self.stimuli())[0].layers
        if self.layer not in layers:
            msg = f"Unknown layer {self.layer!r} to plant. Choose one of: {', '.join(layers)}."
            raise SpecError(msg)
        features = layers[self.layer].astype(np.float64)
        spread = features.std(axis=0)
        return (features - features.mean(axis=0))[:, spread > 0] / spread[spread > 0]

    def recordings(self) -> tuple[Recording, ...]:
        """Return one recording per subject, ``n_stimuli * n_repeats`` trials each, in arbitrary units."""
        features, ids = self._features, self.stimuli().ids
        p = features.shape[1]
        shared = numpy_stream(self.seed, "simulated", "shared").standard_normal((p, self.n_channels))
        found = []
        for subject in range(self.n_subjects):
            rng = numpy_stream(self.seed, "simulated", "subject", subject)
            own = rng.standard_normal((p, self.n_channels))
            signal = features @ (shared + self.individuality * own) / np.sqrt(p * (1 + self.individuality**2))
            trials = np.tile(signal, (self.n_repeats, 1))
            trials += self.noise * rng.standard_normal(trials.shape)
            found.append(
                Recording(
                    data=trials[:, :, None],
                    stimulus_ids=ids * self.n_repeats,
                    channels=tuple(f"channel {k + 1}" for k in range(self.n_channels)),
                    times=(0.0,),
                    subject=f"simulated {subject + 1}",
                    dataset="simulated",
                    modality="simulated",
                    unit="arbitrary",
                    rois={"planted": np.ones(self.n_channels, dtype=bool)},
                    simulated=True,
                )
            )
        return tuple(found)
