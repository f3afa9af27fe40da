"""Every probe on every rule, with its controls; and what that says of the criteria of the literature."""

import multiprocessing
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from brainalign import tables
from brainalign.errors import BrainalignError, SpecError
from brainalign.options import require
from brainalign.own_folders import add_folder, own_folders
from brainalign.plausibility.control_rules import CONTROL_RULES
from brainalign.plausibility.criterion import CRITERIA
from brainalign.plausibility.probe import Control, Measured, Probe, probes
from brainalign.plausibility.subject import PROBED, Subject, probed_network
from brainalign.plausibility.unsupported import Unsupported
from brainalign.randomness import numpy_stream
from brainalign.rules.learning_rule import learning_rule, learning_rules

Progress = Callable[[int, int, str], None]

#: Columns of a scorecard.
COLUMNS = tables.TABLES["scorecard"].names

_CRITERIA_COLUMNS = tables.TABLES["criteria"].names
_WEIGHTINGS = 2000
_LEARNS_NOTHING = "the rule learns nothing, so that nothing of it can be implausible"


class Candidate(NamedTuple):
    """A rule with options, under the name that a table shows."""

    label: str
    rule: str
    options: tuple[tuple[str, Any], ...] = ()


def candidates(names: Iterable[str] = ()) -> list[Candidate]:
    """Return rules with their own options; all of them without names."""
    known = learning_rules()
    for name in names:
        if name not in known:
            msg = f"Unknown rule {name!r}. Choose one of: {', '.join(known)}."
            raise SpecError(msg)
    return [Candidate(name, name) for name in (tuple(names) or known)]


def scorecard(
    rules: Sequence[Candidate],
    network: str = "mlp",
    seeds: Sequence[int] = (0, 1, 2),
    only: Sequence[str] = (),
    workers: int = 1,
    progress: Progress | None = None,
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
        If a network or probe is unknown.
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
    jobs: dict[tuple[Candidate, str], tuple[str, ...]] = {(rule, network): chosen for rule in rules}
    for code in chosen:
        for control in (known[code].passing, known[code].failing):
            if control is not None:
                key = _candidate(control), control.network or network
                same = next((job for job in jobs if job[0][1:] == key[0][1:] and job[1] == key[1]), key)
                jobs[same] = tuple(dict.fromkeys((*jobs.get(same, ()), code)))
    found = _run(jobs, tuple(seeds), workers, progress or (lambda *_: None))
    certified = {code: _certified(known[code], network, found) for code in chosen}
    rows = [
        {**found[rule, network][code], "rule": rule.label, "certified": certified[code]}
        for rule in rules
        for code in chosen
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"pass": object, "certified": bool})


def _candidate(control: Control) -> Candidate:
    return Candidate(control.rule, control.rule, tuple(control.options.items()))


Found = dict[tuple[Candidate, str], dict[str, dict[str, Any]]]


def _run(
    jobs: Mapping[tuple[Candidate, str], tuple[str, ...]], seeds: tuple[int, ...], workers: int, progress: Progress
) -> Found:
    found: Found = {}
    if workers <= 1:
        for k, ((rule, network), codes) in enumerate(jobs.items()):
            progress(k, len(jobs), f"probing {rule.label}")
            found[rule, network] = probe(rule, network, codes, seeds)
        return found
    pool: Executor = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (own_folders(),))
    with pool:
        running: list[tuple[Candidate, str, Future[dict[str, dict[str, Any]]]]] = [
            (rule, network, pool.submit(probe, rule, network, jobs[rule, network], seeds))
            # Those that relax for long first, so that no worker is left with one at the end.
            for rule, network in sorted(jobs, key=lambda job: job[0].rule not in _LONG)
        ]
        for k, (rule, network, future) in enumerate(running):
            progress(k, len(running), f"probing {rule.label}")
            found[rule, network] = future.result()
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


def probe(rule: Candidate, network: str, codes: Sequence[str], seeds: Sequence[int]) -> dict[str, dict[str, Any]]:
    """Return one record per probe of one rule, by code; see :func:`scorecard`."""
    known = probes()
    artificial = CONTROL_RULES.get(rule.rule)
    built = artificial() if artificial else learning_rule(rule.rule, dict(rule.options))
    net = probed_network(network)
    subject = Subject(built, net, tuple(seeds))
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


