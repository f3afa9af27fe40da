"""Three subjects and 16 stimuli: repeats say how noisy a measurement is, and without them nothing is ranked."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from brainalign.alignment.align import align
from brainalign.alignment.repeats import without_each_repeat
from brainalign.alignment.result import AlignmentResult
from brainalign.datasets.stimuli import Stimuli
from brainalign.recordings.brain import Brain
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec, ScoringSpec
from tests.synthetic_world import World

WORLD = World(n_stimuli=16, n_subjects=3, n_channels=12)
SPEC = RecordingSpec("made_up")


@dataclass(frozen=True, eq=False)
class Trials(RecordingSource):
    """Trials of every subject, and no RDMs of its own."""

    shown: Stimuli | None = None
    trials: tuple[Recording, ...] = ()
    title = "Made-up trials"
    modality = "made up"
    citation = "nobody"
    rois = ("V1",)

    def stimuli(self) -> Stimuli:
        assert self.shown is not None
        return self.shown

    def recordings(self) -> tuple[Recording, ...]:
        return self.trials


def source(n_repeats: int, noise: float = 1.0) -> Trials:
    made = WORLD.source()
    rng = np.random.default_rng(5)
    found = []
    for one in made.trials:
        mean = one.data[:16]
        data = np.concatenate([mean + noise * rng.standard_normal(mean.shape) for _ in range(n_repeats)])
        found.append(replace(one, data=data, stimulus_ids=WORLD.ids * n_repeats))
    return Trials(None, made.stimuli(), tuple(found))


def aligned(n_repeats: int, noise: float = 1.0, measures: tuple[str, ...] = ("rsa",)) -> AlignmentResult:
    spec = replace(SPEC, measures=measures)
    return align(WORLD.instances(), source(n_repeats, noise), spec, ScoringSpec(n_bootstrap=100))


def test_without_repeats_nothing_is_tested_or_ranked() -> None:
    found = aligned(2)
    assert found.contrasts.p.isna().all()
    assert not found.ranks.supported.any()
    assert "G10" in set(found.gates.gate)


def test_with_repeats_there_is_a_test_and_more_noise_makes_larger_errors() -> None:
    quiet, loud = aligned(6, 0.1), aligned(6, 1.0)
    assert quiet.contrasts.p.notna().all()
    assert "G10" not in set(quiet.gates.gate)
    assert (quiet.contrasts.se >= quiet.contrasts.se_seeds - 1e-12).all()
    of_noise = [(one.contrasts.se**2 - one.contrasts.se_seeds**2).mean() for one in (quiet, loud)]
    assert of_noise[1] > 5 * of_noise[0]


@pytest.mark.parametrize(("n_repeats", "n_brains"), [(2, 0), (4, 4), (11, 8)])
def test_each_repeat_is_left_out_once(n_repeats: int, n_brains: int) -> None:
    brains = without_each_repeat(Brain(source(n_repeats), SPEC), ("V1",))
    assert len(brains) == n_brains
    sizes = [len(one.source.recordings()[0].data) for one in brains]
    if n_repeats == 4:
        assert sizes == [16 * 3] * 4
        assert all(set(one.source.recordings()[0].stimulus_ids) == set(WORLD.ids) for one in brains)
    if n_brains:
        assert sum(n_repeats * 16 - size for size in sizes) == n_repeats * 16


def test_scores_are_those_of_the_whole_recording() -> None:
    few = align(WORLD.instances(), source(6), replace(SPEC, subjects="fixed"), ScoringSpec(n_bootstrap=100))
    assert np.isfinite(few.scores.score).all()
