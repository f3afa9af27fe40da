"""Compare networks trained with biologically plausible learning rules with brain recordings.

Nouns and verbs for a notebook; each is imported when it is first used, so that ``import brainalign`` is instant.

Examples
--------
>>> import brainalign as ba
>>> nets = ba.example_networks()
>>> nets.names
('a', 'b')
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brainalign.activations import Activations as Activations
    from brainalign.activations import Shown as Shown
    from brainalign.activations import show as show
    from brainalign.alignment.layer_rdms import LayerRDMs as LayerRDMs
    from brainalign.alignment.layer_rdms import load_rdms as load_rdms
    from brainalign.alignment.layer_rdms import save_rdms as save_rdms
    from brainalign.comparisons.comparison import Comparison as Comparison
    from brainalign.comparisons.encoding import Encoding as Encoding
    from brainalign.comparisons.rsa import RSA as RSA
    from brainalign.datasets.dataset import Dataset as Dataset
    from brainalign.datasets.dataset import dataset as dataset
    from brainalign.datasets.preprocessing import Preprocessing as Preprocessing
    from brainalign.datasets.stimuli import Stimuli as Stimuli
    from brainalign.discovery import add_folder as add_folder
    from brainalign.dissimilarities.dissimilarity import Dissimilarity as Dissimilarity
    from brainalign.errors import BrainalignError as BrainalignError
    from brainalign.extraction.origin import Origin as Origin
    from brainalign.extraction.projection import Projection as Projection
    from brainalign.face.aligning import align as align
    from brainalign.face.alignment_result import AlignmentResult as AlignmentResult
    from brainalign.face.example import example as example
    from brainalign.face.example import example_maps as example_maps
    from brainalign.face.example import example_networks as example_networks
    from brainalign.face.exchange import from_rsatoolbox as from_rsatoolbox
    from brainalign.face.exchange import to_epochs as to_epochs
    from brainalign.face.exchange import to_rsatoolbox as to_rsatoolbox
    from brainalign.face.fusion import fusion as fusion
    from brainalign.face.lists import list_datasets as list_datasets
    from brainalign.face.lists import list_measures as list_measures
    from brainalign.face.lists import list_networks as list_networks
    from brainalign.face.lists import list_recordings as list_recordings
    from brainalign.face.lists import list_rules as list_rules
    from brainalign.face.lists import measure as measure
    from brainalign.face.lists import recording as recording
    from brainalign.face.measured_plausibility import Scorecard as Scorecard
    from brainalign.face.measured_plausibility import scorecard as scorecard
    from brainalign.face.nilearn_exchange import from_nilearn as from_nilearn
    from brainalign.face.nilearn_exchange import to_nilearn as to_nilearn
    from brainalign.face.searchlight import searchlight as searchlight
    from brainalign.face.training import train as train
    from brainalign.networks.architecture import Architecture as Architecture
    from brainalign.patterns import Patterns as Patterns
    from brainalign.plausibility.probe import Probe as Probe
    from brainalign.rdms import RDMs as RDMs
    from brainalign.rdms import compute_rdms as compute_rdms
    from brainalign.recordings.own import own_recording as own_recording
    from brainalign.recordings.recording import Recording as Recording
    from brainalign.recordings.source import RecordingSource as RecordingSource
    from brainalign.report.figure import Figure as Figure
    from brainalign.report.page import write_report as write_report
    from brainalign.reproduction.presets import preset as preset
    from brainalign.reproduction.reproduce import reproduce as reproduce
    from brainalign.reproduction.search import search as search
    from brainalign.rules.learning_rule import LearningRule as LearningRule
    from brainalign.searchlights.brain_maps import BrainMaps as BrainMaps
    from brainalign.specs import RecordingSpec as RecordingSpec
    from brainalign.specs import ScoringSpec as ScoringSpec
    from brainalign.specs import StudySpec as StudySpec
    from brainalign.specs import TrainSpec as TrainSpec
    from brainalign.study import run_study as run_study
    from brainalign.study_file import read_study as read_study
    from brainalign.training.checkpoint import Checkpoint as Checkpoint
    from brainalign.training.runtime import Runtime as Runtime
    from brainalign.training.train import Trained as Trained

__version__ = "0.1.0"

#: Module to the names that are exported from it; a test compares it with what type checkers read above.
_PLACES = {
    "activations": ("Activations", "Shown", "show"),
    "alignment.layer_rdms": ("LayerRDMs", "load_rdms", "save_rdms"),
    "comparisons.comparison": ("Comparison",),
    "comparisons.encoding": ("Encoding",),
    "comparisons.rsa": ("RSA",),
    "datasets.dataset": ("Dataset", "dataset"),
    "datasets.preprocessing": ("Preprocessing",),
    "datasets.stimuli": ("Stimuli",),
    "discovery": ("add_folder",),
    "dissimilarities.dissimilarity": ("Dissimilarity",),
    "errors": ("BrainalignError",),
    "extraction.origin": ("Origin",),
    "extraction.projection": ("Projection",),
    "face.aligning": ("align",),
    "face.alignment_result": ("AlignmentResult",),
    "face.example": ("example", "example_maps", "example_networks"),
    "face.exchange": ("from_rsatoolbox", "to_epochs", "to_rsatoolbox"),
    "face.fusion": ("fusion",),
    "face.lists": (
        "list_datasets", "list_measures", "list_networks", "list_recordings", "list_rules", "measure", "recording",
    ),
    "face.measured_plausibility": ("Scorecard", "scorecard"),
    "face.nilearn_exchange": ("from_nilearn", "to_nilearn"),
    "face.searchlight": ("searchlight",),
    "face.training": ("train",),
    "networks.architecture": ("Architecture",),
    "patterns": ("Patterns",),
    "plausibility.probe": ("Probe",),
    "rdms": ("RDMs", "compute_rdms"),
    "recordings.own": ("own_recording",),
    "recordings.recording": ("Recording",),
    "recordings.source": ("RecordingSource",),
    "report.figure": ("Figure",),
    "report.page": ("write_report",),
    "reproduction.presets": ("preset",),
    "reproduction.reproduce": ("reproduce",),
    "reproduction.search": ("search",),
    "rules.learning_rule": ("LearningRule",),
    "searchlights.brain_maps": ("BrainMaps",),
    "specs": ("RecordingSpec", "ScoringSpec", "StudySpec", "TrainSpec"),
    "study_file": ("read_study",),
    "study": ("run_study",),
    "training.checkpoint": ("Checkpoint",),
    "training.runtime": ("Runtime",),
    "training.train": ("Trained",),
}  # fmt: skip
_HOME = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "RSA", "Activations", "AlignmentResult", "Architecture", "BrainMaps", "BrainalignError", "Checkpoint",
    "Comparison", "Dataset", "Dissimilarity", "Encoding", "Figure", "LayerRDMs", "LearningRule", "Origin", "Patterns",
    "Preprocessing", "Probe", "Projection", "RDMs", "Recording", "RecordingSource", "RecordingSpec", "Runtime",
    "Scorecard", "ScoringSpec", "Shown", "Stimuli", "StudySpec", "TrainSpec", "Trained", "__version__", "add_folder",
    "align", "compute_rdms", "dataset", "example", "example_maps", "example_networks", "from_nilearn",
    "from_rsatoolbox", "fusion", "list_datasets", "list_measures", "list_networks", "list_recordings", "list_rules",
    "load_rdms", "measure", "own_recording", "preset", "read_study", "recording", "reproduce", "run_study",
    "save_rdms", "scorecard", "search", "searchlight", "show", "to_epochs", "to_nilearn", "to_rsatoolbox", "train",
    "write_report",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOME:
        found = getattr(importlib.import_module(f"brainalign.{_HOME[name]}"), name)
        globals()[name] = found
        return found
    import difflib

    near = difflib.get_close_matches(name, __all__, n=3)
    msg = f"module 'brainalign' has no attribute {name!r}" + (f"; did you mean {', '.join(near)}?" if near else "")
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)
