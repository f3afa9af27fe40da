import numpy as np
import pytest

from brainalign.errors import SpecError
from brainalign.resampling.draw_units import draw_stimuli, draw_subjects


def test_counts_are_those_of_drawing_with_replacement():
    counts, n_units, n_strata = draw_stimuli(20, 3000, 0)
    assert (n_units, n_strata) == (20, 1)
    assert (counts.sum(axis=1) == 20).all()
    assert counts[:, 0].mean() == pytest.approx(1, abs=0.06)
    assert counts[:, 0].var() == pytest.approx(19 / 20, abs=0.08)
    assert (counts == 0).mean() == pytest.approx((1 - 1 / 20) ** 20, abs=0.01)


def test_strata_keep_their_size_and_groups_stay_whole():
    groups = np.repeat(np.arange(8), 3)
    strata = np.repeat([0, 1], 12)
    counts, n_units, n_strata = draw_stimuli(24, 50, 0, groups, strata)
    assert (n_units, n_strata) == (8, 2)
    assert (counts[:, :12].sum(axis=1) == 12).all()
    assert (counts.reshape(50, 8, 3) == counts.reshape(50, 8, 3)[:, :, :1]).all()


def test_a_group_across_strata_is_refused():
    with pytest.raises(SpecError, match="several folds"):
        draw_stimuli(4, 5, 0, groups=[0, 0, 1, 1], strata=[0, 1, 1, 0])
    with pytest.raises(SpecError, match="holds 1 unit"):
        draw_stimuli(4, 5, 0, strata=[0, 0, 0, 1])


def test_subjects_are_drawn_with_replacement():
    drawn = draw_subjects(5, 2000, 0)
    assert drawn.shape == (2000, 5)
    np.testing.assert_allclose(np.bincount(drawn.ravel()) / 10000, 0.2, atol=0.02)
    np.testing.assert_array_equal(drawn, draw_subjects(5, 2000, 0))
