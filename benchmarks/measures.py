"""Scores, draws and RDMs against rsatoolbox and NumPy on the same work, in one run.

    OMP_NUM_THREADS=2 python benchmarks/measures.py [--draws 1000] [--theirs 10]

Prints CPU seconds and ratios. The dual bootstrap of rsatoolbox takes minutes for 1,000 samples, so ``--theirs`` of its
samples are timed and scaled to ``--draws``: its time is proportional to them. Scores of the sample as it is are
checked to be equal.
"""

import argparse
import os
import time
from collections.abc import Callable

import numpy as np

from brainalign.rdms import compute_rdms
from brainalign.resampling.pairs_bootstrap import bootstrap_pairs

N_STIMULI, N_SUBJECTS, N_MODELS = 92, 20, 12
METHODS = ("corr", "cosine", "spearman", "corr_cov", "cosine_cov")


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """Return the least of some CPU times, which other work on the cores does not lengthen."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def dual_bootstrap(n_draws: int, n_theirs: int) -> None:
    import rsatoolbox
    from rsatoolbox.inference.evaluate import eval_dual_bootstrap

    rng = np.random.default_rng(0)
    n_pairs = N_STIMULI * (N_STIMULI - 1) // 2
    base = rng.random(n_pairs)
    models, brains = base + rng.random((N_MODELS, n_pairs)), base + rng.random((N_SUBJECTS, n_pairs))
    fixed = [rsatoolbox.model.ModelFixed(str(k), one) for k, one in enumerate(models)]
    data = rsatoolbox.rdm.RDMs(brains)
    print(f"Dual bootstrap, {N_STIMULI} stimuli x {N_SUBJECTS} subjects x {N_MODELS} models, {n_draws} samples")
    for method in METHODS:
        ours = seconds(lambda method=method: bootstrap_pairs(models, brains, method, n_draws, 0))
        theirs = seconds(
            lambda method=method: eval_dual_bootstrap(fixed, data, method, k_pattern=1, k_rdm=1, N=n_theirs)
        )
        theirs *= n_draws / n_theirs
        observed = bootstrap_pairs(models, brains, method, 2, 0).observed
        expected = rsatoolbox.rdm.compare(rsatoolbox.rdm.RDMs(models), data, method)
        off = float(np.abs(observed - expected).max())
        print(
            f"  {method:11} {ours:8.2f} s, theirs {theirs:8.0f} s: {theirs / ours:6.0f} x (scores equal to {off:.0e})"
        )


def correlation_rdm() -> None:
    x = np.random.default_rng(1).normal(size=(1000, 5000))
    ids = tuple(map(str, range(1000)))
    ours = seconds(lambda: compute_rdms(x, ids, "correlation"), 5)
    theirs = seconds(lambda: np.corrcoef(x), 5)
    print(f"Correlation RDM 1000 x 5000: {ours:.3f} s, np.corrcoef {theirs:.3f} s: {ours / theirs:.2f} of its time")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--draws", type=int, default=1000)
    options.add_argument("--theirs", type=int, default=10)
    asked = options.parse_args()
    print(f"{os.cpu_count()} cores, OMP_NUM_THREADS = {os.environ.get('OMP_NUM_THREADS', 'not set')}")
    correlation_rdm()
    dual_bootstrap(asked.draws, asked.theirs)


if __name__ == "__main__":
    main()
