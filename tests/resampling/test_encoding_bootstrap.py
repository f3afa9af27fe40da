import numpy as np
import pytest

from brainalign.errors import DataError, SpecError
from brainalign.resampling.predictions_bootstrap import bootstrap_predictions


def some_data(n_models=2, n_stimuli=24, n_targets=3, seed=0):
    rng = np.random.default_rng(seed)
    responses = rng.standard_normal((n_stimuli, n_targets)) + 5
    predictions = 0.5 * responses + rng.standard_normal((n_models, n_stimuli, n_targets))
    return predictions, responses, np.arange(n_stimuli) % 3


def definition(prediction, response, folds, counts):
    scores = []
    for target in range(response.shape[1]):
        z = []
        for fold in np.unique(folds):
            drawn = np.repeat(np.flatnonzero(folds == fold), counts[folds == fold])
            z.append(np.arctanh(np.corrcoef(prediction[drawn, target], response[drawn, target])[0, 1]))
        scores.append(np.tanh(np.mean(z)))
    return np.mean(scores)


def test_draws_equal_repeating_stimuli_within_folds():
    predictions, responses, folds = some_data()
    result = bootstrap_predictions(predictions, responses, folds, 10, 0)
    assert result.draws.shape == (10, 2, 1)
    assert (result.n_units, result.n_strata, result.n_stimuli) == (24, 3, 24)
    for model in range(2):
        ones = np.ones(24, int)
        expected = definition(predictions[model], responses, folds, ones)
        assert result.observed[model, 0] == pytest.approx(expected, abs=1e-10)
        for draw, counts in enumerate(result.stimulus_counts):
            expected = definition(predictions[model], responses, folds, counts)
            assert result.draws[draw, model, 0] == pytest.approx(expected, abs=1e-10)


def test_blocks_of_targets_change_nothing(monkeypatch):
    data = some_data(n_targets=7)
    whole = bootstrap_predictions(*data, 10, 0)
    monkeypatch.setattr("brainalign.resampling.predictions_bootstrap._BLOCK_BYTES", 64 * 11 * 2)
    np.testing.assert_allclose(bootstrap_predictions(*data, 10, 0).draws, whole.draws, atol=1e-14)


def test_shifted_folds_do_not_lower_the_score():
    predictions, responses, folds = some_data()
    shifted = predictions - 10 * folds[:, None]
    np.testing.assert_allclose(
        bootstrap_predictions(shifted, responses, folds, 5, 0).draws,
        bootstrap_predictions(predictions, responses, folds, 5, 0).draws,
        atol=1e-10,
    )


def test_constant_predictions_count_as_zero():
    predictions, responses, folds = some_data()
    predictions[0] = 0.3
    result = bootstrap_predictions(predictions, responses, folds, 5, 0)
    assert (result.draws[:, 0] == 0).all()
    assert np.isfinite(result.draws).all()


def test_bootstrap_error_is_that_of_new_stimuli():
    results = [bootstrap_predictions(*some_data(1, 60, 1, seed), 100, 0) for seed in range(200)]
    true = np.std([result.observed[0, 0] for result in results])
    corrected = np.sqrt(60 / 57 * np.mean([result.draws[:, 0, 0].var(ddof=1) for result in results]))
    assert corrected == pytest.approx(true, rel=0.15)


def test_groups_stay_whole_within_folds():
    predictions, responses, _ = some_data()
    groups = np.repeat(np.arange(12), 2)
    result = bootstrap_predictions(predictions, responses, groups % 3, 10, 0, groups=groups)
    assert result.n_units == 12
    pairs = result.stimulus_counts.reshape(10, 12, 2)
    np.testing.assert_array_equal(pairs[..., 0], pairs[..., 1])
    with pytest.raises(SpecError, match="spans several folds"):
        bootstrap_predictions(predictions, responses, np.arange(24) % 3, 10, 0, groups=groups)


def test_bad_input_is_refused():
    predictions, responses, folds = some_data()
    with pytest.raises(SpecError, match="do not fit"):
        bootstrap_predictions(predictions, responses[:-1], folds, 5, 0)
    with pytest.raises(SpecError, match="Smallest fold has 3"):
        bootstrap_predictions(predictions, responses, np.arange(24) % 8, 5, 0)
    responses[0, 0] = np.nan
    with pytest.raises(DataError, match="finite"):
        bootstrap_predictions(predictions, responses, folds, 5, 0)
