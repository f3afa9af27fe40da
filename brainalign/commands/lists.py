"""What there is: ``rules``, ``networks``."""

from typing import Annotated

import typer

from brainalign.commands.options import Json, Own
from brainalign.errors import SpecError
from brainalign.terminal import print_records


def rules(
    as_json: Json = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the support table; your own rules are in it with --own only.")
    ] = False,
    own: Own = None,
) -> None:
    """List learning rules and the networks each can train.

    Example: brainalign rules
    """
    from brainalign.support import support, support_markdown

    if markdown and as_json:
        msg = "--markdown and --json are two forms of one list. Leave one of them out."
        raise SpecError(msg)
    if markdown:
        typer.echo(support_markdown(own=bool(own)), nl=False)
        return
    records = support(own=True)
    why_not = [(r["name"], n, s) for r in records for n, s in r["networks"].items() if s is not True]
    if not as_json:
        records = [
            {
                "rule": r["name"],
                **{n: "yes" if s is True else "no" for n, s in r["networks"].items()},
                "reference": r["reference"],
            }
            for r in records
        ]
    print_records(records, as_json, "Learning rules")
    for name, network, reason in () if as_json else why_not:
        typer.echo(f"{name} cannot train {network}: {reason}.")


def networks(as_json: Json = False, own: Own = None) -> None:
    """List architectures and their options, which 'train' takes as --set network.NAME=VALUE.

    Example: brainalign networks
    """
    import dataclasses

    from brainalign.networks.architecture import architectures

    records = [
        {
            "name": name,
            "summary": shape.summary,
            "options": {field.name: field.default for field in dataclasses.fields(shape)},
        }
        for name, shape in architectures().items()
    ]
    if not as_json:
        records = [
            {**r, "options": ", ".join(f"{k}={v}" for k, v in r["options"].items())}  # type: ignore[attr-defined]
            for r in records
        ]
    print_records(records, as_json, "Networks")
