"""Where channels are: it follows the channels, and images of it lie where the data lay."""

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from brainalign.errors import DataError, StimulusMismatchError
from brainalign.geometry.surface import Surface
from brainalign.geometry.volume import Volume
from brainalign.readers.bids_meeg import joined_runs
from brainalign.readers.maps import both_hemispheres, read_maps
from brainalign.readers.trials import Trials
from brainalign.recordings.haxby_openfmri import HaxbyOpenfmri
from brainalign.recordings.haxby_slice import HaxbySlice
from brainalign.recordings.recording import Recording

#: Oblique, so that an affine that is transposed or forgotten shows.
AFFINE = np.array([[0.0, -3.0, 0.5, 10.0], [2.5, 0.0, 0.0, -20.0], [0.0, 0.4, 4.0, 5.0], [0.0, 0.0, 0.0, 1.0]])


def volume(n: int = 6) -> Volume:
    return Volume((5, 4, 3), AFFINE, np.argwhere(np.ones((5, 4, 3)))[7 : 7 + n], "MNI152")


def recording(geometry: Volume | Surface | None, n: int = 6) -> Recording:
    return Recording(
        np.arange(4.0 * n).reshape(4, n, 1) ** 2, tuple("abab"), tuple(f"v{k}" for k in range(n)), (0.0,), "s", "d",
        "fMRI", "a.u.", {"roi": np.arange(n) % 2 == 0}, ("1", "1", "2", "2"), geometry=geometry,
    )  # fmt: skip


def test_geometry_follows_channels_and_enters_no_key() -> None:
    one = recording(volume())
    assert one.key == recording(None).key
    assert one.select("roi").geometry.names() == volume().at(np.array([0, 2, 4])).names()
    assert one.drop_channels(["v0"]).geometry.names() == volume().names()[1:]
    for same in (one.subset(["a"]), one.centred("run"), one.drop_trials(np.array([True, False, False, False]))):
        assert same.geometry is one.geometry
    with pytest.raises(StimulusMismatchError, match="5 voxels for 6 channels"):
        replace(one, geometry=volume(5))


def test_an_image_lies_where_the_voxels_lay(tmp_path: Path) -> None:
    one, values = volume(), np.arange(6.0) + 0.5
    (name, data), *_ = one.files(values, "map").items()
    (tmp_path / name).write_bytes(data)
    image = nibabel.load(tmp_path / name)
    assert name == "map.nii.gz"
    assert np.allclose(image.affine, AFFINE, atol=1e-6)
    assert np.array_equal(image.get_fdata()[tuple(one.index.T)], values)
    assert np.isfinite(image.get_fdata()).sum() == 6
    again = Volume.of_mask(nibabel.Nifti1Image((image.get_fdata() > 0).astype(np.uint8), image.affine, image.header))
    assert again.names() == one.names()
    assert again.space == "MNI152"
    assert not one.mismatch(again)
    assert np.allclose(nibabel.affines.apply_affine(AFFINE, one.index), one.points())


def test_what_does_not_fit_is_one_line() -> None:
    with pytest.raises(DataError, match="within"):
        Volume((5, 4, 3), AFFINE, np.array([[0, 0, 3]]))
    with pytest.raises(DataError, match="Affine of voxels"):
        Volume((5, 4, 3), np.zeros((4, 4)), np.array([[0, 0, 0]]))
    with pytest.raises(DataError, match="Vertices run to 4"):
        Surface(np.array(["L"]), np.array([4]), {"L": 4})
    with pytest.raises(DataError, match="'left'"):
        Surface(np.array(["left"]), np.array([0]), {"left": 4})
    assert "positions in mm" in volume().mismatch(replace(volume(), affine=AFFINE + 0.1))
    assert "voxels and vertices" in volume().mismatch(Surface(np.array(["L"]), np.array([0]), {"L": 1}))


def test_hemispheres_are_read_with_their_places(tmp_path: Path) -> None:
    parts = []
    for side, n in (("L", 7), ("R", 5)):
        array = nibabel.gifti.GiftiDataArray(np.arange(n, dtype=np.float32))
        nibabel.save(nibabel.gifti.GiftiImage(darrays=[array]), tmp_path / f"sub-1_hemi-{side}_bold.func.gii")
        parts.append(read_maps(tmp_path / f"sub-1_hemi-{side}_bold.func.gii"))
    both = both_hemispheres(*parts)
    right = both.at(both.rois["right"])
    assert both.geometry.names() == both.places
    assert right.geometry.n_vertices == {"R": 5}
    assert {side: part.size for side, part in both.geometry.arrays(np.zeros(12)).items()} == {"L": 7, "R": 5}
    files = both.geometry.files(np.arange(12.0), "x")
    assert sorted(files) == ["hemi-L_x.shape.gii", "hemi-R_x.shape.gii"]
    image = nibabel.gifti.GiftiImage.from_bytes(files["hemi-R_x.shape.gii"])
    assert np.array_equal(image.darrays[0].data, np.arange(7.0, 12.0))


def test_runs_on_other_grids_are_refused() -> None:
    def run(geometry: Volume) -> Trials:
        return Trials(
            np.ones((1, 6, 1)), ("a",), geometry.names(), (0.0,), "fMRI", "z", runs=("1",), geometry=geometry
        )  # fmt: skip

    assert joined_runs([run(volume()), run(volume())], "s").geometry.names() == volume().names()
    with pytest.raises(DataError, match="other positions in mm"):
        joined_runs([run(volume()), run(replace(volume(), affine=AFFINE * 1.01))], "s")


def test_real_recordings_know_their_voxels(data_dir: str) -> None:
    for source in (HaxbySlice(data_dir), HaxbyOpenfmri(data_dir)):
        one = source.recording("sub001")
        assert one.geometry.names() == one.channels
        assert one.geometry.shape[2] == 1
        file = {"haxby_slice": "bold.nii.gz", "haxby_openfmri": "sub001/BOLD/task001_run001/bold_1slice.nii.gz"}
        image = nibabel.load(Path(data_dir) / one.dataset / file[one.dataset])
        assert np.allclose(one.geometry.affine, image.affine)
