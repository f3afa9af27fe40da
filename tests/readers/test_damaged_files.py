"""A table of formats by damage: each gives one line that names the file and says what to do.

EEG and MEG files stand in ``test_meeg_file.py``, events in ``test_events.py``; here are all other formats, and variants
that are whole files of the wrong content.
"""

import gzip
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from brainalign.errors import DataError
from brainalign.readers.atlas import read_atlas
from brainalign.readers.bdpy import read_bdpy
from brainalign.readers.confounds import read_confounds
from brainalign.readers.cosmomvpa import read_cosmomvpa
from brainalign.readers.events import read_events
from brainalign.readers.first_level import FirstLevel
from brainalign.readers.maps import Maps, both_hemispheres, read_maps
from tests.readers.volumes import AFFINE, events, save


def surface(n: int, side: str = "L") -> Maps:
    return Maps(np.ones((1, n), "f4"), tuple(f"{side}-{k}" for k in range(n)), "surface", None, name="maps")


#: A real file of each format: its reader, and the words of what is no longer such a file.
READERS: dict[str, tuple[Callable[[Path], Any], str]] = {
    **dict.fromkeys(
        (
            *("nifti/functional.nii", "nifti/example_nifti2.nii.gz", "nifti/example4d.nii.gz", "nifti/anatomical.nii"),
            *("nifti/reoriented_anat_moved.nii", "cifti/weighted_test_roi.dscalar.nii", "gifti/rh.shape.curv.gii"),
            "cifti/S1200.sulc_MSMAll.32k_fs_LR.dscalar.nii",
        ),
        (read_maps, "whole NIfTI, GIFTI or CIFTI file"),
    ),
    "cifti/rois_for_tests.dlabel.nii": (
        lambda path: read_atlas(path, surface(10)),
        "whole NIfTI, GIFTI or CIFTI file",
    ),
    "gifti/task.func.gii": (read_maps, "whole NIfTI, GIFTI or CIFTI file"),
    "gifti/label.gii": (lambda path: read_atlas(path, surface(10)), "whole NIfTI, GIFTI or CIFTI file"),
    "gifti/rh.aparc.annot.gii": (lambda path: read_atlas(path, surface(10, "R")), "whole NIfTI, GIFTI or CIFTI file"),
    "freesurfer/test.annot": (lambda path: read_atlas(path, surface(10242)), "a FreeSurfer file"),
    "freesurfer/Vis-lh.label": (lambda path: read_atlas(path, surface(163842)), "a FreeSurfer file"),
    "confounds/test-v21_desc-confounds_timeseries.tsv": (
        lambda path: read_confounds(path, ("motion6",)),
        "rows of equal length with a header",
    ),
    "confounds/test_desc-confounds_regressors.tsv": (
        lambda path: read_confounds(path, ("motion6",)),
        "rows of equal length with a header",
    ),
    "cosmomvpa/ds_tiny.mat": (read_cosmomvpa, "Fetch it, or save it again from MATLAB"),
    "bdpy/sample_vmap.h5": (read_bdpy, "whole HDF5 file"),
}

