"""Training from a notebook: names and options in place of a specification."""

from pathlib import Path
from typing import Any

from brainalign.errors import SpecError
from brainalign.folder_kinds import TRAINING, require_free
from brainalign.recommended import completed
from brainalign.specs import TrainSpec, train_spec
from brainalign.training.run import Progress
from brainalign.training.runtime import Runtime
from brainalign.training.train import Trained
from brainalign.training.train import train as train_population


def train(
    rule: str | TrainSpec,
    network: str | None = None,
    dataset: str | None = None,
    out: str | Path | None = None,
    runtime: Runtime | None = None,
    progress: Progress | None = None,
    recommended: bool = True,
    **options: Any,
) -> Trained:
    """Train a population of networks, one for each seed, or finish training it.

    Called again with the same options, it reads what it has trained, and goes on where it was interrupted.

    Parameters
    ----------
    rule
        Learning rule, one of :func:`list_rules`; or a whole :class:`TrainSpec`, which then says all else.
    network, dataset
        Architecture and data set, of :func:`list_networks` and :func:`list_datasets`.
    out
        Folder of this population; default ``results/<rule>-<network>-<dataset>-<key>`` where the program runs.
    runtime
        Device, execution, compilation, data folder.
    progress
        Called with the steps done, all steps and a short text.
    recommended
        Whether options that are not given become what rule and network recommend, rather than plain defaults.
    **options
        Further fields of :class:`TrainSpec`, such as ``seeds = 3``, ``epochs = 2``, ``rule_options = {...}``.

    Returns
    -------
    Trained
        The networks after the last step, and how they came there. :func:`show` takes it.

    Raises
    ------
    SpecError
        If a name or option is unknown, or options come beside a specification.
    IncompatibleError
        If the rule cannot train the network.
    DivergenceError
        If a loss or weight stops being finite.
    StorageError
        If ``out`` holds another population or what another command wrote, or cannot be written.

    Examples
    --------
    >>> import brainalign as ba, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     trained = ba.train("feedback_alignment", "mlp", "digits", folder, seeds=2, epochs=0.1)
    >>> print(str(trained).splitlines()[0])
    Trained feedback_alignment on mlp, digits: 2 seeds
    """
    if isinstance(rule, TrainSpec):
        beside = {name: value for name, value in {"network": network, "dataset": dataset, **options}.items() if value}
        if beside:
            name, value = next(iter(beside.items()))
            msg = f"train() got {name} = {value!r} beside a TrainSpec, which says it; change the specification instead."
            raise SpecError(msg)
        spec = rule
    else:
        named = {"rule": rule, "network": network, "dataset": dataset}
        lacking = [name for name, value in named.items() if value is None]
        if lacking:
            msg = f"train() got no {lacking[0]}; expected names of all: train('backprop', 'mlp', 'digits')."
            raise SpecError(msg)
        asked = {**options, **named}
        spec = train_spec(completed(asked)[0] if recommended else asked, "train()")
    folder = Path("results") / f"{spec.rule}-{spec.network}-{spec.dataset}-{spec.key}" if out is None else Path(out)
    require_free(folder, TRAINING)
    return train_population(spec, folder, runtime, progress)
