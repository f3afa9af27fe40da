"""Small fMRI runs with a known answer, and BIDS folders made of them."""

import json
from pathlib import Path

import nibabel
import numpy as np
from nilearn.glm.first_level import make_first_level_design_matrix

TR = 2.0
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])


def events(ids: list[str], step: float = 8.0, start: float = 4.0, duration: float = 2.0) -> str:
    rows = [f"{start + step * k:g}\t{duration:g}\tstimulus\t{one}" for k, one in enumerate(ids)]
    return "onset\tduration\ttrial_type\timage\n" + "\n".join(rows) + "\n"


def volumes(ids: list[str], patterns: dict[str, np.ndarray], n: int, noise: float = 0.0, seed: int = 0, **when: float):
    """Return ``(x, y, z, n)``: the pattern of each stimulus by its response, on a baseline of 100."""
    import pandas as pd

    step, start, duration = when.get("step", 8.0), when.get("start", 4.0), when.get("duration", 2.0)
    names = sorted(set(ids))
    table = pd.DataFrame(
        {"trial_type": ids, "onset": start + step * np.arange(len(ids)), "duration": np.full(len(ids), duration)}
    )
    frames = (np.arange(n) + 0.5) * TR
    design = make_first_level_design_matrix(frames, table, hrf_model="spm", drift_model=None)
    shape = next(iter(patterns.values())).shape
    signal = sum(design[name].to_numpy()[:, None] * patterns[name].ravel() for name in names)
    data = 100.0 + signal + noise * np.random.default_rng(seed).standard_normal((n, int(np.prod(shape))))
    return data.T.reshape(*shape, n).astype(np.float32)


def save(data: np.ndarray, path: Path, seconds: float = TR, affine: np.ndarray = AFFINE) -> Path:
    image = nibabel.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm", "sec")
    if data.ndim == 4:
        image.header.set_zooms((*image.header.get_zooms()[:3], seconds))
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(image, path)
    return path


def patterns(names: list[str], shape: tuple[int, int, int] = (4, 5, 3), seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape) for name in names}


def bids_folder(root: Path, subjects: list[str], ids: list[str], n_runs: int = 2, noise: float = 0.1) -> dict:
    """Write a BIDS data set of a task 'view', each run in another order, and return the patterns by subject."""
    root.mkdir(parents=True)
    description = {"Name": "made by a test", "BIDSVersion": "1.9.0"}
    (root / "dataset_description.json").write_text(json.dumps(description))
    (root / "task-view_bold.json").write_text(json.dumps({"RepetitionTime": TR, "TaskName": "view"}))
    made = {}
    for s, subject in enumerate(subjects):
        shape = (4 + s, 5, 3)  # people have brains of their own size
        made[subject] = patterns(sorted(set(ids)), shape, seed=s)
        for run in range(1, n_runs + 1):
            order = [ids[k] for k in np.random.default_rng(10 * s + run).permutation(len(ids))]
            n = 4 * len(ids) + 8
            stem = root / f"sub-{subject}" / "func" / f"sub-{subject}_task-view_run-{run}"
            save(volumes(order, made[subject], n, noise, seed=run), Path(f"{stem}_bold.nii.gz"))
            Path(f"{stem}_events.tsv").write_text(events(order))
    return made
