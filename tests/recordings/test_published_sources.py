"""Sources read from their real bytes, with the figures that are known of them."""

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from brainalign.datasets.manifest import load_manifest
from brainalign.errors import BrainalignError, DataError, SpecError
from brainalign.recordings.source import RecordingSource, recording_source

SOURCES = ("eeg49", "features_eeg", "muse_n170", "haxby_slice", "haxby_openfmri", "miyawaki_v1", "algonauts118")


def source(name: str, data_dir: str, **options: object) -> RecordingSource:
    return recording_source(name, {"data_dir": data_dir, **options})


@pytest.mark.parametrize("name", SOURCES)
def test_source_agrees_with_its_manifest(name: str) -> None:
    manifest, one = load_manifest(name), recording_source(name)
    assert (manifest.title, manifest.citation, manifest.modality) == (one.title, one.citation, one.modality)
    assert manifest.kind == "recording"
    assert all(file.url.startswith("https://raw.githubusercontent.com/") for file in manifest.files)
    assert one.known_key
    assert "\n" not in repr(one).split("\n")[0]


# -- eeg49 ------------------------------------------------------------------------------------------------------------


def test_eeg49_accuracies_over_time(data_dir: str) -> None:
    rdms = source("eeg49", data_dir).published_rdms("scalp")
    assert rdms is not None
    times = np.array([float(time) for time in rdms.descriptors["time"]])
    assert (len(times), times[0], times[-1]) == (218, pytest.approx(-0.199, abs=5e-4), pytest.approx(0.648, abs=5e-4))
    mean = rdms.dissimilarities.mean(axis=1)
    assert mean[times < 0].mean() == pytest.approx(0.508, abs=5e-4)
    assert mean.max() == pytest.approx(0.670, abs=5e-4)
    assert times[mean.argmax()] == pytest.approx(0.148, abs=5e-4)
    assert (rdms.measure, set(rdms.descriptors["subject"])) == ("decoding_accuracy", {"group mean"})


def test_eeg49_pictures_are_in_the_order_of_the_pairs(data_dir: str) -> None:
    """Faces are pictures 1 to 24 by their published sizes; the RDM at its peak knows faces from objects."""
    from PIL import Image

    one = source("eeg49", data_dir)
    stimuli, rdms = one.stimuli(), one.published_rdms("scalp")
    assert stimuli is not None
    assert rdms is not None
    assert (stimuli.images.shape, stimuli.ids) == ((49, 482, 482, 1), rdms.stimulus_ids)
    sizes = [Image.open(f"{data_dir}/eeg49/stimuli/stim_{k:03d}.png").width for k in range(1, 50)]
    face = np.array(sizes) < 1000
    assert int(face.sum()) == 24
    between = (face[:, None] != face)[np.triu_indices(49, 1)]
    times = np.array([float(time) for time in rdms.descriptors["time"]])
    peak = rdms.dissimilarities[(times > 0.13) & (times < 0.2)].mean(axis=0)
    rho = spearmanr(peak, between)[0]
    shifted = [
        spearmanr(peak, (np.roll(face, k)[:, None] != np.roll(face, k))[np.triu_indices(49, 1)])[0] for k in (5, 12)
    ]
    assert rho > 0.3
    assert rho > max(shifted) + 0.1


# -- features_eeg -----------------------------------------------------------------------------------------------------


def test_features_eeg_peaks(data_dir: str) -> None:
    table = source("features_eeg", data_dir).decoding()  # type: ignore[attr-defined]
    assert (table.subject.nunique(), table.time.nunique(), sorted(table.rate.unique())) == (16, 175, [6.67, 20.0])
    assert (table.time.min(), table.time.max()) == (pytest.approx(-0.1), pytest.approx(0.596))
    slow = table[table.rate < 10].groupby(["feature", "time"]).accuracy.mean()
    for feature, value, time in (("contrast", 0.350, 0.096), ("sf", 0.381, 0.112)):
        assert slow[feature].max() == pytest.approx(value, abs=5e-4)
        assert slow[feature].idxmax() == pytest.approx(time)
    before = slow[slow.index.get_level_values("time") < 0]
    assert before.mean() == pytest.approx(0.25, abs=0.003)  # chance of four


