"""The instrument: what a step of learning reads, sends and computes, seen and changed from below the rule."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from brainalign.credit.batch import Batch
from brainalign.networks.network import Params

#: Where the two operands of a product stand among its arguments.
_PRODUCTS = {"mm": (0, 1), "addmm": (1, 2), "bmm": (0, 1), "baddbmm": (1, 2), "mv": (0, 1), "addmv": (1, 2)}

#: Operations that take the shape of a tensor and nothing else of it.
_SHAPE_ONLY = ("zeros_like", "ones_like", "empty_like", "full_like", "new_zeros", "new_ones", "new_empty", "new_full",
               "new_empty_strided", "rand_like", "randn_like")  # fmt: skip

#: The parts of a batch, as sources.
X, Y, INDEX = "x", "y", "index"


class Crossing(NamedTuple):
    """Activity that met a matrix: one set of neurons speaks to another.

    Attributes
    ----------
    index
        Position among the crossings of a step.
    matrices
        Names of the parameters and state entries that the matrix was made of.
    forward
        Whether the sum runs over the input axis of the matrix as it is stored, ``(n_out, n_in, ...)``.
    message, message_axis
        What was sent, and its axis of units (channels of a map).
    current, current_axis
        What arrived, and its axis of units.
    geometry
        Kernel, stride and padding of a convolution, else None.
    node
        Of the graph, where the current stands.
    """

    index: int
    matrices: frozenset[str]
    forward: bool
    message: Tensor
    message_axis: int
    current: Tensor
    current_axis: int
    geometry: tuple[int, int, int] | None
    node: int

    @property
    def senders(self) -> int:
        """Number of units that send."""
        return self.message.shape[self.message_axis]

    @property
    def receivers(self) -> int:
        """Number of units that receive."""
        return self.current.shape[self.current_axis]

    def columns(self) -> Tensor:
        """Return what met the rows of the matrix ``(n, fan_in)``: patches, for a convolution."""
        if self.geometry is None:
            return self.message.movedim(self.message_axis, -1).reshape(-1, self.senders)
        kernel, stride, padding = self.geometry
        patches = F.unfold(self.message, kernel, padding=padding, stride=stride)
        return patches.transpose(1, 2).reshape(-1, patches.shape[1])


class _Node(NamedTuple):
    """One result: what it depends on, as bits.

    ``sources`` are the inputs and ``crossed`` the crossings among its ancestors; ``made_of`` the matrices it was made
    of element by element, none for what is no matrix.
    """

    operation: str
    sources: int
    crossed: int
    depth: int
    parents: tuple[int, ...]
    shape: tuple[int, ...]
    made_of: int


Alteration = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]


class Tap(TorchDispatchMode):
    """Records every operation of what runs inside ``with Tap(...)``; a rule cannot tell that it is watched.

    It stands below automatic differentiation and ``vmap``, so it sees gradients as the operations they are. A matrix is a
    parameter or state entry with two axes or more, and what is made of one element by element (its sign, a tremble, a
    step of learning). The product of activity with a matrix is a *crossing*; a product of two activities is what a weight
    update is made of. Dependence is kept per tensor, not per element: where in doubt, it is found.

    Parameters
    ----------
    params, state, batch, noise
        What the step will be called with: the very same tensors.
    replay
        Currents to put in place of those that arrive, one per crossing: each part of the step then answers to what came
        before it as it was, not as an intervention made it.
    disturb
        Crossing index to what is added to its current, after ``replay``.
    alter
        Called with message, matrix and index of every crossing; returns the two to use instead.

    Attributes
    ----------
    crossings
        Every crossing, in order.
    nodes
        Every result, in order.
    params, weight_shapes
        Names of the parameters, and shapes of those with two axes or more.
    """

    def __init__(
        self,
        params: Params,
        state: Params,
        batch: Batch,
        noise: Params,
        replay: Sequence[Tensor] | None = None,
        disturb: Mapping[int, Tensor] | None = None,
        alter: Alteration | None = None,
    ) -> None:
        super().__init__()
        self.replay, self.disturb, self.alter = replay, disturb or {}, alter
        self.crossings: list[Crossing] = []
        self.nodes: list[_Node] = []
        self._place: dict[int, int] = {}
        self._alive: list[Tensor] = []  # so that no storage is used twice and an address names one result
        self._bit: dict[str, int] = {}
        self._shape = {name: tuple(tensor.shape) for name, tensor in {**params, **state}.items()}
        self.params = frozenset(params)
        self.weight_shapes = frozenset(tuple(tensor.shape) for tensor in params.values() if tensor.ndim > 1)
        for name, tensor in {**params, **state, **noise, X: batch.x, Y: batch.y, INDEX: batch.index}.items():
            self._bit[name] = 1 << len(self._bit)
            # Noise of the shape of a weight, perhaps one for each draw, trembles with it; other noise is activity.
            trembles = name in noise and any(tuple(tensor.shape[-len(shape) :]) == shape for shape in self.weight_shapes)
            matrix = tensor.ndim > 1 and (name in self._shape or trembles)
            self._add(tensor, _Node("source", self._bit[name], 0, 0, (), tuple(tensor.shape), self._bit[name] * matrix))

    # -- what was seen ------------------------------------------------------------------------------------------------

    def node(self, tensor: Tensor) -> _Node:
        """Return where ``tensor`` came from; one that the step did not make depends on nothing."""
        place = self._place.get(_address(tensor))
        return self.nodes[place] if place is not None else _Node("constant", 0, 0, 0, (), tuple(tensor.shape), 0)

    def reads(self, node: _Node, *names: str) -> bool:
        """Return whether any of the inputs ``names`` is among the ancestors of ``node``."""
        return any(node.sources & self._bit.get(name, 0) for name in names)

    def crossings_before(self, node: _Node) -> list[Crossing]:
        """Return the crossings among the ancestors of ``node``, itself included, in order."""
        return [crossing for crossing in self.crossings if node.crossed >> crossing.index & 1]

    def ancestors(self, node: _Node) -> list[_Node]:
        """Return every result that ``node`` depends on, itself included."""
        found: dict[int, _Node] = {}
        waiting = [node]
        while waiting:
            one = waiting.pop()
            if id(one) not in found:
                found[id(one)] = one
                waiting += [self.nodes[parent] for parent in one.parents]
        return list(found.values())

    # -- seeing -------------------------------------------------------------------------------------------------------

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        operands = self._operands(name, args)
        if operands is not None and self.alter is not None:
            at, matrix_at = operands
            message, matrix = self.alter(args[at], args[matrix_at], len(self.crossings))
            args = tuple(message if k == at else matrix if k == matrix_at else one for k, one in enumerate(args))
        out = func(*args, **kwargs)
        if operands is not None and (self.replay is not None or self.disturb):
            out = self._replaced(out)
        inputs = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
        places = [self._place[address] for address in map(_address, inputs) if address in self._place]
        places = [] if name in _SHAPE_ONLY else places
        known = {_address(one) for one in inputs}
        results = [one for one in tree_leaves(out) if isinstance(one, Tensor)]
        for position, result in enumerate(results):
            if _address(result) in known and not func._schema.is_mutable:
                continue  # a view
            if name == "convolution_backward":
                used = ((0, 2), (0, 1), (0,))[position if len(results) == 3 else _which(out, result)]
                own = [self._place[_address(args[k])] for k in used if _address(args[k]) in self._place]
            else:
                own = places
            crosses = operands is not None and position == 0
            place = self._add(result, self._result(name, own, tuple(result.shape), crosses))
            if crosses and operands is not None:
                self._cross(name, args, operands, result, place)
        return out

    def _operands(self, name: str, args: tuple[Any, ...]) -> tuple[int, int] | None:
        """Return the places of message and matrix among ``args`` where activity meets a matrix, else None."""
        if name in ("convolution", "convolution_backward"):
            at, matrix_at = (0, 1) if name == "convolution" else (0, 2)
            wanted = name == "convolution" or bool(args[-1][0])
            return (at, matrix_at) if wanted and self.node(args[matrix_at]).made_of else None
        if name not in _PRODUCTS:
            return None
        first, second = _PRODUCTS[name]
        matrices = self.node(args[first]).made_of > 0, self.node(args[second]).made_of > 0
        if matrices == (False, True):
            return first, second
        return (second, first) if matrices == (True, False) else None

    def _replaced(self, out: Any) -> Any:
        index = len(self.crossings)
        one = out[0] if isinstance(out, tuple | list) else out
        if self.replay is not None:
            one = self.replay[index].clone()
        if index in self.disturb:
            one = one + self.disturb[index]
        return (one, *out[1:]) if isinstance(out, tuple | list) else one

    def _result(self, name: str, places: list[int], shape: tuple[int, ...], crosses: bool) -> _Node:
        parents = [self.nodes[place] for place in places]
        sources, crossed = 0, 1 << len(self.crossings) if crosses else 0
        for parent in parents:
            sources |= parent.sources
            crossed |= parent.crossed
        depth = max((parent.depth for parent in parents), default=0) + crosses
        # Element by element a matrix stays one; a product of two of them, or a sum over one, is none.
        product = name in _PRODUCTS or name.startswith("convolution")
        made_of = 0
        for parent in [] if product else parents:
            made_of |= parent.made_of if _same_axes(parent.shape, shape) else 0
        return _Node(name, sources, crossed, depth, tuple(places), shape, made_of)

    def _cross(
        self, name: str, args: tuple[Any, ...], operands: tuple[int, int], current: Tensor, place: int
    ) -> None:
        at, matrix_at = operands
        message, matrix = args[at], args[matrix_at]
        found = self.node(matrix)
        matrices = frozenset(n for n in self._shape if found.made_of & self._bit[n])
        geometry = None
        if name.startswith("convolution"):
            stride, padding = (args[3], args[4]) if name == "convolution" else (args[4], args[5])
            geometry = (matrix.shape[-1], stride[0], padding[0])
            transposed = args[6] if name == "convolution" else not args[7]
            forward, message_axis, current_axis = not transposed, 1, 1
        else:
            message_axis = -1 if at < matrix_at else max(message.ndim - 2, 0)
            current_axis = current.ndim - 1 if at < matrix_at else max(current.ndim - 2, 0)
            message_axis %= message.ndim
            axis = matrix.ndim - 2 if at < matrix_at else matrix.ndim - 1  # the one that is summed over
            forward = self._sums_inputs(matrix, max(axis, 0), matrices)
        self.crossings.append(
            Crossing(
                len(self.crossings), matrices, forward, message, message_axis, current, current_axis, geometry, place
            )
        )

    def _sums_inputs(self, matrix: Tensor, axis: int, matrices: frozenset[str]) -> bool:
        """Return whether ``axis`` of ``matrix`` is the second axis of the weight it was made of."""
        shapes = {self._shape[name] for name in matrices if len(self._shape[name]) == 2}
        if len(shapes) == 1:
            n_out, n_in = shapes.pop()
            if n_out != n_in:
                return matrix.shape[axis] == n_in
        return matrix.stride(axis) == 1  # a square one: rows are stored one after another

    def _add(self, tensor: Tensor, node: _Node) -> int:
        self._place[_address(tensor)] = len(self.nodes)
        self._alive.append(tensor)
        self.nodes.append(node)
        return len(self.nodes) - 1

    def __enter__(self) -> Self:
        super().__enter__()
        return self


def _address(tensor: Tensor) -> int:
    """Return what a tensor and its views share."""
    return tensor.untyped_storage()._cdata if isinstance(tensor, Tensor) else 0


def _same_axes(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Return whether two shapes have the same axes in any order, up to axes of length one."""
    return sorted(n for n in one if n > 1) == sorted(n for n in other if n > 1)


def _which(out: Sequence[Tensor | None], result: Tensor) -> int:
    return next(k for k, one in enumerate(out) if one is result)
