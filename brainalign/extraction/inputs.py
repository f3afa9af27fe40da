"""From the pictures of stimuli to what a network receives: declared, and a function of the picture."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from brainalign.datasets.preprocessing import Preprocessing
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import BrainalignError, ExtractionError
from brainalign.extraction.module_key import value_key

#: Transforms that have a name, and what they are.
NAMED = {
    "pixels": "pixels from 0 to 1, in the size and colours of the stimuli",
    "imagenet": "RGB, the centre of 224 x 224 pixels of a picture whose shorter side is 224, mean and standard "
    "deviation of ImageNet taken out",
}
#: Images of one size, or one by one.
Pixels = np.ndarray | list[np.ndarray]
_IMAGENET = Preprocessing(3, (224, 224), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), aspect="crop")


@dataclass(frozen=True, eq=False)
class Inputs:
    """How pictures become inputs.

    Parameters
    ----------
    make
        From images ``(n, height, width, channels)`` uint8, or a list of images of several sizes, to inputs
        ``(n, channels, rows, columns)``.
    record
        What names the function, for keys.
    resolution
        Rows and columns of inputs.
    """

    make: Callable[[Pixels], Tensor]
    record: Any
    resolution: tuple[int, int]


def checked_inputs(transform: Any, stimuli: Stimuli) -> Inputs:
    """Return how ``stimuli`` become inputs.

    Parameters
    ----------
    transform
        A :class:`Preprocessing`, a name of :data:`NAMED`, or a function from a picture (``PIL.Image``, grey or RGB) to
        ``(channels, rows, columns)``.
    stimuli
        What is to be shown.

    Raises
    ------
    ExtractionError
        If there is no transform, its name is unknown, or a function fails, depends on chance, or returns something
        else.
    """
    if isinstance(transform, Preprocessing):
        return _declared(transform)
    if transform == "pixels":
        rows, columns, channels = stimuli.images.shape[1:]  # refused where sizes differ
        return _declared(Preprocessing(channels, (rows, columns), (0.0,) * channels, (1.0,) * channels))
    if transform == "imagenet":
        return _declared(_IMAGENET)
    if transform is None or isinstance(transform, str) or not callable(transform):
        given = "no transform" if transform is None else f"transform {transform!r}"
        msg = (
            f"show() got a module with {given}; expected how it was shown pictures in training. Give transform = "
            "Preprocessing(channels, (rows, columns), mean, std), a function of a picture, 'imagenet', or 'pixels' (0 "
            "to 1, as they are)."
        )
        raise ExtractionError(msg)
    return _own(transform, stimuli)


def _declared(preprocessing: Preprocessing) -> Inputs:
    def make(images: Pixels) -> Tensor:
        if isinstance(images, list):  # of several sizes: each is brought to that of the network on its own
            return torch.cat([make(one[None]) for one in images])
        return preprocessing(torch.from_numpy(images).permute(0, 3, 1, 2))

    return Inputs(make, preprocessing.record(), preprocessing.resolution)


def _own(transform: Callable[[Any], Any], stimuli: Stimuli) -> Inputs:
    def make(images: Pixels) -> Tensor:
        made = [_made(transform, image) for image in images]
        shapes = sorted({tuple(one.shape) for one in made})
        if len(shapes) > 1:
            msg = f"transform returns {shapes[0]} for one picture and {shapes[1]} for another; expected one size."
            raise ExtractionError(msg)
        return torch.stack(made)

    some = stimuli.at(slice(2))
    first = make(some)
    if not torch.equal(first, make(some)):
        msg = (
            "transform depends on chance (a second call differs); expected the same input for the same picture. Leave "
            "random crops, flips and colours out."
        )
        raise ExtractionError(msg)
    return Inputs(make, {"transform": value_key(transform)}, (first.shape[-2], first.shape[-1]))


def _made(transform: Callable[[Any], Any], image: np.ndarray) -> Tensor:
    from PIL import Image

    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    try:
        made = transform(picture)
    except BrainalignError:
        raise
    except Exception as error:  # a transform is anyone's code
        words = (str(error).strip().splitlines() or [type(error).__name__])[0]
        size = f"{picture.width} x {picture.height} {'grey' if image.shape[2] == 1 else 'RGB'}"
        msg = f"transform fails on a {size} picture ({words}); expected a function of a PIL image. Try it on one."
        raise ExtractionError(msg) from error
    if isinstance(made, np.ndarray):
        made = torch.from_numpy(made)
    if not isinstance(made, Tensor) or made.ndim not in (3, 4) or (made.ndim == 4 and len(made) != 1):
        what = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
        msg = (
            f"transform returns {what}; expected numbers (channels, rows, columns). End it with a conversion to these."
        )
        raise ExtractionError(msg)
    return made[0] if made.ndim == 4 else made
