"""F3: feed-forward learning with delayed feedback."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from brainalign.credit.angles import direct_angles
from brainalign.credit.batch import Batch
from brainalign.credit.chain import blockwise
from brainalign.credit.cost import direct_cost, forward_cost
from brainalign.credit.direct_feedback import as_gradient, direct_feedback, direct_updates
from brainalign.credit.feedback_draws import VALUED, check_feedback, draw_feedback, feedback_mismatch
from brainalign.credit.objective import answer, output_error, output_metrics, target
from brainalign.credit.step import Step
from brainalign.datasets.task import Task
from brainalign.networks.architecture import choose
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.options import Needs
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_FLUEGEL = "Flügel, Coquelin, Weiel, Debus, Streit & Götz 2024, ICONIP (arXiv 2304.13372)"

#: What can be stored of a sample until it comes again, and how the stored vector can be used.
_DELAYED = (
    *("delayed_error", "delayed_loss", "delayed_error_softmax", "delayed_loss_softmax"),
    *("delayed_error_one_hot", "delayed_loss_one_hot"),
)
_ERROR_INFORMATION = (*_DELAYED, "one_hot_target", "current_error", "zeros")
_ONE_HOT = "_one_hot"

#: Where a loss gradient of a confidently wrong logistic output is cut off.
_LARGEST = 100.0


@dataclass(frozen=True)
class DelayedFeedback(LearningRule):
    """``delta_l = -B_l e'``, where ``e' = y* - y`` is the error of the same sample *one epoch ago*.

    ``e'`` is ``(n_outputs,)``; ``B_l``, fixed and random, is ``(n_outputs, n_features)``. ``delta_l`` is the gradient
    at the output of block ``l`` that is assumed; inside a block it is differentiated exactly, and the readout gets its
    own error of now. So no hidden block waits for the answer. After the step the sample's entry of ``delayed/error``
    ``(n_train, n_outputs)`` becomes what its output before the update says. Until a sample was seen its target stands
    in: the first epoch is direct random target projection.

    Of a batch, and with the squared error of regression, ``delta_l`` has the factor that the gradient of the loss has:
    ``1 / n``, and ``2 / (n n_outputs)``. The released code descends ``+B_l e'``, so that weights align with ``-B_l``;
    here they align with ``+B_l``, also where ``B_l`` is not symmetric about zero (``"binomial"``, ``"constant"``).

    Not plausible: an error per training sample is kept for an epoch, and one signed vector is broadcast to all neurons.

    Parameters
    ----------
    error_information
        What is projected. For classes, with logits ``z``, ``p = 1 / (1 + exp(-z))`` and one-hot ``y*``:

        - ``"delayed_error_softmax"``: ``y* - softmax(z)``, the error of what the network answers, and the negative
          gradient of the cross-entropy that it descends;
        - ``"delayed_error"``: ``y* - p``;
        - ``"delayed_loss"``: ``y* / p - (1 - y*) / (1 - p)``, the negative gradient of the binary cross-entropy of the
          logistic outputs with respect to ``p``, limited to +-100; at least 1 in size even where the answer is right;
        - ``"delayed_loss_softmax"``: the negative gradient of the binary cross-entropy of ``softmax(z)`` with respect
          to ``z``, within +-2;
        - ``"delayed_error_one_hot"``, ``"delayed_loss_one_hot"``: ``y*`` times the stored vector, element by element:
          the target, scaled by one number per sample;
        - ``"one_hot_target"``: ``y*``, which is direct random target projection;
        - ``"current_error"``: the error of now, which is direct feedback alignment;
        - ``"zeros"``: nothing; only the readout learns.

        Binary cross-entropies are sums over classes, of one sample, so that entries are of the order of the targets
        they replace after an epoch, whatever the batch and the number of classes. The authors' classifiers end in
        logistic units and descend the binary cross-entropy. Ours end in a softmax, which leaves the offset of the
        logits free: ``p`` does not approach ``y*``, ``"delayed_error"`` and ``"delayed_loss"`` do not vanish where the
        answer is right, and with rectifiers hidden weights then grow without bound. Hence the default.

        For regression and reconstruction all four without ``one_hot`` are ``y* - y``: nothing is squashed, and the
        gradient of the squared error has the factor above already.
    initial
        Stands in until a sample was seen: ``"target"``, or ``"ones"`` as in the method's predecessor.
    feedback, scale, values
        Initial feedback weights, see :func:`brainalign.credit.feedback_draws.draw_matrix`.

    References
    ----------
    Flügel, Coquelin, Weiel, Debus, Streit & Götz 2024, ICONIP, LNCS 15289 (arXiv 2304.13372).
    """

    reference: ClassVar[str] = _FLUEGEL
    claims: ClassVar[Mapping[str, Claim]] = {"C1": Claim(True, _FLUEGEL)}
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mlp": {"batch_size": 32, "learning_rate": 0.003}}

    only_with: ClassVar[Needs] = {"values": {"feedback": VALUED}}
    error_information: str = "delayed_error_softmax"
    initial: str = "target"
    feedback: str = "kaiming_uniform"
    scale: float = 1.0
    values: tuple[float, ...] = (-1.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        choose("error_information", self.error_information, _ERROR_INFORMATION)
        choose("initial", self.initial, ("target", "ones"))
        check_feedback(self.feedback, self.scale, self.values)

    def incompatibility(self, network: Network) -> str | None:
        """Return why the error information is not defined or the feedback weights cannot be drawn, or None."""
        if network.task.objective != "classification" and self.error_information.endswith(_ONE_HOT):
            others = ", ".join(name for name in _ERROR_INFORMATION if not name.endswith(_ONE_HOT))
            return (
                f"error_information {self.error_information!r} needs classes; for {network.task.objective} choose one "
                f"of: {others}"
            )
        return feedback_mismatch(network, self.feedback, self.values)

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Draw ``feedback/<block>``; add ``delayed/error`` ``(n_train, n_outputs)`` and ``delayed/seen`` if needed."""
        del params
        if self.error_information == "zeros":
            return {}
        state = draw_feedback(network, generator, self.feedback, self.scale, self.values)
        if self.error_information in _DELAYED:
            task = network.task
            state["delayed/error"] = torch.zeros(task.n_train, task.n_outputs)
            state["delayed/seen"] = torch.zeros(task.n_train)
        return state

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return the blocks' own gradients of their projected error information; store the new one."""
        del noise
        if self.error_information == "zeros":
            return self._readout_alone(network, params, state, batch)
        outputs, teach, statistics = blockwise(network, params, state, batch.x)
        output, task = outputs[-1], network.task
        metrics = output_metrics(task, output, batch.y)
        information = self._information(task, state, batch, output)
        updates = direct_updates(network, state, batch, outputs, teach, as_gradient(task, information))
        return Step(updates, statistics | self._stored(task, state, batch, output), metrics)

    def _readout_alone(self, network: Network, params: Params, state: Params, batch: Batch) -> Step:
        """Return the readout's own gradient, and zeros for all below."""
        wiring = Wiring(state, adapt=True)
        below = replace(network, blocks=network.blocks[:-1]).forward(params, batch.x, wiring)
        outputs, teach, statistics = blockwise(replace(network, blocks=network.blocks[-1:]), params, state, below)
        updates = teach([output_error(network.task, outputs[-1], batch.y)])
        return Step(updates, wiring.statistics | statistics, output_metrics(network.task, outputs[-1], batch.y))

    def _information(self, task: Task, state: Params, batch: Batch, output: Tensor) -> Tensor:
        """Return what is projected now ``(n, n_outputs)``."""
        wanted = target(task, batch.y).to(output.dtype)
        if self.error_information == "one_hot_target":
            return wanted
        if self.error_information == "current_error":
            return wanted - answer(task, output)
        seen = state["delayed/seen"][batch.index].unsqueeze(1) > 0
        unseen = wanted if self.initial == "target" else torch.ones_like(wanted)
        delayed = torch.where(seen, state["delayed/error"][batch.index], unseen)
        return wanted * delayed if self.error_information.endswith(_ONE_HOT) else delayed

    def _stored(self, task: Task, state: Params, batch: Batch, output: Tensor) -> Params:
        """Return the store with the entries of the batch replaced."""
        if self.error_information not in _DELAYED:
            return {}
        error, seen = state["delayed/error"], state["delayed/seen"]
        kept = _to_keep(task, self.error_information.removesuffix(_ONE_HOT), output, batch.y).to(error.dtype)
        rows = batch.index.unsqueeze(1).expand_as(kept)
        return {
            "delayed/error": error.scatter(0, rows, kept),
            "delayed/seen": seen.scatter(0, batch.index, torch.ones_like(batch.index, dtype=seen.dtype)),
        }

    def feedback_angles(self, network: Network, params: Params, state: Params) -> dict[str, Tensor]:
        """Return the angle of each projection to the product of the weights above it."""
        feedback = direct_feedback(state)
        return direct_angles(network, params, feedback) if feedback else {}

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count the forward pass, local gradients and projections; where only the readout learns, no more than that."""
        del batch_size
        if self.error_information != "zeros":
            return direct_cost(network)
        costs = forward_cost(network)
        readout = [costs[synapse.name] for synapse in network.blocks[-1].synapses]
        return sum(costs.values()) + 2 * sum(readout) - readout[0]


def _to_keep(task: Task, kind: str, output: Tensor, y: Tensor) -> Tensor:
    """Return the error information of ``output`` ``(n, n_outputs)``, as the class defines it."""
    wanted = target(task, y).to(output.dtype)
    if task.objective != "classification":
        return wanted - output
    if kind == "delayed_error":
        return wanted - output.sigmoid()
    if kind == "delayed_error_softmax":
        return wanted - output.softmax(1)
    sign = 2 * wanted - 1
    if kind == "delayed_loss":
        # y / p - (1 - y) / (1 - p), with 1 / p = 1 + exp(-z) and 1 / (1 - p) = 1 + exp(z)
        return sign * (1 + (-sign * output).exp()).clamp_max(_LARGEST)
    # With s = softmax(z), odds r = s / (1 - s) of each wrong class and R their sum, the gradient is 1 - s + s R for the
    # target and s (R - r - 2) for another class. Odds are large where s is near 1, hence the double precision.
    share = output.double().softmax(1)
    odds = (1 - wanted) * share / (1 - share).clamp_min(1e-9)
    total = odds.sum(1, keepdim=True)
    return torch.where(wanted > 0, 1 - share + share * total, share * (total - odds - 2))
