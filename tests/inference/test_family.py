import numpy as np
import pytest

from brainalign.errors import SpecError
from brainalign.inference.family import adjust


def test_holm_by_hand():
    # sorted .01 .02 .03 .04: 4 x .01, 3 x .02, then 2 x .03 and 1 x .04 kept monotone
    np.testing.assert_allclose(adjust([0.03, 0.01, 0.04, 0.02], "holm"), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(adjust([0.9, 0.6], "holm"), [1, 1])


def test_benjamini_hochberg_and_yekutieli_by_hand():
    p = np.array([0.01, 0.02, 0.03, 0.5])
    expected = np.array([0.04, 0.04, 0.04, 0.5])
    np.testing.assert_allclose(adjust(p, "bh"), expected)
    np.testing.assert_allclose(adjust(p, "by"), np.minimum(expected * (1 + 1 / 2 + 1 / 3 + 1 / 4), 1))


@pytest.mark.parametrize("correction", ["holm", "bh", "by", "none"])
def test_nan_stays_and_does_not_count(correction):
    p = np.array([0.01, np.nan, 0.04])
    adjusted = adjust(p, correction)
    assert np.isnan(adjusted[1])
    np.testing.assert_allclose(adjusted[[0, 2]], adjust(p[[0, 2]], correction))
    assert np.isnan(adjust([np.nan], correction)).all()


def test_family_wise_error_under_the_null():
    p = np.random.default_rng(0).random((4000, 10))
    assert np.mean([adjust(row).min() < 0.05 for row in p]) == pytest.approx(0.05, abs=0.01)
    assert (p.min(axis=1) < 0.05).mean() > 0.3


def test_refusals():
    with pytest.raises(SpecError, match="Choose one of"):
        adjust([0.1], "bonferoni")
    with pytest.raises(SpecError, match="within"):
        adjust([1.2])
