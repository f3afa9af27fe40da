"""Every dissimilarity that deals trials to folds takes 0, or 2 or more."""

import pytest

from brainalign.discovery import create
from brainalign.dissimilarities.dissimilarity import Dissimilarity, dissimilarities
from brainalign.errors import SpecError

DEALING = [name for name, one in dissimilarities().items() if "n_folds" in one.__dataclass_fields__]


def test_several_deal() -> None:
    assert len(DEALING) >= 5


@pytest.mark.parametrize("name", DEALING)
@pytest.mark.parametrize("n_folds", [1, -3])
def test_a_number_of_folds_that_cannot_be_is_refused(name: str, n_folds: int) -> None:
    with pytest.raises(SpecError, match=f"n_folds = {n_folds}, expected 0 for runs, or 2 or more"):
        create("dissimilarities", Dissimilarity, name, {"n_folds": n_folds})
