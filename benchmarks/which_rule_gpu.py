"""``which_rule`` at full size on a GPU: what a run there takes, measured in under 8 minutes on part of the pictures.

    python benchmarks/which_rule_gpu.py pack FOLDER     # what the run must carry, from the data at hand
    python benchmarks/which_rule_gpu.py run OUT --data FOLDER [--device cuda] [--minutes 7]

``pack`` writes 10,000 training and 1,000 test pictures of CIFAR-10 (JPEG), by class, and the three recordings that
networks are compared with (``cichy92``, ``kriegeskorte92`` and ``eeg49``), 19 MiB in all. ``run`` trains ten seeds of
one rule after another by the study's presets on the larger network for one epoch, then shows and scores them. It stops
where time ends. ``OUT/which_rule_gpu.json`` says for every rule how long a step takes, what 20 epochs of all pictures
would take, and what was reached; it is written after every rule.

The full run itself is ``benchmarks/which_rule.py which_rule_full train OUT --device cuda``.
"""

import argparse
import json
import math
import os
import platform
import shutil
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from which_rule import FULL, FULL_TRAINING, SHOWN, shown, study

import brainalign as ba
from brainalign.alignment.instance import Instance, role_of
from brainalign.alignment.score import score
from brainalign.computing import computing_on
from brainalign.datasets.manifest import load_manifest, locate
from brainalign.storage import write_text
from brainalign.training.runtime import Runtime
from brainalign.training.train import train

#: Pictures that are carried, training and test, and the folder they are in.
CARRIED = {"train": 10_000, "test": 1_000}
PICTURES = "cifar10_jpeg_part"
RECORDINGS = ("cichy92", "kriegeskorte92", "eeg49")
#: One rule of each kind first, so that a run that is cut off has seen all kinds.
FIRST = ("untrained", "readout_only", "backprop", "feedback_alignment", "predictive_coding", "local_losses", "pepita")


def pack(folder: Path) -> None:
    """Write the pictures and recordings that a run carries."""
    archive = locate("cifar10_jpeg", "cifar10_jpeg.zip")
    with zipfile.ZipFile(archive) as opened:
        members = sorted(name for name in opened.namelist() if name.endswith(".jpg"))
        for split, n in CARRIED.items():
            own = [name for name in members if f"{split}/" in name]
            for name in (own[k * len(own) // n] for k in range(n)):  # as many of each class: members are by class
                to = folder / PICTURES / split / Path(name).parent.name / Path(name).name
                to.parent.mkdir(parents=True, exist_ok=True)
                to.write_bytes(opened.read(name))
    for dataset in RECORDINGS:
        for file in load_manifest(dataset).files:
            to = folder / dataset / file.path
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(locate(dataset, file.path), to)
    files = [path for path in folder.rglob("*") if path.is_file()]
    print(f"{folder}: {len(files)} files, {sum(path.stat().st_size for path in files) / 2**20:.1f} MiB")


def populations(data: Path) -> list[ba.TrainSpec]:
    """Return the populations of the study at full size, on the pictures that were carried, for one epoch."""
    found = study(FULL, dataset_path=str(data / PICTURES), epochs=1).populations
    return sorted(found, key=lambda one: FIRST.index(one.rule) if one.rule in FIRST else len(FIRST))


def run(out: Path, data: Path, device: str, minutes: float) -> None:
    """Train, show and score one rule after another until time ends."""
    os.environ["BRAINALIGN_DATA"] = str(data)
    asked = populations(data)
    end = time.monotonic() + 60 * minutes
    where = torch.device(device)
    name = torch.cuda.get_device_name(where) if where.type == "cuda" else platform.processor() or "CPU"
    found: dict[str, Any] = {
        "device": name,
        "torch": torch.__version__,
        "full size": FULL_TRAINING,
        "rules": [],
        "not run": [],
    }
    out.mkdir(parents=True, exist_ok=True)
    for spec in asked:
        if time.monotonic() > end:
            found["not run"].append(spec.rule)
            continue
        row: dict[str, Any] = {"rule": spec.rule}
        try:
            row |= one_rule(spec, out, device)
        except Exception as error:  # one rule must not hide the others
            row["error"] = f"{type(error).__name__}: {str(error)[:200]}"
        found["rules"].append(row)
        print(row, flush=True)
        write_text(out / "which_rule_gpu.json", json.dumps(found, indent=1))
    write_text(out / "which_rule_gpu.json", json.dumps(found, indent=1))
    print(f"not run: {', '.join(found['not run']) or 'none'}")


def one_rule(spec: ba.TrainSpec, out: Path, device: str) -> Mapping[str, Any]:
    """Train ten seeds for one epoch, show the pictures, score them; return seconds and scores."""
    started = time.perf_counter()
    found = train(spec, out / spec.rule, Runtime(device=device))
    trained = time.perf_counter() - started
    steps = max(found.checkpoint.step, 1)
    last = found.history[found.history.step == found.history.step.max()]
    started = time.perf_counter()
    scores = dict(scored(found.checkpoint, device))
    all_steps = FULL_TRAINING["epochs"] * math.ceil(45_000 / spec.batch_size)
    return {
        "seconds": round(trained, 1),
        "steps": found.checkpoint.step,
        "ms per step": round(1000 * trained / steps, 1),
        "hours at full size": round(trained / steps * all_steps / 3600, 2),
        "test accuracy": round(float(last.test_accuracy.mean()), 4),
        "seconds of scoring": round(time.perf_counter() - started, 1),
        **scores,
    }


def scored(checkpoint: Any, device: str) -> Iterator[tuple[str, float]]:
    """Yield the mean score of the dense layer in every region."""
    for pictures, recordings in SHOWN.items():
        stimuli = ba.recording(pictures).stimuli()
        nets = [Instance.of(one, (32, 32)) for one in shown(checkpoint, role_of(checkpoint), stimuli, ("hidden",))]
        for recording in recordings:
            windows = ((0.13, 0.17),) if recording == "eeg49" else ()
            asked = ba.RecordingSpec(recording, subjects="fixed", windows=windows)
            scoring = ba.ScoringSpec(comparator="spearman", low_level=False)
            with computing_on(device, with_torch=True):
                found = score(iter(nets), ba.recording(recording), asked, scoring)
            for place in found.places:
                yield f"{recording} {place.roi}", round(float(place.scores.mean()), 4)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("pack", "run"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=7.0)
    given = parser.parse_args()
    if given.verb == "pack":
        pack(given.folder)
    elif given.data is None:
        parser.error("run needs --data FOLDER, which pack wrote")
    else:
        run(given.folder, given.data.resolve(), given.device, given.minutes)
