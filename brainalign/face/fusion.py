"""Recordings in time against recordings in space, from a notebook."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from brainalign.asked_for import asked_for
from brainalign.errors import SpecError
from brainalign.face.lists import recording
from brainalign.inference.fusion import fuse
from brainalign.recordings.brain import Brain
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec
from brainalign.summary import Summarised, Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEVEL = 0.05


@dataclass(frozen=True, eq=False)
class Fusion(Summarised):
    """What a fusion found; :func:`fusion` returns it.

    Parameters
    ----------
    table
        A row for each region and time, see :func:`brainalign.inference.fusion.fuse`.
    comparator, names, sentence
        How RDMs were compared, which recordings these are, and what was tested.
    """

    table: pd.DataFrame
    comparator: str
    names: tuple[str, str]
    sentence: str

    @property
    def peaks(self) -> dict[str, float]:
        """Region to the seconds from onset at which its score is highest, of times from onset on."""
        late = self.table[self.table.time >= 0]
        return {
            str(roi): float(rows.time.to_numpy()[int(rows.score.to_numpy().argmax())])
            for roi, rows in late.groupby("roi", sort=False)
        }

    def summary(self) -> Summary:
        """Return when each region's score is highest, and how many times are significant."""
        facts = {}
        for roi, time in self.peaks.items():
            rows = self.table[self.table.roi == roi]
            best, n = rows.score[rows.time == time].iloc[0], int((rows.p_adjusted < _LEVEL).sum())
            facts[roi] = f"highest at {1000 * time:.0f} ms ({best:.2f}); {n} of {len(rows)} times at adjusted p < .05"
        return Summary(f"Fusion of {' and '.join(self.names)}", {**facts, "tested": self.sentence})

    def plot(self) -> "Figure":
        """Draw the score of every region by time: bars where it is significant, bands for noise ceilings."""
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        from brainalign.comparisons.rsa import UNITS
        from brainalign.report.legend import bottom_legend
        from brainalign.report.style import BAND, BAND_EDGE, panel_grid, paper

        rois = list(dict.fromkeys(self.table.roi))
        with paper():
            figure, axes = panel_grid(len(rois), 1.75, sharex=False)
            for axis, roi in zip(axes, rois, strict=True):
                rows = self.table[self.table.roi == roi]
                ceiling = rows[["ceiling_lower", "ceiling_upper"]].iloc[0]
                if ceiling.notna().all():
                    axis.axhspan(*ceiling, facecolor=BAND, edgecolor=BAND_EDGE, zorder=0)
                axis.plot(1000 * rows.time, rows.score, color="black", zorder=3)
                found = rows[rows.p_adjusted < _LEVEL]
                axis.plot(1000 * found.time, [0] * len(found), "s", color="#D55E00", markersize=2, zorder=4)
                axis.axvline(0, color="0.6", linewidth=0.6)
                axis.set_title(f"{self.names[1]} {roi}")
                axis.set_xlabel("Time from stimulus onset (ms)")
                axis.set_ylabel(f"RSA score ({UNITS.get(self.comparator, self.comparator)})")
            bounded = self.table[["ceiling_lower", "ceiling_upper"]].notna().all(axis=1).any()
            marks = [Line2D([], [], marker="s", linestyle="", color="#D55E00", label=f"adjusted p < {_LEVEL:g}")]
            marks += [Patch(facecolor=BAND, edgecolor=BAND_EDGE, label="noise ceiling")] if bounded else []  # type: ignore[list-item]
            bottom_legend(figure, marks)
        return figure  # type: ignore[return-value]


def fusion(
    when: str | RecordingSource,
    where: str | RecordingSource,
    *,
    roi: str | None = None,
    regions: Sequence[str] | None = None,
    comparator: str = "spearman",
    n_permutations: int = 5000,
    seed: int = 0,
    **options: Any,
) -> Fusion:
    """Compare the geometry of one recording at each time with that of another in each region.

    Parameters
    ----------
    when
        A recording with times (EEG, MEG), or its name.
    where
        A recording of regions (fMRI), or its name; the stimuli that both hold under one id are compared.
    roi
        Sensors of ``when``; its first ROI unless given.
    regions
        ROIs of ``where``; all unless given.
    comparator
        ``"corr"``, ``"cosine"``, ``"spearman"`` or ``"rho-a"``.
    n_permutations, seed
        Permutations of stimuli, see :func:`brainalign.inference.fusion.fuse`.
    **options
        Fields of :class:`RecordingSpec` for both, such as ``dissimilarity``.

    Returns
    -------
    Fusion
        Scores with p and noise ceilings, and a figure.

    Raises
    ------
    StimulusMismatchError
        If fewer than ten stimuli are shared.
    SpecError
        If an ROI is unknown, or ``when`` has one time.

    Examples
    --------
    >>> import brainalign as ba, numpy as np
    >>> rng, ids = np.random.default_rng(0), [f"stimulus {k}" for k in range(12)]
    >>> early, late = rng.random((2, 66))
    >>> about = {"subject": ("a",) * 4, "time": ("-0.1", "0.1", "0.2", "0.3")}
    >>> movie = ba.RDMs(np.stack([rng.random(66), early, late, rng.random(66)]), ids, "correlation", about)
    >>> space = ba.RDMs(late + 0.1 * rng.random((3, 66)), ids, "correlation", {"subject": ("x", "y", "z")})
    >>> eeg, fmri = (ba.own_recording(None, rdms=one, ids=ids) for one in (movie, space))
    >>> list(ba.fusion(eeg, fmri, n_permutations=200).peaks.values())
    [0.2]
    """
    regions = tuple(asked_for(regions, "fusion(): regions"))
    sources = [recording(one) if isinstance(one, str) else one for one in (when, where)]
    brains = [Brain(one, RecordingSpec(one.label, subjects="fixed", stimuli="shared", **options)) for one in sources]
    sensors = roi or brains[0].rois[0]
    _check(brains[0], [sensors])
    _check(brains[1], regions)
    (movie,) = brains[0].movies(sensors)
    if len(movie.times) < 2:
        msg = f"Recording {sources[0].label!r} has one time, expected several; give the recording with times first."
        raise SpecError(msg)
    rdms = {one: brains[1].movies(one)[0].rdms() for one in regions or brains[1].rois}
    table = fuse(movie, rdms, comparator, n_permutations, seed)
    sentence = (
        f"stimulus labels permuted {n_permutations} times, the largest score over {len(movie.times)} times and "
        f"{len(rdms)} regions by Bonferroni; stimuli and subjects are fixed."
    )
    return Fusion(table, comparator, (sources[0].label, sources[1].label), sentence)


def _check(brain: Brain, rois: "list[str] | tuple[str, ...]") -> None:
    unknown = [one for one in rois if one not in brain.rois]
    if unknown:
        msg = f"Recording {brain.source.label!r} has no ROI {unknown[0]!r}. Choose among: {', '.join(brain.rois)}."
        raise SpecError(msg)
