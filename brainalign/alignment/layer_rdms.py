"""RDMs in place of the layers of a network: small enough to publish, and enough to score its geometry again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from brainalign.errors import DataError, StimulusMismatchError
from brainalign.extraction.activations import Activations
from brainalign.extraction.origin import Origin
from brainalign.rdms import RDMs, compute_rdms
from brainalign.storage import read_tensors, write_tensors
from brainalign.summary import Summarised, Summary, some

#: Format of the file; another is not read.
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class LayerRDMs(Summarised):
    """Layers of one network as RDMs, where its activations are not at hand.

    Measures that compare RDMs score it as they score the activations it was made of; those that need patterns refuse
    it.

    Parameters
    ----------
    layers
        Layer name, in the order signals pass, to one RDM; all over the same stimuli by one dissimilarity.
    origin
        Whose layers they are: name, group, seed and role.

    Raises
    ------
    DataError
        If there is no layer, or a layer has not one RDM.
    StimulusMismatchError
        If layers are of different stimuli.

    Examples
    --------
    >>> import brainalign as ba, numpy as np
    >>> rng, ids = np.random.default_rng(0), [f"s{k}" for k in range(12)]
    >>> one = ba.Activations({"fc": rng.normal(size=(12, 30))}, ids, origin=ba.Origin("mine"))
    >>> small = ba.LayerRDMs.of(one)
    >>> print(small)
    RDMs of layers of mine, seed 0: 1 layer
      layers: fc
      dissimilarity: correlation
      stimuli: s0, s1, s2, s3, ... (12)
    >>> small.dissimilarity, len(small.stimulus_ids)
    ('correlation', 12)
    >>> small.rdm("fc", ["s3", "s1", "s0"]).dissimilarities.shape, small.patterns("fc") is small.layers["fc"]
    ((1, 3), True)
    """

    layers: Mapping[str, RDMs]
    origin: Origin = field(default_factory=Origin)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", dict(self.layers))
        if not self.layers:
            msg = f"Network {self.origin.name!r} has no RDM of a layer; expected at least one."
            raise DataError(msg)
        first = next(iter(self.layers.values()))
        for name, rdm in self.layers.items():
            if len(rdm) != 1 or rdm.measure != first.measure:
                msg = (
                    f"Layer {name!r} of {self.origin.name!r} has {len(rdm)} RDMs of {rdm.measure!r}; expected one of "
                    f"{first.measure!r}, as the first layer has."
                )
                raise DataError(msg)
            if rdm.stimulus_ids != first.stimulus_ids:
                msg = f"Layer {name!r} of {self.origin.name!r} has other stimuli than the first; expected the same."
                raise StimulusMismatchError(msg)

    @classmethod
    def of(cls, activations: Activations, dissimilarity: str = "correlation") -> "LayerRDMs":
        """Return the RDMs of the layers of a network; a layer whose patterns have none raises :class:`DataError`."""
        ids = activations.stimulus_ids
        return cls(
            {name: compute_rdms(values, ids, dissimilarity) for name, values in activations.layers.items()},
            activations.origin,
        )

    @property
    def stimulus_ids(self) -> tuple[str, ...]:
        """Ids of the stimuli."""
        return next(iter(self.layers.values())).stimulus_ids

    @property
    def dissimilarity(self) -> str:
        """The dissimilarity of all layers."""
        return next(iter(self.layers.values())).measure

    def patterns(self, layer: str) -> RDMs:
        """Return what a measure is given of a layer: its RDM."""
        return self.layers[layer]

    def rdm(self, layer: str, ids: Sequence[str]) -> RDMs:
        """Return the RDM of a layer over ``ids``."""
        return self.layers[layer].subset(ids)

    def summary(self) -> Summary:
        """Return what the network is, its layers and stimuli."""
        who, number = self.origin, len(self.layers)
        facts = {"layers": some(self.layers), "dissimilarity": self.dissimilarity, "stimuli": some(self.stimulus_ids)}
        title = f"RDMs of layers of {who.name}, seed {who.seed}: {number} layer{'s' * (number > 1)}"
        return Summary(title, facts)


def save_rdms(path: str | Path, networks: Sequence[LayerRDMs], about: Mapping[str, Any] | None = None) -> None:
    """Write the RDMs of networks under the same stimuli into one file, in single precision.

    Parameters
    ----------
    path
        The file, ``.safetensors``.
    networks
        Of which every layer's RDM is written.
    about
        JSON-able facts that are kept with them.

    Raises
    ------
    StimulusMismatchError
        If networks saw different stimuli.

    Examples
    --------
    >>> import brainalign as ba, tempfile
    >>> nets = [ba.LayerRDMs.of(one) for one in ba.example_networks()]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ba.save_rdms(f"{folder}/nets.safetensors", nets, {"trained": "on nothing"})
    ...     again, about = ba.load_rdms(f"{folder}/nets.safetensors")
    >>> len(again), about
    (6, {'trained': 'on nothing'})
    """
    ids = networks[0].stimulus_ids if networks else ()
    tensors: dict[str, torch.Tensor] = {}
    listed: list[dict[str, Any]] = []
    for one in networks:
        if one.stimulus_ids != ids:
            msg = f"Network {one.origin.name!r} has other stimuli than the first; expected the same. Use several files."
            raise StimulusMismatchError(msg)
        key = f"{len(listed):05d}"
        tensors[key] = torch.from_numpy(
            np.concatenate([rdm.dissimilarities for rdm in one.layers.values()]).astype(np.float32)
        )
        rounding = [float(rdm.rounding[0]) for rdm in one.layers.values()]
        listed.append(
            {
                "name": key,
                "layers": list(one.layers),
                "dissimilarity": one.dissimilarity,
                "rounding": rounding,
                "origin": one.origin.record(),
            }
        )
    facts = {"format": _FORMAT, "stimulus_ids": list(ids), "networks": listed, "about": dict(about or {})}
    write_tensors(path, tensors, facts)


def load_rdms(path: str | Path) -> tuple[list[LayerRDMs], dict[str, Any]]:
    """Return the networks that :func:`save_rdms` wrote, and the facts that were kept with them.

    Dissimilarities that differ by less than single precision tells apart count as tied.

    Raises
    ------
    DataError
        If the file is missing, not whole, or holds something else.

    Examples
    --------
    >>> import brainalign as ba
    >>> ba.load_rdms("nowhere.safetensors")
    Traceback (most recent call last):
    brainalign.errors.DataError: Cannot read 'nowhere.safetensors' ... Delete it and run again.
    """
    tensors, facts = read_tensors(path)
    if facts.get("format") != _FORMAT or "networks" not in facts:
        msg = f"{str(path)!r} holds no RDMs of layers; expected a file that save_rdms wrote."
        raise DataError(msg)
    found = []
    for one in facts["networks"]:
        values = tensors[one["name"]].double().numpy()
        # a value in single precision is known to half a unit in its last place
        floor = np.finfo(np.float32).eps / 2 * np.abs(values).max(axis=1, initial=0.0)
        rounding = np.maximum(one["rounding"], floor)
        layers = {
            name: RDMs(
                dissimilarities=values[k : k + 1],
                stimulus_ids=facts["stimulus_ids"],
                measure=one["dissimilarity"],
                descriptors={},
                rounding=rounding[k : k + 1],
            )
            for k, name in enumerate(one["layers"])
        }
        found.append(LayerRDMs(layers, Origin.from_record(one["origin"])))
    return found, facts["about"]
