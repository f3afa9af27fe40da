"""Recordings that lie in a file are never held as a whole: what is allocated is measured, at a small size."""

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from brainalign import mapped
from brainalign.comparisons.encoding import Encoding
from brainalign.data_check.trials import check_trials
from brainalign.dissimilarities import trials as trials_module
from brainalign.errors import StorageError
from brainalign.patterns import Patterns
from brainalign.recordings import recording_checks
from brainalign.recordings.movie import Movie
from brainalign.recordings.noise_normalisation import whitened
from brainalign.recordings.pseudo_trials import pseudo_trials
from brainalign.recordings.recording import Recording
from brainalign.recordings.run_scaling import z_scored

SHAPE = (1200, 16, 50)
SIZE = int(np.prod(SHAPE)) * 4
IDS = tuple(f"s{k % 40}" for k in range(SHAPE[0]))
RUNS = tuple(str(k // 40) for k in range(SHAPE[0]))
TIMES = tuple(np.linspace(-0.1, 0.39, 50).tolist())


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let little be held: 128 KiB of results, 40 trials of a block; the file has 3.8 MB."""
    monkeypatch.setattr(mapped, "HELD_BYTES", 2**17)
    monkeypatch.setattr(trials_module, "HELD_BYTES", 2**18)
    monkeypatch.setattr(recording_checks, "_BLOCK", 32_000)


def in_file(folder: Path) -> Recording:
    data = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    np.save(folder / "data.npy", data)
    mask = {"first": np.arange(16) < 8}
    return Recording.from_array(
        np.load(folder / "data.npy", mmap_mode="r"), IDS, times=TIMES, runs=RUNS, rois=mask, modality="EEG"
    )


@contextmanager
def allocated() -> Iterator[Callable[[], int]]:
    """Yield what tells the most bytes that were allocated at once since the beginning."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    try:
        yield lambda: tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def _each_other(one: Recording) -> np.ndarray:
    return np.arange(len(one.data)) % 3 == 0


STEPS: dict[str, Callable[[Recording], Recording]] = {
    "centred": lambda one: one.centred("run"),
    "whitened": lambda one: whitened(one, _each_other(one)),
    "z_scored": z_scored,
    "pseudo_trials": lambda one: pseudo_trials(replace(one, runs=None), 3, 0),
    "select": lambda one: one.select("first"),
    "drop_trials": lambda one: one.drop_trials(_each_other(one)),
    "subset": lambda one: one.subset([f"s{k}" for k in range(30)]),
}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("step", STEPS)
def test_no_step_holds_a_copy_and_its_numbers_are_those_in_memory(tmp_path: Path, step: str) -> None:
    one = in_file(tmp_path)
    held = Recording.from_array(np.array(one.data), IDS, times=TIMES, runs=RUNS, rois=one.rois, modality="EEG")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mapped, "HELD_BYTES", 2**30)
        patch.setattr(trials_module, "HELD_BYTES", 2**30)
        expected = STEPS[step](held)  # imports what it needs, too
    with allocated() as peak:
        found = STEPS[step](one)
        assert peak() < 0.6 * SIZE
    assert isinstance(found.data, np.memmap) or found.data.nbytes < 0.3 * SIZE or _mapped(found.data)
    np.testing.assert_allclose(found.data, expected.data, rtol=1e-10, atol=1e-12)


def _mapped(array: np.ndarray) -> bool:
    one: object = array
    while one is not None and not isinstance(one, np.memmap):
        one = getattr(one, "base", None)
    return one is not None


@pytest.mark.usefixtures("small")
def test_means_rdms_key_and_check_hold_no_copy(tmp_path: Path) -> None:
    one = in_file(tmp_path)
    ids = tuple(dict.fromkeys(IDS))
    said: list[str] = []
    with allocated() as peak:
        means = one.means(ids)
        movie = Movie.of_means(means, ids, "correlation", "s01", TIMES, one.name, said.append)
        assert one.key
        assert list(check_trials(one)) == []
        assert peak() < 0.6 * SIZE
    assert isinstance(movie.values, np.memmap)
    assert said[-1].endswith("RDMs of 50 of 50 times")
    expected = np.array(one.data, np.float64)[:40]
    np.testing.assert_allclose(one.means(ids, run="0"), expected, rtol=1e-12)


@pytest.mark.usefixtures("small")
def test_a_whole_copy_would_be_seen(tmp_path: Path) -> None:
    one = in_file(tmp_path)
    with allocated() as peak:
        np.array(one.data)
        assert peak() > 0.9 * SIZE


@pytest.mark.parametrize("n_features", [5, 60])
def test_targets_in_blocks_are_those_of_all_at_once(tmp_path: Path, n_features: int) -> None:
    rng = np.random.default_rng(0)
    ids = tuple(f"s{k}" for k in range(60))
    layer = Patterns(rng.standard_normal((60, n_features)), ids, "layer")
    betas = layer.values @ rng.standard_normal((n_features, 2000)) + rng.standard_normal((60, 2000))
    np.save(tmp_path / "betas.npy", betas.astype(np.float32))
    one = Recording.from_array(np.load(tmp_path / "betas.npy", mmap_mode="r"), ids, modality="fMRI")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recording.mean_blocks, "__defaults__", (None, 60 * 16))
        for measure in (Encoding(), Encoding(alphas=(3.0,))):
            whole = measure.score(layer, one.patterns())
            with allocated() as peak:
                found = measure.target_scores(layer, one)
                # what himalaya takes for a block, for all penalties on offer, is the larger part
                assert peak() < 2 * betas.nbytes
            np.testing.assert_allclose(found.r, whole.r, atol=1e-10)
            np.testing.assert_allclose(found.r2, whole.r2, atol=1e-10)
            assert np.array_equal(found.alphas, whole.alphas)
            assert found.channels == one.channels


@pytest.mark.parametrize("solver", ["primal", "kernel"])
def test_one_penalty_is_ridge_regression(solver: str) -> None:
    rng = np.random.default_rng(1)
    ids = tuple(f"s{k}" for k in range(50))
    x, y = rng.standard_normal((50, 8)), rng.standard_normal((50, 4))
    fitted = Encoding(alphas=(2.5,), solver=solver).score(Patterns(x, ids), Patterns(y, ids))
    for fold in range(5):
        train, test = fitted.folds != fold, fitted.folds == fold
        own, target = x[train] - x[train].mean(axis=0), y[train] - y[train].mean(axis=0)
        alpha = 2.5 * (own**2).sum() / len(own)
        weights = np.linalg.solve(own.T @ own + alpha * np.eye(8), own.T @ target)
        expected = (x[test] - x[train].mean(axis=0)) @ weights + y[train].mean(axis=0)
        np.testing.assert_allclose(fitted.predictions[test], expected, atol=1e-10)
    assert (fitted.alphas == 2.5).all()


def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mapped, "HELD_BYTES", 8)
    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(StorageError, match=r"GiB are needed in .* \(No space left on device\)"):
        mapped.room((10,))


def test_changes_that_are_nowhere_else_are_kept(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(4096))
    changed = np.load(tmp_path / "a.npy", mmap_mode="c")
    changed[:] = 1
    mapped.release(changed)
    assert (changed == 1).all()
    written = np.memmap(tmp_path / "b", np.float64, "w+", shape=(4096,))
    written[:] = 2
    mapped.release(written[10:20])
    assert (written == 2).all()
