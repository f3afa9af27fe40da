"""Forward-Forward: every block tells images with a true label from images with a wrong one by its own activity."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf, prod
from typing import ClassVar

import torch
from torch import Tensor
from torch.func import grad, vjp
from torch.nn import functional as F

from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost, local_cost
from brainalign.credit.goodness import (
    activity,
    by_place,
    class_goodness,
    labelled_pixels,
    labelled_waves,
    other_labels,
    passed_on,
    sum_of_squares,
    unit_rms,
    wrong_labels,
)
from brainalign.credit.local_heads import hidden_layers
from brainalign.credit.objective import output_metrics
from brainalign.credit.step import Step
from brainalign.errors import SpecError
from brainalign.networks.architecture import choose
from brainalign.networks.block import Block
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.options import SET, Needs, require_positive
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_LV = "Lv et al. 2025, ICML (arXiv 2501.09976)"

#: A block's loss given its activity, and new state entries.
Local = Callable[[Block, Tensor], tuple[Tensor, Params]]


@dataclass(frozen=True)
class ForwardForward(LearningRule):
    """``p_l(positive) = sigmoid(g_l - theta_l)`` with ``g_l = sum_j h_lj^2``; block l descends ``-log p_l`` alone.

    A batch holds each image with its true label (positive, ``-log p``) and with a wrong one (negative,
    ``-log(1 - p)``); ``theta_l`` is ``threshold`` times the number of units. Each block reads ``h_(l-1)``, and the
    first one the labelled image, divided by its root mean square, so that only the pattern and not the goodness of a
    layer reaches the next. Units of maps and sequences are channels or features, and ``g_l`` is a mean over places.
    Peer normalisation adds ``peer_strength mean_j (mean_k m_k - m_j)^2``, where ``m`` is the running mean of each
    unit's activity on positives, so that no unit stays silent.

    With ``goodness = "channels"`` there are neither labels in images nor negatives: units are split into one group per
    class, ``g_lc`` is the mean square of group c's units, and block l descends the cross-entropy of ``softmax(g_l)``.

    The answer comes from hidden blocks, from number ``readout_from`` on. ``"neutral"``: linear softmax of their
    normalised activity, to an image whose label is all classes alike; the last of them is read by the network's own
    readout block, the others by heads beside it, and all learn from the error of that answer, which goes nowhere
    else. ``"goodness"``: the label whose image has the largest sum of ``g_l``; the network's readout block stays idle.
    Layers respond to the neutral image (the plain one with ``"channels"``).

    Not plausible: positive and negative images alternate and weights change sign with them; every layer needs the
    label; blocks of several synapses differentiate inside, and batch normalisation sees both kinds of images at once.

    Parameters
    ----------
    goodness
        ``"sum_of_squares"`` or ``"channels"``, which needs as many units as classes in every hidden block.
    readout
        ``"neutral"`` or ``"goodness"``, which needs one pass per class with ``"sum_of_squares"``.
    readout_from
        First hidden block, from 1, whose activity counts for the answer; the last hidden block always does.
    negatives
        ``"random"``: a wrong label, all alike; ``"hard"``: drawn by the probabilities that the readout gives to wrong
        labels; ``"all"``: every wrong label, each image counting once in the mean.
    label
        ``"pixels"``: the first pixels are the label; ``"waves"``: a plane wave across the image whose direction is the
        class; ``"auto"``: waves where the first synapse is a convolution, which would lose single pixels in pooling.
    label_scale
        Value of the label's pixel, or root mean square of its wave, in units of the image's standard deviation.
    threshold
        Mean square of a unit at which a block is undecided. Units that answer ``b`` at most, such as tanh, cannot pass
        a threshold of ``b^2``; theirs is ``threshold b^2 / (2 threshold + b^2)``, which is always below half of it.
    slope
        Of the logistic function, per unit of mean square; 0 takes the number of units, which is the printed equation.
        With smaller slopes fewer images are decided with certainty from the start.
    peer_strength, peer_momentum
        Of peer normalisation: its weight in the loss, 0 for none, and the share of the past in ``m``.
    straight_through
        Whether signals pass a block's output nonlinearity as if its slope were 1, which reaches silent units.

    References
    ----------
    Hinton 2022 (arXiv 2212.13345). Peer normalisation, straight-through rectifier and neutral readout as in Löwe's
    code (github.com/loeweX/Forward-Forward). Channels: Papachristodoulou, Kyrkou, Timotheou & Theocharides 2024, AAAI
    (arXiv 2312.12668). Waves as labels follow Scodellaro, Kulkarni, Alves & Schröter 2023 (arXiv 2312.14924).
    """

    reference: ClassVar[str] = "Hinton 2022 (arXiv 2212.13345)"
    claims: ClassVar[Mapping[str, Claim]] = {"C1": Claim(True, _LV), "C2": Claim(True, _LV), "C3": Claim(True, _LV)}

    only_with: ClassVar[Needs] = {
        **{
            option: {"goodness": ("sum_of_squares",)}
            for option in ("negatives", "label", "label_scale", "threshold", "slope", "peer_strength")
        },
        "peer_momentum": {"goodness": ("sum_of_squares",), "peer_strength": SET},
    }
    goodness: str = "sum_of_squares"
    readout: str = "neutral"
    readout_from: int = 2
    negatives: str = "random"
    label: str = "auto"
    label_scale: float = 3.0
    threshold: float = 1.0
    slope: float = 0.0
    peer_strength: float = 0.03
    peer_momentum: float = 0.9
    straight_through: bool = True

    def __post_init__(self) -> None:
        choose("goodness", self.goodness, ("sum_of_squares", "channels"))
        choose("readout", self.readout, ("neutral", "goodness"))
        choose("negatives", self.negatives, ("random", "hard", "all"))
        choose("label", self.label, ("auto", "pixels", "waves"))
        require_positive(label_scale=self.label_scale, threshold=self.threshold, readout_from=self.readout_from)
        if not (self.slope >= 0 and self.peer_strength >= 0 and 0 <= self.peer_momentum < 1):
            msg = (
                f"Options slope, peer_strength and peer_momentum are {self.slope}, {self.peer_strength} and "
                f"{self.peer_momentum}; expected at least 0, at least 0, and a share below 1."
            )
            raise SpecError(msg)

    @property
    def _by_class(self) -> bool:
        return self.goodness == "channels"

    @property
    def _has_peers(self) -> bool:
        return self.peer_strength > 0 and not self._by_class

    # -- what it trains -----------------------------------------------------------------------------------------------

    def incompatibility(self, network: Network) -> str | None:
        """Say what has no wrong label, no place for one, or no units for a class."""
        task = network.task
        if task.objective != "classification":
            return "it learns from wrong labels, and real targets have none"
        if len(network.blocks) < 2:
            return "it trains hidden blocks, and there are none"
        if self._by_class:
            units = {name: by_place(x).shape[2] for name, x in _hidden_activities(network).items()}
            for name, count in units.items():
                if count < task.n_outputs:
                    return f"block {name!r} has {count} units for {task.n_outputs} classes; each needs one of its own"
        elif self._label(network) == "pixels" and prod(task.input_shape) < task.n_outputs:
            return f"labels of {task.n_outputs} classes do not fit in {prod(task.input_shape)} pixels"
        return None

    def _label(self, network: Network) -> str:
        kind = "waves" if network.synapses[0].kind == "conv2d" else "pixels"
        return kind if self.label == "auto" else self.label

    def _read(self, network: Network) -> range:
        """Return the hidden blocks that count for the answer, from 0."""
        hidden = len(network.blocks) - 1
        return range(min(self.readout_from, hidden) - 1, hidden)

    def _heads(self, network: Network) -> dict[int, str]:
        """Return the hidden blocks that a head reads, and its weight's name."""
        if self.readout == "goodness":
            return {}
        return {k: f"head/{network.blocks[k].name}.weight" for k in self._read(network)[:-1]}

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Return heads ``(n_outputs, n_features)`` of zero, and ``peer/<block>``, ``m`` of 1/2 for every unit."""
        del params, generator
        self.check(network)
        hidden = hidden_layers(network)
        state = {
            weight: torch.zeros(network.task.n_outputs, hidden[network.blocks[k].name].numel())
            for k, weight in self._heads(network).items()
        }
        if self._has_peers:
            state |= {
                f"peer/{name}": torch.full((by_place(x).shape[2],), 0.5)
                for name, x in _hidden_activities(network).items()
            }
        return state

    def trainable(self, state: Params) -> tuple[str, ...]:
        """Return the names of the heads."""
        return tuple(name for name in state if name.startswith("head/"))

    def noise(self, network: Network, batch_size: int, generator: torch.Generator) -> Params:
        """Draw what chooses each image's wrong label, uniform in [0, 1)."""
        del network
        drawn = not self._by_class and self.negatives != "all"
        return {"negative": torch.rand(batch_size, generator=generator)} if drawn else {}

    # -- a step -------------------------------------------------------------------------------------------------------

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return each hidden block's gradient of its own loss, and the readout's of the cross-entropy of the answer."""
        self.check(network)
        if self._by_class:
            updates, new, outputs = self._learn(network, params, state, batch.x, self._class_loss(network, batch.y))
            reading, logits = self._learn_readout(network, params, state, batch, outputs)
        else:
            reading, logits = self._learn_readout(
                network, params, state, batch, self._neutral(network, params, state, batch.x)
            )
            images = self._pairs(network, batch, noise, logits)
            updates, new, _ = self._learn(network, params, state, images, self._pair_loss(state, len(batch.y)))
        return Step({**updates, **reading}, new, output_metrics(network.task, logits, batch.y))

    def _learn(
        self, network: Network, params: Params, state: Params, x: Tensor, local: Local
    ) -> tuple[Params, Params, list[Tensor]]:
        """Send ``x`` through the hidden blocks; return their updates, new state entries and outputs."""
        updates: Params = {}
        new: Params = {}
        outputs: list[Tensor] = []
        x = unit_rms(x)
        for block in network.blocks[:-1]:

            def current(own: Params, block=block, x=x):  # type: ignore[no-untyped-def]
                wiring = Wiring(state, adapt=True)
                return block.preactivation(own, x, wiring), wiring.statistics

            def loss(output: Tensor, block=block) -> "tuple[Tensor, Params]":  # type: ignore[no-untyped-def]
                return local(block, activity(block, output))

            own = {name: params[name] for name in block.parameters()}
            received, pull, statistics = vjp(current, own, has_aux=True)  # type: ignore[misc]
            output = block.activation(received)
            if self.straight_through:
                signal, entries = grad(loss, has_aux=True)(output)
            else:
                signal, entries = grad(lambda z, block=block, loss=loss: loss(block.activation(z)), has_aux=True)(
                    received
                )
            for name, update in pull(signal)[0].items():  # time steps share synapses
                updates[name] = updates[name] + update if name in updates else update
            new |= {**statistics, **entries}
            outputs.append(output)
            x = passed_on(block, output)
        return updates, new, outputs

    def _pair_loss(self, state: Params, n: int) -> Local:
        """Return the loss of a batch whose first ``n`` samples are positive."""

        def local(block: Block, h: Tensor) -> "tuple[Tensor, Params]":
            units = by_place(h)
            slope = self.slope / units.shape[2] if self.slope else 1.0
            logit = slope * (sum_of_squares(h) - self._reachable(block) * units.shape[2])
            loss = (F.softplus(-logit[:n]).mean() + F.softplus(logit[n:]).mean()) / 2
            if not self._has_peers:
                return loss, {}
            name = f"peer/{block.name}"
            mean = torch.lerp(units[:n].mean((0, 1)), state[name], self.peer_momentum)
            return loss + self.peer_strength * (mean.mean() - mean).square().mean(), {name: mean.detach()}

        return local

    def _reachable(self, block: Block) -> float:
        """Return the threshold of a block, which its units can pass."""
        largest = block.bound**2
        return self.threshold if largest == inf else self.threshold * largest / (2 * self.threshold + largest)

    def _class_loss(self, network: Network, y: Tensor) -> Local:
        return lambda block, h: (F.cross_entropy(class_goodness(h, network.task.n_outputs), y), {})

    def _pairs(self, network: Network, batch: Batch, noise: Params, logits: Tensor) -> Tensor:
        """Return positive images followed by negative ones."""
        n_classes = network.task.n_outputs
        if self.negatives == "all":
            wrong = other_labels(batch.y, n_classes).T
        else:
            weights = logits.softmax(1) if self.negatives == "hard" else torch.ones_like(logits)
            wrong = wrong_labels(batch.y, noise["negative"], weights)[None]
        return torch.cat([self._show(network, batch.x, F.one_hot(y, n_classes)) for y in (batch.y, *wrong)])

    def _show(self, network: Network, x: Tensor, code: Tensor | None) -> Tensor:
        """Return images with the label ``code`` ``(n, n_classes)``, or all classes alike."""
        n_classes = network.task.n_outputs
        code = x.new_full((len(x), n_classes), 1 / n_classes) if code is None else code
        code = self.label_scale * code
        if self._label(network) == "pixels":
            return labelled_pixels(x, code)
        return labelled_waves(x, code, network.task.input_shape[1:])

    # -- the answer ---------------------------------------------------------------------------------------------------

    def _pass(self, network: Network, params: Params, state: Params, x: Tensor) -> list[Tensor]:
        """Return the output of every hidden block for ``x``, with frozen statistics."""
        outputs: list[Tensor] = []
        x = unit_rms(x)
        for block in network.blocks[:-1]:
            outputs.append(block.forward(params, x, Wiring(state)))
            x = passed_on(block, outputs[-1])
        return outputs

    def _neutral(self, network: Network, params: Params, state: Params, x: Tensor) -> list[Tensor]:
        return self._pass(network, params, state, x if self._by_class else self._show(network, x, None))

    def _read_activity(self, network: Network, leaves: Params, state: Params, outputs: list[Tensor]) -> Tensor:
        """Return what the network's readout block and the heads make of the hidden blocks' ``outputs``."""
        shown = [passed_on(block, output) for block, output in zip(network.blocks, outputs, strict=False)]
        logits = network.blocks[-1].forward(leaves, shown[-1], Wiring(state))
        for k, name in self._heads(network).items():
            features = network.blocks[k].represent(shown[k])
            if features.ndim == 4 and features[0].numel() != leaves[name].shape[1]:
                # Stimuli at another resolution than the network was trained at; dense layers average maps, too.
                _, height, width = network.output_shapes[k]
                features = F.adaptive_avg_pool2d(features, (height, width))
            logits = logits + F.linear(features.flatten(1), leaves[name])
        return logits

    def _sum_goodness(
        self, network: Network, params: Params, state: Params, x: Tensor, outputs: list[Tensor]
    ) -> Tensor:
        """Return ``(n, n_outputs)``, every label's goodness summed over blocks; ``outputs`` are those for ``x``."""
        n_classes, read = network.task.n_outputs, self._read(network)

        def total(outputs: "list[Tensor]", measure: "Callable[[Tensor], Tensor]") -> Tensor:
            return torch.stack([measure(activity(network.blocks[k], outputs[k])) for k in read]).sum(0)

        if self._by_class:
            return total(outputs, lambda h: class_goodness(h, n_classes))
        codes = torch.eye(n_classes, dtype=x.dtype, device=x.device)
        images = (self._show(network, x, code.expand(len(x), n_classes)) for code in codes)
        return torch.stack([total(self._pass(network, params, state, i), sum_of_squares) for i in images], dim=1)

    def _learn_readout(
        self, network: Network, params: Params, state: Params, batch: Batch, outputs: list[Tensor]
    ) -> tuple[Params, Tensor]:
        """Return the updates of what reads the answer off ``outputs``, and the answer."""
        if self.readout == "goodness":
            return {}, self._sum_goodness(network, params, state, batch.x, outputs)
        names = {name: params[name] for name in network.blocks[-1].parameters()}
        heads = {name: state[name] for name in self._heads(network).values()}

        def loss(leaves: Params) -> "tuple[Tensor, Tensor]":
            logits = self._read_activity(network, leaves, state, outputs)
            return F.cross_entropy(logits, batch.y), logits

        return grad(loss, has_aux=True)({**names, **heads})

    def respond(self, network: Network, params: Params, state: Params, x: Tensor) -> dict[str, Tensor]:
        """Return the activity of every hidden layer for ``x`` without a label, and the answer."""
        outputs = self._neutral(network, params, state, x)
        pairs = zip(network.blocks, outputs, strict=False)
        found = {layer: shown for block, h in pairs for layer, shown in block.shown(h).items()}
        if self.readout == "neutral":
            answer = self._read_activity(network, {**params, **state}, state, outputs)
        else:
            answer = self._sum_goodness(network, params, state, x, outputs)
        return {**found, network.blocks[-1].name: answer}

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count local learning on every kind of image, passes for the answer, and what is learned of it."""
        del batch_size
        hidden = replace(network, blocks=network.blocks[:-1])
        forward, learning = sum(forward_cost(hidden).values()), local_cost(hidden)
        if self.readout == "neutral":
            passes = 1
            read = hidden_layers(network)
            heads = sum(network.task.n_outputs * read[network.blocks[k].name].numel() for k in self._heads(network))
            reading = 2 * heads + local_cost(network) - learning
        else:
            passes, reading = network.task.n_outputs, 0
        if self._by_class:
            return learning + reading
        kinds = network.task.n_outputs if self.negatives == "all" else 2
        return kinds * learning + passes * forward + reading


def _hidden_activities(network: Network) -> dict[str, Tensor]:
    """Return the activity ``(1, ...)`` of every hidden block, without values (on the meta device)."""
    blocks = zip(network.blocks[:-1], network.output_shapes, strict=False)
    return {block.name: activity(block, torch.empty(1, *shape, device="meta")) for block, shape in blocks}
