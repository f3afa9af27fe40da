"""Counter-current learning."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.func import grad, vjp

from brainalign.credit.batch import Batch
from brainalign.credit.chain import Teach, blockwise
from brainalign.credit.cost import local_cost
from brainalign.credit.directions import Directions
from brainalign.credit.feedback_stage import draw_path, feedback_path, path_angles, path_cost
from brainalign.credit.objective import answer, output_error, output_metrics, target
from brainalign.credit.step import Step
from brainalign.credit.targets import feedback_nonlinearity
from brainalign.datasets.task import Task
from brainalign.errors import SpecError
from brainalign.networks.architecture import choose
from brainalign.networks.network import Network, Params
from brainalign.options import require_positive
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_EPSILON = 1e-5  # keeps a silent channel finite, as batch normalisation does
_CCL = "Kao & Hariharan 2024, NeurIPS (arXiv 2409.19841)"


class _Wanted(NamedTuple):
    """What the similarity of activities ``(n, d)`` and feedback signals ``(m, d)`` should be, and which count."""

    similarity: Tensor  # (n, m)
    samples: Tensor | None  # (n,), 0 where a sample is left out, else 1; None keeps all
    signals: Tensor | None  # (m,)


@dataclass(frozen=True)
class CounterCurrent(LearningRule):
    """``min sum_(l<L) || norm(a_l) norm(b_l)^T - I || + CE(a_L, y)``: two opposed networks agree level by level.

    Forward ``a_l = sigma(U_l SG(a_(l-1)))``, ``a_0 = x``: the blocks, ``a_l`` ``(n, *shape of block l's output)``.
    Feedback ``b_(l-1) = sigma(V_l SG(b_l))``, ``b_L = y`` (one-hot), with ``V_1`` linear: ``b_l`` has the shape of
    ``a_l``. ``norm`` flattens a sample and divides by its length, ``I`` is the ``(n, n)`` identity. ``SG`` stops
    gradients, so the loss of level l teaches ``U_l`` and ``V_(l+1)`` and nothing else, the first level only ``V_1``;
    the output's loss teaches ``U_L`` alone. Answers come from the forward network.

    The paper prints ``|| . ||`` without index or square; we read it as the Frobenius norm. Since samples of a class
    send the same ``b_l``, a batch that holds a class k times can be brought to cosines of ``1 / k``, not to ``I``.
    Options name where the released code differs: dense networks use ``matching="classes"``, ``similarity="product"``,
    ``distance="mean_square"``, ``strength=128``; convolutional ones ``"classes"``, ``"cosine"``, ``"mean_square"``,
    ``separation=0.5``, ``centralise=True``, and ``target_filter=0.1`` on CIFAR-10 (the paper says 0.2).

    Regression matches a sample with its own target, ``b_L = y``. Reconstruction matches activities themselves, as
    the paper's autoencoder: level l descends ``H_l MSE(a_l, b_l) + H_l MSE(c(a_l), c(b_l))``, where ``c`` takes each
    channel's mean over places out and divides by what is left's length, and ``H_l`` is the side of the map; both
    ends, the input and the output, have ``H_l MSE`` alone. Tokens are places; a layer of units is one channel of as
    many places, of side ``sqrt(units)`` (our reading: the paper has maps only). There, only ``strength`` and the
    options of the feedback network count.

    Sources disagree on whether its two passes are two phases (the paper: backward locking is partly solved; Lv et al.
    2025, ICML, arXiv 2501.09976: distinct phases), so there is no claim C3.

    Not plausible: similarities compare all samples of a batch, and ``normalise`` makes a neuron's gain depend on them;
    activities and signals are signed and meet in time.

    Parameters
    ----------
    matching
        ``"samples"``: signals are those of the batch's own targets, and ``I`` asks each sample to be similar to its
        own only. ``"classes"``: every class's one-hot goes up the feedback network once per batch, and similarities
        ``(n, n_classes)`` should be 1 for the sample's class and 0 for others.
    similarity
        ``"cosine"``, or ``"product"``: no ``norm``, and the level's distance is divided by the features of a sample.
    distance
        ``"norm"``: Frobenius; ``"mean_square"``: mean over pairs of the squared difference.
    strength
        Factor on the losses of levels below the output.
    separation
        Weight of ``||norm(X) norm(X)^T - I||``, in the same distance, for ``X = a_l`` and ``X = b_l`` of every level;
        keeps activities from collapsing. 0 leaves it out.
    target_filter
        Samples whose answer differs from the target by less than this in every output teach no level below the output
        (the paper calls it flooding); the output learns from all, as in the released code. 0 keeps all samples.
    centralise
        Whether every weight's gradient is freed of its mean over the inputs of a neuron.
    activation
        ``sigma`` of the feedback network: ``"elu"``, ``"relu"``, ``"gelu"``, ``"tanh"`` or ``"linear"``.
    feedback_rate
        Learning rate of ``V`` relative to that of ``U``; 0 leaves ``V`` as drawn. Optimisers that rescale each
        weight's gradient, such as Adam, undo every factor but 0.
    scale
        Size of the initial ``V`` relative to ``1 / sqrt(fan_in)``.
    normalise
        Whether every neuron of the feedback network, or channel of its maps, has mean 0 and variance 1 over the
        signals of a batch (and places) before ``sigma``; not the input's level. As the paper's autoencoder.

    References
    ----------
    Kao & Hariharan 2024, NeurIPS (arXiv 2409.19841), equations 1 and 2, appendix 6.1 (separation, filter,
    centralisation, autoencoder), figure 7 (feedback rates); their code: github.com/IandRover/CCL-NeurIPS24. Gradient
    centralisation: Yong, Huang, Hua & Zhang 2020, ECCV.
    """

    reference: ClassVar[str] = _CCL
    claims: ClassVar[Mapping[str, Claim]] = {"C1": Claim(True, _CCL), "C2": Claim(True, _CCL)}
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "mlp": {"learning_rate": 0.003, "rule.matching": "classes"}
    }

    matching: str = "samples"
    similarity: str = "cosine"
    distance: str = "norm"
    strength: float = 1.0
    separation: float = 0.0
    target_filter: float = 0.0
    centralise: bool = False
    activation: str = "elu"
    feedback_rate: float = 1.0
    scale: float = 1.0
    normalise: bool = False

    def __post_init__(self) -> None:
        choose("matching", self.matching, ("samples", "classes"))
        choose("similarity", self.similarity, ("cosine", "product"))
        choose("distance", self.distance, ("norm", "mean_square"))
        feedback_nonlinearity(self.activation)
        require_positive(strength=self.strength, scale=self.scale)
        for name in ("separation", "target_filter", "feedback_rate"):
            if not getattr(self, name) >= 0:
                msg = f"Option {name} is {getattr(self, name)}; expected a number of at least 0."
                raise SpecError(msg)

    def incompatibility(self, network: Network) -> str | None:
        """Say that only labels have one signal per class."""
        if self.matching == "classes" and network.task.objective != "classification":
            return f"matching = 'classes' needs labels, the objective is {network.task.objective}; use 'samples'"
        return None

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Draw ``feedback/<block>.weight``, from the block's output to its input."""
        del params
        self.check(network)
        return draw_path(feedback_path(network, self.scale), generator)

    def trainable(self, state: Params) -> tuple[str, ...]:
        """Return the names of the feedback weights, unless they are fixed."""
        return tuple(name for name in state if name.startswith("feedback/")) if self.feedback_rate else ()

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return every level's gradient for the synapse below it in either network."""
        del noise
        task, classes = network.task, self.matching == "classes"
        outputs, teach, statistics = blockwise(network, params, state, batch.x)
        y = target(task, batch.y).to(outputs[-1].dtype)
        signals, teach_feedback = self._signals(network, state, _identity(task.n_outputs, y) if classes else y)
        wanted = self._wanted(y, answer(task, outputs[-1]))
        slopes = [
            self._slopes(task, level, wanted, *pair)
            for level, pair in enumerate(zip([batch.x, *outputs[:-1]], signals, strict=True))
        ]
        error = output_error(task, outputs[-1], batch.y)
        if task.objective == "reconstruction":
            error = error * sqrt(prod(task.input_shape[1:]))
        updates = teach([*(slope for slope, _ in slopes if slope is not None), error])
        if self.feedback_rate:
            updates |= teach_feedback([self.feedback_rate * slope for _, slope in slopes if slope is not None])
        if self.centralise:
            updates = {n: _centred_rows(u) if n.endswith(".weight") else u for n, u in updates.items()}
        return Step(updates, statistics, output_metrics(task, outputs[-1], batch.y))

    def _signals(self, network: Network, state: Params, top: Tensor) -> tuple[list[Tensor], Teach]:
        """Return ``b_0 .. b_(L-1)``, and the map from a gradient at each to the weights of the stages."""
        stages, sigma = feedback_path(network, self.scale), feedback_nonlinearity(self.activation)

        def send(weights: Params, signal: Tensor = top) -> "list[Tensor]":
            signals = []
            for stage in reversed(stages):
                signal = stage.current(weights, signal.detach())
                if stage is not stages[0]:
                    signal = sigma(_standardised(signal) if self.normalise else signal)
                signals.append(signal)
            return signals[::-1]

        weights = {stage.synapse.weight_name: state[stage.synapse.weight_name] for stage in stages}
        signals, pull = vjp(send, weights)  # type: ignore[misc]
        return signals, lambda slopes: pull(slopes)[0]

    def _wanted(self, y: Tensor, answered: Tensor) -> _Wanted:
        """Return the similarities that targets ``y`` ``(n, n_outputs)`` ask for, and which samples count."""
        samples = ((answered - y).abs().amax(1) >= self.target_filter).to(y.dtype) if self.target_filter else None
        if self.matching == "classes":
            return _Wanted(y, samples, None)
        return _Wanted(_identity(len(y), y), samples, samples)

    def _slopes(
        self, task: Task, level: int, wanted: _Wanted, a: Tensor, b: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        """Return the gradient of a level's loss with respect to its activity and to its feedback signal.

        The loss of similarities ``S = a b^T`` has the gradient ``G b`` with respect to ``a`` and ``G^T a`` with respect
        to ``b``, where ``G`` is a multiple of ``S - I``. Nothing learns from the input's, nor from that of fixed
        feedback; there the answer is None.
        """
        if task.objective == "reconstruction":
            loss = grad(lambda a, b: self.strength * _map_distance(a, b, centred=level > 0), argnums=(0, 1))
            of_a, of_b = loss(a, b)
            return of_a if level else None, of_b
        own, other, cosine = a.flatten(1), b.flatten(1), self.similarity == "cosine"
        x, y = Directions.of(own), Directions.of(other)
        own, other = (x.unit, y.unit) if cosine else (own, other)
        found = self._steepest(_counting(own @ other.T - wanted.similarity, wanted.samples, wanted.signals))
        found = found * (self.strength if cosine else self.strength / own.shape[1])
        of_a = self._of_rows(x, found @ other, wanted.samples).view_as(a) if level else None
        of_b = self._of_rows(y, found.T @ own, wanted.signals).view_as(b) if self.feedback_rate else None
        return of_a, of_b

    def _of_rows(self, x: Directions, slope: Tensor, counted: Tensor | None) -> Tensor:
        """Return the gradient with respect to ``x``, given that of what was compared; add that of separation."""
        slope = x.turned(slope) if self.similarity == "cosine" else slope
        if not self.separation:
            return slope
        alike = self._steepest(_counting(x.unit @ x.unit.T - _identity(len(slope), slope), counted, counted))
        return slope + x.turned(2 * self.separation * (alike @ x.unit))

    def _steepest(self, difference: Tensor) -> Tensor:
        """Return the gradient of the distance with respect to the difference of similarities."""
        if self.distance == "mean_square":
            return difference * (2 / difference.numel())
        length = torch.linalg.vector_norm(difference)
        return difference / torch.where(length > 0, length, 1.0)

    def feedback_angles(self, network: Network, params: Params, state: Params) -> dict[str, Tensor]:
        """Return the angle of every ``V_l`` to the transposed ``U_l``, where shapes match."""
        return path_angles(network, params, state, feedback_path(network, self.scale))

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count forward pass, local gradients, the feedback network, and one sample's share of the similarities.

        Feedback costs a pass and the weights' gradient. ``"classes"`` sends as many signals per batch as there are
        classes, whatever the batch, so that a sample bears ``n_classes / batch_size`` of it.
        """
        n_signals = network.task.n_outputs if self.matching == "classes" else batch_size
        share, learns = n_signals / batch_size, 1 if self.feedback_rate else 0
        total = local_cost(network) + share * (1 + learns) * sum(
            path_cost(stage) for stage in feedback_path(network, self.scale)
        )
        if network.task.objective == "reconstruction":
            return total  # similarities of a sample with itself are element-wise
        widths = [prod(shape) for shape in (network.task.input_shape, *network.output_shapes[:-1])]
        for level, width in enumerate(widths):
            teaches = 1 if level else 0  # the input has nothing to learn
            total += (1 + teaches + learns) * n_signals * width
            if self.separation:
                total += 2 * (teaches * batch_size + learns * share * n_signals) * width
        return total


def _identity(size: int, like: Tensor) -> Tensor:
    return torch.eye(size, dtype=like.dtype, device=like.device)


def _counting(difference: Tensor, rows: Tensor | None, columns: Tensor | None) -> Tensor:
    """Set what is left out to zero."""
    difference = difference if rows is None else difference * rows[:, None]
    return difference if columns is None else difference * columns


def _map_distance(a: Tensor, b: Tensor, centred: bool) -> Tensor:
    """Return ``H MSE(a, b)``, and with ``centred`` also that of every channel centred and divided by its length."""
    a, b = _channels(a), _channels(b)
    side = sqrt(a.shape[-1])
    found = side * (a - b).square().mean()
    if not centred:
        return found
    a, b = (Directions.of(x).unit for x in ((x - x.mean(-1, keepdim=True)).flatten(0, 1) for x in (a, b)))
    return found + side * (a - b).square().mean()


def _channels(x: Tensor) -> Tensor:
    """Return ``(n, channels, places)`` of maps, sequences or vectors, the last as one channel."""
    if x.ndim == 4:
        return x.flatten(2)
    return x.transpose(1, 2) if x.ndim == 3 else x.unsqueeze(1)


def _standardised(x: Tensor) -> Tensor:
    """Give every channel of maps, every feature of tokens or every unit mean 0 and variance 1 over all other axes."""
    channel = 1 if x.ndim == 4 else x.ndim - 1
    rest = [axis for axis in range(x.ndim) if axis != channel]
    variance, mean = torch.var_mean(x, rest, correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + _EPSILON)


def _centred_rows(update: Tensor) -> Tensor:
    return update - update.flatten(1).mean(1).view(-1, *(1,) * (update.ndim - 1))
