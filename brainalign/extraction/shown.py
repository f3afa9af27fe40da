"""Networks under their stimuli, named, ready to be compared with a brain."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from brainalign.errors import DataError, SpecError
from brainalign.extraction.activations import SUFFIXES, Activations
from brainalign.folder_kinds import ACTIVATIONS, RESULTS, UNFINISHED, instead, kind_of, require_free
from brainalign.summary import Summarised, Summary, some


class Shown(Summarised, tuple[Activations, ...]):
    """Networks under their stimuli, one :class:`Activations` each; what :func:`show` returns and ``align`` takes.

    Two of these are joined by ``+``.

    Parameters
    ----------
    networks
        In order.

    Raises
    ------
    SpecError
        If two have one name, group and seed.

    Examples
    --------
    >>> import brainalign as ba, tempfile
    >>> nets = ba.example_networks()
    >>> nets.names, len(nets), nets[0].origin.name
    (('a', 'b'), 6, 'a')
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = nets.save(folder)
    ...     print(files[0].name, len(ba.Shown.load(folder)))
    models-a-seed0.safetensors 6
    """

    def __new__(cls, networks: Iterable[Any] = ()) -> "Shown":
        """Check that names, groups and seeds tell networks apart."""
        found = tuple(networks)
        seen: set[Any] = set()
        for one in found:
            who = (one.origin.group, one.origin.name, one.origin.role, one.origin.seed, one.origin.step)
            if who in seen:
                msg = (
                    f"Network {one.origin.name!r} is there twice with seed {one.origin.seed}; expected another name or "
                    "seed for each. Give name = '...' or seed = 0, 1, ..."
                )
                raise SpecError(msg)
            seen.add(who)
        return super().__new__(cls, found)

    def __add__(self, other: Any) -> "Shown":
        if not isinstance(other, Shown):
            return NotImplemented
        return Shown((*self, *other))

    def summary(self) -> Summary:
        """Return names, seeds and layers, a fact for each network."""
        facts = {}
        for name in self.names:
            own = [one for one in self if one.origin.name == name]
            seeds = f"{len(own)} seeds" if len(own) > 1 else "1 seed"
            facts[name] = f"{seeds}, group {own[0].origin.group}, layers {some(own[0].layers)}"
        if len(facts) > 4:
            facts = {"names": some(facts, 8), **facts}
        n_stimuli = len(self[0].stimulus_ids) if self else 0
        networks = "1 network" if len(self.names) == 1 else f"{len(self.names)} networks"
        return Summary(f"{networks} under {n_stimuli} stimuli", facts)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the networks, each once."""
        return tuple(dict.fromkeys(one.origin.name for one in self))

    def save(self, folder: str | Path, suffix: str = ".safetensors") -> tuple[Path, ...]:
        """Write a file for each network into a folder, ``<group>-<name>-seed<k>``; return their paths.

        Raises
        ------
        StorageError
            If another command wrote the folder, or it cannot be written.
        """
        require_free(folder, ACTIVATIONS)
        paths = tuple(Path(folder) / f"{one.origin.file}{suffix}" for one in self)
        for one, path in zip(self, paths, strict=True):
            one.save(path)
        return paths

    @classmethod
    def load(cls, folder: str | Path) -> "Shown":
        """Read the activations in a folder, or in one file.

        Raises
        ------
        DataError
            If there are none, or a file is not whole.
        """
        folder = Path(folder)
        names = sorted(folder.glob("*")) if folder.is_dir() else [folder]
        files = [path for path in names if path.suffix in SUFFIXES]
        if not files or kind_of(folder) in (RESULTS, UNFINISHED):  # whose RDMs have these suffixes, too
            raise DataError(instead(folder, f"activations ({' or '.join(SUFFIXES)}; brainalign extract)"))
        return cls(Activations.load(path) for path in files)
