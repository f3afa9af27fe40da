"""What stands beside a block that has a loss of its own: prediction and similarity heads."""

from math import prod, sqrt

import torch
from torch import Tensor
from torch.nn import functional as F

from brainalign.credit.directions import Directions
from brainalign.networks.network import Network
from brainalign.networks.synapse import Synapse

# Heads and their feedback start uniform within 1 / sqrt(fan-in), as in the authors' code.
_GAIN = sqrt(1 / 3)

# With fewer channels than this a similarity of their standard deviations says too little.
_FEWEST_CHANNELS = 4

# Norm of a centred row below which it counts as constant.
_SILENT = 1e-8


def hidden_layers(network: Network) -> dict[str, Tensor]:
    """Return the activity ``(1, ...)`` of every block but the readout, without values (on the meta device)."""
    blocks = zip(network.blocks[:-1], network.output_shapes, strict=False)
    return {block.name: block.represent(torch.empty(1, *shape, device="meta")) for block, shape in blocks}


def pooled(x: Tensor, limit: int) -> Tensor:
    """Average neighbouring positions of ``x`` until a sample has at most ``limit`` features; return ``x``'s kind.

    Positions are pixels of maps ``(n, channels, height, width)`` or tokens of sequences ``(n, tokens, features)``.
    Window height and width double in turn. Features are never averaged with each other.
    """
    if x.ndim == 3:
        return pooled(x.transpose(1, 2).unsqueeze(-1), limit).squeeze(-1).transpose(1, 2)
    if x.ndim != 4:
        return x
    channels, *side = x.shape[1:]
    window = [1, 1]
    axis = 0
    while prod(size := [-(-s // w) for s, w in zip(side, window, strict=True)]) * channels > limit and max(size) > 1:
        axis = axis if size[axis] > 1 else 1 - axis
        window[axis] *= 2
        axis = 1 - axis
    # The last window of a side may be cut short; it averages what is there.
    return x if window == [1, 1] else F.avg_pool2d(x, window, ceil_mode=True)


def prediction_head(block: str, x: Tensor, n_outputs: int) -> Synapse:
    """Return the linear map from all features of the pooled activity ``x`` ``(n, ...)`` to ``n_outputs``."""
    return Synapse(f"head/{block}.prediction", "linear", prod(x.shape[1:]), n_outputs, gain=_GAIN)


def similarity_head(block: str, x: Tensor) -> Synapse:
    """Return the map that keeps the shape of ``x``: 3 x 3 convolution of maps, else linear, for each token alike."""
    name = f"head/{block}.similarity"
    if x.ndim == 4:
        return Synapse(
            name=name, kind="conv2d", n_in=x.shape[1], n_out=x.shape[1], kernel=3, padding=1, gain=_GAIN, bias=False
        )
    return Synapse(name, "linear", x.shape[-1], x.shape[-1], gain=_GAIN, bias=False)


def head_cost(head: Synapse, x: Tensor) -> int:
    """Return the multiply-adds per sample of crossing ``head`` forward and back and of its weight gradient."""
    positions = prod(x.shape[2:]) if head.kind == "conv2d" else prod(x.shape[1:]) // head.n_in
    return 3 * prod(head.weight_shape) * positions


def similarity_features(x: Tensor) -> Tensor:
    """Return ``(n, features)``: of maps, the standard deviation of each channel over space; else all features."""
    if x.ndim == 4 and x.shape[1] >= _FEWEST_CHANNELS and prod(x.shape[2:]) > 1:
        return x.flatten(2).std(dim=2)
    return x.flatten(1)


def similarity_matrix(x: Tensor) -> Tensor:
    """Return the adjusted cosine similarity ``(n, n)`` of the rows of ``x`` ``(n, features)``.

    Each row is centred on its own mean and divided by its norm. A row without variation (a silent layer) is similar to
    none, and no gradient tears it from there.
    """
    rows = _centred_directions(x).unit
    return rows @ rows.T


def similarity_slope(x: Tensor, wanted: Tensor) -> Tensor:
    """Return the gradient of the mean of ``(similarity_matrix(x) - wanted)^2`` with respect to ``x``.

    With respect to the centred and normalised rows ``u`` it is ``4 / n^2 (S - wanted) u``, one product: both matrices
    are symmetric, so that the two factors of ``S = u u^T`` have equal gradients.
    """
    rows = _centred_directions(x)
    difference = rows.unit @ rows.unit.T - wanted
    slope = rows.turned((difference * (4 / wanted.numel())) @ rows.unit)
    return slope - slope.mean(dim=1, keepdim=True)


def _centred_directions(x: Tensor) -> Directions:
    return Directions.of(x - x.mean(dim=1, keepdim=True), _SILENT, 1 / _SILENT)
