"""Which rule trains which network, from the rules' own declarations, and where one is backpropagation, measured."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from brainalign.columns import TRAINED
from brainalign.credit.batch import Batch
from brainalign.datasets.task import Task
from brainalign.networks.architecture import architectures
from brainalign.networks.network import Network, Params
from brainalign.own_folders import is_own
from brainalign.randomness import stream
from brainalign.rules.backprop import Backprop
from brainalign.rules.learning_rule import LearningRule, learning_rules

#: Cosine between the updates of a rule and of backpropagation from which the two are the same.
SAME = 0.9999

_TASK = Task((3, 32, 32), 10, 50_000)


def support(own: bool = False) -> list[dict[str, Any]]:
    """Return one record per rule: name, reference, claims, and for each network True or the reason it is not.

    Parameters
    ----------
    own
        Whether rules and networks of folders of one's own are among them.
    """
    shapes, rules = architectures(), learning_rules()
    if not own:
        shapes = {name: shape for name, shape in shapes.items() if not is_own(shape.__module__)}
        rules = {name: rule for name, rule in rules.items() if not is_own(rule.__module__)}
    networks = {name: shape().build(_TASK) for name, shape in shapes.items()}
    records = []
    for name, rule in rules.items():
        reasons = {shape: rule().incompatibility(network) for shape, network in networks.items()}
        records.append(
            {
                "name": name,
                "reference": rule.reference,
                "claims": {c: {"met": claim.met, "source": claim.source} for c, claim in rule.claims.items()},
                "networks": {shape: True if reason is None else reason for shape, reason in reasons.items()},
            }
        )
    return records


def equals_backpropagation(rule: LearningRule, network: Network, seeds: Sequence[int] = (0, 1, 2)) -> bool:
    """Return whether a rule changes a network as backpropagation does: measured, never by name.

    On networks as they are drawn, and random samples, the cosine between the updates of both is above .9999 for every
    parameter of hidden blocks. What learns by chance, or through feedback weights that become alike later, is not
    equal.

    Parameters
    ----------
    rule, network
        What is measured; the rule must support the network.
    seeds
        Of the networks and samples.

    Examples
    --------
    >>> from brainalign.networks.architecture import architecture
    >>> from brainalign.rules.learning_rule import learning_rule
    >>> network = architecture("rnn").build(Task((1, 8, 8), 10, 1000))
    >>> equals_backpropagation(learning_rule("dual_propagation"), network)
    True
    >>> equals_backpropagation(learning_rule("feedback_alignment"), network)
    False
    """
    if not rule.learns or rule.role != TRAINED or len(network.blocks) < 2 or isinstance(rule, Backprop):
        return False
    return all(_cosine(rule, network, seed) > SAME for seed in seeds)


def _cosine(rule: LearningRule, network: Network, seed: int) -> float:
    """Return the lowest cosine, over parameters of hidden blocks, between the updates of a rule and backpropagation's.

    Parameters without a gradient, such as the biases of keys, which attention does not feel, are left out.
    """
    drawn = network.init(stream(seed, "init"))
    state = _double({**network.init_state(), **rule.init(network, drawn, stream(seed, "rule"))})
    params, batch = _double(drawn), _samples(network, stream(seed, "samples"))
    noise = _double(rule.noise(network, len(batch.y), stream(seed, "noise")))
    ours = rule.step(network, params, state, batch, noise).updates
    theirs = Backprop().step(network, params, state, batch, {}).updates
    hidden = {name for block in network.blocks[:-1] for name in block.parameters()}
    least = 1e-9 * max(float(theirs[name].norm()) for name in hidden)
    lowest = 1.0
    for name in (name for name in hidden if float(theirs[name].norm()) > least):
        one, other = (updates[name].flatten() if name in updates else None for updates in (ours, theirs))
        if one is None or other is None:
            return 0.0
        lowest = min(lowest, float(torch.cosine_similarity(one, other, dim=0, eps=1e-30)))
    return lowest


def _samples(network: Network, generator: torch.Generator, n: int = 8) -> Batch:
    task = network.task
    x = torch.randn(n, *task.input_shape, generator=generator, dtype=torch.float64)
    y: Tensor = torch.randn(n, task.n_outputs, generator=generator, dtype=torch.float64)
    if task.objective == "classification":
        y = torch.randint(0, task.n_outputs, (n,), generator=generator)
    return Batch(x, y, torch.arange(n))


def _double(tensors: Params) -> Params:
    return {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def support_markdown(own: bool = False) -> str:
    """Return the support table of the documentation; see :func:`support`."""
    records = support(own)
    shapes = list(records[0]["networks"])
    lines = [
        "# Support table",
        "",
        "Generated by `brainalign rules --markdown`; a test compares it with the code.",
        "",
        f"| rule | {' | '.join(shapes)} | reference |",
        f"|---|{'---|' * len(shapes)}---|",
    ]
    for record in records:
        cells = ["yes" if record["networks"][shape] is True else record["networks"][shape] for shape in shapes]
        lines.append(f"| `{record['name']}` | {' | '.join(cells)} | {record['reference']} |")
    return "\n".join(lines) + "\n"
