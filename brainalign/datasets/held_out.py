"""The test split of regression sets that were published without one, and targets on a common scale."""

import numpy as np

from brainalign.datasets.dataset import Split


def held_out(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return training and test rows of ``n`` samples: a fifth of them, rounded up, is held out, always the same.

    They are those of scikit-learn's ``train_test_split(test_size=0.2, random_state=1)``, in ascending order.
    """
    order = np.random.RandomState(1).permutation(n)
    n_test = -(-n // 5)
    return np.sort(order[n_test:]), np.sort(order[:n_test])


def regression_split(
    features: np.ndarray, targets: np.ndarray, fit: np.ndarray, rows: np.ndarray, index: np.ndarray | None = None
) -> Split:
    """Return ``rows`` of a regression set, every target standardised with the statistics of the rows ``fit``.

    Parameters
    ----------
    features, targets
        ``(n, n_features)`` and ``(n, n_targets)``; features stay on their scale, for
        :class:`~brainalign.datasets.preprocessing.Preprocessing` standardises them.
    fit
        Rows of the training split.
    rows
        Rows to return.
    index
        Where every row stood in its file ``(n,)``; ``None``: where it stands.
    """
    mean, std = targets[fit].mean(0), targets[fit].std(0)
    x = features[rows].astype(np.float32)[:, :, None, None]
    y = ((targets[rows] - mean) / std).astype(np.float32)
    return Split(x, y, rows.astype(np.int64) if index is None else index[rows].astype(np.int64))
