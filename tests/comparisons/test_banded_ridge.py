"""Several feature spaces at once: what each owns, against closed forms and worlds whose truth is known."""

import numpy as np
import pytest

from brainalign.comparisons.banded_ridge import BandedRidge
from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.held_out_scores import held_out_scores
from brainalign.comparisons.layer_choice import LayerChoice
from brainalign.comparisons.prepared import Prepared
from brainalign.comparisons.unique_encoding import UniqueEncoding
from brainalign.dissimilarities.gram import gram
from brainalign.errors import SpecError
from brainalign.patterns import Patterns
from brainalign.recordings.macaque_v4 import MacaqueV4
from brainalign.resampling.samples import Samples

N = 100
IDS = tuple(f"s{k}" for k in range(N))


def world(seed: int = 0, noise: float = 0.7) -> tuple[dict[str, Patterns], Patterns, np.random.Generator]:
    """Responses to 60 % from space a, to 40 % from b, none from c; b is partly a linear function of a."""
    rng = np.random.default_rng(seed)
    a, c = rng.normal(size=(2, N, 6))
    b = 0.5 * a + rng.normal(size=(N, 6))
    y = a @ rng.normal(size=(6, 10)) + 0.7 * b @ rng.normal(size=(6, 10))
    y += noise * y.std() * rng.normal(size=y.shape)
    spaces = {name: Patterns(x, IDS, name) for name, x in (("a", a), ("b", b), ("c", c))}
    return spaces, Patterns(y, IDS, "Responses"), rng


def test_one_space_is_ridge_regression() -> None:
    spaces, y, _ = world()
    alphas = tuple(np.logspace(-4, 4, 20))
    found = BandedRidge(alphas=alphas, n_iter=1).score({"a": spaces["a"]}, y)
    plain = Encoding(alphas=alphas, solver="kernel").score(spaces["a"], y)
    np.testing.assert_array_equal(found.folds, plain.folds)
    np.testing.assert_allclose(found.predictions, plain.predictions, atol=1e-6)
    np.testing.assert_allclose(found.r2, plain.r2, atol=1e-6)
    np.testing.assert_allclose(found.r, plain.r, atol=1e-6)


def test_shares_sum_to_the_whole_and_go_to_the_spaces_that_own_them() -> None:
    spaces, y, _ = world()
    found = BandedRidge().score(spaces, y, unique=True)
    np.testing.assert_allclose(sum(found.by_space.values()), found.r2, atol=1e-10)
    shares = {name: share.mean() for name, share in found.by_space.items()}
    assert shares["a"] > shares["b"] > 0.1 > abs(shares["c"])
    assert found.unique["a"].mean() > 0.05
    assert abs(found.unique["c"].mean()) < 0.03
    assert (found.unique["c"] < 0).any()  # negative values stay
    rest = BandedRidge().score({name: spaces[name] for name in "bc"}, y)
    np.testing.assert_allclose(found.unique["a"], found.r2 - rest.r2, atol=1e-10)


def test_what_repeats_a_control_has_no_unique_variance() -> None:
    spaces, y, rng = world(1)
    again = Patterns(spaces["a"].values @ rng.normal(size=(6, 6)), IDS, "again")
    found = UniqueEncoding().score(again, y, {"a": spaces["a"], "b": spaces["b"]})
    assert abs(found.mean()) < 0.02
    assert UniqueEncoding().score(spaces["a"], y, {"c": spaces["c"]}).mean() > 0.3
    with pytest.raises(SpecError, match="no controls"):
        UniqueEncoding().score(again, y)


