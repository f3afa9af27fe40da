"""Simulated fMRI with a known answer: each region of a brain responds as one layer, through a haemodynamic response."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd

from brainalign.geometry.volume import Volume
from brainalign.options import require
from brainalign.randomness import numpy_stream
from brainalign.readers.bids_meeg import joined_runs
from brainalign.readers.events import Events
from brainalign.readers.first_level import FirstLevel
from brainalign.readers.maps import Maps
from brainalign.recordings.planted_source import PlantedSource
from brainalign.recordings.recording import Recording

_TR, _BASELINE, _AUTOCORRELATION = 2.0, 100.0, 0.3
# voxels of a region
_GRID = (5, 5, 4)


@dataclass(frozen=True, eq=False)
class SimulatedFmri(PlantedSource):
    """SIMULATED fMRI: volumes of runs in which each region answers as a layer of a trained network does.

    Voxels of a region mix its layer's features, in part alike in all people. Every run shows all stimuli once, in an
    order of its own; responses are convolved with a haemodynamic response, on noise that neighbouring voxels and
    volumes share. Trials are the betas that a general linear model of each run finds in these volumes.

    Parameters
    ----------
    regions
        ROI to the layer that it answers as; ``""``: to nothing, so that it is noise.
    network, network_options, dataset, training, rule, seed
        The planted network, see :class:`Simulated`.
    n_subjects, n_stimuli, n_runs
        Sizes.
    gap
        Seconds from stimulus to stimulus, at least 3.
    noise
        Standard deviation of the noise of a volume, in units of the betas'.
    smoothness
        Standard deviation in voxels of the Gaussian by which noise is smoothed; 0 is white.
    individuality
        Weight of a person's own mixture.

    Raises
    ------
    SpecError
        If an option is out of range.
    """

    title: ClassVar[str] = "SIMULATED fMRI"
    citation: ClassVar[str] = "simulated with brainalign; no brain was recorded"

    regions: Mapping[str, str] = field(default_factory=lambda: {"early": "hidden1", "late": "hidden2"})
    n_subjects: int = 8
    n_runs: int = 4
    gap: float = 6.0
    noise: float = 1.0
    smoothness: float = 1.0

    def __post_init__(self) -> None:
        require(len(self.regions) > 0, "regions", dict(self.regions), "a ROI or more, each with its layer")
        require(self.gap >= 3, "gap", self.gap, "seconds, at least 3: faster stimuli cannot be told apart")
        require(
            self.noise >= 0 and self.smoothness >= 0, "noise, smoothness", (self.noise, self.smoothness), "0 or more"
        )
        require(self.n_runs >= 1, "n_runs", self.n_runs, "at least 1")

    @property
    def rois(self) -> tuple[str, ...]:  # type: ignore[override]
        """The regions."""
        return tuple(self.regions)

    def recording(self, subject: str) -> Recording:
        """Return the betas of a person, ``(n_stimuli * n_runs, n_voxels, 1)``."""
        self._require_subject(subject)
        rng = numpy_stream(self.seed, "simulated fmri", "subject", self.subjects.index(subject))
        responses, model = self._responses(rng), FirstLevel(noise="ols")
        parts = [model.run(*self._run(responses, rng), _TR, run=str(run + 1)) for run in range(self.n_runs)]
        return Recording(
            subject=subject, dataset="simulated_fmri", simulated=True,
            **{**joined_runs(parts, subject).fields(), "modality": "simulated"},
        )  # fmt: skip

    def _responses(self, rng: np.random.Generator) -> np.ndarray:
        """Return the true betas, ``(n_stimuli, n_voxels)``, regions one after another."""
        n_voxels = int(np.prod(_GRID))
        parts = []
        for roi, layer in self.regions.items():
            if not layer:
                parts.append(np.zeros((self.n_stimuli, n_voxels)))
                continue
            features = self.planted.features(layer)
            size = (features.shape[1], n_voxels)
            shared = numpy_stream(self.seed, "simulated fmri", "shared", roi).standard_normal(size)
            mixture = shared + self.individuality * rng.standard_normal(size)
            parts.append(features @ mixture / np.sqrt(size[0] * (1 + self.individuality**2)))
        return np.concatenate(parts, axis=1)

    def _run(self, responses: np.ndarray, rng: np.random.Generator) -> tuple[Maps, Events]:
        """Return the volumes of a run and its events."""
        from nilearn.glm.first_level import make_first_level_design_matrix

        order = rng.permutation(self.n_stimuli)
        ids = self.stimuli().ids
        onsets = 4.0 + self.gap * np.arange(self.n_stimuli)
        n = int(np.ceil((onsets[-1] + 16.0) / _TR))
        names = [f"{k:05d}" for k in order]
        shown = pd.DataFrame({"trial_type": names, "onset": onsets, "duration": np.ones(len(order))})
        frames = (np.arange(n) + 0.5) * _TR
        design = make_first_level_design_matrix(frames, shown, hrf_model="spm", drift_model=None)
        signal = design[sorted(names)].to_numpy() @ responses
        volumes = _BASELINE + signal + self.noise * self._noise(n, rng)
        n_voxels = int(np.prod(_GRID))
        rois = {
            roi: np.arange(volumes.shape[1]) // n_voxels == k for k, roi in enumerate(self.regions)
        }  # fmt: skip
        places = tuple(f"{roi}-{k}" for roi in self.regions for k in range(n_voxels))
        maps = Maps(volumes, places, "volume", _TR, rois=rois, geometry=self._geometry(), name="simulated run")
        events = Events(onsets, np.ones(len(order)), tuple(ids[k] for k in order), shown.astype(str))
        return maps, events

    def _geometry(self) -> Volume:
        """Return where voxels are: regions side by side along the first axis, 3 mm apart."""
        width, depth, height = _GRID
        index = np.argwhere(np.ones(_GRID, dtype=bool))
        steps = [index + np.array([k * width, 0, 0]) for k in range(len(self.regions))]
        shape = (width * len(self.regions), depth, height)
        return Volume(shape, np.diag([3.0, 3.0, 3.0, 1.0]), np.concatenate(steps), space="simulated")

    def _noise(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return ``(n, n_voxels)`` of standard deviation 1, shared by neighbours in space and time."""
        from scipy.ndimage import gaussian_filter

        drawn = rng.standard_normal((n, len(self.regions), *_GRID))
        if self.smoothness:
            width = (0, 0, *(self.smoothness,) * 3)
            drawn = gaussian_filter(drawn, width, mode="wrap")
            drawn /= drawn.std()
        for k in range(1, n):
            drawn[k] = _AUTOCORRELATION * drawn[k - 1] + np.sqrt(1 - _AUTOCORRELATION**2) * drawn[k]
        return drawn.reshape(n, -1)
