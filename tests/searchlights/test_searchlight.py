"""Searchlights against the same work patch by patch, and what they find where something and where nothing is."""

from dataclasses import replace

import numpy as np
import pytest

import brainalign as ba
from brainalign.comparisons.comparators import compare
from brainalign.comparisons.noise_ceiling import noise_ceiling
from brainalign.errors import DataError, SpecError, StimulusMismatchError
from brainalign.inference.permutation import permutation_test
from brainalign.inference.sign_flip import sign_flip_test
from brainalign.rdms import compute_trial_rdms, concatenate
from brainalign.searchlights import scoring
from brainalign.searchlights.patches import patches_of
from tests.searchlights.worlds import GRID, brain, ids, model


def people(n: int, truth: np.ndarray | None = None, seed: int = 0) -> list[ba.Recording]:
    return [brain(100 * seed + k, truth=truth, subject=f"s{k}") for k in range(n)]


@pytest.mark.parametrize("comparator", ["corr", "cosine", "spearman", "tau-a"])
def test_scores_and_ceilings_are_those_of_each_patch(comparator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "BLOCK_BYTES", 40_000)  # several blocks
    first, truth = model(0)
    second, _ = model(1)
    some = people(3, truth)
    found = ba.searchlight({"a": concatenate([first, second]), "b": second}, some, radius=5, comparator=comparator)
    patches = patches_of(GRID, 5)
    assert found.models["seed"].tolist() == ["0", "1", ""]
    for k in (0, 60, len(patches) - 1):
        rdms = concatenate(
            [ba.compute_rdms(one.means(ids(14))[:, patches.of(k), 0], ids(14)) for one in some]
        )  # fmt: skip
        expected = np.stack([compare(one, rdms, comparator)[0] for one in (first, second, second)])
        assert np.abs(found.scores[:, :, k].T - expected).max() < 1e-12
        assert found.map("a")[k] == pytest.approx(expected[:2].mean())
        assert found.map("a", subject="s1", seed=1)[k] == pytest.approx(expected[1, 1])
        if comparator == "tau-a":
            assert found.ceiling is None
            continue
        bounds = noise_ceiling(rdms, comparator)
        assert found.map("a", "ceiling_lower")[k] == pytest.approx(bounds.lower, abs=1e-12)
        assert found.map("a", "ceiling_upper")[k] == pytest.approx(bounds.upper, abs=1e-12)


def test_permuted_labels_are_those_of_the_permutation_test() -> None:
    """One centre, all permutations' scores: the p of a centre alone agrees with the test of one RDM."""
    one, truth = model(0)
    some = people(3, truth)
    found = ba.searchlight({"a": one}, some, radius=5, permutations=2000)
    k = int(np.abs(found.map("a", "p") - 0.3).argmin())
    patch = patches_of(GRID, 5).of(k)
    rdms = concatenate([ba.compute_rdms(each.means(ids(14))[:, patch, 0], ids(14)) for each in some])
    alone = permutation_test(one, rdms, "corr", 2000, seed=5).p[0]
    assert 0.02 < alone < 0.98
    assert found.map("a", "p")[k] == pytest.approx(alone, abs=4 * np.sqrt(alone * (1 - alone) / 1000))
    assert (found.map("a", "p_fwe") >= found.map("a", "p") - 1e-12).all()
    assert found.test.attainable[0] == pytest.approx(1 / 2001)


def test_the_planted_blob_is_found_and_nothing_outside_it() -> None:
    one, truth = model(0)
    other, _ = model(3)
    found = ba.searchlight({"planted": one, "other": other}, people(4, truth), radius=5, permutations=300, seed=1)
    x = found.geometry.points()[:, 0]
    p = found.map("planted", "p_fwe")
    assert (p[x < 6] < 0.05).mean() > 0.9
    assert (p[x > 10.5] < 0.05).sum() == 0  # spheres of 5 mm there hold no voxel of the blob
    assert (found.map("other", "p_all") < 0.05).sum() == 0
    assert (found.map("planted", "p_all") >= p - 1e-12).all()


