"""Convolutional network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from brainalign.datasets.task import Task
from brainalign.errors import SpecError
from brainalign.networks.architecture import Architecture, bound_of, choose, nonlinearity
from brainalign.networks.block import Block
from brainalign.networks.network import Network
from brainalign.networks.synapse import Synapse
from brainalign.networks.wiring import Wiring
from brainalign.options import SET, Needs, require, require_positive


@dataclass(frozen=True)
class CNN(Architecture):
    """Layers ``conv1 .. convN``, a dense layer ``hidden`` and a linear ``readout``.

    A convolutional layer is 3 x 3 (or ``kernel``) convolution, normalisation, 2 x 2 (or ``pool``) maximum pooling that
    halves the map, and nonlinearity. The dense layer reads a fixed grid: stimuli shown at a higher resolution than the
    network was trained at are averaged down to that grid after the last convolution.

    With ``decoder``, the network gives back its input: after the convolutions come ``up1 .. upN-1`` and a convolutional
    ``readout``, which mirror ``convN .. conv1``. Such a layer repeats its map to the size its partner reads (nearest
    neighbour) and is a convolution, normalisation and nonlinearity; the readout is linear.

    Parameters
    ----------
    channels
        Channels of each convolutional layer.
    hidden
        Units of the dense layer; 0 leaves it out.
    kernel
        Side of the convolution, odd, in pixels: one for all convolutional layers, or a list of one each.
    pool
        Side of the pooled windows, even, in pixels; above 2 they overlap.
    activation
        ``"relu"``, ``"elu"``, ``"gelu"`` or ``"tanh"``.
    normalisation
        ``"batch"`` or ``"none"``.
    decoder
        Whether the network is an autoencoder; its task has to be reconstruction, and ``hidden`` 0.
    decoder_scale
        Size of the decoder's initial weights relative to those of other layers. Behind a normalisation a small weight
        turns faster than a large one, so that a small decoder follows the code and the code moves slowly.
    """

    summary: ClassVar[str] = (
        "convolutional layers with pooling, a dense layer (or a decoder) and a readout, one block each"
    )

    least: ClassVar[Mapping[str, int]] = {"channels": 1, "hidden": 0, "kernel": 1, "pool": 2}

    only_with: ClassVar[Needs] = {"decoder_scale": {"decoder": SET}}
    channels: tuple[int, ...] = (32, 64, 128)
    hidden: int = 256
    kernel: int | tuple[int, ...] = 3
    pool: int = 2
    activation: str = "relu"
    normalisation: str = "batch"
    decoder: bool = False
    decoder_scale: float = 1.0

    def build(self, task: Task) -> Network:
        """Return the network for ``task``."""
        choose("normalisation", self.normalisation, ("batch", "none"))
        require(len(self.channels) > 0, "Option channels", self.channels, "at least one convolutional layer")
        kernels = self.kernel if isinstance(self.kernel, tuple) else (self.kernel,) * len(self.channels)
        if len(kernels) != len(self.channels) or any(kernel % 2 == 0 for kernel in kernels):
            msg = (
                f"Option kernel is {self.kernel}; expected an odd number, so that layers keep their size, or one for "
                f"each of {len(self.channels)} layers."
            )
            raise SpecError(msg)
        if self.pool < 2 or self.pool % 2:
            msg = f"Option pool is {self.pool}; expected an even number of at least 2, so that maps are halved."
            raise SpecError(msg)
        n_in, height, width = task.input_shape
        factor = 2 ** len(self.channels)
        if min(height, width) < factor:
            msg = (
                f"{len(self.channels)} convolutional layers halve {height} x {width} inputs to nothing; "
                f"expected inputs of at least {factor} pixels. Use fewer channels."
            )
            raise SpecError(msg)
        if self.decoder and (task.objective != "reconstruction" or self.hidden):
            msg = (
                f"Option decoder needs objective 'reconstruction' and hidden 0; they are {task.objective!r} and "
                f"{self.hidden}. Set both, or leave decoder out."
            )
            raise SpecError(msg)
        require_positive(decoder_scale=self.decoder_scale)
        function, gain = nonlinearity(self.activation)
        normalised = self.normalisation == "batch"
        blocks: list[Block] = []
        for k, (n_out, kernel) in enumerate(zip(self.channels, kernels, strict=True), start=1):
            synapse = Synapse(
                name=f"conv{k}",
                kind="conv2d",
                n_in=n_in,
                n_out=n_out,
                kernel=kernel,
                padding=kernel // 2,
                gain=gain,
                bias=not normalised,
            )
            blocks.append(
                _Convolution(name=f"conv{k}", weight=synapse, function=function, normalised=normalised, pool=self.pool)
            )
            n_in = n_out
        if self.decoder:
            return Network("cnn", "layer", (*blocks, *self._decoder(task, kernels)), task)
        grid = (height // factor, width // factor)
        n_in *= grid[0] * grid[1]
        if self.hidden:
            blocks.append(_Dense("hidden", Synapse("hidden", "linear", n_in, self.hidden, gain=gain), function, grid))
            n_in = self.hidden
        readout = Synapse("readout", "linear", n_in, task.n_outputs)
        blocks.append(_Dense("readout", readout, None, None if self.hidden else grid))
        return Network("cnn", "layer", tuple(blocks), task)

    def _decoder(self, task: Task, kernels: tuple[int, ...]) -> list[Block]:
        """Return the blocks from the last map back to an image, with the kernels of those that they mirror."""
        function, gain = nonlinearity(self.activation)
        normalised = self.normalisation == "batch"
        n_image, height, width = task.input_shape
        blocks: list[Block] = []
        n_in = self.channels[-1]
        widths = (*self.channels[-2::-1], n_image)
        for k, (n_out, kernel) in enumerate(zip(widths, kernels[::-1], strict=True), start=1):
            last = k == len(self.channels)
            name, size = "readout" if last else f"up{k}", len(self.channels) - k
            synapse = Synapse(
                name=name, kind="conv2d", n_in=n_in, n_out=n_out, kernel=kernel, padding=kernel // 2,
                gain=self.decoder_scale * (1.0 if last else gain),
                bias=last or not normalised,
            )  # fmt: skip
            side = (height // 2**size, width // 2**size)
            blocks.append(
                _Upsampling(
                    name=name,
                    weight=synapse,
                    function=None if last else function,
                    normalised=normalised and not last,
                    size=side,
                )
            )
            n_in = n_out
        return blocks


@dataclass(frozen=True)
class _Map(Block):
    """One convolution, normalised or not, and a nonlinearity, if any."""

    name: str
    weight: Synapse
    function: Callable[[Tensor], Tensor] | None
    normalised: bool

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return (self.weight,)

    def normalisations(self) -> Mapping[str, int]:
        return {f"{self.name}.norm": self.weight.n_out} if self.normalised else {}

    def current(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        current = wiring.synapse(self.weight, params, x)
        return wiring.normalise(f"{self.name}.norm", params, current) if self.normalised else current

    @property
    def bound(self) -> float:
        return bound_of(self.function)

    def activation(self, preactivation: Tensor) -> Tensor:
        return preactivation if self.function is None else self.function(preactivation)


@dataclass(frozen=True)
class _Convolution(_Map):
    pool: int

    def preactivation(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        return F.max_pool2d(self.current(params, x, wiring), self.pool, stride=2, padding=self.pool // 2 - 1)


@dataclass(frozen=True)
class _Upsampling(_Map):
    size: tuple[int, int]

    def preactivation(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        current = self.current(params, F.interpolate(x, size=self.size, mode="nearest"), wiring)
        return current if self.function is not None else current.flatten(1)  # the readout's, a picture as a vector


@dataclass(frozen=True)
class _Dense(Block):
    name: str
    weight: Synapse
    function: Callable[[Tensor], Tensor] | None
    grid: tuple[int, int] | None

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return (self.weight,)

    @property
    def affine(self) -> bool:
        return True

    def preactivation(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        if self.grid is not None and tuple(x.shape[-2:]) != self.grid:
            x = F.adaptive_avg_pool2d(x, self.grid)
        return wiring.synapse(self.weight, params, x.flatten(1))

    @property
    def bound(self) -> float:
        return bound_of(self.function)

    def activation(self, preactivation: Tensor) -> Tensor:
        return preactivation if self.function is None else self.function(preactivation)
