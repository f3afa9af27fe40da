"""Peak memory and time of recordings that are larger than what should be held.

    python benchmarks/scale.py [--size small|full] [--folder FOLDER] [--jobs rdms,runs,...]

Writes trials (``full``: 100,000 x 64 channels x 250 times, 6.4 GB) and betas (10,000 x 100,000, 4 GB), float32, piece
by piece into ``--folder``, and removes them at the end. Each job runs in a process of its own, which prints its seconds
and the most memory that was resident (``resource.getrusage``); importing the package takes the part that is printed
with it. Pages of mapped files count as resident; what does not fit lies in files of ``TMPDIR``, set to ``--folder``.

Jobs: ``rdms`` (correlation RDMs of all stimuli at all times), ``runs`` (the same after run effects are taken out, which
makes a copy), ``check`` (the data check of those trials), ``whiten`` (channels whitened by the noise of half of the
trials), ``nested`` (ridge regression on some voxels, penalties chosen by nested cross-validation), ``all`` (all voxels
at one penalty).
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Size:
    trials: int
    channels: int
    times: int
    stimuli: int
    betas: int
    voxels: int
    targets: int
    features: int


SIZES = {
    "small": Size(4_000, 32, 50, 300, 1_000, 4_000, 500, 50),
    "full": Size(100_000, 64, 250, 2_000, 10_000, 100_000, 5_000, 200),
}
_PIECE = 2**22


def write(path: Path, shape: tuple[int, ...], label: np.ndarray, n_labels: int) -> None:
    """Write noise plus a signal of each label, a piece at a time."""
    from brainalign.mapped import release

    rng = np.random.default_rng(0)
    signal = rng.standard_normal((n_labels, shape[1]), dtype=np.float32)
    data = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    step = max(1, _PIECE // int(np.prod(shape[1:])))
    for start in range(0, shape[0], step):
        part = slice(start, min(start + step, shape[0]))
        own = signal[label[part]].reshape(-1, shape[1], *(1,) * (len(shape) - 2))
        data[part] = rng.standard_normal((part.stop - start, *shape[1:]), dtype=np.float32) + own
        release(data)


def stimulus_of(size: Size) -> np.ndarray:
    return np.random.default_rng(1).permutation(np.arange(size.trials) % size.stimuli)


def features_of(size: Size) -> np.ndarray:
    return np.random.default_rng(2).standard_normal((size.betas, size.features))


def trials(size: Size, folder: Path, runs: bool):
    from brainalign.recordings.recording import Recording

    data = np.load(folder / "trials.npy", mmap_mode="r")
    ids = [f"stimulus {k}" for k in stimulus_of(size)]
    blocks = [str(k * 10 // size.trials) for k in range(size.trials)] if runs else None
    times = np.linspace(-0.2, 0.8, size.times).tolist()
    return Recording.from_array(data, ids, times=times, runs=blocks, modality="EEG", dataset="large")


def betas(size: Size, folder: Path):
    from brainalign.recordings.recording import Recording

    data = np.load(folder / "betas.npy", mmap_mode="r")
    mask = np.arange(size.voxels) % (size.voxels // size.targets) == 0
    rois = {"all": np.ones(size.voxels, dtype=bool), "some": mask}
    return Recording.from_array(data, [f"s{k}" for k in range(size.betas)], rois=rois, modality="fMRI", dataset="large")


def run_job(job: str, size: Size, folder: Path) -> str:
    """Do one job; return what it found, which says that it was done."""
    from brainalign.comparisons.encoding import Encoding
    from brainalign.data_check.brain import BrainCheck
    from brainalign.patterns import Patterns
    from brainalign.recordings.noise_normalisation import whitened
    from brainalign.recordings.own import own_recording
    from brainalign.specs import RecordingSpec

    begun = time.perf_counter()

    def say(text: str) -> None:
        sys.stderr.write(f"\r{job} {time.perf_counter() - begun:6.0f} s: {text}    ")

    if job in ("rdms", "runs", "check"):
        source = own_recording(None, trials=[trials(size, folder, job != "rdms")], name="large")
        check = BrainCheck(source, RecordingSpec("large", subjects="fixed"), say)
        if job == "check":
            return "; ".join(map(str, check.findings()))
        (movie,) = check.brain.movies("all")
        mean = np.mean([movie.values[0, k].mean() for k in range(0, size.times, 10)])
        return f"RDMs {movie.values.shape}, {type(movie.values).__name__}, mean {mean:.6f}"
    if job == "whiten":
        done = whitened(trials(size, folder, runs=False), np.arange(size.trials) % 2 == 0)
        return f"{done.unit}, s.d. {done.data[:100].std():.3f}"
    layer = Patterns(features_of(size), [f"s{k}" for k in range(size.betas)], "layer")
    one = betas(size, folder)
    measure, roi = (Encoding(), "some") if job == "nested" else (Encoding(alphas=(1.0,)), "all")
    scores = measure.target_scores(layer, one, roi, progress=say)
    return f"{len(scores.r)} targets, {scores.form}, mean r {scores.r.mean():.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--folder", type=Path, default=Path("results/scale"))
    parser.add_argument("--jobs", default="rdms,runs,check,whiten,nested,all")
    parser.add_argument("--only", default="", help="of a process of its own")
    args = parser.parse_args()
    size = SIZES[args.size]
    if args.only:
        import brainalign.comparisons.encoding  # noqa: F401

        before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
        found = run_job(args.only, size, args.folder)
        peak, seconds = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter() - begun
        cpu = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        memory = f"peak {peak / 2**20:.2f} GiB ({before / 2**20:.2f} imported)"
        print(f"\n{args.only}: {memory}, {seconds:.0f} s ({cpu:.0f} s of processor): {found}", flush=True)
        return
    made = not args.folder.exists()
    args.folder.mkdir(parents=True, exist_ok=True)
    jobs = args.jobs.split(",")
    try:
        if set(jobs) - {"nested", "all"}:
            shape = (size.trials, size.channels, size.times)
            write(args.folder / "trials.npy", shape, stimulus_of(size), size.stimuli)
        for job in jobs:
            if job in ("nested", "all") and not (args.folder / "betas.npy").exists():
                (args.folder / "trials.npy").unlink(missing_ok=True)
                rows = np.arange(size.betas)
                write(args.folder / "betas.npy", (size.betas, size.voxels), rows % 50, 50)
            command = [sys.executable, __file__, "--size", args.size, "--folder", str(args.folder), "--only", job]
            environment = {**os.environ, "TMPDIR": str(args.folder), "PYTHONPATH": str(Path(__file__).parents[1])}
            subprocess.run(command, check=True, env=environment)
    finally:
        for name in ("trials.npy", "betas.npy"):
            (args.folder / name).unlink(missing_ok=True)
        if made:
            shutil.rmtree(args.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