@pytest.mark.parametrize("kind", ["bootstrap", "leave_one_out", "none"])
def test_unique_variance_in_a_study_is_that_of_the_models(kind: str) -> None:
    spaces, y, _ = world(2)
    measure = UniqueEncoding(controls=("pixels",), n_iter=5)
    kernels = [gram(spaces["b"].values, columns=True)]
    people = (y.values[:, :4, None], y.values[:, 4:, None])
    prepared = Prepared(("p", "q"), (0.0,), IDS, 10, None, None, (people, kernels))
    (found,) = measure.draws([measure.layer(spaces["a"]), measure.layer(spaces["c"])], prepared, Samples(kind, 30, 1))
    expected = [measure.score(spaces[name], y, {"pixels": spaces["b"]}) for name in "ac"]
    np.testing.assert_allclose(found.observed, [[one[:4].mean(), one[4:].mean()] for one in expected], atol=1e-8)
    assert found.draws.shape == ({"bootstrap": 30, "leave_one_out": N, "none": 0}[kind], 2, 2)
    if kind != "none":
        np.testing.assert_allclose(found.draws.mean(axis=0), found.observed, atol=0.1)


@pytest.mark.parametrize("metric", ["r2", "identification"])
def test_every_metric_of_a_sample_is_that_of_the_stimuli_in_it(metric: str) -> None:
    rng = np.random.default_rng(3)
    y = rng.normal(size=(40, 7))
    predictions = 0.6 * y + 0.5 * rng.normal(size=(40, 7))
    folds, units = np.repeat(np.arange(4), 10), np.arange(40)

    def by_hand(kept: np.ndarray) -> float:
        means = np.stack([y[folds != f].mean(axis=0) for f in folds])
        if metric == "r2":
            errors = ((y - predictions) ** 2)[kept].sum(axis=0) / ((y - means) ** 2)[kept].sum(axis=0)
            return float((1 - errors).mean())
        right, n = 0.0, 0
        for i in kept:
            for j in kept:
                if i != j and folds[i] == folds[j]:
                    own, other = (np.corrcoef(predictions[i] - means[i], y[k] - means[k])[0, 1] for k in (i, j))
                    right, n = right + (own > other), n + 1
        return right / n

    found = held_out_scores(predictions, y, folds, units, Samples("leave_one_out"), None, metric)
    assert found.observed[0, 0] == pytest.approx(by_hand(units))
    for k in (0, 23):
        assert found.draws[k, 0, 0] == pytest.approx(by_hand(np.delete(units, k)))
    drawn = held_out_scores(predictions, y, folds, units, Samples("bootstrap", 5, 2), None, metric)
    assert drawn.observed[0, 0] == pytest.approx(by_hand(units))
    if metric == "r2":
        for counts, draw in zip(drawn.stimulus_counts, drawn.draws[:, 0, 0], strict=True):
            assert draw == pytest.approx(by_hand(np.repeat(units, counts)))


def test_identification_of_noise_is_at_chance_and_r2_of_noise_is_not_above_0() -> None:
    chance, r2 = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, y = Patterns(rng.normal(size=(60, 20)), IDS[:60]), Patterns(rng.normal(size=(60, 15)), IDS[:60])
        one = Encoding().score(x, y)
        units = np.arange(60)
        for metric, into in (("identification", chance), ("r2", r2)):
            into.append(
                held_out_scores(one.predictions, y.values, one.folds, units, Samples("none"), None, metric).observed[
                    0, 0
                ]
            )
    assert abs(np.mean(chance) - 0.5) < 3.5 * np.std(chance) / np.sqrt(20)
    assert np.mean(r2) < 0.0


def test_the_metric_stands_in_the_name_and_the_methods_sentence() -> None:
    about = Encoding(metric="r2", n_folds=4).describe()
    assert about.measure == "encoding ridge, R2"
    assert about.unit == "R²"
    assert "metric = r2" in about.sentence
    assert "n_folds = 4" in about.sentence
    assert Encoding().describe().measure == "encoding ridge"
    assert Encoding(seed=3).describe().sentence == Encoding().describe().sentence
    with pytest.raises(SpecError, match="expected one of: r, r2, identification"):
        Encoding(metric="rmse")


