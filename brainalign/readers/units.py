"""Do amplitudes fit the unit that a file claims? Values off by a factor of a million are common and silent."""

from collections.abc import Mapping

import numpy as np

from brainalign.errors import DataError

#: Channel type to its unit in mne, and the range in which the spread over time of a recorded channel lies.
UNITS: Mapping[str, tuple[str, float, float]] = {
    "eeg": ("V", 1e-9, 1e-2),
    "seeg": ("V", 1e-9, 1e-1),
    "ecog": ("V", 1e-9, 1e-1),
    "mag": ("T", 1e-17, 1e-7),
    "grad": ("T/m", 1e-16, 1e-5),
}


def misfit(data: np.ndarray, kind: str) -> str:
    """Return how amplitudes contradict the unit of a channel type, or ``""``.

    Parameters
    ----------
    data
        ``(n_trials, n_channels, n_times)`` of channels of one type.
    kind
        A key of :data:`UNITS`; another type has no expectation.

    Examples
    --------
    >>> misfit(30 * np.random.default_rng(0).standard_normal((2, 3, 50)), "eeg").split(";")[0]
    'channels of type eeg vary by 29.4 V'
    """
    if kind not in UNITS or data.shape[-1] < 2:
        return ""
    unit, low, high = UNITS[kind]
    spread = float(np.median(data.std(axis=-1)))
    if low <= spread <= high or spread == 0.0 or not np.isfinite(data).all():
        return ""  # what is not finite has no spread, and is refused as such
    factor = "1e-6 if they are in microvolt" if unit == "V" and spread > high else "the factor that makes them so"
    return (
        f"channels of type {kind} vary by {spread:.3g} {unit}; expected {low:g} to {high:g} {unit}. Give scale = "
        f"{factor}, or declare the unit they have (unit = 'z' for standardised values)"
    )


def require_fit(data: np.ndarray, kind: str, name: str) -> None:
    """Raise :class:`DataError` unless amplitudes fit the unit of a channel type."""
    if fault := misfit(data, kind):
        msg = f"{name}: {fault}."
        raise DataError(msg)
