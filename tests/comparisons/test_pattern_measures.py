"""CKA, Procrustes, CCA and PLS: invariances, known answers, independent data, and samples of stimuli."""

import numpy as np
import pytest

from brainalign.comparisons.cca import CCA
from brainalign.comparisons.comparison import Comparison
from brainalign.comparisons.fitted_patterns import FittedPatterns
from brainalign.comparisons.linear_cka import LinearCKA
from brainalign.comparisons.pls import PLS
from brainalign.comparisons.prepared import Prepared
from brainalign.comparisons.procrustes import Procrustes
from brainalign.errors import SpecError
from brainalign.patterns import Patterns
from brainalign.recordings.movie import Movie
from brainalign.recordings.recording import Recording
from brainalign.resampling.samples import Samples

N = 60
IDS = tuple(f"s{k}" for k in range(N))
MEASURES = [LinearCKA(), Procrustes(), CCA(n_components=2), PLS()]


def patterns(values: np.ndarray, n: int = N) -> Patterns:
    return Patterns(values, IDS[:n], "Patterns")


def rotation(n: int, seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


def related(seed: int = 0, noise: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, 8)) * np.linspace(2, 0.5, 8)
    return x, x @ rng.normal(size=(8, 12)) / 3 + noise * rng.normal(size=(N, 12))


@pytest.mark.parametrize("measure", MEASURES, ids=lambda one: one.name)
def test_a_rotation_a_scale_and_an_offset_of_the_layer_change_nothing(measure: Comparison) -> None:
    x, y = related()
    found = measure.score(patterns(x), patterns(y))
    turned = 7 * x @ rotation(8, 1) + 3
    assert measure.score(patterns(turned), patterns(y)) == pytest.approx(found, abs=1e-7)
    wide = np.concatenate([x, np.zeros((N, 200))], axis=1) @ rotation(208, 2)
    assert measure.score(patterns(wide), patterns(y)) == pytest.approx(found, abs=1e-7)
    if isinstance(measure, PLS):  # with as many components as features it is least squares, which scales do not change
        measure = PLS(components=(2,))
        found = measure.score(patterns(x), patterns(y))
    stretched = measure.score(patterns(x * np.array([20, *np.ones(7)])), patterns(y))
    assert abs(stretched - found) > 0.005  # one unit scaled alone is another geometry


@pytest.mark.parametrize("measure", [LinearCKA(), Procrustes(), CCA(n_components=2)], ids=lambda one: one.name)
def test_a_rotation_of_the_brain_changes_nothing(measure: Comparison) -> None:
    x, y = related()
    found = measure.score(patterns(x), patterns(y))
    assert measure.score(patterns(x), patterns(y @ rotation(12, 3))) == pytest.approx(found, abs=1e-7)


def test_channels_of_pls_keep_their_own_scores_where_they_outnumber_stimuli() -> None:
    rng = np.random.default_rng(8)
    x, _ = related(8)
    y = np.concatenate([np.tile(x[:, :1], (1, 70)) + 0.1 * rng.normal(size=(N, 70)), rng.normal(size=(N, 30))], axis=1)
    assert PLS().score(patterns(x), patterns(y)) > 0.6


@pytest.mark.parametrize("measure", MEASURES, ids=lambda one: one.name)
def test_equal_patterns_score_1_and_stimuli_are_joined_on_ids(measure: Comparison) -> None:
    x, _ = related()
    order = np.random.default_rng(4).permutation(N)
    shuffled = Patterns(x[order], tuple(IDS[k] for k in order), "Patterns")
    assert measure.score(shuffled, patterns(x)) == pytest.approx(1, abs=0.01)
    by_position = measure.score(patterns(x[order]), patterns(x))
    assert by_position < 0.5


@pytest.mark.parametrize("p", [20, 300])
@pytest.mark.parametrize("measure", MEASURES, ids=lambda one: one.name)
def test_independent_patterns_score_0_on_average(measure: Comparison, p: int) -> None:
    found = []
    for seed in range(8 if isinstance(measure, PLS) else 24):
        rng = np.random.default_rng(100 + seed)
        found.append(measure.score(patterns(rng.normal(size=(40, p)), 40), patterns(rng.normal(size=(40, 30)), 40)))
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found)) < 3.5 * error + 1e-3


def test_cka_equals_its_formula_and_the_biased_form_does_not() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(30, 100)), rng.normal(size=(30, 80))
    centred = [side - side.mean(axis=0) for side in (x, y)]
    k, l = (side @ side.T for side in (x, y))  # noqa: E741

    def hsic(k: np.ndarray, l: np.ndarray) -> float:  # noqa: E741
        n = len(k)
        k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))  # noqa: E741
        sums = k.sum() * l.sum() / ((n - 1) * (n - 2)) - 2 * k.sum(axis=0) @ l.sum(axis=0) / (n - 2)
        return ((k * l).sum() + sums) / (n * (n - 3))

    expected = hsic(k, l) / np.sqrt(hsic(k, k) * hsic(l, l))
    assert LinearCKA().score(patterns(x, 30), patterns(y, 30)) == pytest.approx(expected, abs=1e-10)
    kc, lc = (side @ side.T for side in centred)
    assert (kc * lc).sum() / np.linalg.norm(kc) / np.linalg.norm(lc) > 0.5 > abs(expected) + 0.3


