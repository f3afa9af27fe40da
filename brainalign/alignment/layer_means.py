"""Mean RDMs of layers over seeds, gathered while networks are shown."""

from collections.abc import Collection, Sequence

from brainalign.alignment.failure import Failure
from brainalign.alignment.instance import Instance
from brainalign.alignment.layer_rdms import LayerRDMs
from brainalign.errors import DataError
from brainalign.rdms import RDMs, compute_rdms, concatenate

#: Role, rule, network and layer.
Layer = tuple[str, str, str, str]


class LayerMeans:
    """Mean RDMs over ``ids`` of the layers of final networks; each network is let go at once.

    A population that has no mean RDM, since a layer of it has collapsed over these stimuli, is noted in ``failures``.

    Parameters
    ----------
    ids
        Which stimuli, in which order.
    dissimilarity
        Of layers.
    label
        Name of the recording, for failures.
    """

    def __init__(self, ids: Sequence[str], dissimilarity: str, label: str = "") -> None:
        self.ids, self.dissimilarity, self.label = tuple(ids), dissimilarity, label
        self.failures: list[Failure] = []
        self._rdms: dict[Layer, list[RDMs]] = {}

    def add(self, one: Instance) -> None:
        """Add the layers of a network; one before the end of its training is passed over."""
        if not one.final or (one.rule, one.network, one.role) in self._failed:
            return
        shown = one.activations
        try:
            if isinstance(shown, LayerRDMs):
                rdms = {name: shown.rdm(name, self.ids) for name in shown.layers}
            else:
                layers = shown.subset(self.ids).layers
                rdms = {name: compute_rdms(values, self.ids, self.dissimilarity) for name, values in layers.items()}
        except DataError as error:
            self.failures.append(
                Failure(
                    rule=one.rule,
                    network=one.network,
                    stage="display",
                    recording=self.label,
                    reason=str(error),
                    role=one.role,
                )
            )
            return
        for name, rdm in rdms.items():
            self._rdms.setdefault((one.role, one.rule, one.network, name), []).append(rdm)

    def means(self, without: Collection[tuple[str, str]] = ()) -> dict[Layer, RDMs]:
        """Return the means over seeds, ``without`` populations ``(rule, network)`` and those that failed."""
        return {
            key: concatenate(rdms).mean()
            for key, rdms in self._rdms.items()
            if key[1:3] not in without and (key[1], key[2], key[0]) not in self._failed
        }

    @property
    def _failed(self) -> set[tuple[str, str, str]]:
        return {(one.rule, one.network, one.role) for one in self.failures}
