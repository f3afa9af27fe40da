"""How many directions of its activity a layer uses: the participation ratio of its spectrum."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from brainalign.errors import DataError
from brainalign.extraction.activations import Activations

#: Fewest stimuli of which the correction can be computed.
_FEWEST = 4


def participation_ratio(features: np.ndarray, corrected: bool = True) -> float:
    r"""Return the effective dimensionality of patterns, :math:`(\sum_i \lambda_i)^2 / \sum_i \lambda_i^2`.

    :math:`\lambda` are the eigenvalues of the covariance of features over stimuli. It is 1 where all patterns lie on a
    line, and the number of features where these are alike and independent. From few stimuli it comes out too small
    (never above ``n_stimuli - 1``), since the sample's eigenvalues spread more than those of all stimuli. The
    correction replaces both sums by estimates that have no bias for normal patterns (Srivastava 2005, Journal of the
    Japan Statistical Society 35:251-272).

    Parameters
    ----------
    features
        ``(n_stimuli, n_features)``.
    corrected
        Whether the bias of few stimuli is taken out. The result may then be above the number of stimuli; it is infinite
        where the data do not bound it.

    Raises
    ------
    DataError
        If there are fewer than 4 stimuli, a value is not finite, or all patterns are the same.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> line = np.outer(rng.standard_normal(50), [1.0, 2.0, 3.0])
    >>> round(participation_ratio(line, corrected=False), 6)
    1.0
    >>> cloud = rng.standard_normal((60, 40))
    >>> round(participation_ratio(cloud, corrected=False)), round(participation_ratio(cloud))
    (24, 40)
    """
    values = np.asarray(features, dtype=np.float64).reshape(len(features), -1)
    n = len(values)
    if n < _FEWEST or not np.isfinite(values).all():
        msg = f"Patterns are {values.shape}; expected {_FEWEST} stimuli or more, all finite. Show more stimuli."
        raise DataError(msg)
    centred = values - values.mean(axis=0)
    # the smaller of both products has the same traces
    product = centred @ centred.T if n <= values.shape[1] else centred.T @ centred
    total, squares = float(np.trace(product)) / (n - 1), float((product**2).sum()) / (n - 1) ** 2
    if not total > 1e-12 * float((values**2).sum()) / n:
        msg = f"All {n} patterns are the same; expected some that differ. Leave the layer out."
        raise DataError(msg)
    if not corrected:
        return total**2 / squares
    of_squares = (n - 1) ** 2 / ((n - 2) * (n + 1)) * (squares - total**2 / (n - 1))
    of_total = total**2 - 2 * of_squares / (n - 1)
    return of_total / of_squares if of_squares > 0 else float("inf")


def dimensionality_table(shown: Iterable[Activations]) -> pd.DataFrame:
    """Return a row for each layer of networks: its participation ratio, corrected and as it is.

    A layer that has none (a constant one) has an empty value.

    Parameters
    ----------
    shown
        What :func:`brainalign.show` returned.

    Returns
    -------
    pandas.DataFrame
        Columns network, group, seed, layer, n_stimuli, n_features, participation_ratio, uncorrected.

    Examples
    --------
    >>> import brainalign as ba
    >>> table = dimensionality_table(ba.example_networks())
    >>> len(table), table.layer.unique().tolist()
    (12, ['early', 'late'])
    """
    rows = []
    for one in shown:
        about = {"network": one.origin.name, "group": one.origin.group, "seed": one.origin.seed}
        rows += [{**about, **of_layer} for of_layer in layer_dimensions(one)]
    return pd.DataFrame(rows)


def layer_dimensions(shown: Activations) -> list[dict[str, Any]]:
    """Return layer, n_stimuli, n_features, participation_ratio and uncorrected of each layer of a network."""
    return [
        {
            "layer": layer,
            "n_stimuli": len(values),
            "n_features": int(np.prod(values.shape[1:])),
            "participation_ratio": _or_nan(values, True),
            "uncorrected": _or_nan(values, False),
        }
        for layer, values in shown.layers.items()
    ]


def _or_nan(values: np.ndarray, corrected: bool) -> float:
    try:
        return participation_ratio(values, corrected)
    except DataError:
        return float("nan")