def _certified(probe: Probe, network: str, found: Found) -> bool:
    """Return whether the control that must pass does, and the one that must fail does not."""
    for control, wanted in ((probe.passing, True), (probe.failing, False)):
        if control is None:
            return False
        candidate, where = _candidate(control), control.network or network
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


def criteria(table: pd.DataFrame) -> pd.DataFrame:
    """Return what a scorecard says of the criteria of the literature beside what is claimed, disagreements first.

    Returns
    -------
    pandas.DataFrame
        Columns rule, network, criterion, title, source, measured (True, False or None), probes (those that decide),
        certified, claimed (None where no claim is on file), claim_source, disagrees.
    """
    claims = {name: rule.claims for name, rule in learning_rules().items()}
    rows = []
    for (rule, network), part in table.groupby(["rule", "network"], sort=False):
        outcome = part.set_index("probe")
        for criterion in CRITERIA:
            codes = [code for code in criterion.probes if code in outcome.index]
            passed = [outcome.loc[code, "pass"] for code in codes]
            measured = False if False in passed else None if None in passed or not codes else True
            deciding = [code for code, one in zip(codes, passed, strict=True) if one is measured] or codes
            claim = claims.get(str(rule), {}).get(criterion.code)
            claimed = None if claim is None else claim.met
            rows.append(
                {
                    "rule": rule, "network": network, "criterion": criterion.code, "title": criterion.title,
                    "source": criterion.source, "measured": measured, "probes": ", ".join(deciding),
                    "certified": bool(codes) and all(bool(outcome.loc[code, "certified"]) for code in deciding),
                    "claimed": claimed, "claim_source": "" if claim is None else claim.source,
                    "disagrees": claimed is not None and measured is not None and claimed != measured,
                }
            )  # fmt: skip
    found = pd.DataFrame(rows, columns=list(_CRITERIA_COLUMNS)).astype({"measured": object, "claimed": object})
    return found.sort_values("disagrees", ascending=False, kind="stable").reset_index(drop=True)


def write_scorecard(folder: Path, table: pd.DataFrame) -> None:
    """Write ``scorecard.csv`` and, from it, ``criteria.csv`` into ``folder``."""
    tables.write(folder, "scorecard", table)
    tables.write(folder, "criteria", criteria(table))


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


def rank_distribution(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return how the order of rules depends on what one cares about: ranks by passes under random weights of probes.

    No weighting of criteria is the right one, so none is offered; this draws many, uniform over all (Dirichlet), and
    tells in which share of them each rule has each rank. Only certified probes with a limit count; one that cannot tell
    counts half.

    Returns
    -------
    pandas.DataFrame
        Columns rule, rank_low, rank_median, rank_high (2.5, 50 and 97.5 % of weightings), share_first.
    """
    usable = table[table.certified & table.groupby("probe")["pass"].transform(lambda one: one.notna().any())]
    if usable.empty:
        msg = "No certified probe with a limit is in this scorecard; ranks need at least one."
        raise SpecError(msg)
    score = usable.assign(value=usable["pass"].map({True: 1.0, False: 0.0}).fillna(0.5))
    passes = score.pivot(index="rule", columns="probe", values="value").loc[list(dict.fromkeys(table.rule))]
    weights = numpy_stream(seed, "weightings").dirichlet(np.ones(passes.shape[1]), _WEIGHTINGS)
    totals = np.round(passes.to_numpy() @ weights.T, 12)
    ranks = (
        1
        + (totals[:, None, :] < totals[None, :, :]).sum(1)
        + ((totals[:, None, :] == totals[None, :, :]).sum(1) - 1) / 2
    )
    low, median, high = np.quantile(ranks, [0.025, 0.5, 0.975], axis=1)
    return pd.DataFrame(
        {
            "rule": passes.index, "rank_low": low, "rank_median": median, "rank_high": high,
            "share_first": (ranks == ranks.min(0)).mean(1),
        }
    )  # fmt: skip
