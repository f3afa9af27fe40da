"""Scores of models at every place of a brain: what a searchlight found."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from brainalign.errors import SpecError
from brainalign.geometry.geometry import Geometry
from brainalign.geometry.volume import Volume
from brainalign.searchlights.centre_table import table_of_each, table_of_means
from brainalign.searchlights.map_test import MapTest
from brainalign.searchlights.peaks import peaks_of
from brainalign.searchlights.sign_flips import flipped_signs
from brainalign.storage import atomic_path, write_table, write_text
from brainalign.summary import Summarised, Summary, some

#: The file that says what was done.
ABOUT = "searchlight.json"
#: What a map can hold.
CONTENTS = ("score", "ceiling_lower", "ceiling_upper", "p", "p_fwe", "p_all")


@dataclass(frozen=True, eq=False)
class BrainMaps(Summarised):
    """Scores of models in a patch around every place.

    A *map* is one network at one layer, or one model: the mean over its seeds and over subjects.

    Parameters
    ----------
    scores
        ``(n_subjects, n_models, n_centres)``, NaN where a patch could not be scored.
    models
        A row for each model: ``map``, ``model``, ``layer``, ``seed``.
    subjects
        Names.
    geometry
        Where the centres are.
    n_places
        ``(n_centres,)`` channels in each patch.
    ceiling
        ``(2, n_centres)`` lower and upper noise ceiling of the mean score; ``None`` with one subject.
    test
        p values of permuted labels, ``None`` where none were asked for.
    facts
        What was done: radius, dissimilarity, comparator and the like.
    notes
        Sentences for captions.
    meshes
        Of surfaces: ``"left"`` and ``"right"`` to ``(coordinates, faces)``.

    Examples
    --------
    >>> import brainalign as ba
    >>> found = ba.example_maps()
    >>> found.names, found.map("a late").shape, list(found.table().columns[:4])
    (('a late', 'b late'), (92,), ['place', 'x', 'y', 'z'])
    >>> bool(found.map("a late").mean() > found.map("b late").mean())
    True
    """

    scores: np.ndarray
    models: pd.DataFrame
    subjects: tuple[str, ...]
    geometry: Geometry
    n_places: np.ndarray
    ceiling: np.ndarray | None = None
    test: MapTest | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    meshes: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the maps, in the order in which they were given.

        Examples
        --------
        >>> import brainalign as ba
        >>> ba.example_maps().names
        ('a late', 'b late')
        """
        return tuple(dict.fromkeys(self.models["map"]))

    def summary(self) -> Summary:
        """Return how many centres there are, and where each map is highest."""
        who = f"{len(self.subjects)} subjects" if len(self.subjects) > 1 else f"subject {self.subjects[0]}"
        simulated = "SIMULATED " if self.facts.get("simulated") else ""
        best = []
        for name in self.names:
            values = self.map(name)
            if np.isfinite(values).any():
                k = int(np.nanargmax(values))
                best.append(f"{name} {values[k]:.3f} at {self._where(k)}")
        facts = {
            "patches": f"radius {self.facts.get('radius', 0):g} mm, {int(self.n_places.min())} to "
            f"{int(self.n_places.max())} {self.geometry.places}",
            "highest": some(best, 3) or "no centre could be scored",
            "test": self.test.sentence if self.test else "none; give permutations, or call sign_flips()",
            "compared by": f"{self.facts.get('comparator', '')} of RDMs ({self.facts.get('dissimilarity', '')})",
        }
        return Summary(f"{simulated}Searchlight of {some(self.names)}: {len(self.geometry)} centres, {who}", facts)

    def _where(self, k: int) -> str:
        if isinstance(self.geometry, Volume):
            return "({:.0f}, {:.0f}, {:.0f}) mm".format(*self.geometry.points()[k])
        return self.geometry.names()[k]

    # -- values -------------------------------------------------------------------------------------------------------

    def map(
        self, name: str | None = None, what: str = "score", subject: str | None = None, seed: str | int | None = None
    ) -> np.ndarray:
        """Return the values of a map, ``(n_centres,)``.

        Parameters
        ----------
        name
            Of the map; may be left out where there is one.
        what
            ``"score"``, ``"ceiling_lower"``, ``"ceiling_upper"``, or, with a test, ``"p"``, ``"p_fwe"`` (adjusted for
            all centres) or ``"p_all"`` (for all centres of all maps).
        subject, seed
            Scores of one only; the mean unless given.

        Raises
        ------
        SpecError
            If there is no such map, subject, seed or content.

        Examples
        --------
        >>> import brainalign as ba
        >>> ba.example_maps().map("a late", seed=1).shape
        (92,)
        """
        k = self._index(name)
        if what == "score":
            return self._scores(k, subject, seed)
        if subject is not None or seed is not None or what not in CONTENTS:
            msg = (
                f"what = {what!r}, subject = {subject!r}, seed = {seed!r}; expected 'score' for a subject or seed, or "
            )
            raise SpecError(msg + f"one of {', '.join(CONTENTS)} of the mean.")
        if what.startswith("ceiling"):
            if self.ceiling is None:
                msg = "These maps have no ceiling: it needs several subjects, and a comparator other than tau-a."
                raise SpecError(msg)
            return self.ceiling[int(what == "ceiling_upper")]
        if self.test is None:
            msg = f"These maps have no {what}: no test was made. Give permutations = 1000, or call sign_flips()."
            raise SpecError(msg)
        return np.asarray(getattr(self.test, what)[k])

    def _index(self, name: str | None) -> int:
        names = self.names
        if name is None and len(names) == 1:
            return 0
        if name not in names:
            which = (
                f"There are {len(names)} maps and no name was given" if name is None else f"There is no map {name!r}"
            )
            msg = f"{which}; choose one of {', '.join(names)}."
            raise SpecError(msg)
        return names.index(name)

    def _scores(self, k: int, subject: str | None, seed: str | int | None) -> np.ndarray:
        if subject is not None and subject not in self.subjects:
            msg = f"There is no subject {subject!r}; choose one of {', '.join(self.subjects)}."
            raise SpecError(msg)
        rows = (self.models["map"] == self.names[k]).to_numpy()
        if seed is not None:
            seeds = self.models["seed"][rows].tolist()
            rows = rows & (self.models["seed"] == str(seed)).to_numpy()
            if not rows.any():
                msg = f"Map {self.names[k]!r} has no seed {seed!r}; choose one of {', '.join(seeds)}."
                raise SpecError(msg)
        who = slice(None) if subject is None else [self.subjects.index(subject)]
        return np.asarray(self.scores[who][:, rows].mean(axis=(0, 1)))

    def table(self, each: bool = False) -> pd.DataFrame:
        """Return a row for each centre and map: its place, the mean score, ceilings and p.

        Parameters
        ----------
        each
            A row for each subject and seed instead, with its score only.

        Examples
        --------
        >>> import brainalign as ba
        >>> found = ba.example_maps()
        >>> len(found.table()), len(found.table(each=True))
        (184, 4416)
        """
        return table_of_each(self) if each else table_of_means(self)

    def peaks(self, apart: float | None = None, most: int = 5) -> pd.DataFrame:
        """Return the centres at which each map is highest: rows of :meth:`table`, with their number.

        They are chosen by the scores that they show, so that these flatter.

        Parameters
        ----------
        apart
            Least distance in mm between two peaks of a map (through space, within a hemisphere); twice the radius
            unless given.
        most
            Peaks of each map.

        Raises
        ------
        SpecError
            If a number is out of range.

        Examples
        --------
        >>> import brainalign as ba
        >>> ba.example_maps().peaks(apart=6, most=2)[["map", "peak", "x", "y", "z"]].values.tolist()[0]
        ['a late', 1, 9.0, 9.0, 0.0]
        """
        return peaks_of(self, apart, most)

    @property
    def contents(self) -> tuple[str, ...]:
        """What these maps hold, see :meth:`map`.

        Examples
        --------
        >>> import brainalign as ba
        >>> ba.example_maps().contents
        ('score', 'ceiling_lower', 'ceiling_upper')
        """
        bounds = ("ceiling_lower", "ceiling_upper") if self.ceiling is not None else ()
        return ("score", *bounds, *(("p", "p_fwe", "p_all") if self.test else ()))

    # -- tests --------------------------------------------------------------------------------------------------------

    def sign_flips(self, against: str | None = None, n_flips: int = 10_000, seed: int = 0) -> "BrainMaps":
        """Return the maps with p values of flipped signs of subjects, who are then random; stimuli are fixed.

        The statistic is t of scores above 0, or above those of another map.

        Parameters
        ----------
        against
            Name of a map whose scores are subtracted from those of all others, which stay.
        n_flips
            Random flips where there are more than 12 subjects; with fewer all are looked at.
        seed
            Of the flips.

        Raises
        ------
        SpecError
            If there are fewer than two subjects, no such map, or nothing beside it.

        Examples
        --------
        >>> import brainalign as ba
        >>> found = ba.example_maps().sign_flips(against="b late")
        >>> found.names, float(found.test.attainable[0])
        (('a late above b late',), 0.00390625)
        """
        means = np.stack([self.scores[:, (self.models["map"] == name).to_numpy()].mean(axis=1) for name in self.names])
        maps = self if against is None else self._against(self._index(against), means)
        if against is not None:
            means = maps.scores.transpose(1, 0, 2)
        over = "above 0" if against is None else f"above those of {against}"
        return replace(maps, test=flipped_signs(means, n_flips, seed, over))

    def _against(self, k: int, means: np.ndarray) -> "BrainMaps":
        others = [j for j in range(len(means)) if j != k]
        if not others:
            msg = f"There is no map beside {self.names[k]!r}; expected another to compare it with."
            raise SpecError(msg)
        scores = np.stack([means[j] - means[k] for j in others], axis=1)
        names = [f"{self.names[j]} above {self.names[k]}" for j in others]
        models = pd.DataFrame({"map": names, "model": names, "layer": "", "seed": "mean"})
        return replace(self, scores=scores, models=models, ceiling=None, test=None)

    # -- out ----------------------------------------------------------------------------------------------------------

    def image(
        self,
        name: str | None = None,
        what: str = "score",
        alpha: float | None = None,
        subject: str | None = None,
        seed: str | int | None = None,
    ) -> Any:
        """Return a map as an image of nibabel: NIfTI of a volume, GIFTI by side of a surface, CIFTI of grayordinates.

        Places that are no centre hold NaN.

        Parameters
        ----------
        name, what, subject, seed
            As in :meth:`map`.
        alpha
            Keep places with ``p_fwe`` at most this; others hold NaN.

        Raises
        ------
        SpecError
            As :meth:`map`.

        Examples
        --------
        >>> import brainalign as ba
        >>> ba.example_maps().image("a late").shape
        (5, 5, 4)
        """
        values = self.map(name, what, subject, seed)
        if alpha is not None:
            values = np.where(self.map(name, "p_fwe") <= alpha, values, np.nan)
        return self.geometry.image(values)

    def save(self, folder: str | Path, each: bool = False) -> list[Path]:
        """Write a NIfTI, GIFTI or CIFTI file for each map and content, the table of centres, and what was done.

        Parameters
        ----------
        folder
            Is made where it is missing.
        each
            Write a map of every seed, too.

        Returns
        -------
        paths
            The files.

        Examples
        --------
        >>> import brainalign as ba, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     print([path.name for path in ba.example_maps().save(folder)][-3:])
        ['b-late_score.nii.gz', 'centres.csv', 'searchlight.json']
        """
        folder = Path(folder)
        files: dict[str, bytes] = {}
        for name in self.names:
            label = _label(name)
            for what in self.contents:
                files |= self.geometry.files(self.map(name, what), f"{label}_{what}")
            for seed in self.models["seed"][self.models["map"] == name].tolist() if each else []:
                files |= self.geometry.files(self.map(name, seed=seed), f"{label}_seed-{_label(seed)}_score")
        paths = []
        for file, data in sorted(files.items()):
            with atomic_path(folder / file) as temporary:
                temporary.write_bytes(data)
            paths.append(folder / file)
        write_table(folder / "centres.csv", self.table())
        about = {"maps": list(self.names), "subjects": list(self.subjects), **self.facts, "space": self.geometry.space}
        about |= {"notes": list(self.notes), "test": self.test.sentence if self.test else None}
        write_text(folder / ABOUT, json.dumps(about, indent=1, ensure_ascii=False) + "\n")
        return [*paths, folder / "centres.csv", folder / ABOUT]

    def plot(self, name: str | None = None, what: str = "score", alpha: float | None = None, ax: Any = None) -> Any:
        """Draw a map: slices of a volume, or both sides of a surface (of grayordinates the cortex); returns the figure.

        Parameters
        ----------
        name, what
            As in :meth:`map`.
        alpha
            Draw an outline around places with ``p_fwe`` at most this.
        ax
            Axes for one slice, the one with the largest value; a figure of its own without.

        Raises
        ------
        SpecError
            As :meth:`map`, or if a surface has no mesh or is to go into axes.

        Examples
        --------
        >>> import brainalign as ba
        >>> len(ba.example_maps().plot("a late").axes)  # four slices and a colour bar
        5
        """
        from brainalign.searchlights.drawing import draw

        return draw(self, name, what, alpha, ax)


def _label(name: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", name) or "model"
