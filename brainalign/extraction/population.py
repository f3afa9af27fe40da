"""The layers of every instance of a population under stimuli."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from brainalign.datasets.stimuli import Stimuli
from brainalign.extraction.activations import Activations
from brainalign.extraction.origin import Origin
from brainalign.extraction.shown_layers import Found, Showing, layers_of_instance
from brainalign.randomness import stream
from brainalign.roles import UNTRAINED
from brainalign.rules.learning_rule import LearningRule
from brainalign.training.checkpoint import Checkpoint


def extract_each(
    model: Checkpoint,
    stimuli: Stimuli,
    preprocessing: Any = None,
    layers: Sequence[str] = (),
    batch_size: int = 128,
    device: str = "cpu",
) -> Iterator[Activations]:
    """Yield what :func:`brainalign.activations.show` returns, the layers of one network at a time."""
    showing = Showing.checked(model, stimuli, preprocessing, layers, "none", batch_size, device)
    yield from of_population(model, stimuli, showing)


def of_population(
    model: Checkpoint,
    stimuli: Stimuli,
    showing: Showing,
    name: str = "",
    group: str = "",
    control: str = UNTRAINED,
) -> Iterator[Activations]:
    """Yield the layers of every instance; ``control`` is the role of the networks that they are compared with."""
    role = model.rule.role if model.rule.learns else UNTRAINED
    who, where = name or model.spec.rule, group or model.network.name
    for row, seed in enumerate(model.seeds):
        origin = Origin(
            name=who,
            group=where,
            seed=seed,
            role=role,
            resolution=showing.inputs.resolution,
            control=control,
            step=model.step,
            epoch=model.epoch,
        )
        yield activations_of(layers_of_instance(model, row, stimuli, showing), stimuli, origin)


def answers_its_own_way(population: Checkpoint) -> bool:
    """Return whether a rule's networks answer otherwise than their chain of blocks, which untrained ones do."""
    rule, network = population.rule, population.network
    if type(rule).respond is LearningRule.respond:
        return False
    params, state = population.instance(0)
    x = torch.randn(4, *network.task.input_shape, generator=stream(0, "answers"))
    own, plain = rule.respond(network, params, state, x), network.activities(params, state, x)
    return not all(torch.allclose(own[layer], plain[layer], rtol=1e-4, atol=1e-5) for layer in plain)


def activations_of(found: Found, stimuli: Stimuli, origin: Origin) -> Activations:
    """Return layers that were found, with whose they are."""
    return Activations(
        layers=found.layers,
        stimulus_ids=stimuli.ids,
        key=found.key,
        activity=found.activity,
        origin=origin,
        residual=found.residual,
    )
