"""How well a perfect model could correlate with responses that are an average of few noisy trials."""

import numpy as np

from brainalign.randomness import numpy_stream
from brainalign.recordings.recording import Recording


def response_ceiling(recording: Recording, roi: str | None = None, n_splits: int = 100, seed: int = 0) -> np.ndarray:
    """Return the largest correlation each target of a recording admits, ``(n_targets,)``; NaN without repeats.

    Each stimulus' trials are split at random into halves; the correlation ``r`` of the halves over stimuli gives the
    reliability of the full average ``2 r / (1 + r)`` (Spearman-Brown), and its square root bounds the correlation of
    any model with that average. Negative reliabilities count as zero.
    """
    data = recording.data if roi is None else recording.data[:, np.asarray(recording.rois[roi], dtype=bool)]
    data = data.reshape(len(data), -1)
    trials: dict[str, list[int]] = {}
    for row, stimulus in enumerate(recording.stimulus_ids):
        trials.setdefault(stimulus, []).append(row)
    repeated = [rows for rows in trials.values() if len(rows) > 1]
    if len(repeated) < 3:
        return np.full(data.shape[1], np.nan)
    rng = numpy_stream(seed, "response ceiling", recording.dataset, recording.subject)
    total = np.zeros(data.shape[1])
    for _ in range(n_splits):
        halves = np.empty((2, len(repeated), data.shape[1]))
        for k, rows in enumerate(repeated):
            order = rng.permutation(rows)
            halves[0, k], halves[1, k] = data[order[::2]].mean(axis=0), data[order[1::2]].mean(axis=0)
        halves -= halves.mean(axis=1, keepdims=True)
        spread = np.sqrt((halves**2).sum(axis=1)).prod(axis=0)
        total += np.divide((halves[0] * halves[1]).sum(axis=0), spread, out=np.zeros_like(spread), where=spread > 0)
    r = np.clip(total / n_splits, 0, 1)
    return np.sqrt(2 * r / (1 + r))
