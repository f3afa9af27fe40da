"""Studies as TOML files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brainalign.asked_for import asked_for
from brainalign.errors import SpecError
from brainalign.options import fitted
from brainalign.own_data import add_data
from brainalign.own_folders import add_folder
from brainalign.recommended import completed, control_options, has_control
from brainalign.reproduction.presets import changed, preset_file
from brainalign.roles import READOUT_ONLY
from brainalign.rules.learning_rule import learning_rule
from brainalign.shipped import known_keys, read_toml
from brainalign.specs import Options, RecordingSpec, ScoringSpec, StudySpec, TrainSpec, built, to_dict, train_spec

# options of recordings that name a folder
_FOLDERS = ("root", "folder")


def read_study(path: str | Path) -> StudySpec:
    """Read a study file.

    The file holds ``name``, ``title``, a table ``[training]`` of options all populations share, one table
    ``[rules.<name>]`` per rule with options of its own (``options`` are the rule's fields), ``[[recordings]]``
    ``[scoring]``, and ``plausibility``. ``own`` lists folders of algorithms of one's own, seen from the file; they are
    looked in from then on (:func:`brainalign.discovery.add_folder`) and are no part of the study's key. A recording is
    named by ``dataset``, or by ``path``, a folder with a ``recording.toml``; what networks learn from by ``dataset``,
    or by ``dataset_path``, a folder of pictures by class. Paths are seen from the file, and so are the options
    ``root`` and ``folder`` of a recording; ``docs/own-data.md`` says how
    such folders are laid out. What rules and networks recommend is written into what the file leaves open
    (:func:`brainalign.recommended.completed`), unless it says ``recommended = false``, as studies must whose keys are
    published. Networks of which only the readout is trained are added beside the rules of each network, for as many
    steps, unless the file has them, or says ``readout_only = false`` or ``recommended = false``.

    ``preset = "FILE"`` in ``[training]`` trains every rule as that file of presets says
    (:func:`brainalign.reproduction.presets.preset_file`); what the study itself names comes before. Nothing is
    recommended then. A rule that learns and has no preset there is refused.

    Raises
    ------
    SpecError
        If the file cannot be read, or a key or value is unknown; the message names the key and the alternatives.

    Examples
    --------
    >>> import brainalign as ba, pathlib, tempfile
    >>> lines = ['name = "mine"', 'recordings = [{dataset = "simulated"}]', "[training]", 'network = "mlp"']
    >>> lines += ['dataset = "digits"', "[rules.untrained]", "[rules.backprop]"]
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "mine.toml"
    >>> size = path.write_text(chr(10).join(lines))
    >>> [one.rule for one in ba.read_study(path).populations]
    ['untrained', 'backprop', 'readout_only']
    """
    return study_from_table(read_toml(path, "study file"), str(path), Path(path).parent)


def study_from_table(table: Mapping[str, Any], where: str = "study", folder: Path = Path()) -> StudySpec:
    """Build a study from nested tables, written in ``folder``; see :func:`read_study`."""
    known = ("name", "title", "training", "rules", "recordings", "scoring", "plausibility")
    known_keys(table, ("own", "recommended", "readout_only", *known), where)
    for key in ("name", "training", "rules", "recordings"):
        if key not in table:
            optional = "title, scoring, plausibility, own, recommended and readout_only are optional"
            msg = f"{where}: {key!r} is missing; a study needs {', '.join(known)} ({optional})."
            raise SpecError(msg)
    for key in ("name", "title", "plausibility"):
        fitted(str, table.get(key, ""), f"{where}: {key}")
    recommended = fitted(bool, table.get("recommended", True), f"{where}: recommended")
    for path in fitted(tuple[str, ...], table.get("own", ()), f"{where}: own"):
        add_folder(folder / path)
    for key in ("training", "rules", "scoring"):
        fitted(Options, table.get(key, {}), f"{where}, [{key}]")
    recorded = [
        _seen_from(folder, _by_path(item, "path", "recordings", folder, f"{where}, [[recordings]]"))
        for item in fitted(tuple[Options, ...], table["recordings"], f"{where}, [[recordings]]")
    ]
    for key in ("rois", "windows"):
        for item in recorded:
            asked_for(item.get(key), f"{where}, [[recordings]]: {key}")
    training = _by_path(table["training"], "dataset_path", "datasets", folder, f"{where}, [training]")
    recommended = recommended and "preset" not in training
    populations = []
    for rule, own in table["rules"].items():
        options = _population(training, rule, fitted(Options, own, f"{where}, [rules.{rule}]"), where)
        options = completed(options)[0] if recommended else options
        populations.append(train_spec(options, f"{where}, [rules.{rule}]"))
    if fitted(bool, table.get("readout_only", recommended), f"{where}: readout_only"):
        populations += _controls(populations)
    recordings = [built(RecordingSpec, item, f"{where}, [[recordings]]") for item in recorded]
    scoring = built(ScoringSpec, table.get("scoring", {}), f"{where}, [scoring]")
    whole = {"title": table["name"], **{key: table[key] for key in ("name", "title", "plausibility") if key in table}}
    return built(StudySpec, {**whole, "populations": populations, "recordings": recordings, "scoring": scoring}, where)


def _controls(populations: list[TrainSpec]) -> list[TrainSpec]:
    """Return readout only for each network that lacks it: as many steps as most of its rules take."""
    controlled = {one.network for one in populations if one.rule == READOUT_ONLY}
    wanted: dict[str, list[dict[str, Any]]] = {}
    for one in populations:
        if has_control(one.rule) and one.network not in controlled:
            wanted.setdefault(one.network, []).append(control_options(to_dict(one)))
    most = [max(own, key=own.count) for own in wanted.values()]
    return [train_spec(options) for options in most]


def added(spec: StudySpec, path: str | Path) -> list[TrainSpec]:
    """Return the controls of a study that are not in its file."""
    listed = read_toml(path, "study file")["rules"]
    return [one for one in spec.populations if one.rule == READOUT_ONLY and READOUT_ONLY not in listed]


def _by_path(options: Options, key: str, room: str, folder: Path, where: str) -> Options:
    """Return options in which a folder of data that is given by path has its name."""
    if key not in options:
        return options
    if "dataset" in options:
        msg = f"{where}: dataset and {key} are given; expected one of them."
        raise SpecError(msg)
    path = fitted(str, options[key], f"{where}: {key}")
    return {**{name: value for name, value in options.items() if name != key}, "dataset": add_data(room, folder / path)}


def _seen_from(folder: Path, item: Options) -> Options:
    """Return a recording whose options that name its folder are paths from ``folder``."""
    options = item.get("options")
    if not isinstance(options, Mapping):
        return item
    found = {key: str(folder / value) for key, value in options.items() if key in _FOLDERS and _relative(value)}
    return {**item, "options": {**options, **found}}


def _relative(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and not Path(value).is_absolute()


def filled_in(path: str | Path) -> dict[str, dict[str, Any]]:
    """Return what is recommended and was filled into a study file, by rule: flat settings, for those who read along."""
    table = read_toml(path, "study file")
    if not table.get("recommended", True):
        return {}
    training = _by_path(table["training"], "dataset_path", "datasets", Path(path).parent, str(path))
    if "preset" in training:
        return {}
    found = {rule: completed(_population(training, rule, own, str(path)))[1] for rule, own in table["rules"].items()}
    return {rule: filled for rule, filled in found.items() if filled}


def _population(training: Options, rule: str, own: Options, where: str) -> dict[str, Any]:
    """Return the options of one rule of a study file: those of its preset, those that all share, and its own."""
    own = dict(own)
    options = own.pop("options", {})
    shared = {name: value for name, value in training.items() if name != "preset"}
    if "preset" not in training:
        return {**shared, "rule": rule, "rule_options": options, **own}
    file = preset_file(fitted(str, training["preset"], f"{where}, [training]: preset"))
    if rule in file.presets:
        known = file.presets[rule].spec
    elif not learning_rule(rule).learns:
        known = train_spec({**file.training, "rule": rule}, f"preset file {file.name!r}")
    else:
        have = ", ".join(file.presets) or "none"
        msg = f"{where}, [rules.{rule}]: preset file {file.name!r} has no preset of this rule. It has: {have}."
        raise SpecError(msg)
    both = fitted(Options, options, f"{where}, [rules.{rule}]: options")
    return to_dict(changed(known, {**shared, **own, "rule_options": both}, f"{where}, [rules.{rule}]"))
