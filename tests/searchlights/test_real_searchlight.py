"""Where faces and houses are told apart in ventral cortex, and where a SIMULATED region answers."""

from dataclasses import replace

import numpy as np
import pytest

import brainalign as ba


def face_and_house(name: str, data_dir: str) -> tuple[ba.Recording, np.ndarray]:
    """Return a block of faces and one of houses of each run as stimuli of their own, and which kind each is."""
    one = ba.recording(name, data_dir=data_dir).recording("sub001").subset(["face", "house"]).centred("run")
    ids = tuple(f"{kind} {run}" for kind, run in zip(one.stimulus_ids, one.runs, strict=True))
    return replace(one, stimulus_ids=ids, runs=None), np.array(one.stimulus_ids)


@pytest.mark.parametrize(("name", "least", "highest"), [("haxby_slice", 350, 0.91), ("haxby_openfmri", 200, 0.86)])
def test_faces_and_houses_are_told_apart(name: str, least: int, highest: float, data_dir: str) -> None:
    blocks, kind = face_and_house(name, data_dir)
    square = (kind[:, None] != kind).astype(float)
    order = np.random.default_rng(0).permutation(24)
    models = {
        "categories": ba.RDMs.from_matrices(square, blocks.stimulus_ids, "model"),
        "permuted": ba.RDMs.from_matrices(square[np.ix_(order, order)], blocks.stimulus_ids, "model"),
    }
    found = ba.searchlight(models, blocks, radius=10, permutations=200)
    assert len(found.geometry) == 512
    assert (found.map("categories", "p_fwe") <= 0.05).sum() > least
    assert (found.map("permuted", "p_fwe") <= 0.05).sum() == 0
    assert np.nanmax(found.map("categories")) == pytest.approx(highest, abs=0.01)
    assert np.abs(found.map("permuted")).max() < 0.2


def test_a_simulated_region_is_found_and_a_silent_one_is_not() -> None:
    """SIMULATED: one region answers as a layer, beside it one that answers to nothing."""
    options = {"training": {"epochs": 2}, "network_options": {"widths": [32, 24]}, "n_stimuli": 20}
    source = ba.recording(
        "simulated_fmri", regions={"blob": "hidden1", "silent": ""}, n_subjects=3, n_runs=2, noise=0.5, **options
    )
    layer = ba.compute_rdms(source.planted.features("hidden1"), source.stimulus_ids())
    found = ba.searchlight({"hidden1": layer}, source, radius=5, permutations=200)
    x = found.geometry.points()[:, 0]
    p = found.map("hidden1", "p_fwe")
    assert found.facts["simulated"]
    assert "SIMULATED" in repr(found)
    assert (p[x <= 12] <= 0.05).mean() > 0.7  # the blob ends at 12 mm, where spheres are half empty
    assert (p[x > 17] <= 0.05).sum() == 0  # from there on spheres of 5 mm hold none of it
