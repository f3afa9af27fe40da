"""What a newcomer hands over by mistake: one line that helps, and no silence."""

from typing import Any

import mne
import numpy as np
import pandas as pd
import pytest
import torch

import brainalign as ba
from brainalign.comparisons.comparison import comparisons
from brainalign.errors import DataError, SpecError, StimulusMismatchError
from brainalign.report.plates import draw_all
from brainalign.report.table import contrast_tables

NETS = ba.example_networks()
IDS = NETS[0].stimulus_ids
OF_TRIALS = [name for name, kind in comparisons().items() if kind.of_trials]
BEYOND_PICTURES = ["banded_ridge", "regression_rsa", "unique_encoding"]
RDMS = [1 - np.corrcoef(np.random.default_rng(k).normal(size=(len(IDS), 9))) for k in range(6)]
TRIALS = [np.random.default_rng(k).normal(size=(2 * len(IDS), 9)) for k in range(6)]


def _epochs(metadata: pd.DataFrame | None) -> mne.EpochsArray:
    data = 1e-6 * np.random.default_rng(0).normal(size=(2 * len(IDS), 3, 11))
    info = mne.create_info(["O1", "Oz", "O2"], 100.0, "eeg", verbose="error")
    return mne.EpochsArray(data, info, tmin=-0.05, metadata=metadata, verbose="error")


@pytest.mark.parametrize("given", [str, ba.measure])
@pytest.mark.parametrize("name", OF_TRIALS)
def test_a_measure_of_responses_is_refused_in_one_line_where_there_are_rdms_only(name: str, given: Any) -> None:
    brain = ba.own_recording(None, rdms=RDMS, ids=IDS)
    with pytest.raises(SpecError, match=r"^Recording 'own' comes as RDMs only; .* needs responses\. Use measures = "):
        ba.align(NETS, brain, given(name), n_bootstrap=100)


@pytest.mark.parametrize("name", ["linear_cka", "weighted_rsa"])
def test_recordings_without_pictures_are_scored_by_measures_of_geometry(name: str) -> None:
    brain = ba.own_recording(None, trials=TRIALS, ids=[*IDS, *IDS])
    found = ba.align(NETS, brain, name, n_bootstrap=100)
    assert len(found.scores) == sum(len(one.layers) for one in NETS) * len(TRIALS)


@pytest.mark.parametrize("name", BEYOND_PICTURES)
def test_the_features_that_a_measure_is_beyond_are_named_where_there_are_no_pictures(name: str) -> None:
    brain = ba.own_recording(None, trials=TRIALS, ids=[*IDS, *IDS])
    with pytest.raises(SpecError, match=f"comes without pictures; {ba.measure(name).word} needs their gabor and pix"):
        ba.align(NETS, brain, name, n_bootstrap=100)


@pytest.mark.parametrize("windows", [(0.03, 0.08), [0.03, 0.08], 0.05, "peak"])
def test_windows_of_another_form_are_refused_in_one_line(windows: Any) -> None:
    brain = ba.own_recording(None, rdms=RDMS, ids=IDS)
    with pytest.raises(SpecError, match=r"Option windows is .*; expected pairs of seconds"):
        ba.align(NETS, brain, windows=windows)


def test_epochs_with_a_number_that_is_none_are_not_said_to_be_in_another_unit() -> None:
    epochs = _epochs(pd.DataFrame({"stim": [*IDS, *IDS]}))
    epochs._data[5, 2, 3] = np.nan
    with pytest.raises(DataError, match="1 of 48 trials hold NaN or infinity; drop those trials"):
        ba.Recording.from_epochs(epochs, ids="stim", subject="s01")


def test_epochs_without_metadata_say_so() -> None:
    with pytest.raises(DataError, match=r"no metadata, so no column 'stim'; expected epochs\.metadata = "):
        ba.Recording.from_epochs(_epochs(None), ids="stim", subject="s01")


def test_data_sets_of_rsatoolbox_are_recordings_by_way_of_patterns() -> None:
    from rsatoolbox.data import Dataset

    sets = [Dataset(one, obs_descriptors={"stim": [*IDS, *IDS]}) for one in TRIALS]
    for given in (sets, sets[0]):
        with pytest.raises(SpecError, match=r"\[from_rsatoolbox\(one, NAME\) for one in datasets\], .*one of: 'stim'"):
            ba.own_recording(None, trials=given)
    patterns = [ba.from_rsatoolbox(one, "stim") for one in sets]
    with pytest.raises(SpecError, match=r"patterns have ids of their own\. Leave ids out"):
        ba.own_recording(None, trials=patterns, ids=IDS)
    ours, plain = ba.own_recording(None, trials=patterns), ba.own_recording(None, trials=TRIALS, ids=[*IDS, *IDS])
    pd.testing.assert_frame_equal(*(ba.align(NETS, one, n_bootstrap=100).scores for one in (ours, plain)))


