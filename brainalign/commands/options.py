"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from brainalign.terminal import output_folder, own_folders

Out = Annotated[
    Path, typer.Option(help="Folder for results; a run that was interrupted there goes on.", callback=output_folder)
]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ...")]
DataDir = Annotated[
    str | None, typer.Option(help="Folder that holds <data set>/<file>; default: BRAINALIGN_DATA, then the user cache.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Own = Annotated[
    list[str] | None,
    typer.Option(
        "--own",
        help="Folder of rules, networks, data sets, ... of your own; repeat for several. See also BRAINALIGN_PATH.",
        callback=own_folders,
    ),
]
Execution = Annotated[str, typer.Option(help="vmap (one program for all seeds), loop, or auto.")]
Compile = Annotated[bool, typer.Option("--compile", help="Compile the training step with torch.compile.")]
Retrain = Annotated[
    bool, typer.Option("--retrain", help="Train again from the first step what other code than today's trained.")
]
