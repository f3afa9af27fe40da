"""The tables of the page on plausibility: criteria with their readings, probes with units and limits."""

from brainalign.plausibility.criterion import CRITERIA
from brainalign.plausibility.probe import Probe, probes


def criteria_markdown() -> str:
    """Return a Markdown table of the criteria: what each asks, who asks it, what decides, what the mark means."""
    rows = [
        f"| {one.code} | {one.title} | {one.source} | {', '.join(one.probes)} | {one.reading} |" for one in CRITERIA
    ]
    return "\n".join(["| code | asks | source | decided by | what the mark means |", "|---|---|---|---|---|", *rows])


def probes_markdown() -> str:
    """Return a Markdown table of the probes: what each measures, in what unit, what passes, on what evidence."""
    rows = []
    for code, one in probes().items():
        cells = (code, one.title, one.unit or "-", limit(one), one.evidence, "yes" if one.trains else "no")
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(["| code | measures | unit | passes | evidence | trains |", "|---|---|---|---|---|---|", *rows])


def limit(probe: Probe) -> str:
    """Return in words what passes a probe: ``"at most 1"``; ``"none"`` where there is nothing to pass."""
    if probe.limit is None:
        return "none"
    return f"at {'least' if probe.at_least else 'most'} {probe.limit:g}"
