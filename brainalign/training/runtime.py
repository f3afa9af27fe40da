"""Where and how a population runs."""

from dataclasses import dataclass
from pathlib import Path

import torch

from brainalign.computing import check_device
from brainalign.options import fit_fields, require

EXECUTIONS = ("auto", "vmap", "loop")


@dataclass(frozen=True)
class Runtime:
    """Where and how a population runs; none of it changes what is learned, beyond rounding.

    Values that cannot be used here raise :class:`~brainalign.errors.SpecError`.

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
    retrain
        Whether to train again from the first step what other code than today's trained, instead of using it.

    Examples
    --------
    >>> import brainalign as ba
    >>> ba.Runtime(device="cpu").execution
    'auto'
    """

    device: str = "cpu"
    execution: str = "auto"
    compile: bool = False
    data_dir: str | None = None
    retrain: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.device, torch.device):
            object.__setattr__(self, "device", str(self.device))
        fit_fields(self)
        require(self.execution in EXECUTIONS, "Option execution", self.execution, f"one of: {', '.join(EXECUTIONS)}")
        check_device(self.device)
        is_folder = self.data_dir is None or Path(self.data_dir).is_dir()
        require(is_folder, "Option data_dir", self.data_dir, "a folder that exists and holds <data set>/<file>")
