"""fMRI of a BIDS folder, raw or as fMRIPrep left it: volumes, events, confounds and masks of every run."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from brainalign.errors import DataError, SpecError
from brainalign.options import fitted, require_not_negative
from brainalign.readers.atlas import read_atlas
from brainalign.readers.bids_meeg import joined_runs
from brainalign.readers.confounds import PEAK, motion_of_events, read_confounds
from brainalign.readers.events import Events, read_events
from brainalign.readers.first_level import FirstLevel
from brainalign.readers.maps import Maps, both_hemispheres, read_maps
from brainalign.readers.trials import Trials

#: Spaces of fMRIPrep that are each person's own.
_OF_ONE_PERSON = ("T1w", "T2w", "func", "bold", "boldref", "fsnative", "anat")


@dataclass(frozen=True)
class FmriLayout:
    """Where the runs of a BIDS folder are and what is read of them.

    Parameters
    ----------
    ids, where, id_form, onset, onset_unit
        Of ``events.tsv``, see :func:`brainalign.readers.events.read_events`.
    task, sessions
        Which runs; all unless given.
    derivatives
        Folder of fMRIPrep, from the root or absolute; ``""``: volumes are those of the raw data.
    space
        ``space-<...>`` of the files of fMRIPrep, such as ``"MNI152NLin2009cAsym"``, ``"T1w"``, ``"fsaverage5"`` or
        ``"fsLR"``; required with derivatives.
    mask
        Mask of the brain, from the root or absolute; fMRIPrep's own unless given, and voxels that vary in raw data.
    atlas, atlas_names
        An atlas on the same grid, and the table of its names; see :func:`brainalign.readers.atlas.read_atlas`.
    rois
        Name to a mask on the same grid, from the root or absolute; ``{subject}`` is filled in.
    confounds
        Columns or sets of :func:`brainalign.readers.confounds.read_confounds`.
    repetition_time
        Seconds; those of the sidecar, or of the header, unless given.
    motion
        Whether the motion of the head at each event is read from the confounds of fMRIPrep, for nuisance RDMs.
    motion_after
        With ``motion``: seconds after onset from which on the head's place is taken, for as long as the event lasts.
        5 unless given, where the haemodynamic response to a short event peaks, so that the volumes are those that
        weigh most in its estimate.

    Raises
    ------
    SpecError
        If ``motion_after`` is no number of at least 0, or is given without ``motion``.
    """

    ids: str
    where: Mapping[str, str] | None = None
    id_form: str = "text"
    onset: str = "onset"
    onset_unit: str = "s"
    task: str | None = None
    sessions: tuple[str, ...] | None = None
    derivatives: str = ""
    space: str = ""
    mask: str = ""
    atlas: str = ""
    atlas_names: str = ""
    rois: Mapping[str, str] | None = None
    confounds: tuple[str, ...] = ()
    repetition_time: float | None = None
    motion: bool = False
    motion_after: float = PEAK

    def __post_init__(self) -> None:
        after = fitted(float, self.motion_after, "Option layout of fMRI: motion_after")
        require_not_negative(motion_after=after)
        if after != PEAK and not self.motion:
            msg = (
                f"Option layout of fMRI: motion_after is {after:g} without motion. Add motion = true, or leave it out."
            )
            raise SpecError(msg)


def fmri_subjects(root: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the labels of subjects that have fMRI in a BIDS folder; none raises :class:`DataError`."""
    found = [one.name.removeprefix("sub-") for one in sorted(Path(root).glob("sub-*")) if any(one.glob("**/func"))]
    if not found:
        msg = f"{os.fspath(root)!r} holds no sub-*/func; expected the root of a BIDS data set. Correct the path."
        raise DataError(msg)
    return tuple(found)


