"""How stimuli are sampled again: bootstrap samples of them, or the sample without each."""

from dataclasses import dataclass, replace

from brainalign.errors import SpecError

KINDS = ("default", "bootstrap", "leave_one_out", "none")


@dataclass(frozen=True)
class Samples:
    """Which samples of stimuli are scored beside the sample as it is.

    Parameters
    ----------
    kind
        ``"bootstrap"``, ``"leave_one_out"``, ``"none"``, or ``"default"``: the sample without each stimulus, which
        counts every source of variance once and costs two scorings instead of hundreds.
    n_draws
        Bootstrap samples.
    seed
        Of the bootstrap samples; equal seeds and stimuli give equal samples for every layer and subject of a measure.

    Raises
    ------
    SpecError
        If the kind is another.
    """

    kind: str = "bootstrap"
    n_draws: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            msg = f"Samples are of kind {self.kind!r}; expected one of: {', '.join(KINDS)}."
            raise SpecError(msg)

    def at(self, n_times: int) -> "Samples":
        """Return the samples with their kind settled for a recording of ``n_times``; the default is one for all."""
        del n_times
        return replace(self, kind="leave_one_out") if self.kind == "default" else self
