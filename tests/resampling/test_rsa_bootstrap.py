import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import squareform

from brainalign.errors import DataError, SpecError, StimulusMismatchError
from brainalign.inference.rsa_bootstrap import bootstrap_rsa
from brainalign.rdms import RDMs
from brainalign.resampling.pairs_bootstrap import bootstrap_pairs
from tests.joined import by_id, rdms

N_STIMULI = 9


def some_rdms(n_rdms, seed, n_stimuli=N_STIMULI, ties=False):
    rng = np.random.default_rng(seed)
    base = np.random.default_rng(99).random(n_stimuli * (n_stimuli - 1) // 2)
    rdms = base + rng.random((n_rdms, len(base)))
    return np.round(rdms * 4) if ties else rdms


def expand(rdms, counts):
    """Repeat stimuli by their counts and drop pairs of a stimulus with its copy: the definition."""
    drawn = np.repeat(np.arange(len(counts)), counts)
    i, j = np.triu_indices(len(drawn), 1)
    kept = drawn[i] != drawn[j]
    return np.stack([squareform(rdm)[drawn[i[kept]], drawn[j[kept]]] for rdm in rdms])


def rho_a(a, b):
    n = len(a)
    ra, rb = stats.rankdata(a), stats.rankdata(b)
    return 12 * ((ra - ra.mean()) * (rb - rb.mean())).sum() / (n**3 - n)


def whitening(n_stimuli, kept):
    """V of the pairs that are left, with errors that are independent and alike."""
    i, j = np.triu_indices(n_stimuli, 1)
    contrasts = np.eye(n_stimuli)[i] - np.eye(n_stimuli)[j]
    return ((contrasts @ contrasts.T) ** 2)[np.ix_(kept, kept)]


def tau_a(a, b):
    signs = [np.sign(np.subtract.outer(one, one)) for one in (a, b)]
    return (signs[0] * signs[1]).sum() / (len(a) * (len(a) - 1))


COMPARE = {
    "corr": lambda a, b: stats.pearsonr(a, b).statistic,
    "cosine": lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b),
    "spearman": lambda a, b: stats.spearmanr(a, b).statistic,
    "rho-a": rho_a,
    "tau-a": tau_a,
}
POOL = {
    "corr": lambda rdms: stats.zscore(rdms, axis=1).mean(axis=0),
    "cosine": lambda rdms: (rdms / np.linalg.norm(rdms, axis=1, keepdims=True)).mean(axis=0),
    "spearman": lambda rdms: stats.rankdata(rdms, axis=1).mean(axis=0),
    "rho-a": lambda rdms: stats.rankdata(rdms, axis=1).mean(axis=0),
    "tau-a": lambda rdms: stats.rankdata(rdms, axis=1).mean(axis=0),
}


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("method", list(COMPARE))
def test_draws_equal_brute_force_expansion(method, ties):
    models, subjects = some_rdms(3, 0, ties=ties), some_rdms(4, 1, ties=ties)
    result = bootstrap_pairs(models, subjects, method, n_draws=12, seed=3)
    all_counts = [np.ones(N_STIMULI, int), *result.stimulus_counts]
    scores = [result.observed, *result.draws]
    lower = [result.ceiling_lower_observed, *result.ceiling_lower]
    upper = [result.ceiling_upper_observed, *result.ceiling_upper]
    for draw, counts in enumerate(all_counts):
        m, s = expand(models, counts), expand(subjects, counts)
        expected = [[COMPARE[method](a, b) for b in s] for a in m]
        np.testing.assert_allclose(scores[draw], expected, atol=1e-10)
        for subject in range(4):
            rest = POOL[method](np.delete(s, subject, axis=0))
            assert lower[draw][subject] == pytest.approx(COMPARE[method](rest, s[subject]), abs=1e-10)
            if method == "tau-a":
                signs = np.sign(s[:, :, None] - s[:, None])
                best = (np.sign(signs.sum(axis=0)) * signs[subject]).sum() / (s.shape[1] * (s.shape[1] - 1))
            else:
                best = COMPARE[method](POOL[method](s), s[subject])
            assert upper[draw][subject] == pytest.approx(best, abs=1e-10)


