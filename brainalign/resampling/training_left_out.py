"""What each stimulus does to held-out predictions as one of the training stimuli, without fitting again."""

import numpy as np

# Fisher's z of a perfect correlation would be infinite
_LARGEST_R = 0.999
#: Weight of a constant feature in kernels whose diagonal has mean 1: an intercept that is next to free.
INTERCEPT = 1e3


def training_changes(
    ours: np.ndarray,
    theirs: np.ndarray,
    responses: tuple[np.ndarray, np.ndarray],
    alphas: np.ndarray,
    units: np.ndarray,
    n_units: int,
) -> np.ndarray:
    """Return how Fisher's z of one test fold changes where a unit is missing in training, ``(n_units, n_targets)``.

    Ridge regression with the penalty kept and an intercept. With ``B = (K + alpha I)^-1`` over training stimuli,
    ``c = B y`` and ``H = K_test B``, the predictions without the stimuli g of a unit are
    ``K_test c - H_g B_gg^-1 c_g``: what fitting again would give.

    Parameters
    ----------
    ours, theirs
        ``(n_train, n_train)`` and ``(n_test, n_train)`` kernels, centred on the training stimuli.
    responses
        ``(n_train, n_targets)`` and ``(n_test, n_targets)``.
    alphas
        ``(n_targets,)`` penalties in units of the kernels.
    units
        ``(n_train,)`` unit of each training stimulus, below ``n_units``; units of the test fold have no change.
    n_units
        How many there are in all folds.
    """
    train, test = responses
    values, axes = np.linalg.eigh(ours.astype(np.float64) + INTERCEPT)
    across = theirs.astype(np.float64) + INTERCEPT
    changes = np.zeros((n_units, test.shape[1]))
    single = len(np.unique(units)) == len(units)
    for alpha in np.unique(alphas):
        targets = alphas == alpha
        inverse = (axes / (values + alpha)) @ axes.T
        dual = inverse @ train[:, targets]
        hat, predicted = across @ inverse, across @ dual
        moved = _single if single else _blocks
        found = moved(predicted, hat, inverse, dual, test[:, targets], units)
        changes[np.ix_(np.unique(units), np.flatnonzero(targets))] = found
    return changes


def _single(
    predicted: np.ndarray, hat: np.ndarray, inverse: np.ndarray, dual: np.ndarray, test: np.ndarray, units: np.ndarray
) -> np.ndarray:
    """Return the changes of units of one stimulus each, in order of unit, from a few products."""
    a, b, h = (one - one.mean(axis=0) for one in (predicted, test, hat))
    moved = dual / np.diag(inverse)[:, None]
    cross, va, vb = (a * b).sum(axis=0), (a * a).sum(axis=0), (b * b).sum(axis=0)
    left = va - 2 * moved * (h.T @ a) + moved**2 * (h * h).sum(axis=0)[:, None]
    found = _z(cross - moved * (h.T @ b), left, vb) - _z(cross, va, vb)
    return found[np.argsort(units)]


def _blocks(
    predicted: np.ndarray, hat: np.ndarray, inverse: np.ndarray, dual: np.ndarray, test: np.ndarray, units: np.ndarray
) -> np.ndarray:
    """Return the changes of units of several stimuli."""
    b = test - test.mean(axis=0)
    vb = (b * b).sum(axis=0)

    def z(values: np.ndarray) -> np.ndarray:
        a = values - values.mean(axis=0)
        return _z((a * b).sum(axis=0), (a * a).sum(axis=0), vb)

    whole, found = z(predicted), []
    for unit in np.unique(units):
        own = np.flatnonzero(units == unit)
        found.append(z(predicted - hat[:, own] @ np.linalg.solve(inverse[np.ix_(own, own)], dual[own])) - whole)
    return np.stack(found)


def _z(cross: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return Fisher's z of correlations; 0 where a side does not vary."""
    size = left * right
    varies = size > 1e-20 * np.max(size, initial=0.0)
    r = np.divide(cross, np.sqrt(np.where(varies, size, 1)), out=np.zeros_like(cross), where=varies)
    return np.arctanh(np.clip(r, -_LARGEST_R, _LARGEST_R))
