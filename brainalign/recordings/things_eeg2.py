"""EEG of ten people who saw 16,740 pictures of objects: THINGS-EEG2 as its authors preprocessed it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError
from brainalign.readers.arrays_only import read_pickled
from brainalign.readers.id_forms import file_name
from brainalign.readers.pictures import read_pictures
from brainalign.readers.published_folder import published_file
from brainalign.recordings.recording import Recording
from brainalign.recordings.things_source import ThingsSource


@dataclass(frozen=True)
class ThingsEeg2(ThingsSource):
    """Epochs of 17 occipital and parietal channels, 100 samples a second, -0.2 to 0.79 s.

    Values are in units of noise: the authors whitened them with the covariance of training AND test trials, so that
    nothing here was kept from the test. Repeats were shuffled over sessions: there are no runs. Ids are names of files
    of THINGS, which THINGS-EEG1 and THINGS-fMRI share.

    Parameters
    ----------
    data_dir
        Folder that holds ``things_eeg2/``, unless ``folder`` is given.
    folder
        Holds ``preprocessed_data/sub-XX/preprocessed_eeg_test.npy`` (or the ``sub-XX`` folders),
        ``image_metadata.npy`` and the pictures in ``test_images/`` and ``training_images/``.
    part
        ``"test"`` (200 pictures, 80 repeats) or ``"training"`` (16,540 pictures, 4 repeats).
    side
        Height and width in pixels to which pictures are brought.

    Raises
    ------
    SpecError
        If ``part`` is another word.

    Source: Gifford, Dwivedi, Roig & Cichy (2022), NeuroImage 264:119754.
    """

    title: ClassVar[str] = "THINGS-EEG2 (Gifford 2022)"
    modality: ClassVar[str] = "EEG"
    citation: ClassVar[str] = "Gifford, Dwivedi, Roig & Cichy (2022), NeuroImage 264:119754"
    rois: ClassVar[tuple[str, ...]] = ("eeg",)
    short: ClassVar[str] = "THINGS-EEG2"
    parts: ClassVar[Mapping[str, str]] = {"test": "test", "training": "train"}
    pictures: ClassVar[str] = ""  # in a folder for each part

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people whose files are there, ``"sub-01"`` to ``"sub-10"``."""
        name = f"preprocessed_eeg_{self.part}.npy"
        found = sorted(file.parent.name for file in self._root.glob(f"**/sub-*/{name}"))
        return self._there(found, f"sub-*/{name}")

    def stimuli(self) -> Stimuli:
        """Return the pictures of the part, in the order of the data, labelled by their concepts."""
        concepts, files = self._pictures
        images = self._root / f"{self.part}_images"
        paths = [published_file(images, f"{c}/{f}", f) for c, f in zip(concepts, files, strict=True)]
        labels = tuple(concept.split("_", 1)[-1] for concept in concepts)  # "00001_aardvark"
        return Stimuli(self.stimulus_ids(), read_pictures(paths, self.side), self._shown_name, labels)

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the names of the pictures without their suffix, such as ``"aardvark_06s"``."""
        return tuple(file_name(one) for one in self._pictures[1])

    def recording(self, subject: str) -> Recording:
        """Return the trials of one person: repeats of a picture one after another."""
        self._require_subject(subject)
        file = next(self._root.glob(f"**/{subject}/preprocessed_eeg_{self.part}.npy"))
        content = read_pickled(file)
        missing = [one for one in ("preprocessed_eeg_data", "ch_names", "times") if one not in content]
        if missing:
            msg = f"{str(file)!r} has no {missing[0]!r}; it holds {', '.join(content)}. Fetch it again."
            raise DataError(msg)
        data, ids = np.asarray(content["preprocessed_eeg_data"]), self.stimulus_ids()
        if data.ndim != 4 or len(data) != len(ids):
            msg = (
                f"{str(file)!r} has shape {data.shape} for {len(ids)} pictures; expected (picture, repeat, channel, "
                "time)."
            )
            raise DataError(msg)
        n_repeats = data.shape[1]
        names = tuple(str(name) for name in content["ch_names"])
        return self._recording(
            subject,
            data=data.reshape(-1, *data.shape[2:]),
            stimulus_ids=tuple(one for one in ids for _ in range(n_repeats)),
            channels=names,
            times=tuple(np.asarray(content["times"], dtype=float).tolist()),
            unit="noise SD",
            rois={"eeg": np.ones(len(names), dtype=bool)},
            notes=("Whitened by the authors with the covariance of training and test trials.",),
        )

    @cached_property
    def _pictures(self) -> tuple[list[str], list[str]]:
        """Concepts and files of the pictures, in the order of the data."""
        path = published_file(self._root, "image_metadata.npy", "image_set/image_metadata.npy")
        content: Any = read_pickled(path)
        short = self.parts[self.part]
        concepts, files = (list(map(str, content[f"{short}_img_{name}"])) for name in ("concepts", "files"))
        return concepts, files
