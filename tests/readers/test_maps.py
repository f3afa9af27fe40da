import os
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

from brainalign.errors import DataError
from brainalign.readers.atlas import read_atlas
from brainalign.readers.maps import Maps, both_hemispheres, read_maps
from tests.readers.volumes import AFFINE, save

#: File: kind, maps, places, seconds between maps, first place.
MAPS = {
    "nifti/anatomical.nii": ("volume", 1, 33825, None),
    "nifti/example4d.nii.gz": ("volume", 2, 110798, 2000.0),
    "nifti/example_nifti2.nii.gz": ("volume", 2, 7417, 2000.0),
    "nifti/functional.nii": ("volume", 20, 1071, 2.0),
    "nifti/reoriented_anat_moved.nii": ("volume", 1, 3874, None),
    "cifti/S1200.sulc_MSMAll.32k_fs_LR.dscalar.nii": ("grayordinates", 1, 59412, None),
    "cifti/weighted_test_roi.dscalar.nii": ("grayordinates", 1, 64984, None),
    "cifti/rois_for_tests.dlabel.nii": ("grayordinates", 1, 91282, None),
    "gifti/rh.shape.curv.gii": ("surface", 1, 133764, None),
    "gifti/task.func.gii": ("surface", 10, 642, 0.0),
}


@pytest.mark.parametrize("file", MAPS)
def test_real_files_as_nibabel_reads_them(data_dir: str, file: str) -> None:
    kind, n_maps, n_places, seconds = MAPS[file]
    found = read_maps(f"{data_dir}/formats/{file}")
    assert (found.kind, found.data.shape, found.seconds) == (kind, (n_maps, n_places), seconds)
    assert len(set(found.places)) == n_places


def test_voxels_are_named_by_their_indices(data_dir: str) -> None:
    path = f"{data_dir}/formats/nifti/functional.nii"
    found, data = read_maps(path), np.asanyarray(nibabel.load(path).dataobj)
    where = found.places.index("12-7-2")
    np.testing.assert_array_equal(found.data[:, where], data[12, 7, 2])


def test_milliseconds_that_a_header_calls_seconds_are_refused(data_dir: str) -> None:
    found = read_maps(f"{data_dir}/formats/nifti/example4d.nii.gz")
    with pytest.raises(DataError, match=r"2000 s between volumes; .* Give repetition_time = 2, if these are millisec"):
        found.repetition_time()
    assert found.repetition_time(2.0) == 2.0
    assert read_maps(f"{data_dir}/formats/nifti/functional.nii").repetition_time() == 2.0
    with pytest.raises(DataError, match="no time between volumes"):
        read_maps(f"{data_dir}/formats/nifti/anatomical.nii").repetition_time()


def test_milliseconds_that_a_header_calls_so_become_seconds(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.random.default_rng(0).random((2, 2, 2, 5)).astype("f4"), AFFINE)
    image.header.set_xyzt_units("mm", "msec")
    image.header.set_zooms((3, 3, 3, 1500.0))
    nibabel.save(image, tmp_path / "a.nii")
    assert read_maps(tmp_path / "a.nii").repetition_time() == pytest.approx(1.5)


def test_a_mask_lies_on_the_same_grid(tmp_path: Path) -> None:
    data = np.random.default_rng(0).random((4, 3, 2, 6)).astype("f4")
    mask = np.zeros((4, 3, 2), "f4")
    mask[1, 2, 0] = mask[3, 0, 1] = 1
    bold = save(data, tmp_path / "bold.nii.gz")
    found = read_maps(bold, save(mask, tmp_path / "mask.nii.gz"))
    assert found.places == ("1-2-0", "3-0-1")
    np.testing.assert_array_equal(found.data, data[[1, 3], [2, 0], [0, 1]].T)
    moved = AFFINE.copy()
    moved[0, 3] = 6.0
    with pytest.raises(DataError, match=r"another position or voxel size.*resample_to_img"):
        read_maps(bold, save(mask, tmp_path / "moved.nii.gz", affine=moved))
    with pytest.raises(DataError, match=r"has shape \(5, 3, 2\)"):
        read_maps(bold, save(np.ones((5, 3, 2), "f4"), tmp_path / "larger.nii.gz"))
    with pytest.raises(DataError, match="is empty; expected voxels above 0"):
        read_maps(bold, save(0 * mask, tmp_path / "empty.nii.gz"))


