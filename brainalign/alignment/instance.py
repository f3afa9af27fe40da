"""One trained network under the stimuli of a recording."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from brainalign.alignment.layer_rdms import LayerRDMs
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import SpecError
from brainalign.extraction.activations import Activations
from brainalign.extraction.population import extract_each
from brainalign.roles import MODEL, OWN_START, TRAINED, UNTRAINED
from brainalign.training.checkpoint import Checkpoint


@dataclass(frozen=True, eq=False)
class Instance:
    """A network's layers and where they come from.

    Parameters
    ----------
    rule, network, seed
        Who.
    step, epoch
        When: updates and passes over the training samples; None for networks from elsewhere.
    final
        Whether training ended there; contrasts compare final instances only.
    activations
        Its layers under the stimuli, or their RDMs.
    resolution
        Height and width in pixels at which the stimuli were shown.
    role
        What the network is, see :data:`brainalign.columns.ROLES`. Untrained networks are the control of every rule but
        those with networks of their own before the first step (``"own_start"``).
    """

    rule: str
    network: str
    seed: int
    step: int | None
    epoch: float | None
    final: bool
    activations: Activations | LayerRDMs
    resolution: tuple[int, int]
    role: str = TRAINED

    @classmethod
    def of(cls, activations: Activations | LayerRDMs, resolution: tuple[int, int]) -> "Instance":
        """Return what :func:`brainalign.activations.show` returned as an instance; ``resolution`` if it says none."""
        who = activations.origin
        return cls(
            rule=who.name,
            network=who.group,
            seed=who.seed,
            step=who.step,
            epoch=who.epoch,
            final=True,
            activations=activations,
            resolution=who.resolution or resolution,
            role=who.role,
        )


def show(
    checkpoints: Sequence[Checkpoint],
    stimuli: Stimuli,
    resolution: int = 0,
    device: str = "cpu",
    aspect: str = "refuse",
) -> Iterator[Instance]:
    """Show stimuli to every instance of every checkpoint of one population, first to last, one when it is asked for.

    ``resolution`` is the side in pixels, 0 for the one the networks were trained at; ``aspect`` what becomes of
    pictures with another ratio of sides, ``"refuse"`` for what was declared of training images.
    """
    for position, checkpoint in enumerate(checkpoints):
        preprocessing = checkpoint.preprocessing
        if resolution:
            preprocessing = replace(preprocessing, resolution=(resolution, resolution))
        if aspect != "refuse":
            preprocessing = replace(preprocessing, aspect=aspect)
        shown = extract_each(checkpoint, stimuli, preprocessing, device=device)
        final = position == len(checkpoints) - 1
        for seed, activations in zip(checkpoint.seeds, shown, strict=True):
            yield Instance(
                rule=checkpoint.spec.rule,
                network=checkpoint.network.name,
                seed=seed,
                step=checkpoint.step,
                epoch=checkpoint.epoch,
                final=final,
                activations=activations,
                resolution=preprocessing.resolution,
                role=role_of(checkpoint),
            )


def role_of(checkpoint: Checkpoint) -> str:
    """Return what the networks of a population are: trained, or a control; untrained where nothing is learned."""
    return checkpoint.rule.role if checkpoint.rule.learns else UNTRAINED


def show_start(
    start: Checkpoint, stimuli: Stimuli, resolution: int = 0, device: str = "cpu", aspect: str = "refuse"
) -> Iterator[Instance]:
    """Show stimuli to a population before its first step: the control of a rule that ``untrained`` does not match."""
    return (replace(one, role=OWN_START) for one in show([start], stimuli, resolution, device, aspect))


def check_paired(instances: Sequence[Instance]) -> None:
    """Refuse networks that cannot be compared seed by seed.

    Raises
    ------
    SpecError
        If an instance is there twice, or the rules of a network ended with different seeds. Networks from elsewhere
        may have seeds of their own.
    """
    seeds: dict[str, dict[tuple[str, str], list[int]]] = {}
    for one in (one for one in instances if one.final):
        seeds.setdefault(one.network, {}).setdefault((one.rule, one.role), []).append(one.seed)
    for network, by_rule in seeds.items():
        first = next(iter(by_rule))
        for (rule, _), own in by_rule.items():
            if len(set(own)) < len(own):
                msg = f"Rule {rule!r} on {network!r} has seeds {sorted(own)}; expected each once. Give each a name."
                raise SpecError(msg)
            paired = MODEL not in {role for _, role in by_rule}
            if paired and set(own) != set(by_rule[first]):
                msg = (
                    f"Rule {rule!r} on {network!r} has seeds {sorted(own)}, {first[0]!r} has {sorted(by_rule[first])}; "
                    "rules are compared seed by seed. Train the same seeds."
                )
                raise SpecError(msg)
