"""Declared tests: one layer and one window for each ROI, every rule against backpropagation and readout only."""

from dataclasses import replace

import numpy as np
import pytest

from brainalign.alignment.align import align
from brainalign.alignment.infer import Declared, infer
from brainalign.alignment.instance import Instance
from brainalign.alignment.result import AlignmentResult
from brainalign.alignment.score import score
from brainalign.errors import SpecError
from brainalign.inference.family import adjust
from brainalign.rdms import RDMs
from brainalign.recordings.brain import Brain
from brainalign.recordings.recording import Recording
from brainalign.report.methods_text import methods_text
from brainalign.specs import RecordingSpec, ScoringSpec
from tests.synthetic_world import MadeUp, World

WORLD = World(n_stimuli=24, n_subjects=6, n_seeds=3)
SPEC = RecordingSpec("made_up")
DECLARED = ScoringSpec(low_level=False, correction="max_t", ranking_layer={"V1": "hidden2"})
TIMES = (-0.1, 0.0, 0.1, 0.2, 0.3)


def instances(world: World = WORLD) -> list[Instance]:
    """The networks of a world, and the untrained ones as if their readout had been trained."""
    found = world.instances()
    readout = [replace(one, rule="readout_only", role="readout_only") for one in found if one.rule == "untrained"]
    return found + readout


def in_time() -> MadeUp:
    """RDMs of subjects at five times: noise before onset, the brain's own from then on."""
    source = WORLD.source()
    rng, geometry = np.random.default_rng(9), source.geometry["V1"]
    subjects = geometry.descriptors["subject"]
    rows = [own * (time > 0) + rng.uniform(0, 1, own.shape) for own in geometry.dissimilarities for time in TIMES]
    about = {
        "subject": tuple(name for name in subjects for _ in TIMES),
        "time": tuple(repr(time) for time in TIMES) * len(subjects),
    }
    return replace(source, geometry={"V1": RDMs(np.array(rows), geometry.stimulus_ids, "correlation", about)})


@pytest.fixture(scope="module")
def found() -> AlignmentResult:
    return align(instances(), WORLD.source(), SPEC, DECLARED)


def test_each_rule_is_tested_against_both_controls_by_the_largest_t(found: AlignmentResult) -> None:
    table = found.contrasts
    declared = table[table.correction == "max_t"]
    assert set(declared.layer) == {"hidden2"}
    assert {(row.kind, row.rule_a, row.rule_b) for row in declared.itertuples()} == {
        ("vs_backprop", "feedback_alignment", "backprop"),
        ("vs_readout_only", "feedback_alignment", "readout_only"),
        ("vs_readout_only", "backprop", "readout_only"),
    }
    assert set(declared.family) == {"mlp, made_up, V1, rsa spearman: primary"}
    assert set(declared.family_size) == {3}
    assert (declared.p_adjusted >= declared.p).all()
    assert (declared.p_adjusted > declared.p).any()
    others = table[table.correction == "holm"]
    assert set(others.family) == {"mlp, made_up, rsa spearman: exploratory"}
    np.testing.assert_allclose(others.p_adjusted, adjust(others.p.to_numpy()), atol=1e-12)
    assert len(table) == 2 * 5


def test_the_methods_say_which_tests_were_declared(found: AlignmentResult) -> None:
    text = " ".join(methods_text(found).paragraphs)
    assert "Declared tests: every rule against backprop and readout only, at the declared layer" in text
    assert "by the largest t of the family" in text
    assert "All other contrasts are exploratory" in text


def test_one_declared_test_keeps_its_own_p() -> None:
    pair = replace(WORLD, rules=("feedback_alignment", "backprop"))
    table = align(pair.instances(), pair.source(), SPEC, DECLARED).contrasts
    declared = table[table.correction == "max_t"]
    assert len(declared) == 1
    assert declared.p_adjusted.iloc[0] == declared.p.iloc[0]


