"""A population at one moment of training."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from brainalign.datasets.preprocessing import Preprocessing
from brainalign.datasets.task import Task
from brainalign.discovery import require_here
from brainalign.errors import DataError
from brainalign.networks.architecture import Architecture, architecture
from brainalign.networks.network import Network, Params
from brainalign.rules.learning_rule import LearningRule, learning_rule
from brainalign.specs import TrainSpec, to_dict, train_spec
from brainalign.storage import content_hash, read_tensors, write_tensors
from brainalign.summary import Summarised, Summary, some


@dataclass(frozen=True, eq=False)
class Checkpoint(Summarised):
    """Parameters and state of every instance after ``step`` updates.

    Parameters
    ----------
    spec
        How the population is trained.
    network, rule
        What is trained, and by what.
    preprocessing
        From images to the network's input.
    params, state
        Name to ``(n_seeds, ...)`` tensors.
    step, epoch
        Updates and passes over the training samples so far.

    Examples
    --------
    >>> import brainalign as ba, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     last = ba.train("backprop", "mlp", "digits", folder, seeds=2, epochs=0.1).checkpoint
    ...     last.save(f"{folder}/mine.safetensors")
    >>> last.seeds, last.step, last.found
    ((0, 1), 1, {})
    >>> params, state = last.instance(0)
    >>> tuple(last.params["readout.weight"].shape), tuple(params["readout.weight"].shape)
    ((2, 10, 256), (10, 256))
    >>> last.weights_hash(0) == last.weights_hash(1)
    False
    """

    spec: TrainSpec
    network: Network
    rule: LearningRule
    preprocessing: Preprocessing
    params: Mapping[str, Tensor]
    state: Mapping[str, Tensor]
    step: int
    epoch: float

    def summary(self) -> Summary:
        """Return what was trained, how long, and the layers."""
        n_weights = sum(tensor[0].numel() for tensor in self.params.values())
        facts = {
            "trained for": f"{self.step} steps, {self.epoch:g} epochs",
            "layers": some(self.network.layers, 6),
            "weights": f"{n_weights} in each network",
        }
        return Summary(f"Checkpoint of {population_title(self.spec)}", facts)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the instances, in stacking order."""
        return self.spec.seeds

    @property
    def found(self) -> dict[str, Any]:
        """Options that the rule found out before the first step, and that the specification does not hold."""
        if type(self.rule).prepared is LearningRule.prepared:
            return {}
        plain = to_dict(learning_rule(self.spec.rule, dict(self.spec.rule_options), stored=True))
        return {name: value for name, value in to_dict(self.rule).items() if value != plain[name]}

    def instance(self, row: int) -> tuple[Params, Params]:
        """Return parameters and state of one instance, without the axis of seeds: ``(n_units, n_inputs)``, say."""
        return {n: t[row] for n, t in self.params.items()}, {n: t[row] for n, t in self.state.items()}

    def weights_hash(self, row: int) -> str:
        """Content hash of one instance's parameters and state."""
        return content_hash(*self.instance(row))

    def save(self, path: str | Path, extra: Mapping[str, Tensor] | None = None, **metadata: Any) -> None:
        """Write the population as safetensors, atomically, with a hash of all that is in the file.

        ``extra`` are further tensors, ``(n_seeds, ...)`` or of any shape; ``metadata`` are JSON-able facts.
        """
        tensors = {f"params|{n}": t for n, t in self.params.items()}
        tensors |= {f"state|{n}": t for n, t in self.state.items()}
        task = self.network.task
        facts = {
            "spec": to_dict(self.spec),
            "key": self.spec.key,
            "task": to_dict(task),
            "preprocessing": self.preprocessing.record(),
            "order": {"params": list(self.params), "state": list(self.state)},  # files sort names; sums follow order
            **({"found": self.found} if self.found else {}),
            "step": self.step,
            "epoch": self.epoch,
            **metadata,
        }
        tensors |= extra or {}
        write_tensors(path, tensors, {**facts, "content": content_hash(tensors, facts)})


def population_title(spec: TrainSpec) -> str:
    """Return what a population is, in a few words."""
    seeds = f"{len(spec.seeds)} seeds" if len(spec.seeds) > 1 else "1 seed"
    return f"{spec.rule} on {spec.network}, {spec.dataset}: {seeds}"


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint; unlike a name in a cache, the file says itself what it holds.

    Raises
    ------
    DataError
        If the file is missing, truncated, not a checkpoint, or was changed since it was written.
    """
    return read_checkpoint(path)[0]


def read_checkpoint(path: str | Path) -> tuple[Checkpoint, dict[str, Tensor], dict[str, Any]]:
    """Return a checkpoint, the other tensors of its file and the file's metadata.

    Raises
    ------
    DataError
        If the file is missing, truncated, not a checkpoint, or was changed since it was written.
    SpecError
        If its rule or network is of a folder of one's own that is not named.
    """
    if not Path(path).exists():
        msg = (
            f"Checkpoint {str(path)!r} is missing. Train again into its folder, with --retrain if other code trained "
            "it: what is missing is made again."
        )
        raise DataError(msg)
    tensors, facts = read_tensors(path)
    if "spec" not in facts:
        msg = f"{str(path)!r} is not a checkpoint; give a file from the checkpoints folder of a run."
        raise DataError(msg)
    written = facts.pop("content", None)  # older files have none
    if written is not None and written != content_hash(tensors, facts):
        msg = (
            f"Checkpoint {str(path)!r} was changed since it was written: its content has another hash. Delete it and "
            "train again into its folder: it is made again."
        )
        raise DataError(msg)
    spec = train_spec(facts["spec"], str(path))
    require_here("rules", LearningRule, spec.rule, f"Checkpoint {str(path)!r}")
    require_here("networks", Architecture, spec.network, f"Checkpoint {str(path)!r}")
    task = Task(**{**facts["task"], "input_shape": tuple(facts["task"]["input_shape"])})
    network = architecture(spec.network, dict(spec.network_options), stored=True).build(task)
    params, state = (
        {name: tensors.pop(f"{group}|{name}") for name in facts["order"][group]} for group in ("params", "state")
    )
    record: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in facts["preprocessing"].items()}
    checkpoint = Checkpoint(
        spec=spec,
        network=network,
        rule=learning_rule(spec.rule, {**spec.rule_options, **facts.get("found", {})}, stored=True),
        preprocessing=Preprocessing(**record),
        params=params,
        state=state,
        step=facts["step"],
        epoch=facts["epoch"],
    )
    return checkpoint, tensors, facts


def stack(instances: list[Params], device: torch.device | str = "cpu") -> Params:
    """Stack instances' tensors along a new first axis."""
    return {name: torch.stack([one[name] for one in instances]).to(device) for name in instances[0]}
