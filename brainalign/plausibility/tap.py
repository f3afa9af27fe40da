"""The instrument: what a step of learning reads, sends and computes, seen and changed from below the rule."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from brainalign.credit.batch import Batch
from brainalign.networks.network import Params
from brainalign.plausibility.crossing import Crossing, Meeting
from brainalign.plausibility.unsupported import Unsupported

#: Where the two operands of a product stand among its arguments.
_PRODUCTS = {"mm": (0, 1), "addmm": (1, 2), "bmm": (0, 1), "baddbmm": (1, 2), "mv": (0, 1), "addmv": (1, 2)}

#: Operations that take the shape of a tensor and nothing else of it.
_SHAPE_ONLY = ("zeros_like", "ones_like", "empty_like", "full_like", "new_zeros", "new_ones", "new_empty", "new_full",
               "new_empty_strided", "rand_like", "randn_like")  # fmt: skip

#: Operations that take an error back through a nonlinearity.
SLOPES = ("tanh_backward", "threshold_backward", "elu_backward", "gelu_backward", "sigmoid_backward")

#: The parts of a batch, as sources.
X, Y, INDEX = "x", "y", "index"


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


class _Line(NamedTuple):
    """An operation; whether it is one of :data:`SLOPES`; and if it is a crossing, where its operands stand."""

    operation: Any
    slope: bool
    operands: tuple[int, int] | None
    meeting: Meeting | None


Alteration = Callable[[Tensor, Tensor, Meeting], tuple[Tensor, Tensor]]


class Tap(TorchDispatchMode):
    """Records every operation of what runs inside ``with Tap(...)``; a rule cannot tell that it is watched.

    It stands below automatic differentiation and ``vmap``, so it sees gradients as the operations they are. A matrix is
    a parameter or state entry with two axes or more, and what is made of one element by element (its sign, a tremble, a
    step of learning). The product of activity with a matrix is a *crossing*; a product of two activities is what a
    weight update is made of. Dependence is kept per tensor, not per element: where in doubt, it is found.

    Parameters
    ----------
    params, state, batch, noise
        What the step will be called with: the very same tensors.
    replay
        Currents to put in place of those that arrive, one per crossing: each part of the step then answers to what came
        before it as it was, not as an intervention made it.
    disturb
        Position of a crossing to what is added to its current, after ``replay``.
    alter
        Called with message, matrix and :class:`Meeting` of every crossing; returns the two to use instead.
    slope
        Called with an error and what it became on its way back through a nonlinearity; returns what to use instead.
    record
        Whether results and crossings are kept; not needed to change them, and several times slower.
    script
        What the operations of a step are and which are crossings: filled where it is empty, else relied on, which is
        faster still. Only for steps of one rule on one network, without ``record``, ``replay`` and ``disturb``.

    Attributes
    ----------
    crossings
        Every crossing, in order.
    nodes, values
        Every result, in order: what it depends on, and the tensor.
    params, matrix_shapes
        Names of the parameters; shapes of parameters and state entries with two axes or more.
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
        slope: Callable[[Tensor, Tensor], Tensor] | None = None,
        record: bool = True,
        script: list[_Line] | None = None,
    ) -> None:
        super().__init__()
        self._written = script
        self._followed = iter(script) if script else None
        self.record = record
        self.replay, self.disturb, self.alter, self.slope = replay, disturb or {}, alter, slope
        self.crossings: list[Crossing] = []
        self.nodes: list[_Node] = []
        self.values: list[Tensor] = []
        self._place: dict[int, int] = {}
        self._met = 0
        self._alive: list[Tensor] = []  # matrices that are no results of their own, for the same reason as ``values``
        self._made_of: dict[int, int] = {}  # of matrices by address, as bits
        self._bit: dict[str, int] = {}
        self._shape = {name: tuple(tensor.shape) for name, tensor in {**params, **state}.items()}
        self.params = frozenset(params)
        widest = max((max(shape) for shape in self._shape.values() if len(shape) > 1), default=0)
        self.matrix_shapes = frozenset(shape for shape in self._shape.values() if len(shape) > 1)
        for name, tensor in {**params, **state, **noise, X: batch.x, Y: batch.y, INDEX: batch.index}.items():
            self._bit[name] = 1 << len(self._bit)
            # Noise of the shape of a weight, perhaps one for each draw, trembles with it; other noise is activity.
            trembles = any(tuple(tensor.shape[-len(shape) :]) == shape for shape in self.matrix_shapes)
            # A state entry longer than any layer is wide holds matrices in a row.
            matrix = name in self._shape and (tensor.ndim > 1 or tensor.numel() > widest)
            matrix = matrix or (name in noise and tensor.ndim > 1 and trembles)
            if matrix:
                self._made_of[_address(tensor)] = self._bit[name]
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
        return [crossing for crossing in self.crossings if node.crossed >> crossing.order & 1]

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

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep torch from guarding every operation against compilation; nothing is compiled here."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self._followed is not None:
            return self._follow(func, args, kwargs)
        name = func.overloadpacket.__name__
        operands = self._operands(name, args)
        meeting = None if operands is None else self._meeting(name, args, operands)
        if self._written is not None:
            self._written.append(_Line(func, name in SLOPES, operands, meeting))
        altered = self._altered(args, operands, meeting)
        out = func(*altered, **kwargs)
        if self.slope is not None and name in SLOPES:
            out = self.slope(args[0], out)
        if operands is not None and (self.replay is not None or self.disturb):
            out = self._replaced(out)
        inputs = _tensors((*args, *kwargs.values()))
        self._shape_matrices(name, inputs, out)
        if self.record:
            self._record(func, args, inputs, out, None if meeting is None else (operands, meeting, altered))
        elif meeting is not None:
            self._met += 1
        return out

    def _altered(self, args: tuple[Any, ...], operands: tuple[int, int] | None, meeting: Meeting | None) -> Any:
        if operands is None or meeting is None or self.alter is None:
            return args
        at, matrix_at = operands
        message, matrix = self.alter(args[at], args[matrix_at], meeting)
        return tuple(message if k == at else matrix if k == matrix_at else one for k, one in enumerate(args))

    def _follow(self, func: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
        line = next(self._followed, None)  # type: ignore[arg-type]
        if line is None or line.operation is not func:
            msg = "operations differ from step to step"
            raise Unsupported(msg)
        out = func(*self._altered(args, line.operands, line.meeting), **kwargs)
        return self.slope(args[0], out) if self.slope is not None and line.slope else out

    def _shape_matrices(self, name: str, inputs: list[Tensor], out: Any) -> None:
        """Note which results are matrices: element by element a matrix stays one; a product or a sum of it is none."""
        if name in _PRODUCTS or name.startswith("convolution") or name in _SHAPE_ONLY:
            return
        sources = [(one.shape, made_of) for one in inputs if (made_of := self._matrix(one))]
        if sources:
            for result in _tensors((out,)):
                made_of = 0
                for shape, source in sources:
                    made_of |= source if _same_axes(shape, result.shape) else 0
                if made_of and _address(result) not in self._made_of:
                    self._made_of[_address(result)] = made_of
                    self._alive.append(result)

    def _record(self, func: Any, args: tuple[Any, ...], inputs: list[Tensor], out: Any, crossing: Any) -> None:
        name = func.overloadpacket.__name__
        places = [self._place[address] for address in map(_address, inputs) if address in self._place]
        places = [] if name in _SHAPE_ONLY else places
        known = {_address(one) for one in inputs}
        results = _tensors((out,))
        for position, result in enumerate(results):
            if _address(result) in known and not func._schema.is_mutable:
                continue  # a view
            if name == "convolution_backward":
                used = ((0, 2), (0, 1), (0,))[position if len(results) == 3 else _which(out, result)]
                own = [self._place[_address(args[k])] for k in used if _address(args[k]) in self._place]
            else:
                own = places
            crosses = crossing is not None and position == 0
            place = self._add(result, self._result(name, own, result, crosses))
            if crosses:
                operands, meeting, altered = crossing
                self._cross(name, altered, operands, meeting, result, place)

    def _operands(self, name: str, args: tuple[Any, ...]) -> tuple[int, int] | None:
        """Return the places of message and matrix among ``args`` where activity meets a matrix, else None."""
        if name in ("convolution", "convolution_backward"):
            at, matrix_at = (0, 1) if name == "convolution" else (0, 2)
            wanted = name == "convolution" or bool(args[-1][0])
            return (at, matrix_at) if wanted and self._matrix(args[matrix_at]) else None
        if name not in _PRODUCTS:
            return None
        first, second = _PRODUCTS[name]
        matrices = self._matrix(args[first]) > 0, self._matrix(args[second]) > 0
        if matrices == (False, True):
            return first, second
        return (second, first) if matrices == (True, False) else None

    def _matrix(self, tensor: Tensor) -> int:
        return self._made_of.get(_address(tensor), 0)

    def _replaced(self, out: Any) -> Any:
        index = len(self.crossings)
        one = out[0] if isinstance(out, tuple | list) else out
        if self.replay is not None:
            one = self.replay[index].clone()
        if index in self.disturb:
            one = one + self.disturb[index]
        return (one, *out[1:]) if isinstance(out, tuple | list) else one

    def _result(self, name: str, places: list[int], result: Tensor, crosses: bool) -> _Node:
        parents = [self.nodes[place] for place in places]
        sources, crossed = 0, 1 << len(self.crossings) if crosses else 0
        for parent in parents:
            sources |= parent.sources
            crossed |= parent.crossed
        depth = max((parent.depth for parent in parents), default=0) + crosses
        return _Node(name, sources, crossed, depth, tuple(places), tuple(result.shape), self._matrix(result))

    def _meeting(self, name: str, args: tuple[Any, ...], operands: tuple[int, int]) -> Meeting:
        at, matrix_at = operands
        matrix, made_of = args[matrix_at], self._matrix(args[matrix_at])
        matrices = frozenset(n for n in self._shape if made_of & self._bit[n])
        if name.startswith("convolution"):
            forward = not args[6] if name == "convolution" else bool(args[7])
        else:
            axis = matrix.ndim - 2 if at < matrix_at else matrix.ndim - 1  # the one that is summed over
            forward = self._sums_inputs(matrix, max(axis, 0), matrices)
        return Meeting(self._met if not self.record else len(self.crossings), matrices, forward)

    def _cross(
        self, name: str, args: tuple[Any, ...], operands: tuple[int, int], meeting: Meeting, current: Tensor, place: int
    ) -> None:
        at, matrix_at = operands
        message, matrix = args[at], args[matrix_at]
        if name.startswith("convolution"):
            stride, padding = (args[3], args[4]) if name == "convolution" else (args[4], args[5])
            geometry = (matrix.shape[-1], stride[0], padding[0])
            axes = 1, 1
        else:
            geometry = None
            axes = (  # a vector has one axis
                message.ndim - 1 if at < matrix_at else max(message.ndim - 2, 0),
                current.ndim - 1 if at < matrix_at else max(current.ndim - 2, 0),
            )
        self.crossings.append(
            Crossing(
                **meeting._asdict(),
                message=message,
                message_axis=axes[0],
                current=current,
                current_axis=axes[1],
                geometry=geometry,
                node=place,
            )
        )

    def _sums_inputs(self, matrix: Tensor, axis: int, matrices: frozenset[str]) -> bool:
        """Return whether ``axis`` of ``matrix`` is the second axis of the weight it was made of."""
        # The last two axes: a population has one for its instances before them.
        shapes = {self._shape[name][-2:] for name in matrices if len(self._shape[name]) in (2, 3)}
        if len(shapes) == 1:
            n_out, n_in = shapes.pop()
            if n_out != n_in and matrix.shape[axis] in (n_out, n_in):
                return matrix.shape[axis] == n_in
        return matrix.stride(axis) == 1  # a square one, or a part: rows are stored one after another

    def _add(self, tensor: Tensor, node: _Node) -> int:
        self._place[_address(tensor)] = len(self.nodes)
        self.values.append(tensor)  # so that no storage is used twice and an address names one result
        self.nodes.append(node)
        return len(self.nodes) - 1

    def __enter__(self) -> Self:
        super().__enter__()
        return self


def _address(tensor: Tensor) -> int:
    """Return what a tensor and its views share."""
    return tensor.untyped_storage()._cdata if isinstance(tensor, Tensor) else 0


def _tensors(values: Sequence[Any]) -> list[Tensor]:
    """Return the tensors among ``values`` and in lists among them."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += _tensors(value)
    return found


def _same_axes(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Return whether two shapes have the same axes, two or more, in any order, up to axes of length one."""
    axes = sorted(n for n in one if n > 1)
    return len(axes) > 1 and axes == sorted(n for n in other if n > 1)


def _which(out: Sequence[Tensor | None], result: Tensor) -> int:
    return next(k for k, one in enumerate(out) if one is result)
