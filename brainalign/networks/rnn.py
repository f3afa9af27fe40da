"""Recurrent network over the rows or patches of an image."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from brainalign.datasets.task import Task
from brainalign.networks.architecture import Architecture, bound_of, choose, nonlinearity
from brainalign.networks.block import Block
from brainalign.networks.network import Network
from brainalign.networks.patches import patch_grid, patches
from brainalign.networks.synapse import Synapse
from brainalign.networks.wiring import Wiring
from brainalign.options import Needs, require


@dataclass(frozen=True)
class RNN(Architecture):
    """Plain recurrent layers ``h_t = f(W x_t + R h_(t-1) + b)`` and a linear ``readout`` of the last state.

    Parameters
    ----------
    widths
        Units of each recurrent layer.
    sequence
        ``"rows"``: one row of pixels per time step; ``"patches"``: one square patch per time step.
    patch
        Side of a patch in pixels.
    blocks
        ``"layer"``: one block is a layer over all time steps, so an error is differentiated through time inside
        it. ``"step"``: one block is a time step of all layers, and blocks share their synapses. Layers are called
        alike and show the same: ``rnn1`` is the state after the last step.
    activation
        ``"tanh"``, ``"relu"``, ``"elu"`` or ``"gelu"``.

    Notes
    -----
    The activity of a layer is its state after the last time step.
    """

    summary: ClassVar[str] = "plain recurrent layers over rows or patches; a block is a layer or a time step"

    recommended: ClassVar[Mapping[str, Any]] = {"blocks": "step"}  # a layer hides gradients through time

    least: ClassVar[Mapping[str, int]] = {"widths": 1, "patch": 1}

    only_with: ClassVar[Needs] = {"patch": {"sequence": ("patches",)}}
    widths: tuple[int, ...] = (128,)
    sequence: str = "rows"
    patch: int = 4
    blocks: str = "layer"
    activation: str = "tanh"

    def build(self, task: Task) -> Network:
        """Return the network for ``task``."""
        require(len(self.widths) > 0, "Option widths", self.widths, "at least one recurrent layer")
        choose("sequence", self.sequence, ("rows", "patches"))
        choose("blocks", self.blocks, ("layer", "step"))
        channels, _, width = task.input_shape
        size = (1, width) if self.sequence == "rows" else (self.patch, self.patch)
        n_steps = patch_grid(task.input_shape, size)
        function, gain = nonlinearity(self.activation)
        cells, n_in = [], channels * size[0] * size[1]
        for k, units in enumerate(self.widths, start=1):
            cells.append(
                _Cell(
                    Synapse(f"rnn{k}.input", "linear", n_in, units, gain=gain),
                    # Contracting by a tenth keeps activity bounded over the sequence.
                    Synapse(f"rnn{k}.recurrent", "linear", units, units, gain=0.9 * gain, bias=False),
                    function,
                )
            )
            n_in = units
        readout = Synapse("readout", "linear", n_in, task.n_outputs)
        chain: list[Block]
        if self.blocks == "layer":
            chain = [
                _RecurrentLayer(f"rnn{k}", cell, size if k == 1 else None) for k, cell in enumerate(cells, start=1)
            ]
            chain.append(_LastState("readout", readout, None))
        else:
            states = sum(self.widths)
            chain = [
                _TimeStep(
                    name=f"step{t + 1}",
                    cells=tuple(cells),
                    patch=size,
                    t=t,
                    n_steps=n_steps,
                    input_shape=task.input_shape,
                )
                for t in range(n_steps)
            ]
            chain.append(_LastState("readout", readout, states))
        return Network("rnn", self.blocks, tuple(chain), task)


@dataclass(frozen=True)
class _Cell:
    input: Synapse
    recurrent: Synapse
    function: Callable[[Tensor], Tensor]

    def step(self, params: Mapping[str, Tensor], x: Tensor, state: Tensor | None, wiring: Wiring) -> Tensor:
        current = wiring.synapse(self.input, params, x)
        if state is not None:
            current = current + wiring.synapse(self.recurrent, params, state)
        return self.function(current)


@dataclass(frozen=True)
class _RecurrentLayer(Block):
    name: str
    cell: _Cell
    patch: tuple[int, int] | None

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return (self.cell.input, self.cell.recurrent)

    def preactivation(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        sequence = x if self.patch is None else patches(x, self.patch)
        state, states = None, []
        for t in range(sequence.shape[1]):
            state = self.cell.step(params, sequence[:, t], state, wiring)
            states.append(state)
        return torch.stack(states, dim=1)

    @property
    def bound(self) -> float:
        return bound_of(self.cell.function)

    def represent(self, x: Tensor) -> Tensor:
        return x[:, -1]


@dataclass(frozen=True)
class _TimeStep(Block):
    """One step of all layers. The chain carries ``[states, image]``, so that later steps can still look."""

    name: str
    cells: tuple[_Cell, ...]
    patch: tuple[int, int]
    t: int
    n_steps: int
    input_shape: tuple[int, int, int]

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return tuple(synapse for cell in self.cells for synapse in (cell.input, cell.recurrent))

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(cell.input.n_out for cell in self.cells)

    def preactivation(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        states: list[Tensor | None]
        if self.t == 0:
            image, states = x.flatten(1), [None] * len(self.cells)
        else:
            states, image = list(x[:, : sum(self.widths)].split(self.widths, dim=1)), x[:, sum(self.widths) :]
        signal = patches(image.unflatten(1, self.input_shape), self.patch)[:, self.t]
        new = []
        for cell, state in zip(self.cells, states, strict=True):
            signal = cell.step(params, signal, state, wiring)
            new.append(signal)
        return torch.cat([*new, image] if self.t < self.n_steps - 1 else new, dim=1)

    @property
    def bound(self) -> float:
        return bound_of(self.cells[0].function)

    def represent(self, x: Tensor) -> Tensor:
        return x[:, : sum(self.widths)]

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(f"rnn{k + 1}" for k in range(len(self.cells))) if self.t == self.n_steps - 1 else ()

    def shown(self, x: Tensor) -> dict[str, Tensor]:
        return dict(zip(self.layers, self.represent(x).split(self.widths, dim=1), strict=False))


@dataclass(frozen=True)
class _LastState(Block):
    name: str
    weight: Synapse
    states: int | None

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return (self.weight,)

    def preactivation(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        last = x[:, -1] if self.states is None else x[:, self.states - self.weight.n_in : self.states]
        return wiring.synapse(self.weight, params, last)
