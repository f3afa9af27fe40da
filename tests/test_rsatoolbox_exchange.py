import numpy as np
import pytest

from brainalign.errors import DataError, StimulusMismatchError
from brainalign.rdms import compute_rdms
from brainalign.rsatoolbox_exchange import from_rsatoolbox, to_rsatoolbox


def example():
    features = np.random.default_rng(0).standard_normal((2, 5, 20))
    return compute_rdms(features, tuple("dacbe"), "squared_euclidean", {"subject": ("s1", "s2")}, sets=True)


def test_round_trip_keeps_values_ids_and_descriptors():
    ours = example()
    theirs = to_rsatoolbox(ours)
    assert theirs.dissimilarity_measure == "squared euclidean"
    np.testing.assert_array_equal(theirs.get_matrices(), ours.matrices())
    back = from_rsatoolbox(theirs)
    np.testing.assert_array_equal(back.dissimilarities, ours.dissimilarities)
    assert (back.stimulus_ids, back.measure, back.descriptors) == (
        ours.stimulus_ids,
        "squared_euclidean",
        ours.descriptors,
    )


def test_reordering_there_is_followed_here():
    theirs = to_rsatoolbox(example())
    theirs.sort_by(stimulus="alpha")
    back = from_rsatoolbox(theirs)
    assert back.stimulus_ids == tuple("abcde")
    np.testing.assert_array_equal(back.dissimilarities, example().subset(list("abcde")).dissimilarities)


def test_missing_id_descriptor_is_named():
    with pytest.raises(StimulusMismatchError, match=r"'image'.*stimulus"):
        from_rsatoolbox(to_rsatoolbox(example()), "image")


def test_rdms_without_descriptors_get_one_line():
    import rsatoolbox as toolbox

    bare = toolbox.rdm.RDMs(np.ones((1, 6)))
    with pytest.raises(
        StimulusMismatchError, match=r"take them by from_rsatoolbox\(rdms, id_descriptor\), one of: index"
    ):
        from_rsatoolbox(bare)
    assert from_rsatoolbox(bare, "index").stimulus_ids == ("0", "1", "2", "3")
    bare.rdm_descriptors = None
    assert from_rsatoolbox(bare, "index").descriptors == {}
    bare.pattern_descriptors = None
    with pytest.raises(StimulusMismatchError, match="one of: none; set pattern_descriptors first"):
        from_rsatoolbox(bare)
    with pytest.raises(DataError, match=r"got ndarray, expected rsatoolbox\.rdm\.RDMs"):
        from_rsatoolbox(np.ones((3, 3)))


def test_squared_and_unsquared_distances_keep_their_names():
    import rsatoolbox as toolbox

    for theirs, ours in (("euclidean", "euclidean"), ("squared euclidean", "squared_euclidean")):
        given = toolbox.rdm.RDMs(np.ones((1, 3)), theirs, pattern_descriptors={"stimulus": ["a", "b", "c"]})
        assert from_rsatoolbox(given).measure == ours
        assert to_rsatoolbox(from_rsatoolbox(given)).dissimilarity_measure == theirs
