"""Presets: for one network shape and data set, how each rule is trained, and how that was found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brainalign.errors import SpecError, nearest
from brainalign.recommended import completed
from brainalign.shipped import find_file, names_in, read_toml, require_keys, shipped_folder
from brainalign.specs import TrainSpec, to_dict, train_spec


@dataclass(frozen=True)
class Preset:
    """How one rule is trained on one network and data set.

    Parameters
    ----------
    file, label
        Name of its file and of its table; the label tells variants of one rule apart.
    spec
        What is trained.
    found
        How the rule's own options were found: grid, seeds, epochs, validation accuracy reached.
    """

    file: str
    label: str
    spec: TrainSpec
    found: str

    @property
    def name(self) -> str:
        """Name on the command line."""
        return f"{self.file}/{self.label}"


@dataclass(frozen=True)
class PresetFile:
    """Presets that share network, data set and protocol, by label; ``training`` holds the options they share."""

    name: str
    title: str
    presets: Mapping[str, Preset]
    training: Mapping[str, Any] = field(default_factory=dict)


def read_presets(path: str | Path) -> PresetFile:
    """Read a file of presets.

    The file holds ``title``, a table ``[training]`` of options that all presets share, and one table
    ``[presets.<label>]`` each: ``found`` (text, needed), ``rule`` (the label if not given), ``options`` (the rule's
    fields) and training options of its own. An option table of its own (``optimizer_options``) replaces the shared one.

    Raises
    ------
    SpecError
        If the file cannot be read, a key or value is unknown, or ``found`` is missing.
    """
    path = Path(path)
    table = read_toml(path, "preset file")
    require_keys(table, str(path), ("title", "training", "presets"), ("recommended",))
    recommended = table.get("recommended", False)
    _require(isinstance(recommended, bool), f"{path}: recommended is {recommended!r}; expected true or false.")
    for key in ("training", "presets"):
        _require(isinstance(table[key], dict), f"{path}: {key} is {table[key]!r}; expected a table.")
    title = table["title"]
    _require(isinstance(title, str), f"{path}: title is {title!r}; expected text.")
    found = {label: _preset(path, label, own, table["training"]) for label, own in table["presets"].items()}
    return PresetFile(path.stem, title, found, table["training"])


def presets(folder: str | Path | None = None) -> dict[str, PresetFile]:
    """Return every preset file of a folder (``None``: those that are shipped) by name."""
    place = _folder(folder)
    return {name: read_presets(place / f"{name}.toml") for name in names_in(place)}


def preset_file(file: str, folder: str | Path | None = None) -> PresetFile:
    """Return the preset file ``file``: a name in ``folder`` (``None``: those that are shipped) or a path."""
    return read_presets(find_file(file, _folder(folder), "preset file"))


def preset(file: str, label: str, folder: str | Path | None = None) -> Preset:
    """Return a preset; an unknown file or label raises :class:`SpecError` that lists those there are.

    Examples
    --------
    >>> import brainalign as ba
    >>> one = ba.preset("generated_regression-mlp-100", "backprop")
    >>> one.name, one.spec.rule, one.spec.network
    ('generated_regression-mlp-100/backprop', 'backprop', 'mlp')
    """
    found = preset_file(file, folder)
    if label not in found.presets:
        have = ", ".join(found.presets) or "none"
        msg = f"Preset file {file!r} has no preset {label!r}. Choose one of: {have}.{nearest(label, found.presets)}"
        raise SpecError(msg)
    return found.presets[label]


def named_preset(name: str, folder: str | Path | None = None) -> Preset:
    """Return the preset ``<file>/<label>``."""
    file, slash, label = name.rpartition("/")
    if not slash:
        msg = f"Preset {name!r} names no rule; expected FILE/LABEL. 'brainalign presets' lists them."
        raise SpecError(msg)
    return preset(file, label, folder)


def requested(
    names: Mapping[str, str | None],
    preset_name: str | None,
    settings: Mapping[str, Any],
    folder: str | Path | None = None,
    recommended: bool = True,
) -> tuple[TrainSpec, dict[str, Any]]:
    """Return what a command line asks for: rule, network and data set, or a preset; settings override either.

    Beside it stands what is recommended and was filled in (:func:`brainalign.recommended.completed`), as flat settings.
    A preset says how its rule is trained, so it gets nothing of that.
    """
    given = {name: value for name, value in names.items() if value is not None}
    if preset_name is None:
        missing = [f"--{name}" for name in names if name not in given]
        _require(not missing, f"{', '.join(missing)} missing; expected rule, network and dataset, or --preset.")
        options = {**given, **option_tables(settings)}
        options, filled = completed(options) if recommended else (options, {})
        return train_spec(options), filled
    flags = ", ".join(f"--{name}" for name in given)
    _require(not given, f"{flags} given with --preset {preset_name!r}, which says that; leave one of them out.")
    return changed(named_preset(preset_name, folder).spec, settings, preset_name), {}


def nearest_preset(spec: TrainSpec, folder: str | Path | None = None) -> str:
    """Return the name of a preset of the same rule: best of the same data set and network; empty without one."""
    found = [one for file in presets(folder).values() for one in file.presets.values() if one.spec.rule == spec.rule]

    def closeness(one: Preset) -> tuple[bool, bool]:
        return one.spec.dataset == spec.dataset, one.spec.network == spec.network

    return max(found, key=closeness).name if found else ""


def option_tables(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return flat settings as training options: ``rule.scale`` is entry ``scale`` of ``rule_options``.

    Raises
    ------
    SpecError
        If what stands before the dot has no options, nothing stands after it, or a table is given beside its entries.
    """
    found: dict[str, Any] = {}
    for key, value in settings.items():
        prefix, dot, option = key.partition(".")
        if not dot:
            found[key] = value
            continue
        tables = ("rule", "network", "optimizer")
        _require(
            prefix in tables and bool(option),
            f"Unknown setting {key!r}. Before a dot stands one of: {', '.join(tables)}; after it an option, e.g. "
            "rule.scale.",
        )
        table = f"{prefix}_options"
        _require(table not in settings, f"Settings {table!r} and {key!r} are both given; leave one of them out.")
        found.setdefault(table, {})[option] = value
    return found


def changed(spec: TrainSpec, settings: Mapping[str, Any], where: str = "settings") -> TrainSpec:
    """Return ``spec`` with flat settings in place of its own; those of a rule or network join the others.

    Another optimiser leaves the options of the former behind.
    """
    options = to_dict(spec)
    if settings.get("optimizer", spec.optimizer) != spec.optimizer:
        options["optimizer_options"] = {}
    for key, value in option_tables(settings).items():
        tables = isinstance(options.get(key), dict) and isinstance(value, dict)
        options[key] = {**options[key], **value} if tables else value
    return train_spec(options, where)


def _folder(folder: str | Path | None) -> Path:
    return shipped_folder("presets") if folder is None else Path(folder)


def _preset(path: Path, label: str, own: Any, shared: Mapping[str, Any]) -> Preset:
    where = f"{path}, [presets.{label}]"
    _require(isinstance(own, dict), f"{where} is {own!r}; expected a table.")
    own = dict(own)
    text = own.pop("found", "")
    _require(
        isinstance(text, str) and bool(text.strip()),
        f"{where}: 'found' is missing; say in one line how the options were found, on validation data.",
    )
    options = {**shared, "rule": own.pop("rule", label), "rule_options": own.pop("options", {}), **own}
    return Preset(path.stem, label, train_spec(options, where), text)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise SpecError(message)
