import numpy as np
import pytest
from scipy.stats import spearmanr

from brainalign.datasets.manifest import load_manifest
from brainalign.discovery import available
from brainalign.errors import DataError
from brainalign.recordings.cichy92 import Cichy92
from brainalign.recordings.kriegeskorte92 import Kriegeskorte92
from brainalign.recordings.source import RecordingSource


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    return float(spearmanr(a, b)[0])


def test_source_agrees_with_its_manifest() -> None:
    manifest = load_manifest("cichy92")
    assert available("recordings", RecordingSource)["cichy92"] is Cichy92
    assert (manifest.title, manifest.citation, manifest.modality, manifest.kind) == (
        Cichy92.title,
        Cichy92.citation,
        Cichy92.modality,
        "recording",
    )


def test_ids_and_photographs_are_those_of_kriegeskorte(data_dir: str) -> None:
    stimuli = Cichy92(data_dir).stimuli()
    assert stimuli.key == Kriegeskorte92(data_dir).stimuli().key
    for roi in Cichy92.rois:
        rdms = Cichy92(data_dir).rdms(roi)
        assert rdms.stimulus_ids == stimuli.ids
        assert rdms.dissimilarities.shape == (15, 4186)
        assert rdms.measure == "correlation"
        assert len(set(rdms.descriptors["subject"])) == 15
        assert rdms.dissimilarities.min() >= 0
        assert rdms.dissimilarities.max() <= 2
    assert Cichy92(data_dir).recordings() == ()


def test_it_follows_animacy_and_an_independent_study(data_dir: str) -> None:
    labels = Cichy92(data_dir).stimuli().labels
    assert labels is not None
    animate = np.array([label.startswith("animate") for label in labels])
    model = (animate[:, None] != animate)[np.triu_indices(92, 1)]
    mean = Cichy92(data_dir).rdms("IT").dissimilarities.mean(axis=0)
    assert spearman(mean, model) == pytest.approx(0.467, abs=5e-4)
    human = Kriegeskorte92(data_dir).rdms("humanIT").dissimilarities.mean(axis=0)
    assert spearman(mean, human) == pytest.approx(0.56, abs=0.005)


def test_early_visual_cortex_follows_the_silhouettes_of_its_photographs(data_dir: str) -> None:
    from scipy.spatial.distance import pdist, squareform

    images = Cichy92(data_dir).stimuli().images.astype(float)
    drawn = (np.abs(images - 128) > 8).any(axis=-1).reshape(92, -1).astype(float)
    silhouettes = squareform(pdist(drawn, "correlation"))
    upper = np.triu_indices(92, 1)
    evc = Cichy92(data_dir).rdms("EVC").dissimilarities.mean(axis=0)
    rho = spearman(evc, silhouettes[upper])
    # Photographs out of step with the RDM would lose the relation.
    shifted = [spearman(evc, np.roll(silhouettes, (k, k), axis=(0, 1))[upper]) for k in (-2, -1, 1, 2)]
    assert rho > 0.3
    assert rho > max(shifted) + 0.1


@pytest.mark.parametrize(("roi", "lower", "upper"), [("IT", 0.4525, 0.5422), ("EVC", 0.2419, 0.3917)])
def test_noise_ceiling_as_rsatoolbox_computes_it(data_dir: str, roi: str, lower: float, upper: float) -> None:
    import rsatoolbox

    rdms = rsatoolbox.rdm.RDMs(Cichy92(data_dir).rdms(roi).dissimilarities)
    found = rsatoolbox.inference.boot_noise_ceiling(rdms, method="spearman")
    assert found == pytest.approx((lower, upper), abs=5e-4)


def test_unknown_roi_is_refused() -> None:
    with pytest.raises(DataError, match="'V1'; choose one of EVC, IT"):
        Cichy92().rdms("V1")
