"""Top-down credit in supervised learning beside backpropagation, at equal inner steps and equal outer compute."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from brainalign.credit.batch import Batch
from brainalign.errors import SpecError
from brainalign.metalearning.evolution import Evolution, Progress
from brainalign.metalearning.learner import Learner
from brainalign.metalearning.lessons import Lesson, Lessons
from brainalign.metalearning.supervised import (
    Lifetime,
    Outer,
    Unrolling,
    evolve_learner,
    save_credit_network,
    search_rate,
    unroll_learner,
)
from brainalign.networks.architecture import architecture
from brainalign.networks.network import Network
from brainalign.rules.backprop import Backprop
from brainalign.rules.learning_rule import LearningRule
from brainalign.rules.top_down_credit import TopDownCredit
from brainalign.storage import write_table

#: Columns of ``supervised.csv``.
COLUMNS = (
    *("method", "trained_on", "dataset", "network", "seed", "step", "loss", "accuracy"),
    *("n_parameters", "lifetimes", "outer_seconds", "learning_rate", "rate"),
)

#: Columns of ``supervised_outer.csv``.
HISTORY = ("method", "trained_on", "generation", "rate", "fitness", "validation")

#: Method to how its outer level works.
METHODS = {
    "backprop": "one rate, searched",
    "readout only": "hidden layers as drawn, one rate, searched",
    "diffused credit, unrolled": "by gradients through lifetimes",
    "diffused credit": "by evolution strategies",
    "random credit": "a random credit network that diffuses, one rate, searched",
    "backprop, layer rates": "a rate per layer, by evolution strategies",
    "credit per neuron, unrolled": "by gradients through lifetimes",
    "credit per neuron": "by evolution strategies",
    "diffused credit, readout too, unrolled": "the readout, too, has credits; by gradients through lifetimes",
    "diffused credit, no gradient, unrolled": "no error is read, the readout has credits; by gradients through lives",
}


@dataclass(frozen=True)
class SupervisedOptions:
    """What is trained, and where it is tried.

    Parameters
    ----------
    dataset, network, network_options
        What the outer level trains on.
    transfers
        ``(data set, architecture, options)`` on which what was trained is tried as it is.
    rule
        The diffusing credit network. The one with a credit per neuron is the same with ``diffusion = 0``.
    methods
        Of :data:`METHODS`.
    life, evolution, unrolling
        Of the outer level. Searches and evolution strategies spend ``evolution.lifetimes`` lifetimes each.
    seeds
        Of networks that are reported; not ``life.seed``.
    moments
        Inner steps after which they are tested.
    transfer_lifetimes
        Spent on searching one rate on a place of ``transfers``.
    batch_size, n_train, device, data_dir
        See :class:`brainalign.metalearning.lessons.Lessons`.
    """

    dataset: str = "digits"
    network: str = "mlp"
    network_options: Mapping[str, Any] = field(default_factory=lambda: {"widths": (128, 128)})
    transfers: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
        ("digits", "mlp", {"widths": (256, 256)}),
        ("digits", "mlp", {"widths": (128, 128, 128, 128)}),
        ("digits", "cnn", {"channels": (16, 32), "hidden": 64}),
        ("mnist", "mlp", {"widths": (128, 128)}),
    )
    rule: TopDownCredit = field(default_factory=lambda: TopDownCredit(diffusion=15))
    methods: tuple[str, ...] = tuple(METHODS)
    life: Lifetime = field(default_factory=Lifetime)
    evolution: Evolution = field(default_factory=lambda: Evolution(160, 32, sigma=0.05, learning_rate=0.05))
    unrolling: Unrolling = field(default_factory=lambda: Unrolling(240))
    seeds: tuple[int, ...] = tuple(range(10))
    moments: tuple[int, ...] = (1, 2, 5, 10, 20, 50, 100, 200)
    transfer_lifetimes: int = 320
    batch_size: int = 32
    n_train: int = 0
    device: str = "cpu"
    data_dir: str | None = None

    def __post_init__(self) -> None:
        for method in self.methods:
            if method not in METHODS:
                msg = f"Unknown method {method!r}. Choose one of: {', '.join(METHODS)}."
                raise SpecError(msg)
        if not self.seeds or self.life.seed in self.seeds:
            msg = f"Option seeds is {self.seeds}; expected seeds that are not the outer level's, {self.life.seed}."
            raise SpecError(msg)
        if not self.moments or self.moments[0] < 1 or any(b <= a for a, b in pairwise(self.moments)):
            msg = f"Option moments is {self.moments}; expected increasing numbers of steps, 1 or more."
            raise SpecError(msg)


def supervised_experiment(
    options: SupervisedOptions, out: str | Path, progress: Progress | None = None
) -> pd.DataFrame:
    """Train every method's outer level, then let unseen networks learn with it, and with it alone.

    Writes ``supervised.csv`` (returned: a row per method, place, seed and moment, measured on test samples),
    ``supervised_outer.csv``, and a file in ``credit_networks/`` per credit network. Outer runs are kept in ``outer/``,
    so that one that was interrupted goes on and one that is finished is not repeated.

    On every place of ``transfers`` what was trained is tried twice: as it is, and with its one rate searched there
    (column ``rate``), since a rate that does not travel is no measure of a gradient, or of a credit.

    Raises
    ------
    SpecError
        If a name or option is unknown.
    """
    out, report = Path(out), progress or (lambda *_: None)
    lessons = {name: _lessons(options, name) for name in dict.fromkeys((options.dataset, *_names(options)))}
    home = lessons[options.dataset]
    network = _network(options.network, options.network_options, home)
    rows: list[dict[str, Any]] = []
    histories = []
    for method in options.methods:
        outer = _outer(method, network, home, options, out / "outer", _named(report, method))
        histories.append(outer.history.assign(method=method, trained_on=_place(options.dataset, network)))
        if outer.learner.moves == "credit":
            _keep(out, method, outer, options, network)
        for place, shape, where in _places(options, network, lessons):
            report(0, 1, f"{method} on {place}")
            rows += _report(method, outer, _place(options.dataset, network), place, shape, where, options)
        _write(out, rows, histories)
    for method, (place, shape, where) in product(options.methods, list(_places(options, network, lessons))[1:]):
        found = _searched_there(method, place, shape, where, options, out, _named(report, f"{method} on {place}"))
        if found is not None:
            origin = f"{_place(options.dataset, network)}; rate: {place}" if "diffused" in method else place
            rows += _report(method, found, origin, place, shape, where, options, "searched there")
            _write(out, rows, histories)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def summary(table: pd.DataFrame, moments: tuple[int, ...] = ()) -> pd.DataFrame:
    """Return mean and s.d. over seeds of loss and accuracy, a row per method, place and moment.

    ``moments`` keeps some of them; all, if there are none.
    """
    kept = table[table["step"].isin(moments)] if moments else table
    by = ["trained_on", "dataset", "network", "method", "rate", "n_parameters", "lifetimes", "step"]
    measured = kept.groupby(by, sort=False)[["loss", "accuracy"]].agg(["mean", "std"])
    measured.columns = pd.Index(["loss_mean", "loss_sd", "accuracy_mean", "accuracy_sd"])
    return measured.reset_index()


def _outer(
    method: str, network: Network, lessons: Lessons, options: SupervisedOptions, out: Path, progress: Progress
) -> Outer:
    life = options.life
    if method in ("backprop", "readout only", "random credit"):
        rule = options.rule if method == "random credit" else Backprop()
        lifetimes = options.evolution.lifetimes * life.lessons
        return search_rate(Learner(rule, network, _moves(method)), lessons, life, lifetimes, out, progress)
    if method == "backprop, layer rates":
        learner = Learner(Backprop(), network, "layer_rates")
        # Few parameters in units of logarithms: wider candidates, larger steps.
        evolution = replace(options.evolution, sigma=0.1, learning_rate=0.1)
        return evolve_learner(learner, lessons, life, evolution, out, progress)
    rule = options.rule if method.startswith("diffused") else replace(options.rule, diffusion=0)
    if "readout" in method:
        rule = replace(rule, readout="credit")
    learner = Learner(rule, network, "credit")
    if "no gradient" in method:
        # Credits of the readout that nothing but phi holds back: from a lower rate networks do not blow up at first.
        learner = Learner(replace(rule, reads=("answer", "target"), readout="credit"), network, "credit", 0.05)
    if method.endswith("unrolled"):
        return unroll_learner(learner, lessons, life, options.unrolling, out, progress)
    return evolve_learner(learner, lessons, life, options.evolution, out, progress)


def _moves(method: str) -> str:
    return "readout_rate" if method == "readout only" else "rate"


def _searched_there(
    method: str, place: str, network: Network, lessons: Lessons, options: SupervisedOptions, out: Path,
    progress: Progress,
) -> Outer | None:  # fmt: skip
    """Return one rate searched on a place for what a method brings there, None for what belongs to one network."""
    rules: dict[str, LearningRule] = {
        "backprop": Backprop(), "readout only": Backprop(), "random credit": options.rule,
    }  # fmt: skip
    if method.startswith("diffused"):
        rules[method] = TopDownCredit(credit_network=str(_credit_file(out, method, options)))
    if method not in rules:
        return None
    learner = Learner(rules[method], network, _moves(method))
    return search_rate(learner, lessons, options.life, options.transfer_lifetimes, out / "outer", progress)


# -- networks that are reported ---------------------------------------------------------------------------------------


def _report(
    method: str, outer: Outer, trained_on: str, place: str, network: Network, lessons: Lessons,
    options: SupervisedOptions, rate: str = "as trained",
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the rows of unseen networks; none where what was trained does not fit the network."""
    try:
        learner = outer.learner.on(network)
    except SpecError:
        return []
    lesson = lessons.unseen(learner, options.seeds, options.moments[-1])
    common = {
        "method": method,
        "trained_on": trained_on,
        "dataset": lessons.dataset,
        "network": place.split(" ", 1)[1],
        "n_parameters": learner.n_parameters,
        "lifetimes": outer.lifetimes,
        "outer_seconds": round(outer.seconds, 1),
        "learning_rate": outer.learning_rate,
        "rate": rate,
    }
    rows = []
    for k, seed in enumerate(options.seeds):
        for step, found in _live_and_look(learner, outer, lesson, k, lessons, options.moments):
            rows.append({**common, "seed": seed, "step": step, **found})
    return rows


