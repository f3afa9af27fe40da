"""Scores of a recording with what inference needs: kept, so that another question scores nothing again."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from brainalign.alignment.facts import joined_facts
from brainalign.alignment.failure import Failure
from brainalign.alignment.place_scores import Lost, PlaceScores
from brainalign.errors import DataError, LayerError, SpecError
from brainalign.roles import LOW_LEVEL
from brainalign.storage import read_tensors, write_tensors

#: Format of the file; another is not read.
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Scores:
    """What :func:`~brainalign.alignment.score.score` found of one recording.

    :func:`~brainalign.alignment.infer.infer` makes contrasts, ranks and gates of it.

    Parameters
    ----------
    dataset, simulated
        The recording, and whether it is one.
    places
        Scores of one measure in one ROI each.
    facts
        What was asked and what the recording is, see :func:`brainalign.alignment.facts.facts_of`.
    notes
        Sentences on what scores rest on.
    failures
        Populations, or earlier checkpoints of them, that are left out.
    """

    dataset: str
    simulated: bool
    places: tuple[PlaceScores, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers of networks."""
        models = (model for place in self.places for model in place.models if model.role != LOW_LEVEL)
        return tuple(dict.fromkeys(model.layer for model in models))

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(tensor.nbytes for place in self.places for tensor in place.tensors().values())

    @classmethod
    def together(cls, parts: Sequence["Scores"]) -> "Scores":
        """Join measures of one recording: all of a ROI one after another; who failed in one is left out of all.

        Raises
        ------
        LayerError
            If no final network is left.
        SpecError
            If the parts are of several recordings.
        """
        first = parts[0]
        if len({part.dataset for part in parts}) > 1:
            msg = f"Cannot join scores of {[part.dataset for part in parts]}; expected measures of one recording."
            raise SpecError(msg)
        failed: dict[Lost, Failure] = {}
        for one in (failure for part in parts for failure in part.failures):
            failed.setdefault((one.rule, one.network, one.step), one)
        failures = [one for (*who, step), one in failed.items() if step is None or (*who, None) not in failed]
        rois = dict.fromkeys(place.roi for part in parts for place in part.places)
        places = [place for roi in rois for part in parts for place in part.places if place.roi == roi]
        found = replace(
            first,
            places=tuple(place.without(failed) for place in places),
            facts=joined_facts([part.facts for part in parts]),
            notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
            failures=tuple(failures),
        )
        found.require_networks()
        return found

    def require_networks(self) -> None:
        """Raise :class:`LayerError` with the first failure where no final network is left."""
        models = (model for place in self.places for model in place.models)
        if self.failures and not any(model.final and model.role != LOW_LEVEL for model in models):
            first = self.failures[0]
            raise LayerError(first.reason, first.rule, first.network, None, first.role)

    # -- on disk ------------------------------------------------------------------------------------------------------

    def _about(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "simulated": self.simulated,
            "facts": self.facts,
            "notes": self.notes,
            "failures": [asdict(one) for one in self.failures],
            "places": [place.facts() for place in self.places],
        }

    @classmethod
    def _of(cls, about: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], first: int) -> "Scores":
        places = [PlaceScores.read(_own(tensors, first + k), of_place) for k, of_place in enumerate(about["places"])]
        failures = tuple(Failure(**one) for one in about["failures"])
        return cls(
            dataset=about["dataset"],
            simulated=about["simulated"],
            places=tuple(places),
            facts=about["facts"],
            notes=tuple(about["notes"]),
            failures=failures,
        )

    @staticmethod
    def save_all(path: str | Path, many: Sequence["Scores"]) -> None:
        """Write the scores of some recordings into one file: arrays to the last bit, all else beside them as JSON."""
        places = [place for one in many for place in one.places]
        tensors = {f"{k}.{name}": tensor for k, one in enumerate(places) for name, tensor in one.tensors().items()}
        write_tensors(path, tensors, {"format": _FORMAT, "recordings": [one._about() for one in many]})

    @classmethod
    def load_all(cls, path: str | Path) -> tuple["Scores", ...]:
        """Read what :meth:`save_all` wrote.

        Raises
        ------
        DataError
            If the file is missing, not whole, or of another version.
        """
        tensors, facts = read_tensors(path)
        if facts.get("format") != _FORMAT:
            msg = f"{str(path)!r} holds no scores of this version. Score again."
            raise DataError(msg)
        found, first = [], 0
        for about in facts["recordings"]:
            found.append(cls._of(about, tensors, first))
            first += len(about["places"])
        return tuple(found)

    def save(self, path: str | Path) -> None:
        """Write one file, see :meth:`save_all`."""
        self.save_all(path, [self])

    @classmethod
    def load(cls, path: str | Path) -> "Scores":
        """Read what :meth:`save` wrote; errors as of :meth:`load_all`."""
        return cls.load_all(path)[0]


def _own(tensors: Mapping[str, torch.Tensor], place: int) -> dict[str, torch.Tensor]:
    """Return the arrays of one place by name."""
    start = f"{place}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
