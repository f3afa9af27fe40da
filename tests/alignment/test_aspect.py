"""Pictures with another ratio of sides than what networks are shown: refused unless the recording declares them."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from brainalign.alignment.align import align
from brainalign.alignment.instance import show
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError
from brainalign.rdms import RDMs
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec, ScoringSpec, TrainSpec
from brainalign.training.checkpoint import Checkpoint
from brainalign.training.train import train

IDS = tuple(f"picture {k}" for k in range(24))


@dataclass(frozen=True)
class Wide(RecordingSource):
    """RDMs of three people, and pictures twice as wide as high whose two sides differ in what they show."""

    title: ClassVar[str] = "made"
    modality: ClassVar[str] = "EEG"
    citation: ClassVar[str] = "made by a test"
    rois: ClassVar[tuple[str, ...]] = ("all",)

    def stimuli(self) -> Stimuli:
        return Stimuli(IDS, np.random.default_rng(0).integers(0, 255, (24, 16, 32, 1), dtype=np.uint8), "wide")

    def published_rdms(self, roi: str) -> RDMs:
        values = np.random.default_rng(1).random((3, 276))
        return RDMs(values, IDS, "correlation", {"subject": ("s1", "s2", "s3")})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    spec = TrainSpec("untrained", "mlp", "digits", seeds=(0, 1), epochs=0.1, n_checkpoints=2)
    folder: Path = tmp_path_factory.mktemp("trained")
    return train(spec, folder).checkpoint


@pytest.mark.parametrize("aspect", ["crop", "stretch"])
def test_networks_and_controls_see_what_is_declared(trained: Checkpoint, aspect: str) -> None:
    source, spec = Wide(), RecordingSpec("wide", aspect=aspect)
    shown = list(show([trained], source.stimuli(), aspect=aspect))
    found = align(iter(shown), source, spec, ScoringSpec(n_bootstrap=100, comparator="corr"))
    pixels = found.scores[found.scores.layer == "pixels"].score.to_numpy()
    other = RecordingSpec("wide", aspect="stretch" if aspect == "crop" else "crop")
    differs = align(iter(shown), source, other, ScoringSpec(n_bootstrap=100, comparator="corr")).scores
    assert np.abs(pixels - differs[differs.layer == "pixels"].score.to_numpy()).max() > 1e-3


def test_without_a_declaration_they_are_refused_in_one_line(trained: Checkpoint) -> None:
    with pytest.raises(DataError, match=r"would be squashed to 8 x 8.*declare aspect = 'crop' or 'stretch'"):
        list(show([trained], Wide().stimuli()))
