"""Mean responses of subjects, as measures take them that compare patterns and not dissimilarities."""

from dataclasses import replace

import numpy as np

from brainalign.comparisons.prepared import Prepared
from brainalign.comparisons.response_ceiling import response_ceilings
from brainalign.errors import DataError
from brainalign.recordings.brain import Brain
from brainalign.rounding import is_constant


def prepared_responses(brain: Brain, roi: str, predicted: bool) -> tuple[Prepared, ...]:
    """Return the mean responses ``(n_stimuli, n_channels, n_times)`` of the subjects of a ROI.

    ``predicted`` says that they are targets of a model: they are then counted, and come with the correlation that the
    repeats of trials admit, as the upper noise ceiling.

    Raises
    ------
    DataError
        If a response is constant over stimuli.
    """
    found = []
    for part, ids in brain.parts:
        times: tuple[float, ...] = ()
        subjects, responses, ceilings = [], [], []
        for recording in part:  # one subject's trials at a time
            means = recording.means(ids, roi=roi)
            refuse_constant_targets(means.reshape(len(ids), -1))
            subjects.append(recording.subject)
            times = recording.times
            responses.append(means)
            ceilings.append(response_ceilings(recording, roi) if predicted else np.full(len(times), np.nan))
        upper = np.stack(ceilings)
        found.append(
            Prepared(
                subjects=tuple(subjects),
                times=times,
                stimulus_ids=ids,
                n_targets=sum(one[0].size for one in responses) if predicted else 0,
                ceiling=np.stack([np.full_like(upper, np.nan), upper]),
                groups=brain.groups_of(ids),
                content=tuple(responses),
            )
        )
    return tuple(found)


def without_ceiling(prepared: Prepared) -> Prepared:
    """Return what is prepared, with its ceilings unknown: they are correlations, and no others."""
    assert prepared.ceiling is not None
    return replace(prepared, ceiling=np.full_like(prepared.ceiling, np.nan))


def refuse_constant_features(x: np.ndarray) -> None:
    """Raise :class:`DataError` if no feature ``(n_stimuli, n_features)`` varies."""
    if is_constant(x, axis=0).all():
        msg = (
            f"All {x.shape[1]} features are constant over {len(x)} stimuli, expected features that vary; drop the "
            "layer."
        )
        raise DataError(msg)


def refuse_constant_targets(y: np.ndarray) -> None:
    """Raise :class:`DataError` if a target ``(n_stimuli, n_targets)`` does not vary."""
    constant = is_constant(y, axis=0)
    if constant.any():
        msg = (
            f"{int(constant.sum())} targets are constant (first: {int(constant.argmax())}); drop voxels without signal."
        )
        raise DataError(msg)
