"""Spheres and discs: against distances computed one by one, at edges, and of real meshes."""

import numpy as np
import pytest

from brainalign.errors import DataError, SpecError
from brainalign.geometry.surface import Surface
from brainalign.geometry.volume import Volume
from brainalign.searchlights.patches import patches_of
from tests.searchlights.worlds import GRID, square_mesh


def test_spheres_are_all_voxels_within_the_radius_in_mm() -> None:
    affine = np.array([[0.0, -2.0, 0.5, 9.0], [3.0, 0.0, 0.0, -5.0], [0.0, 0.3, 4.0, 1.0], [0.0, 0.0, 0.0, 1.0]])
    kept = np.random.default_rng(0).random((6, 6, 5)) < 0.7
    grid = Volume((6, 6, 5), affine, np.argwhere(kept))
    found = patches_of(grid, 5.5, min_places=12)
    points = grid.points()
    expected = [np.flatnonzero(np.linalg.norm(points - one, axis=1) <= 5.5) for one in points]
    assert found.centres.tolist() == [k for k, one in enumerate(expected) if len(one) >= 12]
    assert 0 < len(found) < len(grid)
    for k, centre in enumerate(found.centres):
        assert found.of(k).tolist() == expected[centre].tolist()
        assert centre in found.of(k)


def test_centres_at_the_edge_are_left_out_and_counted() -> None:
    found = patches_of(GRID, 3.0)
    assert found.sizes.max() == 7  # the voxel and its six neighbours
    assert found.sizes.min() == 4  # corners of a box keep three neighbours
    assert len(patches_of(GRID, 3.0, min_places=5)) == len(GRID) - 8
    assert f"{8} voxels with fewer than 5" in patches_of(GRID, 3.0, min_places=5).sentence
    with pytest.raises(DataError, match="expected 8 or more"):
        patches_of(GRID, 3.0, min_places=8)
    with pytest.raises(SpecError, match="radius"):
        patches_of(GRID, 0.0)
    with pytest.raises(SpecError, match="Leave meshes out"):
        patches_of(GRID, 3.0, meshes={"left": "lh.surf.gii"})


def test_geodesic_discs_follow_edges_and_euclidean_ones_do_not() -> None:
    points, faces = square_mesh(9)
    fold = points.copy()
    fold[:, 2] = np.where(points[:, 0] > 4, 0.5, 0.0)  # the sheet folded back upon itself, half a mm above
    fold[:, 0] = np.where(points[:, 0] > 4, 8 - points[:, 0], points[:, 0])
    surface = Surface(np.full(81, "L"), np.arange(81), {"L": 81})
    centre = 1 * 9 + 4  # x = 1, whose opposite bank lies half a mm away and 6 mm along the sheet
    opposite = 7 * 9 + 4
    near = patches_of(surface, 2.0, 2, "euclidean", {"left": (fold, faces)})
    along = patches_of(surface, 2.0, 2, "geodesic", {"left": (fold, faces)})
    assert opposite in near.of(centre)
    assert opposite not in along.of(centre)
    # on the flat sheet: edges run along both axes and one diagonal
    flat = patches_of(surface, 2.0, 2, "geodesic", {"left": (points, faces)})
    straight = {(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (2, 0), (-2, 0), (0, 2), (0, -2)}
    steps = straight | {(1, 1), (-1, -1), (1, -1), (-1, 1)}
    middle = 4 * 9 + 4
    assert {(k // 9 - 4, k % 9 - 4) for k in flat.of(middle).tolist()} == steps
    assert "along edges of the mesh" in flat.sentence


def test_hemispheres_do_not_mix_and_vertices_without_data_are_passed_over() -> None:
    mesh = square_mesh(5)
    kept = np.delete(np.arange(25), 12)  # a hole in the middle, as the medial wall
    side = np.repeat(["L", "R"], 24)
    surface = Surface(side, np.tile(kept, 2), {"L": 25, "R": 25})
    found = patches_of(surface, 2.0, 2, meshes={"left": mesh, "right": mesh})
    for k in range(len(found)):
        assert len(set(side[found.of(k)])) == 1
    across = found.of(int(np.flatnonzero(kept == 7)[0]))
    assert int(np.flatnonzero(kept == 17)[0]) in across  # the way leads through the hole
    with pytest.raises(DataError, match="'right'"):
        patches_of(surface, 2.0, meshes={"left": mesh})
    with pytest.raises(DataError, match="has 16 vertices, the recording lies on 25"):
        patches_of(surface, 2.0, meshes={"left": square_mesh(4), "right": mesh})


def test_discs_of_a_real_mesh() -> None:
    from nilearn.datasets import load_fsaverage

    mesh = load_fsaverage("fsaverage5")["white_matter"].parts["left"]
    n = len(mesh.coordinates)
    some = np.arange(0, n, 2)
    surface = Surface(np.full(len(some), "L"), some, {"L": n}, "fsaverage5")
    inner = patches_of(surface, 10.0, meshes={"left": mesh})
    outer = patches_of(surface, 10.0, meshes={"left": mesh}, distance="euclidean")
    assert n == 10242
    assert inner.sizes.mean() < outer.sizes.mean()  # a way along the surface is never shorter
    place = {centre: k for k, centre in enumerate(outer.centres.tolist())}
    for k in range(0, len(inner), 500):
        if int(inner.centres[k]) in place:
            assert set(inner.of(k)) <= set(outer.of(place[int(inner.centres[k])]))