@pytest.mark.parametrize("method", ["corr_cov", "cosine_cov"])
def test_whitened_draws_equal_the_inverse_of_the_covariance_of_the_pairs_that_are_left(method):
    models, subjects, nuisance = some_rdms(3, 0), some_rdms(4, 1), some_rdms(2, 5)
    held = nuisance if method == "corr_cov" else None
    result = bootstrap_pairs(models, subjects, method, n_draws=12, seed=3)
    cleared = bootstrap_pairs(models, subjects, "corr_cov", 12, 3, nuisance=nuisance)
    all_counts = [np.ones(N_STIMULI, int), *result.stimulus_counts]
    lower = [result.ceiling_lower_observed, *result.ceiling_lower]
    upper = [result.ceiling_upper_observed, *result.ceiling_upper]
    for draw, counts in enumerate(all_counts):
        drawn = np.repeat(np.arange(N_STIMULI), counts)
        i, j = np.triu_indices(N_STIMULI, 1)
        root = np.linalg.cholesky(np.linalg.inv(whitening(N_STIMULI, np.flatnonzero(drawn[i] != drawn[j]))))
        m, s, z = (expand(one, counts) for one in (models, subjects, nuisance))
        if method == "corr_cov":
            m, s, z = (one - one.mean(axis=1, keepdims=True) for one in (m, s, z))
        m, s, z = (one @ root for one in (m, s, z))
        m_unit, s_unit = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (m, s))
        scores = [result.observed, *result.draws][draw]
        np.testing.assert_allclose(scores, m_unit @ s_unit.T, atol=1e-10)
        for subject in range(4):
            for bound, pool in ((lower, np.delete(s_unit, subject, axis=0).mean(axis=0)), (upper, s_unit.mean(axis=0))):
                expected = pool @ s_unit[subject] / np.linalg.norm(pool)
                assert bound[draw][subject] == pytest.approx(expected, abs=1e-10)
        if held is not None:
            left = m - (m @ np.linalg.pinv(z)) @ z
            left /= np.linalg.norm(left, axis=1, keepdims=True)
            np.testing.assert_allclose([cleared.observed, *cleared.draws][draw], left @ s_unit.T, atol=1e-9)


def test_a_sample_of_which_half_is_one_stimulus_is_whitened_right():
    from brainalign.condensed import Condensed
    from brainalign.resampling.pairs_bootstrap import score_counts

    models, subjects = some_rdms(2, 0, 8), some_rdms(2, 1, 8)
    counts = np.array([[5, 1, 1, 1, 0, 0, 0, 0], [6, 1, 1, 0, 0, 0, 0, 0], [3, 3, 1, 1, 0, 0, 0, 0]])
    pairs = np.triu_indices(8, 1)
    nothing = Condensed.of(np.empty((0, 28)))
    found = score_counts(Condensed.of(models), Condensed.of(subjects), nothing, counts, pairs, "cosine_cov").scores
    for draw, count in enumerate(counts):
        drawn = np.repeat(np.arange(8), count)
        inverse = np.linalg.inv(whitening(8, np.flatnonzero(drawn[pairs[0]] != drawn[pairs[1]])))
        m, s = expand(models, count), expand(subjects, count)
        sizes = [np.sqrt(np.einsum("ij,jk,ik->i", one, inverse, one)) for one in (m, s)]
        np.testing.assert_allclose(found[draw], m @ inverse @ s.T / np.outer(*sizes), atol=1e-6)


@pytest.mark.parametrize("method", ["corr_cov", "cosine_cov"])
def test_whitened_comparators_refuse_stimuli_that_are_one(method):
    with pytest.raises(SpecError, match="needs every pair of stimuli") as error:
        bootstrap_pairs(some_rdms(1, 0), some_rdms(2, 1), method, 4, 0, groups=[0, 0, *range(1, 8)])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("method", list(COMPARE))
