"""``scorecard``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from brainalign.commands.options import Json, Own, Quiet
from brainalign.options import require
from brainalign.terminal import output_folder, print_records, progress_bar


def scorecard(
    rule: Annotated[
        list[str] | None, typer.Option("--rule", help="Rule to probe; repeat for several; default: all.")
    ] = None,
    network: Annotated[str, typer.Option(help="mlp, cnn, rnn or transformer.")] = "mlp",
    probe: Annotated[list[str] | None, typer.Option("--probe", help="P1, P1b, ...; repeat; default: all.")] = None,
    seeds: Annotated[int, typer.Option(help="Number of seeds.")] = 3,
    workers: Annotated[int, typer.Option(help="Processes.")] = 2,
    out: Annotated[
        Path | None, typer.Option(help="Folder for scorecard.csv, criteria.csv and the figure.", callback=output_folder)
    ] = None,
    ranks: Annotated[
        bool, typer.Option("--ranks", help="How the order of rules depends on the weights of the probes.")
    ] = False,
    own: Own = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure how biologically plausible each rule is; where literature and measurement disagree comes first."""
    from brainalign.plausibility.scorecard import (
        candidates,
        criteria,
        rank_distribution,
        records,
        write_scorecard,
    )
    from brainalign.plausibility.scorecard import scorecard as measured

    for option, number in (("--seeds", seeds), ("--workers", workers)):
        require(number >= 1, option, number, "1 or more")
    with progress_bar(quiet or as_json) as progress:
        table = measured(candidates(rule or ()), network, tuple(range(seeds)), tuple(probe or ()), workers, progress)
    if out is not None:
        from brainalign.report.plate import save_plate
        from brainalign.report.plates import scorecard_plate

        write_scorecard(out, table)
        save_plate(scorecard_plate(table), out, ("png", "svg", "pdf"))
    if as_json:
        typer.echo(json.dumps(records(table), indent=1, ensure_ascii=False))
        return
    said = {True: "met", False: "not met", None: "cannot tell"}
    found = criteria(table)
    disagreements = [
        {
            "rule": row["rule"], "criterion": f"{row['criterion']} {row['title']}",
            "measured": f"{said[row['measured']]} ({row['probes']})",
            "claimed": f"{said[row['claimed']]}, {row['claim_source']}",
        }
        for row in found[found.disagrees].to_dict("records")
    ]  # fmt: skip
    if disagreements:
        print_records(disagreements, False, "Where measurement and literature disagree")
    marks = {True: "pass", False: "FAIL", None: ""}
    shown = [
        {
            "rule": row["rule"], "probe": row["probe"], "outcome": row["outcome"], "lo": row["lo"], "hi": row["hi"],
            "mark": marks[row["pass"]] if row["certified"] else f"{marks[row['pass']]} uncertified".strip(),
            "note": row["note"],
        }
        for row in records(table)
    ]  # fmt: skip
    print_records(shown, False, f"Scorecard, {network}")
    if ranks:
        print_records(
            json.loads(rank_distribution(table).to_json(orient="records")), False, "Ranks over random weights of probes"
        )
    if out is not None:
        typer.echo(f"Tables and figure: {out}")
