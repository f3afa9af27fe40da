"""Any order of subjects' trials, runs and channels, labels with them, leaves every score of every measure as it is."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brainalign.alignment.score import score
from brainalign.alignment.scores import Scores
from brainalign.comparisons.comparison import comparisons
from brainalign.datasets.stimuli import Stimuli
from brainalign.dissimilarities.dissimilarity import dissimilarities
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec, ScoringSpec
from tests.synthetic_world import World

WORLD = World(n_stimuli=20, n_subjects=3, n_seeds=1, n_channels=5, rules=("untrained", "backprop"))
N_TRIALS, N_RUNS = 3 * 20, 3
ANYTHING = st.tuples(
    st.permutations(range(N_TRIALS)), st.permutations(range(5)), st.permutations(range(N_RUNS)), st.booleans()
)


@dataclass(frozen=True)
class OfTrials(RecordingSource):
    """Trials of subjects, some of which lack a repeat."""

    trials: tuple[Recording, ...] = ()
    title, modality, citation, rois = "Made up", "EEG", "nobody", ("V1",)

    def stimuli(self) -> Stimuli:
        return WORLD.source().stimuli()

    def recordings(self) -> tuple[Recording, ...]:
        return self.trials


def trials(counts: bool = False) -> tuple[Recording, ...]:
    """Return three runs of all stimuli for each subject, of two regions; a repeat is missing in the second."""
    found = []
    for k, one in enumerate(WORLD.source().trials):
        data = np.abs(one.data) if counts else one.data
        runs = tuple(f"r{row // 20}" for row in range(N_TRIALS))
        rois = {"V1": np.array([1, 1, 0, 1, 1], dtype=bool)}
        made = replace(one, data=data, runs=runs, rois=rois)
        found.append(made.drop_trials(np.arange(N_TRIALS) == 17) if k == 1 and not counts else made)
    return tuple(found)


def reordered(one: Recording, order: tuple) -> Recording:
    rows, channels, runs, last_first = order
    rows = [row for row in rows if row < len(one.data)]
    named = {f"r{k}": f"{'z' if last_first else 'a'}{name}" for k, name in enumerate(runs)}
    return replace(
        one,
        data=one.data[rows][:, list(channels)],
        stimulus_ids=tuple(one.stimulus_ids[row] for row in rows),
        channels=tuple(one.channels[k] for k in channels),
        rois={roi: mask[list(channels)] for roi, mask in one.rois.items()},
        runs=tuple(named[(one.runs or ())[row]] for row in rows),
    )


@cache
def scored(measure: str, dissimilarity: str = "default") -> Scores:
    return _score(trials(dissimilarity == "poisson_kl"), measure, dissimilarity)


def _score(recordings: tuple[Recording, ...], measure: str, dissimilarity: str = "default") -> Scores:
    runs = "ignore" if dissimilarity == "poisson_kl" else "centre"  # counts that are centred are counts no more
    spec = RecordingSpec("of_trials", measures=(measure,), dissimilarity=dissimilarity, runs=runs)
    fewer = (
        {"layer_choice": {"n_folds": 3, "n_inner_folds": 3}} if measure == "layer_choice" else {}
    )  # folds within folds
    how = ScoringSpec(n_bootstrap=100, low_level=measure == "unique_encoding", options=fewer)
    return score(WORLD.instances(), OfTrials(None, recordings), spec, how)


def _same(found: Scores, expected: Scores) -> None:
    for one, other in zip(found.places, expected.places, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, rtol=0, atol=1e-10)
        np.testing.assert_allclose(one.ceiling, other.ceiling, rtol=0, atol=1e-10)


#: Scores of these take seconds.
LONG = ("cca", "encoding", "pls", "unique_encoding")

few = settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.mark.parametrize(
    "measure", [pytest.param(one, marks=pytest.mark.slow if one in LONG else ()) for one in sorted(comparisons())]
)
@few
@given(orders=st.tuples(ANYTHING, ANYTHING, ANYTHING))
def test_scores_of_every_measure(measure: str, orders: tuple) -> None:
    moved = tuple(reordered(one, order) for one, order in zip(trials(), orders, strict=True))
    _same(_score(moved, measure), scored(measure))


@pytest.mark.parametrize("name", sorted(dissimilarities()))
@few
@given(orders=st.tuples(ANYTHING, ANYTHING, ANYTHING))
def test_scores_of_every_dissimilarity(name: str, orders: tuple) -> None:
    plain = trials(name == "poisson_kl")
    moved = tuple(reordered(one, order) for one, order in zip(plain, orders, strict=True))
    _same(_score(moved, "rsa", name), scored("rsa", name))


def test_labels_that_do_not_move_with_their_trials_are_noticed() -> None:
    wrong = tuple(replace(one, stimulus_ids=one.stimulus_ids[::-1]) for one in trials())
    for measure in ("rsa", "linear_cka"):
        with pytest.raises(AssertionError):
            _same(_score(wrong, measure), scored(measure))
