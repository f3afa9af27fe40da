"""The rate of the readout-only control: searched on validation samples where nobody has searched it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import mean

from brainalign.datasets.dataset import dataset
from brainalign.errors import SpecError
from brainalign.networks.architecture import architectures
from brainalign.recommended import searched_presets
from brainalign.roles import READOUT_ONLY
from brainalign.specs import TrainSpec, to_dict
from brainalign.training.frozen import Frozen

#: Rates of Adam that are tried.
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
#: What a search takes at most: samples, seeds and steps.
MOST_SAMPLES, MOST_SEEDS, MOST_STEPS = 10_000, 3, 2000
#: The rule declares rates by kind of network. They were searched on these data, with networks of their usual sizes.
_DECLARED_ON = "digits"


@dataclass(frozen=True)
class FoundRate:
    """A rate, and what every rate that was tried reached.

    Parameters
    ----------
    rate
        The best one; of equals the smallest.
    tried
        Rate to mean validation accuracy over seeds (or negative validation loss), the higher the better.
    """

    rate: float
    tried: Mapping[float, float]

    @property
    def sentence(self) -> str:
        """One line on the search."""
        scores = ", ".join(f"{rate:g}: {score:.3g}" for rate, score in self.tried.items())
        return f"readout_only has rate {self.rate:g}, the best of a search on validation samples ({scores})."


def is_searched(control: TrainSpec) -> bool:
    """Return whether the rate of a control was searched on its network and data set.

    Examples
    --------
    >>> from brainalign.training.readout import readout_spec
    >>> is_searched(readout_spec(TrainSpec("hebbian", "mlp", "digits")))
    True
    >>> is_searched(readout_spec(TrainSpec("hebbian", "mlp", "digits", network_options={"widths": (8,)})))
    False
    """
    options = to_dict(control).get("network_options", {})
    usual: tuple[dict[str, object], ...] = ({}, dict(architectures()[control.network].recommended))
    if control.dataset == _DECLARED_ON and options in usual:
        return True
    own = searched_presets(control.dataset, control.network)
    return READOUT_ONLY in own.get("presets", {}) and options == own.get("training", {}).get("network_options", {})


def unsearched(control: TrainSpec) -> str:
    """Return what is said of a control whose rate was not searched on its network and data set.

    Examples
    --------
    >>> unsearched(TrainSpec("readout_only", "mlp", "digits", learning_rate=0.01))
    'readout_only has rate 0.01, which was not searched on this network and data set'
    """
    return f"readout_only has rate {control.learning_rate:g}, which was not searched on this network and data set"


def found_rate(control: TrainSpec, data_dir: str | None = None) -> FoundRate:
    """Search the rate of a readout-only control on validation samples.

    Every rate of :data:`RATES` trains the readouts of at most three of the control's seeds for as many steps as the
    control takes, at most 2000, on at most 10,000 of its samples. Hidden layers answer once, so that the search
    costs a fraction of the training. Images are not augmented, and normalisations have the statistics of one pass.

    Parameters
    ----------
    control
        A training of ``readout_only`` that holds validation samples out.
    data_dir
        Folder of data.

    Raises
    ------
    SpecError
        If no sample is held out.

    Examples
    --------
    >>> control = TrainSpec("readout_only", "rnn", "digits", network_options={"widths": (8,)}, seeds=1, epochs=2)
    >>> found = found_rate(control)
    >>> found.rate in RATES, list(found.tried) == list(RATES)
    (True, True)
    """
    if not control.validation_fraction:
        msg = "Option validation_fraction is 0, so that there is nothing to search on; expected a share above 0."
        raise SpecError(msg)
    n = len(dataset(control.dataset, data_dir).train().labels)
    n = control.n_train or n - round(control.validation_fraction * n)
    few = max(min(n, MOST_SAMPLES), control.batch_size)
    steps = min(control.epochs * (n // control.batch_size), MOST_STEPS)
    asked = replace(
        control, seeds=control.seeds[:MOST_SEEDS], n_train=few, epochs=steps / (few // control.batch_size),
        augment="none", optimizer="adam", optimizer_options={},
    )  # fmt: skip
    frozen = Frozen.load(asked, data_dir)
    tried = {}
    for rate in RATES:
        readouts = frozen.trained(replace(asked, learning_rate=rate))
        score = mean(frozen.scores(readouts, frozen.batches.validation).values())
        tried[rate] = -math.inf if math.isnan(score) else score
    return FoundRate(max(tried, key=lambda rate: (tried[rate], -rate)), tried)
