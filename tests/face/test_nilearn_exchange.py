"""Images in, images out: against nilearn's own masking."""

import nibabel
import numpy as np
import pytest
from nilearn.maskers import NiftiMasker
from nilearn.surface import InMemoryMesh, PolyMesh, SurfaceImage

import brainalign as ba
from brainalign.errors import DataError, SpecError, StimulusMismatchError
from tests.searchlights.worlds import square_mesh

AFFINE = np.array([[-3.0, 0, 0, 90], [0, 3.0, 0, -126], [0, 0, 3.0, -72], [0, 0, 0, 1]])
IDS = ("a", "b", "c", "a", "b", "c")


def betas() -> nibabel.Nifti1Image:
    data = np.random.default_rng(0).normal(size=(5, 6, 4, 6)).astype(np.float32)
    image = nibabel.Nifti1Image(data, AFFINE)
    image.set_sform(AFFINE, code=4)
    return image


def mask() -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image((np.random.default_rng(1).random((5, 6, 4)) < 0.6).astype(np.uint8), AFFINE)


def test_a_masker_goes_in_and_its_image_comes_out() -> None:
    masker = NiftiMasker(mask_img=mask(), standardize=None).fit()
    one = ba.from_nilearn(betas(), IDS, masker, runs=[1, 1, 1, 2, 2, 2], rois={"some": mask()})
    assert np.array_equal(one.data[:, :, 0], masker.transform(betas()))
    assert one.geometry.space == "MNI152"
    assert one.rois["some"].all()
    assert one.runs == ("1", "1", "1", "2", "2", "2")
    inverse = masker.inverse_transform(one.data[:, :, 0]).get_fdata()
    back = ba.to_nilearn(one).get_fdata()
    assert np.array_equal(np.nan_to_num(back), inverse)
    plain = ba.from_nilearn(betas(), IDS, mask())
    assert np.array_equal(plain.data, one.data)
    smooth = ba.from_nilearn(betas(), IDS, NiftiMasker(mask_img=mask(), smoothing_fwhm=6, standardize=None))
    assert not np.allclose(smooth.data, one.data)
    listed = ba.from_nilearn([nibabel.Nifti1Image(betas().get_fdata()[..., k], AFFINE) for k in range(6)], IDS, mask())
    assert np.allclose(listed.data, one.data)


def test_a_map_has_the_affine_of_what_went_in() -> None:
    one = ba.from_nilearn(betas(), IDS, mask())
    rdm = ba.compute_rdms(np.random.default_rng(2).normal(size=(3, 4)), ("a", "b", "c"))
    image = ba.to_nilearn(ba.searchlight({"m": rdm}, one, radius=5, min_places=2), "m")
    assert np.array_equal(image.affine, AFFINE)
    inside = mask().get_fdata() > 0
    assert np.isnan(image.get_fdata()[~inside]).all()
    assert np.isfinite(image.get_fdata()[inside]).mean() > 0.5


def test_a_surface_image_goes_in_and_comes_out() -> None:
    points, faces = square_mesh(6)
    mesh = PolyMesh(left=InMemoryMesh(points, faces), right=InMemoryMesh(points, faces))
    data = {part: np.random.default_rng(k).normal(size=(36, 6)) for k, part in enumerate(("left", "right"))}
    data["left"][:4] = 0  # no signal there
    image = SurfaceImage(mesh, data)
    one = ba.from_nilearn(image, IDS)
    assert one.geometry.names()[:1] == ("L-4",)
    assert len(one.channels) == 68
    rdm = ba.compute_rdms(np.random.default_rng(2).normal(size=(3, 4)), ("a", "b", "c"))
    found = ba.searchlight({"m": rdm}, one, radius=2, meshes=mesh.parts)
    out = ba.to_nilearn(found, "m")
    assert isinstance(out, SurfaceImage)
    assert np.isnan(out.data.parts["left"][:4]).all()
    assert np.abs(out.data.parts["right"].ravel()[found.geometry.vertex[-1]] - found.map()[-1]) < 1e-6


def test_what_does_not_fit_is_one_line() -> None:
    with pytest.raises(StimulusMismatchError, match="6 images for 2 ids"):
        ba.from_nilearn(betas(), IDS[:2], mask())
    other = nibabel.Nifti1Image(mask().get_fdata(), np.eye(4))
    with pytest.raises(DataError, match="another position"):
        ba.from_nilearn(betas(), IDS, other)
    empty = nibabel.Nifti1Image(np.zeros((5, 6, 4), np.uint8), AFFINE)
    with pytest.raises(DataError, match="mask is empty"):
        ba.from_nilearn(betas(), IDS, empty)
    with pytest.raises(SpecError, match="expected a geometry"):
        ba.to_nilearn(ba.Recording.from_array(np.ones((2, 3)), ["a", "b"]))
    with pytest.raises(SpecError, match="got str"):
        ba.to_nilearn("x")
