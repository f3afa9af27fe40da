"""A searchlight: what it looks for and how, and one pass over subjects."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from brainalign.asked_for import asked_for
from brainalign.dissimilarities.dissimilarity import dissimilarity
from brainalign.errors import DataError, SpecError
from brainalign.rdms import RDMs
from brainalign.recordings.joined import check_once, check_runs, scored_ids, without_runs
from brainalign.recordings.recording import Recording
from brainalign.searchlights.brain_maps import BrainMaps
from brainalign.searchlights.comparable import LINEAR, check_comparator
from brainalign.searchlights.label_permutations import LabelPermutations
from brainalign.searchlights.models import LABELS, models_of
from brainalign.searchlights.patch_rdms import PatchRDMs
from brainalign.searchlights.patches import Patches, mesh, patches_of
from brainalign.searchlights.scoring import PatchScoring


@dataclass(frozen=True, eq=False)
class Searchlight:
    """RSA in a patch around every place.

    Parameters
    ----------
    radius
        Of spheres of voxels or discs of a surface, in mm.
    min_places, distance, meshes
        See :func:`brainalign.searchlights.patches.patches_of`.
    dissimilarity, dissimilarity_options
        Of the patterns of the brain. One that needs trials, such as ``"crossnobis"``, takes the trials of each patch.
    layer_dissimilarity
        Of the patterns of layers.
    comparator
        ``"corr"``, ``"cosine"``, ``"spearman"``, or ``"tau-a"``, which takes many times longer and has neither ceiling
        nor permutations.
    roi
        Look within a ROI only.
    window
        First and last second of a recording with several times; their mean is looked at.
    runs, stimuli
        As in a study: ``"centre"``, ``"centre_each"`` or ``"ignore"``; ``"all"`` or ``"shared"``.
    space
        Name of the space that subjects share, where recordings do not say it.
    ceiling
        Whether noise ceilings are made, where there are several subjects.
    permutations
        Permutations of stimulus labels; 0: none.
    strata
        Stimulus id to label; stimuli are permuted within strata only.
    seed
        Of permutations.
    progress
        Called with a short text now and then.

    Raises
    ------
    SpecError
        If an option is unknown or would be ignored.
    """

    radius: float
    min_places: int | None = None
    distance: str = "geodesic"
    meshes: Mapping[str, Any] | None = None
    dissimilarity: str = "correlation"
    dissimilarity_options: Mapping[str, Any] = field(default_factory=dict)
    layer_dissimilarity: str = "correlation"
    comparator: str = "corr"
    roi: str | None = None
    window: tuple[float, float] | None = None
    runs: str = "centre"
    stimuli: str = "all"
    space: str = ""
    ceiling: bool = True
    permutations: int = 0
    strata: Mapping[str, str | int] | None = None
    seed: int = 0
    progress: Callable[[str], None] = lambda text: None

    def __post_init__(self) -> None:
        check_comparator(self.comparator)
        check_runs(self.runs)
        dissimilarity(self.dissimilarity, dict(self.dissimilarity_options))
        asked_for(self.meshes, "meshes")
        if self.window is not None and len(self.window) != 2:
            msg = f"window is {self.window!r}; expected its first and last time in seconds, such as (0.1, 0.2)."
            raise SpecError(msg)
        if self.stimuli not in ("all", "shared"):
            msg = f"stimuli = {self.stimuli!r}; a map of all subjects takes 'all' or 'shared'."
            raise SpecError(msg)
        if self.permutations and self.comparator not in LINEAR:
            msg = f"permutations = {self.permutations} with {self.comparator!r}; expected one of {', '.join(LINEAR)}."
            raise SpecError(msg)
        if self.strata is not None and not self.permutations:
            msg = "strata are given without permutations; expected permutations = 1000, say. Or leave strata out."
            raise SpecError(msg)

    def run(self, models: Any, recordings: Iterable[Recording]) -> BrainMaps:
        """Return what models score at every place.

        Recordings are read one after another; of each, mean responses are kept, or its trials where the dissimilarity
        needs them. RDMs are made and let go in blocks of patches, so that memory does not grow with the number of
        centres.

        Raises
        ------
        SpecError
            If a recording has no geometry, several times without a window, or subjects do not share a space.
        StimulusMismatchError
            If models and recordings hold other stimuli.
        DataError
            If no patch can be scored.
        """
        rdms = models_of(models, self.layer_dissimilarity)
        subjects, simulated = self._read(recordings, rdms.stimulus_ids)
        ids = scored_ids({one.subject: one.ids for one in subjects}, rdms.stimulus_ids, self.stimuli, "the searchlight")
        rdms = rdms.subset(ids)
        notes = self._share_places(subjects, ids)
        geometry = subjects[0].geometry
        patches = patches_of(geometry, self.radius, self.min_places, self.distance, self.meshes)
        scoring = PatchScoring(rdms, self.comparator, _map_numbers(rdms))
        permuted = None
        if self.permutations:
            options = (self.permutations, self.seed, self.strata, len(patches))
            permuted = LabelPermutations(scoring.targets, ids, *options)
        with_ceiling = self.ceiling and len(subjects) > 1 and self.comparator in LINEAR
        found = scoring.run(subjects, patches, with_ceiling, permuted, self.progress)
        notes = (patches.sentence, *notes, *_failures(subjects, geometry, patches))
        return BrainMaps(
            scores=found.scores,
            models=pd.DataFrame({name: rdms.descriptors[name] for name in LABELS}),
            subjects=tuple(one.subject for one in subjects),
            geometry=geometry.at(patches.centres),
            n_places=patches.sizes,
            ceiling=found.ceiling,
            test=permuted.finish() if permuted else None,
            facts=self._facts(simulated),
            notes=notes,
            meshes=None if not self.meshes else {part: mesh(one) for part, one in self.meshes.items()},
        )

    def _facts(self, simulated: bool) -> dict[str, Any]:
        names = ("radius", "dissimilarity", "layer_dissimilarity", "comparator", "runs", "permutations", "seed")
        facts = {name: getattr(self, name) for name in names}
        facts |= {"dissimilarity_options": dict(self.dissimilarity_options), "roi": self.roi}
        return facts | {"simulated": simulated}

    def _read(self, recordings: Iterable[Recording], shown: Sequence[str]) -> tuple[list[PatchRDMs], bool]:
        distance = dissimilarity(self.dissimilarity, dict(self.dissimilarity_options))
        found: list[PatchRDMs] = []
        simulated = False
        for one in recordings:
            one = self._as_declared(one)
            held = set(one.stimulus_ids)
            if self.stimuli == "all" and held != set(shown):
                scored_ids({one.subject: held}, shown, self.stimuli, one.dataset)
            found.append(PatchRDMs(one, [i for i in shown if i in held], distance))
            simulated |= one.simulated
            self.progress(f"read {one.name}")
        if not found:
            msg = "A searchlight got no recording with trials; expected one or more. RDMs have no places."
            raise SpecError(msg)
        check_once([one.subject for one in found], "the searchlight")
        return found, simulated

    def _as_declared(self, one: Recording) -> Recording:
        if one.geometry is None:
            msg = (
                f"{one.name} does not know where its channels are; expected voxels or vertices. Read it from NIfTI, "
                "GIFTI or a BIDS folder, with from_nilearn(), or give Recording.from_array(..., geometry=...)."
            )
            raise SpecError(msg)
        one = one if self.roi is None else one.select(self.roi)
        one = one if self.window is None else one.window(*self.window)
        if len(one.times) > 1:
            msg = f"{one.name} has {len(one.times)} times; a searchlight takes one. Give window = (tmin, tmax)."
            raise SpecError(msg)
        return without_runs(one, self.runs)

    def _share_places(self, subjects: list[PatchRDMs], ids: tuple[str, ...]) -> tuple[str, ...]:
        """Bring all subjects to the places that all have; subjects without a common space are refused."""
        first = subjects[0]
        for one in subjects[1:]:
            apart = first.geometry.mismatch(one.geometry)
            spaces = sorted({first.geometry.space, one.geometry.space})
            if not apart and not self.space and (len(spaces) > 1 or not spaces[0]):
                apart = f"spaces {first.geometry.space or 'unknown'!r} and {one.geometry.space or 'unknown'!r}"
            if apart:
                msg = (
                    f"{first.name} and {one.name} lie on {apart}; expected one space for all subjects. Normalise them, "
                    "map each on its own, or give space = the name of the space that they share."
                )
                raise SpecError(msg)
        names = [one.geometry.names() for one in subjects]
        common = set(names[0]).intersection(*names[1:])
        order = [name for name in names[0] if name in common]
        if not order:
            msg = f"{len(subjects)} subjects share no {first.geometry.place}; expected some. Look at their masks."
            raise DataError(msg)
        for one, own in zip(subjects, names, strict=True):
            place = {name: k for k, name in enumerate(own)}
            one.at(np.array([place[name] for name in order]), ids)
            if self.space:
                one.geometry = one.geometry.in_space(self.space)
        most = max(len(own) for own in names)
        what = first.geometry.places
        told = (
            (f"{len(order)} of {most} {what} are in all subjects; others were left out.",) if most > len(order) else ()
        )
        return told + ((f"That subjects share the space {self.space} was declared.",) if self.space else ())


def _map_numbers(rdms: RDMs) -> np.ndarray:
    names = list(dict.fromkeys(rdms.descriptors["map"]))
    return np.array([names.index(name) for name in rdms.descriptors["map"]])


def _failures(subjects: list[PatchRDMs], geometry: Any, patches: Patches) -> list[str]:
    """Return a sentence for each subject with centres that could not be scored."""
    return [
        f"{one.name}: {len(one.failures)} of {len(patches)} centres have no score, the first at "
        f"{geometry.at(patches.centres[[k]]).names()[0]}: {one.failures[k]}"
        for one in subjects
        for k in sorted(one.failures)[:1]
    ]
