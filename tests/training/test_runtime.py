"""Where a population runs: what cannot be used here is one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from brainalign.errors import SpecError
from brainalign.training.runtime import Runtime


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "gpu"}, r"^Device 'gpu' cannot be used; available here: cpu(, cuda)?\. Say 'cuda' for a GPU\.$"),
        ({"device": ""}, r"^Device '' cannot be used"),
        ({"device": 0}, r"^Option device is 0; expected text\.$"),
        ({"execution": "fast"}, r"^Option execution is 'fast'; expected one of: auto, vmap, loop\.$"),
        ({"compile": 1}, r"^Option compile is 1; expected true or false\.$"),
        ({"retrain": "yes"}, r"^Option retrain is 'yes'; expected true or false\.$"),
        ({"data_dir": "/nowhere"}, r"^Option data_dir is '/nowhere'; expected a folder that exists and holds"),
        ({"data_dir": 3}, r"^Option data_dir is 3; expected text or nothing\.$"),
    ],
)
def test_what_cannot_be_used_is_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Runtime(**options)


def test_paths_and_devices_are_taken_as_they_come(tmp_path: Path) -> None:
    plain = Runtime(torch.device("cpu"), "loop", np.bool_(False), tmp_path)  # type: ignore[arg-type]
    assert plain == Runtime("cpu", "loop", False, str(tmp_path))