@torch.no_grad()
def _live_and_look(
    learner: Learner, outer: Outer, lesson: Lesson, row: int, lessons: Lessons, moments: tuple[int, ...]
) -> Iterator[tuple[int, dict[str, float]]]:
    params, state = ({name: tensor[row] for name, tensor in part.items()} for part in (lesson.params, lesson.state))
    for start, end in pairwise((0, *moments)):
        part = Batch(*(tensor[row, start:end] for tensor in lesson.batches))
        params, state = learner.live(outer.theta, params, state, part)
        found = learner.look(params, state, *lessons.test)
        yield end, {name: float(found[name]) for name in ("loss", "accuracy") if name in found}


# -- names and files --------------------------------------------------------------------------------------------------


def _places(
    options: SupervisedOptions, network: Network, lessons: Mapping[str, Lessons]
) -> Iterator[tuple[str, Network, Lessons]]:
    yield _place(options.dataset, network), network, lessons[options.dataset]
    for dataset, shape, own in options.transfers:
        other = _network(shape, own, lessons[dataset])
        yield _place(dataset, other), other, lessons[dataset]


def _place(dataset: str, network: Network) -> str:
    shapes = [shape[0] for shape in network.output_shapes[:-1]]
    return f"{dataset} {network.name} {'-'.join(map(str, shapes))}"