def test_noise_alone_gives_few_maps_with_a_false_positive() -> None:
    """Family-wise error of 60 pure-noise maps: .05, with an interval of three standard errors."""
    wrong = {"labels": 0, "signs": 0}
    n = 60
    for world in range(n):
        one, _ = model(world, 12)
        some = [brain(5000 + 10 * world + k, 12, subject=f"s{k}") for k in range(6)]
        found = ba.searchlight({"a": one}, some, radius=5, permutations=99, ceiling=False, seed=world)
        wrong["labels"] += bool((found.map("a", "p_fwe") <= 0.05).any())
        wrong["signs"] += bool((found.sign_flips().map("a", "p_fwe") <= 0.05).any())
    most = n * 0.05 + 3 * np.sqrt(n * 0.05 * 0.95)
    assert wrong["labels"] <= most
    assert wrong["signs"] <= most


def test_a_model_that_permutations_leave_alike_has_a_larger_attainable_p() -> None:
    square = np.ones((6, 6)) - np.eye(6)
    square[:3, :3] = square[3:, 3:] = 0
    halves = ba.RDMs.from_matrices(square, ids(6), "halves")
    found = ba.searchlight({"halves": halves}, brain(0, 6), radius=5, permutations=999)
    # of 720 orders, 2 * 6 * 6 keep the halves
    assert found.test.attainable[0] == pytest.approx(0.1, abs=0.03)
    assert found.map("halves", "p").min() >= found.test.attainable[0] - 1e-12
    assert f"{found.test.attainable[0]:.3g}" in found.test.sentence


def test_strata_keep_stimuli_in_their_stratum() -> None:
    square = np.ones((6, 6)) - np.eye(6)
    square[:3, :3] = square[3:, 3:] = 0
    halves = ba.RDMs.from_matrices(square, ids(6), "halves")
    labels = {one: k // 3 for k, one in enumerate(ids(6))}
    found = ba.searchlight({"halves": halves}, brain(0, 6), radius=5, permutations=50, strata=labels)
    assert found.test.attainable[0] == 1.0
    assert (found.map("halves", "p") == 1.0).all()


def test_sign_flips_in_blocks_are_those_of_all_tests_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(0.3, 1, (7, 50))
    whole = sign_flip_test(values)
    monkeypatch.setattr("brainalign.inference.sign_flip._BLOCK_BYTES", 128 * 8 * 3)
    parts = sign_flip_test(values)
    for name in ("t", "p", "p_max"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))
    one, truth = model(0)
    maps = ba.searchlight({"a": one}, people(7, truth), radius=5).sign_flips()
    assert np.array_equal(maps.map("a", "p_fwe"), sign_flip_test(maps.scores[:, 0], alternative="greater").p_max)
    assert maps.test.attainable[0] == 2.0**-7


def test_crossnobis_takes_the_trials_of_each_patch() -> None:
    rng = np.random.default_rng(0)
    names, runs = ids(5) * 4, tuple(np.repeat(["1", "2", "3", "4"], 5))
    one = ba.Recording.from_array(rng.normal(size=(20, len(GRID))), names, runs=runs, geometry=GRID)
    rdm, _ = model(0, 5)
    options = {"noise": "univariate"}
    found = ba.searchlight(
        {"a": rdm}, one, radius=5, dissimilarity="crossnobis", dissimilarity_options=options, comparator="cosine"
    )
    patch = patches_of(GRID, 5).of(7)
    data = one.centred().data[:, patch, 0]
    expected = compute_trial_rdms(data, names, "crossnobis", runs, options, stimulus_ids=ids(5))
    assert found.scores[0, 0, 7] == pytest.approx(compare(rdm, expected, "cosine")[0, 0], abs=1e-12)


def test_a_centre_without_a_score_is_empty_and_said() -> None:
    one = brain(0)
    data = one.data.copy()
    data[3, :40] = 1.0  # a constant pattern has no correlation distance
    rdm, _ = model(0)
    found = ba.searchlight({"a": rdm}, replace(one, data=data), radius=5, permutations=20)
    empty = ~np.isfinite(found.map("a"))
    assert 0 < empty.sum() < len(empty)
    assert np.array_equal(empty, ~np.isfinite(found.map("a", "p_fwe")))
    assert f"{empty.sum()} of {len(empty)} centres have no score" in found.notes[-1]
    assert "picture 3" in found.notes[-1]
    with pytest.raises(DataError, match="picture 3"):
        ba.searchlight({"a": rdm}, replace(one, data=np.where(np.arange(14)[:, None, None] == 3, 1.0, data)), radius=5)


