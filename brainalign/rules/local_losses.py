"""Local losses: every block has a classifier and a similarity target of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.func import vjp

from brainalign.credit.angles import angle
from brainalign.credit.batch import Batch
from brainalign.credit.chain import blockwise
from brainalign.credit.cost import local_cost
from brainalign.credit.local_heads import (
    head_cost,
    hidden_layers,
    pooled,
    prediction_head,
    similarity_features,
    similarity_head,
    similarity_matrix,
    similarity_slope,
)
from brainalign.credit.objective import output_error, output_metrics, target
from brainalign.credit.step import Step
from brainalign.datasets.task import Task
from brainalign.errors import SpecError
from brainalign.networks.architecture import choose
from brainalign.networks.network import Network, Params
from brainalign.networks.synapse import Synapse
from brainalign.networks.wiring import Wiring
from brainalign.options import SET, Needs
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_LV = "Lv et al. 2025, ICML (arXiv 2501.09976)"


@dataclass(frozen=True)
class LocalLosses(LearningRule):
    """``L_l = (1 - beta) CE(y, V_l h_l) + beta ||S(F_l h_l) - S(y)||^2 / n^2``; block l descends ``L_l`` alone.

    ``h_l`` is the block's activity (what ``represent`` returns), ``V_l`` a linear head that starts at zero, ``F_l`` a
    map to ``h_l``'s own shape without bias: 3 x 3 convolution of feature maps, linear otherwise, the same for every
    token of a sequence. ``S`` is the ``(n, n)`` adjusted cosine similarity of the ``n`` samples of a batch, each
    sample's features centred on their mean; feature maps enter by each channel's standard deviation over space. Heads
    learn from ``L_l``, too. The readout descends the task's own loss, ``CE`` stands for that loss (squared error for
    real targets), and no gradient crosses from block to block.

    With ``backprop_free`` no weight is transported inside heads, either. ``V_l`` predicts the signs of a fixed random
    projection ``P_l y`` of the targets (binary cross-entropy, mean over projections) and its error returns through a
    fixed random matrix ``B_l``; similarities are those of the activity itself and of ``P_l y``.

    Not plausible: the similarity compares all samples of a batch at once, and targets reach every block; without
    ``backprop_free`` heads send errors back through their own weights; blocks of several synapses differentiate inside.

    Parameters
    ----------
    loss
        ``"pred"`` (``beta = 0``), ``"sim"`` (``beta = 1``) or ``"predsim"``.
    beta
        Weight of the similarity loss in ``"predsim"``.
    backprop_free
        Whether heads are free of backpropagation.
    head_features
        Largest number of features that a prediction head reads; positions of maps and sequences are averaged down to
        it. With ``backprop_free`` the similarity reads these, too.
    n_projections
        Rows of ``P_l`` with ``backprop_free``; 0 leaves the targets as they are.

    References
    ----------
    Nøkland & Eidnes 2019, ICML (arXiv 1901.06656). The similarity loss is a mean over pairs, as in the authors' code.
    """

    reference: ClassVar[str] = "Nøkland & Eidnes 2019, ICML (arXiv 1901.06656)"
    claims: ClassVar[Mapping[str, Claim]] = {"C1": Claim(False, _LV), "C2": Claim(True, _LV), "C3": Claim(False, _LV)}
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mlp": {"learning_rate": 0.003}}

    only_with: ClassVar[Needs] = {"beta": {"loss": ("predsim",)}, "n_projections": {"backprop_free": SET}}
    loss: str = "predsim"
    beta: float = 0.99
    backprop_free: bool = False
    head_features: int = 2048
    n_projections: int = 128

    def __post_init__(self) -> None:
        choose("loss", self.loss, ("pred", "sim", "predsim"))
        _require(0 <= self.beta <= 1, "beta", self.beta, "a share from 0 to 1")
        _require(self.head_features > 0, "head_features", self.head_features, "a positive number")
        _require(self.n_projections >= 0, "n_projections", self.n_projections, "a number of rows, or 0 for none")

    @property
    def _similarity(self) -> float:
        """Weight of the similarity loss; the rest is the prediction loss's."""
        return {"pred": 0.0, "sim": 1.0}.get(self.loss, self.beta)

    @property
    def _projects(self) -> bool:
        return self.backprop_free and self.n_projections > 0

    def incompatibility(self, network: Network) -> str | None:
        """Say that one real output has no similarity to match."""
        task = network.task
        if self._similarity and not self._projects and task.objective != "classification" and task.n_outputs == 1:
            return "targets of one value have no similarity pattern once centred; use loss = 'pred' or backprop_free"
        return None

    def _heads(self, network: Network, block: str, x: Tensor) -> tuple[Synapse | None, Synapse | None]:
        """Return the heads for prediction and for similarity of a block with activity ``x``; only shapes are read."""
        n_outputs = self.n_projections if self._projects else network.task.n_outputs
        prediction = prediction_head(block, pooled(x, self.head_features), n_outputs) if self._similarity < 1 else None
        similarity = similarity_head(block, x) if self._similarity > 0 and not self.backprop_free else None
        return prediction, similarity

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Draw heads (``head/<block>.prediction`` of zero) and, with ``backprop_free``, what stays fixed.

        ``feedback/<block>.prediction.weight`` has the shape of the head's weight, ``projection/<block>`` is
        ``(n_projections, n_outputs)``, standard normal.
        """
        del params
        self.check(network)
        state: Params = {}
        for block, x in hidden_layers(network).items():
            prediction, similarity = self._heads(network, block, x)
            if prediction is not None:
                state[prediction.weight_name] = torch.zeros(prediction.weight_shape)
                state[prediction.bias_name] = torch.zeros(prediction.n_out)
                if self.backprop_free:
                    state[_feedback_name(block)] = prediction.draw_weight(generator)
            if similarity is not None:
                state[similarity.weight_name] = similarity.draw_weight(generator)
            if self._projects:
                shape = (self.n_projections, network.task.n_outputs)
                state[f"projection/{block}"] = torch.randn(shape, generator=generator)
        return state

    def trainable(self, state: Params) -> tuple[str, ...]:
        """Return the names of the heads' parameters."""
        return tuple(name for name in state if name.startswith("head/"))

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return each block's and its heads' gradient of the block's own loss, and the readout's of the task loss."""
        del noise
        task = network.task
        outputs, teach, statistics = blockwise(network, params, state, batch.x)
        wanted = target(task, batch.y).to(outputs[-1].dtype)
        codes = {
            block.name: wanted @ state[f"projection/{block.name}"].T if self._projects else wanted
            for block in network.blocks[:-1]
        }

        def heads(outputs: "list[Tensor]", weights: Params) -> "tuple[dict[str, Tensor], dict[str, Tensor]]":
            return self._answers(network, {**state, **weights}, outputs)

        (answers, features), pull = vjp(heads, outputs[:-1], {name: state[name] for name in self.trainable(state)})  # type: ignore[misc]
        errors = {
            name: (1 - self._similarity) * self._error(task, x, codes[name], batch.y) for name, x in answers.items()
        }
        alike = None if self._projects or not features else similarity_matrix(wanted)
        slopes = {
            name: self._similarity * similarity_slope(x, similarity_matrix(codes[name]) if alike is None else alike)
            for name, x in features.items()
        }
        signals, updates = pull((errors, slopes))
        signals = [*signals, output_error(task, outputs[-1], batch.y)]
        return Step({**teach(signals), **updates}, statistics, output_metrics(task, outputs[-1], batch.y))

    def _answers(
        self, network: Network, state: Params, outputs: list[Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return every block's prediction, and the features ``(n, d)`` whose similarity counts, as far as asked for."""
        answers: dict[str, Tensor] = {}
        features: dict[str, Tensor] = {}
        for block, output in zip(network.blocks, outputs, strict=False):
            x = block.represent(output)
            prediction, similarity = self._heads(network, block.name, x)
            few = pooled(x, self.head_features)
            if prediction is not None:
                feedback = {prediction.weight_name: state[_feedback_name(block.name)]} if self.backprop_free else None
                answers[block.name] = Wiring(state, feedback).synapse(prediction, state, few.flatten(1))
            if self._similarity:
                features[block.name] = similarity_features(few if similarity is None else similarity(state, x))
        return answers, features

    def _error(self, task: Task, answer: Tensor, codes: Tensor, y: Tensor) -> Tensor:
        """Return the gradient of the prediction loss with respect to a head's answer."""
        if self._projects:  # binary cross-entropy
            return (answer.sigmoid() - (codes > 0).to(answer.dtype)) / answer.numel()
        return output_error(task, answer, y)

    def feedback_angles(self, network: Network, params: Params, state: Params) -> dict[str, Tensor]:
        """Return the angle of each ``B_l`` to its prediction head's weight, by block; 90 as long as that is zero."""
        del params
        pairs = {
            b.name: (state.get(_feedback_name(b.name)), f"head/{b.name}.prediction.weight") for b in network.blocks
        }
        return {block: angle(b, state[head]) for block, (b, head) in pairs.items() if b is not None}

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count forward pass, local gradients, heads, projections and the share of one sample in similarities."""
        n_outputs = network.task.n_outputs
        n_wanted = self.n_projections if self._projects else n_outputs
        total = local_cost(network)
        for block, x in hidden_layers(network).items():
            prediction, similarity = self._heads(network, block, x)
            total += head_cost(prediction, pooled(x, self.head_features)) if prediction is not None else 0
            total += head_cost(similarity, x) if similarity is not None else 0
            total += n_wanted * n_outputs if self._projects else 0
            if self._similarity:
                features = x if similarity is not None else pooled(x, self.head_features)
                # One product for the matrix and one for its gradient; that of targets needs no gradient.
                total += batch_size * 2 * similarity_features(features).shape[1]
                total += batch_size * n_wanted if self._projects else 0
        return total + (batch_size * n_wanted if self._similarity and not self._projects else 0)


def _feedback_name(block: str) -> str:
    return f"feedback/{block}.prediction.weight"


def _require(condition: bool, option: str, value: float, expected: str) -> None:
    if not condition:
        msg = f"Option {option} is {value!r}; expected {expected}."
        raise SpecError(msg)
