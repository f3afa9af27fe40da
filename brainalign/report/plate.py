"""One figure of the report with all that is printed around it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Plate:
    """A figure under its file name, title and caption; ``raster`` if it is mostly images: PNG on the page."""

    name: str
    title: str
    caption: str
    figure: "Figure"
    raster: bool = False
