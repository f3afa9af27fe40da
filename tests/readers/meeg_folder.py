"""BIDS folders of EEG with a known answer, written by mne-bids, and their pictures."""

from pathlib import Path

import mne
import mne_bids
import numpy as np
import pandas as pd
from PIL import Image


def raw(order: list[str], seed: int, rate: float = 100.0) -> tuple[mne.io.RawArray, np.ndarray]:
    """Return two seconds a stimulus: from 0.1 to 0.2 s after it, channels follow its pattern, the same for everyone."""
    rng = np.random.default_rng(seed)
    names = ["Oz", "O1", "O2", "Fz", "EOG1"]
    data = 2e-6 * rng.standard_normal((5, int(rate * (2 * len(order) + 4))))
    onsets = 2.0 + 2.0 * np.arange(len(order))
    for onset, stimulus in zip(onsets, order, strict=True):
        pattern = np.random.default_rng(int(stimulus[3:5])).standard_normal(4)
        start = int((onset + 0.1) * rate)
        data[:4, start : start + 10] += 8e-6 * pattern[:, None]
    info = mne.create_info(names, rate, ["eeg"] * 4 + ["eog"], verbose="error")
    info["line_freq"] = 50
    return mne.io.RawArray(data, info, verbose="error"), onsets


def meeg_folder(root: Path, ids: list[str], subjects: tuple[str, ...], bad: tuple[str, str] = ("", "")) -> Path:
    """Write two runs of each person, every run in another order; ``bad``: whose run has a bad channel."""
    for s, subject in enumerate(subjects):
        for run in ("1", "2"):
            order = [ids[k] for k in np.random.default_rng(10 * s + int(run)).permutation(len(ids))] * 2
            one, onsets = raw(order, 7 * s + int(run))
            if (subject, run) == bad:
                one.info["bads"] = ["O2"]
            path = mne_bids.BIDSPath(subject=subject, task="view", run=run, root=root, datatype="eeg")
            one.set_annotations(mne.Annotations(onsets, 0.5, "stimulus"))
            mne_bids.write_raw_bids(
                one, path, allow_preload=True, format="BrainVision", overwrite=True, verbose="error"
            )
            table = path.copy().update(suffix="events", extension=".tsv").fpath
            events = pd.read_csv(table, sep="\t")
            events["stim_file"] = order
            events = pd.concat([events, pd.DataFrame([{"onset": 1.0, "duration": 0.0, "trial_type": "button"}])])
            events.to_csv(table, sep="\t", index=False, na_rep="n/a")
    return root


def picture(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (16, 16, 3), dtype=np.uint8))


def pictures(folder: Path, ids: list[str]) -> None:
    """Write a picture for each id such as ``"img07.png"``."""
    folder.mkdir(parents=True)
    for one in ids:
        picture(int(one[3:5])).save(folder / one)
