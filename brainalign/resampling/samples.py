"""How stimuli are sampled again: bootstrap samples of them, or the sample without each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Samples:
    """Which samples of stimuli are scored beside the sample as it is.

    Parameters
    ----------
    kind
        ``"bootstrap"``, ``"leave_one_out"`` or ``"none"``.
    n_draws
        Bootstrap samples.
    seed
        Of the bootstrap samples; equal seeds and stimuli give equal samples for every measure, layer and subject.
    """

    kind: str = "bootstrap"
    n_draws: int = 1000
    seed: int = 0
