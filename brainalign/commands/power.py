"""``power``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from brainalign.commands.options import Json
from brainalign.options import require
from brainalign.terminal import print_records


def power(
    results: Annotated[Path, typer.Argument(help="Folder of a finished study.")],
    gap: Annotated[
        float,
        typer.Option(help="Difference of mean scores between two rules that is to be found, in the unit of the score."),
    ],
    chance: Annotated[float, typer.Option("--power", help="How often it is to be found, between 0 and 1.")] = 0.8,
    layer: Annotated[list[str] | None, typer.Option(help="Layer; repeat for several; default: all.")] = None,
    measure: Annotated[str | None, typer.Option(help="Measure, as in measures.csv; default: all.")] = None,
    as_json: Json = False,
) -> None:
    """Say how many subjects, stimuli and seeds a difference between rules needs, from the variances of a study.

    Each number is what is needed where the others stay as they are; the last column lets all grow together.
    The study must have two trained rules or more, and be scored with resampling = "leave_one_out".

    Example: brainalign power results/mine --gap 0.02
    """
    from brainalign.alignment.result import AlignmentResult
    from brainalign.report.needs import needs

    for option, number, fits, expected in (
        ("--gap", gap, 0 < gap < float("inf"), "a difference of scores above 0, such as 0.02"),
        ("--power", chance, 0 < chance < 1, "a probability between 0 and 1, such as 0.8"),
    ):
        require(fits, option, number, expected)
    rows = needs(AlignmentResult.load(results), gap, chance, tuple(layer or ()), measure)
    print_records([_shown(row, as_json) for row in rows], as_json, f"Needed to find {gap:g} with power {chance:g}")


def _shown(row: dict[str, Any], as_json: bool) -> dict[str, Any]:
    if as_json:
        return row
    return {name: "no number is enough" if value is None else value for name, value in row.items()}