def test_readout_only_has_no_contrast_where_it_is_not() -> None:
    table = align(WORLD.instances(), WORLD.source(), SPEC, replace(DECLARED, correction="holm")).contrasts
    assert set(table.kind) == {"vs_untrained", "vs_backprop"}


def test_bootstrap_samples_have_no_largest_t() -> None:
    with pytest.raises(SpecError, match="resampling is 'bootstrap'; expected scores without each stimulus"):
        replace(DECLARED, resampling="bootstrap")
    drawn = score(WORLD.instances(), WORLD.source(), SPEC, ScoringSpec(n_bootstrap=100, resampling="bootstrap"))
    with pytest.raises(SpecError, match="was scored with bootstrap samples"):
        infer(drawn, Declared(correction="max_t"))


# -- windows ----------------------------------------------------------------------------------------------------------


def test_a_named_window_is_scored_beside_every_time_and_is_what_is_declared() -> None:
    source, named = in_time(), replace(SPEC, windows={"peak": (0.1, 0.25)})
    table = align(instances(), source, named, DECLARED)
    assert set(table.scores.roi) == {"V1", "V1 peak"}
    only = align(instances(), source, replace(SPEC, windows=((0.1, 0.25),)), DECLARED)
    peak, plain = (one[one.rule == "backprop"].score.to_numpy() for one in (
        table.scores[table.scores.roi == "V1 peak"], only.scores))  # fmt: skip
    np.testing.assert_allclose(peak, plain, atol=1e-12)
    # the mean of the RDMs at .1 and .2 s, then scored
    rows = source.geometry["V1"].dissimilarities.reshape(6, 5, -1)[:, 2:4].mean(axis=1)
    np.testing.assert_allclose(Brain(source, named).movies("V1 peak")[0].values[:, 0], rows, atol=1e-12)
    declared = table.contrasts[table.contrasts.correction == "max_t"]
    assert set(zip(declared.roi, declared.layer, strict=True)) == {("V1 peak", "hidden2")}
    assert declared.time.unique() == pytest.approx([0.175])
    assert table.contrasts[table.contrasts.roi == "V1"].family.str.endswith("exploratory").all()
    assert table.ranking_layer("V1 peak") == "hidden2"
    assert any("made_up V1 peak, RSA: published RDMs were averaged over a window" in s for s in table.scope_sentences)


def test_a_named_window_of_trials_is_the_mean_response_in_it() -> None:
    rng, world = np.random.default_rng(4), replace(WORLD, n_channels=5, n_subjects=2, n_seeds=2, layers=("hidden2",))
    trials = tuple(_with_times(one, rng) for one in world.source().recordings())
    source = _OfTrials(None, world.source().stimuli(), {"V1": world.source().geometry["V1"]}, trials)
    both = replace(SPEC, subjects="fixed", measures=("rsa", "encoding"), windows={"late": (0.15, 0.35)})
    found = align(world.instances(), source, both, replace(DECLARED, correction="holm")).scores
    only = align(world.instances(), source, replace(both, windows=((0.15, 0.35),)), DECLARED).scores
    late = found[found.roi == "V1 late"]
    assert set(late.measure) == {"rsa spearman", "encoding ridge"}
    np.testing.assert_allclose(late.score.to_numpy(), only.score.to_numpy(), atol=1e-12)
    assert found[found.roi == "V1"].time.nunique() == len(TIMES)


class _OfTrials(MadeUp):
    def published_rdms(self, roi: str) -> None:  # type: ignore[override]
        return None


def _with_times(one: Recording, rng: np.random.Generator) -> Recording:
    gains = np.array([0, 0, 1.0, 1.5, 1.0])
    data = one.data * gains + rng.standard_normal((*one.data.shape[:2], len(TIMES)))
    return replace(one, data=data, times=TIMES)


def test_windows_that_are_none_are_refused() -> None:
    with pytest.raises(SpecError, match="Option windows is"):
        RecordingSpec("made_up", windows={"peak": (0.3, 0.1)})
    with pytest.raises(SpecError, match="Option windows is"):
        RecordingSpec("made_up", windows={})
