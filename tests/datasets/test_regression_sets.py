"""Sets of features with targets: sizes, splits and scales, against what their sources published."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split

from brainalign.datasets.dataset import Dataset, Split, datasets
from brainalign.datasets.diabetes import Diabetes
from brainalign.datasets.generated_regression import GeneratedRegression, friedman
from brainalign.datasets.held_out import held_out
from brainalign.datasets.manifest import load_manifest
from brainalign.datasets.preprocessing import Preprocessing
from brainalign.datasets.sgemm import SGEMM
from brainalign.datasets.wine_quality import WineQuality
from brainalign.errors import DataError, SpecError

EMBEDDED = (Diabetes, GeneratedRegression)


def fetched(kind: type[Dataset], data_dir: str) -> Dataset:
    name = kind.__name__.lower().replace("winequality", "wine_quality")
    if not (Path(data_dir) / name).is_dir():
        pytest.skip(f"{name} is not in {data_dir!r}; run 'brainalign data fetch {name} --data-dir {data_dir}'")
    return kind(data_dir)


def require_sound(data: Dataset, n_train: int, n_test: int) -> tuple[Split, Split]:
    """Check what every regression set promises, and return its splits."""
    train, test = data.train(), data.test()
    assert (len(train.labels), len(test.labels)) == (n_train, n_test)
    for split in (train, test):
        assert split.images.shape[1:] == data.input_shape
        assert split.labels.shape[1:] == (len(data.targets),)
        assert (split.images.dtype, split.labels.dtype, split.index.dtype) == (np.float32, np.float32, np.int64)
        assert np.isfinite(split.images).all()
    index = np.concatenate([train.index, test.index])
    assert np.array_equal(np.sort(index), np.arange(n_train + n_test))
    assert train.labels.mean(dtype=np.float64) == pytest.approx(0, abs=1e-5)
    assert train.labels.std(dtype=np.float64) == pytest.approx(1, abs=1e-5)
    task = data.task(n_train)
    assert (task.objective, task.n_outputs) == ("regression", 1)
    x = Preprocessing.fit(train.images)
    assert len(x.mean) == data.input_shape[0]
    return train, test


def features(split: Split) -> np.ndarray:
    return split.images[:, :, 0, 0]


def test_every_set_has_a_manifest_with_its_title() -> None:
    for name, kind in datasets().items():
        manifest = load_manifest(name)
        assert manifest.title == kind.title
        assert manifest.kind == ("images" if kind.objective == "classification" else "features")
        assert bool(kind.classes) != bool(kind.targets)


@pytest.mark.parametrize("n", [442, 5000, 6497, 11])
def test_held_out_rows_are_those_of_scikit_learn(n: int) -> None:
    train, test = train_test_split(np.arange(n), test_size=0.2, random_state=1)
    for mine, theirs in zip(held_out(n), (train, test), strict=True):
        assert mine.tolist() == sorted(theirs.tolist())


def test_diabetes_are_the_rows_of_scikit_learn() -> None:
    x, y = load_diabetes(return_X_y=True, scaled=False)
    for split in require_sound(Diabetes(), 353, 89):
        np.testing.assert_allclose(features(split), x[split.index], rtol=1e-6)
        assert np.corrcoef(split.labels[:, 0], y[split.index])[0, 1] == pytest.approx(1, abs=1e-6)


def test_generated_regression_has_the_noise_it_says() -> None:
    train, test = require_sound(GeneratedRegression(), 4000, 1000)
    for split in (train, test):
        assert 0 <= features(split).min() < features(split).max() <= 1
        truth = friedman(features(split).astype(np.float64))
        line = LinearRegression().fit(truth[:, None], split.labels[:, 0])
        residual = split.labels[:, 0] - line.predict(truth[:, None])
        assert (residual / line.coef_[0]).var() == pytest.approx(1, abs=0.12)  # in the units of the response
        assert residual.var() == pytest.approx(0.04, abs=0.01)


@pytest.mark.parametrize("kind", EMBEDDED)
def test_a_set_that_needs_no_download_is_the_same_every_time(kind: type[Dataset]) -> None:
    for a, b in zip(
        (*kind().train(), *kind().test()), (*kind("nowhere").train(), *kind("nowhere").test()), strict=True
    ):
        assert np.array_equal(a, b)


@pytest.mark.parametrize(("kind", "low", "high"), [(Diabetes, 0.3, 0.7), (GeneratedRegression, 0.2, 0.35)])
def test_a_linear_model_explains_some_of_it(kind: type[Dataset], low: float, high: float) -> None:
    train, test = kind().train(), kind().test()
    model = LinearRegression().fit(features(train), train.labels)
    error = float(((model.predict(features(test)) - test.labels) ** 2).mean())
    assert low < error < high


def test_wine_quality_is_split_and_scaled_as_published(data_dir: str) -> None:
    data = fetched(WineQuality, data_dir)
    train, test = require_sound(data, 5197, 1300)
    x = features(train).astype(np.float64)
    # Means and deviations that the authors of F3 give for their training split.
    np.testing.assert_allclose(x.mean(0)[[0, 1, 10, 11]], [7.2188378, 0.3406148, 10.496942, 0.7494709], rtol=1e-6)
    np.testing.assert_allclose(x.std(0, ddof=1)[[0, 11]], [1.2957446, 0.4333595], rtol=1e-6)
    both = np.concatenate([train.images, test.images])[:, 11, 0, 0]
    assert [int((both == colour).sum()) for colour in (0, 1)] == [1599, 4898]
    grades = np.unique(np.concatenate([train.labels, test.labels]))
    assert len(grades) == 7
    np.testing.assert_allclose(grades * 0.8780463 + 5.8254762, range(3, 10), atol=1e-5)


def test_sgemm_is_split_and_scaled_as_published(data_dir: str) -> None:
    data = fetched(SGEMM, data_dir)
    train, test = require_sound(data, 773_120, 193_280)
    x = features(train)
    np.testing.assert_allclose(
        x.mean(0, dtype=np.float64)[[0, 5, 13]], [80.45099338, 17.37127483, 0.50050186], rtol=1e-6
    )
    for split in (train, test):  # the four runs of a setting stay together, one after another
        assert np.array_equal(split.index[::4] + 3, split.index[3::4])
        assert np.array_equal(split.images[::4], split.images[3::4])
    first = np.flatnonzero(train.index < 4)
    rows = train if len(first) else test
    times = rows.labels[rows.index < 4, 0] * 369.30316 + 217.83147
    np.testing.assert_allclose(times, [115.26, 115.87, 118.55, 115.8], rtol=1e-4)


@pytest.mark.parametrize("kind", [WineQuality, SGEMM])
def test_a_missing_file_names_the_remedy(kind: type[Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BRAINALIGN_DATA", raising=False)
    monkeypatch.setattr("brainalign.datasets.manifest.cache_folder", lambda: tmp_path / "cache")
    with pytest.raises(DataError, match="Run 'brainalign data fetch "):
        kind(str(tmp_path)).train()


def test_regression_sets_have_no_stimuli_to_draw() -> None:
    with pytest.raises(SpecError, match="has no classes to balance stimuli over"):
        Diabetes().test_stimuli(5, seed=0)
