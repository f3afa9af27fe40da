"""Brains of voxels in which a blob holds a geometry, or nothing does."""

from collections.abc import Sequence

import numpy as np

from brainalign.geometry.volume import Volume
from brainalign.rdms import RDMs, compute_rdms
from brainalign.recordings.recording import Recording

SHAPE = (6, 6, 5)
GRID = Volume(SHAPE, np.diag([3.0, 3.0, 3.0, 1.0]), np.argwhere(np.ones(SHAPE, dtype=bool)), "made up")


def ids(n: int) -> tuple[str, ...]:
    return tuple(f"picture {k}" for k in range(n))


def brain(
    seed: int, n_stimuli: int = 14, truth: np.ndarray | None = None, subject: str = "s01", grid: Volume = GRID
) -> Recording:
    """Return noise, and in the voxels with ``x`` below 6 mm a mixture of the features ``truth``."""
    rng = np.random.default_rng(seed)
    data = rng.standard_normal((n_stimuli, len(grid)))
    if truth is not None:
        inside = grid.points()[:, 0] < 6
        data[:, inside] += truth @ rng.standard_normal((truth.shape[1], int(inside.sum()))) / 2
    return Recording.from_array(data, ids(n_stimuli), geometry=grid, subject=subject, channels=grid.names())


def model(seed: int, n_stimuli: int = 14) -> tuple[RDMs, np.ndarray]:
    features = np.random.default_rng(1000 + seed).standard_normal((n_stimuli, 20))
    return compute_rdms(features, ids(n_stimuli)), features


def square_mesh(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a flat sheet of ``n * n`` vertices 1 mm apart, each square cut into two triangles."""
    points = np.array([[x, y, 0.0] for x in range(n) for y in range(n)])
    faces: list[Sequence[int]] = []
    for x in range(n - 1):
        for y in range(n - 1):
            a, b, c, d = x * n + y, x * n + y + 1, (x + 1) * n + y, (x + 1) * n + y + 1
            faces += [(a, b, d), (a, d, c)]
    return points, np.array(faces)
