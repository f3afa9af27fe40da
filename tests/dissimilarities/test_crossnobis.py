"""Crossnobis distances against rsatoolbox, against their truth, and on real voxels."""

from pathlib import Path

import numpy as np
import pytest

from brainalign.dissimilarities.crossnobis import Crossnobis
from brainalign.dissimilarities.crossnobis_covariance import crossnobis_covariance
from brainalign.dissimilarities.trials import Trials
from brainalign.errors import DataError, SpecError
from brainalign.rdms import compute_rdms, compute_trial_rdms

K, P, R = 6, 5, 4


def trials(seed: int = 0, repeats: int = 2, signal: float = 1.0) -> tuple[np.ndarray, list[str], list[str]]:
    rng = np.random.default_rng(seed)
    truth = signal * rng.normal(size=(K, P))
    ids = [f"s{k}" for _ in range(R) for k in range(K) for _ in range(repeats)]
    runs = [f"r{r}" for r in range(R) for _ in range(K * repeats)]
    mixing = rng.normal(size=(P, P))
    return truth[[int(i[1:]) for i in ids]] + rng.normal(size=(len(ids), P)) @ mixing, ids, runs


def theirs(data: np.ndarray, ids: list[str], runs: list[str]):
    from rsatoolbox.data import Dataset

    return Dataset(data, obs_descriptors={"stimulus": ids, "run": runs})


def test_equals_rsatoolbox_with_one_precision() -> None:
    from rsatoolbox.data.noise import cov_from_unbalanced
    from rsatoolbox.rdm.calc import calc_rdm

    data, ids, runs = trials()
    # residuals about the mean of a stimulus within its run
    cells = theirs(data, [a + b for a, b in zip(ids, runs, strict=True)], runs)
    for ours, name in (("ledoit_wolf", "shrinkage_eye"), ("univariate", "diag"), ("none", None)):
        precision = None if name is None else np.linalg.inv(cov_from_unbalanced(cells, "stimulus", method=name))
        expected = calc_rdm(theirs(data, ids, runs), "crossnobis", "stimulus", precision, "run").get_vectors()
        found = compute_trial_rdms(data, ids, "crossnobis", runs, {"noise": ours})
        np.testing.assert_allclose(found.dissimilarities, expected, rtol=0, atol=1e-10)


def test_a_precision_of_each_run_equals_rsatoolbox() -> None:
    from rsatoolbox.data.noise import prec_from_unbalanced
    from rsatoolbox.rdm.calc import calc_rdm

    data, ids, runs = trials(1, repeats=3)
    parts = [np.array(runs) == run for run in sorted(set(runs))]
    each = [
        prec_from_unbalanced(
            theirs(data[own], list(np.array(ids)[own]), ["r"] * int(own.sum())), "stimulus", method="shrinkage_eye"
        )
        for own in parts
    ]
    expected = calc_rdm(theirs(data, ids, runs), "crossnobis", "stimulus", each, "run").get_vectors()
    found = compute_trial_rdms(data, ids, "crossnobis", runs, {"per_run": True})
    np.testing.assert_allclose(found.dissimilarities, expected, rtol=0, atol=1e-10)


def test_an_unbalanced_design_equals_rsatoolbox_and_the_mean_of_all_products_of_different_runs() -> None:
    from rsatoolbox.rdm.calc_unbalanced import calc_rdm_unbalanced

    data, ids, runs = trials(2)
    kept = np.random.default_rng(0).random(len(ids)) < 0.7
    data, ids, runs = data[kept], list(np.array(ids)[kept]), list(np.array(runs)[kept])
    data = data - data.mean(axis=0)
    order = list(dict.fromkeys(ids))  # as theirs
    found = compute_trial_rdms(data, ids, "crossnobis", runs, {"noise": "none"}, order).dissimilarities
    expected = calc_rdm_unbalanced(theirs(data, ids, runs), "crossnobis", "stimulus", np.eye(P), "run").get_vectors()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def test_noise_alone_has_mean_0_and_negative_values_stay() -> None:
    found = np.concatenate(
        [compute_trial_rdms(*_first(trials(seed, signal=0.0))).dissimilarities for seed in range(200)]
    )
    assert found.min() < 0
    standard_error = found.mean(axis=1).std() / np.sqrt(200)
    assert abs(found.mean()) < 3 * standard_error
    plain = [compute_rdms(_means(*trials(seed, signal=0.0)[:2]), range(K), "squared_euclidean") for seed in range(5)]
    assert min(one.dissimilarities.min() for one in plain) > 0


def _first(one: tuple[np.ndarray, list[str], list[str]]) -> tuple:
    data, ids, runs = one
    return data, ids, "crossnobis", runs


def _means(data: np.ndarray, ids: list[str]) -> np.ndarray:
    return np.stack([data[np.array(ids) == f"s{k}"].mean(axis=0) for k in range(K)])


def test_what_differs_between_runs_does_not_count_where_designs_are_balanced() -> None:
    data, ids, runs = trials(3)
    shifted = data + 5 * np.array([int(run[1:]) for run in runs])[:, None]
    options = {"noise": "ledoit_wolf"}
    found, moved = (compute_trial_rdms(x, ids, "crossnobis", runs, options).dissimilarities for x in (data, shifted))
    np.testing.assert_allclose(found, moved, atol=1e-10)


