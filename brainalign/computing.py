"""Where large products of arrays are computed: by NumPy, or by torch on a device, in the same code."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from brainalign.errors import SpecError

#: The device of torch; none is NumPy.
_DEVICE: ContextVar[str | None] = ContextVar("device", default=None)


@contextmanager
def computing_on(device: str, with_torch: bool = False) -> Iterator[None]:
    """Compute dissimilarities, samples of linear comparators and ridge regressions on a device of torch.

    On ``"cpu"``, and on devices without double precision (``"mps"``), NumPy stays. Numbers are float64 on a GPU, too,
    so that scores agree to rounding; regressions keep the precision of their measure (``dtype``).

    Parameters
    ----------
    device
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...
    with_torch
        Take torch on ``"cpu"``, too, which is how its results are compared with NumPy's.

    Raises
    ------
    SpecError
        If torch cannot use the device here.

    Examples
    --------
    >>> import numpy as np
    >>> with computing_on("cpu", with_torch=True):
    ...     type(put(np.ones(2))).__name__
    'Tensor'
    >>> type(put(np.ones(2))).__name__
    'ndarray'
    """
    check_device(device)
    on_gpu = device.partition(":")[0] not in ("cpu", "mps")
    token = _DEVICE.set(device if with_torch or on_gpu else None)
    try:
        yield
    finally:
        _DEVICE.reset(token)


def device_of_torch() -> str | None:
    """Return the device that torch computes on; none where NumPy does."""
    return _DEVICE.get()


def put(values: np.ndarray) -> Any:
    """Return an array where it is computed with: as it is, or as a tensor on the device."""
    device = _DEVICE.get()
    if device is None:
        return values
    import torch

    whole = np.ascontiguousarray(values)
    return torch.from_numpy(whole if whole.flags.writeable else whole.copy()).to(device)


def get(values: Any) -> np.ndarray:
    """Return what :func:`put` and products of such arrays gave as an array of NumPy."""
    return values if isinstance(values, np.ndarray) else values.cpu().numpy()


def check_device(device: str) -> None:
    """Raise :class:`SpecError` if torch cannot use ``device`` here."""
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        available = "cpu, cuda" if torch.cuda.is_available() else "cpu"
        meant = " Say 'cuda' for a GPU." if device == "gpu" else ""
        reason = str(error).splitlines()[0]
        why = "" if "Expected one of" in reason else f" ({reason})"  # torch's list of all devices there are
        msg = f"Device {device!r} cannot be used{why}; available here: {available}.{meant}"
        raise SpecError(msg) from error
