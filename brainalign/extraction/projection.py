"""Fewer features of a layer, by rules that no stimulus and no brain has a part in."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from brainalign.errors import SpecError

#: Relative error of squared distances that a projection may add (Johnson and Lindenstrauss).
DISTORTION = 0.1


@dataclass(frozen=True)
class Projection:
    """A sparse random projection of wide layers, for :func:`brainalign.activations.show`.

    It keeps squared distances to a relative standard deviation of ``sqrt(2 / components)``. It is the same for every
    network with a layer of that width, so that networks stay comparable; projections of several seeds tell what it
    adds. Fewer components than :func:`minimum_components` are refused: at 1,024 its noise is as large as published
    differences between learning rules.

    Parameters
    ----------
    components
        Features that a wider layer is projected to.
    seed
        Of the projection.

    Raises
    ------
    SpecError
        If ``components`` is no number of features.

    Examples
    --------
    >>> Projection(4096).projected(np.ones((3, 20_000), np.float32)).shape
    (3, 4096)
    >>> minimum_components(1000), minimum_components(100)
    (5920, 3947)
    >>> Projection(4096).check(n_stimuli=100), Projection(4096).record()
    (None, ['projection', 4096, 0])
    """

    components: int
    seed: int = 0

    def __post_init__(self) -> None:
        if self.components < 1:
            msg = f"Projection has components = {self.components}; expected a number of features."
            raise SpecError(msg)

    def check(self, n_stimuli: int) -> None:
        """Refuse a projection that is too small to keep distances of ``n_stimuli``.

        Raises
        ------
        SpecError
            With the fewest components that keep them.
        """
        least = minimum_components(n_stimuli)
        if self.components < least:
            msg = (
                f"components = {self.components} for {n_stimuli} stimuli, expected at least {least} to keep distances "
                f"to {DISTORTION:.0%}; use more, pool feature maps, or keep the layer whole."
            )
            raise SpecError(msg)

    def projected(self, values: np.ndarray) -> np.ndarray:
        """Return ``(n, components)`` float32 of ``(n, n_features)``, or what is no wider as it is."""
        if values.shape[1] <= self.components:
            return values
        return np.ascontiguousarray((_matrix(values.shape[1], self.components, self.seed) @ values.T).T, np.float32)

    def record(self) -> list[Any]:
        """Return what enters the key of activations."""
        return ["projection", self.components, self.seed]


def minimum_components(n_stimuli: int) -> int:
    """Return the fewest components that keep all squared distances of so many stimuli to 10 %."""
    from sklearn.random_projection import johnson_lindenstrauss_min_dim

    return int(johnson_lindenstrauss_min_dim(n_stimuli, eps=DISTORTION))


@lru_cache(maxsize=2)
def _matrix(n_features: int, components: int, seed: int) -> Any:
    """Return the sparse projection ``(components, n_features)`` of density ``1 / sqrt(n_features)``."""
    from sklearn.random_projection import SparseRandomProjection

    # fitting looks at the width alone
    wide = np.broadcast_to(np.zeros(1, np.float32), (1, n_features))
    return SparseRandomProjection(components, random_state=seed).fit(wide).components_.astype(np.float32)