def test_a_layer_is_chosen_without_the_stimuli_that_are_scored() -> None:
    spaces, y, _ = world(4)
    scores, names = LayerChoice().chosen(spaces, y)
    assert names == ("a",) * 5
    np.testing.assert_allclose(scores.r, Encoding().score(spaces["a"], y).r)
    best, nested = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        layers = {f"l{k}": Patterns(rng.normal(size=(60, 5)), IDS[:60]) for k in range(6)}
        noise = Patterns(rng.normal(size=(60, 1)), IDS[:60])
        best.append(max(Encoding().score(one, noise).r.mean() for one in layers.values()))
        nested.append(LayerChoice().chosen(layers, noise)[0].r.mean())
    assert np.mean(best) > 0.08
    assert np.mean(nested) < np.mean(best) - 2 * np.std(nested) / np.sqrt(8)


@pytest.mark.slow
def test_real_neurons_are_predicted_from_local_energy(data_dir: str) -> None:
    from brainalign.low_level import low_level_features

    source = MacaqueV4(data_dir, session="201025")
    (recording,) = source.recordings()
    stimuli = source.stimuli()
    ids = stimuli.ids
    energy = low_level_features(stimuli, (112, 112))["gabor"]
    found = Encoding(dtype="float32").score(Patterns(energy, ids), Patterns(recording.means(ids)[:, :, 0], ids))
    assert np.median(found.r) >= 0.31


def small_world(n: int = 40) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Two spaces, one with more features than stimuli, as inner products; responses; folds of stimuli."""
    rng = np.random.default_rng(0)
    spaces = [rng.normal(size=(n, 6)), rng.normal(size=(n, 50))]
    y = spaces[0] @ rng.normal(size=(6, 4)) + rng.normal(size=(n, 4))
    return [gram(one, columns=True) for one in spaces], y, np.arange(n) % 5


def test_predictions_without_training_stimuli_are_those_of_a_fit_without_them() -> None:
    kernels, y, folds = small_world()
    left_out = np.isin(np.arange(len(y)), [1, 7, 11])
    for one in BandedRidge(n_iter=5, n_inner_folds=3).fits(kernels, y, folds, np.arange(len(y))):
        none = one.parts_without(np.zeros(len(y), bool))
        np.testing.assert_allclose(none[:-1], one.parts(), atol=1e-8)
        kept = ~left_out[one.train]
        for t in range(y.shape[1]):
            ours, theirs = (np.tensordot(one.shares[:, t], side, 1) for side in (one.ours, one.theirs))
            ours, theirs = ours[np.ix_(kept, kept)], theirs[:, kept]
            mean = ours.mean(axis=0)
            centred = ours - mean - mean[:, None] + mean.mean()
            new = theirs - mean - theirs.mean(axis=1)[:, None] + mean.mean()
            target = one.targets[kept, t]
            dual = np.linalg.solve(centred + np.eye(len(centred)), target - target.mean())
            expected = (target.mean() + new @ dual) * one.deviation[t]
            np.testing.assert_allclose(one.parts_without(left_out).sum(axis=0)[:, t], expected, atol=1e-4)


@pytest.mark.parametrize(
    "measure", [UniqueEncoding(("pixels",), n_iter=3), BandedRidge(n_iter=3, controls=("pixels",))]
)
def test_errors_hold_what_training_stimuli_add(measure: UniqueEncoding | BandedRidge) -> None:
    kernels, y, _ = small_world()
    ids = IDS[:40]
    prepared = Prepared(("a", "b"), (0.0,), ids, 4, None, None, ((y[:, :2, None], y[:, 2:, None]), kernels[1:]))
    (drawn,) = measure.draws([Patterns(kernels[0], ids, "layer")], prepared, Samples("leave_one_out"))
    assert not measure.conditional
    assert drawn.training is not None
    moved = drawn.training - drawn.observed
    assert drawn.training.shape == (40, 1, 2)
    assert 0 < np.abs(moved).max() < 0.2
    (plain,) = measure.draws([Patterns(kernels[0], ids, "layer")], prepared, Samples("none"))
    np.testing.assert_allclose(plain.observed, drawn.observed, atol=1e-12)
    assert plain.training is None
