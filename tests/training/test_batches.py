"""Training samples: what is held out, in what order they come, how they are augmented."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from brainalign.datasets.dataset import Dataset, Split
from brainalign.errors import SpecError
from brainalign.specs import TrainSpec
from brainalign.training.batches import Batches

CPU = torch.device("cpu")
SPEC = TrainSpec("backprop", "mlp", "counted", seeds=(0, 1, 2), batch_size=8)


class Counted(Dataset):
    """Images that carry their number in their first two pixels."""

    title = "Counted"
    classes = ("a", "b")
    input_shape = (1, 9, 10)

    def train(self) -> Split:
        return _numbered(0, 60)

    def test(self) -> Split:
        return _numbered(100, 20)


def _numbered(first: int, n: int) -> Split:
    images = np.random.default_rng(first).integers(1, 256, (n, 1, 9, 10)).astype(np.uint8)
    images[:, 0, 0, 0] = np.arange(first, first + n)
    return Split(images, np.arange(n) % 2, np.arange(n))


def _load(**options: object) -> Batches:
    return Batches.load(replace(SPEC, **options), Counted(), CPU)


def _numbers(images: torch.Tensor) -> list[int]:
    return images[:, 0, 0, 0].int().tolist()


def test_training_validation_and_test_samples_are_apart() -> None:
    batches = _load(validation_fraction=0.25)
    train, validation, test = (_numbers(s.images) for s in (batches.train, batches.validation, batches.test))
    assert sorted(train + validation) == list(range(60))
    assert len(validation) == 15
    assert test == list(range(100, 120))
    for samples in (batches.train, batches.validation, batches.test):
        assert samples.labels.tolist() == [number % 2 for number in _numbers(samples.images)]


def test_the_same_samples_are_held_out_for_every_rule_and_seed() -> None:
    held_out = _numbers(_load().validation.images)
    assert _numbers(_load(rule="untrained", seeds=(7,), epochs=9, batch_size=4).validation.images) == held_out


def test_fewer_training_samples_are_a_part_of_more() -> None:
    more = _load()
    fewer = _load(n_train=20)
    assert len(fewer.train.labels) == 20
    assert set(_numbers(fewer.train.images)) < set(_numbers(more.train.images))
    assert _numbers(fewer.validation.images) == _numbers(more.validation.images)


def test_statistics_are_those_of_the_training_samples_alone() -> None:
    batches = _load(validation_fraction=0.5)
    values = batches.train.images.numpy() / 255
    assert batches.preprocessing.mean[0] == pytest.approx(values.mean())
    assert batches.preprocessing.std[0] == pytest.approx(values.std())


def test_nothing_held_out_leaves_everything_for_training() -> None:
    batches = _load(validation_fraction=0.0)
    assert (len(batches.train.labels), len(batches.validation.labels)) == (60, 0)


def test_fewer_samples_than_a_batch_are_refused() -> None:
    with pytest.raises(SpecError, match="6 training samples of 'counted' are fewer than one batch of 8"):
        _load(n_train=6)


def test_every_sample_comes_up_at_most_once_in_an_epoch() -> None:
    batches = _load(n_train=30)
    assert batches.steps_per_epoch == 3
    order = batches.order(0)
    assert order.shape == (3, 30)
    seen = torch.cat([batches.batch(order, step).index for step in range(3)], dim=1)
    assert all(len(set(row.tolist())) == 24 for row in seen)
    assert torch.equal(seen, order[:, :24])


def test_the_order_belongs_to_seed_and_epoch_not_to_rule_or_population() -> None:
    whole = _load().order(3)
    assert torch.equal(_load(rule="untrained", seeds=(2,)).order(3)[0], whole[2])
    assert not torch.equal(_load().order(4), whole)
    assert not torch.equal(whole[0], whole[1])


def test_a_batch_is_the_preprocessed_samples_of_the_order() -> None:
    batches = _load()
    order = batches.order(1)
    found = batches.batch(order, batches.steps_per_epoch + 2)  # the third batch of the second epoch
    assert torch.equal(found.index, order[:, 16:24])
    for row in range(3):
        own = order[row, 16:24]
        torch.testing.assert_close(found.x[row], batches.preprocessing(batches.train.images[own]))
        assert torch.equal(found.y[row], batches.train.labels[own])


def _raw(batches: Batches, step: int) -> torch.Tensor:
    """Undo the preprocessing: the images as the network was shown them, in grey values."""
    x = batches.batch(batches.order(0), step).x
    return ((x * batches.preprocessing.std[0] + batches.preprocessing.mean[0]) * 255).round().int()


def test_a_flip_is_the_image_or_its_mirror_image() -> None:
    plain, flipped = _raw(_load(), 0), _raw(_load(augment="flip"), 0)
    same, mirrored = (
        (flipped == expected).flatten(2).all(-1) for expected in (plain, plain.flip(-1))
    )  # fmt: skip
    assert (same ^ mirrored).all()
    assert 0 < same.float().mean() < 1


@pytest.mark.parametrize(("augment", "pixels", "sides"), [("crop_flip", 4, 2), ("crop", 2, 1), ("jitter", 1, 1)])
def test_a_crop_is_a_window_of_the_image_in_a_black_margin(augment: str, pixels: int, sides: int) -> None:
    plain, augmented, tops, lefts, mirrored = _load(), _load(augment=augment), set(), set(), set()
    for step in range(20):
        images, cropped = _raw(plain, step), _raw(augmented, step)
        padded = torch.nn.functional.pad(torch.stack([images, images.flip(-1)]), (pixels,) * 4)
        # (2, seeds, n, 1, places, places, height, width)
        windows = padded.unfold(-2, images.shape[-2], 1).unfold(-2, images.shape[-1], 1)
        equal = (windows == cropped[None, :, :, :, None, None]).flatten(-2).all(-1)
        assert (equal.sum(dim=(0, 3, 4, 5)) == 1).all()
        places = equal.nonzero()
        mirrored |= set(places[:, 0].tolist())
        tops, lefts = tops | set(places[:, 4].tolist()), lefts | set(places[:, 5].tolist())
    assert tops == lefts == set(range(2 * pixels + 1))  # every shift either way
    assert mirrored == set(range(sides))


def test_augmentation_belongs_to_seed_and_step_not_to_the_population() -> None:
    whole, alone = _load(augment="crop_flip"), _load(augment="crop_flip", seeds=(2,), rule="untrained")
    assert torch.equal(_raw(whole, 1)[2], _raw(alone, 1)[0])
    order = whole.order(0)
    first, later = whole.batch(order, 0).x, whole.batch(order, whole.steps_per_epoch).x
    assert not torch.equal(first, later)  # the same samples a full epoch later


def test_an_unknown_augmentation_is_refused() -> None:
    with pytest.raises(SpecError, match="augment is 'rotate'; expected one of: none, jitter, crop, flip, crop_flip"):
        _load(augment="rotate")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_train": 5000}, r"n_train is 5000; of 60 training samples of 'counted', 54 are left after validation"),
        ({"n_train": 55}, r"n_train is 55; .* Ask for at most that, or 0 for all\."),
        ({"validation_fraction": 1e-5}, r"validation_fraction is 1e-05, none of 60 .*; expected 0 or at least 0\.017"),
        ({"validation_fraction": 0.99}, r"1 training samples of 'counted' are fewer than one batch of 8"),
    ],
)
def test_more_samples_than_there_are_is_one_line(options: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        _load(**options)


def test_all_samples_may_be_asked_for_by_number() -> None:
    assert len(_load(n_train=54).train.labels) == 54


def test_less_than_one_step_says_how_many_epochs_a_step_is() -> None:
    loaded = _load()
    with pytest.raises(SpecError, match=r"epochs is 1e-09, less than one step: a step is 0\.17 epochs here, 8 of 54"):
        loaded.steps(1e-9)
    assert [loaded.steps(epochs) for epochs in (0.17, 1, 1.5)] == [1, 6, 9]
