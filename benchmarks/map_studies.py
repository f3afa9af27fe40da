"""Studies of tests over times and places that hold nothing, for ``benchmarks.simstudy``."""

from collections.abc import Iterator

import numpy as np
from scipy import stats

import brainalign as ba
from benchmarks.further_studies import ALPHA, Row, share
from benchmarks.worlds import World, stream
from brainalign.geometry.volume import Volume
from brainalign.inference.clusters import clusters
from brainalign.inference.fusion import fuse
from brainalign.inference.pre_stimulus import pre_stimulus
from brainalign.recordings.movie import Movie

N_TIMES = 20
_SHAPE = (4, 4, 3)
_GRID = Volume(_SHAPE, np.diag([3.0, 3.0, 3.0, 1.0]), np.argwhere(np.ones(_SHAPE, dtype=bool)), "made up")


def over_times(world: World, n: int, comparator: str) -> Iterator[Row]:
    """Scores of subjects that are 0 on average, with noise that lasts: clusters, TFCE, and the gate before onset."""
    del comparator
    times = np.arange(N_TIMES) / 100 - 0.2 + 0.005
    hits = []
    for k in range(n):
        rng = stream(world, k)
        noise = rng.standard_normal((world.n_subjects, N_TIMES + 4))
        values = sum(noise[:, j : j + N_TIMES] for j in range(5)) * (1 + rng.random((world.n_subjects, 1)))
        found = [clusters(values, method, n_permutations=200, seed=k).p_points for method in ("cluster", "tfce")]
        before = values[:, times < 0]
        hits.append([
            *((one <= ALPHA).any() for one in found),
            pre_stimulus(values, times) is not None,
            (stats.ttest_1samp(values, 0, alternative="greater").pvalue <= ALPHA).any(),
            (stats.ttest_1samp(before, 0).pvalue <= ALPHA).any(),
        ])  # fmt: skip
    names = (
        "clusters over 20 times: p <= .05",
        "TFCE over 20 times: p <= .05",
        "gate G8 of one course: p <= .05",
        "INVALID each of 20 times apart: p <= .05",
        "INVALID each time before onset apart: p <= .05",
    )
    for name, own in zip(names, np.array(hits).T, strict=True):
        yield name, *share(own)


def fusion(world: World, n: int, comparator: str) -> Iterator[Row]:
    """People over time and other people in two regions, who share nothing: any time of any region."""
    together, apart = [], []
    ids = tuple(map(str, range(world.n_stimuli)))
    for k in range(n):
        rng = stream(world, k)
        lasting = rng.standard_normal((world.n_stimuli, 6, N_TIMES + 4))
        course = np.stack([lasting[:, :, j : j + N_TIMES].sum(axis=2) for j in range(5)], axis=2)
        movie = Movie.of_means(course, ids, "squared_euclidean", "mean", tuple(np.arange(5.0)), "mean")
        regions = {}
        for roi in ("one", "other"):
            shared = rng.standard_normal((world.n_stimuli, 6))
            own = [shared + rng.standard_normal(shared.shape) for _ in range(world.n_subjects)]
            regions[roi] = ba.compute_rdms(np.stack(own), ids, "squared_euclidean", sets=True)
        table = fuse(movie, regions, comparator, 199, k)
        together.append(table["p_adjusted"].min() <= ALPHA)
        apart.append(table["p"].min() <= ALPHA)
    yield "fusion, 5 times of 2 regions: p <= .05", *share(np.array(together))
    yield "INVALID fusion, each time and region apart: p <= .05", *share(np.array(apart))


def searchlights(world: World, n: int, comparator: str) -> Iterator[Row]:
    """A model and brains of noise: a patch that is called alike anywhere, by permuted labels and by flipped signs."""
    hits = []
    ids = tuple(map(str, range(world.n_stimuli)))
    for k in range(n):
        rng = stream(world, k)
        model = ba.compute_rdms(rng.standard_normal((world.n_stimuli, 10)), ids)
        people = [
            ba.Recording.from_array(
                rng.standard_normal((world.n_stimuli, len(_GRID))), ids,
                geometry=_GRID, subject=f"s{s}", channels=_GRID.names(),
            )
            for s in range(world.n_subjects)
        ]  # fmt: skip
        found = ba.searchlight(
            {"a": model}, people, radius=5, permutations=99, ceiling=False, seed=k, comparator=comparator
        )
        signs = found.sign_flips()
        hits.append([
            (found.map("a", "p_fwe") <= ALPHA).any(),
            (signs.map("a", "p_fwe") <= ALPHA).any(),
            (found.map("a", "p") <= ALPHA).any(),
        ])  # fmt: skip
    names = (
        "searchlight, permuted labels, largest score: p <= .05",
        "searchlight, flipped signs, largest t: p <= .05",
        "INVALID searchlight, each patch apart: p <= .05",
    )
    for name, own in zip(names, np.array(hits).T, strict=True):
        yield name, *share(own)
