"""A folder of maps: images, tables, figures and one page."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from brainalign.comparisons.rsa import KRIEGESKORTE, NILI
from brainalign.folder_kinds import MAPS, require_free
from brainalign.provenance import versions
from brainalign.report.map_figure import caption_of, map_figures
from brainalign.report.plate import Plate, save_plate
from brainalign.report.style import slug
from brainalign.report.wording import dissimilarity_name, listed
from brainalign.results_folder import FIGURES, FORMATS, PAGE, staging
from brainalign.searchlights.brain_maps import ABOUT, BrainMaps
from brainalign.storage import file_hash, write_table, write_text

PEAKS = "peaks.csv"
#: Peaks of each map, in the table and on the page.
MOST_PEAKS = 5
_PREFIX = ".maps-"
_SEARCHLIGHTS = (
    "Kriegeskorte N, Goebel R, Bandettini P (2006). Information-based functional brain mapping. PNAS 103:3863-3868. "
    "doi:10.1073/pnas.0600244103"
)


def write_maps(
    maps: BrainMaps,
    folder: str | Path,
    alpha: float = 0.05,
    each: bool = False,
    about: Mapping[str, Any] | None = None,
    formats: Sequence[str] = FORMATS,
) -> Path:
    """Write images of maps, tables of centres and peaks, figures and one page; return the page.

    All files are first written aside, and ``searchlight.json``, which lists them, comes last. What an earlier
    searchlight left in the folder and this one does not write goes; other files stay.

    Parameters
    ----------
    maps
        What a searchlight found.
    folder
        Is made where it is missing.
    alpha
        Centres whose adjusted p is at most this are marked in figures.
    each
        Write a map of every seed, too.
    about
        Facts for ``searchlight.json`` and the page: ``recording``, and what was asked.
    formats
        Of figures.

    Raises
    ------
    StorageError
        If the folder holds what another command wrote, or cannot be written.
    """
    folder = Path(folder)
    require_free(folder, MAPS)
    with staging(folder, _PREFIX, "maps") as staged:
        maps.save(staged, each)
        _write_report(maps, staged, alpha, dict(about or {}), formats)
        _swap(staged, folder)
    return folder / PAGE


def _write_report(maps: BrainMaps, staged: Path, alpha: float, about: dict[str, Any], formats: Sequence[str]) -> None:
    peaks = maps.peaks(most=MOST_PEAKS)
    write_table(staged / PEAKS, peaks)
    level = alpha if maps.test else None
    plates = [save_plate(plate, staged / FIGURES, formats) for plate in plates_of(maps, level)]
    write_text(staged / PAGE, _page(maps, peaks, plates, about))
    facts = json.loads((staged / ABOUT).read_text(encoding="utf-8"))
    names = sorted(str(one.relative_to(staged).as_posix()) for one in staged.rglob("*") if one.is_file())
    hashes = {name: file_hash(staged / name) for name in names if name != ABOUT}
    facts |= {**about, "alpha": alpha, "versions": versions(), "files": hashes}
    write_text(staged / ABOUT, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def plates_of(maps: BrainMaps, alpha: float | None) -> list[Plate]:
    """Return every figure of maps with title and caption, in the order of the page."""
    found = []
    for figure in sorted((made() for made in map_figures().values()), key=lambda one: one.place):
        cells = [tuple(cell) for cell in figure.cells(maps)]
        for k, names in enumerate(cells):
            alone = len(names) == 1
            file = (
                slug(figure.file, names[0]) if alone else slug(figure.file, *([str(k + 1)] if len(cells) > 1 else []))
            )
            title = f"{figure.heading}, {names[0]}" if alone else figure.heading
            drawn = figure.draw(maps, names, alpha)
            found.append(Plate(file, title, caption_of(figure, maps, names, alpha), drawn, raster=True))
    return found


def _swap(staged: Path, folder: Path) -> None:
    """Put the files of a staged folder in the place of those that an earlier searchlight listed."""
    for name in _listed(folder):
        (folder / name).unlink(missing_ok=True)
    (folder / ABOUT).unlink(missing_ok=True)
    files = [one.relative_to(staged) for one in sorted(staged.rglob("*")) if one.is_file()]
    for file in sorted(files, key=lambda one: one.name == ABOUT):
        (folder / file).parent.mkdir(exist_ok=True)
        (staged / file).replace(folder / file)


def _listed(folder: Path) -> list[str]:
    """Return the files that an earlier searchlight wrote into a folder, never one outside of it."""
    with contextlib.suppress(OSError, ValueError):
        files = json.loads((folder / ABOUT).read_text(encoding="utf-8")).get("files", {})
        return [name for name in files if Path(name).parts[-1:] and ".." not in Path(name).parts and name[0] != "/"]
    return []


def methods_of(maps: BrainMaps) -> str:
    """Return what was done, in sentences for a methods section."""
    facts, many = maps.facts, len(maps.subjects) > 1
    layers = dissimilarity_name(str(facts["layer_dissimilarity"]))
    runs = {
        "centre": "Differences between runs were estimated from the stimuli that they share, and taken out.",
        "centre_each": "The mean over the stimuli of each run was made the same.",
    }
    parts = (
        f"Searchlight RSA. {' '.join(maps.notes)}",
        f"RDMs of patches hold the {dissimilarity_name(str(facts['dissimilarity']))} of each pair of patterns.",
        f"RDMs of layers hold the {layers}." if any(maps.models["layer"]) else "",
        runs.get(str(facts.get("runs")), ""),
        f"Models and patches were compared by {facts['comparator']} of their RDMs.",
        f"Maps are means over seeds{' and subjects' if many else ''}.",
        "Noise ceilings bound the mean over subjects at each centre." if maps.ceiling is not None else "",
        maps.test.sentence if maps.test else "No test was made.",
    )
    said = " ".join(part for part in parts if part)
    return " ".join(said.split())


def _page(maps: BrainMaps, peaks: pd.DataFrame, figures: list[dict[str, str]], about: dict[str, Any]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("brainalign.report", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    shown = peaks.drop(columns=["model", "layer", "p", "p_all"], errors="ignore")
    return environment.get_template("maps.html").render(
        title=f"Searchlight of {listed(list(maps.names[:4]))}{' and others' if len(maps.names) > 4 else ''}",
        simulated=bool(maps.facts.get("simulated")),
        figures=figures,
        most=MOST_PEAKS,
        apart=f"{2 * float(maps.facts['radius']):g}",
        columns=[str(name) for name in shown.columns],
        rows=[[_cell(value) for value in row] for row in shown.itertuples(index=False)],
        methods=methods_of(maps),
        citations=(_SEARCHLIGHTS, KRIEGESKORTE, *((NILI,) if maps.ceiling is not None else ())),
        models=list(maps.names),
        recording=str(about.get("recording", "unnamed")),
        subjects=list(maps.subjects),
        versions=versions(),
    )


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.4g}"
    return "" if value is None or value is pd.NA else str(value)