def read_bids_fmri(root: str | os.PathLike[str], subject: str, layout: FmriLayout, model: FirstLevel) -> Trials:
    """Return the estimates of one subject over all its runs.

    Runs are named ``<session>/<run>``, as far as there are such.

    Raises
    ------
    DataError
        If there are no runs, files are pointers or damaged, grids differ, or the model cannot be estimated.
    """
    root = Path(root)
    runs = _events_files(root, subject, layout)
    parts: list[Trials] = []
    first: Maps | None = None
    for run, events in runs:
        maps, bold = _maps(root, events, layout)
        maps = _in_space(maps, layout)
        _require_same_grid(maps, first)
        first = first or replace(maps, data=maps.data[:0])
        seconds = layout.repetition_time or _sidecar(bold)
        lasts = len(maps) * maps.repetition_time(seconds)
        shown = read_events(
            events, layout.ids, where=layout.where, id_form=layout.id_form, onset=layout.onset,
            onset_unit=layout.onset_unit, lasts=lasts,
        )  # fmt: skip
        named = _with_regions(maps, root, subject, layout)
        own = model.run(named, shown, seconds, _confounds(root, events, layout.confounds, layout), run)
        if layout.motion:
            own = replace(own, motion=_motion(root, events, layout, shown, maps.repetition_time(seconds), own))
        parts.append(own)
    return joined_runs(parts, f"sub-{subject}")


def events_of(root: str | os.PathLike[str], subject: str, layout: FmriLayout) -> tuple[str, ...]:
    """Return the ids that the events of one subject name, each once, without reading its volumes."""
    found: dict[str, None] = {}
    for _, table in _events_files(Path(root), subject, layout):
        # the unit of onsets is checked when volumes are read, which say how long the run is
        shown = read_events(table, layout.ids, where=layout.where, id_form=layout.id_form, onset=layout.onset,
                            onset_unit=layout.onset_unit, sampling_rate=1.0, lasts=float("inf"))  # fmt: skip
        found |= dict.fromkeys(shown.ids)
    return tuple(found)


def _events_files(root: Path, subject: str, layout: FmriLayout) -> list[tuple[str, Path]]:
    found = []
    for file in sorted((root / f"sub-{subject}").glob("**/func/*_events.tsv")):
        entities = dict(part.split("-", 1) for part in file.name.split("_") if "-" in part)
        if file.name.startswith("._") or (layout.task and entities.get("task") != layout.task):
            continue
        if layout.sessions and entities.get("ses") not in layout.sessions:
            continue
        run = "/".join(entities[key] for key in ("ses", "run") if key in entities) or "1"
        found.append((run, file, entities.get("task", "")))
    tasks = sorted({task for _, _, task in found})
    if len(tasks) != 1:
        what = f"tasks {', '.join(tasks)}" if tasks else "no func/*_events.tsv"
        msg = f"{str(root)!r}: sub-{subject} has {what}; expected one task. Give task = {tasks[0]!r}." if tasks else (
            f"{str(root)!r}: sub-{subject} has {what}; expected events of at least one run. Look at its folder."
        )  # fmt: skip
        raise DataError(msg)
    return [(run, file) for run, file, _ in found]


def _stem(events: Path) -> str:
    return events.name.removesuffix("_events.tsv")


def _maps(root: Path, events: Path, layout: FmriLayout) -> tuple[Maps, Path]:
    """Return the volumes or surfaces of a run, and the file of the first of them."""
    if not layout.derivatives:
        files = [events.with_name(f"{_stem(events)}_bold{end}") for end in (".nii.gz", ".nii")]
        bold = next((one for one in files if one.exists() or one.is_symlink()), files[0])
        return read_maps(bold, root / layout.mask if layout.mask else None), bold
    if not layout.space:
        msg = "derivatives need space = the space-<...> of their files, such as 'MNI152NLin2009cAsym'."
        raise DataError(msg)
    folder = root / layout.derivatives / events.parent.relative_to(root)
    volume = _one(folder, f"{_stem(events)}_space-{layout.space}_*desc-preproc_bold.nii.gz")
    volume = volume or _one(folder, f"{_stem(events)}_space-{layout.space}_desc-preproc_bold.nii.gz")
    if volume is not None:
        own = Path(str(volume).replace("desc-preproc_bold", "desc-brain_mask"))
        return read_maps(volume, root / layout.mask if layout.mask else own), volume
    dense = _one(folder, f"{_stem(events)}_space-{layout.space}*bold.dtseries.nii")
    if dense is not None:
        return read_maps(dense), dense
    sides = [_one(folder, f"{_stem(events)}*hemi-{side}*space-{layout.space}*bold.func.gii") for side in "LR"]
    sides = [
        side or _one(folder, f"{_stem(events)}*space-{layout.space}*hemi-{letter}*bold.func.gii")
        for side, letter in zip(sides, "LR", strict=True)
    ]
    if all(sides):
        return both_hemispheres(*(read_maps(side) for side in sides if side)), sides[0]  # type: ignore[return-value]
    spaces = sorted({found[1] for one in folder.glob("*") if (found := re.search(r"_space-([A-Za-z0-9]+)", one.name))})
    msg = (
        f"{str(folder)!r} has no bold of {_stem(events)} in space {layout.space!r}; its spaces are "
        f"{', '.join(spaces) or 'none'}. Give one of them, or another derivatives folder."
    )
    raise DataError(msg)


