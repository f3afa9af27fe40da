"""Mean RDMs on disk: tensors whose names mean nothing, and a list that says what each of them is."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from brainalign.errors import DataError
from brainalign.rdms import RDMs
from brainalign.storage import read_tensors, write_tensors

#: The role of a recording among the roles of networks.
BRAIN = "brain"

Labels = Mapping[tuple[str, str], Sequence[str]]


@dataclass(frozen=True)
class MeanRDM:
    """What a mean RDM is of.

    Parameters
    ----------
    dataset, roi
        The recording whose stimuli it is over.
    role
        ``"brain"`` (mean over subjects), or what the networks are (mean over seeds).
    rule, network, layer
        Which networks and where; empty for a brain.
    """

    dataset: str
    roi: str
    role: str = BRAIN
    rule: str = ""
    network: str = ""
    layer: str = ""

    def is_at(self, dataset: str | None = None, roi: str | None = None, network: str | None = None) -> bool:
        """Return whether it is of this place; a brain is of every network, and nothing given is everywhere."""
        pairs = [(dataset, self.dataset), (roi, self.roi), (None if self.role == BRAIN else network, self.network)]
        return all(asked in (None, own) for asked, own in pairs)


def write_mean_rdms(path: Path, rdms: Mapping[MeanRDM, RDMs], labels: Labels) -> None:
    """Write mean RDMs, in single precision, and the categories of the stimuli of each (dataset, ROI)."""
    names = {key: f"rdm-{k:04d}" for k, key in enumerate(rdms, start=1)}
    values = {names[key]: torch.from_numpy(rdm.dissimilarities[0].astype(np.float32)) for key, rdm in rdms.items()}
    about = [{"name": names[key], **asdict(key), "dissimilarity": rdm.measure} for key, rdm in rdms.items()]
    stimuli = [
        {
            "dataset": key.dataset,
            "roi": key.roi,
            "stimulus_ids": list(rdm.stimulus_ids),
            "labels": list(labels.get((key.dataset, key.roi), ())),
        }
        for key, rdm in rdms.items()
        if key.role == BRAIN
    ]
    write_tensors(path, values, {"rdms": about, "stimuli": stimuli})


def read_mean_rdms(path: Path) -> tuple[dict[MeanRDM, RDMs], dict[tuple[str, str], tuple[str, ...]]]:
    """Return what :func:`write_mean_rdms` wrote, categories only where they are known; nothing where there is no file.

    Raises
    ------
    DataError
        If the file is not whole, does not say what an RDM is of, or an RDM has not as many pairs as its stimuli.
    """
    if not path.exists():
        return {}, {}
    tensors, metadata = read_tensors(path)
    try:
        cells = {(one["dataset"], one["roi"]): one for one in metadata["stimuli"]}
        ids = {cell: tuple(one["stimulus_ids"]) for cell, one in cells.items()}
        labels = {cell: tuple(one["labels"]) for cell, one in cells.items() if one["labels"]}
        rdms = {}
        for one in metadata["rdms"]:
            key = MeanRDM(**{field: one[field] for field in _FIELDS})
            rdms[key] = _rdm(tensors[one["name"]], ids[key.dataset, key.roi], one["dissimilarity"], key)
    except (KeyError, TypeError) as error:
        msg = (
            f"{path.name!r} does not say what each RDM is of (no {error}); it was changed, or written by an earlier "
            "version. Run the study again."
        )
        raise DataError(msg) from error
    return rdms, labels


_FIELDS = tuple(MeanRDM.__dataclass_fields__)


def _rdm(tensor: torch.Tensor, ids: tuple[str, ...], dissimilarity: str, key: MeanRDM) -> RDMs:
    n_pairs = len(ids) * (len(ids) - 1) // 2
    values = tensor.double().numpy().reshape(1, -1)
    if values.shape[1] != n_pairs:
        whose = " ".join(part for part in (key.dataset, key.roi, key.role, key.rule, key.layer) if part)
        msg = f"RDM of {whose} has {values.shape[1]} pairs; expected {n_pairs} for {len(ids)} stimuli. Run again."
        raise DataError(msg)
    return RDMs(values, ids, dissimilarity)
