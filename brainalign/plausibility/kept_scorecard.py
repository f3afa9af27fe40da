"""The scorecard of the rules of a study, measured again only where rules, options or code are others than before."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from brainalign import tables
from brainalign.plausibility.candidate import Candidate
from brainalign.plausibility.code import probing_code
from brainalign.plausibility.probe import mechanism, probes
from brainalign.plausibility.scorecard import COLUMNS, read_scorecard, scorecard, write_scorecard
from brainalign.plausibility.subject import PROBED, probed_options
from brainalign.specs import StudySpec
from brainalign.storage import content_hash, is_sealed, locked, seal


def kept_scorecard(
    spec: StudySpec, cache: Path, progress: Callable[[int, int, str], None]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the scorecard of every rule with its options, and the criteria; without probes they have no rows.

    Parameters
    ----------
    spec
        Of the study; its ``plausibility`` says which probes.
    cache
        Where it is kept, in a folder that names what it depends on.
    progress
        Told of each probe; see :func:`brainalign.plausibility.scorecard.scorecard`.
    """
    if spec.plausibility == "none":
        return tables.empty("scorecard"), tables.empty("criteria")
    codes = mechanism() if spec.plausibility == "mechanism" else tuple(probes())
    rules: dict[str, list[Candidate]] = {}
    options: dict[str, dict[str, object]] = {}
    for one in spec.populations:
        if one.network in PROBED:
            own = Candidate(one.rule, one.rule, tuple(_hashable(one.rule_options).items()))
            rules.setdefault(one.network, []).append(own)
            options[one.network] = probed_options(one.network, one.network_options, one.objective)
    code = probing_code(codes, [(one.rule, network) for network, group in rules.items() for one in group])
    shown = [(network, repr(options[network]), *map(repr, group)) for network, group in rules.items()]
    folder = cache / f"scorecard-{content_hash(sorted(shown), codes, code)[:16]}"
    if not is_sealed(folder):
        found = [
            scorecard(group, network, only=codes, progress=progress, network_options=options[network])
            for network, group in rules.items()
        ]
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            write_scorecard(folder, pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=COLUMNS))
            seal(folder)
    with locked(folder, shared=True):
        return read_scorecard(folder)


def _hashable(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
