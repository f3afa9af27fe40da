"""Multidimensional scaling for display: points in the plane whose distances resemble dissimilarities."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from brainalign.report.style import SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ITERATIONS = 300
_TOLERANCE = 1e-7


def embed(dissimilarities: np.ndarray) -> tuple[np.ndarray, float]:
    """Return metric MDS in two dimensions by stress majorisation, started from classical MDS.

    Equation: SMACOF (De Leeuw 1977), ``X <- B(X) X / n``, with ``B(X)`` the Guttman transform. The start is not
    random, so that a figure is the same each time.

    Parameters
    ----------
    dissimilarities
        ``(n, n)``, symmetric, zero diagonal.

    Returns
    -------
    points
        ``(n, 2)``, centred.
    stress
        Kruskal's stress-1, 0 for a perfect picture.
    """
    points = _classical(dissimilarities)
    previous = np.inf
    for _ in range(_ITERATIONS):
        distances = _distances(points)
        error = float(((dissimilarities - distances) ** 2).sum())
        if previous - error <= _TOLERANCE * error or error == 0:
            break
        previous = error
        ratio = np.divide(dissimilarities, distances, out=np.zeros_like(distances), where=distances > 0)
        guttman = np.diag(ratio.sum(axis=1)) - ratio
        points = guttman @ points / len(points)
    distances = _distances(points)
    size = float((distances**2).sum())
    stress = float(np.sqrt(((dissimilarities - distances) ** 2).sum() / size)) if size > 0 else 0.0
    return points, stress


def turn_to(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return ``points`` rotated or mirrored to lie as close to ``target`` as they can; both ``(n, 2)``."""
    left, _, right = np.linalg.svd(points.T @ target)
    return points @ left @ right


def _classical(dissimilarities: np.ndarray) -> np.ndarray:
    n = len(dissimilarities)
    centre = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(-0.5 * centre @ dissimilarities**2 @ centre)
    points = vectors[:, ::-1][:, :2] * np.sqrt(np.maximum(values[::-1][:2], 0))
    # The sign of an eigenvector is arbitrary; fix it, so that every machine draws the same picture.
    largest = points[np.abs(points).argmax(axis=0), range(points.shape[1])]
    points = points * np.where(largest < 0, -1, 1)
    return np.pad(points, ((0, 0), (0, 2 - points.shape[1])))


def _distances(points: np.ndarray) -> np.ndarray:
    return np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))


def bare(axis: "Axes", adjustable: Literal["box", "datalim"] = "datalim") -> None:
    """Take ticks off a panel whose axes mean nothing."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_aspect("equal", adjustable=adjustable)
    axis.spines[:].set_visible(True)
    axis.spines[:].set_color("0.8")


def scale_bar(axis: "Axes", extent: float) -> None:
    """Draw a bar under the left end of a panel: a distance, in the unit of points that are ``extent`` wide at most."""
    from matplotlib.font_manager import FontProperties
    from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

    if not extent > 0:
        return
    power = 10.0 ** np.floor(np.log10(extent / 6))
    length = max(step * power for step in (1, 2, 5) if step * power <= extent / 6)
    place: dict[str, Any] = {"bbox_to_anchor": (0, 0), "bbox_transform": axis.transAxes, "frameon": False}
    words = FontProperties(size=SMALL)
    axis.add_artist(AnchoredSizeBar(axis.transData, length, f"{length:g}", "upper left", fontproperties=words, **place))
