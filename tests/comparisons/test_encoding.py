import numpy as np
import pytest

from brainalign.comparisons.encoding import Encoding
from brainalign.errors import DataError, SpecError, StimulusMismatchError
from brainalign.patterns import Patterns
from tests.joined import by_id, patterns


def score(encoding, x, y, groups=None):
    """Score rows that are in one order."""
    return encoding.score(patterns(x, "Features"), patterns(y, "Responses"), None if groups is None else by_id(groups))


SHORT = tuple(float(c) for c in np.logspace(-4, 4, 9))


def linear(n=60, p=30, t=4, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, p)) * rng.uniform(0.1, 3, p) + 5
    return x, x @ rng.standard_normal((p, t)) + noise * np.sqrt(p) * rng.standard_normal((n, t)) + 7


@pytest.mark.parametrize("p", [10, 30, 200])
@pytest.mark.parametrize("standardize", [False, True])
def test_kernel_and_primal_forms_agree(p, standardize):
    x, y = linear(p=p)
    kernel, primal = (
        score(Encoding(solver=form, standardize=standardize, alphas=SHORT), x, y) for form in ("kernel", "primal")
    )
    assert (kernel.form, primal.form) == ("kernel", "primal")
    np.testing.assert_array_equal(kernel.alphas, primal.alphas)
    np.testing.assert_allclose(kernel.predictions, primal.predictions, atol=1e-8)


@pytest.mark.parametrize("standardize", [False, True])
def test_predictions_equal_sklearn_ridge_at_the_chosen_penalty(standardize):
    from sklearn.linear_model import Ridge

    x, y = linear()
    scores = score(Encoding(standardize=standardize), x, y)
    for fold in range(5):
        train, test = scores.folds != fold, scores.folds == fold
        ours, theirs = x[train] - x[train].mean(axis=0), x[test] - x[train].mean(axis=0)
        if standardize:
            ours, theirs = ours / x[train].std(axis=0), theirs / x[train].std(axis=0)
        penalty = scores.alphas[fold] * (ours**2).sum() / len(ours)
        expected = Ridge(alpha=penalty).fit(ours, y[train]).predict(theirs)
        np.testing.assert_allclose(scores.predictions[test], expected, rtol=0, atol=1e-8)


def test_the_chosen_penalty_minimises_the_inner_squared_error():
    from sklearn.linear_model import Ridge

    from brainalign.comparisons.group_folds import group_folds
    from brainalign.randomness import stream_seed

    x, y = linear()
    encoding = Encoding(alphas=SHORT)
    scores = score(encoding, x, y)
    train = scores.folds != 2
    inner = group_folds(np.arange(60)[train], 5, stream_seed(0, "encoding", "inner", 2))
    scale = ((x[train] - x[train].mean(axis=0)) ** 2).sum() / train.sum()
    losses = np.zeros((len(SHORT), 4))
    for k, c in enumerate(SHORT):
        for f in range(5):
            a, b = x[train][inner != f], y[train][inner != f]
            errors = y[train][inner == f] - Ridge(alpha=c * scale).fit(a, b).predict(x[train][inner == f])
            losses[k] += (errors**2).mean(axis=0)
    np.testing.assert_array_equal(scores.alphas[2], np.array(SHORT)[losses.argmin(axis=0)])


def test_scores_follow_their_definitions():
    x, y = linear()
    scores = score(Encoding(), x, y)
    residual, spread = np.zeros(4), np.zeros(4)
    for fold in range(5):
        test = scores.folds == fold
        residual += ((y[test] - scores.predictions[test]) ** 2).sum(axis=0)
        spread += ((y[test] - y[~test].mean(axis=0)) ** 2).sum(axis=0)
    np.testing.assert_allclose(scores.r2, 1 - residual / spread)
    assert 0.3 < scores.r.mean() < 0.95
    edge = np.isin(scores.alphas, (Encoding().alphas[0], Encoding().alphas[-1]))
    assert scores.at_boundary == edge.mean()


def test_each_target_gets_the_penalty_it_needs():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100, 20))
    clean = x @ rng.standard_normal((20, 1))
    noisy = 0.1 * x[:, :1] + rng.standard_normal((100, 1))
    scores = score(Encoding(), x, np.hstack([clean, noisy]))
    assert (scores.alphas[:, 0] * 100 < scores.alphas[:, 1]).all()
    assert scores.r[0] > 0.99


def trials(n_stimuli=40, repeats=4, seed=0):
    """Features that say which stimulus it was and nothing more, and responses that differ between stimuli."""
    rng = np.random.default_rng(seed)
    which = np.repeat(np.arange(n_stimuli), repeats)
    x = rng.standard_normal((n_stimuli, 60))[which]
    return x, rng.standard_normal((n_stimuli, 30))[which] + rng.standard_normal((len(which), 30)), which


