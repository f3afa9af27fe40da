import numpy as np
import pytest

from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.resampling.predictions_bootstrap import bootstrap_predictions
from brainalign.resampling.score_draws import ScoreDraws


def one_subject(number, seed=0):
    rng = np.random.default_rng(number)
    responses = rng.standard_normal((20, 4))
    predictions = responses + rng.standard_normal((3, 20, 4))
    return bootstrap_predictions(predictions, responses, np.arange(20) % 4, 6, seed)


def test_subjects_with_the_same_draws_stack():
    parts = [one_subject(number) for number in range(5)]
    stacked = ScoreDraws.stack_subjects(parts, seed=0)
    assert (stacked.n_models, stacked.n_subjects, stacked.n_draws, stacked.n_strata) == (3, 5, 6, 4)
    np.testing.assert_array_equal(stacked.draws[:, :, 2], parts[2].draws[:, :, 0])
    assert stacked.subject_resamples.max() < 5


def test_other_draws_do_not_stack():
    with pytest.raises(StimulusMismatchError, match="same seed"):
        ScoreDraws.stack_subjects([one_subject(0), one_subject(1, seed=1)], seed=0)
    with pytest.raises(SpecError, match="one part per subject"):
        ScoreDraws.stack_subjects([], seed=0)
