"""Recommended training: what stands in a specification where nothing was asked for.

A rule declares how it is meant to be trained and an architecture how it is meant to be built. Where a rule was searched
on another network or data set than it declares, a shipped preset says it. All are written into the options of a
training before these are checked and hashed, so that a key always says what was trained. Defaults of the dataclasses
stay as they are, for a key holds only the options that were given: a changed default would find the populations of the
old one.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from brainalign.discovery import algorithm
from brainalign.errors import BrainalignError
from brainalign.options import unused_options
from brainalign.roles import READOUT_ONLY, TRAINED
from brainalign.shipped import names_in, read_toml, shipped_folder

#: Options that belong to an optimiser: under another one they say nothing.
_OF_OPTIMIZER = ("optimizer", "learning_rate", "schedule", "warmup", "clip")

#: Of a training, what its readout-only control shares: what is trained, on what, how often, in which order.
SHARED = (
    *("network", "network_options", "dataset", "seeds", "epochs", "batch_size", "n_train", "validation_fraction"),
    *("augment", "objective"),
)


def completed(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of a training with what is recommended in place of what was not given.

    An option that was given stays, and what has no effect beside it is not filled in. Where another optimiser was given
    than the recommended one, nothing of the optimiser is filled in. Unknown names are left for others to refuse.

    Parameters
    ----------
    options
        Options of :class:`~brainalign.specs.TrainSpec` as they were given, ``rule`` and ``network`` among them.

    Returns
    -------
    options
        The same and those that were filled in.
    filled
        What was filled in, as flat settings: ``rule.scale``, ``network.blocks``, ``optimizer.momentum``.

    Examples
    --------
    >>> completed({"rule": "backprop", "network": "rnn", "dataset": "digits", "learning_rate": 0.1})[1]
    {'network.blocks': 'step'}
    >>> completed({"rule": "backprop", "network": "rnn", "network_options": {"blocks": "layer"}, "learning_rate": 1})[1]
    {}
    """
    found = {name: dict(value) if isinstance(value, Mapping) else value for name, value in options.items()}
    if any(not isinstance(found.get(table, {}), dict) for table in ("rule_options", "network_options")):
        return found, {}  # whoever checks options says what was expected
    filled = {}
    for name, value in {**_of_network(found), **_of_rule(found)}.items():
        prefix, dot, option = name.partition(".")
        table = found.setdefault(f"{prefix}_options", {}) if dot else found
        if (option if dot else name) not in table:
            table[option if dot else name] = value
            filled[name] = value
    return _without_unused(found, filled)


def _without_unused(found: dict[str, Any], filled: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Leave out what was filled in and has no effect beside the options that were given."""
    for room, kind in (("rules", "rule"), ("networks", "network")):
        table, made_by = found.get(f"{kind}_options", {}), algorithm(room, found.get(kind, ""))
        if made_by is None:
            continue
        try:
            made = made_by(**table)
        except (BrainalignError, TypeError, ValueError):  # whoever checks options says what was expected
            continue
        for option in unused_options(made):
            if filled.pop(f"{kind}.{option}", None) is not None:
                del table[option]
    return found, filled


def declared(rule: str, network: str, dataset: str = "") -> dict[str, Any]:
    """Return what is recommended for a rule on a network, as flat settings.

    A shipped preset file that says ``recommended = true`` and is named after data set and network (``digits-rnn``)
    comes first. Else the rule's own declaration holds; ``""`` among its networks stands for all others.
    """
    found = _of_preset(rule, network, dataset) if dataset else {}
    by_network: Mapping[str, Mapping[str, Any]] = getattr(algorithm("rules", rule), "recommended", {})
    return found or dict(by_network.get(network, by_network.get("", {})))


def _of_preset(rule: str, network: str, dataset: str) -> dict[str, Any]:
    """Return how a shipped preset trains a rule, without what of a training is no recommendation: seeds and epochs."""
    found = dict(searched_presets(dataset, network).get("presets", {}).get(rule, {}))
    found.pop("found", None)
    for table, prefix in (("options", "rule"), ("optimizer_options", "optimizer")):
        found |= {f"{prefix}.{name}": value for name, value in found.pop(table, {}).items()}
    return found


def searched_presets(dataset: str, network: str) -> dict[str, Any]:
    """Return the preset file, as tables, that says how rules are trained on a data set and network; nothing without."""
    return _recommended_presets().get(f"{dataset}-{network}", {})


@cache
def _recommended_presets() -> dict[str, dict[str, Any]]:
    folder = shipped_folder("presets")
    tables = {name: read_toml(folder / f"{name}.toml", "preset file") for name in names_in(folder)}
    return {name: table for name, table in tables.items() if table.get("recommended") is True}


def has_control(rule: str) -> bool:
    """Return whether readout only is a control of a rule: of one that is to change hidden layers."""
    found = algorithm("rules", rule)
    return bool(getattr(found, "learns", False)) and getattr(found, "role", TRAINED) == TRAINED


def control_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the readout-only control of a training: the same networks and batches, a rate of its own.

    Parameters
    ----------
    options
        Options of a :class:`~brainalign.specs.TrainSpec` that are complete.
    """
    found = {name: options[name] for name in SHARED if name in options}
    for name, value in declared(READOUT_ONLY, found["network"], found.get("dataset", "")).items():
        prefix, dot, option = name.partition(".")
        if dot:
            found[f"{prefix}_options"] = {**found.get(f"{prefix}_options", {}), option: value}
        elif name not in SHARED:
            found[name] = value
    return {**found, "rule": READOUT_ONLY, "n_checkpoints": 2}


def _of_network(options: Mapping[str, Any]) -> dict[str, Any]:
    shape = algorithm("networks", options.get("network", ""))
    return {f"network.{name}": value for name, value in getattr(shape, "recommended", {}).items()}


def _of_rule(options: Mapping[str, Any]) -> dict[str, Any]:
    found = declared(*(options.get(name, "") for name in ("rule", "network", "dataset")))
    other = options.get("optimizer", found.get("optimizer", "adam")) != found.get("optimizer", "adam")
    if other or "optimizer_options" in options:
        found = {name: value for name, value in found.items() if not name.startswith("optimizer.")}
    return {name: value for name, value in found.items() if not (other and name in _OF_OPTIMIZER)}
