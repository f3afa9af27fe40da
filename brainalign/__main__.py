"""The ``brainalign`` command."""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from brainalign import __version__
from brainalign.commands.alignments import align, extract
from brainalign.commands.data import data_app
from brainalign.commands.doctor import doctor
from brainalign.commands.lists import networks, rules
from brainalign.commands.plausibility import scorecard
from brainalign.commands.power import power
from brainalign.commands.searchlights import searchlight
from brainalign.commands.studies import demo, report, run
from brainalign.commands.training import presets, reproduce, search, train
from brainalign.errors import BrainalignError
from brainalign.metalearning.command import credit_app


class _Interruptible(TyperGroup):
    """Commands that say that they were interrupted, with exit code 130; typer would leave in silence."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("brainalign: interrupted; run the same command again to go on.", err=True)
            ctx.exit(130)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"brainalign {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=_Interruptible,
    help="Compare networks trained with biologically plausible learning rules with brain recordings.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Compare networks trained with biologically plausible learning rules with brain recordings."""
    del version


VERBS = (
    *(demo, run, report, train, extract, align, searchlight, presets, search, reproduce, scorecard, power),
    *(rules, networks, doctor),
)
for verb in VERBS:
    app.command()(verb)
app.add_typer(data_app, name="data")
app.add_typer(credit_app, name="credit")


def main() -> None:
    """Run the command; an expected error is one line on stderr and exit code 1, ``--debug`` shows where it arose."""
    debug = "--debug" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    try:
        app()
    except BrainalignError as error:
        if debug:
            raise
        typer.echo(f"brainalign: {' '.join(str(error).split())}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
