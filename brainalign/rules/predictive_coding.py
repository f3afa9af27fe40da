"""Predictive coding: latents settle between what is predicted from below and what the layer above needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.func import vjp

from brainalign.credit.angles import weight_angles
from brainalign.credit.batch import Batch
from brainalign.credit.chain import Pull, draw_feedback_weights, feedback_weights, teach
from brainalign.credit.cost import backprop_cost, local_cost
from brainalign.credit.objective import output_metrics
from brainalign.credit.prediction import (
    Prediction,
    block_costs,
    depth_scales,
    descend,
    error_slopes,
    fixed_errors,
    latent_slopes,
    relax,
    top_error,
    used_feedback,
    wave_cost,
)
from brainalign.credit.step import Step
from brainalign.errors import SpecError
from brainalign.networks.architecture import choose
from brainalign.networks.network import Network, Params
from brainalign.options import Needs, require_positive, require_steps
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_LV = "Lv et al. 2025, ICML (arXiv 2501.09976)"


@dataclass(frozen=True)
class PredictiveCoding(LearningRule):
    """``E = sum_l |x_l - f_l(x_(l-1))|^2 / 2 + L(f_L(x_(L-1)), y)``: latents ``x`` descend ``E``, then weights do.

    ``x_l`` ``(n, *shape of block l's output)`` for l below L starts at the feed-forward pass; input ``x_0`` and target
    ``y`` are clamped. With ``epsilon_l = f_l(x_(l-1)) - x_l`` and ``epsilon_L = dL/df_L``, latents move ``steps`` times
    by ``dx_l = rate (epsilon_l - J_(l+1)^T epsilon_(l+1))``, where ``E`` is a sum over samples, and block l then
    descends its own ``|epsilon_l|^2 / 2``, a mean over samples, with latents held. The trained network answers with a
    feed-forward pass. Normalisations use the statistics of the batch throughout; running ones follow the feed-forward
    pass.

    Variants:

    - ``"strict"``: as above. An error climbs down one block per step, so block l learns from ``steps = L - l`` on.
    - ``"fixed_prediction"``: predictions and Jacobians stay those of the feed-forward pass, only errors relax,
      ``d epsilon_l = rate (J_(l+1)^T epsilon_(l+1) - epsilon_l)``. With ``rate = 1`` and ``steps >= L - 1`` this is
      backpropagation.
    - ``"incremental"``: weights move with the latents, at every one of the ``steps``, from the same errors. They move
      by plain descent of the mean energy at ``weight_rate`` in a copy that lasts one batch, and the update is the way
      they went, divided by ``weight_rate * steps``: the mean of the gradients met on the way. So the published
      algorithm with plain descent is the optimiser ``sgd`` with learning rate ``weight_rate * steps``; other optimisers
      take the mean gradient as theirs. ``weight_rate = 0`` collects gradients while weights wait. Block l learns from
      ``steps = L - l + 1`` on.
    - ``"error_based"``: the errors ``e_l = x_l - f_l(x_(l-1))``, zero at the start, descend ``E`` instead of the
      latents, which follow from them in a pass through all blocks; the minima are the same. Weights learn as in
      ``"strict"``.

    Not plausible: predictions come from below and errors from above through transposed weights unless ``feedback`` says
    otherwise; inference ends before learning begins (but in ``"incremental"``); ``"fixed_prediction"`` remembers the
    feed-forward pass and ``"error_based"`` sends errors back through the whole chain at once.

    A chain that carries its input along (recurrent networks with a block per time step) treats what it carries as
    latents, too.

    Parameters
    ----------
    variant
        ``"strict"``, ``"fixed_prediction"``, ``"incremental"`` or ``"error_based"``.
    steps
        Of inference per batch.
    rate
        Of inference, per sample: share of the gradient of one sample's energy that a step goes.
    momentum
        Of inference: share of the last step's direction that is kept.
    weight_rate
        Of weights during inference in ``"incremental"``.
    output
        Energy at the output: ``"loss"``, the task's (cross-entropy of classes), or ``"squared_error"``,
        ``|y - f_L|^2 / 2`` with ``y`` one-hot for classes.
    scaling
        ``"none"``, or ``"depth"``: predictions are scaled as in muPC, so that activity neither grows nor fades with
        depth. Relative to this package's initial weights, of standard deviation ``gain / sqrt(fan_in)``, what a block
        adds to a skip is multiplied by ``1 / sqrt(L)`` and the readout (bias included) by ``1 / sqrt(fan_in)``; blocks
        without a skip stay. Skips belong to the network (here the Transformer's; a layer counts as one). Since weights
        do not have unit variance as they have there, learning rates carry over between depths but not between widths.
    feedback
        What carries errors: ``"transposed"`` weights, fixed ``"random"`` ones, or ``"learned"`` ones that get the same
        update as the weights and decay like them (Kolen-Pollack).
    feedback_scale
        Size of the initial feedback weights relative to the initial forward weights.
    decay
        Weight decay of both with ``"learned"`` feedback.

    References
    ----------
    Rao & Ballard 1999, Nat. Neurosci. 2:79; Whittington & Bogacz 2017, Neural Comput. 29:1229. Fixed prediction:
    Millidge, Tschantz & Buckley 2020 (arXiv 2006.04182); Rosenbaum 2022, PLoS ONE 17:e0266102. Incremental: Salvatori
    et al. 2022 (arXiv 2212.00720). Error-based: Goemaere et al. 2026, ICML (arXiv 2505.20137). Depth: Innocenti, Achour
    & Buckley 2025 (arXiv 2505.13124). Learned feedback: Millidge, Tschantz, Seth & Buckley 2020 (arXiv 2010.01047).
    """

    reference: ClassVar[str] = "Rao & Ballard 1999, Nat. Neurosci.; Whittington & Bogacz 2017, Neural Comput."
    claims: ClassVar[Mapping[str, Claim]] = {
        "C1": Claim(False, _LV),
        "C2": Claim(True, _LV),
        "C3": Claim(False, _LV),
    }

    only_with: ClassVar[Needs] = {
        "weight_rate": {"variant": ("incremental",)},
        "feedback_scale": {"feedback": ("random", "learned")},
        "decay": {"feedback": ("learned",)},
    }
    variant: str = "strict"
    steps: int = 20
    rate: float = 0.1
    momentum: float = 0.0
    weight_rate: float = 0.005
    output: str = "loss"
    scaling: str = "none"
    feedback: str = "transposed"
    feedback_scale: float = 1.0
    decay: float = 1e-3

    def __post_init__(self) -> None:
        choose("variant", self.variant, ("strict", "fixed_prediction", "incremental", "error_based"))
        choose("output", self.output, ("loss", "squared_error"))
        choose("scaling", self.scaling, ("none", "depth"))
        choose("feedback", self.feedback, ("transposed", "random", "learned"))
        require_steps(steps=self.steps)
        require_positive(steps=self.steps, rate=self.rate, feedback_scale=self.feedback_scale)
        for name, value in (("weight_rate", self.weight_rate), ("decay", self.decay)):
            _require(value >= 0, name, value, "0 or more")
        _require(0 <= self.momentum < 1, "momentum", self.momentum, "a share from 0 to below 1")

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Draw ``feedback/<synapse>.weight`` for every synapse unless errors use the transposed weights."""
        del params
        if self.feedback == "transposed":
            return {}
        return draw_feedback_weights(network, generator, self.feedback_scale)

    def trainable(self, state: Params) -> tuple[str, ...]:
        """Return the names of the feedback weights if they are learned."""
        return tuple(name for name in state if self.feedback == "learned" and name.startswith("feedback/"))

    def prediction(self, network: Network, state: Params) -> Prediction:
        """Return what blocks predict under this rule's scaling, and how errors return."""
        scales = depth_scales(network) if self.scaling == "depth" else None
        return Prediction(network, state, used_feedback(network, feedback_weights(state)), scales)

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Infer latents or errors and return each block's gradient of its own prediction error."""
        del noise
        prediction = self.prediction(network, state)
        outputs, first, statistics = prediction.feed_forward(params, batch.x)
        if self.variant == "incremental":
            updates = self._incremental(prediction, params, outputs, batch)
        else:
            infer = {"strict": self._strict, "fixed_prediction": self._fixed, "error_based": self._error_based}
            pulls, errors = infer[self.variant](prediction, params, outputs, batch)
            updates = teach([first, *pulls], [error / len(batch.y) for error in errors])
        if self.feedback == "learned":
            updates |= self._learned(params, state, updates)
        return Step(updates, statistics, output_metrics(network.task, outputs[-1], batch.y))

    def _top(self, network: Network, prediction: Tensor, batch: Batch) -> Tensor:
        return top_error(network.task, prediction, batch.y, self.output == "squared_error")

    def _strict(
        self, prediction: Prediction, params: Params, outputs: list[Tensor], batch: Batch
    ) -> tuple[list[Pull], list[Tensor]]:
        """Return how blocks 2 to L learn and ``epsilon`` of all, latents relaxed."""

        def top(predicted: Tensor) -> Tensor:
            return self._top(prediction.network, predicted, batch)

        slopes = latent_slopes(prediction, params, outputs, top)
        latents = relax(outputs[:-1], slopes, self.rate, self.momentum, self.steps)
        predicted = outputs[0]
        pulls: list[Pull] = []
        errors = []
        for k, x in enumerate(latents, start=1):
            errors.append(predicted - x)
            predicted, pull, _ = prediction.to_learn(k, params, x)
            pulls.append(pull)
        return pulls, [*errors, top(predicted if pulls else outputs[-1])]

    def _fixed(
        self, prediction: Prediction, params: Params, outputs: list[Tensor], batch: Batch
    ) -> tuple[list[Pull], list[Tensor]]:
        """Return the same with predictions and Jacobians of the feed-forward pass."""
        top = self._top(prediction.network, outputs[-1], batch)
        errors = fixed_errors(prediction, params, outputs, top, self.rate, self.momentum, self.steps)
        pulls = [prediction.to_learn(k, params, x)[1] for k, x in enumerate(outputs[:-1], start=1)]
        return pulls, [*errors, top]

    def _error_based(
        self, prediction: Prediction, params: Params, outputs: list[Tensor], batch: Batch
    ) -> tuple[list[Pull], list[Tensor]]:
        """Return the same with errors relaxed and latents that follow from them."""

        def top(predicted: Tensor) -> Tensor:
            return self._top(prediction.network, predicted, batch)

        slopes = error_slopes(prediction, params, outputs[0], top)
        start = [torch.zeros_like(x) for x in outputs[:-1]]
        errors = relax(start, slopes, self.rate, self.momentum, self.steps)
        predicted = outputs[0]
        pulls: list[Pull] = []
        for k, error in enumerate(errors, start=1):
            predicted, pull, _ = prediction.to_learn(k, params, predicted + error)
            pulls.append(pull)
        return pulls, [*(-error for error in errors), top(predicted)]

    def _incremental(self, prediction: Prediction, params: Params, outputs: list[Tensor], batch: Batch) -> Params:
        """Return the mean over steps of the gradients of moving weights at moving latents."""
        weights, latents = params, outputs[:-1]
        velocity: list[Tensor] = []
        total: Params = {}
        for _ in range(self.steps):

            def predict(weights: Params, *latents: Tensor) -> "tuple[Tensor, ...]":
                return tuple(prediction.of(k, weights, x)[0] for k, x in enumerate((batch.x, *latents)))

            predicted, pull = vjp(predict, weights, *latents)  # type: ignore[misc]
            errors = [p - x for p, x in zip(predicted, latents, strict=False)]
            gradient, *sent = pull((*errors, self._top(prediction.network, predicted[-1], batch)))
            slopes = [s - epsilon for s, epsilon in zip(sent, errors, strict=True)]
            latents, velocity = descend(latents, velocity, slopes, self.rate, self.momentum)
            total = {name: total[name] + g if total else g for name, g in gradient.items()}
            if self.weight_rate:
                alpha = self.weight_rate / len(batch.y)
                weights = {name: torch.sub(w, gradient[name], alpha=alpha) for name, w in weights.items()}
        return {name: g / (self.steps * len(batch.y)) for name, g in total.items()}

    def _learned(self, params: Params, state: Params, updates: Params) -> Params:
        """Return updates of weights and feedback weights: the same product, and each one's decay."""
        found: Params = {}
        for name, b in feedback_weights(state).items():
            found[name] = updates[name] + self.decay * params[name]
            found[f"feedback/{name}"] = updates[name] + self.decay * b
        return found

    def respond(self, network: Network, params: Params, state: Params, x: Tensor) -> dict[str, Tensor]:
        """Return the activity of every layer in a feed-forward pass, scaled as predictions are."""
        prediction, found = self.prediction(network, state), dict[str, Tensor]()
        for k, block in enumerate(network.blocks):
            x, _ = prediction.of(k, params, x, adapt=False)
            found |= block.shown(x)
        return found

    def feedback_angles(self, network: Network, params: Params, state: Params) -> dict[str, Tensor]:
        """Return the angle of every feedback weight to its forward weight."""
        return weight_angles(network, params, feedback_weights(state))

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count the feed-forward pass, inference, and the local gradients at its end.

        A step of inference crosses blocks 2 to L, as far as errors have come, forward and back; fixed predictions save
        the way forward, and moving weights take a pass of backpropagation through all blocks.
        """
        del batch_size
        costs = block_costs(network)
        once, learning = sum(costs[1:]), local_cost(network)  # block 1 is taught from the feed-forward pass
        if self.variant == "incremental":
            return sum(costs) + self.steps * backprop_cost(network)
        if self.variant == "fixed_prediction":
            return learning + 2 * once + wave_cost(costs, self.steps)
        if self.variant == "error_based":
            return learning + once + 2 * self.steps * once
        return learning + once + 2 * wave_cost(costs, self.steps)


def _require(condition: bool, option: str, value: float, expected: str) -> None:
    if not condition:
        msg = f"Option {option} is {value!r}; expected {expected}."
        raise SpecError(msg)
