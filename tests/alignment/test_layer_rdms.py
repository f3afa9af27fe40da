"""Networks given as RDMs of their layers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import brainalign as ba
from brainalign.comparisons.linear_cka import LinearCKA
from brainalign.errors import DataError, SpecError, StimulusMismatchError


def _brain(ids: tuple[str, ...]) -> ba.RecordingSource:
    rng = np.random.default_rng(1)
    rdms = [1 - np.corrcoef(rng.normal(size=(len(ids), 9))) for _ in range(6)]
    return ba.own_recording(None, rdms=rdms, ids=ids)


@pytest.mark.parametrize("comparator", ["corr", "spearman", "corr_cov"])
def test_scores_equal_those_of_the_activations(comparator: str) -> None:
    nets = ba.example_networks()
    brain = _brain(nets[0].stimulus_ids)
    measure = ba.RSA(comparator=comparator)
    direct = ba.align(nets, brain, [measure])
    by_rdm = ba.align([ba.LayerRDMs.of(one) for one in nets], brain, [measure])
    for table in ("scores", "contrasts", "ranks"):
        assert getattr(by_rdm, table).equals(getattr(direct, table)), table


def test_rdms_come_back_from_a_file_in_single_precision(tmp_path: Path) -> None:
    nets = [ba.LayerRDMs.of(one) for one in ba.example_networks()]
    ba.save_rdms(tmp_path / "nets.safetensors", nets, {"weights": ["a", "b"]})
    again, about = ba.load_rdms(tmp_path / "nets.safetensors")
    assert about == {"weights": ["a", "b"]}
    assert [one.origin for one in again] == [one.origin for one in nets]
    for one, other in zip(nets, again, strict=True):
        assert other.stimulus_ids == one.stimulus_ids
        for name, rdm in one.layers.items():
            stored = other.layers[name]
            np.testing.assert_array_equal(stored.dissimilarities, rdm.dissimilarities.astype(np.float32))
            # values that single precision does not tell apart are tied
            assert stored.rounding[0] >= 2**-25 * rdm.dissimilarities.max()
    brain = _brain(nets[0].stimulus_ids)
    a, b = (ba.align(some, brain, [ba.RSA(comparator="corr")]).scores.score for some in (nets, again))
    assert np.abs(a - b).max() < 1e-6


def test_a_measure_of_patterns_refuses_rdms() -> None:
    nets = ba.example_networks()
    ids = nets[0].stimulus_ids
    images = np.random.default_rng(0).integers(0, 255, (24, 8, 8, 3)).astype(np.uint8)
    pictures = ba.Stimuli(ids, images, "x")
    trials = [ba.Recording.from_array(np.random.default_rng(0).normal(size=(24, 5)), ids)]
    source = ba.own_recording(pictures, trials=trials, name="mine")
    with pytest.raises(SpecError, match="needs the patterns of layers; of 'a' there are RDMs"):
        ba.align([ba.LayerRDMs.of(one) for one in nets], source, [LinearCKA()], subjects="fixed")


def test_another_dissimilarity_is_refused() -> None:
    nets = [ba.LayerRDMs.of(one, "euclidean") for one in ba.example_networks()]
    with pytest.raises(SpecError, match=r"of 'euclidean', the measure asks for 'correlation'.*RSA\(dissimilarity="):
        ba.align(nets, _brain(nets[0].stimulus_ids), [ba.RSA()])


def test_layers_of_other_stimuli_and_no_layers_are_refused() -> None:
    one = ba.LayerRDMs.of(ba.example_networks()[0])
    name, rdm = next(iter(one.layers.items()))
    with pytest.raises(StimulusMismatchError, match="has other stimuli than the first"):
        replace(one, layers={name: rdm, "more": rdm.subset(rdm.stimulus_ids[:5])})
    with pytest.raises(DataError, match="has no RDM of a layer"):
        replace(one, layers={})


def test_a_file_of_activations_is_no_file_of_rdms(tmp_path: Path) -> None:
    (path,) = ba.Shown(ba.example_networks()[:1]).save(tmp_path)
    with pytest.raises(DataError, match="holds no RDMs of layers"):
        ba.load_rdms(path)
