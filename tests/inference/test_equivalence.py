import numpy as np
import pytest

from brainalign.errors import SpecError
from brainalign.inference.contrast import Contrast
from brainalign.inference.equivalence import equivalence
from brainalign.inference.scope import Scope
from brainalign.inference.student import t_interval, t_test


def found(delta: float, se: float, dof: float = 12) -> Contrast:
    low, high = t_interval(delta, se, dof, 0.05)
    p = t_test(delta, se, dof)
    return Contrast(delta, se, 0, 0, 0, dof, low, high, p, 0, Scope(), 13, 40, 5, True, 0.05, "")


@pytest.mark.parametrize(
    ("delta", "se", "verdict"),
    [
        (0.0, 0.003, "equivalent"),
        (0.02, 0.003, "different"),
        (0.006, 0.002, "different, by less than the margin"),
        (0.005, 0.02, "inconclusive"),
        (0.0, float("nan"), "no inference possible"),
    ],
)
def test_verdicts(delta: float, se: float, verdict: str) -> None:
    result = equivalence(found(delta, se), 0.01)
    assert result.verdict == verdict
    if verdict == "equivalent":
        assert -0.01 < result.low < result.high < 0.01


def test_a_difference_at_the_margin_is_called_equivalent_in_one_of_twenty() -> None:
    rng = np.random.default_rng(0)
    samples = 0.01 + 0.01 * rng.standard_normal((4000, 13))
    hits = [equivalence(found(own.mean(), own.std(ddof=1) / np.sqrt(13)), 0.01).p < 0.05 for own in samples]
    assert np.mean(hits) == pytest.approx(0.05, abs=2.6 * np.sqrt(0.05 * 0.95 / 4000))


def test_a_margin_must_be_declared() -> None:
    with pytest.raises(SpecError, match="declared beforehand"):
        equivalence(found(0, 0.1), 0)
