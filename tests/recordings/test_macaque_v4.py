import numpy as np
import pytest

from brainalign.datasets.manifest import load_manifest, locate
from brainalign.datasets.stimuli import positions
from brainalign.discovery import available, create
from brainalign.errors import DataError, SpecError
from brainalign.recordings.macaque_v4 import MacaqueV4
from brainalign.recordings.source import RecordingSource


def test_source_agrees_with_its_manifest() -> None:
    manifest = load_manifest("macaque_v4")
    assert available("recordings", RecordingSource)["macaque_v4"] is MacaqueV4
    assert create("recordings", RecordingSource, "macaque_v4", {"session": "201025"}) == MacaqueV4(session="201025")
    assert (manifest.title, manifest.citation, manifest.modality, manifest.kind) == (
        MacaqueV4.title,
        MacaqueV4.citation,
        MacaqueV4.modality,
        "recording",
    )


def test_unknown_session_and_roi_are_refused() -> None:
    with pytest.raises(SpecError, match=r"'190923'.*210325, 201025"):
        MacaqueV4(session="190923")
    with pytest.raises(DataError, match="'IT'; choose one of V4"):
        MacaqueV4().rdms("IT")


def test_every_repeat_is_a_trial(data_dir: str) -> None:
    source = MacaqueV4(data_dir)
    (recording,) = source.recordings()
    assert recording.data.shape == (640 * 10 - 1560, 50, 1)
    assert (recording.unit, recording.times, recording.subject) == ("spikes/100 ms", (0.0,), "PE")
    counts = {stimulus: recording.stimulus_ids.count(stimulus) for stimulus in set(recording.stimulus_ids)}
    assert len(counts) == 640
    assert (min(counts.values()), max(counts.values())) == (6, 10)
    ids, responses = recording.average("V4")
    assert ids == source.stimuli().ids
    # The authors published the mean over repeats in a file of its own.
    published = np.load(locate("macaque_v4", "responses_210325.npy", data_dir))
    np.testing.assert_allclose(responses[:, :, 0], published.T, rtol=1e-12)


def test_split_half_reliability(data_dir: str) -> None:
    (recording,) = MacaqueV4(data_dir).recordings()
    ids = recording.stimulus_ids
    rank = np.array([k - ids.index(stimulus) for k, stimulus in enumerate(ids)])
    rows = positions(tuple(dict.fromkeys(ids)), ids, "trials")
    halves = []
    for half in (0, 1):
        keep = rank % 2 == half
        total = np.zeros((640, 50))
        np.add.at(total, rows[keep], recording.data[keep, :, 0])
        halves.append(total / np.bincount(rows[keep])[:, None])
    r = [np.corrcoef(a, b)[0, 1] for a, b in zip(halves[0].T, halves[1].T, strict=True)]
    assert np.median(r) == pytest.approx(0.63, abs=0.005)


@pytest.mark.parametrize(("session", "n_images", "n_units"), [("210325", 640, 50), ("201025", 1200, 89)])
def test_images_belong_to_their_responses(data_dir: str, session: str, n_images: int, n_units: int) -> None:
    source = MacaqueV4(data_dir, session)
    stimuli = source.stimuli()
    assert stimuli.images.shape == (n_images, 112, 112, 3)
    assert stimuli.ids[41] == f"macaque_v4-{session}-0042"
    ids, responses = source.recordings()[0].average()
    assert ids == stimuli.ids
    assert responses.shape == (n_images, n_units, 1)
    # V4 follows contrast; were images and responses out of step, the relation would be gone.
    contrast = stimuli.images.std(axis=(1, 2, 3))

    def relation(shift: int) -> float:
        return float(np.mean([abs(np.corrcoef(np.roll(contrast, shift), u)[0, 1]) for u in responses[:, :, 0].T]))

    assert relation(0) > 1.5 * max(relation(shift) for shift in (-2, -1, 1, 2))


def test_averaged_session_has_one_trial_per_image(data_dir: str) -> None:
    (recording,) = MacaqueV4(data_dir, "201025").recordings()
    assert len(set(recording.stimulus_ids)) == len(recording.stimulus_ids) == 1200


def test_rdm_is_one_minus_pearson_over_units(data_dir: str) -> None:
    source = MacaqueV4(data_dir)
    rdms = source.rdms("V4")
    assert rdms.dissimilarities.shape == (1, 640 * 639 // 2)
    assert (rdms.measure, rdms.descriptors["subject"]) == ("correlation", ("PE",))
    ids, responses = source.recordings()[0].average()
    assert rdms.stimulus_ids == ids
    expected = 1 - np.corrcoef(responses[:, :, 0])[np.triu_indices(640, 1)]
    np.testing.assert_allclose(rdms.dissimilarities[0], expected, atol=1e-9)
