"""The criteria of the literature, each with the probes that measure it."""

from typing import NamedTuple


class Criterion(NamedTuple):
    """One criterion of a published list.

    ``probes`` must all pass for a rule to meet it; one that cannot tell leaves it open, and so do none.
    """

    code: str
    title: str
    source: str
    probes: tuple[str, ...]


_LV = "Lv et al. 2025, ICML (arXiv 2501.09976)"
_BSD = "BSD 2026, ICLR"
_BENGIO = "Bengio et al. 2015 (arXiv 1502.04156)"
_WHITTINGTON = "Whittington & Bogacz 2019, Trends Cogn. Sci. 23:235"

CRITERIA: tuple[Criterion, ...] = (
    Criterion("C1", "forward and backward weights are not copies", _LV, ("P1",)),
    Criterion("C2", "an update rests on local information", _LV, ("P2", "P2a")),
    Criterion("C3", "no two stages", _LV, ("P4",)),
    Criterion("C4", "neurons spike", _BSD, ("P8",)),
    Criterion("C5", "errors are unsigned", _BSD, ("P6",)),
    Criterion("B1", "the backward path need not be linear", _BENGIO, ("P8d",)),
    Criterion("B2", "no exact derivative of the nonlinearity", _BENGIO, ("P8c",)),
    Criterion("B3", "no exactly symmetric weights", _BENGIO, ("P1",)),
    Criterion("B4", "communication by spikes", _BENGIO, ("P8",)),
    Criterion("B5", "no precisely clocked phases", _BENGIO, ("P4",)),
    Criterion("B6", "no target from nowhere", _BENGIO, ("P7",)),
    Criterion("W1", "local computation and plasticity", _WHITTINGTON, ("P2", "P2a")),
    Criterion("W2", "no control signal that switches phases", _WHITTINGTON, ("P4",)),
    Criterion("W3", "connectivity without weight symmetry", _WHITTINGTON, ("P1",)),
)
