"""The code that weights depend on."""

from brainalign.datasets.dataset import datasets
from brainalign.networks.architecture import architectures
from brainalign.provenance import code_hash
from brainalign.rules.learning_rule import learning_rules
from brainalign.specs import TrainSpec


def training_code(spec: TrainSpec) -> str:
    """Return the hash of the code that trains a population: the loop, its rule, its network and its data set.

    Another rule, network or data set may change without it.
    """
    return code_hash("brainalign.training.train", *modules_of(spec.rule, spec.network, spec.dataset))


def modules_of(rule: str = "", network: str = "", dataset: str = "") -> tuple[str, ...]:
    """Return the modules of those of a rule, a network and a data set that are given; each is found by its name."""
    rooms = ((rule, learning_rules()), (network, architectures()), (dataset, datasets()))
    return tuple(room[name].__module__ for name, room in rooms if name)
