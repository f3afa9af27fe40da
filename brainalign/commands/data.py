"""``data list``, ``fetch``, ``verify``."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from brainalign.commands.options import DataDir, Json, Own, Quiet
from brainalign.own_folders import is_own
from brainalign.terminal import print_records, read_settings

DataName = Annotated[str, typer.Argument(help="Data set, see 'brainalign data list'.")]

data_app = typer.Typer(help="List, check, download and verify data sets and recordings.", no_args_is_help=True)


@data_app.command("list")
def data_list(
    paths: Annotated[
        list[str] | None, typer.Argument(help="Folders of data of your own: a recording, or pictures by class.")
    ] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
    own: Own = None,
) -> None:
    """List data sets: what they are, their licence, and whether they are here.

    Example: brainalign data list
    """
    from brainalign.datasets.manifest import copy_of, manifests, verify
    from brainalign.errors import SpecError
    from brainalign.folder_kinds import CLASSES, RECORDED, instead, kind_of
    from brainalign.own_data import RECORDING, add_data

    for path in paths or ():
        kind = kind_of(path)
        if kind not in (RECORDED, CLASSES):
            raise SpecError(instead(path, f"a recording (a folder with a {RECORDING}) or pictures by class"))
        add_data("recordings" if kind is RECORDED else "datasets", path)
    records = []
    for name, manifest in manifests().items():
        here = not manifest.files and manifest.kind == "recording" and copy_of(name, data_dir)
        without = "your copy" if here else manifest.without_files[0]
        states = set(verify(name, data_dir).status) if manifest.files else {without}
        state = states.pop() if len(states) == 1 else "incomplete"
        size = sum(entry.bytes for entry in manifest.files) / 1e6
        record = {
            "name": name, "title": manifest.title, "kind": manifest.kind, "status": state, "MB": round(size, 1),
            "licence": manifest.licence, "redistribute": manifest.redistribute,
        }  # fmt: skip
        records.append(record | ({"citation": manifest.citation} if as_json else {}))
    print_records([*records, *_own_records(as_json)], as_json, "Data sets")


def _own_records(as_json: bool) -> list[dict[str, Any]]:
    """Return records of one's own data sets and recordings, which have no manifest: their files are one's own."""
    from brainalign.datasets.dataset import datasets
    from brainalign.own_data import own_data
    from brainalign.recordings.source import recording_sources

    rooms = (
        ("images or features", datasets(), own_data("datasets")),
        ("recording", recording_sources(), own_data("recordings")),
    )
    return [
        {
            "name": name, "title": one.title, "kind": kind, "status": "your own", "MB": None, "licence": "",
            "redistribute": "",
        } | ({"citation": getattr(one, "citation", "")} if as_json else {})
        for kind, room, folders in rooms
        for name, one in room.items()
        if is_own(one.__module__) or name in folders
    ]  # fmt: skip


@data_app.command("check")
def data_check(
    target: Annotated[str, typer.Argument(help="Name of a recording, a folder, or a study file (.toml).")],
    ids: Annotated[str, typer.Option(help="Of a folder: column of events.tsv that names the stimulus.")] = "",
    trained_on: Annotated[str, typer.Option(help="Data set that networks learn from, to compare pictures with.")] = "",
    against: Annotated[
        list[str] | None, typer.Option(help="Another recording: look for stimuli that both have, and at nothing else.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--set", help="Option of the recording: key=value (TOML).")
    ] = None,
    data_dir: DataDir = None,
    own: Own = None,
    as_json: Json = False,
) -> None:
    """Look for what may make a result wrong, before anything is compared; exit code 1 if there are findings.

    A study file is checked as a whole: each of its recordings, as far as it is compared, and against the pictures that
    its networks learn from. What the study accepts is listed and does not count. Of a folder of files, such as one in
    BIDS, files and events are looked at, and recordings are not read; of a folder with a recording.toml, they are.

    Example: brainalign data check cichy92
    """
    from brainalign.data_check.finding import Finding
    from brainalign.data_check.folder import check_folder
    from brainalign.data_check.study import check_recordings
    from brainalign.errors import SpecError
    from brainalign.folder_kinds import EMPTY, RECORDED, instead, kind_of
    from brainalign.own_data import RECORDING
    from brainalign.recordings.source import recording_sources
    from brainalign.study_file import read_study

    accepted: list[Finding] = []
    asked = {"--trained-on": trained_on, "--set": option, "--against": against, "--ids": ids}
    folder = kind_of(target)
    if target in recording_sources() or folder is RECORDED:
        found = _of_recording(target, ids, trained_on, against or [], option or [], data_dir)
    elif Path(target).is_dir():
        _leave_out(asked, "--trained-on", "--set", "--against", why="for recordings, and a folder of files is none")
        if folder.written or folder is EMPTY:
            raise SpecError(instead(target, f"recordings: a BIDS data set, or a folder with a {RECORDING}"))
        found = list(check_folder(target, ids))
    elif Path(target).suffix == ".toml":
        _leave_out(asked, *asked, why="not for a study file, which says what is compared")
        found, accepted = check_recordings(read_study(target), data_dir)
    else:
        msg = (
            f"{target!r} is neither a recording, a folder nor a study file (.toml). Choose a file, a folder or one of: "
            f"{', '.join(recording_sources())}."
        )
        raise SpecError(msg)
    if as_json:
        records = [
            {"kind": one.kind, "where": one.where, "finding": one.text}
            | ({"accepted": True} if one in accepted else {})
            for one in found
        ]
        print_records(records, as_json, f"Findings in {target}")
    else:
        for one in found:
            typer.echo(f"{one}{' The study accepts this.' if one in accepted else ''}")
        said = f", {len(accepted)} of them accepted" if accepted else ""
        typer.echo(f"{len(found)} finding{'' if len(found) == 1 else 's'} in {target}{said}.")
    if len(found) > len(accepted):
        raise typer.Exit(1)


def _of_recording(
    target: str, ids: str, trained_on: str, against: Sequence[str], options: Sequence[str], data_dir: str | None
) -> list[Any]:
    """Return what is found in a recording that is named, or that a folder with a recording.toml holds."""
    from brainalign.data_check.folder import check_folder
    from brainalign.data_check.shared_stimuli import check_own_parts, check_shared_stimuli
    from brainalign.data_check.source import check_source
    from brainalign.errors import SpecError
    from brainalign.face.lists import recording
    from brainalign.recordings.source import recording_sources

    _leave_out({"--ids": ids}, "--ids", why="for a folder of files, and a recording knows its ids")
    if against and trained_on:
        msg = "--against looks at ids of two recordings, --trained-on at pictures. Leave one of them out."
        raise SpecError(msg)
    where = {"data_dir": data_dir} if data_dir else {}
    named = target in recording_sources()
    source = recording(target, **(where if named else {}), **read_settings(options))
    if against:
        others = [recording(one, **(where if one in recording_sources() else {})) for one in against]
        return [finding for other in others for finding in check_shared_stimuli(source, other)]
    files = [] if named else list(check_folder(target))
    return [*files, *check_own_parts(source), *check_source(source, trained_on)]


def _leave_out(asked: Mapping[str, object], *names: str, why: str) -> None:
    """Refuse options that were given and would do nothing."""
    from brainalign.errors import SpecError

    if given := [name for name in names if asked[name]]:
        are, them = ("is", "it") if len(given) == 1 else ("are", "them")
        msg = f"{', '.join(given)} {are} {why}. Leave {them} out."
        raise SpecError(msg)


@data_app.command("fetch")
def data_fetch(name: DataName, data_dir: DataDir = None, quiet: Quiet = False) -> None:
    """Download a data set and check every file against its hash; print where the files are.

    Example: brainalign data fetch mnist
    """
    from brainalign.datasets.manifest import fetch

    for path in fetch(name, data_dir, progress=not quiet and sys.stderr.isatty()):
        typer.echo(path)


@data_app.command("verify")
def data_verify(name: DataName, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Hash every file of a data set again; exit code 1 if one is missing or altered.

    Example: brainalign data verify mnist
    """
    from brainalign.datasets.manifest import verify

    table = verify(name, data_dir)
    if table.empty and not as_json:
        typer.echo(f"{name} has no files of its own: it comes with a package or is made when it is used.")
        return
    print_records([dict(row) for _, row in table.iterrows()], as_json, f"Files of {name}")
    if (table.status != "ok").any():
        raise typer.Exit(1)
