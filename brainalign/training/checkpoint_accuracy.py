"""How accurate a population is at its checkpoints, on validation samples."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch

from brainalign.datasets.dataset import dataset
from brainalign.provenance import code_hash
from brainalign.specs import to_dict
from brainalign.storage import content_hash, is_sealed, locked, seal, write_table
from brainalign.training.batches import Batches, Samples
from brainalign.training.checkpoint import Checkpoint
from brainalign.training.code import modules_of
from brainalign.training.evaluation import history_rows

_FILE = "accuracy.csv"
#: Columns of the table.
COLUMNS = ("rule", "network", "seed", "step", "val_accuracy")


def checkpoint_accuracy(checkpoints: Sequence[Checkpoint], data_dir: str | None = None) -> pd.DataFrame:
    """Measure the validation accuracy of every seed at checkpoints of one population.

    The history of a training has accuracies at the ends of epochs, and checkpoints lie between these. Test samples are
    not looked at.

    Parameters
    ----------
    checkpoints
        Of one population.
    data_dir
        Where data sets are.

    Returns
    -------
    pandas.DataFrame
        Columns rule, network, seed, step and val_accuracy, a share from 0 to 1; NaN where no samples were held out or
        the data have no classes. A row for each seed and checkpoint.

    Examples
    --------
    >>> import brainalign as ba, tempfile
    >>> from brainalign.training.checkpoint import load_checkpoint
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     trained = ba.train("backprop", "mlp", "digits", folder, seeds=2, epochs=1, n_checkpoints=3)
    ...     table = checkpoint_accuracy([load_checkpoint(path) for path in trained.files])
    >>> bool((table.groupby("seed").val_accuracy.last() > 0.8).all())
    True
    """
    if not checkpoints:
        return pd.DataFrame(columns=list(COLUMNS))
    spec = checkpoints[0].spec
    batches = Batches.load(spec, dataset(spec.dataset, data_dir), torch.device("cpu"))
    one = Samples(batches.test.images[:1], batches.test.labels[:1])  # the test split is not looked at here
    nothing = torch.zeros(3, len(spec.seeds))
    rows = [
        row
        for checkpoint in checkpoints
        for row in history_rows(checkpoint, replace(batches, test=one), nothing, [], {})
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def kept_accuracy(cache: Path, checkpoints: Sequence[Checkpoint], data_dir: str | None = None) -> pd.DataFrame:
    """Return :func:`checkpoint_accuracy`, measured again only where weights, data or code are others than before.

    Parameters
    ----------
    cache
        Where it is kept, in a folder that names what it depends on.
    checkpoints, data_dir
        See :func:`checkpoint_accuracy`.
    """
    if not checkpoints:
        return checkpoint_accuracy(checkpoints)
    spec = checkpoints[0].spec
    weights = [one.weights_hash(row) for one in checkpoints for row in range(len(one.seeds))]
    code = code_hash(__name__, *modules_of(spec.rule, spec.network, spec.dataset))
    folder = cache / f"accuracy-{spec.rule}-{content_hash(to_dict(spec), weights, code)[:16]}"
    if not is_sealed(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            write_table(folder / _FILE, checkpoint_accuracy(checkpoints, data_dir))
            seal(folder)
    with locked(folder, shared=True):
        return pd.read_csv(folder / _FILE, keep_default_na=False, na_values=[""])
