import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.spatial.distance import pdist, squareform

from brainalign.dissimilarities.dissimilarity import dissimilarities
from brainalign.errors import DataError, SpecError, StimulusMismatchError
from brainalign.rdms import RDMs, by_subject, compute_rdms, concatenate, match

#: Dissimilarities of mean patterns.
OF_MEANS = [name for name, one in dissimilarities().items() if one.needs == "means"]


PDIST = {
    "correlation": "correlation",
    "squared_euclidean": "sqeuclidean",
    "euclidean": "euclidean",
    "cosine": "cosine",
}


def ids(n):
    return tuple(f"s{k}" for k in range(n))


def rdms(n=6, k=2, seed=0, **descriptors):
    rng = np.random.default_rng(seed)
    return RDMs(rng.random((k, n * (n - 1) // 2)), ids(n), "correlation", descriptors)


def reference(features, measure):
    distances = pdist(np.asarray(features, np.float64), PDIST[measure])
    per_feature = {"squared_euclidean": features.shape[1], "euclidean": np.sqrt(features.shape[1])}
    return distances / per_feature.get(measure, 1)


@pytest.mark.parametrize("measure", OF_MEANS)
@pytest.mark.parametrize("mean", [0.0, 1e3])
def test_rdms_equal_scipy_also_with_large_means(measure, mean):
    features = np.random.default_rng(0).standard_normal((30, 500)) + mean
    ours = compute_rdms(features, ids(30), measure).dissimilarities[0]
    np.testing.assert_allclose(ours, reference(features, measure), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("measure", "theirs"), [("correlation", "correlation"), ("squared_euclidean", "euclidean")])
def test_rdms_equal_rsatoolbox(measure, theirs):
    import rsatoolbox

    features = np.random.default_rng(1).standard_normal((25, 80)) + 10
    found = rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(features), method=theirs).get_vectors()
    np.testing.assert_allclose(compute_rdms(features, ids(25), measure).dissimilarities, found, rtol=0, atol=1e-10)


def test_blocks_of_features_change_nothing(monkeypatch):
    features = np.random.default_rng(2).standard_normal((12, 101)) + 3
    for measure in OF_MEANS:
        whole = compute_rdms(features, ids(12), measure).dissimilarities
        monkeypatch.setattr("brainalign.dissimilarities.gram._BLOCK", 12 * 7)
        np.testing.assert_allclose(compute_rdms(features, ids(12), measure).dissimilarities, whole, rtol=0, atol=1e-12)
        monkeypatch.undo()


def test_a_wide_float32_array_is_never_copied_whole_to_float64():
    features = np.random.default_rng(3).standard_normal((100, 400_000), dtype=np.float32)
    tracemalloc.start()
    compute_rdms(features, ids(100), "correlation")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < features.nbytes  # a float64 copy would be twice that


@pytest.mark.parametrize("measure", OF_MEANS)
def test_identical_patterns_are_at_no_distance_and_nothing_is_negative(measure):
    features = np.random.default_rng(4).standard_normal((8, 1000)) * 50 + 1000
    features[5] = features[2]
    rdm = compute_rdms(features, ids(8), measure)
    assert rdm.matrices()[0, 2, 5] < 1e-10
    assert (rdm.dissimilarities >= 0).all()


def test_torch_sets_and_integer_features_agree_with_numpy():
    sets = np.random.default_rng(5).integers(0, 255, (3, 7, 40), dtype=np.uint8)
    ours = compute_rdms(sets, ids(7), descriptors={"seed": ("0", "1", "2")}, sets=True)
    assert len(ours) == 3
    for k in range(3):
        np.testing.assert_allclose(ours.dissimilarities[k], reference(sets[k], "correlation"), rtol=0, atol=1e-12)
    for dtype in (torch.float32, torch.bfloat16):
        tensor = torch.from_numpy(sets).to(dtype).requires_grad_()
        np.testing.assert_allclose(
            compute_rdms(tensor, ids(7), sets=True).dissimilarities, ours.dissimilarities, atol=1e-6
        )


def test_patterns_without_a_distance_are_refused_by_name():
    features = np.random.default_rng(6).standard_normal((6, 9))
    features[3] = 0.1
    with pytest.raises(DataError, match="'s3' is constant"):
        compute_rdms(features, ids(6), "correlation")
    features[3] = 0
    with pytest.raises(DataError, match="'s3' is zero"):
        compute_rdms(features, ids(6), "cosine")
    assert np.isfinite(compute_rdms(features, ids(6), "squared_euclidean").dissimilarities).all()
    for bad in ([np.nan, 1], [np.inf, -np.inf], [np.inf, 0]):
        features[4, :2] = bad
        with pytest.raises(DataError, match="'s4' holds NaN or infinity"):
            compute_rdms(features, ids(6), "squared_euclidean")


def test_unknown_measure_and_wrong_number_of_ids_are_refused():
    with pytest.raises(SpecError, match=r"'manhattan'.*correlation, .*cosine, crossnobis"):
        compute_rdms(np.eye(3), ids(3), "manhattan")
    with pytest.raises(StimulusMismatchError, match="give one pattern per id"):
        compute_rdms(np.eye(3), ids(4))


def test_construction_checks_pairs_ids_values_and_descriptors():
    with pytest.raises(StimulusMismatchError, match=r"\(2, 5\).*\(n_rdms, 6\)"):
        RDMs(np.zeros((2, 5)), ids(4), "x")
    with pytest.raises(StimulusMismatchError, match=r"\['s0'\] repeat"):
        RDMs(np.zeros((1, 3)), ("s0", "s1", "s0"), "x")
    values = np.ones((2, 6))
    values[1, 4] = np.nan
    first, second = np.argwhere(squareform(np.arange(1, 7)) == 5)[0]
    with pytest.raises(DataError, match=f"RDM 1: the dissimilarity of 's{first}' and 's{second}' is nan"):
        RDMs(values, ids(4), "x")
    with pytest.raises(DataError, match="'subject' has 1 values for 2 RDMs"):
        RDMs(np.ones((2, 6)), ids(4), "x", {"subject": ("a",)})


def test_matrices_and_from_matrices_are_inverse_and_follow_squareform():
    original = rdms(7, 3, subject=("a", "b", "c"))
    matrices = original.matrices()
    for k in range(3):
        np.testing.assert_array_equal(matrices[k], squareform(original.dissimilarities[k]))
    back = RDMs.from_matrices(matrices, original.stimulus_ids, "correlation", original.descriptors)
    np.testing.assert_array_equal(back.dissimilarities, original.dissimilarities)
    assert back.descriptors == original.descriptors


def test_from_matrices_refuses_what_is_not_a_dissimilarity_matrix():
    matrix = rdms(4, 1).matrices()[0]
    crooked = matrix.copy()
    crooked[2, 0] += 0.1
    for wrong, message in ((crooked, "not symmetric"), (1 - matrix, "not zero on its diagonal")):
        with pytest.raises(DataError, match=message):
            RDMs.from_matrices(wrong, ids(4), "x")
    crooked[2, 0] = np.nan
    with pytest.raises(DataError, match="not symmetric"):
        RDMs.from_matrices(crooked, ids(4), "x")
    with pytest.raises(StimulusMismatchError, match=r"expected \(n_rdms, 5, 5\)"):
        RDMs.from_matrices(matrix, ids(5), "x")


def test_subset_reorders_pairs_as_indexing_matrices_does():
    original = rdms(9, 2)
    wanted = [7, 2, 8, 0, 3]
    part = original.subset([f"s{k}" for k in wanted])
    assert part.stimulus_ids == ("s7", "s2", "s8", "s0", "s3")
    np.testing.assert_array_equal(part.matrices(), original.matrices()[:, wanted][:, :, wanted])
    with pytest.raises(StimulusMismatchError, match=r"1 of 2 .*'nope'"):
        original.subset(["s1", "nope"])
    with pytest.raises(StimulusMismatchError, match="repeat"):
        original.subset(["s1", "s1"])


def test_select_and_mean():
    original = rdms(4, 4, subject=("a", "b", "a", "c"), roi=("V1", "V1", "IT", "V1"))
    chosen = original.select(subject=("a", "c"), roi="V1")
    assert chosen.descriptors == {"subject": ("a", "c"), "roi": ("V1", "V1")}
    np.testing.assert_array_equal(chosen.dissimilarities, original.dissimilarities[[0, 3]])
    mean = chosen.mean()
    np.testing.assert_allclose(mean.dissimilarities[0], original.dissimilarities[[0, 3]].mean(axis=0))
    assert mean.descriptors == {"roi": ("V1",)}
    with pytest.raises(DataError, match="No RDM has"):
        original.select(subject="z")
    with pytest.raises(DataError, match=r"no descriptor 'age'; choose one of subject, roi"):
        original.select(age="7")


def test_match_joins_by_id_and_refuses_other_stimuli():
    a = rdms(6, 1)
    shuffled = a.subset(["s4", "s1", "s0", "s5", "s3", "s2"])
    left, right = match(a, shuffled)
    assert left is a
    np.testing.assert_array_equal(right.dissimilarities, a.dissimilarities)
    assert not np.array_equal(shuffled.dissimilarities, a.dissimilarities)
    with pytest.raises(StimulusMismatchError, match=r"6 and 4 stimuli: 2 are only in the first \(\['s4', 's5'\]"):
        match(a, a.subset(ids(4)))


def test_concatenate_reorders_and_keeps_shared_descriptors():
    a = rdms(5, 2, subject=("a", "b"), roi=("V1", "V1"))
    b = rdms(5, 1, seed=1, subject=("c",)).subset(["s3", "s2", "s1", "s0", "s4"])
    both = concatenate([a, b])
    assert both.stimulus_ids == a.stimulus_ids
    assert both.descriptors == {"subject": ("a", "b", "c")}
    np.testing.assert_array_equal(both.dissimilarities[2], b.subset(a.stimulus_ids).dissimilarities[0])
    with pytest.raises(SpecError, match="measures"):
        concatenate([a, RDMs(a.dissimilarities, a.stimulus_ids, "squared_euclidean")])


def test_a_recording_with_times_does_not_become_as_many_rdms_as_it_has_stimuli():
    responses = np.random.default_rng(0).standard_normal((32, 32, 50))
    with pytest.raises(StimulusMismatchError, match=r"shape \(32, 32, 50\), expected \(32, n_features\) for 32 ids"):
        compute_rdms(responses, ids(32))
    assert len(compute_rdms(responses.reshape(32, -1), ids(32))) == 1
    assert len(compute_rdms(responses, ids(32), sets=True)) == 32


@pytest.mark.parametrize("kind", ["list", "frame", "reversed", "big-endian", "gradient", "unmasked", "whole numbers"])
def test_numbers_of_any_container_give_the_same_rdm(kind):
    values = np.random.default_rng(1).integers(-50, 50, (6, 9)).astype(np.float64)
    given = {
        "list": values.tolist(),
        "frame": pd.DataFrame(values),
        "reversed": values[::-1, ::-1].copy()[::-1, ::-1],
        "big-endian": values.astype(">f8"),
        "gradient": torch.tensor(values, requires_grad=True),
        "unmasked": np.ma.masked_array(values, mask=False),
        "whole numbers": values.astype(np.int16),
    }[kind]
    expected = compute_rdms(values, ids(6)).dissimilarities
    np.testing.assert_allclose(compute_rdms(given, np.array(ids(6))).dissimilarities, expected, atol=1e-13)


def test_values_that_are_no_numbers_are_refused_in_one_line():
    values = np.random.default_rng(1).standard_normal((4, 9))
    for given, message in (
        (np.ma.masked_array(values, mask=values > 1), "Features: [0-9]+ values are masked"),
        (values.astype(str), "Features: the values are text; expected real numbers"),
        (values + 1j, "Features: the values are complex numbers"),
        ([[1, None], [2, 3], [4, 5], [6, 7]], "Features: a value is None; expected numbers"),
        ([[1, 2], [3]], "Features: the values form no regular array"),
        (values[:, :0], r"Features have shape \(4, 0\), expected at least one stimulus and one feature"),
    ):
        with pytest.raises(DataError, match=message) as error:
            compute_rdms(given, ids(4))
        assert "\n" not in str(error.value)


def test_rdms_of_one_subject_are_averaged_and_those_without_a_subject_stay():
    values = np.random.default_rng(2).random((3, 6))
    sessions = RDMs(values, ids(4), "correlation", {"subject": ("b", "a", "b"), "session": ("1", "1", "2")})
    found = by_subject(sessions)
    assert found.descriptors["subject"] == ("b", "a")
    np.testing.assert_allclose(found.dissimilarities, [values[[0, 2]].mean(axis=0), values[1]])
    unnamed = RDMs(values, ids(4), "correlation")
    assert by_subject(unnamed) is unnamed
