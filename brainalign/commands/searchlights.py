"""``searchlight``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from brainalign.commands.options import DataDir, Device, Json, Own, Quiet
from brainalign.terminal import output_folder, print_records, progress_bar, read_settings

_ALPHA = 0.05


def searchlight(
    brain: Annotated[
        str,
        typer.Option("--brain", help="Recording with voxels or vertices: its name, or a folder with a recording.toml."),
    ],
    radius: Annotated[float, typer.Option(help="Of spheres of voxels or discs of a surface, in mm.")],
    out: Annotated[Path, typer.Option(help="Folder for maps, tables and figures.", callback=output_folder)],
    networks: Annotated[
        list[Path] | None,
        typer.Argument(help="Trainings, or what 'extract' wrote, or RDMs of layers: folders or files."),
    ] = None,
    rdm: Annotated[
        list[Path] | None,
        typer.Option("--rdm", help="Models: .npz file of ids and RDMs (n, n) or (seeds, n, n); repeat for several."),
    ] = None,
    layer: Annotated[
        list[str] | None, typer.Option("--layer", help="Layer, or a pattern such as 'hidden*'; default: all.")
    ] = None,
    low_level: Annotated[
        bool, typer.Option("--low-level", help="Pixels, luminance and Gabor energy of the pictures are maps, too.")
    ] = False,
    subject: Annotated[
        list[str] | None, typer.Option("--subject", help="Subject; repeat for several; default: all.")
    ] = None,
    comparator: Annotated[str, typer.Option(help="corr, cosine, spearman, or tau-a (slow, without tests).")] = "corr",
    dissimilarity: Annotated[str, typer.Option(help="Of patterns of the brain.")] = "correlation",
    mesh: Annotated[
        list[str] | None, typer.Option("--mesh", help="Of surfaces: left=FILE.surf.gii and right=FILE.surf.gii.")
    ] = None,
    permutations: Annotated[int, typer.Option(help="Permutations of stimulus labels; 0: no such test.")] = 0,
    strata: Annotated[
        Path | None, typer.Option(help="CSV of stimulus,label: stimuli are permuted within labels only.")
    ] = None,
    sign_flips: Annotated[
        int,
        typer.Option(help="Flips of signs of subjects, say 10000; all are looked at up to 12 subjects; 0: no test."),
    ] = 0,
    against: Annotated[
        str | None, typer.Option(help="With --sign-flips: map whose scores are subtracted from those of all others.")
    ] = None,
    alpha: Annotated[float, typer.Option(help="Centres with p at most this, adjusted, are marked.")] = _ALPHA,
    each: Annotated[bool, typer.Option("--each", help="Write a map of every seed, too.")] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Further options: min_places=20, distance=euclidean, roi=all, space=MNI152, source.shift=1."
        ),
    ] = None,
    device: Device = "cpu",
    data_dir: DataDir = None,
    own: Own = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Score models in a patch around every voxel or vertex; leaves maps, tables, figures and a page.

    Example: brainalign searchlight --rdm models.npz --brain haxby_slice --radius 12 --permutations 100 --out maps
    """
    from brainalign.face.searchlight_on_disk import Asked, searchlight_on_disk
    from brainalign.folder_kinds import MAPS, require_free
    from brainalign.report.maps_page import write_maps
    from brainalign.terminal import existing_device

    existing_device(device)
    require_free(out, MAPS)
    beside = {"radius": radius, "comparator": comparator, "dissimilarity": dissimilarity, "permutations": permutations}
    settings = read_settings(set_ or [], beside=beside)
    options = {key: value for key, value in settings.items() if not key.startswith("source.")}
    source = {key.removeprefix("source."): value for key, value in settings.items() if key.startswith("source.")}
    asked = Asked(
        networks=tuple(networks or ()),
        rdms=tuple(rdm or ()),
        layers=tuple(layer or ()),
        low_level=low_level,
        brain=brain,
        source=source | ({"data_dir": data_dir} if data_dir else {}),
        subjects=tuple(subject or ()),
        mesh=tuple(mesh or ()),
        strata=strata,
        n_flips=sign_flips,
        against=against,
        alpha=alpha,
        device=device,
        options=options | beside,
    )
    with progress_bar(quiet or as_json) as progress:
        found = searchlight_on_disk(asked, progress)
        progress(1, 1, "writing")
        page = write_maps(found, out, alpha, each, asked.facts())
    if not as_json:
        typer.echo(str(found))
    peaks: list[dict[str, Any]] = [_plain(row) for row in found.peaks().to_dict("records")]
    print_records(peaks, as_json, "Peaks")
    if not as_json:
        typer.echo(f"Maps: {out}  Report: {page}")


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    """Return a row of a table as what JSON knows; what is empty is None."""
    import pandas as pd

    from brainalign.options import plain

    kept = {str(name): value for name, value in row.items() if name not in ("model", "layer")}
    return {name: None if pd.isna(value) else plain(value) for name, value in kept.items()}
