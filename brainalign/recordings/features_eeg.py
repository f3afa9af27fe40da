"""EEG of people who saw gratings in fast streams: how well each of four features is decoded over time."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from brainalign.datasets.manifest import load_manifest, locate
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError
from brainalign.readers.cosmomvpa import in_seconds, read_cosmomvpa
from brainalign.readers.pictures import read_pictures
from brainalign.recordings.source import RecordingSource

_FEATURES = ("ori", "sf", "color", "contrast")
_SUBJECTS = tuple(f"sub-{k:02d}" for k in range(1, 17))


@dataclass(frozen=True)
class FeaturesEeg(RecordingSource):
    """Accuracy of decoding orientation, spatial frequency, colour and contrast of 256 gratings from EEG of 16 people.

    What was published here are accuracies of features, not of pairs of pictures: :meth:`decoding` returns them, and
    there is no RDM to compare networks with. :meth:`stimuli` returns the gratings.

    Source: Grootswagers, Robinson, Shatek & Carlson (2024), PLoS Computational Biology 20:e1011760 (data set ds004357).
    """

    title: ClassVar[str] = "256 gratings: EEG decoding of four features (Grootswagers 2024)"
    modality: ClassVar[str] = "EEG"
    citation: ClassVar[str] = (
        "Grootswagers, Robinson, Shatek & Carlson (2024), Mapping the dynamics of visual feature coding: Insights into "
        "perception and integration, PLoS Computational Biology 20:e1011760"
    )
    rois: ClassVar[tuple[str, ...]] = ("scalp",)
    subjects: ClassVar[tuple[str, ...]] = _SUBJECTS

    def stimuli(self) -> Stimuli:
        """Return the 256 gratings under the names of their files, labelled by their four features."""
        names = self._names()
        files = [locate("features_eeg", f"stimuli/{name}.png", self.data_dir) for name in names]
        labels = tuple(name.split("_", 1)[1].replace("_", " ") for name in names)
        return Stimuli(self.stimulus_ids(), read_pictures(files), "256 gratings", labels)

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return ``"features_eeg-000"`` to ``"features_eeg-255"``."""
        return tuple(f"features_eeg-{name[4:7]}" for name in self._names())

    def published_rdms(self, roi: str) -> None:
        """Refuse: accuracies of features are no RDM.

        Raises
        ------
        DataError
            Always.
        """
        self._require_roi(roi)
        msg = (
            "features_eeg was published as accuracies of four features over time, not as RDMs of pictures: networks "
            "cannot "
            "be compared with it. Use decoding(), or another recording."
        )
        raise DataError(msg)

    def decoding(self) -> pd.DataFrame:
        """Return accuracies (chance .25) as a table: subject, feature, rate (pictures a second), time (s), accuracy."""
        parts = []
        for subject in self.subjects:
            found = read_cosmomvpa(locate("features_eeg", f"{subject}_decoding.mat", self.data_dir), "res")
            times = in_seconds(found.dimensions["time"], "ms", found.name)
            for row, (feature, step) in enumerate(zip(found.sa["targetname"], found.sa["soaduration"], strict=True)):
                parts.append(
                    pd.DataFrame(
                        {"subject": subject, "feature": str(feature), "rate": float(np.round(1 / float(step), 2)),
                         "time": times, "accuracy": found.samples[row]}
                    )
                )  # fmt: skip
        return pd.concat(parts, ignore_index=True)

    def _names(self) -> list[str]:
        files = (file.path for file in load_manifest("features_eeg").files)
        return sorted(path.removeprefix("stimuli/")[:-4] for path in files if path.startswith("stimuli/"))
