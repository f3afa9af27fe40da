"""The participation ratio against spectra that are known."""

import numpy as np
import pytest

import brainalign as ba
from brainalign.errors import DataError
from brainalign.extraction.dimensionality import dimensionality_table, participation_ratio


@pytest.mark.parametrize("decay", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n", [40, 400])
def test_a_known_spectrum_comes_back_without_bias(decay: float, n: int) -> None:
    """Power laws of 100 eigenvalues, turned at random; means over 60 draws of normal patterns."""
    spectrum = np.arange(1, 101.0) ** -decay
    truth = spectrum.sum() ** 2 / (spectrum**2).sum()
    rng = np.random.default_rng(0)
    turned = np.linalg.qr(rng.standard_normal((100, 100)))[0]
    draws = [rng.standard_normal((n, 100)) * np.sqrt(spectrum) @ turned for _ in range(60)]
    # its inverse is nearly linear in the estimates, so that the mean of inverses has little bias of its own
    corrected = 1 / np.mean([1 / participation_ratio(one) for one in draws])
    plain = 1 / np.mean([1 / participation_ratio(one, corrected=False) for one in draws])
    assert corrected == pytest.approx(truth, rel=0.05)
    assert plain < n
    expected = 1 / (1 / truth * (1 + 1 / (n - 1)) + 1 / (n - 1))  # E[tr S^2] over (tr Sigma)^2; tr S varies, too
    assert plain == pytest.approx(expected, rel=0.05)


def test_it_is_that_of_the_eigenvalues_and_of_either_product() -> None:
    values = np.random.default_rng(1).normal(size=(12, 30)) ** 3
    found = np.linalg.eigvalsh(np.cov(values.T))
    expected = found.sum() ** 2 / (found**2).sum()
    assert participation_ratio(values, corrected=False) == pytest.approx(expected, rel=1e-10)
    tall = values.T
    found = np.linalg.eigvalsh(np.cov(tall.T))
    assert participation_ratio(tall, corrected=False) == pytest.approx(found.sum() ** 2 / (found**2).sum(), rel=1e-10)
    assert participation_ratio(1e6 + values) == pytest.approx(participation_ratio(values), rel=1e-6)
    assert participation_ratio(7 * values) == pytest.approx(participation_ratio(values), rel=1e-10)


def test_what_has_none_is_refused_and_empty_in_the_table() -> None:
    with pytest.raises(DataError, match="All 9 patterns are the same"):
        participation_ratio(np.full((9, 5), 0.1))
    with pytest.raises(DataError, match="expected 4 stimuli or more"):
        participation_ratio(np.ones((3, 5)))
    flat = ba.Activations(
        {"dead": np.zeros((9, 4)), "fc": np.random.default_rng(0).normal(size=(9, 4))}, [f"s{k}" for k in range(9)]
    )
    table = dimensionality_table([flat]).set_index("layer")
    assert np.isnan(table.participation_ratio["dead"])
    assert 1 < table.uncorrected["fc"] < 4
    assert table.n_features["fc"] == 4
