"""Facts of a result that is in memory: what a study writes into ``study.json``."""

from collections.abc import Mapping, Sequence
from typing import Any

from brainalign.provenance import versions
from brainalign.recordings.brain import Brain
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec, ScoringSpec, to_dict
from brainalign.storage import content_hash


def facts_of(brain: Brain, scoring: ScoringSpec, sentences: Sequence[str], geometry: bool) -> dict[str, Any]:
    """Return the facts of one recording that was scored.

    Parameters
    ----------
    brain
        The recording.
    scoring
        How it was scored.
    sentences
        What the inference extends to, and what scores rest on.
    geometry
        Whether RDMs of it were scored, so that their dissimilarity is a fact.
    """
    spec = asked_of([brain.spec], scoring)
    rdms = {roi: brain.movies(roi)[0].measure for roi in brain.rois} if geometry else {}
    return {
        "name": brain.source.label,
        "spec": spec,
        "key": content_hash(spec)[:16],
        "versions": versions(),
        "hashes": {},
        "recordings": {brain.source.label: recording_facts(brain.source)},
        "dissimilarities": {brain.source.label: rdms},
        "scope_sentences": list(sentences),
        "n_bootstrap": scoring.n_bootstrap,
        "alpha": scoring.alpha,
        "correction": scoring.correction,
    }


def asked_of(recordings: Sequence[RecordingSpec], scoring: ScoringSpec) -> dict[str, Any]:
    """Return what was asked, as a study's specification has it."""
    return {"recordings": [to_dict(one) for one in recordings], "scoring": to_dict(scoring)}


def recording_facts(source: RecordingSource) -> Mapping[str, Any]:
    """Return what a recording is."""
    return {
        "title": source.title,
        "modality": source.modality,
        "citation": source.citation,
        "simulated": source.simulated,
    }