def test_procrustes_in_full_dimension_is_the_nuclear_norm_and_with_few_stimuli_it_is_biased() -> None:
    from scipy.linalg import orthogonal_procrustes

    x, y = related(6)
    y = y[:, :8]
    parts = Procrustes(n_folds=2).held_out(x, y, np.repeat([0, 1], N // 2))
    train = slice(N // 2, N)
    q = orthogonal_procrustes(x[train] - x[train].mean(axis=0), y[train] - y[train].mean(axis=0))[0]
    first = (x[: N // 2] - x[train].mean(axis=0)) @ q
    expected = (first * (y[: N // 2] - y[train].mean(axis=0))).sum(axis=1)
    np.testing.assert_allclose(parts[: N // 2, 0], expected, atol=1e-10)


def test_cca_finds_the_one_shared_direction() -> None:
    rng = np.random.default_rng(7)
    shared = rng.normal(size=N)
    x, y = rng.normal(size=(2, N, 6))
    x[:, 0] = shared + 0.2 * rng.normal(size=N)
    y[:, 3] = shared + 0.2 * rng.normal(size=N)
    assert CCA(n_components=1).score(patterns(x), patterns(y)) > 0.8


def test_pls_equals_scikit_learn_with_the_components_it_is_given() -> None:
    from sklearn.cross_decomposition import PLSRegression

    x, y = related()
    one = PLS(components=(3,))
    units = np.arange(N)
    folds = one.folds(units)
    found = one.predictions(x, y, folds, units)
    for fold in range(5):
        # its iterations end at a tolerance
        fitted = PLSRegression(3, scale=False, max_iter=5000, tol=1e-20).fit(x[folds != fold], y[folds != fold])
        np.testing.assert_allclose(found[folds == fold], fitted.predict(x[folds == fold]), atol=1e-8)
    assert one.label == "pls 3"


@pytest.mark.parametrize("n_channels", [12, 150])
def test_no_order_of_channels_moves_predictions_of_pls(n_channels: int) -> None:
    rng = np.random.default_rng(9)
    x, units = rng.normal(size=(N, 40)), np.arange(N)
    y = x @ rng.normal(size=(40, n_channels)) / 3 + 3 * rng.normal(size=(N, n_channels))
    one, order = PLS(), rng.permutation(n_channels)
    folds = one.folds(units)
    found = one.predictions(x, y, folds, units)
    np.testing.assert_allclose(one.predictions(x, y[:, order], folds, units), found[:, order], rtol=0, atol=1e-12)


def test_pls_predicts_with_fewer_components_where_features_are_used_up() -> None:
    rng = np.random.default_rng(10)
    x = rng.normal(size=(N, 3)) @ rng.normal(size=(3, 9))
    y, units = x @ rng.normal(size=(9, 4)), np.arange(N)
    one = PLS(components=(25,))
    np.testing.assert_allclose(one.predictions(x, y, one.folds(units), units), y, atol=1e-10)


def subjects(n_times: int = 2) -> list[Recording]:
    found = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        data = np.stack([related(0)[1] + rng.normal(size=(N, 12)) for _ in range(n_times)], axis=2)
        channels = tuple(f"c{k}" for k in range(12))
        rois = {"all": np.ones(12, bool)}
        times = tuple(0.1 * k for k in range(n_times))
        found.append(Recording(data, IDS, channels, times, f"p{seed}", "lab", "EEG", "uV", rois))
    return found


def prepared(measure: Comparison, kept: np.ndarray) -> Prepared:
    ids = tuple(np.array(IDS)[kept])
    people = [one.subset(ids) for one in subjects()]
    names, times = tuple(one.subject for one in people), people[0].times
    content = tuple(one.means(ids) for one in people)
    if isinstance(measure, LinearCKA):
        content = Movie.of_recordings(people, "all", ids, "squared_euclidean")
    return Prepared(names, times, ids, 0, None, None, content)


def layers(kept: np.ndarray, measure: Comparison) -> list:
    ids = tuple(np.array(IDS)[kept])
    return [measure.layer(Patterns(related(seed)[0][kept], ids, "Layer")) for seed in (0, 1)]


@pytest.mark.parametrize("measure", MEASURES, ids=lambda one: one.name)
def test_draws_begin_with_the_scores_and_have_one_row_for_each_sample(measure: Comparison) -> None:
    everything = np.ones(N, bool)
    for kind, n in (("bootstrap", 20), ("leave_one_out", N), ("none", 0)):
        found = list(measure.draws(layers(everything, measure), prepared(measure, everything), Samples(kind, 20, 3)))
        assert len(found) == 2
        for k, one in enumerate(found):
            assert one.draws.shape == (n, 2, 3)
            assert np.isfinite(one.draws).all()
            for s, person in enumerate(subjects()):
                own = Patterns(person.data[:, :, k], IDS, "Responses")
                for m in (0, 1):
                    expected = measure.score(patterns(related(m)[0]), own)
                    assert one.observed[m, s] == pytest.approx(expected, abs=1e-9)
            if n:
                assert np.abs(one.draws - one.observed).max() / 0.2 > 0.2 or kind == "leave_one_out"
                np.testing.assert_allclose(one.draws.mean(axis=0), one.observed, atol=0.12)


def test_cka_without_each_stimulus_is_that_of_the_stimuli_that_are_left() -> None:
    measure, everything = LinearCKA(), np.ones(N, bool)
    whole = list(measure.draws(layers(everything, measure), prepared(measure, everything), Samples("leave_one_out")))
    for k in (0, 17, N - 1):
        kept = everything.copy()
        kept[k] = False
        left = list(measure.draws(layers(kept, measure), prepared(measure, kept), Samples("none")))
        for one, other in zip(whole, left, strict=True):
            np.testing.assert_allclose(one.draws[k], other.observed, atol=1e-10)
            np.testing.assert_allclose(one.ceiling_lower[k], other.ceiling_lower_observed, atol=1e-10)
            np.testing.assert_allclose(one.ceiling_upper[k], other.ceiling_upper_observed, atol=1e-10)


def test_copies_of_a_stimulus_in_a_sample_lift_no_cka() -> None:
    rng = np.random.default_rng(9)
    scores = []
    for seed in range(12):
        x, y = rng.normal(size=(2, N, 200))
        measure, everything = LinearCKA(), np.ones(N, bool)
        people = [
            Recording(
                y[:, :, None],
                IDS,
                tuple(map(str, range(200))),
                (0.0,),
                "p",
                "lab",
                "EEG",
                "uV",
                {"all": np.ones(200, bool)},
            )
        ]
        brain = Prepared(
            ("p",), (0.0,), IDS, 0, None, None, Movie.of_recordings(people, "all", IDS, "squared_euclidean")
        )
        layer = measure.layer(Patterns(x, IDS, "Layer"))
        scores.append(next(measure.draws([layer], brain, Samples("bootstrap", 100, seed))).draws.mean())
        assert everything.all()
    assert abs(np.mean(scores)) < 3.5 * np.std(scores) / np.sqrt(12) + 1e-3


@pytest.mark.parametrize("measure", [Procrustes(), CCA(), PLS()], ids=lambda one: one.name)
def test_too_few_stimuli_are_refused_in_one_line(measure: Comparison) -> None:
    x, y = related()
    with pytest.raises(SpecError, match="12 stimuli") as error:
        measure.score(patterns(x[:12], 12), patterns(y[:12], 12))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "measure",
    [Procrustes(n_folds=3), CCA(n_components=2, n_folds=3), PLS(components=(2,), n_folds=3)],
    ids=lambda one: one.name,
)
def test_what_training_stimuli_add_comes_from_fits_without_them(measure: FittedPatterns) -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(18, 9)), rng.normal(size=(18, 4))
    folds, units = measure.folds(np.arange(18)), np.arange(18)
    content = (y[:, :, None],)
    prepared = Prepared(("p",), (0.0,), IDS[:18], 4, None, None, content)
    (found,) = measure.draws([patterns(x, 18)], prepared, Samples("leave_one_out"))
    assert found.training is not None
    assert found.training.shape == (18, 1, 1)
    chosen = measure.chosen(x, y, folds, units)
    again = np.array([measure.scored_without(x, y, folds, units != unit, chosen) for unit in units])
    whole = measure.scored_without(x, y, folds, units >= 0, chosen)
    fitted, tested = again - whole, (found.draws - found.observed)[:, 0, 0]
    # squares of both, and twice their products: what leaving a stimulus out of both does
    both = (fitted - fitted.mean()) @ (tested - tested.mean())
    scale = np.sqrt(max(0, 1 + 2 * both / ((fitted - fitted.mean()) ** 2).sum()))
    np.testing.assert_allclose((found.training - found.observed)[:, 0, 0], scale * fitted, atol=1e-8)
    assert fitted.std() > 1e-4
    (drawn,) = measure.draws([patterns(x, 18)], prepared, Samples("bootstrap", 5))
    assert drawn.training is None


def test_many_stimuli_are_left_out_of_training_in_groups_whose_changes_are_shared_out() -> None:
    x, y = related(6)
    measure, units = Procrustes(), np.arange(N)
    folds = measure.folds(units)
    changes = measure.training(x, y, folds, units, np.zeros(N))
    assert len(np.unique(changes.round(12))) == 20
    values = np.unique(changes.round(12))
    one = np.flatnonzero(np.isclose(changes, values[3]))
    assert len(one) == 3
    whole, without = (measure.scored_without(x, y, folds, ~np.isin(units, out), None) for out in ([], one))
    assert values[3] == pytest.approx((without - whole) / np.sqrt(3))