#: Damage to bytes.
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "zeroed": lambda content: bytes(len(content)),
    "second half zeroed": lambda content: content[: len(content) // 2] + bytes(len(content) - len(content) // 2),
    "cut in half": lambda content: content[: len(content) // 2],
    "end cut": lambda content: content[: -max(3, len(content) // 50)],
    "beginning cut": lambda content: content[len(content) // 3 :],
}

#: Where the words are others, by file and damage.
OTHER_WORDS = {
    (
        "nifti/functional.nii",
        "second half zeroed",
    ): r"the last \d+ of 20 volumes hold one value everywhere; expected data",
}


#: Nothing tells these from a volume that is 0 outside a mask: one volume, not compressed.
NOT_SEEN = [(file, "second half zeroed") for file in ("nifti/anatomical.nii", "nifti/reoriented_anat_moved.nii")]


@pytest.mark.parametrize(
    ("file", "damage"), [(file, damage) for file in READERS for damage in DAMAGES if (file, damage) not in NOT_SEEN]
)
def test_damaged_bytes(data_dir: str, tmp_path: Path, file: str, damage: str) -> None:
    read, words = READERS[file]
    path = tmp_path / Path(file).name
    path.write_bytes(DAMAGES[damage](Path(data_dir, "formats", file).read_bytes()))
    line = one_line(lambda: read(path))
    assert path.name in line
    assert re.search(OTHER_WORDS.get((file, damage), re.escape(words)), line), line


def one_line(call: Callable[[], Any]) -> str:
    with pytest.raises(DataError) as caught:
        call()
    line = str(caught.value)
    assert "\n" not in line
    assert line.endswith(".")
    return line


# -- real files whose header is whole and whose numbers are not -------------------------------------------------------


def with_numbers(source: str, path: Path, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    """Save a real file with other numbers ``(n_maps, n_places)`` under its own header."""
    image: Any = nibabel.load(source)
    if isinstance(image, nibabel.GiftiImage):
        changed = change(np.stack([one.data.ravel() for one in image.darrays]).astype("f4"))
        for one, row in zip(image.darrays, changed, strict=True):
            one.data = row.reshape(one.data.shape)
    else:
        values = np.asanyarray(image.dataobj).astype("f4")
        volume = not isinstance(image, nibabel.Cifti2Image)
        rows = values.reshape(-1, values.shape[3] if values.ndim == 4 else 1, order="F").T if volume else values
        changed = change(rows)
        changed = changed.T.reshape(values.shape, order="F") if volume else changed
        image.header.set_data_dtype(np.float32) if volume else None
        image = image.__class__(changed, *((image.affine,) if volume else ()), header=image.header)
    nibabel.save(image, path)
    return path


def last_blank(rows: np.ndarray) -> np.ndarray:
    return np.where(np.arange(len(rows))[:, None] >= 0.7 * len(rows), 0, rows)


FLAT = r"(no voxel varies|one value at all \d+ places); expected data\. Fetch it again\.$"
REAL = (
    *("nifti/functional.nii", "nifti/example4d.nii.gz", "nifti/anatomical.nii"),
    *("cifti/S1200.sulc_MSMAll.32k_fs_LR.dscalar.nii", "gifti/task.func.gii", "gifti/rh.shape.curv.gii"),
)


@pytest.mark.parametrize("file", REAL)
@pytest.mark.parametrize("value", [0, 7, np.nan])
def test_one_number_everywhere(data_dir: str, tmp_path: Path, file: str, value: float) -> None:
    source = f"{data_dir}/formats/{file}"
    path = with_numbers(source, tmp_path / Path(file).name, lambda rows: np.full_like(rows, value))
    if value == 7 and len(read_maps(source)) == 1:
        assert (read_maps(path).data == 7).all()  # one map of one value is a mask
        return
    assert re.search(FLAT, one_line(lambda: read_maps(path)))


@pytest.mark.parametrize("file", ["nifti/functional.nii", "gifti/task.func.gii"])
def test_the_last_maps_are_blank(data_dir: str, tmp_path: Path, file: str) -> None:
    path = with_numbers(f"{data_dir}/formats/{file}", tmp_path / Path(file).name, last_blank)
    line = one_line(lambda: read_maps(path))
    assert re.search(r"the last (6 of 20|3 of 10) volumes hold one value everywhere; expected data", line), line


@pytest.mark.parametrize("file", REAL)
def test_the_same_numbers_are_read_back(data_dir: str, tmp_path: Path, file: str) -> None:
    source = f"{data_dir}/formats/{file}"
    found = read_maps(with_numbers(source, tmp_path / Path(file).name, lambda rows: rows))
    np.testing.assert_allclose(found.data, read_maps(source).data, rtol=1e-6)


def scaled(folder: Path, source: str, factor: float) -> Path:
    """Save a real volume as if its affine counted in other units than millimetres."""
    image: Any = nibabel.load(source)
    affine = np.diag([factor, factor, factor, 1.0]) @ image.affine
    nibabel.save(nibabel.Nifti1Image(np.asanyarray(image.dataobj), affine), folder / "sub-01_bold.nii")
    return folder / "sub-01_bold.nii"


@pytest.mark.parametrize(("factor", "sizes"), [(1e-3, "0.004 x 0.004 x 0.008"), (1e3, r"4e\+03 x 4e\+03 x 8e\+03")])
def test_metres_and_micrometres_are_no_millimetres(data_dir: str, tmp_path: Path, factor: float, sizes: str) -> None:
    line = one_line(lambda: read_maps(scaled(tmp_path, f"{data_dir}/formats/nifti/functional.nii", factor)))
    assert re.search(rf"has voxels of {sizes} mm; expected 0\.01 to 100 mm\. Save it with an affine in millim", line), (
        line
    )


# -- whole files of the wrong content ---------------------------------------------------------------------------------


def bold(folder: Path, **options: Any) -> Path:
    return save(np.random.default_rng(0).random((4, 3, 2, 40)).astype("f4"), folder / "sub-01_bold.nii.gz", **options)


def gifti(folder: Path, n: int, name: str, step: str = "") -> Path:
    rng = np.random.default_rng(0)
    meta = {"TimeStep": step} if step else {}
    arrays = [
        nibabel.gifti.GiftiDataArray(
            rng.random(n).astype("f4"), datatype="NIFTI_TYPE_FLOAT32", meta=nibabel.gifti.GiftiMetaData(meta)
        )
        for _ in range(2)
    ]
    nibabel.save(nibabel.GiftiImage(darrays=arrays), folder / name)
    return folder / name


def cifti(folder: Path, name: str, keep: np.ndarray | None = None, step: float = 2.0) -> Path:
    mask = np.ones((3, 2, 2), dtype=bool) if keep is None else keep
    axis = nibabel.cifti2.BrainModelAxis.from_mask(mask, affine=AFFINE, name="thalamus_left")
    rows = nibabel.cifti2.SeriesAxis(0, step, 5)
    data = np.random.default_rng(0).random((5, int(mask.sum()))).astype("f4")
    nibabel.save(nibabel.Cifti2Image(data, (rows, axis)), folder / name)
    return folder / name


def missing_voxels() -> np.ndarray:
    mask = np.ones((3, 2, 2), dtype=bool)
    mask[0, 0, 0] = False
    return mask


def seconds_of(path: Path) -> float:
    return read_maps(path).repetition_time()


def glm(folder: Path, table: str, rows: int | None = None) -> Any:
    (folder / "sub-01_events.tsv").write_text(table)
    found = read_events(folder / "sub-01_events.tsv", "image")
    confounds = None if rows is None else np.zeros((rows, 2))
    return FirstLevel().run(read_maps(bold(folder)), found, confounds=confounds)


def dlabel(folder: Path) -> Path:
    axis = nibabel.cifti2.BrainModelAxis.from_mask(missing_voxels(), affine=AFFINE, name="thalamus_left")
    rows = nibabel.cifti2.LabelAxis(["atlas"], [{0: ("???", (0, 0, 0, 0)), 1: ("V1", (1, 0, 0, 1))}])
    data = np.ones((1, len(axis)), "f4")
    nibabel.save(nibabel.Cifti2Image(data, (rows, axis)), folder / "atlas.dlabel.nii")
    return folder / "atlas.dlabel.nii"


def copied(data_dir: str, file: str, path: Path) -> Path:
    shutil.copyfile(f"{data_dir}/formats/{file}", path)
    return path


def cropped_gzip(folder: Path) -> Path:
    """A file that unpacks to half of a volume: cut before it was packed."""
    path = bold(folder)
    half = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(half[: len(half) // 2]))
    return path


#: Format and damage, what reads it, and the line.
VARIANTS: dict[tuple[str, str], tuple[Callable[[str, Path], Any], str]] = {
    ("NIfTI", "milliseconds called seconds"): (
        lambda _, at: seconds_of(bold(at, seconds=2000.0)),
        r"2000 s between volumes; expected 0\.05 to 30 s\. Give repetition_time = 2, if these are milliseconds",
    ),
    ("NIfTI", "cut before it was packed"): (lambda _, at: read_maps(cropped_gzip(at)), "cannot be read .*Fetch it"),
    ("NIfTI", "axes in another order than the mask"): (
        lambda _, at: read_maps(bold(at), save(np.ones((2, 3, 4), "f4"), at / "mask.nii.gz")),
        r"has shape \(2, 3, 4\), .* has shape \(4, 3, 2\); expected one volume on the same grid",
    ),
    ("GIFTI", "seconds called milliseconds"): (
        lambda _, at: seconds_of(gifti(at, 20, "lh.func.gii", step="2.0")),
        r"0\.002 s between volumes; .* Give repetition_time = 2, if the header's are seconds",
    ),
    ("GIFTI", "hemispheres in the wrong order"): (
        lambda _, at: both_hemispheres(*(read_maps(gifti(at, 20, f"{side}.func.gii")) for side in ("rh", "lh"))),
        "expected a left and a right hemisphere",
    ),
    ("GIFTI", "a mesh instead of maps"): (
        lambda _, at: read_maps(mesh(at)),
        r"holds arrays of shape \(7, 3\); expected maps over vertices, not a mesh",
    ),
    ("CIFTI", "milliseconds called seconds"): (
        lambda _, at: seconds_of(cifti(at, "a.dtseries.nii", step=2000.0)),
        r"2000 s between volumes; .* repetition_time = 2, if these are milliseconds",
    ),
    ("CIFTI", "an atlas that lacks places"): (
        lambda _, at: read_atlas(dlabel(at), read_maps(cifti(at, "a.dtseries.nii"))),
        "lacks 1 of 12 places of .* expected the same grayordinates",
    ),
    (".annot", "the other hemisphere"): (
        lambda data, at: read_atlas(copied(data, "freesurfer/test.annot", at / "rh.test.annot"), surface(10242)),
        "is of the other hemisphere than maps; expected the same",
    ),
    (".annot", "another mesh"): (
        lambda data, at: read_atlas(copied(data, "freesurfer/test.annot", at / "test.annot"), surface(20000)),
        "has 10242 vertices, maps at least 20000; expected the same mesh",
    ),
    ("confounds", "a column that is missing"): (
        lambda data, _: read_confounds(
            f"{data}/formats/confounds/test-v21_desc-confounds_timeseries.tsv", ["trans_x_derivative2"]
        ),
        "has no column 'trans_x_derivative2'; near it: trans_",
    ),
    ("confounds", "rows of another run"): (
        lambda _, at: glm(at, events(["a", "b"] * 4), rows=39),
        "39 rows of confounds for 40 volumes; expected one each",
    ),
    ("events", "none"): (
        lambda _, at: glm(at, "onset\tduration\ttrial_type\timage\n"),
        "no row of 0 has a value in column 'image'. Name the column that says which stimulus was shown",
    ),
    ("events", "without ids"): (
        lambda _, at: glm(at, "onset\tduration\ttrial_type\timage\n4\t2\tstimulus\tn/a\n"),
        "no row of 1 has a value in column 'image'",
    ),
    ("events", "milliseconds read as seconds"): (
        lambda _, at: glm(at, events(["a", "b"] * 4, step=8000.0, start=4000.0)),
        r"8 of 8 events lie outside the run, first 4000",
    ),
}


def mesh(folder: Path) -> Path:
    array = nibabel.gifti.GiftiDataArray(
        np.zeros((7, 3), "f4"), intent="NIFTI_INTENT_POINTSET", datatype="NIFTI_TYPE_FLOAT32"
    )
    nibabel.save(nibabel.GiftiImage(darrays=[array]), folder / "lh.surf.gii")
    return folder / "lh.surf.gii"


@pytest.mark.parametrize(("kind", "variant"), VARIANTS)
def test_whole_files_of_the_wrong_content(data_dir: str, tmp_path: Path, kind: str, variant: str) -> None:
    read, words = VARIANTS[kind, variant]
    line = one_line(lambda: read(data_dir, tmp_path))
    assert re.search(words, line), line


def test_grayordinates_and_columns_in_another_order_are_joined_by_name(data_dir: str, tmp_path: Path) -> None:
    maps = read_maps(cifti(tmp_path, "a.dtseries.nii", missing_voxels()))
    found = read_atlas(dlabel(tmp_path), maps.at(np.arange(11)[::-1]))
    assert int(found["V1"].sum()) == 11
    path = Path(data_dir, "formats/confounds/test-v21_desc-confounds_timeseries.tsv")
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    (tmp_path / "turned.tsv").write_text("\n".join("\t".join(row[::-1]) for row in rows) + "\n")
    expected, names = read_confounds(path, ["motion6"])
    turned, same = read_confounds(tmp_path / "turned.tsv", ["motion6"])
    assert names == same
    np.testing.assert_array_equal(turned, expected)
