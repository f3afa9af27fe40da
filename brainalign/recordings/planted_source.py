"""What simulated brains have in common: people who answer as the layers of one trained network."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from brainalign.datasets.stimuli import Stimuli
from brainalign.recordings.recording import Recording
from brainalign.recordings.simulated import Simulated
from brainalign.recordings.source import RecordingSource

_PLANTED = ("rule", "network", "network_options", "dataset", "training", "seed", "n_stimuli")


@dataclass(frozen=True, eq=False)
class PlantedSource(RecordingSource):
    """SIMULATED people that saw the test images of a network's task.

    Parameters
    ----------
    network, network_options, dataset, training, rule, seed
        The planted network, see :class:`Simulated`.
    n_subjects, n_stimuli
        Sizes.
    individuality
        Weight of a person's own mixture of features.
    """

    modality: ClassVar[str] = "simulated"
    simulated: ClassVar[bool] = True

    rule: str = "backprop"
    network: str = "mlp"
    network_options: Mapping[str, Any] = field(default_factory=dict)
    dataset: str = "digits"
    training: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 1000
    n_subjects: int = 10
    n_stimuli: int = 40
    individuality: float = 0.5

    @property
    def subjects(self) -> tuple[str, ...]:
        """Return ``"simulated 1"`` and so on."""
        return tuple(f"simulated {k + 1}" for k in range(self.n_subjects))

    def stimuli(self) -> Stimuli:
        """Return the test images that the simulated people saw."""
        return self.planted.stimuli()

    @abstractmethod
    def recording(self, subject: str) -> Recording:
        """Return the trials of one simulated person."""

    @cached_property
    def planted(self) -> Simulated:
        """The planted network."""
        return Simulated(self.data_dir, **{name: getattr(self, name) for name in _PLANTED})
