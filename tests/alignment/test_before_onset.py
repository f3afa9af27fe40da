"""Gate G8: scores before onset that are not 0 forbid a ranking at every time."""

from dataclasses import replace

import numpy as np
import pytest

from brainalign.alignment.align import align
from brainalign.inference.estimate import Estimate
from brainalign.inference.pre_stimulus import before_onset
from brainalign.inference.scope import Scope
from brainalign.rdms import RDMs
from brainalign.specs import RecordingSpec, ScoringSpec
from tests.alignment.test_declared_tests import TIMES, in_time
from tests.synthetic_world import MadeUp, World

WORLD = World(n_stimuli=24, n_subjects=6, n_seeds=3)
SCORING = ScoringSpec(low_level=False)


def leaking(source: MadeUp) -> MadeUp:
    """The same brains with what they show at .2 s at every time."""
    rdms = source.geometry["V1"]
    late = rdms.dissimilarities.reshape(-1, len(TIMES), rdms.dissimilarities.shape[1])[:, 3:4]
    values = np.repeat(late, len(TIMES), axis=1).reshape(rdms.dissimilarities.shape)
    return replace(source, geometry={"V1": replace(rdms, dissimilarities=values)})


def test_quiet_times_before_onset_fire_nothing_and_are_printed() -> None:
    found = align(WORLD.instances(), in_time(), RecordingSpec("made_up"), SCORING)
    assert "G8" not in set(found.gates.gate)
    assert any("before onset mean scores of layers are from" in said for said in found.scope_sentences)
    assert any("none of 6 means differs from 0" in said for said in found.scope_sentences)


@pytest.mark.parametrize("n_subjects", [6, 1])
def test_leakage_stops_a_ranking_at_every_time_and_in_windows(n_subjects: int) -> None:
    source = leaking(in_time())
    rows = [k for k, name in enumerate(source.geometry["V1"].descriptors["subject"]) if name <= f"s{n_subjects}"]
    rdms = source.geometry["V1"]
    some = RDMs(
        rdms.dissimilarities[rows], rdms.stimulus_ids, "correlation",
        {name: tuple(values[k] for k in rows) for name, values in rdms.descriptors.items()},
    )  # fmt: skip
    spec = RecordingSpec("made_up", windows={"peak": (0.1, 0.25)}, subjects="random" if n_subjects > 1 else "fixed")
    found = align(WORLD.instances(), replace(source, geometry={"V1": some}), spec, SCORING)
    fired = found.gates[found.gates.gate == "G8"]
    assert set(fired.severity) == {"stop"}
    layer = fired[fired.layer == "hidden2"]
    assert (layer.roi == "V1").sum() == 1  # one row says it of all times
    assert layer.time.isna().all()
    assert (layer.roi == "V1 peak").sum() == 1
    assert layer.sentence.str.contains("Before onset mean scores are not 0: backprop").all()
    own = found.ranks[(found.ranks.layer == "hidden2") & (found.ranks.roi == "V1")]
    assert own.time.nunique() == len(TIMES)
    assert not found.ranks.supported[found.ranks.layer == "hidden2"].any()


def test_recordings_without_times_before_onset_have_no_such_gate() -> None:
    found = align(WORLD.instances(), WORLD.source(), RecordingSpec("made_up"), SCORING)
    assert not any("before onset" in said.lower() for said in found.scope_sentences)


def _means(rng: np.random.Generator, shift: float = 0.0) -> dict[tuple[str, str], Estimate]:
    found = {}
    for layer in ("a", "b"):
        for rule in "xyz":
            own = rng.standard_normal(10) + shift
            mean, se = float(own.mean()), float(own.std(ddof=1) / np.sqrt(10))
            found[layer, rule] = Estimate(mean, se, 9, mean - 2.26 * se, mean + 2.26 * se, Scope())
    return found


def test_it_fires_by_chance_no_more_often_than_the_level() -> None:
    rng = np.random.default_rng(3)
    hits = [bool(before_onset(_means(rng))[0]) for _ in range(600)]
    assert np.mean(hits) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 600)
    assert set(before_onset(_means(rng, 2.0))[0]) == {"a", "b"}


def test_predictions_are_tested_above_their_null_only() -> None:
    rng = np.random.default_rng(3)
    assert before_onset(_means(rng, -2.0), signed=False)[0] == {}
    assert before_onset(_means(rng, 2.0), signed=False)[0]["a"].severity == "stop"


def test_what_cannot_be_tested_says_so() -> None:
    nothing = Estimate(0.1, np.nan, np.nan, np.nan, np.nan, Scope("fixed", "fixed", "fixed"))
    gates, said = before_onset({("a", "x"): nothing})
    assert gates["a"].severity == "warn"
    assert "nothing is random here that could test them" in said
