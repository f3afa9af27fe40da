"""The code that a scorecard depends on."""

from collections.abc import Sequence

from brainalign.plausibility.control_rules import CONTROL_RULES
from brainalign.plausibility.probe import probes
from brainalign.provenance import code_hash
from brainalign.training.code import modules_of


def probing_code(codes: Sequence[str], rules: Sequence[tuple[str, str]]) -> str:
    """Return the hash of the code that probes rules.

    Parameters
    ----------
    codes
        Of the probes.
    rules
        Names of rules and the networks they are probed on.
    """
    chosen = [probes()[code] for code in codes]
    controls = [one for probe in chosen for one in (probe.passing, probe.failing) if one is not None]
    named = [one for one in controls if one.rule not in CONTROL_RULES]  # those are part of the scorecard's own code
    networks = {network for _, network in rules}
    pairs = {*rules, *((one.rule, one.network or network) for one in named for network in networks)}
    known = {*(type(probe).__module__ for probe in chosen), "brainalign.plausibility.scorecard"}
    return code_hash(*known, *(name for pair in sorted(pairs) for name in modules_of(*pair, "digits")))