@pytest.mark.parametrize(
    "file",
    [
        "nifti/functional.nii",
        "nifti/example_nifti2.nii.gz",
        "cifti/weighted_test_roi.dscalar.nii",
        "gifti/rh.shape.curv.gii",
    ],
)
@pytest.mark.parametrize("damage", ["cut short", "text", "empty", "pointer"])
def test_a_damaged_file_gives_one_line_that_names_it(data_dir: str, tmp_path: Path, file: str, damage: str) -> None:
    path = tmp_path / Path(file).name
    shutil.copy(f"{data_dir}/formats/{file}", path)
    os.chmod(path, 0o644)
    content = path.read_bytes()
    path.write_bytes(
        {
            "cut short": content[: int(0.7 * len(content))],
            "text": b"no image\n" * 300,
            "empty": b"",
            "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        }[damage]
    )
    with pytest.raises(DataError) as caught:
        read_maps(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


# -- atlases ----------------------------------------------------------------------------------------------------------


def test_labels_of_real_atlases_by_name(data_dir: str) -> None:
    path = f"{data_dir}/formats/cifti/rois_for_tests.dlabel.nii"
    found = read_atlas(path, read_maps(path))
    sizes = {name: int(mask.sum()) for name, mask in found.items()}
    assert sizes == {
        "L11801_16mm": 207,
        "R_7m_ROI": 135,
        "R_LIPv_ROI": 154,
        "HIPPOCAMPUS_LEFT": 764,
        "x52y52z42_5mm": 81,
    }
    path = f"{data_dir}/formats/gifti/rh.aparc.annot.gii"
    found = read_atlas(path, read_maps(path))
    assert int(found["caudalmiddlefrontal"].sum()) == 4022
    assert "unknown" not in found


def test_annotations_and_labels_of_freesurfer(data_dir: str, tmp_path: Path) -> None:
    from nibabel import freesurfer

    array = nibabel.gifti.GiftiDataArray(np.arange(10242, dtype="f4"), datatype="NIFTI_TYPE_FLOAT32")
    nibabel.save(nibabel.GiftiImage(darrays=[array]), tmp_path / "x.func.gii")
    maps = read_maps(tmp_path / "x.func.gii")
    path = f"{data_dir}/formats/freesurfer/test.annot"
    found = read_atlas(path, maps)
    labels, _, names = freesurfer.read_annot(path)
    for name in ("bankssts", "caudalmiddlefrontal"):
        np.testing.assert_array_equal(found[name], labels == names.index(name.encode()))
    label = f"{data_dir}/formats/freesurfer/Vis-lh.label"
    whole = Maps(np.ones((1, 163842), "f4"), tuple(f"L-{k}" for k in range(163842)), "surface", None)
    assert np.flatnonzero(read_atlas(label, whole)["Vis-lh"]).tolist() == sorted(freesurfer.read_label(label))
    # the published file was cut: it announces more vertices than it holds
    with pytest.raises(DataError, match=r"second line says 326 vertices and 10 are there"):
        read_atlas(f"{data_dir}/formats/freesurfer/test.label", maps)
    with pytest.raises(DataError, match=r"has 10242 vertices, .* at least 71723; expected the same mesh"):
        read_atlas(path, read_maps(f"{data_dir}/formats/gifti/label.gii"))


def test_a_label_volume_needs_names(tmp_path: Path) -> None:
    data = np.random.default_rng(0).random((4, 3, 2, 6)).astype("f4")
    labels = np.zeros((4, 3, 2), "i2")
    labels[0], labels[2] = 1, 7
    maps = read_maps(save(data, tmp_path / "bold.nii.gz"))
    atlas = save(labels, tmp_path / "atlas.nii.gz")
    with pytest.raises(DataError, match="a volume does not name its labels"):
        read_atlas(atlas, maps)
    with pytest.raises(DataError, match=r"label 7 has no name; expected one in the table \(1 = V1\)"):
        read_atlas(atlas, maps, {1: "V1"})
    (tmp_path / "dseg.tsv").write_text("index\tname\tcolor\n0\tbackground\t-\n1\tV1\t#fff\n7\tLOC\t#000\n")
    found = read_atlas(atlas, maps, tmp_path / "dseg.tsv")
    assert {name: int(mask.sum()) for name, mask in found.items()} == {"V1": 6, "LOC": 6}
    assert [maps.places[k] for k in np.flatnonzero(found["LOC"])][:2] == ["2-0-0", "2-0-1"]
    (tmp_path / "lut.txt").write_text("# comment\n1 V1 255 0 0 0\n7 LOC 0 255 0 0\n")
    assert set(read_atlas(atlas, maps, tmp_path / "lut.txt")) == {"V1", "LOC"}


def test_two_hemispheres_side_by_side(tmp_path: Path) -> None:
    for side, n in (("L", 5), ("R", 7)):
        arrays = [nibabel.gifti.GiftiDataArray(np.full(n, k, "f4"), datatype="NIFTI_TYPE_FLOAT32") for k in range(3)]
        nibabel.save(nibabel.GiftiImage(darrays=arrays), tmp_path / f"sub_hemi-{side}_bold.func.gii")
    left, right = (read_maps(tmp_path / f"sub_hemi-{side}_bold.func.gii") for side in "LR")
    found = both_hemispheres(left, right)
    assert found.data.shape == (3, 12)
    assert (found.places[0], found.places[-1]) == ("L-0", "R-6")
    assert (int(found.rois["left"].sum()), int(found.rois["right"].sum())) == (5, 7)
    with pytest.raises(DataError, match="expected a left and a right hemisphere"):
        both_hemispheres(right, left)
