"""Searchlights over CIFTI: cortex on meshes, voxels in mm, and maps over the grayordinates of the file."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import brainalign as ba
from brainalign.__main__ import app
from brainalign.errors import BrainalignError, DataError, SpecError
from brainalign.geometry.grayordinates import Grayordinates
from brainalign.geometry.surface import Surface
from brainalign.geometry.volume import Volume
from brainalign.readers.maps import read_maps
from brainalign.searchlights.patches import patches_of
from tests.searchlights.worlds import ids, model, square_mesh

AFFINE = np.array([[-2.0, 0, 0, 20], [0, 2, 0, -30], [0, 0, 3, -10], [0, 0, 0, 1]])
MESH = square_mesh(8)
N = 14


def axis() -> nibabel.cifti2.BrainModelAxis:
    """62 vertices of a left cortex without two, and 5 x 5 x 4 voxels of a thalamus."""
    mask = np.zeros((7, 7, 6), dtype=bool)
    mask[1:6, 1:6, 1:5] = True
    cortex = nibabel.cifti2.BrainModelAxis.from_surface(np.delete(np.arange(64), [0, 1]), 64, "cortex_left")
    return cortex + nibabel.cifti2.BrainModelAxis.from_mask(mask, "thalamus_left", AFFINE)


def recording(seed: int = 0, subject: str = "a", truth: np.ndarray | None = None) -> ba.Recording:
    """Return noise, and in the thalamus the features ``truth``."""
    geometry = Grayordinates.of_axis(axis(), "fsLR")
    rng = np.random.default_rng(seed)
    data = rng.standard_normal((N, len(geometry)))
    if truth is not None:
        data[:, 62:] += truth @ rng.standard_normal((truth.shape[1], 100)) / 2
    return ba.Recording.from_array(data, ids(N), geometry=geometry, channels=geometry.names(), subject=subject)


def test_a_real_file_is_written_over_the_same_grayordinates(data_dir: str, tmp_path: Path) -> None:
    for name in ("rois_for_tests.dlabel.nii", "S1200.sulc_MSMAll.32k_fs_LR.dscalar.nii"):
        path = f"{data_dir}/formats/cifti/{name}"
        maps = read_maps(path)
        kept = np.arange(0, len(maps.places), 3)
        geometry = maps.geometry.at(kept)
        assert geometry.names() == tuple(maps.places[k] for k in kept)
        values = np.random.default_rng(0).normal(size=len(kept))
        ((file, data),) = geometry.files(values, "mine").items()
        (tmp_path / file).write_bytes(data)
        again = nibabel.load(tmp_path / file)
        assert again.header.get_axis(1) == nibabel.load(path).header.get_axis(1)
        assert again.header.get_axis(0).name.tolist() == ["mine"]
        written = np.asarray(again.dataobj)[0]
        assert np.array_equal(written[kept], values.astype(np.float32))
        assert np.isnan(written).sum() == len(maps.places) - len(kept)


def test_parts_of_a_real_file_are_the_cortex_and_voxels_in_mm(data_dir: str) -> None:
    geometry = read_maps(f"{data_dir}/formats/cifti/rois_for_tests.dlabel.nii").geometry
    (surface, on), (volume, below) = geometry.parts()
    assert isinstance(surface, Surface)
    assert isinstance(volume, Volume)
    assert (len(on), len(below)) == (59412, 31870)  # the standard 91,282 grayordinates
    points = volume.points()[np.isin(below, np.flatnonzero(geometry.structures() == "amygdala_left"))]
    assert np.abs(points.mean(axis=0) - [-23, -5, -19]).max() < 3  # where the amygdala lies in MNI space
    right = volume.points()[np.isin(below, np.flatnonzero(geometry.structures() == "amygdala_right"))]
    assert right[:, 0].min() > 0 > points[:, 0].max()


def test_patches_are_those_of_surface_and_volume_apart() -> None:
    one = recording()
    both = patches_of(one.geometry, 4.0, meshes={"left": MESH})
    (surface, on), (volume, below) = one.geometry.parts()
    discs, spheres = patches_of(surface, 4.0, meshes={"left": MESH}), patches_of(volume, 4.0)
    assert len(both) == len(discs) + len(spheres)
    assert (np.diff(both.centres) > 0).all()
    expected = {int(on[c]): on[discs.of(k)] for k, c in enumerate(discs.centres)}
    expected |= {int(below[c]): below[spheres.of(k)] for k, c in enumerate(spheres.centres)}
    for k, centre in enumerate(both.centres):
        assert np.array_equal(both.of(k), expected[int(centre)])
    assert "Discs of 4 mm" in both.sentence
    assert "Spheres of 4 mm" in both.sentence
    with pytest.raises(DataError, match="Meshes are none; expected 'left', too"):
        patches_of(one.geometry, 4.0)
    with pytest.raises(SpecError, match="meshes = left for grayordinates; expected none"):
        patches_of(one.geometry.at(below), 4.0, meshes={"left": MESH})
    with pytest.raises(DataError, match="has 49 vertices, the recording lies on 64"):
        patches_of(one.geometry, 4.0, meshes={"left": square_mesh(7)})
    some = patches_of(one.geometry, 2.0, min_places=10, meshes={"left": MESH})
    assert {int(k) for k in some.centres} <= set(on.tolist())  # no sphere is that large, and that is said
    assert "the largest holds" in some.sentence
    with pytest.raises(DataError, match="the largest holds"):
        patches_of(one.geometry, 0.5, meshes={"left": MESH})


def test_a_planted_thalamus_is_found_and_written(tmp_path: Path) -> None:
    one, truth = model(0)
    people = [recording(k, name, truth) for k, name in enumerate("abc")]
    found = ba.searchlight({"m": one}, people, radius=4, meshes={"left": MESH}, permutations=100)
    below = found.geometry.structures() == "thalamus_left"
    p = found.map("m", "p_fwe")
    assert (p[below] <= 0.05).mean() > 0.9
    assert (p[~below] <= 0.05).sum() == 0
    table = found.table()
    assert table.loc[~below, "vertex"].notna().all()
    assert table.loc[below, "vertex"].isna().all()
    assert table.loc[below, ["x", "y", "z"]].notna().all(axis=None)
    found.save(tmp_path)
    image = nibabel.load(tmp_path / "m_score.dscalar.nii")
    assert image.header.get_axis(1) == axis()
    written = np.asarray(image.dataobj)[0]
    assert np.abs(written[np.isfinite(written)] - found.map("m")).max() < 1e-7
    assert found.peaks(most=1).place[0].startswith("thalamus_left-")
    moved = recording(3, "d")
    other = Grayordinates.of_axis(axis()[:62], "fsLR")
    apart = ba.Recording.from_array(moved.data[:, :62], ids(N), geometry=other, subject="d")
    with pytest.raises(SpecError, match=r"lie on grids of \(7, 7, 6\) and None"):
        ba.searchlight({"m": one}, [*people, apart], radius=4, meshes={"left": MESH})


def test_the_command_reads_cifti_and_draws_both_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one, truth = model(0)
    (tmp_path / "brain").mkdir()
    recorded = recording(0, "a", truth)
    nibabel.save(recorded.geometry.image(recorded.data[:, :, 0]), tmp_path / "brain" / "a.dscalar.nii")
    points, faces = MESH
    arrays = [nibabel.gifti.GiftiDataArray(points.astype(np.float32), "NIFTI_INTENT_POINTSET")]
    arrays.append(nibabel.gifti.GiftiDataArray(faces.astype(np.int32), "NIFTI_INTENT_TRIANGLE"))
    nibabel.save(nibabel.GiftiImage(darrays=arrays), tmp_path / "left.surf.gii")
    Path("brain/names.txt").write_text("\n".join(ids(N)), encoding="utf-8")
    toml = 'subjects = ["a"]\ntrials = "{subject}.dscalar.nii"\n[stimuli]\nids = "names.txt"\n'
    Path("brain/recording.toml").write_text(toml, encoding="utf-8")
    np.savez("m.npz", ids=np.array(ids(N)), m=one.matrices()[0])
    said = ["searchlight", "--rdm", "m.npz", "--brain", "brain", "--radius", "4", "--out", "out", "--json"]
    with pytest.raises(BrainalignError, match="expected 'left', too"):
        CliRunner().invoke(app, said, catch_exceptions=False)
    done = CliRunner().invoke(app, [*said, "--mesh", "left=left.surf.gii"], catch_exceptions=False)
    assert json.loads(done.stdout)[0]["place"].startswith("thalamus_left-")
    drawn = {path.name for path in Path("out/figures").glob("*.png")}
    assert drawn == {"projections-m.png", "slices-m.png", "surfaces-m.png"}
    assert nibabel.load("out/m_score.dscalar.nii").header.get_axis(1) == axis()
    assert len(pd.read_csv("out/centres.csv")) == len(
        np.flatnonzero(np.isfinite(nibabel.load("out/m_score.dscalar.nii").get_fdata()))
    )
