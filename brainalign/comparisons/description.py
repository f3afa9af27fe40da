"""What a measure is, in words: all that tables, captions and methods say of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

#: Kinds of measures: likeness of geometries, and prediction of responses to stimuli held out.
GEOMETRY, PREDICTION = "geometry", "prediction"


@dataclass(frozen=True)
class Description:
    """Facts about a measure; a row of the table ``measures``.

    Parameters
    ----------
    measure
        Short name in tables; nothing takes it apart.
    kind
        ``"geometry"`` or ``"prediction"``.
    title, axis
        In titles and captions (what is held constant included), and along axes.
    unit
        Of a score.
    sentence
        For the methods. In it ``{citation}`` stands for the number of the citation, ``{layers}`` and ``{recordings}``
        for the dissimilarities of layers and of recordings in words.
    ceiling
        What the noise ceiling of this measure is, as a caption goes on after "Grey:".
    dissimilarity, comparator
        Of layers, and between two RDMs; empty where there is none.
    held
        Low-level controls that are taken out of the score.
    citation, ceiling_citation
        Where the measure and its ceiling come from.
    """

    measure: str
    kind: str
    title: str
    axis: str
    unit: str
    sentence: str
    ceiling: str = ""
    dissimilarity: str = ""
    comparator: str = ""
    held: tuple[str, ...] = ()
    citation: str = ""
    ceiling_citation: str = ""

    def row(self) -> dict[str, str]:
        """Return a row of the table ``measures``."""
        return {**asdict(self), "held": json.dumps(self.held)}

    @classmethod
    def from_row(cls, row: Mapping[Any, Any]) -> "Description":
        """Return what :meth:`row` wrote; JSON that is none raises ValueError."""
        values = {f.name: str(row[f.name]) for f in fields(cls)}
        return cls(**{**values, "held": tuple(map(str, json.loads(values["held"])))})  # type: ignore[arg-type]
