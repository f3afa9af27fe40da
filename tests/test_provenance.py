"""Versions and code hashes."""

import torch

from brainalign.provenance import TRAINING_ROOMS, code_hash, versions


def test_the_hash_is_stable_and_distinguishes_rooms() -> None:
    assert code_hash() == code_hash()
    assert len({code_hash(), code_hash(*TRAINING_ROOMS), code_hash("report"), code_hash("nowhere")}) == 4


def test_versions_name_what_numbers_depend_on() -> None:
    assert versions()["torch"] == torch.__version__
    assert {"python", "brainalign", "numpy", "scipy", "himalaya"} <= set(versions())
