"""The contract of a probe: one criterion as an experiment on a running rule."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from brainalign.discovery import available
from brainalign.errors import SpecError
from brainalign.own_folders import is_own
from brainalign.plausibility.subject import Subject

#: From the strongest kind of evidence to the weakest.
EVIDENCE = ("intervention", "trace", "declared")


class Measured(NamedTuple):
    """Values over states and seeds, and what to say of them in a few words."""

    values: tuple[float, ...]
    note: str = ""


class Control(NamedTuple):
    """A rule of which a probe's answer is known: one of the package, or one of ``control_rules``.

    It is run on the network that is probed, or on the one named here.
    """

    rule: str
    options: Mapping[str, Any] = {}
    network: str | None = None


@dataclass(frozen=True)
class Probe(ABC):
    """One criterion, measured.

    Attributes
    ----------
    code
        Name in tables: ``"P1"``, ``"P1b"``.
    title, unit
        What is measured, in a few words, and in what; an empty unit is a pure number.
    limit
        Largest value that passes; None where there is nothing to pass.
    at_least
        Whether ``limit`` is the smallest value that passes instead.
    evidence
        One of :data:`EVIDENCE`.
    trains
        Whether it trains networks, which takes most of the time of a scorecard.
    passing, failing
        Controls: rules that must pass and fail (for a probe without a limit: a rule whose value must be at most and
        above ``certain``). A probe whose controls answer otherwise is not certified.
    certain
        Stands in for ``limit`` when controls of a probe without one are checked.

    Examples
    --------
    >>> import numpy as np
    >>> from dataclasses import dataclass
    >>> from brainalign.plausibility.probe import Measured, Probe
    >>> @dataclass(frozen=True)
    ... class StateSize(Probe):
    ...     code, title, unit, limit = "X1", "numbers that the rule keeps", "", 1000.0
    ...     passing = failing = None
    ...     def measure(self, subject):
    ...         return Measured((float(sum(tensor.size for tensor in subject.state.values())),))
    >>> probe = StateSize()
    >>> from types import SimpleNamespace
    >>> measured = probe.measure(SimpleNamespace(state={"trace": np.zeros((4, 3))}))
    >>> measured.values, probe.passes(measured), probe.passes(measured, limit=2.0)
    ((12.0,), True, False)
    """

    code: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str] = ""
    limit: ClassVar[float | None] = None
    at_least: ClassVar[bool] = False
    evidence: ClassVar[str] = "intervention"
    trains: ClassVar[bool] = False
    passing: ClassVar[Control | None]
    failing: ClassVar[Control | None]
    certain: ClassVar[float | None] = None

    @abstractmethod
    def measure(self, subject: Subject) -> Measured:
        """Return values of ``subject``; the worst of them decides, unless :meth:`passes` says otherwise.

        Raises
        ------
        Unsupported
            If the probe cannot tell for this rule and network.
        """

    def passes(self, measured: Measured, limit: float | None = None) -> bool | None:
        """Return whether the worst value is within ``limit`` (default: the probe's); None without one."""
        limit = self.limit if limit is None else limit
        if limit is None:
            return None
        if self.at_least:
            return min(measured.values) >= limit
        return max(measured.values) <= limit


def probes() -> dict[str, Probe]:
    """Return every probe by code, in the order of the specification, then one's own.

    Raises
    ------
    SpecError
        If two have one code.
    """
    found: dict[str, Probe] = {}
    for probe in sorted((kind() for kind in available("plausibility.probes", Probe).values()), key=_order):
        other = found.setdefault(probe.code, probe)
        if other is not probe:
            names = " and ".join(repr(inspect.getfile(type(one))) for one in (other, probe))
            msg = f"Probes {names} both have the code {probe.code!r}; give your own another."
            raise SpecError(msg)
    return found


def mechanism() -> tuple[str, ...]:
    """Return the codes of the probes that look at single steps and train nothing."""
    return tuple(code for code, probe in probes().items() if not probe.trains)


def _order(probe: Probe) -> tuple[bool, int, str]:
    digits = "".join(c for c in probe.code if c.isdigit())
    return is_own(type(probe).__module__), int(digits or 0), probe.code
