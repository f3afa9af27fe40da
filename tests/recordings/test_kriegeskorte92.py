import numpy as np
import pytest
from scipy.io import loadmat
from scipy.stats import spearmanr

from brainalign.datasets.manifest import load_manifest
from brainalign.discovery import available
from brainalign.errors import DataError
from brainalign.recordings.kriegeskorte92 import Kriegeskorte92
from brainalign.recordings.source import RecordingSource


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    return float(spearmanr(a, b)[0])


@pytest.fixture(scope="module")
def group(data_dir: str) -> np.ndarray:
    """Human IT RDM of the group, as the authors published it."""
    path = f"{data_dir}/kriegeskorte92/Kriegeskorte_Neuron2008_supplementalData.mat"
    return loadmat(path)["RDMs_mIT_hIT_fig1"][0, 1]["RDM"].ravel()


def test_source_agrees_with_its_manifest() -> None:
    manifest = load_manifest("kriegeskorte92")
    assert available("recordings", RecordingSource)["kriegeskorte92"] is Kriegeskorte92
    assert (manifest.title, manifest.citation, manifest.modality, manifest.kind) == (
        Kriegeskorte92.title,
        Kriegeskorte92.citation,
        Kriegeskorte92.modality,
        "recording",
    )


def test_photographs_and_labels(data_dir: str) -> None:
    stimuli = Kriegeskorte92(data_dir).stimuli()
    assert stimuli.images.shape == (92, 175, 175, 3)
    assert (stimuli.ids[0], stimuli.ids[-1]) == ("kriegeskorte92-01", "kriegeskorte92-92")
    assert stimuli.labels is not None
    assert sum(label.startswith("animate: ") for label in stimuli.labels) == 48
    assert sum(label.startswith("inanimate: ") for label in stimuli.labels) == 44
    counts = {label: stimuli.labels.count(label) for label in stimuli.labels}
    assert counts == {
        "animate: human body part": 12,
        "animate: human face": 12,
        "animate: nonhuman body part": 12,
        "animate: nonhuman face": 12,
        "inanimate: natural": 23,
        "inanimate: artificial": 21,
    }


def test_photographs_are_upright(data_dir: str) -> None:
    images = Kriegeskorte92(data_dir).stimuli().images.astype(float)
    drawn = np.abs(images - 128).sum(axis=-1) > 30
    person = drawn[6]  # a standing person: tall, narrow
    rows, columns = np.nonzero(person)
    assert np.ptp(rows) > 2 * np.ptp(columns)
    landscape = images[60]  # a lake: blue sky above
    assert landscape[50:65, 60:120, 2].mean() > landscape[50:65, 60:120, 0].mean()
    faces = drawn[12:24].mean(axis=0)  # shoulders at the bottom are wider than hair at the top
    assert faces[165].sum() > faces[10].sum()


def test_monkey_and_human_it_agree_as_published(data_dir: str, group: np.ndarray) -> None:
    monkey = Kriegeskorte92(data_dir).rdms("monkeyIT")
    assert monkey.dissimilarities.shape == (1, 4186)
    assert spearman(monkey.dissimilarities[0], group) == pytest.approx(0.4389, abs=5e-5)


def test_animacy_explains_both_species_as_published(data_dir: str, group: np.ndarray) -> None:
    labels = Kriegeskorte92(data_dir).stimuli().labels
    assert labels is not None
    animate = np.array([label.startswith("animate") for label in labels])
    model = (animate[:, None] != animate)[np.triu_indices(92, 1)]
    monkey = Kriegeskorte92(data_dir).rdms("monkeyIT").dissimilarities[0]
    assert spearman(model, group) == pytest.approx(0.59, abs=0.005)
    assert spearman(model, monkey) == pytest.approx(0.45, abs=0.005)


def test_four_subjects_average_to_the_published_group(data_dir: str, group: np.ndarray) -> None:
    human = Kriegeskorte92(data_dir).rdms("humanIT")
    assert human.dissimilarities.shape == (4, 4186)
    assert human.descriptors["subject"] == ("BE", "KO", "SN", "TI")
    assert human.measure == "correlation"
    # The two files were published apart; their agreement checks subjects, sessions, order and pairs at once.
    np.testing.assert_allclose(human.dissimilarities.mean(axis=0), group, rtol=1e-6)


def test_noise_ceiling_of_four_subjects(data_dir: str) -> None:
    rdms = Kriegeskorte92(data_dir).rdms("humanIT").dissimilarities
    others = [np.delete(rdms, k, 0).mean(axis=0) for k in range(4)]
    lower = np.mean([spearman(rdm, other) for rdm, other in zip(rdms, others, strict=True)])
    upper = np.mean([spearman(rdm, rdms.mean(axis=0)) for rdm in rdms])
    assert lower == pytest.approx(0.38, abs=0.005)
    assert upper == pytest.approx(0.67, abs=0.01)


def test_unknown_roi_is_refused() -> None:
    with pytest.raises(DataError, match="'V1'; choose one of monkeyIT, humanIT"):
        Kriegeskorte92().rdms("V1")
