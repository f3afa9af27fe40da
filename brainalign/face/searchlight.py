"""Searchlights from a notebook."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from brainalign.errors import SpecError
from brainalign.face.lists import recording
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.searchlights.brain_maps import BrainMaps
from brainalign.searchlights.searchlight import Searchlight

_OPTIONS = tuple(one.name for one in fields(Searchlight))


def searchlight(
    models: Any,
    brain: str | RecordingSource | Recording | Sequence[Recording] | Iterator[Recording],
    radius: float,
    **options: Any,
) -> BrainMaps:
    """Score models in a patch around every voxel or vertex of a brain.

    All models are scored in one pass, in blocks of patches, so that memory does not grow with the number of places.

    Parameters
    ----------
    models
        What :func:`show` returned, of which each layer is a map; :class:`RDMs`, a map each; or a mapping from names to
        :class:`RDMs`, which are then seeds of that name.
    brain
        A :class:`Recording` that knows where its channels are, or several (one for each subject; an iterator is read
        one at a time), a set of recordings, or its name.
    radius
        Of spheres of voxels, or of discs of a surface, in mm.
    **options
        Fields of :class:`brainalign.searchlights.searchlight.Searchlight`: ``comparator``, ``dissimilarity`` (of the
        brain), ``layer_dissimilarity``, ``permutations``, ``strata``, ``seed``, ``min_places``, ``meshes``,
        ``distance``, ``roi``, ``window``, ``runs``, ``stimuli``, ``space``, ``ceiling``, ``dissimilarity_options``,
        ``progress``.

    Returns
    -------
    BrainMaps
        Scores at every place, which can be tested, drawn, and written as NIfTI or GIFTI.

    Raises
    ------
    SpecError
        If an option is unknown, a recording has no geometry, or subjects do not share a space.
    StimulusMismatchError
        If models and recordings hold other stimuli.
    DataError
        If no patch can be scored.

    Examples
    --------
    >>> import brainalign as ba, numpy as np
    >>> from brainalign.geometry.volume import Volume
    >>> grid = Volume((5, 5, 4), np.diag([3.0, 3.0, 3.0, 1.0]), np.argwhere(np.ones((5, 5, 4), dtype=bool)))
    >>> nets = ba.example_networks()
    >>> ids, rng = nets[0].stimulus_ids, np.random.default_rng(0)
    >>> people = [
    ...     ba.Recording.from_array(rng.normal(size=(24, 100)), ids, geometry=grid, subject=name) for name in "ab"
    ... ]
    >>> found = ba.searchlight(nets, people, radius=5, space="made up")
    >>> found.names, found.scores.shape
    (('a early', 'a late', 'b early', 'b late'), (2, 12, 92))
    """
    unknown = [name for name in options if name not in _OPTIONS]
    if unknown:
        msg = f"searchlight() got an unknown option {unknown[0]!r}. Choose among: {', '.join(_OPTIONS[1:])}."
        raise SpecError(msg)
    return Searchlight(radius, **options).run(models, _recordings(brain))


def _recordings(brain: Any) -> Iterable[Recording]:
    """Return the recordings of a brain, one at a time where it can be."""
    if isinstance(brain, str):
        return recording(brain).each()
    if isinstance(brain, RecordingSource):
        return brain.each()
    if isinstance(brain, Iterator):
        return brain
    trials = [brain] if isinstance(brain, Recording) else list(brain) if isinstance(brain, (list, tuple)) else []
    if not trials or not all(isinstance(one, Recording) for one in trials):
        msg = f"searchlight() got a brain of type {type(brain).__name__}; expected recordings or the name of some."
        raise SpecError(msg)
    return trials
