"""Every probe on every rule, with its controls; and what that says of the criteria of the literature."""

import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from brainalign import tables
from brainalign.errors import BrainalignError, SpecError
from brainalign.networks.network import Network
from brainalign.options import require
from brainalign.own_folders import add_folder, own_folders
from brainalign.plausibility.candidate import Candidate, from_control
from brainalign.plausibility.control_rules import CONTROL_RULES
from brainalign.plausibility.judgement import criteria
from brainalign.plausibility.probe import Control, Measured, Probe, probes
from brainalign.plausibility.subject import PROBED, TASK, TEN_CLASSES, Subject, probed_network
from brainalign.plausibility.unsupported import Unsupported
from brainalign.rules.learning_rule import LearningRule, learning_rule

Progress = Callable[[int, int, str], None]

#: Columns of a scorecard.
COLUMNS = tables.TABLES["scorecard"].names

_LEARNS_NOTHING = "the rule learns nothing, so that nothing of it can be implausible"


def scorecard(
    rules: Sequence[Candidate],
    network: str = "mlp",
    seeds: Sequence[int] = (0, 1, 2),
    only: Sequence[str] = (),
    workers: int = 1,
    progress: Progress | None = None,
    network_options: Mapping[str, object] | None = None,
) -> pd.DataFrame:
    """Measure the plausibility of rules.

    Parameters
    ----------
    rules
        What to probe.
    network
        One of :data:`~brainalign.plausibility.subject.PROBED`; every probe runs on a small network of that kind.
    seeds
        Instances.
    only
        Codes of probes; all of them if empty.
    workers
        Processes; with more than one a script must guard its entry, as for every use of processes.
    progress
        Called with steps done, all steps and a short text.
    network_options
        Options of the network in place of those that probes choose, such as ``{"blocks": "step"}``. For the network of
        a study see :func:`~brainalign.plausibility.subject.probed_options`.

    Returns
    -------
    pandas.DataFrame
        One row per rule and probe, with :data:`COLUMNS`. ``outcome`` is the mean over states and seeds, ``lo`` and
        ``hi`` the extremes, on the worst of which ``pass`` rests (retained accuracy: on the mean); ``pass`` is None
        where a probe cannot tell (the note says why) or has no limit. ``certified`` tells whether the probe's controls
        answered as they must on this network.

    Raises
    ------
    SpecError
        If a network, an option of it or a probe is unknown.

    Examples
    --------
    >>> from brainalign.plausibility.candidate import candidates
    >>> table = scorecard(candidates(["hebbian"]), seeds=(0,), only=("P3",))
    >>> table[["rule", "probe", "outcome", "pass"]].values.tolist()
    [['hebbian', 'P3', 0.0, True]]
    """
    if network not in PROBED:
        msg = f"Network {network!r} cannot be probed. Choose one of: {', '.join(PROBED)}."
        raise SpecError(msg)
    require(len(seeds) > 0, "Option seeds", tuple(seeds), "at least one")
    known = probes()
    for code in only:
        if code not in known:
            msg = f"Unknown probe {code!r}. Choose one of: {', '.join(known)}."
            raise SpecError(msg)
    chosen = tuple(only) or tuple(known)
    here = Place(network, _hashable({**PROBED[network], **(network_options or {})}))
    probed_network(here.network, options=dict(here.options))  # refuses unknown options before anything is run
    jobs: dict[tuple[Candidate, Place], tuple[str, ...]] = {(rule, here): chosen for rule in rules}
    for code in chosen:
        for control in (known[code].passing, known[code].failing):
            if control is not None:
                key = from_control(control), _place(control, here)
                same = next((job for job in jobs if job[0][1:] == key[0][1:] and job[1] == key[1]), key)
                jobs[same] = tuple(dict.fromkeys((*jobs.get(same, ()), code)))
    found = _run(jobs, tuple(seeds), workers, progress or (lambda *_: None))
    certified = {code: _certified(known[code], here, found) for code in chosen}
    rows = [
        {**found[rule, here][code], "rule": rule.label, "certified": certified[code]}
        for rule in rules
        for code in chosen
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"pass": object, "certified": bool})


class Place(NamedTuple):
    """A network that rules are probed on, with its options."""

    network: str
    options: tuple[tuple[str, Any], ...]


Found = dict[tuple[Candidate, Place], dict[str, dict[str, Any]]]


def _place(control: Control, here: Place) -> Place:
    named = control.network
    return here if named is None else Place(named, _hashable(PROBED[named]))


def _hashable(options: Mapping[str, object]) -> tuple[tuple[str, Any], ...]:
    return tuple((key, tuple(value) if isinstance(value, list) else value) for key, value in options.items())