def test_features_eeg_has_pictures_but_no_rdms(data_dir: str) -> None:
    one = source("features_eeg", data_dir)
    stimuli = one.stimuli()
    assert stimuli is not None
    assert stimuli.images.shape == (256, 128, 128, 3)
    assert stimuli.labels is not None
    assert stimuli.labels[6] == "ori1 sf2 color0 contrast0"
    assert stimuli.ids[6] == "features_eeg-006"
    with pytest.raises(DataError, match="accuracies of four features over time, not as RDMs"):
        one.rdms("scalp")


# -- muse_n170 --------------------------------------------------------------------------------------------------------


def test_muse_tells_faces_from_houses(data_dir: str) -> None:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_score

    one = source("muse_n170", data_dir).recording("subject1")
    assert one is not None
    assert (one.channels, one.unit, len(set(one.runs or ()))) == (("TP9", "AF7", "AF8", "TP10"), "V", 6)
    face, times = np.array(one.stimulus_ids) == "face", np.array(one.times)
    early = one.data[:, :, (times >= 0) & (times <= 0.5)][:, :, ::4].reshape(len(face), -1)
    classifier = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    scores = cross_val_score(classifier, early, face, groups=one.runs, cv=LeaveOneGroupOut(), scoring="roc_auc")
    assert scores.mean() >= 0.65


def test_muse_face_minus_house(data_dir: str) -> None:
    """In these files the face-specific negativity comes at 200 to 240 ms, later than 140 to 200 ms."""
    one = source("muse_n170", data_dir).recording("subject1")
    assert one is not None
    temporal = one.select("temporal")
    averages = dict(zip(*temporal.average(), strict=True))
    difference = 1e6 * (averages["face"] - averages["house"]).mean(axis=0)
    times = np.array(one.times)
    assert difference[(times >= 0.14) & (times <= 0.2)].mean() == pytest.approx(0.33, abs=0.02)
    assert difference[(times >= 0.2) & (times <= 0.24)].mean() < -1.5
    assert abs(difference[times < 0].mean()) < 0.2


def test_muse_reads_no_file_twice_and_no_broken_one(data_dir: str) -> None:
    one = source("muse_n170", data_dir).recording("subject3")
    assert one is not None
    assert sorted(set(one.runs or ())) == [
        "session1/data_2018-05-14-19.14.37.csv", "session1/data_2018-05-14-19.38.10.csv",
        "session2/data_2018-05-14-19.35.55.csv", "session3/recording_2018-05-29-20.14.04.csv.csv",
    ]  # fmt: skip
    assert any("were left out" in note for note in one.notes)


# -- fMRI -------------------------------------------------------------------------------------------------------------


