"""Models of a searchlight from files: trained populations, extracted layers, RDMs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import numpy as np

from brainalign.activations import Activations, Shown, show
from brainalign.alignment.layer_rdms import LayerRDMs, load_rdms
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError, SpecError
from brainalign.extraction.activations import SUFFIXES
from brainalign.extraction.layer_names import is_pattern, matching, unknown
from brainalign.folder_kinds import RESULTS, UNFINISHED, instead, kind_of
from brainalign.low_level import low_level_rdms
from brainalign.rdms import RDMs, compute_rdms
from brainalign.searchlights.models import joined, labelled, models_of
from brainalign.storage import read_tensors
from brainalign.training.train import Trained


def models_on_disk(
    networks: Sequence[Path],
    rdms: Sequence[Path],
    pictures: Callable[[], Stimuli | None],
    layers: Sequence[str] = (),
    dissimilarity: str = "correlation",
    low_level: bool = False,
    **showing: Any,
) -> RDMs:
    """Return the RDMs of models that are kept in files, labelled as maps.

    Parameters
    ----------
    networks
        Folders of trainings, which are shown the pictures; folders or files of activations (``brainalign extract``), or
        of RDMs of layers (:func:`brainalign.alignment.layer_rdms.save_rdms`).
    rdms
        ``.npz`` files of ``ids`` and RDMs: each array ``(n, n)`` is a model, ``(n_seeds, n, n)`` its seeds.
    pictures
        Called where a training is to be shown pictures; None where there are none.
    layers
        Names or patterns of layers of networks; default: all.
    dissimilarity
        Of the patterns of layers.
    low_level
        Whether pixels, luminance and Gabor energy of the pictures are models, too, at the resolution that networks
        were shown.
    **showing
        ``batch_size`` and ``device`` of :func:`brainalign.activations.show`.

    Raises
    ------
    SpecError
        If nothing is given, a layer is nowhere, or a training meets a recording without pictures.
    DataError
        If a file is missing, not whole, or holds something else.
    """
    if not networks and not rdms:
        msg = "A searchlight got no model; give folders of networks, or --rdm FILE.npz."
        raise SpecError(msg)
    shown: list[Activations | LayerRDMs] = []
    for path in networks:
        shown += _networks(path, pictures, showing)
    asked = _asked(layers, list(dict.fromkeys(name for one in shown for name in one.layers)))
    one_group = len({one.origin.group for one in shown}) == 1
    parts = []
    for one in shown:
        who = one.origin.name if one_group else f"{one.origin.group} {one.origin.name}"
        parts += _labelled(one, who, asked, dissimilarity)
    if low_level:
        parts += _controls(pictures(), {one.origin.resolution for one in shown if one.origin.resolution}, dissimilarity)
    return joined([*parts, *(_of_arrays(path) for path in rdms)])


def _controls(stimuli: Stimuli | None, sizes: set[tuple[int, int]], dissimilarity: str) -> list[RDMs]:
    """Return the RDMs of low-level controls, a map each."""
    if stimuli is None or len(sizes) > 1:
        why = "the recording comes without pictures" if stimuli is None else f"networks were shown {len(sizes)} sizes"
        msg = f"--low-level needs pictures of one size, and {why}. Leave it out."
        raise SpecError(msg)
    height, width = next(iter(sizes), stimuli.at([0])[0].shape[:2])
    found = low_level_rdms(stimuli, (int(height), int(width)), dissimilarity)
    return [models_of({name: rdm}) for name, rdm in found.items()]


def _networks(
    path: Path, pictures: Callable[[], Stimuli | None], showing: dict[str, Any]
) -> list[Activations | LayerRDMs]:
    if (path / "checkpoints").is_dir():
        stimuli = pictures()
        if stimuli is None:
            msg = f"{str(path)!r} is a training, and the recording comes without pictures; give RDMs or activations."
            raise SpecError(msg)
        return list(show(Trained.load(path), stimuli, None, **showing))
    files = [one for one in sorted(path.glob("*")) if one.suffix in SUFFIXES] if path.is_dir() else [path]
    if not [one for one in files if one.suffix in SUFFIXES and one.exists()] or kind_of(path) in (RESULTS, UNFINISHED):
        expected = f"a training run, activations or RDMs ({' or '.join(SUFFIXES)}; brainalign train, extract)"
        raise DataError(instead(path, expected))
    found: list[Activations | LayerRDMs] = []
    for file in files:
        if file.suffix == ".safetensors" and "networks" in read_tensors(file)[1]:
            found += load_rdms(file)[0]
        else:
            found += Shown.load(file)
    return found


def _asked(layers: Sequence[str], known: list[str]) -> set[str]:
    """Return the names of layers that are asked for, all unless some are."""
    if not layers:
        return set(known)
    for one in layers:
        if not is_pattern(one) and one not in known:
            raise unknown(one, known)
    return {name for one in layers for name in (matching(one, known) if is_pattern(one) else [one])}


def _labelled(one: Activations | LayerRDMs, who: str, asked: set[str], dissimilarity: str) -> list[RDMs]:
    found = []
    for layer, values in one.layers.items():
        if layer not in asked:
            continue
        try:
            rdm = values if isinstance(values, RDMs) else compute_rdms(values, one.stimulus_ids, dissimilarity)
        except DataError as error:
            msg = f"Layer {layer!r} of {who!r}, seed {one.origin.seed}: {error}"
            raise DataError(msg) from error
        found.append(labelled(rdm, who, layer, one.origin.seed))
    return found


def _of_arrays(path: Path) -> RDMs:
    """Return the RDMs of an ``.npz`` file of ids and square arrays."""
    if not is_zipfile(path):
        raise DataError(instead(path, "an .npz file of 'ids' (n,) and RDMs (n, n) for --rdm"))
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError) as error:
        msg = f"--rdm {str(path)!r} cannot be read ({' '.join(str(error).split())}); expected a whole .npz of arrays."
        raise DataError(msg) from error
    if "ids" not in arrays or len(arrays) < 2:
        held = ", ".join(arrays) or "nothing"
        msg = f"--rdm {str(path)!r} holds {held}; expected 'ids' (n,) and an RDM (n, n) or more."
        raise DataError(msg)
    ids = tuple(map(str, arrays.pop("ids").tolist()))
    return joined([models_of({name: RDMs.from_matrices(square, ids, "of models")}) for name, square in arrays.items()])
