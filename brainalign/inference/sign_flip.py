"""Sign-flip test over subjects."""

import numpy as np

from brainalign.errors import DataError, SpecError
from brainalign.inference.sign_flip_result import SignFlipResult
from brainalign.randomness import numpy_stream

#: Up to so many subjects every flip is looked at.
MOST_EXACT = 12
_BLOCK_BYTES = 2**26


def sign_flip_test(
    differences: np.ndarray, n_flips: int = 10_000, seed: int = 0, alternative: str = "two-sided"
) -> SignFlipResult:
    """Test whether differences of subjects are centred on 0, for many tests at once.

    The statistic is t. Signs of whole subjects are flipped, alike for all tests, so that the largest statistic adjusts
    for all of them. Subjects are random and stimuli fixed. With N subjects no two-sided p is below ``2^(1 - N)``: fewer
    than six cannot reach .05.

    Parameters
    ----------
    differences
        ``(n_subjects, n_tests)``, e.g. differences of two rules at each time.
    n_flips
        Random flips where there are more than 12 subjects; with fewer all are looked at.
    seed
        Of random flips.
    alternative
        ``"two-sided"`` or ``"greater"``.

    Raises
    ------
    SpecError
        If there are fewer than two subjects or an option is unknown.
    DataError
        If a difference is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> found = sign_flip_test(np.array([[1.0], [2.0], [1.5], [1.8]]))
    >>> float(found.p[0]), found.attainable
    (0.125, 0.125)
    """
    values = np.asarray(differences, np.float64)
    if values.ndim != 2 or len(values) < 2 or n_flips < 1 or alternative not in ("two-sided", "greater"):
        msg = (
            f"Differences {values.shape}, n_flips = {n_flips}, alternative = {alternative!r}: expected (subjects,"
            " tests) with two subjects or more, 1 or more, and 'two-sided' or 'greater'."
        )
        raise SpecError(msg)
    if not np.isfinite(values).all():
        msg = f"{int((~np.isfinite(values)).sum())} differences are not finite; leave these subjects or tests out."
        raise DataError(msg)
    signs, exact = _signs(len(values), n_flips, seed)
    observed = _t(np.ones((1, len(values))), values)[0]
    tested = np.abs(observed) if alternative == "two-sided" else observed
    threshold = tested - 1e-10 * np.maximum(1, np.abs(tested))
    p, largest = np.empty(len(tested)), np.full(len(signs), -np.inf)
    # a block of tests after another: all flips of all tests of a map of a brain would take gigabytes
    width = max(1, _BLOCK_BYTES // (8 * len(signs)))
    for start in range(0, len(tested), width):
        part = slice(start, start + width)
        flipped = _t(signs, values[:, part])
        flipped = np.abs(flipped) if alternative == "two-sided" else flipped
        p[part] = (flipped >= threshold[part]).mean(axis=0)
        largest = np.maximum(largest, flipped.max(axis=1))
    # how many largest statistics are as large as each threshold
    above = len(signs) - np.searchsorted(np.sort(largest), threshold, side="left")
    smallest = (2 if alternative == "two-sided" else 1) / 2 ** len(values)
    return SignFlipResult(
        t=observed,
        p=p,
        p_max=above / len(signs),
        attainable=smallest if exact else max(smallest, 1 / len(signs)),
        n_flips=len(signs),
        exact=exact,
    )


def _signs(n_subjects: int, n_flips: int, seed: int) -> tuple[np.ndarray, bool]:
    """Return ``(n_flips, n_subjects)`` signs, those observed first, and whether they are all."""
    if n_subjects <= MOST_EXACT:
        codes = np.arange(2**n_subjects)[:, None] >> np.arange(n_subjects)
        return 1.0 - 2.0 * (codes & 1), True
    drawn = numpy_stream(seed, "sign flips").integers(0, 2, (n_flips, n_subjects))
    return np.concatenate([np.ones((1, n_subjects)), 1.0 - 2.0 * drawn]), False


def _t(signs: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return ``(n_flips, n_tests)`` t statistics; squares do not change when signs do."""
    n = len(values)
    mean = signs @ values / n
    variance = ((values**2).mean(axis=0) - mean**2) * n / (n - 1)
    scale = np.sqrt(np.maximum(variance, 1e-300) / n)
    return np.where(variance > 1e-24 * (values**2).mean(axis=0), mean / scale, np.sign(mean) * 1e12)
