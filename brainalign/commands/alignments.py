"""Networks and recordings of your own: ``extract``, ``align``."""

import importlib
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from brainalign.commands.options import DataDir, Device, Json, Own, Quiet
from brainalign.errors import BrainalignError, DataError, SpecError
from brainalign.terminal import output_folder, print_records

Layers = Annotated[
    list[str] | None,
    typer.Option("--layer", help="Layer to keep, or a pattern such as 'layer*'; repeat for several; default: all."),
]
Group = Annotated[str, typer.Option(help="Networks of one group are compared; default: models, or the architecture.")]
Measures = Annotated[
    list[str] | None,
    typer.Option(
        "--measure",
        help="rsa, encoding, linear_cka, cca, pls, ... (twelve; an unknown name lists them); repeat; default: rsa.",
    ),
]
BrainName = Annotated[
    str, typer.Option("--brain", help="Recording: its name (see 'data list'), or a folder with a recording.toml.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="Further options: comparator=corr, n_bootstrap=2000, subjects=fixed, source.session=a."),
]


def extract(
    stimuli: Annotated[
        str, typer.Argument(help="What to show: a folder of pictures, or the name of a recording or data set.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for one file for each network.", callback=output_folder)],
    trained: Annotated[
        list[Path] | None, typer.Option("--trained", help="Folder of a training; repeat for several.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="module:function that returns a torch module, or several; repeat for several."),
    ] = None,
    transform: Annotated[
        str | None,
        typer.Option(help="How pictures reach a --model: pixels, imagenet, or module:function of a picture."),
    ] = None,
    layer: Layers = None,
    pool: Annotated[str, typer.Option(help="none, or mean or max over space and tokens.")] = "none",
    name: Annotated[str, typer.Option(help="What tables call the network; default: its class or rule.")] = "",
    group: Group = "",
    n_stimuli: Annotated[
        int | None, typer.Option(help="Test images to show of a data set that networks learn from; default: 100.")
    ] = None,
    format: Annotated[str, typer.Option(help="safetensors or npz.")] = "safetensors",
    batch_size: Annotated[int, typer.Option(help="Stimuli at once; the result is the same.")] = 128,
    device: Device = "cpu",
    data_dir: DataDir = None,
    own: Own = None,
    as_json: Json = False,
) -> None:
    """Show stimuli to networks and keep what their layers do, under the ids of the stimuli.

    The effective dimensionality of every layer (participation ratio over these stimuli) is written beside.

    Example: brainalign extract cichy92 --trained results/fa --out results/fa_layers
    """
    from brainalign.activations import Shown, show
    from brainalign.extraction.dimensionality import dimensionality_table
    from brainalign.folder_kinds import ACTIVATIONS, RECORDED, TRAINING, instead, kind_of, require_free
    from brainalign.recordings.source import recording_sources
    from brainalign.storage import write_table
    from brainalign.training.train import Trained

    if format not in ("safetensors", "npz"):
        msg = f"--format is {format!r}; expected safetensors or npz."
        raise SpecError(msg)
    if not trained and not model:
        msg = "extract got no network; give --trained FOLDER or --model module:function."
        raise SpecError(msg)
    if transform and not model:
        msg = "--transform is for a --model, and a training knows how it was shown pictures. Leave it out."
        raise SpecError(msg)
    require_free(out, ACTIVATIONS)
    shown = _stimuli(stimuli, n_stimuli, data_dir)
    how: dict[str, Any] = {"layers": layer, "pool": pool, "name": name, "group": group}
    how |= {"batch_size": batch_size, "device": device}
    found = Shown()
    for folder in trained or ():
        if kind_of(folder) is not TRAINING:
            raise DataError(instead(folder, "a training run (brainalign train)"))
        found += show(Trained.load(folder), shown, None, **how)
    for place in model or ():
        made = _called(place, "--model")
        found += show(made, shown, _transform(transform), **how)
    paths = found.save(out, f".{format}")
    write_table(out / "dimensionality.csv", dimensionality_table(found))
    records = [
        {
            "network": one.origin.name, "group": one.origin.group, "seed": one.origin.seed,
            "layers": ", ".join(one.layers), "stimuli": len(one.stimulus_ids), "file": str(path),
        }
        for one, path in zip(found, paths, strict=True)
    ]  # fmt: skip
    print_records(records, as_json, "Activations")
    if not as_json:
        known = stimuli in recording_sources() or kind_of(stimuli) is RECORDED
        brain = shlex.quote(stimuli) if known else "RECORDING"
        typer.echo(f"Next: brainalign align {shlex.quote(str(out))} --brain {brain} --out FOLDER")


def align(
    networks: Annotated[
        list[Path],
        typer.Argument(help="Activations: folders or files that 'extract' wrote, or .npz files of ids and layers."),
    ],
    brain: BrainName,
    out: Annotated[Path, typer.Option(help="Folder for results.", callback=output_folder)],
    measure: Measures = None,
    roi: Annotated[list[str] | None, typer.Option("--roi", help="ROI; repeat for several; default: all.")] = None,
    set_: Settings = None,
    data_dir: DataDir = None,
    own: Own = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Score layers against a recording; leaves tables, figures and a report in the output folder.

    The networks must have been shown the stimuli of the recording, under the same ids: 'extract' does that.

    Example: brainalign align results/fa_layers --brain cichy92 --measure rsa --out results/fa_cichy92
    """
    import json

    from brainalign.activations import Shown
    from brainalign.face.aligning import align as align_networks
    from brainalign.face.lists import recording
    from brainalign.folder_kinds import require_own
    from brainalign.terminal import read_settings

    require_own(out)
    found = Shown(one for path in networks for one in Shown.load(path))
    settings = read_settings(set_ or [])
    options = {key.partition(".")[2]: value for key, value in settings.items() if key.startswith("source.")}
    rest = {key: value for key, value in settings.items() if not key.startswith("source.")}
    source = recording(brain, **({"data_dir": data_dir} if data_dir else {}), **options)
    require_own(out, source.label)
    say = (lambda text: None) if quiet or as_json else (lambda text: typer.echo(f"scoring {text}", err=True))
    result = align_networks(found, source, measure or ["rsa"], rois=roi, progress=say, **rest)
    page = result.report(out)
    if as_json:
        typer.echo(json.dumps(json.loads(result.best().to_json(orient="records")), indent=1, ensure_ascii=False))
        return
    typer.echo(str(result))
    typer.echo(f"Report: {page}")


def _stimuli(named: str, n_stimuli: int | None, data_dir: str | None) -> Any:
    """Return the stimuli of a folder, a recording or a data set."""
    from brainalign.datasets.dataset import dataset, datasets
    from brainalign.datasets.stimuli import Stimuli
    from brainalign.face.lists import recording
    from brainalign.folder_kinds import CLASSES, EMPTY, RECORDED, instead, kind_of
    from brainalign.recordings.source import recording_sources

    if n_stimuli is not None and (Path(named).is_dir() or named not in datasets()):
        msg = f"--n-stimuli is for data sets, and of {named!r} all stimuli are shown. Leave it out."
        raise SpecError(msg)
    if Path(named).is_dir():
        kind = kind_of(named)
        if kind is RECORDED:
            return _pictures(recording(named), named)
        if kind.written or kind is EMPTY or kind is CLASSES:
            raise DataError(instead(named, "a folder of pictures"))
        return Stimuli.from_folder(named)
    if named in recording_sources():
        return _pictures(recording(named, **({"data_dir": data_dir} if data_dir else {})), named)
    if named in datasets():
        return dataset(named, data_dir).test_stimuli(n_stimuli or 100, 0)
    known = ", ".join((*recording_sources(), *datasets()))
    msg = f"{named!r} is no folder, recording or data set; give a folder of pictures, or one of: {known}."
    raise SpecError(msg)


def _pictures(source: Any, named: str) -> Any:
    shown = source.stimuli()
    if shown is None:
        msg = f"Recording {named!r} comes without pictures; give a folder of those that were shown."
        raise SpecError(msg)
    return shown


def _transform(transform: str | None) -> Any:
    return _object(transform, "--transform") if transform and ":" in transform else transform


def _called(place: str, option: str) -> Any:
    made = _object(place, option)
    if not callable(made):
        return made
    try:
        return made() if not hasattr(made, "forward") else made
    except BrainalignError:
        raise
    except Exception as error:  # anyone's function
        words = (str(error).strip().splitlines() or [type(error).__name__])[0]
        msg = f"{option} {place!r} fails when it is called ({words}); expected a function without arguments."
        raise SpecError(msg) from error


def _object(place: str, option: str) -> Any:
    """Return what stands under ``module:name``; the folder of work is looked in, too."""
    module, colon, name = place.partition(":")
    if not (colon and module and name):
        msg = f"{option} is {place!r}; expected module:function, such as my_networks:resnet."
        raise SpecError(msg)
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, SyntaxError) as error:
        words = (str(error).strip().splitlines() or [type(error).__name__])[0]
        msg = f"{option} {place!r} cannot be imported ({words}); expected module:function that Python finds from here."
        raise SpecError(msg) from error