def test_observed_scores_and_ceilings_equal_rsatoolbox(method):
    import rsatoolbox
    from rsatoolbox.inference.noise_ceiling import boot_noise_ceiling

    models, subjects = some_rdms(3, 0, 15), some_rdms(6, 1, 15)
    result = bootstrap_pairs(models, subjects, method, n_draws=2, seed=0)
    a, b = rsatoolbox.rdm.RDMs(models), rsatoolbox.rdm.RDMs(subjects)
    np.testing.assert_allclose(result.observed, rsatoolbox.rdm.compare(a, b, method), atol=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lower, upper = boot_noise_ceiling(b, method)
    assert result.ceiling_lower_observed.mean() == pytest.approx(lower, abs=1e-10)
    if method == "tau-a":  # mean ranks can be beaten, see test_noise_ceiling.py
        assert result.ceiling_upper_observed.mean() > upper
        return
    assert result.ceiling_upper_observed.mean() == pytest.approx(upper, abs=1e-10)


@pytest.mark.parametrize("method", ["corr", "cosine", "spearman", "rho-a", "tau-a", "corr_cov", "cosine_cov"])
def test_draws_equal_rsatoolbox_on_the_same_samples(method):
    import rsatoolbox

    models, subjects = some_rdms(2, 0, 12), some_rdms(3, 1, 12)
    result = bootstrap_pairs(models, subjects, method, n_draws=8, seed=1)
    for draw, counts in enumerate(result.stimulus_counts):
        drawn = np.repeat(np.arange(12), counts)
        a, b = (
            rsatoolbox.rdm.RDMs(rdms, pattern_descriptors={"index": np.arange(12)}).subsample_pattern("index", drawn)
            for rdms in (models, subjects)
        )
        np.testing.assert_allclose(result.draws[draw], rsatoolbox.rdm.compare(a, b, method), atol=1e-11)


def residual(vector, nuisance):
    design = np.column_stack([np.ones(len(vector)), *nuisance])
    return vector - design @ np.linalg.lstsq(design, vector, rcond=None)[0]


@pytest.mark.parametrize("method", ["corr", "spearman"])
def test_nuisance_gives_the_semi_partial_correlation_of_each_draw(method):
    models, subjects, nuisance = some_rdms(2, 0), some_rdms(3, 1), some_rdms(2, 2)
    result = bootstrap_pairs(models, subjects, method, 6, 0, nuisance=nuisance)
    for draw, counts in enumerate(result.stimulus_counts):
        m, s, z = (expand(rdms, counts) for rdms in (models, subjects, nuisance))
        if method == "spearman":
            m, s, z = (stats.rankdata(rdms, axis=1) for rdms in (m, s, z))
        expected = [[np.corrcoef(residual(a, z), b)[0, 1] for b in s] for a in m]
        np.testing.assert_allclose(result.draws[draw], expected, atol=1e-10)


def test_a_model_that_is_only_nuisance_scores_nothing():
    nuisance = some_rdms(1, 2)
    result = bootstrap_pairs(3 * nuisance + 1, some_rdms(3, 1), "corr", 4, 0, nuisance=nuisance)
    assert np.isnan(result.observed).all()


def test_groups_are_drawn_whole():
    groups = np.repeat(["a", "b", "c"], 3)
    result = bootstrap_pairs(some_rdms(1, 0), some_rdms(2, 1), "corr", 20, 0, groups=groups)
    assert result.n_units == 3
    assert result.n_stimuli == 9
    by_group = result.stimulus_counts.reshape(20, 3, 3)
    assert (by_group == by_group[:, :, :1]).all()
    assert (by_group[:, :, 0].sum(axis=1) == 3).all()


def test_blocks_of_pairs_and_models_change_nothing(monkeypatch):
    models, subjects = some_rdms(5, 0), some_rdms(3, 1)
    for method in COMPARE:
        whole = bootstrap_pairs(models, subjects, method, 5, 0)
        monkeypatch.setattr("brainalign.resampling.linear_draws._BLOCK_BYTES", 2000)
        monkeypatch.setattr("brainalign.resampling.rank_draws._BLOCK_BYTES", 2000)
        blocks = bootstrap_pairs(models, subjects, method, 5, 0)
        monkeypatch.undo()
        np.testing.assert_allclose(blocks.draws, whole.draws, atol=1e-13)
        np.testing.assert_allclose(blocks.ceiling_lower, whole.ceiling_lower, atol=1e-13)


def test_seed_decides_the_draws():
    models, subjects = some_rdms(2, 0), some_rdms(3, 1)
    first, again, other = (bootstrap_pairs(models, subjects, "corr", 5, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.draws, again.draws)
    np.testing.assert_array_equal(first.subject_resamples, again.subject_resamples)
    assert not np.array_equal(first.draws, other.draws)


def test_pairs_masked_in_every_rdm_are_left_out():
    models, subjects = some_rdms(2, 0), some_rdms(3, 1)
    masked = np.zeros(models.shape[1], bool)
    masked[::5] = True
    with_nan = [np.where(masked, np.nan, rdms) for rdms in (models, subjects)]
    result = bootstrap_pairs(*with_nan, "spearman", 3, 0)
    expected = stats.spearmanr(models[0, ~masked], subjects[0, ~masked]).statistic
    assert result.observed[0, 0] == pytest.approx(expected, abs=1e-12)
    with pytest.raises(DataError, match="in some RDMs only"):
        bootstrap_pairs(models, with_nan[1], "spearman", 3, 0)


@pytest.mark.parametrize("method", list(COMPARE))
def test_a_constant_model_scores_nan_without_a_warning(method):
    models = np.concatenate([some_rdms(1, 0), np.full((1, 36), 0.3)])
    result = bootstrap_pairs(models, some_rdms(2, 1), method, 5, 0)
    assert np.isfinite(result.draws[:, 0]).all()
    if method in ("corr", "spearman"):
        assert np.isnan(result.draws[:, 1]).all()


@pytest.mark.parametrize("method", list(COMPARE))
def test_a_draw_without_enough_pairs_scores_nan_without_a_warning(method):
    nuisance = some_rdms(1, 2, 4) if method in ("corr", "spearman") else None
    result = bootstrap_pairs(some_rdms(1, 0, 4), some_rdms(2, 1, 4), method, 300, 0, nuisance=nuisance)
    one_stimulus = (result.stimulus_counts > 0).sum(axis=1) == 1
    assert one_stimulus.any()
    assert np.isnan(result.draws[one_stimulus]).all()
    assert np.isfinite(result.draws[(result.stimulus_counts > 0).all(axis=1)]).all()


def test_one_subject_has_no_ceiling():
    result = bootstrap_pairs(some_rdms(2, 0), some_rdms(1, 1), "corr", 3, 0)
    assert result.ceiling_lower is None
    assert result.ceiling_upper_observed is None


def test_bootstrap_error_is_that_of_new_stimuli_and_not_of_pairs():
    from tests.inference.simulated_null import Design, null_world

    design = Design(n_subjects=1, n_stimuli=40, n_seeds=1, seed_sd=0, subject_sd=0)
    worlds = [null_world(design, np.random.default_rng(number)) for number in range(150)]
    results = [bootstrap_pairs(models[:1], subjects, "corr", 60, 0) for models, subjects in worlds]
    true = np.std([result.observed[0, 0] for result in results])
    bootstrap = np.mean([result.draws[:, 0, 0].std() for result in results])
    assert bootstrap == pytest.approx(true, rel=0.25)
    assert true > 1.8 / np.sqrt(worlds[0][0].shape[1])  # the error if the pairs were independent


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "magic"}, "Choose one of"),
        ({"method": "cosine", "nuisance": some_rdms(1, 2)}, "partialled"),
        ({"n_draws": 1}, "at least 2"),
        ({"subjects": some_rdms(2, 1, 8)}, "condensed"),
        ({"groups": ["a", "b"]}, "one label for each"),
    ],
)
def test_impossible_requests_are_refused(change, message):
    arguments = {"models": some_rdms(1, 0), "subjects": some_rdms(2, 1), "method": "corr", "n_draws": 3}
    with pytest.raises(SpecError, match=message):
        bootstrap_pairs(seed=0, **{**arguments, **change})


