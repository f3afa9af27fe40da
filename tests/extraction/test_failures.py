"""What a network cannot read is said in its own words, with a remedy that fits them."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from brainalign.activations import extract
from brainalign.datasets.preprocessing import Preprocessing
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import ExtractionError
from tests.small import a_checkpoint

GREY = Preprocessing(1, (8, 8), (0.5,), (0.25,))
STIMULI = Stimuli(
    [f"s{k}" for k in range(9)], np.random.default_rng(0).integers(0, 256, (9, 8, 8, 1), dtype=np.uint8), "noise"
)


class _Raises(nn.Module):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def forward(self, x: Tensor) -> Tensor:
        raise self.error


class _MixedTypes(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ torch.ones(64, 3, dtype=torch.float64)


NO_STATISTICS = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.BatchNorm1d(4, track_running_stats=False))


@pytest.mark.parametrize(
    ("module", "words", "remedy"),
    [
        (nn.Conv2d(3, 4, 3), "to have 3 channels, but got 1", "Declare Preprocessing with channels = 3."),
        (nn.Conv2d(9, 4, 3), "to have 9 channels, but got 1",
         "Stimuli are grey or RGB; expected a network that reads 1"),
        (nn.Sequential(nn.Flatten(), nn.Linear(65, 2)), "mat1 and mat2 shapes cannot be multiplied",
         "Show stimuli at the resolution it was trained at."),
        (nn.Conv2d(1, 4, 13), "Kernel size can't be greater than actual input size", "Show stimuli at the resolution"),
        (NO_STATISTICS, "Expected more than 1 value per channel when training", "A batch normalisation reads the "
         "statistics of the batch: give it running statistics (track_running_stats = True) and train them."),
        (_MixedTypes(), "dtype", "Convert the whole network to one type, e.g. module.float(), and make new tensors"),
        (nn.Embedding(4, 5), "scalar types: Long", "It asks for whole numbers; expected a network that reads images."),
        (nn.LSTM(8, 3), "Expected input to be 2D or 3D, got 4D", "This error is the network's own"),
        (_Raises(RuntimeError("CUDA out of memory. Tried to allocate")), "out of memory", "Use a smaller batch_size."),
        (_Raises(RuntimeError("Expected all tensors to be on the same device, but found")), "same device",
         "Register its tensors as parameters or buffers, so that they move with it."),
        (_Raises(KeyError("mask")), "'mask'", "This error is the network's own: call it on such an input to see where"),
        (_Raises(RuntimeError("first\nsecond")), "(first)", "This error is the network's own"),
        (_Raises(AssertionError()), "(AssertionError)", "This error is the network's own"),
        (nn.ModuleList(), 'missing the required "forward" function', "This error is the network's own"),
    ],
)  # fmt: skip
def test_a_failure_is_one_line_in_the_words_of_the_network(module: nn.Module, words: str, remedy: str) -> None:
    with pytest.raises(ExtractionError) as caught:
        extract(module, STIMULI, GREY, ["output"])
    message = str(caught.value)
    assert message.startswith("The network fails on (")
    assert words in message
    assert remedy in message
    assert "\n" not in message
    assert ("resolution it was trained at" in message) == ("resolution" in remedy)


def test_a_batch_normalisation_without_statistics_is_said_to_be_one() -> None:
    """It arises where statistics are those of the batch and a stimulus is shown alone, layers before it included."""
    for layers in (None, ["1"]):
        with pytest.raises(ExtractionError, match=r"fails on \(1, 1, 8, 8\) inputs .* give it running statistics"):
            extract(NO_STATISTICS, STIMULI, GREY, layers)


def test_a_checkpoint_says_at_which_resolution_it_was_trained() -> None:
    with pytest.raises(ExtractionError, match=r"Show stimuli at the resolution it was trained at, \(8, 8\)\."):
        extract(a_checkpoint("mlp"), STIMULI, Preprocessing(1, (16, 16), (0.5,), (0.25,)))
    with pytest.raises(ExtractionError, match=r"\((9|6), 3, 8, 8\) inputs .* Declare Preprocessing with channels = 1"):
        extract(a_checkpoint("cnn"), STIMULI, Preprocessing(3, (8, 8), (0.5,) * 3, (0.25,) * 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0; expected a whole number from 1 on. It does not change the result."),
        ({"batch_size": 2.5}, "batch_size is 2.5; expected a whole number from 1 on."),
        ({"batch_size": -3}, "batch_size is -3; expected a whole number from 1 on."),
        ({"batch_size": True}, "batch_size is True; expected a whole number from 1 on."),
        ({"device": "gpu"}, "Unknown device 'gpu'; expected 'cpu', 'cuda' or 'cuda:<number>'. A GPU is 'cuda'."),
        ({"device": "meta"}, "Unknown device 'meta'; expected 'cpu', 'cuda' or 'cuda:<number>'."),
        ({"device": 7.5}, "Unknown device '7.5'; expected 'cpu', 'cuda' or 'cuda:<number>'."),
        ({"device": "cuda:99"}, "Device 'cuda:99' is not there; torch sees "),
        ({"transform": None}, "show() got a module with no transform; expected how it was shown pictures in training."),
        ({"transform": "images"}, "show() got a module with transform 'images'; expected how it was shown pictures"),
        ({"stimuli": np.zeros((9, 8, 8, 1), np.uint8)}, "show() got stimuli of type ndarray; expected Stimuli(ids,"),
        ({"model": "net.pt"}, "show() got a model of type str; expected a torch module, what train() returned, or"),
    ],
)
def test_arguments_out_of_range_are_refused_before_anything_runs(options: dict[str, Any], message: str) -> None:
    given = {"model": nn.Flatten(), "stimuli": STIMULI, "transform": GREY, **options}
    with pytest.raises(ExtractionError) as caught:
        extract(**given)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_cuda_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    message = "Device 'cuda' is not there; torch sees 0 of type 'cuda'. Use device = 'cpu'."
    with pytest.raises(ExtractionError) as caught:
        extract(a_checkpoint(), STIMULI, device="cuda")
    assert str(caught.value) == message


def test_numbers_of_any_kind_are_batch_sizes() -> None:
    found = extract(nn.Flatten(), STIMULI, GREY, batch_size=np.int64(2))  # type: ignore[arg-type]
    assert found[0].layers["output"].shape == (9, 64)
