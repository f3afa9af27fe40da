"""What recordings of people and animals who saw pictures of THINGS have in common."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.recordings.published_source import PublishedSource


@dataclass(frozen=True)
class ThingsSource(PublishedSource):
    """A recording under names of files of THINGS, in two parts; training pictures were shown less often.

    Parameters
    ----------
    data_dir, folder
        See :class:`PublishedSource`. Pictures of THINGS are in ``object_images/``, if networks are to be compared.
    part
        ``"test"`` or ``"training"``.
    side
        Height and width in pixels to which pictures are brought.

    Raises
    ------
    SpecError
        If ``part`` is another word.
    """

    pictures: ClassVar[str] = "object_images"

    part: str = "test"
    side: int = 224
