"""Where and how a population runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Runtime:
    """Where and how a population runs; none of it changes what is learned, beyond rounding.

    Parameters
    ----------
    device
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...
    execution
        ``"vmap"``, ``"loop"`` or ``"auto"``, see :func:`brainalign.training.population.choose_execution`.
    compile
        Whether to compile the step with :func:`torch.compile`.
    data_dir
        Folder of the data, see :func:`brainalign.datasets.manifest.locate`.
    """

    device: str = "cpu"
    execution: str = "auto"
    compile: bool = False
    data_dir: str | None = None
