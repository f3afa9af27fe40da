"""In how many simulations does `analyses/demo_brain.toml` get its planted answer back?

    python benchmarks/planted_recovery.py [--first 1000] [--seeds 5]

Networks are trained once, as the study says. For each seed the planted network is trained and brains are simulated
anew, EEG and fMRI, and the study's own sentences say whether the order of layers in time and the layer of every region
were recovered. Seed 1000 is the study's own, for which its settings were chosen.
"""

import argparse
import tempfile
from pathlib import Path

import brainalign as ba
from brainalign.recordings.source import recording_source
from brainalign.shipped import shipped_folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    study = ba.read_study(shipped_folder("analyses") / "demo_brain.toml")
    (spec,) = (one for one in study.populations if one.rule == "backprop")
    counts: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        trained = ba.train(spec, out=Path(folder) / "networks")
        for seed in range(args.first, args.first + args.seeds):
            for recording in study.recordings:
                source = recording_source(recording.dataset, {**recording.options, "seed": seed})
                nets = ba.show(trained, source.stimuli())
                found = ba.align(nets, source, comparator=study.scoring.comparator, low_level=False)
                (said,) = found.facts["recovery"]
                recovered = not said.endswith("NOT recovered.")
                counts[recording.dataset] = counts.get(recording.dataset, 0) + recovered
                print(f"{seed} {recording.dataset}: {'recovered' if recovered else 'NOT'}. {said}", flush=True)
    print({name: f"{n} of {args.seeds}" for name, n in counts.items()})


if __name__ == "__main__":
    main()