def test_a_large_object_among_numbers_is_named_by_its_type() -> None:
    with pytest.raises(DataError) as caught:
        ba.own_recording(None, trials=[_epochs(None)], ids=IDS)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


def test_rdms_of_rsatoolbox_are_a_brain_and_another_descriptor_is_named() -> None:
    ours = ba.own_recording(None, rdms=RDMS, ids=IDS).published_rdms("all")
    assert ours is not None
    one, other = (ba.align(NETS, given, n_bootstrap=100).scores for given in (ours, ba.to_rsatoolbox(ours)))
    pd.testing.assert_frame_equal(one, other)
    with pytest.raises(StimulusMismatchError, match=r"from_rsatoolbox\(rdms, id_descriptor\), one of: stim, index"):
        ba.align(NETS, ba.to_rsatoolbox(ours, "stim"))


def test_rows_of_rdms_that_have_no_picture_are_said() -> None:
    images = np.random.default_rng(0).integers(0, 256, (22, 8, 8, 1), dtype=np.uint8)
    shown = ba.Stimuli(IDS[:22], images, "Pictures")
    rows = [*IDS[:22], "lost1", "lost2"]
    brain = ba.own_recording(shown, rdms=RDMS, ids=rows)
    assert brain.notes == ("own: 2 of the 24 stimuli of its RDMs have no picture and are left out (lost1, lost2).",)
    assert ba.own_recording(shown, rdms=[one[:22, :22] for one in RDMS], ids=IDS[:22]).notes == ()


def test_networks_that_no_rule_trained_are_not_called_rules_in_captions() -> None:
    found = ba.example()
    plates = list(draw_all(found))
    assert len(plates) >= 6
    for one in plates:
        assert " rule" not in f"{one.title} {one.caption}".replace("rule_", ""), one.caption
    assert any("of each network (models)" in one.caption for one in plates)


def test_one_seed_is_one_seed_and_a_dissimilarity_without_name_is_said_to_have_none() -> None:
    images = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), dtype=np.uint8)
    one_each = [next(one for one in NETS if one.origin.name == name) for name in NETS.names]
    found = ba.align(one_each, ba.own_recording(images, rdms=RDMS, ids=IDS), n_bootstrap=100)
    captions = " ".join(plate.caption for plate in draw_all(found))
    assert "Brain: dissimilarity not named; networks: correlation distance." in captions
    assert "1 seed per network" in captions
    assert "24 stimuli, 1 seed ·" in str(contrast_tables(found))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ranking_layer": {"al": "early"}}, r"^Ranking layer of ROI 'al': no recording here has it\. .*'all'\.$"),
        ({"measures": "linear_cka", "comparator": "corr"}, r"^Option comparator is 'corr', but no measure takes it"),
        (
            {"measures": "regression_rsa", "comparator": "corr"},
            r"^Option comparator is 'corr', but no measure takes it",
        ),
        ({"measures": ["linear_cka"], "partial": ("pixels",)}, r"^Option partial is \('pixels',\), but no measure"),
    ],
)
def test_what_nothing_would_use_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        ba.align(NETS, ba.own_recording(None, trials=TRIALS, ids=[*IDS, *IDS]), n_bootstrap=100, **options)


PICTURES = np.random.default_rng(0).integers(0, 255, (8, 8, 8, 3), dtype=np.uint8)
STIMULI = ba.Stimuli(list("abcdefgh"), PICTURES, "noise")


@pytest.mark.parametrize("name", [PICTURES, 5, None], ids=["an array", "a number", "nothing"])
@pytest.mark.parametrize(
    "make",
    [
        lambda name: ba.Stimuli(list("abcdefgh"), PICTURES, name),
        lambda name: ba.Patterns(PICTURES.reshape(8, -1), list("abcdefgh"), name),
        lambda name: ba.show(torch.nn.Flatten(), STIMULI, "pixels", name=name),
        lambda name: ba.show(torch.nn.Flatten(), STIMULI, "pixels", group=name),
        lambda name: ba.own_recording(STIMULI, rdms=RDMS, ids=IDS, name=name),
    ],
    ids=["Stimuli", "Patterns", "show name", "show group", "own_recording"],
)
def test_a_name_that_is_no_text_is_one_short_line(make: Any, name: Any) -> None:
    with pytest.raises(SpecError, match=r"expected text") as error:
        make(name)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 2001


def test_a_message_is_one_line_whatever_it_quotes() -> None:
    said = str(DataError(f"Values are {PICTURES!r}; expected fewer.\nGive fewer."))
    assert said.startswith("Values are array(")
    assert said.endswith("expected fewer. Give fewer.")
    assert "\n" not in said
    assert len(said) < 2001