def test_useless_features_score_zero_by_stimulus_and_leak_by_trial():
    honest, leaky = [], []
    for seed in range(8):
        x, y, which = trials(seed=seed)
        honest.append(score(Encoding(alphas=SHORT), x, y, groups=which).r.mean())
        leaky.append(score(Encoding(alphas=SHORT), x, y).r.mean())
    assert abs(np.mean(honest)) < 3 * np.std(honest, ddof=1) / np.sqrt(8)
    assert np.mean(leaky) > 0.3


def test_repeats_never_straddle_folds_outer_or_inner(monkeypatch):
    import himalaya.kernel_ridge as kernel_ridge

    x, y, which = trials()
    seen = []
    fit = kernel_ridge.KernelRidgeCV.fit

    def spy(self, kernel, targets):
        seen.append(self.cv.test_fold)
        return fit(self, kernel, targets)

    monkeypatch.setattr(kernel_ridge.KernelRidgeCV, "fit", spy)
    folds = score(Encoding(alphas=SHORT, solver="kernel"), x, y, groups=which).folds
    assert all(len(set(folds[which == s])) == 1 for s in range(40))
    assert len(seen) == 5
    for fold, inner in enumerate(seen):
        labels = which[folds != fold]
        assert all(len(set(inner[labels == s])) == 1 for s in set(labels))
        assert set(inner) == set(range(5))


def test_test_responses_cannot_reach_their_own_predictions():
    x, y = linear()
    encoding = Encoding(alphas=SHORT)
    before = score(encoding, x, y)
    held_out = before.folds == 0
    y[held_out] = np.random.default_rng(1).standard_normal((int(held_out.sum()), 4)) * 1e3
    np.testing.assert_array_equal(score(encoding, x, y).predictions[held_out], before.predictions[held_out])


def test_folds_depend_on_labels_and_seed_and_not_on_features():
    x, y = linear()
    labels = [f"s{k}" for k in range(60)]
    folds = score(Encoding(alphas=SHORT), x, y, groups=labels).folds
    np.testing.assert_array_equal(folds, score(Encoding(alphas=SHORT), -x[:, :3], y, groups=labels).folds)
    assert (folds != Encoding(alphas=SHORT, seed=1).folds(labels)).any()


def test_scale_and_shift_of_features_and_responses_change_nothing():
    x, y = linear()
    scores = score(Encoding(alphas=SHORT), x, y)
    moved = score(Encoding(alphas=SHORT), 1e-6 * x + 3, 1e-9 * y - 2e-9)
    np.testing.assert_array_equal(moved.alphas, scores.alphas)
    np.testing.assert_allclose(moved.r2, scores.r2, atol=1e-6)


def test_float32_agrees_and_the_backend_is_restored():
    from himalaya.backend import get_backend, set_backend

    x, y = linear(p=100)
    set_backend("torch")
    try:
        double = score(Encoding(alphas=SHORT), x, y)
        single = score(Encoding(alphas=SHORT, dtype="float32"), x.astype(np.float32), y)
        assert get_backend().name == "torch"
    finally:
        set_backend("numpy")
    np.testing.assert_allclose(single.r, double.r, atol=1e-3)


def test_the_cheaper_form_is_chosen():
    assert Encoding().form(1000, 200) == "primal"
    assert Encoding().form(1000, 900) == "kernel"
    assert Encoding(solver="primal").form(10, 10_000) == "primal"
    assert Encoding(solver="kernel").form(10_000, 10) == "kernel"


@pytest.mark.parametrize(
    ("n", "groups", "options", "message"),
    [
        (9, None, {}, "9 stimuli, expected at least 10"),
        (40, [0, 1, 2, 3] * 10, {}, "4 groups for n_folds = 5; set n_folds to 4"),
        (16, None, {}, "holds 3 stimuli, expected at least 4 .* set n_folds to 4"),
        (40, [0, 1, 2, 3, 4] * 8, {}, "4 groups for n_inner_folds = 5; set n_inner_folds to 4"),
    ],
)
def test_too_few_stimuli_or_groups_are_refused_in_one_line(n, groups, options, message):
    x, y = linear(n=n)
    with pytest.raises(SpecError, match=message) as error:
        score(Encoding(**options), x, y, groups)
    assert "\n" not in str(error.value)


