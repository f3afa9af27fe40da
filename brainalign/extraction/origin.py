"""Whose layers activations are."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from brainalign.roles import MODEL, UNTRAINED


@dataclass(frozen=True)
class Origin:
    """Which network was shown stimuli, and how it stands in tables.

    Parameters
    ----------
    name
        Of the network, or of the learning rule that trained it.
    group
        Networks are compared within their group: an architecture, or any name.
    seed
        Networks that differ only in their seed are one network.
    role
        One of :data:`brainalign.columns.ROLES`.
    resolution
        Rows and columns of what it was shown, in pixels; None where that is not known.
    control
        Role of the networks that are its untrained control: ``"own_start"`` where a rule's networks answer otherwise
        than untrained ones beside them.
    step, epoch
        Updates and passes over the training samples, of networks that were trained here.

    Examples
    --------
    >>> import brainalign as ba
    >>> one = ba.Origin("resnet18", group="pretrained", seed=1)
    >>> one.file
    'pretrained-resnet18-seed1'
    >>> ba.Origin.from_record(one.record()) == one
    True
    """

    name: str = "network"
    group: str = "models"
    seed: int = 0
    role: str = MODEL
    resolution: tuple[int, int] | None = None
    control: str = UNTRAINED
    step: int | None = None
    epoch: float | None = None

    @property
    def file(self) -> str:
        """Name of a file of its activations, without suffix."""
        return re.sub(r"[^\w.+-]+", "_", f"{self.group}-{self.name}-seed{self.seed}")

    def record(self) -> dict[str, Any]:
        """Return the fields as JSON-able values."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Origin":
        """Return what :meth:`record` wrote."""
        shown = record.get("resolution")
        return cls(**{**record, "resolution": None if shown is None else (int(shown[0]), int(shown[1]))})
