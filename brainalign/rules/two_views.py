"""Self-supervised backpropagation: two views of an image are to be alike; labels reach the readout only."""

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import torch
from torch import Tensor
from torch.func import grad_and_value
from torch.nn import functional as F

from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost
from brainalign.credit.objective import output_metrics
from brainalign.credit.step import Step
from brainalign.errors import SpecError
from brainalign.networks.network import Network, Params
from brainalign.networks.synapse import Synapse
from brainalign.networks.wiring import Wiring
from brainalign.rules.learning_rule import LearningRule

# Norm below which a projection counts as zero, and a similarity no exponent reaches.
_SILENT, _NEVER = 1e-8, -1e9


@dataclass(frozen=True)
class TwoViews(LearningRule):
    """``L = -mean_i log exp(s(z_i, z_i') / T) / sum_(k != i) exp(s(z_i, z_k) / T)``: contrast of two views (SimCLR).

    ``z_i`` ``(n_features,)`` is the projection of the last hidden layer for one view of image i, ``z_i'`` that for the
    other, ``s`` the cosine, and k runs over the ``2 n - 1`` other views of the batch. A view is a part of the image,
    drawn anew, at its full size, half of them mirrored, brighter or darker, with more or less contrast. All hidden
    layers and the projection head descend ``L``. The readout descends the task's loss on plain images, and its error
    goes no further: hidden layers see no labels.

    Not plausible: errors travel through transposed weights, and every image is compared with all others of a batch. It
    is a control for what labels contribute, not a model of learning in brains.

    Parameters
    ----------
    temperature
        ``T``.
    smallest
        Smallest side of a view, as a share of the image's.
    mirror
        Whether half of the views are mirrored; digits and letters are not the same when mirrored.
    brightness, contrast
        Largest change of brightness, in standard deviations of pixels, and of contrast, as a share.
    n_hidden, n_features
        Sizes of the projection head's two layers.

    References
    ----------
    Chen, Kornblith, Norouzi & Hinton 2020, ICML (arXiv 2002.05709). Colours stay as they are here.
    """

    reference: ClassVar[str] = "Chen, Kornblith, Norouzi & Hinton 2020, ICML (arXiv 2002.05709)"

    temperature: float = 0.5
    smallest: float = 0.5
    mirror: bool = True
    brightness: float = 0.4
    contrast: float = 0.4
    n_hidden: int = 128
    n_features: int = 64

    def __post_init__(self) -> None:
        _require(self.temperature > 0, "temperature", self.temperature, "a positive number")
        _require(0 < self.smallest <= 1, "smallest", self.smallest, "a share above 0, at most 1")
        _require(self.brightness >= 0, "brightness", self.brightness, "0 or more")
        _require(0 <= self.contrast < 1, "contrast", self.contrast, "a share from 0, below 1")
        _require(self.n_hidden > 0, "n_hidden", self.n_hidden, "a positive number")
        _require(self.n_features > 1, "n_features", self.n_features, "2 or more")

    def incompatibility(self, network: Network) -> str | None:
        """Say that only images have views."""
        height, width = network.task.input_shape[1:]
        return None if min(height, width) > 1 else "inputs are no images, so that they have no views"

    def _head(self, network: Network) -> tuple[Synapse, Synapse]:
        """Return the two layers of the projection head."""
        n_in = prod(network.output_shapes[-2])
        return (
            Synapse("head/projection1", "linear", n_in, self.n_hidden),
            Synapse("head/projection2", "linear", self.n_hidden, self.n_features),
        )

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Draw the projection head."""
        del params
        self.check(network)
        state: Params = {}
        for synapse in self._head(network):
            state[synapse.weight_name] = synapse.draw_weight(generator)
            state[synapse.bias_name] = torch.zeros(synapse.n_out)
        return state

    def trainable(self, state: Params) -> tuple[str, ...]:
        """Return the names of the projection head's parameters."""
        return tuple(name for name in state if name.startswith("head/"))

    def noise(self, network: Network, batch_size: int, generator: torch.Generator) -> Params:
        """Draw ``views`` ``(2, n, 6)``, uniform from 0 to 1: side, place, mirroring, brightness and contrast."""
        del network
        return {"views": torch.rand(2, batch_size, 6, generator=generator)}

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return the gradient of the contrast for hidden layers and head, and of the task's loss for the readout."""
        views = torch.cat([self._view(batch.x, noise["views"][k]) for k in range(2)])
        learned = {name: state[name] for name in self.trainable(state)}
        last = set(network.blocks[-1].parameters())

        def contrast(weights: "Params") -> "tuple[Tensor, dict[str, Tensor]]":
            wiring = Wiring(state, adapt=True)
            hidden = _hidden(network, weights, views, wiring)
            return self._loss(self._project(network, weights, hidden, wiring)), wiring.statistics

        hidden_weights = {name: weight for name, weight in params.items() if name not in last}
        updates, (_, statistics) = grad_and_value(contrast, has_aux=True)({**hidden_weights, **learned})
        wiring = Wiring({**state, **statistics})
        entering = _hidden(network, params, batch.x, wiring).detach()

        def answer(weights: "Params") -> "tuple[Tensor, tuple[dict[str, Tensor], dict[str, Tensor]]]":
            reading = Wiring(state, adapt=True)
            output = network.blocks[-1].forward(weights, entering, reading)
            metrics = output_metrics(network.task, output, batch.y)
            return metrics["loss"], (metrics, reading.statistics)

        own, (_, (metrics, more)) = grad_and_value(answer, has_aux=True)({name: params[name] for name in last})
        return Step({**updates, **own}, {**statistics, **more}, metrics)

    def _view(self, x: Tensor, drawn: Tensor) -> Tensor:
        """Return one view of each image ``(n, channels, height, width)`` from its draws ``(n, 6)``."""
        side = self.smallest + (1 - self.smallest) * drawn[:, 0]
        across, down = ((1 - side) * (2 * drawn[:, k] - 1) for k in (1, 2))
        mirrored = torch.where(drawn[:, 3] < 0.5, -side, side) if self.mirror else side
        height, width = (_centres(size, x) for size in x.shape[2:])
        rows = (down[:, None] + side[:, None] * height)[:, :, None].expand(-1, -1, len(width))
        columns = (across[:, None] + mirrored[:, None] * width)[:, None, :].expand(-1, len(height), -1)
        grid = torch.stack([columns, rows], dim=3)
        part = F.grid_sample(x, grid, align_corners=False, padding_mode="reflection")
        mean = part.mean(dim=(1, 2, 3), keepdim=True)
        gain = 1 + self.contrast * (2 * drawn[:, 4] - 1).view(-1, 1, 1, 1)
        return mean + gain * (part - mean) + self.brightness * (2 * drawn[:, 5] - 1).view(-1, 1, 1, 1)

    def _project(self, network: Network, weights: Params, hidden: Tensor, wiring: Wiring) -> Tensor:
        """Return projections of length 1, ``(2 n, n_features)``."""
        first, second = self._head(network)
        z = wiring.synapse(second, weights, wiring.synapse(first, weights, hidden.flatten(1)).relu())
        return z / torch.linalg.vector_norm(z, dim=1, keepdim=True).clamp(min=_SILENT)

    def _loss(self, z: Tensor) -> Tensor:
        """Return the mean over views of the cross-entropy of finding the other view of the same image."""
        n = z.shape[0]
        itself = torch.eye(n, dtype=z.dtype, device=z.device)
        alike = z @ z.T / self.temperature + _NEVER * itself
        return F.cross_entropy(alike, torch.arange(n, device=z.device).roll(n // 2))

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count both views forward and back, the head, comparisons within a batch, and the readout on plain images."""
        costs = forward_cost(network)
        last = {synapse.name for synapse in network.blocks[-1].synapses}
        hidden = sum(cost for name, cost in costs.items() if name not in last)
        readout = sum(cost for name, cost in costs.items() if name in last)
        head = sum(prod(synapse.weight_shape) for synapse in self._head(network))
        # a comparison with 2 n views, forward and for the gradient of both sides
        return 2 * (3 * (hidden + head) + 3 * 2 * batch_size * self.n_features) + hidden + 2 * readout


def _centres(size: int, like: Tensor) -> Tensor:
    """Return where the pixels of one side lie, from -1 to 1."""
    return (2 * torch.arange(size, dtype=like.dtype, device=like.device) + 1) / size - 1


def _hidden(network: Network, weights: Params, x: Tensor, wiring: Wiring) -> Tensor:
    for block in network.blocks[:-1]:
        x = block.forward(weights, x, wiring)
    return x


def _require(condition: bool, option: str, value: float, expected: str) -> None:
    if not condition:
        msg = f"Option {option} is {value!r}; expected {expected}."
        raise SpecError(msg)
