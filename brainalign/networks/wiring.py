"""How signals cross synapses during one pass: where networks and learning rules meet."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from brainalign.networks.synapse import Synapse, transmit


class Wiring:
    """What a pass through a network may read besides its parameters.

    A network calls :meth:`synapse` for every weight and :meth:`normalise` for every normalisation, so a rule
    decides what happens there without knowing the architecture, and a network without knowing the rule.

    Parameters
    ----------
    state
        Running statistics ``<name>.mean`` and ``<name>.variance`` of the normalisations. They are read, never
        written: without ``adapt`` a pass is a pure function of parameters, state and each single stimulus.
    feedback
        Weight name to the matrix that carries errors backwards instead of the transposed weight; same shape as
        the weight. Synapses without an entry send errors through their own weight.
    adapt
        Normalise with the statistics of the batch and leave updated running statistics in ``statistics``.
        Only a rule's ``step`` does this.
    momentum
        Share of the batch in the updated running statistics.
    """

    def __init__(
        self,
        state: Mapping[str, Tensor],
        feedback: Mapping[str, Tensor] | None = None,
        adapt: bool = False,
        momentum: float = 0.1,
    ) -> None:
        self.state = state
        self.feedback = feedback or {}
        self.adapt = adapt
        self.momentum = momentum
        self.statistics: dict[str, Tensor] = {}

    def synapse(self, synapse: Synapse, params: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Send ``x`` across ``synapse``; the error will return through its feedback weight if it has one."""
        feedback = self.feedback.get(synapse.weight_name)
        if feedback is None:
            return synapse(params, x)
        bias = params[synapse.bias_name] if synapse.bias else None
        if torch.compiler.is_compiling():
            # The compiler cannot trace a custom function under vmap. The same forward value and gradients, for one more
            # product: the weight gets the gradient of the first term, the input that of the second, which is zero.
            back = transmit(synapse, x, feedback, None)
            return transmit(synapse, x.detach(), params[synapse.weight_name], bias) + (back - back.detach())
        return _FeedbackTransmission.apply(x, params[synapse.weight_name], bias, feedback, synapse)

    def normalise(self, name: str, params: Mapping[str, Tensor], x: Tensor, eps: float = 1e-5) -> Tensor:
        """Standardise each channel of ``x`` ``(n, channels, ...)``, then scale and shift it (batch normalisation)."""
        scale, shift = params[f"{name}.scale"], params[f"{name}.shift"]
        if not self.adapt:
            mean, variance = self.state[f"{name}.mean"], self.state[f"{name}.variance"]
            return F.batch_norm(x, mean, variance, scale, shift, training=False, eps=eps)
        count = x.numel() / x.shape[1]
        if torch.compiler.is_compiling():  # it fuses on its own, and cannot trace slopes of the fused kernel
            shape = (1, -1, *[1] * (x.ndim - 2))
            biased, mean = torch.var_mean(x, (0, *range(2, x.ndim)), correction=0)
            factor = scale / (biased + eps).sqrt()
            y = (x - mean.view(shape)) * factor.view(shape) + shift.view(shape)
        else:
            # The fused kernel is several times faster than composing it; it returns 1 / sqrt(variance + eps).
            y, mean, inverse_sd = torch.native_batch_norm(x, scale, shift, None, None, True, 0.0, eps)
            biased = inverse_sd.detach() ** -2 - eps
        variance = biased.detach() * count / max(count - 1, 1)
        for statistic, value in (("mean", mean.detach()), ("variance", variance)):
            key = f"{name}.{statistic}"
            self.statistics[key] = torch.lerp(self.state[key], value, self.momentum)
        return y


class _FeedbackTransmission(torch.autograd.Function):
    """Forward through the weight, error backwards through a separate feedback weight of the same shape."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None, feedback: Tensor, synapse: Synapse) -> Tensor:
        return transmit(synapse, x, weight, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, _, bias, feedback, synapse = inputs
        ctx.save_for_backward(x, feedback)
        ctx.synapse, ctx.has_bias = synapse, bias is not None

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (error,) = grad_outputs
        x, feedback = ctx.saved_tensors
        synapse: Synapse = ctx.synapse
        if synapse.kind == "linear":
            flat = error.reshape(-1, synapse.n_out)
            d_weight = flat.T @ x.reshape(-1, synapse.n_in)
            d_bias = flat.sum(0) if ctx.has_bias else None
            return error @ feedback, d_weight, d_bias, None, None
        d_x, d_weight, d_bias = torch.ops.aten.convolution_backward(
            error, x, feedback, [synapse.n_out], [synapse.stride] * 2, [synapse.padding] * 2, [1, 1], False, [0, 0],
            1, [True, True, ctx.has_bias],
        )  # fmt: skip
        return d_x, d_weight, d_bias if ctx.has_bias else None, None, None
