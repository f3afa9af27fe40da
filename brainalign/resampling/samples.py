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
        ``"bootstrap"``, ``"leave_one_out"``, ``"none"``, or ``"default"``: bootstrap samples where there is one time,
        the sample without each stimulus where there are more, which costs two scorings instead of hundreds.
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
        """Return the samples with their kind settled for a recording of ``n_times``."""
        if self.kind != "default":
            return self
        return replace(self, kind="bootstrap" if n_times == 1 else "leave_one_out")
