"""What is computed with torch on a device equals what NumPy computes: one code, two kinds of arrays."""

import numpy as np
import pytest
import torch

import brainalign as ba
from brainalign.comparisons.banded_ridge import BandedRidge
from brainalign.comparisons.encoding import Encoding
from brainalign.computing import computing_on, device_of_torch, get, put
from brainalign.condensed import Condensed
from brainalign.errors import SpecError
from brainalign.patterns import Patterns
from brainalign.rdms import compute_rdms
from brainalign.resampling.left_out import left_out_ceilings, left_out_pairs, units_of
from brainalign.resampling.pairs_bootstrap import bootstrap_pairs

N = 24
IDS = tuple(f"s{k}" for k in range(N))
RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(N, 40)).astype(np.float32)
MODELS, BRAINS = (Condensed.of(RNG.random((k, N * (N - 1) // 2))) for k in (3, 4))


def both(compute, device="cpu"):
    """Return what is computed by NumPy, and by torch on a device."""
    here = compute()
    with computing_on(device, with_torch=True):
        return here, compute()


def apart(here, there) -> float:
    return float(np.nanmax(np.abs(here - there)))


@pytest.mark.parametrize("measure", ["correlation", "cosine", "squared_euclidean", "euclidean"])
def test_dissimilarities_are_those_of_numpy(measure: str) -> None:
    here, there = both(lambda: compute_rdms(FEATURES, IDS, measure).dissimilarities)
    assert isinstance(there, np.ndarray)
    assert apart(here, there) < 1e-12


@pytest.mark.parametrize("method", ["corr", "cosine", "corr_cov", "cosine_cov"])
def test_samples_of_linear_comparators_are_those_of_numpy(method: str) -> None:
    def left_out() -> list[np.ndarray]:
        units, counted = units_of(None, N)
        pairs = left_out_pairs(method, MODELS, units, counted)
        return [*pairs.scores(BRAINS), *left_out_ceilings(pairs, BRAINS, units, counted)]

    for here, there in zip(*both(left_out), strict=True):
        assert apart(here, there) < 1e-10
    drawn = [bootstrap_pairs(MODELS, BRAINS, method, 20, 0)]
    with computing_on("cpu", with_torch=True):
        drawn.append(bootstrap_pairs(MODELS, BRAINS, method, 20, 0))
    for name in ("observed", "draws", "ceiling_lower", "ceiling_upper"):
        assert apart(*(getattr(one, name) for one in drawn)) < 1e-10


@pytest.mark.parametrize(("solver", "dtype", "most"), [
    ("kernel", "float64", 1e-10), ("primal", "float64", 1e-10), ("kernel", "float32", 1e-3),
])  # fmt: skip
def test_ridge_is_that_of_numpy(solver: str, dtype: str, most: float) -> None:
    ids = tuple(map(str, range(60)))
    rng = np.random.default_rng(1)
    x = Patterns(rng.normal(size=(60, 20)), ids)
    y = Patterns(x.values @ rng.normal(size=(20, 5)) + 3 * rng.normal(size=(60, 5)), ids)
    measure = Encoding(solver=solver, dtype=dtype, alphas=(0.01, 0.1, 1.0, 10.0))
    here, there = both(lambda: measure.score(x, y))
    assert apart(here.predictions, there.predictions) < most
    assert apart(here.r, there.r) < most
    np.testing.assert_array_equal(here.alphas, there.alphas)


def test_banded_ridge_is_that_of_numpy_and_himalaya_keeps_its_backend() -> None:
    from himalaya.backend import get_backend

    ids = tuple(map(str, range(40)))
    rng = np.random.default_rng(2)
    spaces = {name: Patterns(rng.normal(size=(40, 4)), ids) for name in "ab"}
    y = Patterns(spaces["a"].values @ rng.normal(size=(4, 3)) + rng.normal(size=(40, 3)), ids)
    before = get_backend().name
    here, there = both(lambda: BandedRidge(n_iter=1, n_folds=3).score({"a": spaces["a"]}, y))
    assert apart(here.predictions, there.predictions) < 1e-8
    assert get_backend().name == before


def test_arrays_are_numpys_outside_and_tensors_inside() -> None:
    assert device_of_torch() is None
    with computing_on("cpu"):
        assert isinstance(put(np.ones(2)), np.ndarray)  # NumPy stays where torch was not faster
    with computing_on("cpu", with_torch=True):
        inside = put(np.broadcast_to(np.ones(2), (3, 2)))
        assert isinstance(inside, torch.Tensor)
        assert get(inside).shape == (3, 2)
    assert device_of_torch() is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_one_line() -> None:
    brain = ba.own_recording(None, rdms=[1 - np.eye(24)] * 2, ids=ba.example_networks()[0].stimulus_ids)
    with pytest.raises(SpecError, match=r"Device 'cuda' cannot be used.*available here: cpu") as error:
        ba.align(ba.example_networks(), brain, device="cuda")
    assert "\n" not in str(error.value)


@pytest.mark.gpu
@pytest.mark.parametrize("measure", ["correlation", "squared_euclidean"])
def test_a_gpu_gives_the_same(measure: str) -> None:
    here, there = both(lambda: compute_rdms(FEATURES, IDS, measure).dissimilarities, "cuda")
    assert apart(here, there) < 1e-12
