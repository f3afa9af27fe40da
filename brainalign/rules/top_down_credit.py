"""Top-down credit assignment: a second network reads what happens at the top and hands out credits."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from brainalign.credit.batch import Batch
from brainalign.credit.chain import blockwise_within
from brainalign.credit.cost import local_cost
from brainalign.credit.credit_network import CreditNetwork, diffusion_kernels
from brainalign.credit.direct_feedback import hidden_widths
from brainalign.credit.objective import answer, output_error, output_metrics, target
from brainalign.credit.step import Step
from brainalign.datasets.task import Task
from brainalign.errors import DataError, SpecError
from brainalign.networks.architecture import choose
from brainalign.networks.network import Network, Params
from brainalign.options import require_positive, require_steps
from brainalign.rules.learning_rule import LearningRule
from brainalign.shipped import find_file, shipped_folder
from brainalign.storage import read_tensors

#: State entry of the credit network's parameters.
PHI = "credit/phi"
_KERNEL = "credit/kernel/"

#: Options that belong to a trained credit network and come from its file.
STRUCTURE = ("hidden", "diffusion", "randomness", "scale", "reads", "readout", "derivative")

#: What a credit network may read; ``"output"`` is known for no right answer, ``"activity"`` is a layer's own.
READS = ("error", "answer", "target", "output", "activity")


@dataclass(frozen=True)
class TopDownCredit(LearningRule):
    """``dW_l = mean (c_l * f'(z_l)) h_(l-1)^T``, ``c = g_phi(s) - g_phi(s*)``: credit times presynaptic activity.

    ``s`` is what a sample left at the top (``reads``), ``s*`` what it would have left if the answer were the target,
    ``g_phi`` a small network of its own, and ``c_l`` ``(n, *shape of block l's output)`` the credits, with the sign of
    a gradient: there is none where there is no error. With ``readout = "credit"`` and ``reads`` without ``"error"`` no
    loss and no gradient of one enters, as the abstract has it. If ``"output"`` is read, ``c = g_phi(s)``: what output
    neurons receive has no right value. ``g_phi`` either emits one credit per hidden neuron
    (``diffusion = 0``), which ties it to one architecture, or K credits ``k`` that fixed kernels spread,
    ``c_l = D_l k``; the kernels are made for the network at hand, so that one ``g_phi`` serves any. ``phi`` does not
    change within a lifetime: :mod:`brainalign.metalearning.supervised` trains it by how well other networks learn.

    Published without equations. From the abstract: a top-down network in place of loss and backward pass, two levels,
    credits that diffuse. Our reading: everything written above, what ``g_phi`` reads, its size and the kernels. Without
    ``credit_network`` the credits are those of a random ``g_phi``, a nonlinear relative of direct feedback alignment.

    Not plausible: ``phi`` is found by comparing whole lifetimes, and credits wait for the answer.

    Parameters
    ----------
    hidden
        Widths of the credit network's tanh layers; none for a linear one.
    diffusion
        K, or 0 for a credit per neuron.
    randomness
        Share of every kernel that is random, see :func:`brainalign.credit.credit_network.diffusion_kernels`.
    scale
        Factor on the credits of hidden layers; with ``phi`` as drawn, 0.1 makes them about as large as backpropagated
        errors are in layers of 100.
    reads
        Any of ``"error"`` (gradient of a sample's loss at its output), ``"answer"`` (probabilities of classes),
        ``"target"``, ``"output"`` (what the last block answers, before any softmax) and ``"activity"`` (of each hidden
        layer, gathered by its kernel into K numbers; ``g_phi`` then answers for one layer at a time, for the readout
        from the layer below it). For classes the error says what answer and target do.
    readout
        What teaches the readout: ``"error"``, its own output error, or ``"credit"``, further outputs of ``g_phi``.
    derivative
        Whether ``f'`` is in the update. Inside a block of several synapses differentiation is always exact.
    credit_network
        Name of a shipped credit network or path of a ``.safetensors`` file, as ``brainalign.metalearning`` writes it;
        it brings the options above. Shipped, for ten classes: ``"digits"``, which reads the error, and
        ``"digits_no_gradient"``, which reads answer and target and teaches the readout, too. Empty: drawn at random.
        Credits were trained for plain SGD at the file's ``learning_rate``; in networks that differ much from
        those they were trained with, choose the rate anew, since deeper ones diverge at that of shallow ones.

    References
    ----------
    Chen, Liu & Wang 2024, Biologically Plausible Training of Deep Neural Networks Using a Top-down Credit Assignment
    Network (arXiv 2208.01416).
    """

    reference: ClassVar[str] = "Chen, Liu & Wang 2024 (arXiv 2208.01416)"
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mlp": {"learning_rate": 0.01}}

    hidden: tuple[int, ...] = (32,)
    diffusion: int = 16
    randomness: float = 0.0
    scale: float = 0.3
    reads: tuple[str, ...] = ("error",)
    readout: str = "error"
    derivative: bool = True
    credit_network: str = ""

    def __post_init__(self) -> None:
        if self.credit_network:
            self._adopt(trained_credit(self.credit_network)[1])
        require_steps(diffusion=self.diffusion)
        require_positive(scale=self.scale)
        choose("readout", self.readout, ("error", "credit"))
        for name in self.reads:
            choose("reads", name, READS)
        if set(self.reads) <= {"activity"} or len(set(self.reads)) < len(self.reads):
            msg = f"Option reads is {self.reads!r}; expected {', '.join(READS[:-1])}, each at most once, and activity."
            raise SpecError(msg)
        if "activity" in self.reads and not self.diffusion:
            msg = "Option reads has 'activity' and diffusion is 0; kernels gather activities, so set diffusion above 0."
            raise SpecError(msg)
        CreditNetwork(1, self.hidden, 1)
        diffusion_kernels((1,), 1, torch.Generator(), self.randomness)

    def _adopt(self, facts: dict[str, Any]) -> None:
        """Take the options of a trained credit network; refuse others than its own."""
        for field in fields(self):
            if field.name in STRUCTURE:
                value, own = getattr(self, field.name), facts[field.name]
                if value not in (field.default, own):
                    msg = (
                        f"Option {field.name} is {value!r}, but credit network {self.credit_network!r} has {own!r}; "
                        "leave the option out."
                    )
                    raise SpecError(msg)
                object.__setattr__(self, field.name, own)

    # -- the credit network -------------------------------------------------------------------------------------------

    def widths(self, network: Network) -> list[int]:
        """Return the number of neurons of every hidden block."""
        return list(hidden_widths(network).values())

    def top(self, network: Network) -> CreditNetwork:
        """Return the credit network for ``network``: reads its outputs, emits what its neurons or kernels need."""
        n_outputs = network.task.n_outputs
        n_credits = self.diffusion or sum(self.widths(network))
        local = "activity" in self.reads
        return CreditNetwork(
            (len(self.reads) - local) * n_outputs + local * self.diffusion,
            self.hidden,
            n_credits + (n_outputs if self.readout == "credit" else 0),
        )

    def incompatibility(self, network: Network) -> str | None:
        """Return why a trained credit network does not fit ``network``, or None."""
        if not self.credit_network:
            return None
        facts, expected = trained_credit(self.credit_network)[1], network.task.n_outputs
        if facts["n_outputs"] != expected:
            return f"credit network {self.credit_network!r} reads {facts['n_outputs']} outputs, not {expected}"
        widths = self.widths(network)
        if not self.diffusion and facts["widths"] != widths:
            return (
                f"credit network {self.credit_network!r} has one credit for every neuron of layers of "
                f"{facts['widths']}, not {widths}; credits that diffuse fit any network"
            )
        return None

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Return ``credit/phi`` and, where credits diffuse, ``credit/kernel/<block>`` ``(n_features, diffusion)``."""
        del params
        top = self.top(network)
        phi = trained_credit(self.credit_network)[0].clone() if self.credit_network else top.init(generator)
        widths = hidden_widths(network)
        if not self.diffusion:
            return {PHI: phi}
        kernels = diffusion_kernels(tuple(widths.values()), self.diffusion, generator, self.randomness)
        return {PHI: phi} | {f"{_KERNEL}{name}": kernel for name, kernel in zip(widths, kernels, strict=True)}

    def _signals(self, task: Task, output: Tensor, y: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return what the credit network reads at the top ``(n, n_in)``, and would if answers were right, if known."""
        error, wanted = len(output) * output_error(task, output, y), target(task, y).to(output.dtype)
        found = {"error": error, "answer": answer(task, output), "target": wanted, "output": output}
        ideal = {"error": torch.zeros_like(error), "answer": wanted, "target": wanted}
        top = [name for name in self.reads if name != "activity"]
        known = torch.cat([ideal[name] for name in top], 1) if "output" not in top else None
        return torch.cat([found[name] for name in top], 1), known

    def _emitted(self, network: Network, state: Params, batch: Batch, outputs: list[Tensor]) -> list[Tensor]:
        """Return what the credit network emits for every hidden layer: the same, unless it reads their activities."""
        top, n = self.top(network), len(batch.y)
        seen, ideal = self._signals(network.task, outputs[-1], batch.y)

        def emit(own: list[Tensor]) -> Tensor:
            found = top(state[PHI], torch.cat([seen, *own], 1))
            return (found if ideal is None else found - top(state[PHI], torch.cat([ideal, *own], 1))) / n

        widths = hidden_widths(network)
        if "activity" not in self.reads:
            return [emit([])] * len(widths)
        kernels = [state[f"{_KERNEL}{name}"] for name in widths]
        return [
            emit([h.flatten(1) @ kernel / kernel.square().sum(0)]) for h, kernel in zip(outputs, kernels, strict=False)
        ]

    def credits(
        self, network: Network, params: Params, state: Params, batch: Batch, outputs: list[Tensor]
    ) -> list[Tensor]:
        """Return the credit of every block's output, for the mean over samples; whatever else gives them goes here."""
        del params
        n_outputs, widths = network.task.n_outputs, hidden_widths(network)
        emitted = self._emitted(network, state, batch, outputs)
        if self.readout == "credit":
            last = emitted[-1][:, -n_outputs:]
            emitted = [credit[:, :-n_outputs] for credit in emitted]
        else:
            last = output_error(network.task, outputs[-1], batch.y)
        if self.diffusion:
            spread = [one @ state[f"{_KERNEL}{name}"].T for one, name in zip(emitted, widths, strict=True)]
        else:
            spread = list(emitted[0].split(list(widths.values()), 1))
        return [*((self.scale * credit).view_as(h) for credit, h in zip(spread, outputs, strict=False)), last]

    # -- a step -------------------------------------------------------------------------------------------------------

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return what the credits make of every block's own activity."""
        del noise
        outputs, teach, statistics = blockwise_within(network, params, state, batch.x, self.derivative)
        credits = self.credits(network, params, state, batch, outputs)
        return Step(teach(credits), statistics, output_metrics(network.task, outputs[-1], batch.y))

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count the forward pass, local gradients, the credit network and the kernels."""
        del batch_size
        spread = self.diffusion * sum(self.widths(network))
        local = "activity" in self.reads
        times = (1 if "output" in self.reads else 2) * (len(self.widths(network)) if local else 1)
        top = sum(prod(shape) for shape in self.top(network).shapes)
        return local_cost(network) + times * top + (1 + local) * spread


def trained_credit(name: str) -> tuple[Tensor, dict[str, Any]]:
    """Return ``phi`` and the facts of a trained credit network, by name of a shipped one or path.

    Raises
    ------
    SpecError
        If no credit network has that name.
    DataError
        If the file cannot be read or holds something else.
    """
    path: Path = find_file(name, shipped_folder("credit_networks"), "credit network", ".safetensors")
    tensors, facts = read_tensors(path)
    if "phi" not in tensors or not {*STRUCTURE, "n_outputs", "widths"} <= set(facts):
        msg = f"{str(path)!r} is not a credit network; give a file that brainalign.metalearning wrote."
        raise DataError(msg)
    options = {key: tuple(v) if isinstance(v, list) else v for key, v in facts.items() if key in STRUCTURE}
    return tensors["phi"], {**facts, **options}
