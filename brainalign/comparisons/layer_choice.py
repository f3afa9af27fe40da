"""The layer that predicts a brain best, chosen without the stimuli that it is scored on."""

from collections.abc import Mapping, Sequence

import numpy as np

from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.encoding_scores import EncodingScores, fold_correlations
from brainalign.errors import SpecError
from brainalign.patterns import Patterns


def chosen_layer(
    encoding: Encoding,
    layers: Mapping[str, Patterns],
    responses: Patterns,
    groups: Mapping[str, str | int] | None = None,
) -> tuple[EncodingScores, tuple[str, ...]]:
    """Return scores of the best layer of each test fold, and its name by fold.

    Within the training stimuli of a fold every layer is scored by an encoding model of its own, with folds of its own;
    the layer with the highest mean r over targets predicts the stimuli of the fold. Choosing the best of L layers on
    the stimuli that are scored would lift a score without signal to .1 and more.

    Parameters
    ----------
    encoding
        With its folds.
    layers
        Features by name; the same candidates for every network that is compared.
    responses
        One row per stimulus.
    groups
        Stimulus id to label: stimuli with one label never stand on both sides of a split.

    Raises
    ------
    SpecError
        If there are no layers, or too few stimuli for the folds within folds.
    """
    if not layers:
        msg = "There is no layer to choose, expected two or more; give layers by name."
        raise SpecError(msg)
    whole = {name: encoding.score(features, responses, groups) for name, features in layers.items()}
    first = next(iter(whole.values()))
    folds, ids, y = first.folds, first.stimulus_ids, np.asarray(responses.rows(first.stimulus_ids), dtype=np.float64)
    names: list[str] = []
    predictions, alphas = np.empty_like(y), np.empty_like(first.alphas)
    for fold in range(encoding.n_folds):
        train = [one for one, where in zip(ids, folds, strict=True) if where != fold]
        own = Patterns(responses.rows(train), tuple(train), "Responses")
        best = max(layers, key=lambda name: _mean_r(encoding, layers[name], own, groups))
        names.append(best)
        predictions[folds == fold] = whole[best].predictions[folds == fold]
        alphas[fold] = whole[best].alphas[fold]
    residual, spread = ((y - predictions) ** 2).sum(axis=0), _spread(y, folds)
    r = fold_correlations(predictions, y, folds)
    edges = float(np.isin(alphas, (min(encoding.alphas), max(encoding.alphas))).mean())
    return EncodingScores(predictions, folds, r, 1 - residual / spread, alphas, edges, "chosen", ids), tuple(names)


def _mean_r(
    encoding: Encoding, features: Patterns, responses: Patterns, groups: Mapping[str, str | int] | None
) -> float:
    return float(encoding.score(features, responses, groups).r.mean())


def _spread(y: np.ndarray, folds: np.ndarray) -> np.ndarray:
    labels: Sequence[int] = np.unique(folds).tolist()
    return np.sum([((y[folds == f] - y[folds != f].mean(axis=0)) ** 2).sum(axis=0) for f in labels], axis=0)