def test_models_and_subjects_are_joined_on_ids():
    rng = np.random.default_rng(0)
    models, subjects = rdms(rng.random((2, 66))), rdms(rng.random((3, 66)))
    order = [subjects.stimulus_ids[k] for k in rng.permutation(12)]
    expected = bootstrap_rsa(models, subjects, "spearman", 20, 0, rdms(rng.random(66)))
    rng = np.random.default_rng(0)
    rng.random((5, 66)), rng.permutation(12)
    found = bootstrap_rsa(models.subset(order), subjects, "spearman", 20, 0, rdms(rng.random(66)).subset(order))
    np.testing.assert_allclose(found.draws, expected.draws, atol=1e-12)
    with pytest.raises(StimulusMismatchError, match="expected the same set"):
        bootstrap_rsa(models.subset(order[:8]), subjects, "spearman", 20, 0)


def test_groups_are_named_by_stimulus():
    rng = np.random.default_rng(0)
    models, subjects = rdms(rng.random((2, 66))), rdms(rng.random((3, 66)))
    pairs = by_id([k // 2 for k in range(12)])
    draws = bootstrap_rsa(models, subjects, "corr", 20, 0, groups=pairs)
    assert draws.n_units == 6
    assert (draws.stimulus_counts[:, ::2] == draws.stimulus_counts[:, 1::2]).all()
    with pytest.raises(StimulusMismatchError, match="11 of 12 stimuli have no group"):
        bootstrap_rsa(models, subjects, "corr", 20, 0, groups={"s3": 1})


def test_sessions_of_a_person_are_no_people():
    rng = np.random.default_rng(0)
    models, values = rdms(rng.random((2, 66))), rng.random((3, 66))
    sessions = RDMs(values, models.stimulus_ids, "correlation", {"subject": ("a", "b", "b")})
    draws = bootstrap_rsa(models, sessions, "corr", 20, 0)
    people = np.stack([values[0], values[1:].mean(axis=0)])
    np.testing.assert_allclose(draws.observed, bootstrap_rsa(models, rdms(people), "corr", 20, 0).observed)


@pytest.mark.parametrize("method", ["corr", "spearman", "corr_cov"])
def test_dual_bootstrap_variances_of_real_rdms_equal_rsatoolbox(method, data_dir, monkeypatch):
    import h5py
    import rsatoolbox
    from rsatoolbox.inference import evaluate

    with h5py.File(Path(data_dir) / "cichy92" / "target_fmri.mat") as file:
        it, evc = (np.asarray(file[f"{roi}_RDMs"]).transpose(2, 0, 1) for roi in ("IT", "EVC"))
    first, second = np.triu_indices(92, 1)
    brains, models = it[:, first, second], evc[:3, first, second]
    found = bootstrap_pairs(models, brains, method, n_draws=3, seed=2)

    data = rsatoolbox.rdm.RDMs(brains, pattern_descriptors={"index": np.arange(92)})
    drawn = iter(zip(found.stimulus_counts, found.subject_resamples, strict=True))

    def same_sample(rdms, rdm_descriptor, pattern_descriptor):
        counts, subjects = next(drawn)
        stimuli = np.repeat(np.arange(92), counts)
        return rdms.subsample("index", subjects).subsample_pattern("index", stimuli), subjects, stimuli

    monkeypatch.setattr(evaluate, "bootstrap_sample", same_sample)
    fixed = [rsatoolbox.model.ModelFixed(str(k), one) for k, one in enumerate(models)]
    theirs = evaluate.eval_dual_bootstrap(fixed, data, method, k_pattern=1, k_rdm=1, N=3)
    both = np.stack([one[:, who].mean(axis=1) for one, who in zip(found.draws, found.subject_resamples, strict=True)])
    subjects = np.stack([found.observed[:, who].mean(axis=1) for who in found.subject_resamples])
    ours = np.stack([np.cov(one.T) for one in (both, subjects, found.draws.mean(axis=2))])
    np.testing.assert_allclose(ours, theirs.variances[:, :3, :3], rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(
        found.observed, rsatoolbox.rdm.compare(rsatoolbox.rdm.RDMs(models), data, method), atol=1e-10
    )
