"""Maps: files that lie where the data lay, tables, figures."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

import brainalign as ba
from brainalign.errors import SpecError
from brainalign.geometry.surface import Surface
from tests.searchlights.worlds import GRID, brain, ids, model, square_mesh


def surface_maps() -> ba.BrainMaps:
    points, faces = square_mesh(8)
    vertices = np.delete(np.arange(64), [0, 1])
    surface = Surface(np.full(62, "L"), vertices, {"L": 64}, "sheet")
    data = np.random.default_rng(0).normal(size=(14, 62))
    one = ba.Recording.from_array(data, ids(14), geometry=surface)
    return ba.searchlight({"m": model(0)[0]}, one, radius=2.5, meshes={"left": (points, faces)})


def test_files_load_in_nilearn_where_the_data_lay(tmp_path: Path) -> None:
    from nilearn.image import load_img

    found = ba.searchlight(
        {"a/b": model(0)[0], "c": ba.rdms.concatenate([model(1)[0], model(2)[0]])},
        [brain(0, subject="x"), brain(1, subject="y")],
        radius=5,
        permutations=50,
    )
    paths = found.save(tmp_path / "maps", each=True)
    assert len(paths) == 2 * 6 + 3 + 2
    image = load_img(str(tmp_path / "maps" / "a-b_score.nii.gz"))
    assert np.array_equal(image.affine, GRID.affine)
    assert image.shape == GRID.shape
    values = image.get_fdata()[tuple(found.geometry.index.T)]
    assert np.abs(values - found.map("a/b")).max() < 1e-7
    assert np.isnan(image.get_fdata()).sum() == 8  # corners are no centres
    seed = load_img(str(tmp_path / "maps" / "c_seed-1_score.nii.gz"))
    assert np.abs(seed.get_fdata()[tuple(found.geometry.index.T)] - found.map("c", seed=1)).max() < 1e-7
    table = pd.read_csv(tmp_path / "maps" / "centres.csv")
    assert len(table) == 2 * len(found.geometry)
    assert table[["x", "y", "z"]].iloc[5].tolist() == GRID.points()[found.geometry.index[5] @ [30, 5, 1]].tolist()
    assert table.score.iloc[3] == pytest.approx(found.map("a/b")[3], rel=1e-6)
    about = json.loads((tmp_path / "maps" / "searchlight.json").read_text())
    assert about["radius"] == 5
    assert about["space"] == "made up"
    again = {path.name: path.read_bytes() for path in found.save(tmp_path / "again", each=True)}
    assert again == {path.name: path.read_bytes() for path in paths}


def test_surface_maps_are_gifti_of_the_whole_mesh(tmp_path: Path) -> None:
    found = surface_maps()
    found.save(tmp_path)
    image = nibabel.load(tmp_path / "hemi-L_m_score.shape.gii")
    values = image.darrays[0].data
    assert values.shape == (64,)
    assert np.abs(values[found.geometry.vertex] - found.map("m")).max() < 1e-7
    assert np.isnan(values[:2]).all()
    assert {"side", "vertex", "score"} <= set(found.table().columns)
    mesh = ba.to_nilearn(found, "m")
    assert mesh.mesh.parts["left"].n_vertices == 64
    assert np.array_equal(mesh.data.parts["left"].ravel(), values, equal_nan=True)


def test_figures_are_drawn() -> None:
    from matplotlib import pyplot as plt

    found = ba.searchlight({"m": model(0)[0]}, brain(0), radius=5, permutations=30)
    figure = found.plot(alpha=0.5)
    assert len(figure.axes) == 6  # five slices and a colour bar
    shown = figure.axes[2].images[0].get_array()
    assert shown.shape == (6, 6)
    centre = np.flatnonzero((found.geometry.index == [1, 4, 2]).all(axis=1))[0]
    assert shown[4, 1] == pytest.approx(found.map()[centre])  # first axis to the right, second up
    assert {text.get_text() for text in figure.axes[0].texts} == {"R", "L", "A", "P"}
    axes = plt.figure().subplots()
    assert found.plot(ax=axes) is axes.figure
    assert found.plot(what="p_fwe").axes[-1].get_ylabel() == "p, all centres"
    with pytest.raises(SpecError, match="no map 'n'"):
        found.plot("n")
    assert len(surface_maps().plot().axes) >= 2
    with pytest.raises(SpecError, match="leave ax out"):
        surface_maps().plot(ax=axes)
    plt.close("all")


def test_what_is_not_there_is_one_line() -> None:
    found = ba.searchlight({"m": model(0)[0]}, brain(0), radius=5)
    for ask, words in (
        ({"what": "p"}, "Give permutations"),
        ({"what": "ceiling_lower"}, "several subjects"),
        ({"what": "t"}, "expected 'score'"),
        ({"subject": "nobody"}, "no subject 'nobody'"),
        ({"seed": 7}, "no seed 7"),
    ):
        with pytest.raises(SpecError, match=words):
            found.map("m", **ask)
    with pytest.raises(SpecError, match="two subjects"):
        found.sign_flips()
    with pytest.raises(SpecError, match="no map beside"):
        found.sign_flips(against="m")


def test_a_map_of_small_p_only() -> None:
    one, truth = model(0)
    found = ba.searchlight({"m": one}, [brain(k, truth=truth, subject=f"s{k}") for k in range(3)], 5, permutations=99)
    kept = found.image("m", alpha=0.05).get_fdata()
    assert np.isfinite(kept).sum() == (found.map("m", "p_fwe") <= 0.05).sum() > 0
