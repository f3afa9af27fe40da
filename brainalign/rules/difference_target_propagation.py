"""Difference target propagation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from brainalign.credit.feedback_stage import FeedbackStage
from brainalign.credit.targets import Send, Stages, difference_errors
from brainalign.rules.claim import Claim
from brainalign.rules.target_propagation import TargetPropagation

_LV = "Lv et al. 2025, ICML (arXiv 2501.09976)"


@dataclass(frozen=True)
class DifferenceTargetPropagation(TargetPropagation):
    """``t_(l-1) = h_(l-1) + g_l(t_l) - g_l(h_l)``, ``t_L = h_L - step_size dL/dh_L``.

    The path ``g_l(h) = sigma(V_l h + c_l)`` and how it learns are target propagation's. The difference takes out what
    ``g_l`` fails to reconstruct, so a layer whose output is on target does not change. With exact inverses targets are
    those of Gauss and Newton.

    Block l descends ``|h_l - t_l|^2 / (2 step_size)``, which makes a signal of the size of a gradient whatever the
    step; the readout descends the loss.

    Not plausible: ``g_l(h_l)`` and ``g_l(t_l)`` travel down at different times and a neuron keeps both.

    Parameters
    ----------
    step_size, activation, feedback_rate, feedback_steps, noise_size, scale
        As for target propagation; steps can be small here.

    References
    ----------
    Lee, Zhang, Fischer & Bengio 2015, ECML (arXiv 1412.7525). Gauss-Newton: Meulemans, Carzaniga, Suykens, Sacramento
    & Grewe 2020, NeurIPS (arXiv 2006.14331); Bengio 2020 (arXiv 2007.15139).
    """

    reference: ClassVar[str] = "Lee et al. 2015, ECML (arXiv 1412.7525)"
    claims: ClassVar[Mapping[str, Claim]] = {
        "C1": Claim(True, _LV),
        "C2": Claim(True, _LV),
        "C3": Claim(False, _LV),
    }
    passes: ClassVar[int] = 2
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mlp": {"learning_rate": 0.01}}

    step_size: float = 0.1
    activation: str = "elu"
    feedback_steps: int = 1

    def _errors(self, stages: Stages, outputs: list[Tensor], top: Tensor, send: Send) -> tuple[list[Tensor], float]:
        def lower(stage: FeedbackStage, activity: Tensor, target: Tensor) -> Tensor:
            return send(stage, activity) - send(stage, target)

        return difference_errors(stages, outputs, top, lower), self.step_size