def _run(
    jobs: Mapping[tuple[Candidate, Place], tuple[str, ...]], seeds: tuple[int, ...], workers: int, progress: Progress
) -> Found:
    found: Found = {}
    if workers <= 1:
        for k, ((rule, place), codes) in enumerate(jobs.items()):
            progress(k, len(jobs), f"probing {rule.label}")
            found[rule, place] = probe(rule, place.network, codes, seeds, dict(place.options))
        return found
    pool: Executor = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (own_folders(),))
    with pool:
        running: list[tuple[Candidate, Place, Future[dict[str, dict[str, Any]]]]] = [
            (rule, place, pool.submit(probe, rule, place.network, jobs[rule, place], seeds, dict(place.options)))
            # Those that relax for long first, so that no worker is left with one at the end.
            for rule, place in sorted(jobs, key=lambda job: job[0].rule not in _LONG)
        ]
        for k, (rule, place, future) in enumerate(running):
            progress(k, len(running), f"probing {rule.label}")
            found[rule, place] = future.result()
    return found


#: Rules whose steps take longest; they are begun first.
_LONG = (
    "stdp", "contrastive_hebbian", "equilibrium_propagation", "weight_perturbation", "predictive_coding",
    "reward_modulated_stdp",
)  # fmt: skip


def _begin(folders: Sequence[Path]) -> None:
    """Begin a process: one thread, and the folders of one's own that were named."""
    torch.set_num_threads(1)
    for folder in folders:
        add_folder(folder)


def probe(
    rule: Candidate, network: str, codes: Sequence[str], seeds: Sequence[int],
    options: Mapping[str, object] | None = None,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Return one record per probe of one rule, by code; see :func:`scorecard`."""
    known = probes()
    artificial = CONTROL_RULES.get(rule.rule)
    built = artificial() if artificial else learning_rule(rule.rule, dict(rule.options))
    net = _fitting(built, network, options)
    subject = Subject(built, net, tuple(seeds), options=options)
    reason = built.incompatibility(net)
    records = {}
    for code in codes:
        started = time.perf_counter()
        try:
            if reason is not None:
                raise Unsupported(reason)
            if not built.learns and known[code].limit is not None:
                raise Unsupported(_LEARNS_NOTHING)
            measured: Measured | None = known[code].measure(subject)
            note = measured.note if measured else ""
        except Unsupported as why:
            measured, note = None, str(why)
        except BrainalignError as error:
            measured, note = None, f"the rule refuses: {error}"
        values = np.array(measured.values) if measured else np.array([np.nan])
        records[code] = {
            "rule": rule.label, "network": network, "probe": code, "outcome": float(values.mean()),
            "lo": float(values.min()), "hi": float(values.max()), "values": tuple(values.tolist()),
            "pass": known[code].passes(measured) if measured else None, "certified": False,
            "evidence": known[code].evidence, "note": note, "seconds": time.perf_counter() - started,
        }  # fmt: skip
    return records


def _fitting(rule: LearningRule, network: str, options: Mapping[str, object] | None) -> Network:
    """Return the network with five classes, or ten if the rule can only be had with those."""
    five, ten = (probed_network(network, task, options) for task in (TASK, TEN_CLASSES))
    return ten if rule.incompatibility(five) is not None and rule.incompatibility(ten) is None else five


def _certified(probe: Probe, here: Place, found: Found) -> bool:
    """Return whether the control that must pass does, and the one that must fail does not."""
    for control, wanted in ((probe.passing, True), (probe.failing, False)):
        if control is None:
            return False
        candidate, where = from_control(control), _place(control, here)
        record = next(
            record[probe.code]
            for (one, place), record in found.items()
            if one[1:] == candidate[1:] and place == where and probe.code in record
        )
        if np.isnan(record["outcome"]):
            return False
        if probe.passes(Measured(record["values"]), probe.certain if probe.limit is None else None) is not wanted:
            return False
    return True


def write_scorecard(folder: Path, table: pd.DataFrame, rules: Mapping[str, str] | None = None) -> None:
    """Write ``scorecard.csv`` and, from it, ``criteria.csv`` into ``folder``; ``rules`` as for :func:`criteria`."""
    tables.write(folder, "scorecard", table)
    tables.write(folder, "criteria", criteria(table, rules))


def read_scorecard(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what :func:`write_scorecard` wrote; two tables without rows where there is none.

    Raises
    ------
    DataError
        If a table is cut, lacks a column or holds what it must not.
    """
    known = {name: (folder / f"{name}.csv").exists() for name in ("scorecard", "criteria")}
    found = [tables.read(folder, name) if there else tables.empty(name) for name, there in known.items()]
    return found[0], found[1]


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a scorecard as JSON-able records, None where a probe cannot tell."""
    plain = table.astype(object).where(table.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]
