"""What a study declares of subjects and runs, and that keys of what was published before stay."""

import pytest

from brainalign.errors import SpecError
from brainalign.shipped import shipped_folder
from brainalign.specs import RecordingSpec, to_dict
from brainalign.study_file import read_study, study_from_table

TABLE = {"name": "s", "training": {"network": "mlp", "dataset": "digits"}, "rules": {"backprop": {}}}


def test_options_that_came_later_are_no_part_of_a_key_where_they_hold_their_default() -> None:
    fields = {"dataset": "d", "rois": [], "options": {}, "subjects": "random", "measures": ["rsa"]}
    assert to_dict(RecordingSpec("d")) == fields
    assert to_dict(RecordingSpec("d", stimuli="all", runs="centre")) == fields
    assert to_dict(RecordingSpec("d", stimuli="shared")) == {**fields, "stimuli": "shared"}
    assert to_dict(RecordingSpec("d", runs="ignore")) == {**fields, "runs": "ignore"}
    plain, again, other = (
        study_from_table({**TABLE, "recordings": [{"dataset": "d", **more}]})
        for more in ({}, {"stimuli": "all"}, {"stimuli": "own"})
    )
    assert plain.key == again.key != other.key


@pytest.mark.parametrize(
    ("name", "key"),
    [("demo", "f3bd9b85ac83e57b"), ("macaque_v4", "fab7f15fdffedea9"), ("object92", "5bb6a7687ea1303a")],
)
def test_keys_of_shipped_studies_stay(name: str, key: str) -> None:
    assert read_study(shipped_folder("analyses") / f"{name}.toml").key == key


def test_other_words_are_refused() -> None:
    with pytest.raises(SpecError, match="Option stimuli is 'some'; expected one of: all, shared, own"):
        RecordingSpec("d", stimuli="some")
    with pytest.raises(SpecError, match="Option runs is 'center'; expected one of: centre, centre_each, ignore"):
        RecordingSpec("d", runs="center")
