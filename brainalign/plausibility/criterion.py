"""The criteria of the literature, each with the probes that measure it."""

from typing import NamedTuple


class Criterion(NamedTuple):
    """One criterion of a published list.

    Attributes
    ----------
    code, title, source
        Name in tables, what it asks, and who asks it.
    probes
        Those that must all pass for a rule to meet it; one that cannot tell leaves it open, and so do none.
    reading
        What a mark means here: what is counted, what is left to another criterion, and where.
    refuted_by
        Probes that contradict a claim that it is met; those that mean what such a claim means. All probes, if none is
        named. A claim that it is not met is contradicted only where it is measured to be met.
    """

    code: str
    title: str
    source: str
    probes: tuple[str, ...]
    reading: str
    refuted_by: tuple[str, ...] = ()


_LV = "Lv et al. 2025, ICML (arXiv 2501.09976)"
_BSD = "BSD 2026, ICLR (arXiv 2509.20284)"
_BENGIO = "Bengio et al. 2015 (arXiv 1502.04156)"
_WHITTINGTON = "Whittington & Bogacz 2019, Trends Cogn. Sci. 23:235"
_ALONE = "a part of the criteria above, read alone"

_TRANSPORT = "updates of other layers do not know a weight, nor its sign, that they have no signal through"
_LOCAL = (
    "weight transport taken out, which {transport} asks about: with separate feedback weights where the rule has that "
    "option, and without matrices that transport was found to read"
)
_PHASES = "hidden layers; separate passes count, and so do phases in which feedback weights learn"
_SPIKES = "messages between units that learning rests on are 0 or one size, pixels and readout left out"

CRITERIA: tuple[Criterion, ...] = (
    Criterion("C1", "forward and backward weights are not copies", _LV, ("P1",), _TRANSPORT),
    Criterion(
        "C2", "an update rests on local information, not on a global error", _LV, ("P2", "P2a", "P5"),
        f"{_LOCAL.format(transport='C1')}; at most a scalar about the target reaches a hidden update, no vector",
        # The source has perturbation (a scalar) and predictive coding (a vector, handed down by local errors) meet it.
        refuted_by=("P2", "P2a"),
    ),
    Criterion(
        "C3", "no two stages, in hidden layers", _LV, ("P4",), f"{_PHASES}; the readout is R3",
        # The source asks whether inference and update are apart, not how many passes there are.
        refuted_by=("P4c",),
    ),
    Criterion("C4", "neurons spike", _BSD, ("P8",), _SPIKES),
    Criterion(
        "C5", "errors are unsigned, in hidden layers", _BSD, ("P6",),
        "what teaches hidden layers never takes both signs, a global reward included; open without a message",
    ),
    Criterion("R1", "an update rests on local information", _ALONE, ("P2", "P2a"), _LOCAL.format(transport="C1")),
    Criterion("R2", "no global error beyond a scalar", _ALONE, ("P5",), "none or one number reaches a hidden update"),
    Criterion("R3", "no two stages, at the readout", _ALONE, ("P4d",), "the readout need not answer before it learns"),
    Criterion("B1", "the backward path need not be linear", _BENGIO, ("P8d",), "open without a way back"),
    Criterion(
        "B2", "no exact derivative of the nonlinearity", _BENGIO, ("P8c",),
        "digits are learned with slopes taken for 1, or no slope is used",
    ),
    Criterion("B3", "no exactly symmetric weights", _BENGIO, ("P1",), f"{_TRANSPORT}; the same probe as C1"),
    Criterion("B4", "communication by spikes", _BENGIO, ("P8",), f"{_SPIKES}; the same probe as C4"),
    Criterion("B5", "no precisely clocked phases", _BENGIO, ("P4",), f"{_PHASES}; the same probe as C3"),
    Criterion("B6", "no target from nowhere", _BENGIO, ("P7",), "hidden updates do not change with the label"),
    Criterion(
        "W1", "local computation and plasticity", _WHITTINGTON, ("P2", "P2a"),
        f"{_LOCAL.format(transport='W3')}; the same probes as R1",
    ),
    Criterion(
        "W2", "no control signal that switches phases", _WHITTINGTON, ("P4",), f"{_PHASES}; the same probe as C3"
    ),
    Criterion("W3", "connectivity without weight symmetry", _WHITTINGTON, ("P1",), f"{_TRANSPORT}; the same as C1"),
)  # fmt: skip