def test_subjects_must_share_a_space() -> None:
    rdm, _ = model(0)
    first, second = brain(0, subject="a"), brain(1, subject="b")
    own = replace(second, geometry=GRID.in_space(""))
    with pytest.raises(SpecError, match="spaces 'made up' and 'unknown'"):
        ba.searchlight({"m": rdm}, [first, own], radius=5)
    declared = ba.searchlight({"m": rdm}, [first, own], radius=5, space="ours")
    assert declared.geometry.space == "ours"
    assert "was declared" in " ".join(declared.notes)
    moved = replace(second, geometry=replace(GRID, affine=GRID.affine + 0.5))
    with pytest.raises(SpecError, match="other positions in mm"):
        ba.searchlight({"m": rdm}, [first, moved], radius=5, space="ours")
    part = brain(1, subject="b").drop_channels(GRID.names()[:30])
    both = ba.searchlight({"m": rdm}, [first, part], radius=5)
    assert "150 of 180 voxels are in all subjects" in " ".join(both.notes)
    assert np.array_equal(
        both.map(subject="b"), ba.searchlight({"m": rdm}, part, radius=5).map()
    )  # fmt: skip


def test_what_cannot_be_is_one_line() -> None:
    rdm, _ = model(0)
    one = brain(0)
    for options, words in (
        ({"radios": 3}, "unknown option 'radios'"),
        ({"comparator": "rho-a"}, "comparator"),
        ({"comparator": "tau-a", "permutations": 10}, "tau-a"),
        ({"strata": {}}, "without permutations"),
        ({"stimuli": "own"}, "'all' or 'shared'"),
        ({"dissimilarity": "nothing"}, "nothing"),
    ):
        with pytest.raises(SpecError, match=words):
            ba.searchlight({"m": rdm}, one, radius=5, **options)
    with pytest.raises(SpecError, match="does not know where its channels are"):
        ba.searchlight({"m": rdm}, replace(one, geometry=None), radius=5)
    late = ba.Recording.from_array(np.ones((14, 180, 2)), ids(14), times=[0, 1], geometry=GRID)
    with pytest.raises(SpecError, match="has 2 times"):
        ba.searchlight({"m": rdm}, late, radius=5)
    with pytest.raises(StimulusMismatchError, match="lacks 1"):
        ba.searchlight({"m": rdm}, one.subset(ids(13)), radius=5)
    assert ba.searchlight({"m": rdm}, one.subset(ids(13)), radius=5, stimuli="shared").scores.shape[0] == 1
    with pytest.raises(DataError, match="'flat' is constant"):
        ba.searchlight({"flat": ba.RDMs(np.ones((1, 91)), ids(14), "flat")}, one, radius=5)
    with pytest.raises(SpecError, match="got no model"):
        ba.searchlight({}, one, radius=5)
    with pytest.raises(SpecError, match="Two models are called 'a'"):
        ba.searchlight(ba.RDMs(rdm.dissimilarities[[0, 0]], ids(14), "x", {"model": ("a", "a")}), one, radius=5)


def test_layers_and_seeds_of_networks_are_maps() -> None:
    nets = ba.example_networks()
    data = np.random.default_rng(0).normal(size=(24, len(GRID)))
    one = ba.Recording.from_array(data, nets[0].stimulus_ids, geometry=GRID)
    found = ba.searchlight(nets, one, radius=5)
    assert found.names == ("a early", "a late", "b early", "b late")
    alone = ba.searchlight({"x": ba.compute_rdms(nets[4].layers["late"], nets[4].stimulus_ids)}, one, radius=5)
    assert np.abs(found.map("b late", seed=1) - alone.map("x")).max() < 1e-12


def test_memory_does_not_grow_with_the_number_of_centres(monkeypatch: pytest.MonkeyPatch) -> None:
    """RDMs of 180 centres x 40 stimuli take 1.1 MB together; blocks hold .3 MB."""
    import tracemalloc

    monkeypatch.setattr(scoring, "BLOCK_BYTES", 300_000)
    rdm, _ = model(0, 40)
    one = brain(0, 40)
    ba.searchlight({"m": rdm}, one, radius=5)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    ba.searchlight({"m": rdm}, one, radius=5)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert peak < 800_000
