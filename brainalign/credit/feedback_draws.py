"""Initial values of direct feedback weights: random, constant, or structured."""

from math import isfinite, sqrt

import torch
from torch import Tensor

from brainalign.credit.direct_feedback import PREFIX, hidden_widths
from brainalign.errors import SpecError
from brainalign.networks.architecture import choose
from brainalign.networks.network import Network, Params

#: Every initialisation of :func:`draw_matrix`.
FEEDBACKS = (
    *("kaiming_uniform", "kaiming_uniform_repeat_line", "discrete_uniform", "trinomial", "binomial"),
    *("constant", "alternate_negative", "chunked_negative", "cartesian_product"),
    *("identity_fill_zero", "identity_repeat", "identity_repeat_pm"),
)
#: Those that draw from options ``values``.
VALUED = ("discrete_uniform", "cartesian_product")


def check_feedback(feedback: str, scale: float, values: tuple[float, ...]) -> None:
    """Raise :class:`SpecError` unless the options describe an initialisation."""
    choose("feedback", feedback, FEEDBACKS)
    if not (isfinite(scale) and scale != 0):
        msg = f"Option scale is {scale!r}; expected a finite number other than 0."
        raise SpecError(msg)
    if not values or not all(isinstance(value, (int, float)) and isfinite(value) for value in values):
        msg = f"Option values is {values!r}; expected a list of finite numbers, e.g. [-1, 0, 1]."
        raise SpecError(msg)


def feedback_mismatch(network: Network, feedback: str, values: tuple[float, ...]) -> str | None:
    """Return why ``feedback`` cannot be drawn for ``network``, or None if it can."""
    if feedback != "cartesian_product":
        return None
    needed = len(values) ** network.task.n_outputs
    for name, width in hidden_widths(network).items():
        if width != needed:
            return (
                f"feedback 'cartesian_product' of {len(values)} values needs {needed} features in every hidden block, "
                f"and {name!r} has {width}"
            )
    return None


def draw_feedback(
    network: Network, generator: torch.Generator, feedback: str, scale: float, values: tuple[float, ...]
) -> Params:
    """Draw ``feedback/<block>`` ``(n_outputs, n_features)`` for every block but the readout."""
    return {
        f"{PREFIX}{name}": draw_matrix(feedback, network.task.n_outputs, width, generator, scale, values)
        for name, width in hidden_widths(network).items()
    }


def draw_matrix(
    feedback: str, n_outputs: int, width: int, generator: torch.Generator, scale: float, values: tuple[float, ...]
) -> Tensor:
    """Draw one feedback matrix ``(n_outputs, width)``.

    Parameters
    ----------
    feedback
        ``"kaiming_uniform"``: uniform in +-1 / sqrt(width). ``"kaiming_uniform_repeat_line"``: one number in +-1 per
        output, the same for every unit. ``"discrete_uniform"``: each entry one of ``values``, all equally likely;
        ``"trinomial"``: of -1, 0, 1; ``"binomial"``: of 0, 1. ``"constant"``: 1; ``"alternate_negative"``: -1 for
        every other unit, from the first on; ``"chunked_negative"``: -1 for the second half of the units.
        ``"cartesian_product"``: each unit has another combination of ``values``, and every combination occurs.
        ``"identity_fill_zero"``: the identity, then zeros; ``"identity_repeat"``: the identity again and again;
        ``"identity_repeat_pm"``: the identity and its negative in turn.
    n_outputs, width
        Of the network, and of the block.
    generator
        Of the random ones.
    scale
        Factor of the matrix.
    values
        Of ``"discrete_uniform"`` and ``"cartesian_product"``.
    """
    unit = torch.arange(width)
    if feedback == "kaiming_uniform":
        matrix = _uniform(n_outputs, width, generator) / sqrt(width)
    elif feedback == "kaiming_uniform_repeat_line":
        matrix = _uniform(n_outputs, 1, generator).repeat(1, width)
    elif feedback in ("discrete_uniform", "trinomial", "binomial"):
        values = {"trinomial": (-1, 0, 1), "binomial": (0, 1)}.get(feedback, values)
        matrix = torch.tensor(values)[torch.randint(len(values), (n_outputs, width), generator=generator)]
    elif feedback == "cartesian_product":
        matrix = torch.cartesian_prod(*[torch.tensor(values)] * n_outputs).view(-1, n_outputs).T
    elif feedback in ("constant", "alternate_negative", "chunked_negative"):
        negative = {"alternate_negative": unit % 2 == 0, "chunked_negative": unit >= width // 2}.get(feedback, unit < 0)
        matrix = (1 - 2 * negative.float()).repeat(n_outputs, 1)
    else:
        matrix = torch.eye(n_outputs)[:, unit % n_outputs]
        if feedback == "identity_fill_zero":
            matrix[:, n_outputs:] = 0
        elif feedback == "identity_repeat_pm":
            matrix = matrix * (1 - 2 * (unit // n_outputs % 2))
    return scale * matrix.float()


def _uniform(n_outputs: int, width: int, generator: torch.Generator) -> Tensor:
    return torch.rand(n_outputs, width, generator=generator) * 2 - 1
