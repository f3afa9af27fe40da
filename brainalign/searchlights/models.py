"""What is looked for in every patch: RDMs of layers and seeds, or of models, under names."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from brainalign.errors import DataError, SpecError
from brainalign.extraction.activations import Activations
from brainalign.extraction.shown import Shown
from brainalign.rdms import RDMs, compute_rdms, concatenate

#: Descriptors of the RDMs of models.
LABELS = ("map", "model", "layer", "seed")


def models_of(given: Any, dissimilarity: str = "correlation") -> RDMs:
    """Return the RDMs of what is given, with descriptors ``"map"``, ``"model"``, ``"layer"`` and ``"seed"``.

    RDMs of one ``"map"`` are seeds of one network at one layer.

    Parameters
    ----------
    given
        What ``show`` returned, of which each layer is a map; :class:`RDMs`, a map each, named by a descriptor
        ``"map"``, ``"model"`` or ``"name"``, or by their number; or a mapping from a name to RDMs, which are then its
        seeds.
    dissimilarity
        Of the patterns of layers.

    Raises
    ------
    SpecError
        If it is something else or nothing, or two RDMs have one name and seed.
    DataError
        If a layer has no such dissimilarity.

    Examples
    --------
    >>> import numpy as np
    >>> rdm = RDMs(np.array([[1.0, 2.0, 3.0]]), ("a", "b", "c"), "made up")
    >>> models_of({"mine": rdm}).descriptors["map"]
    ('mine',)
    """
    if isinstance(given, Activations):
        given = Shown([given])
    if isinstance(given, RDMs):
        found = _of_rdms(given)
    elif isinstance(given, Mapping):
        parts = [_named(str(name), one) for name, one in given.items()]
        _refuse_none(parts)
        found = concatenate([_measured_alike(part) for part in parts])
    elif isinstance(given, Iterable) and not isinstance(given, (str, bytes, np.ndarray)):
        shown = list(given)
        if not all(isinstance(one, Activations) for one in shown):
            raise SpecError(_expected(given))
        _refuse_none(shown)
        found = _of_layers(shown, dissimilarity)
    else:
        raise SpecError(_expected(given))
    _refuse_none(list(found.dissimilarities))
    rows = list(zip(*(found.descriptors[name] for name in LABELS), strict=True))
    twice = next((row for row in rows if rows.count(row) > 1), None)
    if twice is not None:
        msg = f"Two models are called {twice[0]!r}, seed {twice[3]!r}; expected another name or seed for each."
        raise SpecError(msg)
    return found


def _expected(given: Any) -> str:
    return (
        f"A searchlight got models of type {type(given).__name__}; expected what show() returned, RDMs, or a mapping "
        "from names to RDMs."
    )


def _refuse_none(parts: list[Any]) -> None:
    if not parts:
        msg = "A searchlight got no model; expected one or more."
        raise SpecError(msg)


def _labels(maps: list[str], models: list[str], layers: list[str], seeds: list[str]) -> dict[str, tuple[str, ...]]:
    return dict(zip(LABELS, map(tuple, (maps, models, layers, seeds)), strict=True))


def _of_rdms(rdms: RDMs) -> RDMs:
    if set(LABELS) <= set(rdms.descriptors):
        return rdms
    named = next((name for name in ("map", "model", "name") if name in rdms.descriptors), None)
    names = [f"model {k + 1}" for k in range(len(rdms))] if named is None else list(rdms.descriptors[named])
    seeds = list(rdms.descriptors.get("seed", ("",) * len(rdms)))
    labels = _labels(names, names, [""] * len(names), seeds)
    return replace(rdms, descriptors=labels)


def _named(name: str, rdms: Any) -> RDMs:
    if not isinstance(rdms, RDMs):
        msg = f"Model {name!r} is a {type(rdms).__name__}; expected RDMs, such as RDMs.from_matrices(...)."
        raise SpecError(msg)
    n = len(rdms)
    seeds = [""] if n == 1 else [str(k) for k in range(n)]
    labels = _labels([name] * n, [name] * n, [""] * n, list(rdms.descriptors.get("seed", seeds)))
    return replace(rdms, descriptors=labels)


def _measured_alike(rdms: RDMs) -> RDMs:
    """Return RDMs of models under one word: each is compared with the brain alone, so their units may differ."""
    return replace(rdms, measure="of models")


def _of_layers(shown: list[Activations], dissimilarity: str) -> RDMs:
    parts = []
    alone = len({one.origin.group for one in shown}) == 1
    for one in shown:
        who = one.origin.name if alone else f"{one.origin.group} {one.origin.name}"
        for layer, values in one.layers.items():
            try:
                rdm = compute_rdms(values, one.stimulus_ids, dissimilarity)
            except DataError as error:
                msg = f"Layer {layer!r} of {who!r}, seed {one.origin.seed}: {error}"
                raise DataError(msg) from error
            parts.append(labelled(rdm, who, layer, one.origin.seed))
    return concatenate(parts)


def labelled(rdm: RDMs, who: str, layer: str, seed: int | str) -> RDMs:
    """Return the one RDM of a layer under the labels of its map."""
    labels = _labels([f"{who} {layer}"], [who], [layer], [str(seed)])
    return replace(rdm, descriptors=labels)


def joined(parts: Sequence[RDMs]) -> RDMs:
    """Return RDMs of models, each with labels, as one, under the ids of the first; dissimilarities may differ."""
    _refuse_none(list(parts))
    return concatenate([_measured_alike(part) for part in parts])