def decoded(one: object, kept: tuple[str, ...] = ()) -> float:
    """Return how often the category of a block of a run that was left out is told."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_score

    ids, runs = np.array(one.stimulus_ids), np.array(one.runs)  # type: ignore[attr-defined]
    rows = np.isin(ids, kept) if kept else np.ones(len(ids), dtype=bool)
    data = one.data[rows, :, 0]  # type: ignore[attr-defined]
    classifier = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    return float(cross_val_score(classifier, data, ids[rows], groups=runs[rows], cv=LeaveOneGroupOut()).mean())


def test_haxby_slice_tells_eight_categories(data_dir: str) -> None:
    one = source("haxby_slice", data_dir).recording("sub001")
    assert one is not None
    assert (one.data.shape, len(set(one.runs or ())), len(set(one.stimulus_ids))) == ((96, 530, 1), 12, 8)
    assert decoded(one) >= 0.80
    with pytest.raises(SpecError, match="shift is 9; expected 0 to 6 volumes"):
        source("haxby_slice", data_dir, shift=9)


def test_haxby_openfmri_tells_faces_from_houses(data_dir: str) -> None:
    one = source("haxby_openfmri", data_dir).recording("sub001")
    assert one is not None
    assert (one.data.shape, one.unit, len(set(one.runs or ()))) == ((96, 530, 1), "z", 12)
    assert decoded(one, ("face", "house")) >= 0.9
    assert any("GLM of each run" in note for note in one.notes)


def test_miyawaki_figures_are_upright_and_decode_from_v1(data_dir: str) -> None:
    """Pixels of a figure that was left out, from voxels, by ridge regression."""
    from sklearn.linear_model import Ridge

    one = source("miyawaki_v1", data_dir)
    stimuli, trials = one.stimuli(), one.recording("s1")
    assert stimuli is not None
    assert trials is not None
    figures = stimuli.images[:, ::16, ::16, 0] / 255
    assert figures.shape == (10, 10, 10)
    ids, responses = np.array(trials.stimulus_ids), trials.data[:, :, 0]
    assert set(np.unique(ids, return_counts=True)[1]) == {8}
    pixels = dict(zip(stimuli.ids, figures.reshape(10, -1), strict=True))
    shown = np.array([pixels[one] for one in ids])
    found = []
    for figure in stimuli.ids:
        test = ids == figure
        scale = responses[~test].std(axis=0)
        x = np.clip(responses / scale, -3, 3)  # outliers reach 42
        predicted = Ridge(1000.0).fit(x[~test], shown[~test]).predict(x[test]).mean(axis=0)
        found.append(np.corrcoef(predicted, pixels[figure])[0, 1])
    assert np.mean(found) >= 0.75
    # a letter or shape stands upright: some figure is not its own transpose, and is drawn as published
    column = stimuli.images[:, ::16, ::16, 0].transpose(0, 2, 1)
    assert not np.array_equal(column, stimuli.images[:, ::16, ::16, 0])


def test_algonauts118_is_rdms_without_pictures(data_dir: str) -> None:
    one = source("algonauts118", data_dir)
    assert one.stimuli() is None
    labels = one.labels()  # type: ignore[attr-defined]
    assert (len(labels), set(labels)) == (118, {"animate", "inanimate"})
    for roi, lower, upper in (("EVC", 0.132, 0.327), ("IT", 0.049, 0.283)):
        rdms = one.published_rdms(roi)
        assert rdms is not None
        assert rdms.dissimilarities.shape == (15, 6903)
        ranks = rankdata(rdms.dissimilarities, axis=1)
        ranks = (ranks - ranks.mean(axis=1, keepdims=True)) / ranks.std(axis=1, keepdims=True)
        others = (ranks.sum(axis=0) - ranks) / 14  # the mean of the other people
        found = [np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(ranks, mean, strict=True)])
                 for mean in (others, np.tile(ranks.mean(axis=0), (15, 1)))]  # fmt: skip
        assert found == pytest.approx((lower, upper), abs=5e-4)
    animate = np.array(labels) == "animate"
    model = (animate[:, None] != animate)[np.triu_indices(118, 1)]
    published = np.load(f"{data_dir}/algonauts118/118_animate_RDM.npy", allow_pickle=False)
    np.testing.assert_array_equal(published, ~np.outer(animate, animate))  # 0 where both are animate, 1 elsewhere
    assert spearmanr(one.published_rdms("IT").dissimilarities.mean(axis=0), model)[0] > 0.1  # type: ignore[union-attr]


def test_an_unknown_subject_or_roi_gives_one_line(data_dir: str) -> None:
    with pytest.raises(BrainalignError, match="no subject 'subject9'; choose one of subject1, subject2, subject3"):
        source("muse_n170", data_dir).recording("subject9")
    with pytest.raises(BrainalignError, match="no ROI 'V1'; choose one of scalp"):
        source("eeg49", data_dir).published_rdms("V1")
