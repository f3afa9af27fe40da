"""Fixtures shared by the tests."""

import os
from pathlib import Path

import pytest
import torch

from brainalign import own_data, own_folders

os.environ.pop(own_folders.VARIABLE, None)  # lists of algorithms are also made while tests are collected
torch.set_num_threads(int(os.environ.get("BRAINALIGN_TEST_THREADS", "1")))


@pytest.fixture(autouse=True)
def _no_folders_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for algorithms in the package alone, whatever the environment says and an earlier test added."""
    monkeypatch.delenv(own_folders.VARIABLE, raising=False)
    monkeypatch.setattr(own_folders, "_added", [])
    monkeypatch.setattr(own_data, "_added", {room: {} for room in own_data.ROOMS})


@pytest.fixture(scope="session")
def data_dir() -> str:
    """Folder of the real recordings and image sets, or a skip that says how to provide it."""
    folder = os.environ.get("BRAINALIGN_DATA") or str(Path(__file__).resolve().parents[2] / "shared" / "data")
    if not Path(folder).is_dir():
        pytest.skip(f"real data not found at {folder!r}; set BRAINALIGN_DATA to the folder that holds them")
    return folder
