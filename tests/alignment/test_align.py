"""From scores to claims: joins, floors, families, orientation, refusals."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from brainalign import tables
from brainalign.alignment.align import align
from brainalign.alignment.instance import Instance
from brainalign.alignment.layer_means import LayerMeans
from brainalign.alignment.mean_rdm import MeanRDM
from brainalign.alignment.mean_rdms import mean_rdms
from brainalign.alignment.result import AlignmentResult
from brainalign.errors import StimulusMismatchError
from brainalign.rdms import RDMs, compute_rdms
from brainalign.recordings.brain import Brain
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec, ScoringSpec
from tests.synthetic_world import World, relabelled, reordered

WORLD = World()
SPEC = RecordingSpec("made_up")
QUICK = ScoringSpec(n_bootstrap=100)
CELL = ["network", "dataset", "roi", "layer", "measure"]
NAMES = {"scores": "alignment"}
TABLES = ("scores", "contrasts", "ranks", "gates")


def _aligned(world: World = WORLD, scoring: ScoringSpec = QUICK, spec: RecordingSpec = SPEC) -> AlignmentResult:
    return align(world.instances(), world.source(), spec, scoring)


@pytest.fixture(scope="module")
def aligned() -> AlignmentResult:
    return _aligned()


def _equal(one: AlignmentResult, other: AlignmentResult, rtol: float = 0.0) -> None:
    for name in TABLES:
        if rtol:
            pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), rtol=rtol, atol=rtol)
        else:
            pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))
    assert one.scope_sentences == other.scope_sentences


# -- joins ------------------------------------------------------------------------------------------------------------


def test_names_of_stimuli_mean_nothing(aligned: AlignmentResult) -> None:
    order = np.random.default_rng(3).permutation(WORLD.n_stimuli)
    new = {old: f"image-{order[k]:03d}" for k, old in enumerate(WORLD.ids)}
    source, instances = relabelled(WORLD.source(), WORLD.instances(), new)
    _equal(align(instances, source, SPEC, QUICK), aligned)


def test_the_order_in_which_networks_saw_the_stimuli_means_nothing(aligned: AlignmentResult) -> None:
    shuffled = np.random.default_rng(4).permutation(WORLD.ids).tolist()
    _equal(align(reordered(WORLD.instances(), shuffled), WORLD.source(), SPEC, QUICK), aligned, rtol=1e-10)


def test_the_order_in_which_brains_saw_the_stimuli_changes_no_score(aligned: AlignmentResult) -> None:
    source = WORLD.source()
    backwards = replace(source, geometry={roi: rdms.subset(WORLD.ids[::-1]) for roi, rdms in source.geometry.items()})
    again = align(WORLD.instances(), backwards, SPEC, QUICK)
    pd.testing.assert_frame_equal(again.scores, aligned.scores, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(again.contrasts.delta, aligned.contrasts.delta, atol=1e-10)
    # the bootstrap draws places in the brain's order: back in that order, all is equal
    there_and_back = {roi: rdms.subset(WORLD.ids) for roi, rdms in backwards.geometry.items()}
    _equal(align(WORLD.instances(), replace(source, geometry=there_and_back), SPEC, QUICK), aligned)


def test_ids_and_not_positions_are_joined(aligned: AlignmentResult) -> None:
    rotated = {old: WORLD.ids[(k + 1) % WORLD.n_stimuli] for k, old in enumerate(WORLD.ids)}
    _, moved = relabelled(WORLD.source(), WORLD.instances(), rotated)
    wrong = align(moved, WORLD.source(), SPEC, QUICK).scores
    networks = aligned.scores.rule == "backprop"
    assert wrong[networks].score.mean() < aligned.scores[networks].score.mean() - 0.2


def test_other_stimuli_are_refused() -> None:
    other = replace(WORLD, n_stimuli=25).instances()
    with pytest.raises(StimulusMismatchError, match="stimuli"):
        align(other, WORLD.source(), SPEC, QUICK)


def test_the_order_of_instances_means_nothing(aligned: AlignmentResult) -> None:
    again = align(WORLD.instances()[::-1], WORLD.source(), SPEC, QUICK)
    key = ["rule", "layer", "seed", "subject"]
    pd.testing.assert_frame_equal(
        again.scores.sort_values(key, ignore_index=True), aligned.scores.sort_values(key, ignore_index=True)
    )
    pairs = ["rule_a", "rule_b", "layer"]
    one, other = (table.contrasts.sort_values(pairs, ignore_index=True) for table in (again, aligned))
    swapped = one.rule_a != other.rule_a
    np.testing.assert_allclose(one.p[~swapped], other.p[~swapped], rtol=1e-10)


# -- tables -----------------------------------------------------------------------------------------------------------


def test_tables_have_the_documented_columns(aligned: AlignmentResult) -> None:
    for table, name in ((aligned.scores, "alignment"), (aligned.contrasts, "contrasts"), (aligned.ranks, "ranks")):
        assert set(tables.TABLES[NAMES.get(name, name)].names) <= set(table.columns), name
    assert list(aligned.gates.columns) == list(tables.TABLES["gates"].names)


def test_every_layer_of_every_network_and_every_control_is_scored_against_every_subject(
    aligned: AlignmentResult,
) -> None:
    scores = aligned.scores
    networks = scores[scores.role != "low_level"]
    assert len(networks) == 3 * 3 * 2 * 7
    assert not networks.duplicated(["rule", "seed", "layer", "subject"]).any()
    controls = scores[scores.role == "low_level"]
    assert set(controls.layer) == {"pixels", "luminance", "gabor"}
    assert set(controls.network) == {"-"}
    assert controls.seed.isna().all()
    assert controls.floor.isna().all()
    assert (scores.n_stimuli == 24).all()
    assert not scores.simulated.any()
    without = _aligned(scoring=replace(QUICK, low_level=False)).scores
    pd.testing.assert_frame_equal(without, tables.cast("alignment", networks))


def test_the_floor_is_the_mean_untrained_score_at_the_layer_for_the_subject(aligned: AlignmentResult) -> None:
    networks = aligned.scores[aligned.scores.role != "low_level"]
    control = networks[networks.rule == "untrained"].groupby(["layer", "subject"]).score.mean()
    for row in networks.itertuples():
        assert row.floor == pytest.approx(control[row.layer, row.subject], abs=1e-12)


def test_without_a_control_there_is_no_floor() -> None:
    found = _aligned(replace(WORLD, rules=("feedback_alignment", "backprop")))
    assert found.scores.floor.isna().all()
    assert set(found.contrasts.kind) == {"vs_backprop"}
    assert "G9" in set(found.gates.gate)


def test_contrasts_are_trained_minus_control_and_rule_minus_backprop(aligned: AlignmentResult) -> None:
    kinds = aligned.contrasts.groupby("kind")[["rule_a", "rule_b"]].apply(lambda t: sorted(set(map(tuple, t.values))))
    assert kinds["vs_backprop"] == [("feedback_alignment", "backprop")]
    assert kinds["vs_untrained"] == [("backprop", "untrained"), ("feedback_alignment", "untrained")]
    means = aligned.scores.groupby(["rule", "layer"]).score.mean()
    for row in aligned.contrasts.itertuples():
        assert row.delta == pytest.approx(means[row.rule_a, row.layer] - means[row.rule_b, row.layer], abs=1e-12)


def test_rules_that_are_not_backprop_are_pairs() -> None:
    rules = ("backprop", "untrained", "feedback_alignment", "other")
    world = replace(WORLD, rules=("backprop", "untrained", "feedback_alignment"), n_seeds=3)
    extra = [replace(one, rule="other") for one in world.instances() if one.rule == "feedback_alignment"]
    found = align([*world.instances(), *extra], world.source(), SPEC, QUICK).contrasts
    assert len(found) == 2 * (3 + 3)
    assert set(found[found.rule_b == "backprop"].kind) == {"vs_backprop"}
    assert "backprop" not in set(found[found.kind == "pair"].rule_a) | set(found[found.kind == "pair"].rule_b)
    assert set(found.rule_a) <= set(rules) - {"untrained"}
    pair = found[found.kind == "pair"]
    assert (pair.delta == 0).all()
    assert (pair.p == 1).all()  # the same networks under another name


def _holm(p: np.ndarray) -> np.ndarray:
    """Holm (1979) by the book: the k-th smallest of m times m - k + 1, never below a smaller one, at most 1."""
    adjusted, running = np.empty(len(p)), 0.0
    for k, place in enumerate(np.argsort(p, kind="stable")):
        running = max(running, min(1.0, (len(p) - k) * p[place]))
        adjusted[place] = running
    return adjusted


@pytest.mark.parametrize("ranking_layer", [{}, {"V1": "hidden2"}])
def test_families_are_what_they_say_and_adjusted_by_holm(ranking_layer: dict[str, str]) -> None:
    world = replace(WORLD, networks=("mlp", "cnn"), rois=("V1", "IT"))
    table = _aligned(world, replace(QUICK, ranking_layer=ranking_layer)).contrasts
    assert table.p_adjusted.notna().all()
    for family, rows in table.groupby("family"):
        assert (rows.family_size == len(rows)).all()
        assert rows.network.nunique() == rows.measure.nunique() == 1
        np.testing.assert_allclose(rows.p_adjusted, _holm(rows.p.to_numpy()), atol=1e-12)
        assert rows.network.iloc[0] in family
    exploratory = table.family.str.endswith(": exploratory")
    expected = (table.roi == "V1") & (table.layer == "hidden1") if ranking_layer else pd.Series(False, table.index)
    assert (exploratory == expected).all()
    # 3 contrasts in each of 2 layers of 2 ROIs
    sizes = {"primary": 9, "exploratory": 3} if ranking_layer else {"primary": 12}
    assert {(f.split(": ")[-1], n) for f, n in table.value_counts("family").items()} == set(sizes.items())


def test_the_verdict_is_that_of_the_family() -> None:
    rois = tuple(f"roi {k}" for k in range(4))
    world = replace(WORLD, n_subjects=6, n_seeds=2, rois=rois, seed=2)
    found = _aligned(world, replace(QUICK, resampling="bootstrap")).contrasts
    significant = found.verdict.isin(["higher", "lower"])
    assert (significant == (found.p_adjusted < 0.05)).all()
    assert 0 < significant.sum() < (found.p < 0.05).sum(), "all tests or none survive: choose another world"
    assert (found.verdict[significant] == np.where(found.delta[significant] > 0, "higher", "lower")).all()


@pytest.mark.parametrize("correction", ["bh", "by"])
def test_other_corrections_are_applied(correction: str) -> None:
    from scipy.stats import false_discovery_control

    found = _aligned(scoring=replace(QUICK, correction=correction)).contrasts
    assert set(found.correction) == {correction}
    np.testing.assert_allclose(found.p_adjusted, false_discovery_control(found.p.to_numpy(), method=correction))


def test_networks_never_meet_in_a_contrast_rank_or_floor() -> None:
    both = replace(WORLD, networks=("mlp", "cnn"))
    together = align(both.instances(), both.source(), SPEC, QUICK)
    for network in both.networks:
        own = [one for one in both.instances() if one.network == network]
        alone = align(own, both.source(), SPEC, QUICK)
        for name in ("contrasts", "ranks", "gates"):
            table = getattr(together, name)
            part = tables.cast(name, table[table.network == network].reset_index(drop=True))
            pd.testing.assert_frame_equal(part, getattr(alone, name))
        rows = together.scores[together.scores.network == network].reset_index(drop=True)
        expected = alone.scores[alone.scores.network == network].reset_index(drop=True)
        pd.testing.assert_frame_equal(tables.cast("alignment", rows), tables.cast("alignment", expected))


def test_earlier_checkpoints_are_scored_and_claim_nothing(aligned: AlignmentResult) -> None:
    early = WORLD.instances(step=3, final=False, progress=0.2)
    found = align([*early, *WORLD.instances()], WORLD.source(), SPEC, QUICK)
    for name in ("contrasts", "ranks", "gates"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(aligned, name))
    earlier = found.scores[~found.scores.final]
    assert set(earlier.checkpoint) == {3}
    assert len(earlier) == 3 * 3 * 2 * 7
    last = found.scores[found.scores.final].reset_index(drop=True)
    pd.testing.assert_frame_equal(last, aligned.scores, check_categorical=False)
    assert earlier.se.isna().all()
    assert set(earlier.scope) == {"none"}
    assert (
        earlier[earlier.rule == "backprop"].score.mean()
        < aligned.scores[aligned.scores.rule == "backprop"].score.mean()
    )


def test_a_partial_score_is_a_further_measure(aligned: AlignmentResult) -> None:
    found = _aligned(scoring=replace(QUICK, partial=("pixels",)))
    plain = found.scores.measure == "rsa spearman"
    held = found.scores[~plain]
    pd.testing.assert_frame_equal(tables.cast("alignment", found.scores[plain].reset_index(drop=True)), aligned.scores)
    assert set(held.measure) == {"rsa spearman without pixels"}
    assert set(held.rule) == {"untrained", "feedback_alignment", "backprop"}  # a control has nothing left of itself
    assert set(found.contrasts.groupby("measure").family.nunique()) == {1}
    assert set(found.contrasts.family_size) == {6}


def test_encoding_is_a_further_measure() -> None:
    world = World(
        n_stimuli=40, n_subjects=2, n_seeds=2, n_channels=4, rules=("untrained", "backprop"), layers=("hidden1",)
    )
    spec = replace(SPEC, subjects="fixed", measures=("rsa", "encoding"))
    found = _aligned(world, spec=spec)
    encoding = found.scores[found.scores.measure.str.startswith("encoding")]
    assert set(encoding.rule) == {"untrained", "backprop", "low_level"}
    assert set(encoding.n_targets) == {8}
    assert found.contrasts[["measure", "kind"]].duplicated().sum() == 0
    assert found.scope_sentences
    assert all("these subjects" in sentence for sentence in found.scope_sentences)
    drawn = _aligned(world, replace(QUICK, resampling="bootstrap"), spec).scope_sentences
    assert sum("the variance of the training stimuli" in sentence for sentence in drawn) == 1


def test_one_rule_and_no_control_makes_tables_without_rows_but_with_columns() -> None:
    found = _aligned(replace(WORLD, rules=("backprop",)))
    assert len(found.contrasts) == 0
    assert set(tables.TABLES["contrasts"].names) <= set(found.contrasts.columns)
    assert len(found.ranks) == 2
    control = _aligned(replace(WORLD, rules=("untrained",)))
    assert len(control.contrasts) == len(control.ranks) == len(control.gates) == 0
    assert set(tables.TABLES["ranks"].names) <= set(control.ranks.columns)
    full = _aligned()
    assert set(found.contrasts.columns) == set(full.contrasts.columns)
    assert set(control.ranks.columns) == set(full.ranks.columns)
    joined = AlignmentResult.concatenate([control, full])
    pd.testing.assert_frame_equal(joined.contrasts, full.contrasts)


# -- display ----------------------------------------------------------------------------------------------------------


def _mean(rule: str, network: str, layer: str) -> MeanRDM:
    return MeanRDM("made_up", "V1", "untrained" if rule == "untrained" else "trained", rule, network, layer)


def _means(instances: Iterable[Instance], source: RecordingSource, ids: tuple[str, ...]) -> dict[MeanRDM, RDMs]:
    gathered = LayerMeans(ids, "correlation")
    for one in instances:
        gathered.add(one)
    return mean_rdms(Brain(source, SPEC), ids, gathered.means())


def test_mean_rdms_are_means_over_seeds_and_subjects_of_final_networks() -> None:
    ids = WORLD.ids[3:20][::-1]
    early = WORLD.instances(step=3, final=False, progress=0.2)
    found = _means([*early, *WORLD.instances()], WORLD.source(), ids)
    assert set(found) == {
        MeanRDM("made_up", "V1"),
        *(_mean(rule, "mlp", layer) for rule in WORLD.rules for layer in WORLD.layers),
    }
    own = [one for one in WORLD.instances() if one.rule == "backprop"]
    single = [compute_rdms(one.activations.subset(ids).layers["hidden2"], ids).dissimilarities[0] for one in own]
    np.testing.assert_allclose(found[_mean("backprop", "mlp", "hidden2")].dissimilarities[0], np.mean(single, axis=0))
    brain = WORLD.source().rdms("V1").subset(ids).dissimilarities.mean(axis=0)
    np.testing.assert_allclose(found[MeanRDM("made_up", "V1")].dissimilarities[0], brain)
    assert all(rdm.stimulus_ids == ids for rdm in found.values())


def test_mean_rdms_name_the_network_where_there_are_several() -> None:
    both = replace(WORLD, networks=("mlp", "cnn"))
    names = _means(both.instances(), both.source(), WORLD.ids)
    assert _mean("backprop", "cnn", "hidden1") in names
    assert len(names) == 1 + 2 * 3 * 2


# -- roles ------------------------------------------------------------------------------------------------------------


def test_a_rule_is_compared_with_its_own_start_and_the_others_with_untrained_networks(aligned: AlignmentResult) -> None:
    starts = [replace(one, role="own_start") for one in WORLD.instances(progress=0.3) if one.rule == "backprop"]
    found = align([*WORLD.instances(), *starts], WORLD.source(), SPEC, QUICK)
    against = found.contrasts[found.contrasts.kind == "vs_untrained"]
    pairs = set(zip(against.rule_a, against.rule_b, against.role_b, strict=True))
    assert pairs == {("backprop", "backprop", "own_start"), ("feedback_alignment", "untrained", "untrained")}
    means = found.scores.groupby(["role", "rule", "layer"]).score.mean()
    for row in against[against.rule_a == "backprop"].itertuples():
        own = means["trained", "backprop", row.layer] - means["own_start", "backprop", row.layer]
        assert row.delta == pytest.approx(own, abs=1e-12)
    floors = found.scores.groupby(["role", "rule", "layer"]).floor.mean()
    assert floors["trained", "backprop", "hidden1"] == pytest.approx(means["own_start", "backprop", "hidden1"])
    assert set(found.ranks.rule) == set(aligned.ranks.rule) == {"backprop", "feedback_alignment"}


def test_names_of_rules_say_nothing_of_their_role(aligned: AlignmentResult) -> None:
    names = {"untrained": "zero", "backprop": "low_level", "feedback_alignment": "untrained"}
    found = align([replace(one, rule=names[one.rule]) for one in WORLD.instances()], WORLD.source(), SPEC, QUICK)
    for name, rule in names.items():
        own, other = (
            table.scores[(table.scores.rule == called) & (table.scores.role != "low_level")][["score", "floor"]]
            for table, called in ((aligned, name), (found, rule))
        )
        np.testing.assert_array_equal(own, other)
    assert set(found.contrasts.rule_b[found.contrasts.kind == "vs_untrained"]) == {"zero"}


def test_every_measure_of_an_alignment_is_described() -> None:
    found = _aligned(scoring=replace(QUICK, partial=("pixels",)))
    assert list(found.measures.measure) == ["rsa spearman", "rsa spearman without pixels"]
    assert set(found.scores.measure) == set(found.measures.measure)
    assert list(found.measures.held) == ["[]", '["pixels"]']
