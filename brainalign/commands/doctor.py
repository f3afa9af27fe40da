"""``doctor``."""

import typer

from brainalign.commands.options import DataDir, Json
from brainalign.terminal import print_records


def doctor(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Look at versions, device, data and folders; what is missing comes with what to do about it.

    Example: brainalign doctor
    """
    from brainalign.face.health import health

    checks = health(data_dir)
    if as_json:
        print_records([check._asdict() for check in checks], True, "")
        return
    for check in checks:
        typer.echo(f"{check.what}: {check.state}" + (f" -> {check.remedy}" if check.remedy else ""))
