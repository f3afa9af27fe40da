"""What a folder holds: which kind of results or data, which command reads it, and what may be written into it."""

import shlex
from pathlib import Path
from typing import NamedTuple

from brainalign.errors import StorageError
from brainalign.own_data import PICTURES, RECORDING
from brainalign.results_folder import STUDY, study_name


class FolderKind(NamedTuple):
    """What a path is.

    Parameters
    ----------
    phrase
        After the path: ``"holds a training run"``.
    use
        Sentence on what reads it, with ``{path}`` in the place of the path; empty where nothing does.
    written
        Whether a command of this package writes such a folder, so that no other may write into it.
    """

    phrase: str
    use: str = ""
    written: bool = False


RESULTS = FolderKind(
    "holds the results of a study",
    "Read them with brainalign report {path} or brainalign power {path} --gap GAP.",
    written=True,
)
UNFINISHED = FolderKind(
    f"holds a study that was not finished (no {STUDY})",
    "Run the study again with --out {path}; what it trained and scored is kept.",
    written=True,
)
TRAINING = FolderKind(
    "holds a training run",
    "Show it stimuli with brainalign extract STIMULI --trained {path} --out FOLDER.",
    written=True,
)
ACTIVATIONS = FolderKind(
    "holds activations",
    "Compare them with brainalign align {path} --brain RECORDING --out FOLDER.",
    written=True,
)
MAPS = FolderKind("holds the maps of a searchlight", "Open {path}/report.html.", written=True)
SCORECARD = FolderKind("holds a scorecard", "Read {path}/scorecard.csv and {path}/criteria.csv.", written=True)
REPRODUCTION = FolderKind("holds a reproduced table", "Read {path}/reproduction.md.", written=True)
CREDIT = FolderKind("holds a credit experiment", "Read its tables and figures in {path}.", written=True)
RECORDED = FolderKind(
    "holds a recording", "Name it with --brain {path}, or look at it with brainalign data check {path}."
)
BIDS = FolderKind("holds a BIDS data set", "Look at it with brainalign data check {path}; docs/own-data.md names it.")
SHOWN = FolderKind("holds pictures", "Show them with brainalign extract {path} --trained TRAINING --out FOLDER.")
CLASSES = FolderKind("holds pictures by class", 'Name it in a study: dataset_path = "{path}".')
EMPTY = FolderKind("is an empty folder")
FILE = FolderKind("is a file")
MISSING = FolderKind("is missing")

# The first of these whose file or folder is there says the kind.
_MARKS = (
    (RESULTS, (STUDY,)),
    (TRAINING, ("checkpoints",)),
    (UNFINISHED, ("populations", "cache", "alignment.csv")),
    (MAPS, ("searchlight.json",)),
    (RECORDED, (RECORDING,)),
    (REPRODUCTION, ("reproduction.csv",)),
    (CREDIT, tuple(f"{one}.csv" for one in ("functions", "reinforcement", "multitask", "supervised"))),
    (SCORECARD, ("scorecard.csv",)),
    (BIDS, ("dataset_description.json",)),
)
_ACTIVATIONS = (".safetensors", ".npz")


def kind_of(path: str | Path) -> FolderKind:
    """Return what a path is; of a folder that is none of the kinds, its first files are named.

    Examples
    --------
    >>> import brainalign as ba, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     trained = ba.train("backprop", "mlp", "digits", folder, seeds=1, epochs=0.1)
    ...     kind_of(folder).phrase
    'holds a training run'
    """
    path = Path(path)
    if not path.is_dir():
        return FILE if path.exists() else MISSING
    for kind, names in _MARKS:
        if any((path / name).exists() for name in names):
            return kind
    held = [one for one in sorted(path.iterdir()) if not one.name.startswith(".")]
    if not held:
        return EMPTY
    if any(one.suffix in _ACTIVATIONS for one in held):
        return ACTIVATIONS
    if any(one.suffix.lower() in PICTURES for one in held):
        return SHOWN
    if any(one.suffix.lower() in PICTURES for depth in ("*/*", "train/*/*") for one in path.glob(depth)):
        return CLASSES
    return FolderKind(f"holds {', '.join(one.name for one in held[:3])}")


def instead(path: str | Path, expected: str) -> str:
    """Return one line on a path that is not what was asked for: what it is, what was expected, what reads it.

    Examples
    --------
    >>> instead("nowhere", "a training run (brainalign train)")
    "'nowhere' is missing; expected a training run (brainalign train)."
    """
    kind = kind_of(path)
    use = f" {kind.use.format(path=shlex.quote(str(path)))}" if kind.use else ""
    return f"{str(path)!r} {kind.phrase}; expected {expected}.{use}"


def require_free(folder: str | Path, own: FolderKind | None = None) -> None:
    """Refuse to write into a folder of another kind, whose files would be replaced or mixed up.

    Parameters
    ----------
    folder
        Where results are to be written; need not be there.
    own
        The kind that is written, which may be there from an earlier run; none has no kind of its own.

    Raises
    ------
    StorageError
        If another command wrote the folder, or it holds a recording.
    """
    kind = kind_of(folder)
    if kind is not own and (kind.written or kind is RECORDED):
        or_own = f", or one that {own.phrase}" if own else ""
        msg = f"Folder {str(folder)!r} {kind.phrase}; expected a new folder{or_own}. Choose another --out."
        raise StorageError(msg)


def require_own(folder: Path, name: str = "") -> None:
    """Refuse a folder that holds something else than the study ``name`` (any unless given), finished or not.

    Raises
    ------
    StorageError
        If it holds another study, or what another command wrote.
    """
    other = study_name(folder)
    if name and other not in ("", name):
        msg = f"Folder {str(folder)!r} holds study {other!r}, not {name!r}. Choose another --out, or delete the folder."
        raise StorageError(msg)
    if kind_of(folder) is not UNFINISHED:
        require_free(folder, RESULTS)
