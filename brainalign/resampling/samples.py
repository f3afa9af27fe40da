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
        ``"bootstrap"``, ``"leave_one_out"``, ``"none"``, or ``"default"``: the sample without each stimulus for
        measures of geometry, whose error rates were calibrated, and where there are several times; else bootstrap
        samples.
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

    def at(self, n_times: int, geometry: bool = False) -> "Samples":
        """Return the samples with their kind settled for a recording of ``n_times`` and a kind of measure."""
        if self.kind != "default":
            return self
        return replace(self, kind="leave_one_out" if geometry or n_times > 1 else "bootstrap")
