"""A searchlight of models and a recording that are kept in files, as a command line asks for it."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brainalign.errors import DataError, SpecError
from brainalign.face.lists import recording
from brainalign.face.models_on_disk import models_on_disk
from brainalign.face.searchlight import searchlight
from brainalign.options import field_types, fitted
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.searchlights.brain_maps import BrainMaps
from brainalign.searchlights.searchlight import Searchlight

#: Options of a searchlight that a command line has in another form.
_ELSEWHERE = ("meshes", "strata", "progress")
#: Level of what is marked, unless given.
ALPHA = 0.05
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Asked:
    """What a searchlight on files is asked for.

    Parameters
    ----------
    networks, rdms, layers, low_level
        See :func:`brainalign.face.models_on_disk.models_on_disk`.
    brain, source
        Name or folder of a recording, and its options.
    subjects
        Whose; all unless given.
    mesh
        ``"left=FILE"`` and ``"right=FILE"``.
    strata
        CSV of stimulus and label.
    n_flips, against
        Of :meth:`BrainMaps.sign_flips`; 0 flips: no such test.
    alpha
        Of what is marked.
    device
        Where networks are shown pictures.
    options
        Fields of :class:`brainalign.searchlights.searchlight.Searchlight`.

    Raises
    ------
    SpecError
        If options contradict each other.
    """

    networks: Sequence[Path] = ()
    rdms: Sequence[Path] = ()
    layers: Sequence[str] = ()
    low_level: bool = False
    brain: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    subjects: Sequence[str] = ()
    mesh: Sequence[str] = ()
    strata: Path | None = None
    n_flips: int = 0
    against: str | None = None
    alpha: float = ALPHA
    device: str = "cpu"
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.n_flips and self.options.get("permutations"):
            msg = "--permutations and --sign-flips are two tests; expected one. Make two searchlights."
            raise SpecError(msg)
        if self.n_flips < 0 or not 0 < self.alpha < 1:
            msg = f"--sign-flips {self.n_flips}, --alpha {self.alpha:g}; expected 0 or more, and a level from 0 to 1."
            raise SpecError(msg)
        if self.alpha != ALPHA and not (self.n_flips or self.options.get("permutations")):
            msg = f"--alpha {self.alpha:g} is of a test, and none is made; expected --permutations or --sign-flips."
            raise SpecError(msg)
        if self.layers and not self.networks:
            msg = f"--layer {self.layers[0]!r} is of networks, and there are RDMs alone. Leave it out."
            raise SpecError(msg)
        kinds = {name: kind for name, kind in field_types(Searchlight).items() if name not in _ELSEWHERE}
        for name, value in self.options.items():
            if name not in kinds:
                how = (
                    f"Give --{name.removesuffix('es')}"
                    if name in ("meshes", "strata")
                    else f"Choose among: {', '.join(kinds)}"
                )
                msg = f"--set has no option {name!r}. {how}."
                raise SpecError(msg)
            fitted(kinds[name], value, f"Option {name}")
        if self.against is not None and not self.n_flips:
            msg = f"--against {self.against!r} is of flipped signs; expected --sign-flips 10000 beside it."
            raise SpecError(msg)

    def facts(self) -> dict[str, Any]:
        """Return what was asked, as JSON-able facts."""
        files = [str(one) for one in (*self.networks, *self.rdms)]
        asked = {
            "models": files,
            "low_level": self.low_level,
            "layers": list(self.layers),
            "meshes": list(self.mesh),
            "against": self.against,
        }
        return {"recording": self.brain, "source_options": dict(self.source), **asked}


def searchlight_on_disk(asked: Asked, progress: Progress = lambda done, of, text: None) -> BrainMaps:
    """Return what a searchlight finds; ``progress`` is told of parts of the whole and what is done.

    Raises
    ------
    SpecError
        If an option is unknown or does not fit.
    StimulusMismatchError
        If models and recordings hold other stimuli.
    DataError
        If a file is missing or no patch can be scored.
    """
    source = recording(asked.brain, **asked.source)
    options: dict[str, Any] = {
        name: tuple(one) if isinstance(one, list) else one for name, one in asked.options.items()
    }
    options["meshes"] = _meshes(asked.mesh) or None
    if asked.strata is not None:
        options["strata"] = _strata(asked.strata)
    progress(0, 1, "reading models")
    dissimilarity = str(options.get("layer_dissimilarity", "correlation"))
    models = models_on_disk(
        asked.networks, asked.rdms, source.stimuli, asked.layers, dissimilarity, asked.low_level, device=asked.device
    )
    radius = options.pop("radius")
    told = _of_tenths(progress)
    found = searchlight(models, _people(source, asked.subjects), radius, progress=told, **options)
    return found.sign_flips(asked.against, asked.n_flips) if asked.n_flips else found


def _of_tenths(progress: Progress) -> Callable[[str], None]:
    """Return what a searchlight tells of its work: ``"200 of 1000 centres"`` moves the bar."""

    def told(text: str) -> None:
        done, _, rest = text.partition(" of ")
        total = rest.partition(" ")[0]
        progress(*((int(done), int(total)) if done.isdigit() and total.isdigit() else (0, 1)), text)

    return told


def _people(source: RecordingSource, subjects: Sequence[str]) -> Iterator[Recording]:
    """Yield the recordings of subjects, one at a time."""
    known = source.subjects
    unknown = [one for one in subjects if one not in known]
    if unknown:
        msg = f"{source.label} has no subject {unknown[0]!r}; choose among {', '.join(known)}."
        raise SpecError(msg)
    for name in subjects or known:
        one = source.recording(name)
        if one is not None:
            yield one


def _meshes(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        side, separator, file = one.partition("=")
        if side not in ("left", "right") or not separator or not file or side in found:
            msg = f"--mesh got {one!r}; expected left=FILE.surf.gii and right=FILE.surf.gii, each once."
            raise SpecError(msg)
        found[side] = file
    return found


def _strata(file: Path) -> dict[str, str]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = [row for row in csv.reader(lines) if row]
    except (OSError, ValueError) as error:
        msg = f"--strata {str(file)!r} cannot be read ({' '.join(str(error).split())}); expected a CSV file."
        raise DataError(msg) from error
    wrong = next((k for k, row in enumerate(rows) if len(row) != 2), None)
    if wrong is not None or not rows:
        msg = f"--strata {str(file)!r}, line {(wrong or 0) + 1}; expected 'stimulus,label' in every line, no header."
        raise DataError(msg)
    return {stimulus.strip(): label.strip() for stimulus, label in rows}
