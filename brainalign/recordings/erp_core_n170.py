"""EEG of forty people who saw faces and cars, whole and scrambled: the N170 of ERP CORE."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from brainalign.errors import DataError
from brainalign.readers.bids_meeg import MeegEvents
from brainalign.recordings.published_meeg import PublishedMeeg

_KINDS = (("face", 1, 40), ("car", 41, 80), ("scrambled-face", 101, 140), ("scrambled-car", 141, 180))


@dataclass(frozen=True, eq=False)
class ErpCoreN170(PublishedMeeg):
    """Epochs of 30 channels; 160 pictures under ids such as ``"face-07"``, ``"scrambled-car-40"``.

    The screen was 26 ms late, which is added to every onset. Responses and marks of status are no stimuli.

    Parameters
    ----------
    data_dir
        Folder that holds ``erp_core_n170/``, unless ``folder`` is given.
    folder
        Root of the BIDS folder of the N170, and the pictures in ``stimuli/`` under their ids if networks are to be
        compared.
    preprocess
        Fields of :class:`brainalign.readers.preprocess.Preprocess` that differ from 0.1 Hz highpass, average reference,
        -0.2 to 0.8 s, baseline before onset, 256 samples a second.
    side
        Height and width in pixels to which pictures are brought.

    Source: Kappenman, Farrens, Zhang, Stewart & Luck (2021), NeuroImage 225:117465.
    """

    title: ClassVar[str] = "ERP CORE: N170 (Kappenman 2021)"
    citation: ClassVar[str] = "Kappenman, Farrens, Zhang, Stewart & Luck (2021), NeuroImage 225:117465"
    short: ClassVar[str] = "ERP CORE N170"
    pictures: ClassVar[str] = "stimuli"
    task: ClassVar[str] = "N170"
    epochs: ClassVar[Mapping[str, Any]] = {
        "tmin": -0.2, "tmax": 0.8, "reference": "average", "highpass": 0.1, "delay": 0.026, "baseline": (-0.2, 0.0),
        "resample": 256.0,
    }  # fmt: skip

    def _events(self, subject: str) -> MeegEvents:
        del subject
        return MeegEvents("value", {"trial_type": "stimulus"})

    def _id(self, value: str) -> str:
        for kind, first, last in _KINDS:
            if value.isdigit() and first <= int(value) <= last:
                return f"{kind}-{int(value) - first + 1:02d}"
        msg = f"ERP CORE N170: a stimulus has the value {value!r}; expected 1 to 80 or 101 to 180. Fetch the events."
        raise DataError(msg)
