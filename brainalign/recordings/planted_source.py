"""What simulated brains have in common: people who answer as the layers of one trained network."""

from abc import abstractmethod
from functools import cached_property
from typing import Any, ClassVar

from brainalign.datasets.stimuli import Stimuli
from brainalign.recordings.recording import Recording
from brainalign.recordings.simulated import Simulated
from brainalign.recordings.source import RecordingSource

_PLANTED = ("rule", "network", "network_options", "dataset", "training", "seed", "n_stimuli")


class PlantedSource(RecordingSource):
    """SIMULATED people that saw the test images of a network's task.

    A class has the options of the planted network (see :class:`Simulated`) and ``n_subjects``.
    """

    modality: ClassVar[str] = "simulated"
    simulated: ClassVar[bool] = True

    @property
    def subjects(self) -> tuple[str, ...]:
        """Return ``"simulated 1"`` and so on."""
        return tuple(f"simulated {k + 1}" for k in range(self._option("n_subjects")))

    def stimuli(self) -> Stimuli:
        """Return the test images that the simulated people saw."""
        return self.planted.stimuli()

    @abstractmethod
    def recording(self, subject: str) -> Recording:
        """Return the trials of one simulated person."""

    @cached_property
    def planted(self) -> Simulated:
        """The planted network."""
        return Simulated(self.data_dir, **{name: self._option(name) for name in _PLANTED})

    def _option(self, name: str) -> Any:
        return getattr(self, name)
