"""Time and memory of scoring networks against recordings with many times, or of many stimuli and channels.

    python benchmarks/scoring.py [--times 300] [--threads 2] [--encoded 1] [--skip-memory]

Prints seconds of scores with ceilings (networks shown and scored, no tables) for every comparator with no samples and
with each stimulus left out, of the whole alignment with its tables, and the peak memory of 60 networks against ten
subjects, 1,000 stimuli and 2,000 channels: RSA with bootstrap draws on all layers, and of as many networks as
``--encoded`` says (1) an encoding model on three.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from brainalign.activations import Activations
from brainalign.alignment.align import align
from brainalign.alignment.instance import Instance
from brainalign.alignment.scoring import Scoring
from brainalign.comparisons.comparison import Comparison
from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.rsa import RSA
from brainalign.datasets.stimuli import Stimuli
from brainalign.rdms import RDMs
from brainalign.recordings.brain import Brain
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.resampling.samples import Samples
from brainalign.specs import RecordingSpec, ScoringSpec

RULES = ("untrained", "feedback_alignment", "predictive_coding", "backprop")
SPEC = RecordingSpec("random_movie")


@dataclass(frozen=True, eq=False)
class RandomMovie(RecordingSource):
    """Random RDMs of subjects at many times."""

    title = "Random RDMs"
    modality = "random"
    citation = "nobody"
    rois = ("all",)

    n_subjects: int = 15
    n_times: int = 300
    n_stimuli: int = 92

    def stimuli(self) -> Stimuli:
        return _stimuli(self.n_stimuli)

    def published_rdms(self, roi: str) -> RDMs:
        n_pairs = self.n_stimuli * (self.n_stimuli - 1) // 2
        values = np.random.default_rng(0).random((self.n_subjects * self.n_times, n_pairs))
        subjects = tuple(f"s{s}" for s in range(self.n_subjects) for _ in range(self.n_times))
        times = tuple(f"{k / 1000:g}" for _ in range(self.n_subjects) for k in range(self.n_times))
        return RDMs(values, self.stimuli().ids, "correlation", {"subject": subjects, "time": times})


@dataclass(frozen=True, eq=False)
class RandomTrials(RecordingSource):
    """Random responses of many channels to many stimuli."""

    title = "Random responses"
    modality = "random"
    citation = "nobody"
    rois = ("all",)

    n_subjects: int = 10
    n_stimuli: int = 1000
    n_channels: int = 2000

    def stimuli(self) -> Stimuli:
        return _stimuli(self.n_stimuli)

    def recordings(self) -> tuple[Recording, ...]:
        draw = np.random.default_rng(0)
        return tuple(
            Recording(
                draw.standard_normal((self.n_stimuli, self.n_channels, 1), dtype=np.float32),
                self.stimuli().ids,
                tuple(f"c{c}" for c in range(self.n_channels)),
                (0.0,),
                f"s{s}",
                "random_trials",
                "random",
                "arbitrary",
                rois={"all": np.ones(self.n_channels, dtype=bool)},
            )
            for s in range(self.n_subjects)
        )


def _stimuli(n: int) -> Stimuli:
    images = np.random.default_rng(1).integers(0, 256, (n, 8, 8, 1), dtype=np.uint8)
    return Stimuli(tuple(f"i{k}" for k in range(n)), images, "Random pictures")


def _instances(ids: tuple[str, ...], n_seeds: int, n_layers: int, n_units: int = 500) -> Iterator[Instance]:
    """Yield random networks, one at a time."""
    for r, rule in enumerate(RULES):
        for seed in range(n_seeds):
            draw = np.random.default_rng([r, seed])
            layers = {
                f"hidden{k + 1}": draw.standard_normal((len(ids), n_units), dtype=np.float32) for k in range(n_layers)
            }
            role = "untrained" if rule == "untrained" else "trained"
            shown = Activations(layers, ids, f"{rule}-{seed}")
            yield Instance(rule, "mlp", seed, 1, 1.0, True, shown, (8, 8), role)


def _scored(brain: Brain, measure: Comparison, samples: Samples, instances: Iterator[Instance]) -> None:
    scoring = Scoring(brain, ("all",), (measure,), samples, {})
    for one in instances:
        scoring.show(one)
    for _ in scoring.finish():
        pass


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(start: tuple[float, float]) -> str:
    wall, cpu = (now - then for now, then in zip(_clocks(), start, strict=True))
    return f"{wall:6.1f} s ({cpu:.1f} s of CPU)"


def _times(n_times: int) -> None:
    brain = Brain(RandomMovie(n_times=n_times), SPEC)
    ids = brain.ids
    brain.movies("all")
    for comparator in ("corr", "spearman"):
        for kind in ("none", "leave_one_out"):
            start = _clocks()
            _scored(brain, RSA(comparator=comparator), Samples(kind), _instances(ids, 5, 4))
            print(f"{comparator:9} {kind:14} {_since(start)}", flush=True)
    scoring = ScoringSpec(comparator="corr", low_level=False, resampling="leave_one_out")
    start = _clocks()
    found = align(_instances(ids, 5, 4), RandomMovie(n_times=n_times), SPEC, scoring)
    rows = len(found.scores), len(found.contrasts)
    print(f"corr      align, tables of {rows} rows {_since(start)}", flush=True)


def _memory(part: str, n_encoded: int) -> None:
    brain = Brain(RandomTrials(), RecordingSpec("random_trials"))
    ids = brain.ids
    start = _clocks()
    draws = Samples("bootstrap", 100, 0)
    if part == "rsa":
        _scored(brain, RSA(comparator="corr"), draws, _instances(ids, 15, 6))
    else:
        _scored(brain, Encoding(), draws, islice(_instances(ids, 15, 3), n_encoded))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    networks = 60 if part == "rsa" else n_encoded
    print(f"{part:9} 100 draws      {networks} networks, {_since(start)}, peak {peak:.2f} GiB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--encoded", type=int, default=1)
    parser.add_argument("--skip-memory", action="store_true")
    parser.add_argument("--part", choices=("times", "rsa", "encoding"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:  # in a process of its own, whose threads and peak are its own
        _times(options.times) if options.part == "times" else _memory(options.part, options.encoded)
        return
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    threads = dict.fromkeys(names, str(options.threads))
    for part in ("times",) if options.skip_memory else ("times", "rsa", "encoding"):
        command = [sys.executable, __file__, "--part", part, "--times", str(options.times)]
        command += ["--encoded", str(options.encoded)]
        subprocess.run(command, check=True, env={**os.environ, **threads})


if __name__ == "__main__":
    main()