def _one(folder: Path, pattern: str) -> Path | None:
    found = [one for one in sorted(folder.glob(pattern)) if not one.name.startswith("._")]
    return found[0] if found else None


def _motion(
    root: Path, events: Path, layout: FmriLayout, shown: Events, seconds: float, estimates: Trials
) -> np.ndarray:
    """Return the motion of each estimate: of its trial, or the mean over those of its stimulus in the run."""
    volumes = _confounds(root, events, ("motion6",), layout)
    assert volumes is not None
    each = motion_of_events(volumes, shown.onsets, shown.durations, seconds, layout.motion_after)
    if estimates.stimulus_ids == tuple(shown.ids):
        return each
    own = np.array(shown.ids)
    return np.stack([each[own == one].mean(axis=0) for one in estimates.stimulus_ids])


def _confounds(root: Path, events: Path, columns: Sequence[str], layout: FmriLayout) -> np.ndarray | None:
    if not columns:
        return None
    if not layout.derivatives:
        msg = "confounds need derivatives = the folder of fMRIPrep, such as 'derivatives/fmriprep'."
        raise DataError(msg)
    folder = root / layout.derivatives / events.parent.relative_to(root)
    names = [folder / f"{_stem(events)}_desc-confounds_{end}.tsv" for end in ("timeseries", "regressors")]
    return read_confounds(next((one for one in names if one.exists()), names[0]), columns)[0]


def _sidecar(bold: Path) -> float | None:
    """Return the repetition time of the sidecar of a run, or ``None`` where it has none."""
    for folder in (bold.parent, *bold.parents):
        for file in (
            folder / bold.name.replace(".nii.gz", ".json").replace(".nii", ".json"),
            *_inherited(folder, bold),
        ):
            if file.is_file():
                value: Any = json.loads(file.read_text("utf-8")).get("RepetitionTime")
                if isinstance(value, int | float):
                    return float(value)
        if (folder / "dataset_description.json").is_file():
            break
    return None


def _inherited(folder: Path, bold: Path) -> Sequence[Path]:
    task = re.search(r"_task-([A-Za-z0-9]+)", bold.name)
    return [folder / f"task-{task[1]}_bold.json"] if task else []


def _require_same_grid(maps: Maps, first: Maps | None) -> None:
    """Refuse volumes of a run that lie on another grid than those of the first run."""
    if first is None or first.geometry is None or maps.geometry is None:
        return
    apart = first.geometry.mismatch(maps.geometry)
    if apart:
        msg = f"{maps.name} and {first.name} lie on {apart}; expected one space for all runs. Give space."
        raise DataError(msg)


def _in_space(maps: Maps, layout: FmriLayout) -> Maps:
    """Return maps whose geometry says which space people share; headers of one person's space may claim another."""
    if maps.geometry is None:
        return maps
    shared = layout.space if layout.derivatives and layout.space not in _OF_ONE_PERSON else ""
    return replace(maps, geometry=maps.geometry.in_space(shared))


def _with_regions(maps: Maps, root: Path, subject: str, layout: FmriLayout) -> Maps:
    rois = dict(maps.rois)
    if layout.atlas:
        names = root / layout.atlas_names if layout.atlas_names else None
        rois |= read_atlas(root / layout.atlas.format(subject=subject), maps, names)
    for roi, path in (layout.rois or {}).items():
        found = read_atlas(root / path.format(subject=subject), maps, {1: roi})
        rois[roi] = found[roi]
    return replace(maps, rois=rois)
