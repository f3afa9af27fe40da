"""What an outer run has measured so far, kept on disk so that a killed run goes on."""

import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from brainalign.storage import read_tensors, write_tensors

_SAVE_EVERY_SECONDS = 20.0

Fitness = Callable[[Tensor, torch.Generator], Tensor]


class Memory:
    """A file ``<key>.safetensors`` in a folder, and the seconds spent.

    Whatever an outer run does between two measurements is cheap and follows from its seed and from what was measured.
    So a run that begins again is given what it measured before, in order, and ends with the same bits as one that was
    not interrupted.

    Parameters
    ----------
    folder
        Of the outer run.
    key
        Of everything that changes what is measured.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.path = Path(folder) / f"{key}.safetensors"
        self.found: dict[str, list[Tensor]] = {}
        self.clock = _Clock()
        self.saved = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds spent measuring, over all sittings."""
        return self.clock.seconds

    @property
    def due(self) -> bool:
        """Whether it is time to write."""
        return time.perf_counter() - self.saved > _SAVE_EVERY_SECONDS

    def read(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return what the file holds, nothing if there is none."""
        if not self.path.exists():
            return {}, {}
        tensors, facts = read_tensors(self.path)
        self.clock.seconds = facts["seconds"]
        return tensors, facts

    def write(self, tensors: Mapping[str, Tensor], **facts: Any) -> None:
        """Write atomically."""
        write_tensors(self.path, tensors, {**facts, "seconds": self.seconds})
        self.saved = time.perf_counter()

    def save(self) -> None:
        """Write all that was measured."""
        self.write({name: torch.stack(values) for name, values in self.found.items() if values})

    def remembered(self, name: str, measure: Fitness) -> Fitness:
        """Return ``measure`` that answers from memory as long as it can; its generator must be read once per call."""
        recall = self._recall(name)

        def fitness(candidates: Tensor, generator: torch.Generator) -> Tensor:
            # A generator of its own, so that a remembered answer moves the stream as a fresh one does.
            seed = int(torch.randint(2**62, (), generator=generator))
            own = torch.Generator().manual_seed(seed)
            return recall(lambda: measure(candidates, own)).to(candidates.device)

        return fitness

    def remembered_number(self, name: str, measure: Callable[[Tensor], float]) -> Callable[[Tensor], float]:
        """Return ``measure`` that answers from memory as long as it can."""
        recall = self._recall(name)
        return lambda theta: float(recall(lambda: torch.tensor(measure(theta), dtype=torch.float64)))

    def _recall(self, name: str) -> Callable[[Callable[[], Tensor]], Tensor]:
        values, calls = self.found.setdefault(name, list(self.read()[0].get(name, ()))), count()

        def recall(measure: Callable[[], Tensor]) -> Tensor:
            call = next(calls)
            if call == len(values):
                with self.clock:
                    values.append(measure().cpu())
                if self.due:
                    self.save()
            return values[call]

        return recall


class _Clock:
    """Seconds spent inside."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> None:
        self.start = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self.seconds += time.perf_counter() - self.start
