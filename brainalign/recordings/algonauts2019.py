"""RDMs of fifteen people, fMRI and MEG, with the pictures: all four sets of the Algonauts challenge 2019."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError
from brainalign.options import require
from brainalign.rdms import RDMs
from brainalign.readers.matlab import read_matlab, variable
from brainalign.readers.pictures import SUFFIXES, read_pictures
from brainalign.readers.published_folder import published_file
from brainalign.recordings.kriegeskorte92 import stimulus_ids as ids_of_92
from brainalign.recordings.published_source import PublishedSource

_VARIABLES = {"fmri": ("EVC", "IT"), "meg": ("early", "late")}

# where a set's RDMs lie, what follows the names of its files, and its folder of pictures (unknown of the hidden set)
_PLACES = {
    "92": ("Training_Data/92_Image_Set", "", "92images"),
    "118": ("Training_Data/118_Image_Set", "", "118images"),
    "78": ("Test_Data", "", "78images"),
    "78 hidden": ("Test_Data", "_TS2", ""),
}


@dataclass(frozen=True)
class Algonauts2019(PublishedSource):
    """RDMs in early visual cortex and IT (1 - Pearson correlation), or of MEG in two windows (decoding accuracy).

    The 92 photographs have the ids of :class:`Kriegeskorte92`, the 118 those of :class:`Algonauts118`, in the order of
    the RDMs; the two test sets have 78 others each. MEG is averaged over the samples of each window, whose times the
    files do not say: 70 to 90 and 140 to 160 ms in the test sets, by their readme. No trials were published. The people
    of each set are others.

    Parameters
    ----------
    data_dir
        Folder that holds ``algonauts2019/``, unless ``folder`` is given.
    folder
        Holds ``Training_Data/92_Image_Set`` and ``118_Image_Set`` with ``target_fmri.mat``, ``target_meg.mat`` and the
        pictures in ``92images`` and ``118images``; and ``Test_Data`` with files of the same names for the test set,
        pictures in ``78images``, and ``target_fmri_TS2.mat`` and ``target_meg_TS2.mat`` for the hidden one.
    part
        ``"92"`` or ``"118"`` pictures, ``"78"`` of the test set, or ``"78 hidden"``, of which no pictures are known.
    brain
        ``"fmri"`` (ROIs ``"EVC"`` and ``"IT"``) or ``"meg"`` (``"early"`` and ``"late"``).
    side
        Height and width in pixels to which square pictures are brought.

    Raises
    ------
    SpecError
        If ``part`` or ``brain`` is another word.

    Source: Cichy, Roig, Andonian et al. (2019), The Algonauts Project, arXiv:1905.05675.
    """

    title: ClassVar[str] = "Algonauts 2019: training sets (92, 118) and test sets (78), fMRI and MEG"
    modality: ClassVar[str] = "fMRI, MEG"
    citation: ClassVar[str] = (
        "Cichy, Roig, Andonian et al. (2019), The Algonauts Project, arXiv:1905.05675; Cichy, Pantazis & Oliva (2014), "
        "Nature Neuroscience 17:455-462; (2016), Cerebral Cortex 26:3563-3579"
    )
    short: ClassVar[str] = "Algonauts 2019"
    part_in_label: ClassVar[bool] = True
    parts: ClassVar[Mapping[str, int]] = {"92": 92, "118": 118, "78": 78, "78 hidden": 78}

    part: str = "92"
    brain: str = "fmri"
    side: int = 175

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.brain in _VARIABLES, "brain", self.brain, "'fmri' or 'meg'")

    @property
    def label(self) -> str:
        """Name in tables, with the set (other pictures, other people) and what was recorded."""
        return f"{super().label} {self.brain}"

    @property
    def rois(self) -> tuple[str, ...]:  # type: ignore[override]
        """Regions of fMRI, windows of MEG."""
        return _VARIABLES[self.brain]

    def stimuli(self) -> Stimuli | None:
        """Return the pictures in the order of the RDMs if there is a folder of them; ``None`` otherwise."""
        place, _, pictures = _PLACES[self.part]
        folder = self._root / place / pictures
        if not pictures or not folder.is_dir():
            return None
        files = sorted(one for one in folder.iterdir() if one.suffix.lower() in SUFFIXES and one.name[:2] != "._")
        numbers = [int("".join(filter(str.isdigit, one.stem)) or -1) for one in files]
        if sorted(numbers) != list(range(1, self.parts[self.part] + 1)):
            msg = f"{str(folder)!r} holds {len(files)} pictures; expected 1 to {self.part} in their names. Fetch all."
            raise DataError(msg)
        ordered = [file for _, file in sorted(zip(numbers, files, strict=True))]
        return Stimuli(self.stimulus_ids(), read_pictures(ordered, self.side), self._shown_name)

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the ids of :class:`Kriegeskorte92`, or ``"algonauts118-001"``, ``"algonauts78-001"`` and so on."""
        if self.part == "92":
            return ids_of_92()
        name = f"algonauts{self.part.replace(' ', '')}"
        return tuple(f"{name}-{k:03d}" for k in range(1, self.parts[self.part] + 1))

    def published_rdms(self, roi: str) -> RDMs:
        """Return one RDM for each person.

        Raises
        ------
        DataError
            If the file holds other axes.
        """
        self._require_roi(roi)
        ids, name = self.stimulus_ids(), f"MEG_RDMs_{roi}" if self.brain == "meg" else f"{roi}_RDMs"
        place, ending, _ = _PLACES[self.part]
        path = published_file(self._root, f"{place}/target_{self.brain}{ending}.mat")
        matrices = np.asarray(variable(read_matlab(path, (name,)), name, repr(str(path))), dtype=np.float64)
        n = len(ids)
        if matrices.ndim == 4 and self.brain == "meg" and matrices.shape[2:] == (n, n):
            matrices = matrices.mean(axis=1)  # the samples of the window
        if matrices.ndim != 3 or matrices.shape[1:] != (n, n):
            axes = "(person, time, picture, picture)" if self.brain == "meg" else "(person, picture, picture)"
            msg = f"{str(path)!r}: {name} is {matrices.shape}; expected {axes} of {n} pictures. Fetch it again."
            raise DataError(msg)
        values = matrices[:, *np.triu_indices(n, 1)[::-1]]  # the triangle that cichy92 reads
        people = tuple(f"s{k:02d}" for k in range(1, len(values) + 1))
        if self.brain == "fmri":
            return RDMs(values, ids, "correlation", {"subject": people})
        scale = 100.0 if np.nanmax(values) > 1 else 1.0  # an accuracy is never above 1
        return RDMs(values / scale, ids, "decoding_accuracy", {"subject": people})
