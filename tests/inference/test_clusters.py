import numpy as np
import pytest

from brainalign.errors import SpecError
from brainalign.inference.clusters import clusters


def scores(n_subjects: int = 10, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).standard_normal((n_subjects, 40))
    values[:, 15:22] += 2
    return values


@pytest.mark.parametrize("method", ["cluster", "tfce"])
def test_an_effect_is_found_where_it_is(method):
    found = clusters(scores(), method, n_permutations=512)
    significant = found.p_points < 0.05
    assert significant[16:21].all()
    assert not significant[:12].any()
    assert not significant[26:].any()


def test_clusters_and_sums_are_those_of_mne():
    stats = pytest.importorskip("mne").stats
    values = scores()
    found = clusters(values, n_permutations=512)
    _, own, p, _ = stats.permutation_cluster_1samp_test(
        values, threshold=1.8331129, tail=1, n_permutations=512, out_type="mask", seed=0, verbose="error"
    )
    assert found.labels.max() == len(own)
    np.testing.assert_allclose(found.p, p, atol=0.01)


def test_planes_of_times_are_tested_too():
    values = np.random.default_rng(1).standard_normal((8, 12, 12))
    values[:, 4:8, 4:8] += 2.5
    found = clusters(values, n_permutations=256)
    assert found.p_points[5:7, 5:7].max() < 0.05
    assert "not when it begins or ends" in found.sentence


def test_false_positives_are_nominal():
    rng = np.random.default_rng(2)
    hits = [clusters(rng.standard_normal((8, 20)), n_permutations=256).p_points.min() < 0.05 for _ in range(100)]
    assert np.mean(hits) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 100)


def test_five_subjects_cannot_be_tested():
    with pytest.raises(SpecError, match=r"smallest p 0\.0625"):
        clusters(scores(5))


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    clusters(np.random.default_rng(0).normal(size=(8, 12)))
    said = capfd.readouterr()
    assert said.out + said.err == ""
