"""What an alignment refuses, and what it does not claim."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from brainalign.activations import Activations
from brainalign.alignment.align import align, check_recording
from brainalign.alignment.instance import Instance
from brainalign.alignment.result import AlignmentResult
from brainalign.errors import DataError, SpecError
from brainalign.recordings.brain import Brain
from brainalign.specs import RecordingSpec, ScoringSpec
from tests.synthetic_world import World

WORLD = World()
SPEC = RecordingSpec("made_up")
QUICK = ScoringSpec(n_bootstrap=100)
CELL = ["network", "dataset", "roi", "layer", "measure"]


def _aligned(world: World = WORLD, scoring: ScoringSpec = QUICK) -> AlignmentResult:
    return align(world.instances(), world.source(), SPEC, scoring)


@pytest.fixture(scope="module")
def aligned() -> AlignmentResult:
    return _aligned()


def test_a_planted_effect_is_found(aligned: AlignmentResult) -> None:
    gained = aligned.contrasts[(aligned.contrasts.rule_a == "backprop") & (aligned.contrasts.rule_b == "untrained")]
    assert set(gained.verdict) == {"higher"}


@pytest.mark.parametrize("seed", range(3))
def test_brains_that_nothing_explains_support_nothing(seed: int) -> None:
    found = _aligned(World(n_stimuli=30, n_subjects=8, signal=False, seed=100 * seed))
    against = found.contrasts[found.contrasts.kind == "vs_untrained"]
    assert len(against) == 4
    assert (against.p_adjusted > 0.05).all()
    assert not found.contrasts.verdict.isin(["higher", "lower"]).any()
    assert not found.ranks.supported.any()
    stops = found.gates[found.gates.severity == "stop"]
    cells = found.ranks[CELL].drop_duplicates()
    assert len(cells.merge(stops[CELL].drop_duplicates())) == len(cells) == 2
    assert stops.groupby(CELL).sentence.apply(lambda s: s.str.contains("RANKING NOT SUPPORTED").any()).all()


def test_one_subject_cannot_be_declared_random() -> None:
    source = replace(WORLD, n_subjects=1).source()
    with pytest.raises(SpecError, match=r"made_up', ROI 'V1': 1 subject cannot be a random sample") as caught:
        check_recording(Brain(source, SPEC), 3)
    assert "\n" not in str(caught.value)
    with pytest.raises(SpecError, match="1 subject cannot be a random sample"):
        align(WORLD.instances(), source, SPEC, QUICK)
    check_recording(Brain(source, replace(SPEC, subjects="fixed")), 3)
    found = align(WORLD.instances(), source, replace(SPEC, subjects="fixed"), QUICK)
    assert set(found.contrasts.scope_subjects) == {"fixed"}
    assert found.scores.ceiling_lower.isna().all()


def test_five_stimuli_are_refused() -> None:
    with pytest.raises(SpecError, match="5 stimuli are too few"):
        check_recording(Brain(replace(WORLD, n_stimuli=5).source(), SPEC), 3)


def test_an_unknown_roi_is_refused() -> None:
    source = replace(WORLD, rois=("V1", "IT")).source()
    assert Brain(source, SPEC).rois == ("V1", "IT")
    assert Brain(source, replace(SPEC, rois=("IT",))).rois == ("IT",)
    for call in (lambda s: check_recording(Brain(source, s), 3), lambda s: align(WORLD.instances(), source, s, QUICK)):
        with pytest.raises(SpecError, match=r"'made_up' has no ROI 'V2'\. Choose among: V1, IT"):
            call(replace(SPEC, rois=("V2",)))


def test_encoding_is_refused_where_only_rdms_were_published() -> None:
    with pytest.raises(SpecError, match="comes as RDMs only; encoding needs responses"):
        check_recording(Brain(WORLD.source(), replace(SPEC, measures=("rsa", "encoding"))), 3)


def test_a_ranking_layer_that_no_network_has_is_refused() -> None:
    with pytest.raises(SpecError, match=r"'hiden2' of ROI 'V1' is in no network\. Choose among: hidden1, hidden2"):
        _aligned(scoring=replace(QUICK, ranking_layer={"V1": "hiden2"}))


def test_a_ranking_layer_says_nothing_about_a_network_that_lacks_it() -> None:
    deep = replace(WORLD, layers=("hidden1", "hidden2", "hidden3")).instances()
    flat = [replace(one, network="flat") for one in WORLD.instances()]
    table = align([*deep, *flat], WORLD.source(), SPEC, replace(QUICK, ranking_layer={"V1": "hidden3"})).contrasts
    families = table.groupby(["network", "layer"]).family.first().str.split(": ").str[-1]
    assert families["mlp"].to_dict() == {"hidden1": "exploratory", "hidden2": "exploratory", "hidden3": "primary"}
    assert set(families["flat"]) == {"primary"}


def test_rules_with_other_seeds_are_refused() -> None:
    shifted = [replace(one, seed=one.seed + 5) if one.rule == "backprop" else one for one in WORLD.instances()]
    with pytest.raises(SpecError, match=r"'backprop' on 'mlp' has seeds \[5, 6, 7\], 'untrained' has \[0, 1, 2\]"):
        align(shifted, WORLD.source(), SPEC, QUICK)


def test_two_populations_under_one_name_are_refused() -> None:
    with pytest.raises(SpecError, match=r"'untrained' on 'mlp' has seeds \[0, 0, 1, 1, 2, 2\]; expected each once"):
        align([*WORLD.instances(), *WORLD.instances()], WORLD.source(), SPEC, QUICK)


def _with_patterns(patterns: np.ndarray, final: bool = True) -> list[Instance]:
    """Networks of one layer that answers to every stimulus with ``patterns``."""
    shown = Activations({"hidden1": np.tile(patterns.astype(np.float32), (WORLD.n_stimuli, 1))}, WORLD.ids, "same")
    return [replace(one, activations=shown) for one in WORLD.instances(step=10 if final else 3, final=final)]


def test_a_layer_that_answers_alike_to_all_stimuli_has_no_score_and_makes_no_claim() -> None:
    found = align(_with_patterns(np.arange(30)), WORLD.source(), SPEC, QUICK)
    assert found.scores[found.scores.role != "low_level"].score.isna().all()
    assert set(found.contrasts.verdict) == {"no inference possible"}
    assert not found.ranks.supported.any()


def test_a_collapsed_early_checkpoint_does_not_end_the_study(aligned: AlignmentResult) -> None:
    found = align([*_with_patterns(np.arange(30), final=False), *WORLD.instances()], WORLD.source(), SPEC, QUICK)
    assert found.scores[~found.scores.final].score.isna().all()
    pd.testing.assert_frame_equal(found.contrasts, aligned.contrasts)


def test_patterns_without_variance_are_refused() -> None:
    message = "Layer 'hidden1' of rule 'untrained' on 'mlp', seed 0: .*constant.*leave it out"
    with pytest.raises(DataError, match=message):
        align(_with_patterns(np.ones(5)), WORLD.source(), SPEC, QUICK)
