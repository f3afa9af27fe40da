"""A small made-up result, to try figures and tables on."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np

from brainalign.activations import Activations, Shown
from brainalign.datasets.stimuli import Stimuli
from brainalign.extraction.origin import Origin
from brainalign.face.aligning import align
from brainalign.face.alignment_result import AlignmentResult
from brainalign.geometry.volume import Volume
from brainalign.randomness import numpy_stream
from brainalign.rdms import RDMs, compute_rdms
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.searchlights.brain_maps import BrainMaps
from brainalign.searchlights.searchlight import Searchlight

_N_STIMULI, _N_SUBJECTS, _N_FEATURES = 24, 6, 12


@cache
def example() -> AlignmentResult:
    """Return what :func:`align` finds of two made-up networks and a made-up brain; nothing in it was measured.

    Returns
    -------
    AlignmentResult
        Networks ``"a"`` and ``"b"`` with layers ``"early"`` and ``"late"``, 3 seeds, 6 SIMULATED subjects, 24 stimuli.

    Examples
    --------
    >>> import brainalign as ba
    >>> found = ba.example()
    >>> found.layers("models")
    ['early', 'late']
    """
    brain = _MadeUp()
    return align(example_networks(), brain, "rsa", comparator="corr", n_bootstrap=100)


def example_networks() -> Shown:
    """Return layers of two made-up networks under the stimuli of :func:`example`, 3 seeds each.

    Examples
    --------
    >>> import brainalign as ba
    >>> print(ba.example_networks())
    2 networks under 24 stimuli
      a: 3 seeds, group models, layers early, late
      b: 3 seeds, group models, layers early, late
    """
    ids, truth, found = _ids(), _truth(), []
    for name, share in (("a", 0.8), ("b", 0.4)):
        for seed in range(3):
            rng = numpy_stream(seed, "example", name)
            layers = {
                layer: (weight * truth + rng.standard_normal(truth.shape)).astype(np.float32)
                for layer, weight in (("early", share / 2), ("late", share))
            }
            found.append(Activations(layers, ids, origin=Origin(name, seed=seed)))
    return Shown(found)


@cache
def example_maps() -> BrainMaps:
    """Return what :func:`searchlight` finds of two made-up networks in a made-up brain; nothing in it was measured.

    Returns
    -------
    BrainMaps
        Layer ``"late"`` of the networks of :func:`example_networks`, 8 SIMULATED subjects, 5 x 5 x 4 voxels of 3 mm.

    Examples
    --------
    >>> import brainalign as ba
    >>> ba.example_maps().geometry.shape
    (5, 5, 4)
    """
    shape = (5, 5, 4)
    grid = Volume(shape, np.diag([3.0, 3.0, 3.0, 1.0]), np.argwhere(np.ones(shape, dtype=bool)), "made up")
    people = []
    for k in range(8):
        rng = numpy_stream(k, "example", "maps")
        data = _truth() @ rng.standard_normal((_N_FEATURES, len(grid))) + 4 * rng.standard_normal((24, len(grid)))
        about: Any = {"modality": "simulated", "unit": "a.u.", "rois": {}, "simulated": True, "geometry": grid}
        names = grid.names()
        people.append(
            Recording(
                data=data[:, :, None],
                stimulus_ids=_ids(),
                channels=names,
                times=(0.0,),
                subject=f"s{k + 1}",
                dataset="simulated example",
                **about,
            )
        )
    late = Shown(replace(one, layers={"late": one.layers["late"]}, key="") for one in example_networks())
    return Searchlight(radius=5.0).run(late, people)


@dataclass(frozen=True)
class _MadeUp(RecordingSource):
    """Subjects that share a geometry."""

    title: ClassVar[str] = "SIMULATED example"
    modality: ClassVar[str] = "simulated"
    citation: ClassVar[str] = "made up with brainalign; no brain was recorded"
    rois: ClassVar[tuple[str, ...]] = ("V",)
    simulated: ClassVar[bool] = True

    @property
    def label(self) -> str:
        return "simulated example"

    def stimuli(self) -> Stimuli:
        pictures = numpy_stream(0, "example", "pictures").integers(0, 256, (_N_STIMULI, 8, 8, 1))
        return Stimuli(_ids(), pictures, "made up")

    def published_rdms(self, roi: str) -> RDMs:
        self._require_roi(roi)
        rng = numpy_stream(0, "example", "subjects")
        patterns = _truth() + rng.standard_normal((_N_SUBJECTS, _N_STIMULI, _N_FEATURES))
        names = tuple(f"s{k}" for k in range(1, _N_SUBJECTS + 1))
        return compute_rdms(patterns, _ids(), "correlation", {"subject": names}, sets=True)


def _ids() -> tuple[str, ...]:
    return tuple(f"stimulus {k}" for k in range(1, _N_STIMULI + 1))


def _truth() -> np.ndarray:
    return numpy_stream(0, "example", "truth").standard_normal((_N_STIMULI, _N_FEATURES))
