"""``scorecard``."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from brainalign.commands.options import Json, Own, Quiet
from brainalign.errors import SpecError
from brainalign.options import require
from brainalign.terminal import output_folder, print_records, progress_bar, read_settings

_SAID = {True: "met", False: "not met", None: "cannot tell"}


def scorecard(
    rule: Annotated[
        list[str] | None, typer.Option("--rule", help="Rule to probe; repeat for several; default: all.")
    ] = None,
    network: Annotated[str | None, typer.Option(help="mlp (the default), cnn, rnn or transformer.")] = None,
    preset: Annotated[
        list[str] | None,
        typer.Option("--preset", help="FILE/LABEL: rule, its options and the kind of network; repeat for several."),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Options: rule.steps=40, network.blocks=step; repeat for several.")
    ] = None,
    probe: Annotated[list[str] | None, typer.Option("--probe", help="P1, P1b, ...; repeat; default: all.")] = None,
    seeds: Annotated[int, typer.Option(help="Number of seeds.")] = 3,
    workers: Annotated[int, typer.Option(help="Processes at once.")] = 2,
    out: Annotated[
        Path | None, typer.Option(help="Folder for scorecard.csv, criteria.csv and the figure.", callback=output_folder)
    ] = None,
    ranks: Annotated[
        bool, typer.Option("--ranks", help="Print how the order of rules depends on the weights of the probes.")
    ] = False,
    own: Own = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure how biologically plausible each rule is; where literature and measurement disagree comes first.

    Networks are small ones of the kind that is named; what a preset or --set says of them beside their sizes holds.
    Nothing is kept without --out.

    Example: brainalign scorecard --rule feedback_alignment --probe P1 --out results/card
    """
    from brainalign.folder_kinds import SCORECARD, require_free
    from brainalign.plausibility.asked import asked
    from brainalign.plausibility.judgement import criteria
    from brainalign.plausibility.ranks import rank_distribution
    from brainalign.plausibility.scorecard import records, write_scorecard
    from brainalign.plausibility.scorecard import scorecard as measured

    if ranks and as_json:
        msg = "--ranks prints a table beside the scorecard, and --json the scorecard alone. Leave one of them out."
        raise SpecError(msg)
    for option, number in (("--seeds", seeds), ("--workers", workers)):
        require(number >= 1, option, number, "1 or more")
    if out is not None:
        require_free(out, SCORECARD)
    what = asked(rule or (), network, preset or (), read_settings(set_ or []))
    with progress_bar(quiet or as_json) as progress:
        table = measured(
            what.rules, what.network, tuple(range(seeds)), tuple(probe or ()), workers, progress, what.network_options
        )
    table["network"] = what.title
    named = {one.label: one.rule for one in what.rules}
    if out is not None:
        from brainalign.report.plate import save_plate
        from brainalign.report.plates import scorecard_plate

        write_scorecard(out, table, named)
        save_plate(scorecard_plate(table), out, ("png", "svg", "pdf"))
    if as_json:
        typer.echo(json.dumps(records(table), indent=1, ensure_ascii=False))
        return
    _print(criteria(table, named).to_dict("records"), records(table), what.title)
    if ranks:
        print_records(
            json.loads(rank_distribution(table).to_json(orient="records")), False, "Ranks over random weights of probes"
        )
    if out is not None:
        typer.echo(f"Tables and figure: {out}")


def _print(found: Sequence[Mapping[Any, Any]], rows: Sequence[Mapping[str, Any]], network: str) -> None:
    """Print disagreements with the literature, then what the criteria come to, then every probe."""
    from brainalign.plausibility.page import limit
    from brainalign.plausibility.probe import probes

    disagreements = [
        {
            "rule": row["rule"], "criterion": f"{row['title']} ({row['criterion']})",
            "measured": f"{_SAID[row['measured']]}, by {_named(row['probes'])}", "reading": row["reading"],
            "claimed": f"{_SAID[row['claimed']]}, {row['claim_source']}",
        }
        for row in found if row["disagrees"]
    ]  # fmt: skip
    if disagreements:
        print_records(disagreements, False, "Where measurement and literature disagree and mean the same")
    judged = [
        {
            "rule": row["rule"], "criterion": f"{row['title']} ({row['criterion']})",
            "measured": _SAID[row["measured"]], "by": _named(row["probes"]),
            "claimed": "" if row["claimed"] is None else _SAID[row["claimed"]],
        }
        for row in found if row["certified"]
    ]  # fmt: skip
    if judged:
        print_records(judged, False, f"Criteria of the literature, {network}")
    marks = {True: "pass", False: "FAIL", None: ""}
    known = probes()
    shown = [
        {
            "rule": row["rule"], "probe": f"{known[row['probe']].title} ({row['probe']})",
            "outcome": _number(row["outcome"]), "lo": _number(row["lo"]), "hi": _number(row["hi"]),
            "unit": known[row["probe"]].unit, "limit": limit(known[row["probe"]]),
            "mark": marks[row["pass"]] if row["certified"] else f"{marks[row['pass']]} uncertified".strip(),
            "note": row["note"],
        }
        for row in rows
    ]  # fmt: skip
    print_records(shown, False, f"Scorecard, {network}")


def _number(value: float | None) -> str:
    return "cannot tell" if value is None else f"{value:.3g}"


def _named(codes: str) -> str:
    """Return codes of probes with the first words of their titles: ``"phases (P4)"``."""
    from brainalign.plausibility.probe import probes

    known = probes()
    return ", ".join(f"{known[code].title.split(':')[0]} ({code})" for code in codes.split(", ") if code)