def test_data_that_cannot_be_used_is_refused():
    x, y = linear()
    with pytest.raises(StimulusMismatchError, match="1 of 60 stimuli are not in 'Features'"):
        score(Encoding(), x[:-1], y)
    with pytest.raises(StimulusMismatchError, match="57 of 60 stimuli have no group"):
        score(Encoding(), x, y, groups=[1, 2, 3])
    with pytest.raises(DataError, match="All 30 features are constant"):
        score(Encoding(), np.ones_like(x), y)
    flat = y.copy()
    flat[:, 2] = 4
    with pytest.raises(DataError, match="1 targets are constant"):
        score(Encoding(), x, flat)
    x[7, 3] = np.nan
    with pytest.raises(DataError, match="Features of 1 rows hold NaN or infinity \\(first: 's7'\\)"):
        score(Encoding(), x, y)


def test_trials_in_another_order_score_the_same():
    """Joined by position, the same trials in another order scored .07 instead of .99."""
    x, y = linear(noise=0.05)
    order = np.random.default_rng(0).permutation(60)
    responses = Patterns(y[order], tuple(f"s{k}" for k in order))
    found = Encoding(alphas=SHORT).score(patterns(x), responses)
    assert found.r.min() > 0.98
    assert found.stimulus_ids == responses.stimulus_ids


def test_trials_of_one_stimulus_stay_in_one_fold_without_being_told():
    """Features that name the stimulus would predict responses to its other trials."""
    found = []
    for seed in range(8):
        x, y, which = trials(seed=seed)
        responses = Patterns(y, tuple(f"s{k}" for k in which))
        scores = Encoding(alphas=SHORT).score(patterns(x[::4]), responses)
        assert all(len(set(scores.folds[which == s])) == 1 for s in range(40))
        found.append(scores.r.mean())
    assert abs(np.mean(found)) < 3 * np.std(found, ddof=1) / np.sqrt(8)


def test_one_picture_under_two_ids_leaks_unless_it_is_one_group():
    """Noise responses, each picture twice: the second copy gives the answer away."""
    honest, leaky = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((40, 60)), rng.standard_normal((40, 30))
        doubled, pair = np.repeat(x, 2, axis=0), np.repeat(np.arange(40), 2)
        responses = np.repeat(y, 2, axis=0) + 0.3 * rng.standard_normal((80, 30))
        leaky.append(score(Encoding(alphas=SHORT), doubled, responses).r.mean())
        honest.append(score(Encoding(alphas=SHORT), doubled, responses, groups=pair).r.mean())
    assert np.mean(leaky) > 0.6
    assert abs(np.mean(honest)) < 3 * np.std(honest, ddof=1) / np.sqrt(8)


def test_a_dead_voxel_at_a_tenth_is_constant():
    """Averages of .1 over two or three trials differ in the last digit; an encoding model predicted them with r .76."""
    x, y = linear()
    y[:, 1] = [sum([0.1] * n) / n for n in 2 + np.arange(60) % 9]
    assert len(set(y[:, 1])) > 1
    with pytest.raises(DataError, match="1 targets are constant"):
        score(Encoding(), x, y)


def test_features_that_differ_by_rounding_are_constant():
    x, y = linear()
    collapsed = np.full_like(x, 0.3)
    collapsed[::2, 0] = 0.1 * 3
    with pytest.raises(DataError, match="All 30 features are constant"):
        score(Encoding(), collapsed, y)
    single = np.full(x.shape, 0.3, np.float32)
    single[::3] = np.nextafter(np.float32(0.3), np.float32(1))
    with pytest.raises(DataError, match="All 30 features are constant"):
        score(Encoding(), single, y)


def test_lists_frames_and_tensors_are_numbers_and_text_and_masked_values_are_not():
    import pandas as pd
    import torch

    x, y = linear()
    expected = score(Encoding(alphas=SHORT), x, y).r
    for features in (
        x.tolist(),
        pd.DataFrame(x),
        torch.tensor(x, requires_grad=True),
        x[::-1][::-1],
        x.astype(">f8"),
        np.ma.masked_array(x, mask=False),
    ):
        np.testing.assert_allclose(score(Encoding(alphas=SHORT), features, y).r, expected, atol=1e-12)
    with pytest.raises(DataError, match="Features: 1 values are masked"):
        score(Encoding(), np.ma.masked_array(x, mask=x == x[0, 0]), y)
    with pytest.raises(DataError, match="Features: the values are text"):
        score(Encoding(), x.astype(str), y)
    with pytest.raises(DataError, match=r"Features have shape \(60, 0\), expected at least one row and one column"):
        score(Encoding(), x[:, :0], y)


@pytest.mark.parametrize("wrong", [{"n_folds": 1}, {"solver": "svd"}, {"dtype": "half"}, {"alphas": (0.0, 1.0)}])
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(SpecError, match="expected"):
        Encoding(**wrong)
