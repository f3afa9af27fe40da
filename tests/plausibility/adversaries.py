"""Rules that cheat where a careless probe would not look."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from brainalign.credit.batch import Batch
from brainalign.credit.chain import blockwise, draw_feedback_weights, error_descent, feedback_weights
from brainalign.credit.objective import loss
from brainalign.credit.step import Step
from brainalign.networks.network import Network, Params
from brainalign.plausibility.subject import BATCH, N_TRAIN, TASK
from brainalign.rules.direct_feedback_alignment import DirectFeedbackAlignment
from brainalign.rules.feedback_alignment import FeedbackAlignment
from brainalign.rules.learning_rule import LearningRule


@dataclass(frozen=True)
class NowAndThen(FeedbackAlignment):
    """Feedback alignment, but every tenth step errors return through the forward weights."""

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        return {**super().init(network, params, generator), "count": torch.zeros(())}

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        honest = super().step(network, params, state, batch, noise)
        cheat = error_descent(network, params, state, batch)
        now = state["count"] % 10 == 9
        updates = {name: torch.where(now, cheat.updates[name], honest.updates[name]) for name in honest.updates}
        return Step(updates, {**honest.state, "count": state["count"] + 1}, honest.metrics)


@dataclass(frozen=True)
class EpochalCopy(LearningRule):
    """Errors return through signs of the forward weights as they were when the epoch began."""

    reference: ClassVar[str] = "an adversary"

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        return {**draw_feedback_weights(network, generator), "count": torch.zeros(())}

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        step = error_descent(network, params, state, batch, feedback_weights(state))
        ends = state["count"] % (N_TRAIN // BATCH) == N_TRAIN // BATCH - 1
        copies = {
            f"feedback/{name}": torch.where(ends, params[name].sign() * b.abs(), b)
            for name, b in feedback_weights(state).items()
        }
        return Step(step.updates, {**step.state, **copies, "count": state["count"] + 1}, step.metrics)

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        return 0.0


@dataclass(frozen=True)
class LayerNorm(DirectFeedbackAlignment):
    """Direct feedback alignment, each layer's update divided by its length."""

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        step = super().step(network, params, state, batch, noise)
        return step._replace(updates={name: update / update.norm() for name, update in step.updates.items()})


@dataclass(frozen=True)
class Peeker(FeedbackAlignment):
    """Learns from the batch before, scaled by how bright the batch after it was."""

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        waiting = {"waiting/x": torch.zeros(BATCH, *TASK.input_shape), "waiting/y": torch.zeros(BATCH)}
        return {**super().init(network, params, generator), **waiting}

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        before = Batch(state["waiting/x"], state["waiting/y"].long(), batch.index)
        step = super().step(network, params, state, before, noise)
        updates = {name: update * (1 + batch.x.mean()) for name, update in step.updates.items()}
        kept = {"waiting/x": batch.x, "waiting/y": batch.y.to(batch.x.dtype)}
        return Step(updates, {**step.state, **kept}, step.metrics)


@dataclass(frozen=True)
class Diary(FeedbackAlignment):
    """Keeps the loss of every sample it has seen, and learns more from those that were hard."""

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        return {**super().init(network, params, generator), "diary": torch.ones(N_TRAIN)}

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        step = super().step(network, params, state, batch, noise)
        hard = state["diary"][batch.index].mean()
        diary = state["diary"].index_fill(0, batch.index, 0.0) + torch.zeros_like(state["diary"]).index_add(
            0, batch.index, step.metrics["loss"].expand(len(batch.index))
        )
        return Step({n: hard * u for n, u in step.updates.items()}, {**step.state, "diary": diary}, step.metrics)


@dataclass(frozen=True)
class Praise(LearningRule):
    """Hebbian products, more of them the less the output was wrong: one number for all, never below zero."""

    reference: ClassVar[str] = "an adversary"

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        outputs, teach, statistics = blockwise(network, params, state, batch.x)
        praise = torch.exp(-loss(network.task, outputs[-1], batch.y))
        return Step(teach([praise * -h for h in outputs]), statistics, {"loss": praise})

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        return 0.0
