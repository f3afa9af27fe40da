"""What is kept of the places of a layer: all of them, or one number for each channel."""

from torch import Tensor

from brainalign.errors import ExtractionError

#: How places are pooled, and what is then said of an activity.
POOLS = {"none": "", "mean": "mean over space and tokens", "max": "largest over space and tokens"}


def check_pool(pool: str) -> str:
    """Return ``pool`` if it is one of :data:`POOLS`, else raise :class:`ExtractionError`."""
    if pool not in POOLS:
        msg = f"pool is {pool!r}; expected one of: {', '.join(POOLS)}."
        raise ExtractionError(msg)
    return pool


def pooled(values: Tensor, pool: str) -> Tensor:
    """Return a layer ``(n, n_channels)`` for ``(n, n_channels, rows, columns)`` or ``(n, n_tokens, n_channels)``.

    With two axes, or ``pool`` ``"none"``, values stay as they are. Four axes are pooled over the last two, three over
    the second.
    """
    if pool == "none" or values.ndim < 3:
        return values
    if values.ndim > 5:
        msg = f"A layer returns {tuple(values.shape)}; pool = {pool!r} expects 2 to 5 axes. Use pool = 'none'."
        raise ExtractionError(msg)
    axes = (1,) if values.ndim == 3 else tuple(range(2, values.ndim))
    return values.mean(axes) if pool == "mean" else values.amax(axes)
