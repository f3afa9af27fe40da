"""A searchlight beside rsatoolbox's: the same patches, dissimilarities, models and numbers, timed side by side.

Time is processor time. rsatoolbox is run on some hundred of the centres, twice, to see whether its time is linear in
their number, and scaled to all. Memory is the peak of what Python and numpy allocate, at three numbers of centres.

    OMP_NUM_THREADS=1 python benchmarks/searchlight.py [--centres 16000] [--few 300]
"""

import argparse
import contextlib
import io
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

import brainalign as ba
from brainalign.geometry.volume import Volume
from brainalign.rdms import concatenate
from brainalign.searchlights.patches import Patches, patches_of

N_STIMULI, N_LAYERS, N_SEEDS = 92, 4, 3
#: Voxels of 1 mm; 123 in a full sphere.
RADIUS = 3.0


def world(n_centres: int) -> tuple[ba.Recording, dict[str, ba.RDMs], Volume]:
    """Return responses of about so many voxels in a ball, and RDMs of layers and seeds."""
    side = 2 * int(np.ceil((3 * n_centres / (4 * np.pi)) ** (1 / 3))) + 3
    index = np.argwhere(np.ones((side,) * 3, dtype=bool))
    away = np.linalg.norm(index - (side - 1) / 2, axis=1)
    kept = np.sort(np.argsort(away, kind="stable")[:n_centres])
    grid = Volume((side,) * 3, np.eye(4), index[kept], "made up")
    rng = np.random.default_rng(0)
    ids = [f"stimulus {k:02d}" for k in range(N_STIMULI)]
    truth = rng.standard_normal((N_STIMULI, 30))
    data = truth @ rng.standard_normal((30, len(grid))) + 5 * rng.standard_normal((N_STIMULI, len(grid)))
    brain = ba.Recording.from_array(data, ids, geometry=grid, channels=grid.names())
    models = {}
    for layer in range(N_LAYERS):
        features = (truth + (1 + layer) * rng.standard_normal((N_SEEDS, *truth.shape)) for _ in range(1))
        models[f"layer {layer}"] = concatenate([ba.compute_rdms(one, ids) for one in next(features)])
    return brain, models, grid


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    found = function()
    return time.process_time() - start, found


def theirs(brain: ba.Recording, models: dict[str, ba.RDMs], patches: Patches, n: int, comparator: str) -> Any:
    """Return seconds for RDMs, for evaluation centre by centre, for one call of ``compare``, and the scores."""
    from rsatoolbox.inference import eval_fixed
    from rsatoolbox.model import ModelFixed
    from rsatoolbox.rdm import RDMs, compare
    from rsatoolbox.util.searchlight import evaluate_models_searchlight, get_searchlight_RDMs

    some = np.linspace(0, len(patches) - 1, n).astype(int)
    data, names = brain.data[:, :, 0], np.array(brain.stimulus_ids)
    around = [patches.of(k).tolist() for k in some]
    rows = np.concatenate([one.dissimilarities for one in models.values()])
    fixed = [ModelFixed(str(k), row) for k, row in enumerate(rows)]
    with contextlib.redirect_stderr(io.StringIO()):
        making, rdms = timed(lambda: get_searchlight_RDMs(data, some, around, names, method="correlation"))
        each, results = timed(lambda: evaluate_models_searchlight(rdms, fixed, eval_fixed, method=comparator))
    at_once, scores = timed(lambda: compare(RDMs(rows), rdms, method=comparator))
    same = np.stack([one.evaluations.ravel() for one in results], axis=1)
    assert np.abs(same - scores).max() < 1e-10
    return making, each, at_once, some, scores


def memory(n_centres: int) -> tuple[float, float]:
    """Return MB at the peak of a searchlight beside its data, and MB that RDMs of all centres would take."""
    brain, models, _ = world(n_centres)
    tracemalloc.start()
    start = tracemalloc.get_traced_memory()[0]
    ba.searchlight(models, brain, RADIUS)
    peak = tracemalloc.get_traced_memory()[1] - start
    tracemalloc.stop()
    return peak / 1e6, n_centres * N_STIMULI * (N_STIMULI - 1) / 2 * 8 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--centres", type=int, default=16_000)
    parser.add_argument("--few", type=int, default=300)
    parser.add_argument("--memory", action="store_true", help="measure memory instead of time")
    asked = parser.parse_args()
    if asked.memory:
        for n in (asked.centres // 8, asked.centres // 2, asked.centres):
            peak, whole = memory(n)
            print(
                f"{n} centres: peak {peak:.0f} MB beside the data; RDMs of all centres are {whole:.0f} MB", flush=True
            )
        return
    brain, models, grid = world(asked.centres)
    patches = patches_of(grid, RADIUS)
    sizes = patches.sizes
    print(
        f"{len(patches)} centres, {sizes.min()} to {sizes.max()} voxels (mean {sizes.mean():.0f}), {N_STIMULI} stimuli,"
    )
    print(f"{N_LAYERS} layers x {N_SEEDS} seeds, one core; rsatoolbox on {asked.few} centres", flush=True)
    for comparator in ("corr", "spearman"):
        half = theirs(brain, models, patches, asked.few // 2, comparator)
        making, each, at_once, some, scores = theirs(brain, models, patches, asked.few, comparator)
        ours, found = timed(lambda c=comparator: ba.searchlight(models, brain, RADIUS, comparator=c))
        apart = np.abs(found.scores[0][:, some] - scores).max()
        scale = len(patches) / asked.few
        linear = (making + each) / (half[0] + half[1])
        print(f"{comparator}: brainalign, all centres, patches found too: {ours:.1f} s; scores differ by {apart:.1e}")
        print(f"  rsatoolbox, twice the centres: {linear:.2f} x the time; scaled by {scale:.0f}:")
        print(f"  get_searchlight_RDMs and evaluate_models_searchlight {(making + each) * scale:.0f} s: "
              f"{(making + each) * scale / ours:.0f} x")  # fmt: skip
        print(f"  get_searchlight_RDMs and one call of compare {(making + at_once) * scale:.0f} s: "
              f"{(making + at_once) * scale / ours:.1f} x", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
