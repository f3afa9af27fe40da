from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from brainalign.datasets.cifar10_jpeg import Cifar10Jpeg
from brainalign.datasets.dataset import Dataset, Split
from brainalign.datasets.digits import Digits
from brainalign.datasets.manifest import load_manifest
from brainalign.datasets.mnist import MNIST
from brainalign.datasets.task import Task
from brainalign.discovery import available, create, snake_case
from brainalign.errors import SpecError


@dataclass(frozen=True)
class ToyColours(Dataset):
    title: ClassVar[str] = "Toy"
    classes: ClassVar[tuple[str, ...]] = ("red", "green", "blue")
    input_shape: ClassVar[tuple[int, int, int]] = (3, 1, 2)

    def train(self) -> Split:
        return self.test()

    def test(self) -> Split:
        """Image k shows k everywhere but in the second column, and is of class k % 3."""
        images = np.zeros((30, 3, 1, 2), dtype=np.uint8)
        images[..., 0] = np.arange(30)[:, None, None]
        return Split(images, np.arange(30) % 3, np.arange(30))


def test_task_states_the_facts_of_the_data() -> None:
    assert ToyColours().task(12) == Task((3, 1, 2), 3, 12)


@pytest.mark.parametrize("n", [1, 3, 7, 29, 30])
def test_stimuli_are_balanced_and_carry_their_image(n: int) -> None:
    stimuli = ToyColours().test_stimuli(n, seed=4)
    assert len(stimuli) == n
    rows = [int(stimulus.removeprefix("toy_colours-test-")) for stimulus in stimuli.ids]
    assert stimuli.images.shape == (n, 1, 2, 3)
    np.testing.assert_array_equal(stimuli.images[:, 0, 0, :], np.array(rows)[:, None].repeat(3, 1))
    assert not stimuli.images[:, :, 1].any()
    assert stimuli.labels == tuple(ToyColours.classes[row % 3] for row in rows)
    counts = np.bincount(np.array(rows) % 3, minlength=3)
    assert counts.max() - counts.min() <= 1


def test_stimuli_are_drawn_by_seed_and_nested_over_n() -> None:
    few, many = ToyColours().test_stimuli(8, seed=1), ToyColours().test_stimuli(20, seed=1)
    assert set(few.ids) < set(many.ids)
    assert few.key == ToyColours().test_stimuli(8, seed=1).key
    assert few.key != ToyColours().test_stimuli(8, seed=2).key


@pytest.mark.parametrize("n", [-1, 0, 31, 300])
def test_impossible_number_of_stimuli_is_refused(n: int) -> None:
    with pytest.raises(SpecError, match="1 to 30"):
        ToyColours().test_stimuli(n, seed=0)


@pytest.mark.parametrize("kind", [Digits, MNIST, Cifar10Jpeg])
def test_data_sets_are_found_by_name_and_agree_with_their_manifest(kind: type[Dataset]) -> None:
    name = snake_case(kind.__name__)
    assert available("datasets", Dataset)[name] is kind
    assert create("datasets", Dataset, name) == kind()
    assert load_manifest(name).title == kind.title
    assert load_manifest(name).kind == "images"