def _network(name: str, options: Mapping[str, Any], lessons: Lessons) -> Network:
    return architecture(name, dict(options)).build(lessons.task)


def _names(options: SupervisedOptions) -> tuple[str, ...]:
    return tuple(dataset for dataset, _, _ in options.transfers)


def _lessons(options: SupervisedOptions, name: str) -> Lessons:
    return Lessons(name, options.batch_size, options.n_train, device=options.device, data_dir=options.data_dir)


def _named(report: Callable[..., None], name: str) -> Progress:
    return lambda done, total, text: report(done, total, f"{name}: {text}")


def _credit_file(out: Path, method: str, options: SupervisedOptions) -> Path:
    name = method.replace(",", "").replace(" ", "_")
    return out / "credit_networks" / f"{options.dataset}_{name}.safetensors"


def _keep(out: Path, method: str, outer: Outer, options: SupervisedOptions, network: Network) -> None:
    save_credit_network(
        _credit_file(out, method, options),
        outer,
        method=f"{method}: {METHODS[method]}",
        dataset=options.dataset,
        network=_place(options.dataset, network),
        batch_size=options.batch_size,
        life=asdict(options.life),
        outer_options=asdict(options.unrolling if method.endswith("unrolled") else options.evolution),
        validation_loss=float(outer.history["validation"].min()),
    )


def _write(out: Path, rows: list[dict[str, Any]], histories: list[pd.DataFrame]) -> None:
    write_table(out / "supervised.csv", pd.DataFrame(rows, columns=list(COLUMNS)))
    write_table(out / "supervised_outer.csv", pd.concat(histories).reindex(columns=list(HISTORY)))