def test_the_covariance_of_errors_is_that_of_simulated_distances() -> None:
    rng = np.random.default_rng(5)
    truth = rng.normal(size=(4, P))
    mixing = np.linalg.cholesky(0.5 * np.eye(P) + 0.5)
    ids, runs = np.tile(np.repeat(np.arange(4), 12), R), np.repeat(np.arange(R), 48)
    distance = Crossnobis("none")
    values, predicted = [], []
    for k in range(3000):
        data = truth[ids] + 2 * rng.normal(size=(len(ids), P)) @ mixing.T
        one = Trials(data[:, :, None], ids, tuple("abcd"), runs)
        values.append(distance.of_trials(one)[0][0])
        if k < 300:
            predicted.append(crossnobis_covariance(one, distance))
    found, expected = np.cov(np.stack(values).T), np.mean(predicted, axis=0)
    np.testing.assert_allclose(np.diag(expected), np.diag(found), rtol=0.1)
    slope = (found * expected).sum() / (expected**2).sum()
    assert slope == pytest.approx(1, abs=0.06)
    i, j = np.triu_indices(4, 1)
    exact = ((truth[i] - truth[j]) ** 2).mean(axis=1)
    np.testing.assert_allclose(np.mean(values, axis=0), exact, atol=4 * np.sqrt(np.diag(found).max() / 3000))


def test_what_it_needs_is_asked_for_in_one_line() -> None:
    data, ids, runs = trials()
    with pytest.raises(DataError, match=r"no runs, expected two or more.*n_folds") as error:
        compute_trial_rdms(data, ids, "crossnobis")
    assert "\n" not in str(error.value)
    assert compute_trial_rdms(data, ids, "crossnobis", options={"n_folds": 2}).dissimilarities.shape == (1, 15)
    own = ["s0" if r == "r0" else f"{i}x" for i, r in zip(ids, runs, strict=True)]
    with pytest.raises(DataError, match="'s0' was shown in one of the runs only"):
        compute_trial_rdms(data, own, "crossnobis", runs)
    once = [k for k, one in enumerate(zip(ids, runs, strict=True)) if one not in list(zip(ids, runs, strict=True))[:k]]
    alone = [k for k in once if runs[k] in ("r0", "r1")]
    pick = (data[alone], [ids[k] for k in alone], "crossnobis", [runs[k] for k in alone])
    assert np.isfinite(compute_trial_rdms(*pick).dissimilarities).all()  # residuals of stimulus plus run
    with pytest.raises(SpecError, match=r"needs runs of trials, which layers .* do not have"):
        compute_rdms(data[:6], range(6), "crossnobis")
    with pytest.raises(SpecError, match="expected one of: ledoit_wolf"):
        Crossnobis(noise="oracle")


@pytest.fixture(scope="module")
def haxby(data_dir: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Voxels of one slice, two halves of each block of a category in a run, 5 s after its onset on."""
    import nibabel

    folder = Path(data_dir) / "haxby_slice"
    bold = np.asarray(nibabel.load(folder / "bold.nii.gz").dataobj, dtype=np.float64)
    lines = [line.split() for line in (folder / "attributes_literal.txt").read_text().splitlines()]
    lines = [line for line in lines if len(line) == 2 and line[1].isdigit()]
    labels, runs = np.array([line[0] for line in lines]), np.array([int(line[1]) for line in lines])
    volumes = bold.reshape(-1, bold.shape[-1]).T
    assert len(volumes) == len(labels) == 1452
    volumes = volumes[:, volumes.mean(axis=0) > 0.4 * volumes.max(axis=0).mean()]
    for run in np.unique(runs):
        own = volumes[runs == run]
        drift = np.polynomial.legendre.legvander(np.linspace(-1, 1, len(own)), 2)
        volumes[runs == run] = own - drift @ np.linalg.lstsq(drift, own, rcond=None)[0]
    volumes = volumes[:, volumes.std(axis=0) > 0]
    shifted = np.concatenate([["rest"] * 2, labels[:-2]])
    data, names, where = [], [], []
    for run in np.unique(runs):
        for name in sorted(set(labels) - {"rest"}):
            block = np.flatnonzero((runs == run) & (shifted == name) & (labels != ""))
            halves = np.array_split(block, 2)
            data += [volumes[half].mean(axis=0) for half in halves]
            names += [name] * 2
            where += [run] * 2
    return np.stack(data), np.array(names), np.array(where)


def test_faces_and_houses_are_apart_in_real_voxels_and_shuffled_labels_are_not(haxby) -> None:
    data, names, runs = haxby
    ids = sorted(set(names))
    rdm = compute_trial_rdms(data, names, "crossnobis", runs, {"noise": "ledoit_wolf"}, ids)
    found = rdm.matrices()[0][ids.index("face"), ids.index("house")]
    rng, shuffled = np.random.default_rng(0), []
    for _ in range(40):
        labels = names.copy()
        for run in np.unique(runs):  # blocks within a run, halves of a block together
            own = np.flatnonzero(runs == run)
            labels[own] = np.repeat(rng.permutation(names[own][::2]), 2)
        one = compute_trial_rdms(data, labels, "crossnobis", runs, {"noise": "ledoit_wolf"}, ids)
        shuffled.append(one.dissimilarities[0])
    means = np.mean(shuffled, axis=1)
    assert abs(means.mean()) < 3 * means.std() / np.sqrt(len(means)) + 1e-3 * found
    assert found > 5 * np.std(shuffled)
    assert found > np.max(shuffled)
