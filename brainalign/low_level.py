"""Low-level controls: pixels, luminance and Gabor energy of the stimuli a network and a brain were shown."""

from math import log, log2, pi, sqrt

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from brainalign.datasets.preprocessing import resized
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import SpecError
from brainalign.rdms import RDMs, compute_rdms

#: Scales (wavelengths), orientations, and cells per side over which energy is averaged.
N_SCALES, N_ORIENTATIONS, GRID = 4, 8, 4

_MIN_SIDE = 8
# pixels of one batch of images; their energies take 128 MB
_BATCH_PIXELS = 2**20
# ITU-R BT.601
_LUMINANCE = (0.299, 0.587, 0.114)
# standard deviation of the Gabor envelope over wavelength, for a bandwidth of one octave
_SIGMA = sqrt(log(2) / 2) / pi * 3


def low_level_features(stimuli: Stimuli, resolution: tuple[int, int], aspect: str = "stretch") -> dict[str, np.ndarray]:
    """Return features of stimuli that no network is needed for.

    Parameters
    ----------
    stimuli
        The images.
    resolution
        ``(height, width)`` in pixels, that of the network the features are a control for; images are resized to it
        (bilinear, antialiased).
    aspect
        What becomes of pictures whose sides have another ratio: ``"stretch"`` or ``"crop"``, as the networks are shown
        them.

    Returns
    -------
    dict
        ``"pixels"``: ``(n_stimuli, channels * height * width)`` in 0..1. ``"luminance"``: ``(n_stimuli, 1)`` mean
        luminance, 0..1. ``"gabor"``: ``(n_stimuli, 4 scales * 8 orientations * 4 * 4 cells)``, see
        :func:`gabor_energy`.

    Raises
    ------
    SpecError
        If a side is shorter than 8 pixels.
    """
    if min(resolution) < _MIN_SIDE:
        msg = f"resolution = {tuple(resolution)}, expected at least {_MIN_SIDE} pixels a side; Gabors do not fit below."
        raise SpecError(msg)
    parts: dict[str, list[Tensor]] = {"pixels": [], "luminance": [], "gabor": []}
    batch = max(1, _BATCH_PIXELS // (resolution[0] * resolution[1]))
    for start in range(0, len(stimuli), batch):
        images = _resized(stimuli.at(slice(start, start + batch)), resolution, aspect)
        grey = _luminance(images)
        parts["pixels"].append(images.flatten(1))
        parts["luminance"].append(grey.mean(dim=(1, 2), dtype=torch.float64)[:, None])
        energy = gabor_energy(grey)
        parts["gabor"].append(F.adaptive_avg_pool2d(energy.flatten(1, 2), GRID).flatten(1))
    return {name: torch.cat(tensors).numpy() for name, tensors in parts.items()}


def low_level_rdms(stimuli: Stimuli, resolution: tuple[int, int], measure: str = "correlation") -> dict[str, RDMs]:
    """Return one RDM for each of ``"pixels"``, ``"luminance"`` and ``"gabor"``.

    The luminance RDM is squared Euclidean whatever the measure: one number per image has no correlation.

    Raises
    ------
    SpecError
        If the measure is unknown or the resolution too small.
    DataError
        If an image is constant, which has no correlation distance; the message names it.
    """
    return {
        name: compute_rdms(
            features, stimuli.ids, "squared_euclidean" if name == "luminance" else measure, {"layer": (name,)}
        )
        for name, features in low_level_features(stimuli, resolution).items()
    }


def gabor_energy(grey: Tensor) -> Tensor:
    """Return the local energy of a Gabor pyramid, ``(n, scales, orientations, height, width)``.

    Energy is the squared modulus of a complex Gabor's response, the sum of squares of a quadrature pair, and so does
    not depend on phase (Adelson & Bergen 1985, J Opt Soc Am A 2:284). Orientation k is that of gratings
    ``cos(2 pi (x cos t + y sin t) / wavelength)``, ``t = k pi / 8``; for wavelengths see :func:`wavelengths`. Filters
    have a bandwidth of one octave, no response to uniform light, and unit gain at their frequency, so that scales
    respond alike to images with a 1/f amplitude spectrum.

    Parameters
    ----------
    grey
        ``(n, height, width)`` luminance.
    """
    height, width = grey.shape[1:]
    grey = _centred(grey)
    out = grey.new_empty(len(grey), N_SCALES, N_ORIENTATIONS, height, width)
    for scale, wavelength in enumerate(wavelengths(height, width)):
        # mirrored margins as wide as the envelope, so that opposite borders do not meet
        margin = min(int(2 * _SIGMA * wavelength) + 1, height - 1, width - 1)
        padded = F.pad(grey[:, None], (margin,) * 4, mode="reflect")[:, 0]
        spectrum = torch.fft.fft2(padded)
        for k in range(N_ORIENTATIONS):
            gain = _transfer((padded.shape[1], padded.shape[2]), wavelength, k * pi / N_ORIENTATIONS).to(grey)
            response = torch.fft.ifft2(spectrum * gain)[:, margin : margin + height, margin : margin + width]
            out[:, scale, k] = response.real**2 + response.imag**2
    return out


def _centred(grey: Tensor) -> Tensor:
    """Return luminance minus its mean; exactly 0 for an image that is uniform but for rounding, which has no energy."""
    low, high = grey.amin(dim=(1, 2), keepdim=True), grey.amax(dim=(1, 2), keepdim=True)
    uniform = high - low <= 8 * torch.finfo(grey.dtype).eps * torch.maximum(low.abs(), high.abs())
    return torch.where(uniform, torch.zeros_like(grey), grey - grey.mean(dim=(1, 2), keepdim=True))


def wavelengths(height: int, width: int) -> tuple[float, ...]:
    """Return the wavelengths in pixels: 4, in equal steps of octaves from 4 (2.5 in tiny images) to half the side."""
    side = min(height, width)
    finest, coarsest = max(2.5, min(4.0, side / 4)), side / 2
    step = log2(coarsest / finest) / (N_SCALES - 1)
    return tuple(finest * 2 ** (step * scale) for scale in range(N_SCALES))


def _transfer(shape: tuple[int, int], wavelength: float, angle: float) -> Tensor:
    """Return the frequency response of a complex Gabor, ``(height, width)``: a Gaussian around its frequency."""
    fy, fx = (torch.fft.fftfreq(size, dtype=torch.float64) for size in shape)
    sigma = _SIGMA * wavelength
    x = fx[None] - np.cos(angle) / wavelength
    y = fy[:, None] - np.sin(angle) / wavelength
    gain = torch.exp(-2 * pi**2 * sigma**2 * (x**2 + y**2))
    gain[0, 0] = 0
    return gain


def _resized(images: np.ndarray | list[np.ndarray], resolution: tuple[int, int], aspect: str) -> Tensor:
    """Return ``(n, channels, height, width)`` float32 in 0..1."""
    if isinstance(images, list):
        return torch.cat([_resized(one[None], resolution, aspect) for one in images])
    tensor = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255
    if tuple(tensor.shape[2:]) == tuple(resolution):
        return tensor
    return resized(tensor, (resolution[0], resolution[1]), aspect)


def _luminance(images: Tensor) -> Tensor:
    if images.shape[1] == 1:
        return images[:, 0]
    return torch.einsum("nchw,c->nhw", images, images.new_tensor(_LUMINANCE))
