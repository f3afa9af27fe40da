"""What there is, as tables: rules, networks, data sets, recordings, measures."""

import os
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pandas as pd

from brainalign.comparisons.comparison import Comparison, comparison, comparisons
from brainalign.datasets.dataset import datasets
from brainalign.errors import SpecError
from brainalign.folder_kinds import instead
from brainalign.networks.architecture import architectures
from brainalign.own_data import RECORDING
from brainalign.recordings.recording_folder import recording_folder
from brainalign.recordings.source import RecordingSource, recording_source, recording_sources
from brainalign.support import support


def list_rules() -> pd.DataFrame:
    """Return the learning rules, and which networks each can train.

    Returns
    -------
    pandas.DataFrame
        A row for each rule, by name: its options with their defaults, its source, and a column for each architecture
        with ``"yes"`` or why not.

    Examples
    --------
    >>> import brainalign as ba
    >>> rules = ba.list_rules()
    >>> rules.loc["feedback_alignment", "mlp"]
    'yes'
    """
    from brainalign.rules.learning_rule import learning_rules

    known = learning_rules()
    rows = {
        one["name"]: {
            "options": _options(known[one["name"]]),
            **{shape: "yes" if answer is True else answer for shape, answer in one["networks"].items()},
            "reference": one["reference"],
        }
        for one in support(own=True)
    }
    return _table(rows, "rule")


def list_networks() -> pd.DataFrame:
    """Return the architectures that rules train, by name, with their options.

    Returns
    -------
    pandas.DataFrame
        Columns summary, options.

    Examples
    --------
    >>> import brainalign as ba
    >>> list(ba.list_networks().index)
    ['cnn', 'mlp', 'rnn', 'transformer']
    """
    return _table(
        {name: {"summary": one.summary, "options": _options(one)} for name, one in architectures().items()}, "network"
    )


def list_datasets() -> pd.DataFrame:
    """Return the data sets that networks learn from, by name.

    Returns
    -------
    pandas.DataFrame
        Columns title, objective, input (channels, rows, columns), outputs.

    Examples
    --------
    >>> import brainalign as ba
    >>> ba.list_datasets().loc["digits", "input"]
    '1 x 8 x 8'
    """
    rows = {
        name: {
            "title": one.title,
            "objective": one.objective,
            "input": " x ".join(map(str, one.input_shape)),
            "outputs": len(one.targets or one.classes),
        }
        for name, one in datasets().items()
    }
    return _table(rows, "dataset")


def list_recordings() -> pd.DataFrame:
    """Return the recordings that there are, by name; one of your own is among them (:func:`add_folder`).

    Returns
    -------
    pandas.DataFrame
        Columns title, modality, rois, options, citation.

    Examples
    --------
    >>> import brainalign as ba
    >>> ba.list_recordings().loc["cichy92", "rois"]
    'EVC, IT'
    """
    rows = {
        name: {
            "title": one.title,
            "modality": one.modality,
            "rois": ", ".join(one.rois) if isinstance(one.rois, tuple) else "",
            "options": _options(one, without=("data_dir",)),
            "citation": one.citation,
        }
        for name, one in recording_sources().items()
    }
    return _table(rows, "recording")


def list_measures() -> pd.DataFrame:
    """Return the measures that compare a layer with a brain, by name.

    Returns
    -------
    pandas.DataFrame
        Columns kind (``"geometry"`` or ``"prediction"``), needs, options, citation.

    Examples
    --------
    >>> import brainalign as ba
    >>> ba.list_measures().loc["encoding", "needs"]
    'trials'
    """
    rows = {
        name: {
            "kind": one.kind,
            "needs": "trials" if one.of_trials else "RDMs or trials",
            "options": _options(one),
            "citation": one().describe().citation,
        }
        for name, one in comparisons().items()
    }
    return _table(rows, "measure")


def measure(name: str, **options: Any) -> Comparison:
    """Return a measure by name, with options of its own, for ``align(measures=[...])``.

    Parameters
    ----------
    name
        One of :func:`list_measures`.
    **options
        Fields of that measure.

    Raises
    ------
    SpecError
        If the name or an option is unknown, or a value does not suit it; the message lists those there are.

    Examples
    --------
    >>> import brainalign as ba
    >>> ba.measure("pls", components=[25]).label
    'pls 25'
    >>> ba.measure("regression_rsa", controls=["pixels"]).describe().title
    'Unique variance of RDMs beyond pixels (R²)'
    """
    return comparison(name, options)


def recording(name: str | Path, **options: Any) -> RecordingSource:
    """Return a set of recordings by name, or one of your own from its folder.

    Parameters
    ----------
    name
        One of :func:`list_recordings`; or the path of a folder with a ``recording.toml`` (``docs/own-data.md``), which
        takes no options.
    **options
        Fields of that source; ``data_dir`` is the folder that holds ``<name>/<file>``.

    Raises
    ------
    SpecError
        If the name or an option is unknown; the message lists those there are.
    DataError
        If a file that a folder names is missing.

    Examples
    --------
    >>> import brainalign as ba
    >>> brain = ba.recording("simulated", n_subjects=3, n_stimuli=20)
    >>> brain.rois
    ('planted',)
    """
    is_path = isinstance(name, Path) or Path(name).exists() or os.sep in name
    if is_path and name not in recording_sources():
        if options:
            option = next(iter(options))
            msg = f"recording() got {option} = {options[option]!r} beside a folder; say it in its recording.toml."
            raise SpecError(msg)
        if not (Path(name).expanduser() / RECORDING).is_file():
            raise SpecError(instead(name, f"a recording: a folder with a {RECORDING}, or a name that data list prints"))
        return recording_folder(name)
    return recording_source(str(name), options)


def _options(kind: Any, without: tuple[str, ...] = ()) -> str:
    """Return the options of a class with their defaults, in one line."""
    found = []
    for one in fields(kind):
        usual = one.default if one.default_factory is MISSING else one.default_factory()
        if one.name not in without:
            found.append(f"{one.name} = {usual!r}")
    return ", ".join(found)


def _table(rows: dict[str, dict[str, Any]], index: str) -> pd.DataFrame:
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index)
