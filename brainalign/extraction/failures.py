"""What went wrong when a network was shown an input: its own words, and a remedy that fits them."""

import re

import torch
from torch import Tensor

from brainalign.errors import ExtractionError

#: Words of an error to what helps, first match first.
_REMEDIES = (
    (r"out of memory|can't allocate memory|not enough memory", "Use a smaller batch_size."),
    (
        r"more than 1 value per channel",
        "A batch normalisation reads the statistics of the batch: give it running statistics "
        "(track_running_stats = True) and train them.",
    ),
    (r"scalar types: Long", "It asks for whole numbers; expected a network that reads images."),
    (
        r"dtype|scalar type|not implemented for|type \(.*\) should be the same",
        "Convert the whole network to one type, e.g. module.float(), and make new tensors of the type of its input.",
    ),
    (r"same device", "Register its tensors as parameters or buffers, so that they move with it."),
    (
        r"shape|size|dimension|channels|elements|multiply up|broadcast|out of (range|bounds)|height|width",
        "Show stimuli at the resolution it was trained at{trained}.",
    ),
)
_CHANNELS = re.compile(r"to have (\d+) channels, but got (\d+) channels")
_OWN_WORDS = "This error is the network's own: call it on such an input to see where it comes from."


def failure(error: Exception, x: Tensor, trained: tuple[int, int] | None = None) -> ExtractionError:
    """Return the one line that says on what input a network failed, why, and what to do.

    Parameters
    ----------
    error
        What the network raised.
    x
        The input, ``(n, channels, height, width)``.
    trained
        Height and width at which it was trained, if known.
    """
    words = (str(error).strip().splitlines() or [""])[0] or type(error).__name__
    remedy = next((text for pattern, text in _REMEDIES if re.search(pattern, words)), _OWN_WORDS)
    remedy = remedy.format(trained=f", {trained}" if trained else "") if "{trained}" in remedy else remedy
    channels = _CHANNELS.search(words)
    if channels and int(channels[2]) == x.shape[1] != int(channels[1]):
        wanted = int(channels[1])
        remedy = (
            f"Declare Preprocessing with channels = {wanted}."
            if wanted in (1, 3)
            else (f"Stimuli are grey or RGB; expected a network that reads 1 or 3 channels, not {wanted}.")
        )
    msg = f"The network fails on {tuple(x.shape)} inputs ({words.rstrip('.')}). {remedy}"
    return ExtractionError(msg)


def checked_device(device: str | torch.device) -> torch.device:
    """Return a device that is there.

    Raises
    ------
    ExtractionError
        If torch does not know it or does not see it.
    """
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        found = torch.device("meta")
    if found.type not in ("cpu", "cuda", "mps"):
        msg = f"Unknown device {str(device)!r}; expected 'cpu', 'cuda' or 'cuda:<number>'. A GPU is 'cuda'."
        raise ExtractionError(msg)
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}[found.type]
    if (found.index or 0) >= there:
        msg = f"Device {str(device)!r} is not there; torch sees {there} of type {found.type!r}. Use device = 'cpu'."
        raise ExtractionError(msg)
    return found
