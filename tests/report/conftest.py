"""Synthetic results folders: a full one, and a small one for tests that draw every figure."""

from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_folder import TARGETS, SyntheticFolder

from brainalign.alignment.result import AlignmentResult

SMALL = {"targets": TARGETS[1:3], "rules": ("untrained", "backprop"), "n_layers": 2, "n_seeds": 2}


@pytest.fixture(scope="session")
def full_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 rules, 5 seeds, 6 layers, 3 recordings, nothing simulated."""
    return SyntheticFolder().write(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="session")
def full(full_folder: Path) -> AlignmentResult:
    """The full folder, loaded."""
    return AlignmentResult.load(full_folder)


@pytest.fixture
def small_folder(tmp_path: Path) -> Callable[..., Path]:
    """A writer of small folders; keywords change the options."""

    def write(**options: object) -> Path:
        return SyntheticFolder(**(SMALL | options)).write(tmp_path / "results")  # type: ignore[arg-type]

    return write
