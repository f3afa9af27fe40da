"""Multidimensional scaling against configurations whose answer is known."""

import numpy as np
import pytest

from brainalign.report.mds import embed, turn_to


def _distances(points):
    return np.linalg.norm(points[:, None] - points[None], axis=2)


def test_points_of_the_plane_are_recovered():
    points = np.random.default_rng(0).normal(size=(20, 2))
    found, stress = embed(_distances(points))
    assert stress < 1e-6
    np.testing.assert_allclose(_distances(found), _distances(points), atol=1e-6)


def test_stress_falls_below_classical_scaling_and_is_kruskals():
    dissimilarities = _distances(np.random.default_rng(1).normal(size=(15, 6)))
    found, stress = embed(dissimilarities)
    distances = _distances(found)
    assert stress == pytest.approx(np.sqrt(((dissimilarities - distances) ** 2).sum() / (distances**2).sum()))
    centre = np.eye(15) - 1 / 15
    values, vectors = np.linalg.eigh(-0.5 * centre @ dissimilarities**2 @ centre)
    classical = _distances(vectors[:, -2:] * np.sqrt(values[-2:]))
    assert ((dissimilarities - distances) ** 2).sum() < ((dissimilarities - classical) ** 2).sum()


def test_two_points():
    found, stress = embed(np.array([[0.0, 3.0], [3.0, 0.0]]))
    assert _distances(found)[0, 1] == pytest.approx(3.0)
    assert stress == pytest.approx(0.0, abs=1e-9)


def test_turn_to_undoes_rotation_and_mirror():
    points = np.random.default_rng(2).normal(size=(9, 2))
    angle = 1.1
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    np.testing.assert_allclose(turn_to(points @ rotation * [1, -1], points), points, atol=1e-12)
