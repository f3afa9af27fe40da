"""Spikes of V4 and IT of macaques that saw objects on backgrounds: the public part of Majaj and Hong."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError
from brainalign.readers.assembly import IDS, Assembly, read_assembly
from brainalign.readers.events import read_table
from brainalign.readers.pictures import read_pictures
from brainalign.readers.published_folder import published_file
from brainalign.recordings.published_source import PublishedSource
from brainalign.recordings.recording import Recording


@dataclass(frozen=True)
class MajajHong2015(PublishedSource):
    """Responses of sites in V4 and IT to 3,200 pictures of 64 objects, each shown several times.

    Trials come in no known order: there are no runs. Ids are those of the stimulus set of Brain-Score.

    Parameters
    ----------
    data_dir
        Folder that holds ``majaj_hong2015/``, unless ``folder`` is given.
    folder
        Holds ``assy_dicarlo_MajajHong2015_public.nc``; and, if networks are to be compared, ``stimulus_hvm-public.csv``
        with the pictures of ``stimulus_hvm-public.zip`` in ``stimulus_hvm-public/``.
    part
        ``"average"`` (one bin, 70 to 170 ms) or ``"temporal"`` (several bins, from
        ``assy_dicarlo_MajajHong2015_temporal_public.nc``).
    side
        Height and width in pixels to which pictures are brought.

    Raises
    ------
    SpecError
        If ``part`` is another word.

    Source: Majaj, Hong, Solomon & DiCarlo (2015), Journal of Neuroscience 35:13402.
    """

    title: ClassVar[str] = "Objects on backgrounds: macaque V4 and IT (Majaj 2015)"
    modality: ClassVar[str] = "spikes"
    citation: ClassVar[str] = "Majaj, Hong, Solomon & DiCarlo (2015), Journal of Neuroscience 35:13402-13418"
    rois: ClassVar[tuple[str, ...]] = ("V4", "IT")
    short: ClassVar[str] = "MajajHong2015"
    parts: ClassVar[Mapping[str, str]] = {"average": "", "temporal": "_temporal"}

    part: str = "average"
    side: int = 224

    @property
    def subjects(self) -> tuple[str, ...]:
        """The animals that the assembly names."""
        return tuple(sorted(set(self._assembly.animals().tolist())))

    def stimuli(self) -> Stimuli | None:
        """Return the pictures, labelled by their objects, if the stimulus set is there; ``None`` otherwise."""
        file = self._root / "stimulus_hvm-public.csv"
        if not file.exists():
            return None
        table = read_table(file)
        column = next((one for one in IDS if one in table), None)
        name = next((one for one in ("filename", "image_file_name") if one in table), None)
        if column is None or name is None:
            have = ", ".join(table.columns[:12])
            msg = f"{str(file)!r} has columns {have}; expected stimulus_id and filename. Fetch it again."
            raise DataError(msg)
        rows = {one: k for k, one in enumerate(table[column])}
        ids = self.stimulus_ids()
        missing = [one for one in ids if one not in rows]
        if missing:
            msg = f"{str(file)!r} lacks {len(missing)} of {len(ids)} stimuli, first {missing[0]!r}. Fetch it again."
            raise DataError(msg)
        folder = self._root / file.stem
        shown = table.iloc[[rows[one] for one in ids]]
        images = read_pictures([folder / one for one in shown[name].tolist()], self.side)
        labels = tuple(shown["object_name"].tolist()) if "object_name" in shown else None
        return Stimuli(ids, images, self._shown_name, labels)

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the ids of the pictures, sorted."""
        return tuple(sorted(set(self._assembly.stimulus_ids())))

    def recording(self, subject: str) -> Recording:
        """Return the presentations to one animal, ``(n_trials, n_sites, n_times)``."""
        self._require_subject(subject)
        trials = self._assembly.trials(self._assembly.animals() == subject)
        return self._recording(subject, **trials.fields())

    @cached_property
    def _assembly(self) -> Assembly:
        name = f"assy_dicarlo_MajajHong2015{self.parts[self.part]}_public.nc"
        return read_assembly(published_file(self._root, name))
