"""Facts of a result that is in memory: what a study writes into ``study.json``."""

from collections.abc import Mapping
from typing import Any

from brainalign.provenance import versions
from brainalign.recordings.brain import Brain
from brainalign.recordings.source import RecordingSource
from brainalign.specs import ScoringSpec, to_dict
from brainalign.storage import content_hash


def facts_of(brain: Brain, scoring: ScoringSpec, geometry: bool) -> dict[str, Any]:
    """Return the facts of one recording that was scored; ``spec`` is what was asked.

    Parameters
    ----------
    brain
        The recording.
    scoring
        How it was scored.
    geometry
        Whether RDMs of it were scored, so that their dissimilarity is a fact.
    """
    label = brain.source.label
    spec = {"recordings": [to_dict(brain.spec)], "scoring": to_dict(scoring)}
    return {
        "name": label,
        "spec": spec,
        "key": content_hash(spec)[:16],
        "versions": versions(),
        "hashes": {},
        "recordings": {label: recording_facts(brain.source)},
        "dissimilarities": {label: {roi: brain.movies(roi)[0].measure for roi in brain.rois}} if geometry else {},
        "n_bootstrap": scoring.n_bootstrap,
    }


def recording_facts(source: RecordingSource) -> Mapping[str, Any]:
    """Return what a recording is."""
    return {
        "title": source.title,
        "modality": source.modality,
        "citation": source.citation,
        "simulated": source.simulated,
    }


def joined_facts(parts: "list[Mapping[str, Any]]") -> dict[str, Any]:
    """Return facts of several parts: lists one after another, mappings together, of all else the first's."""
    found: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            found[name] = _joined(found[name], value) if name in found else value
    return found


def _joined(one: Any, other: Any) -> Any:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return joined_facts([one, other])
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return [*one, *(item for item in other if item not in one)]
    return one
