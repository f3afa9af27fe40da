"""One ridge regression: what the solver takes of a layer, and its predictions. Kernels are solved by himalaya."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from brainalign.comparisons.primal_ridge import BLOCK, primal_ridge
from brainalign.computing import device_of_torch, get
from brainalign.errors import DataError
from brainalign.rounding import is_constant

#: Whose regressions these are, for references.
HIMALAYA = (
    "Dupré la Tour T, Eickenberg M, Nunez-Elizalde AO, Gallant JL (2022). Feature-space selection with banded ridge "
    "regression. NeuroImage 264:119728. doi:10.1016/j.neuroimage.2022.119728"
)


@dataclass(frozen=True)
class Ridge:
    """Ridge regression of training rows, one penalty per target.

    Parameters
    ----------
    form
        ``"kernel"`` or ``"primal"``.
    alphas
        Penalties on offer, in units of the mean squared distance of training rows from their mean.
    standardize
        Divide each feature by its training standard deviation.
    dtype
        ``"float64"`` or ``"float32"``, of the solver.
    """

    form: str
    alphas: tuple[float, ...]
    standardize: bool = False
    dtype: str = "float64"

    def prepared(self, x: np.ndarray, kernel: np.ndarray | None, train: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what the solver takes for training and test rows, centred and divided by the kernel scale."""
        if self.form == "kernel" and kernel is not None:
            ours, theirs = _centred_kernels(kernel, train)
            scale = np.trace(ours) / len(ours)
        else:
            mean = x[train].mean(axis=0, dtype=np.float64)
            ours, theirs = x[train] - mean, x[~train] - mean
            if self.standardize:
                deviation = ours.std(axis=0)
                kept = ~is_constant(x[train], axis=0)
                ours, theirs = ours[:, kept] / deviation[kept], theirs[:, kept] / deviation[kept]
            scale = np.einsum("ij,ij->", ours, ours) / len(ours)
            if self.form == "kernel":
                ours, theirs = ours @ ours.T, theirs @ ours.T
            else:
                scale = np.sqrt(scale)
        if not scale > 0:
            msg = "Features are constant over the training stimuli, expected features that vary."
            raise DataError(msg)
        return (ours / scale).astype(self.dtype), (theirs / scale).astype(self.dtype)

    def fitted(
        self, model: tuple[np.ndarray, np.ndarray], y: np.ndarray, inner: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return predictions for the test rows and the chosen penalty of each target."""
        from himalaya.kernel_ridge import KernelRidgeCV
        from sklearn.model_selection import PredefinedSplit

        train, test = model
        mean, deviation = y.mean(axis=0), y.std(axis=0)
        # unit variance: ridge is equivariant to it, and himalaya marks unusable penalties by an absolute score
        targets = ((y - mean) / np.where(deviation > 0, deviation, 1)).astype(self.dtype)
        batch = max(1, BLOCK // (len(self.alphas) * len(y)))
        if len(self.alphas) == 1:  # nothing to choose
            ridge = _one_ridge(self.form, self.alphas[0], batch)
            ridge.fit(train, targets)
            return get(ridge.predict(test)) * deviation + mean, np.full(targets.shape[1], self.alphas[0])
        alphas = np.sort(self.alphas)
        if self.form == "primal":
            predictions, chosen = primal_ridge(train, test, targets, inner, alphas)
            return predictions * deviation + mean, chosen
        ridge = KernelRidgeCV(
            alphas, kernel="precomputed", solver_params={"n_targets_batch": batch}, cv=PredefinedSplit(inner),
            fit_intercept=True,
        )  # fmt: skip
        ridge.fit(train, targets)
        # himalaya keeps penalties as exp(log): back to the value on offer
        best = get(ridge.best_alphas_)
        nearest = np.abs(np.log(np.outer(1 / alphas, best))).argmin(axis=0)
        return get(ridge.predict(test)) * deviation + mean, alphas[nearest]


def _one_ridge(form: str, alpha: float, batch: int) -> Any:
    """Return ridge regression with one penalty for all targets, which are solved ``batch`` at a time."""
    from himalaya.kernel_ridge import KernelRidge
    from himalaya.ridge import Ridge

    params = {"n_targets_batch": batch}
    if form == "kernel":
        return KernelRidge(alpha, kernel="precomputed", solver="eigenvalues", fit_intercept=True, solver_params=params)
    return Ridge(alpha, fit_intercept=True, solver_params={**params, "warn": False})


def _centred_kernels(kernel: np.ndarray, train: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return train x train and test x train kernels of features centred on the training mean."""
    ours, theirs = kernel[np.ix_(train, train)], kernel[np.ix_(~train, train)]
    column = ours.mean(axis=0)
    return ours - column - column[:, None] + column.mean(), theirs - column - theirs.mean(axis=1)[
        :, None
    ] + column.mean()


@contextlib.contextmanager
def himalaya_here() -> Iterator[Any]:
    """Run himalaya where arrays are computed with, and leave its global choice as it was; gives its backend."""
    from himalaya.backend import get_backend, set_backend

    before, device = get_backend().name, device_of_torch()
    name = "numpy" if device is None else "torch" if device == "cpu" else "torch_cuda"
    set_backend(name)
    try:
        with contextlib.nullcontext() if device in (None, "cpu") else _current(device):
            yield get_backend()
    finally:
        set_backend(before)


def _current(device: str | None) -> Any:
    """Return torch's context of a GPU: himalaya puts arrays on the current one."""
    import torch

    return torch.cuda.device(torch.device(device or "cuda"))
