"""Networks under the stimuli of a recording."""

from dataclasses import replace

import numpy as np
import pytest

from brainalign.activations import extract
from brainalign.alignment.instance import check_paired, show
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import SpecError
from tests.small import a_checkpoint
from tests.synthetic_world import World

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 12, 12, 3)).astype(np.uint8)
STIMULI = Stimuli(tuple("abcdefg"), IMAGES, "noise")


def test_every_seed_of_every_checkpoint_is_shown_and_only_the_last_is_final() -> None:
    last = a_checkpoint()
    first = replace(a_checkpoint(seeds=(9, 4)), spec=last.spec, step=0, epoch=0.0)
    found = list(show([first, last], STIMULI))
    assert [(one.seed, one.step, one.epoch, one.final) for one in found] == [
        (4, 0, 0.0, False), (9, 0, 0.0, False), (4, 12, 1.5, True), (9, 12, 1.5, True),
    ]  # fmt: skip
    assert {(one.rule, one.network) for one in found} == {("feedback_alignment", "mlp")}
    expected = [*extract(first, STIMULI), *extract(last, STIMULI)]
    for one, activations in zip(found, expected, strict=True):
        assert one.activations.stimulus_ids == STIMULI.ids
        assert list(one.activations.layers) == ["hidden1", "hidden2", "readout"]
        for layer, values in activations.layers.items():
            np.testing.assert_array_equal(one.activations.layers[layer], values)
    np.testing.assert_allclose(
        found[0].activations.layers["hidden1"], found[3].activations.layers["hidden1"], rtol=1e-6
    )  # the first checkpoint holds the same weights in the other order


def test_stimuli_are_shown_at_the_resolution_asked_for() -> None:
    checkpoint = a_checkpoint("cnn", "backprop")
    native, larger = next(show([checkpoint], STIMULI)), next(show([checkpoint], STIMULI, resolution=12))
    sizes = {name: one.activations.layers["conv1"].shape[1] for name, one in (("8", native), ("12", larger))}
    assert sizes["12"] > sizes["8"]
    assert native.activations.key != larger.activations.key


def test_pairs_need_the_same_seeds_once() -> None:
    instances = World().instances()
    check_paired(instances)
    check_paired([*World().instances(step=2, final=False), *instances])
    with pytest.raises(SpecError, match=r"has seeds \[0, 1\], 'untrained' has \[0, 1, 2\].* Train the same seeds"):
        check_paired(instances[:-1])
    with pytest.raises(SpecError, match="expected each once"):
        check_paired([*instances, instances[-1]])


def test_networks_may_have_different_seeds_from_each_other() -> None:
    mlp, cnn = World(n_seeds=3).instances(), World(networks=("cnn",), n_seeds=2).instances()
    check_paired([*mlp, *cnn])
