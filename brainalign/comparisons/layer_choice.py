"""The layer that predicts a brain best, chosen without the stimuli that it is scored on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from brainalign.comparisons.description import Description
from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.encoding_scores import LARGEST_R, EncodingScores, fold_correlations
from brainalign.comparisons.held_out_scores import held_out_scores
from brainalign.comparisons.prepared import Prepared
from brainalign.comparisons.prepared_responses import refuse_constant_features
from brainalign.errors import SpecError
from brainalign.patterns import Patterns
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws

#: Groups of stimuli by id.
Groups = Mapping[str, str | int] | None


@dataclass(frozen=True)
class LayerChoice(Encoding):
    """Encoding score of a whole network: the best layer of each test fold, chosen within its training stimuli.

    Within the training stimuli of a fold every layer is scored by an encoding model with folds of its own; the layer
    with the highest mean r over the targets of a subject predicts the stimuli of the fold. Choosing the best of L
    layers on the stimuli that are scored would lift a score without signal to .1 and more. A network has one row, whose
    layer is ``"chosen layer"``, so that networks are compared at the layer that suits each. The fields are those of
    :class:`~brainalign.comparisons.encoding.Encoding`.

    Examples
    --------
    >>> import brainalign as ba, numpy as np
    >>> rng, ids = np.random.default_rng(0), [f"stimulus {k}" for k in range(60)]
    >>> layers = {name: ba.Patterns(rng.standard_normal((60, 5)), ids, name) for name in ("early", "late")}
    >>> voxels = ba.Patterns(layers["late"].values @ rng.standard_normal((5, 3)) + rng.standard_normal((60, 3)), ids)
    >>> found, chosen = LayerChoice().chosen(layers, voxels)
    >>> chosen
    ('late', 'late', 'late', 'late', 'late')
    """

    name: ClassVar[str] = "layer_choice"
    word: ClassVar[str] = "encoding at a chosen layer"
    of_networks: ClassVar[bool] = True

    def describe(self) -> Description:
        """Return what tables, captions and methods say of the measure with its options."""
        about = super().describe()
        chosen = (
            " The layer was chosen for each test fold and subject by the mean score within training stimuli, so that a "
            "network has one score."
        )
        return replace(
            about,
            title=about.title.replace("Encoding score", "Encoding score of the layer chosen in training stimuli", 1),
            sentence=about.sentence + chosen,
        )

    def chosen(
        self, layers: Mapping[str, Patterns], responses: Patterns, groups: Groups = None
    ) -> tuple[EncodingScores, tuple[str, ...]]:
        """Return scores of the best layer of each test fold, and its name by fold; all targets are one subject's.

        Parameters
        ----------
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
        whole, picked = self._fitted(layers, responses, groups, np.zeros(responses.values.shape[1], np.int64))
        return self._of_choice(whole, picked[0], responses), tuple(list(layers)[k] for k in picked[0])

    def network(self, layers: Mapping[str, Patterns]) -> Mapping[str, Patterns]:
        """Return all layers of a network."""
        for one in layers.values():
            refuse_constant_features(one.values)
        return dict(layers)

    def layer(self, features: Patterns) -> Mapping[str, Patterns]:  # type: ignore[override]
        """Return features that stand alone, as low-level controls do: there is nothing to choose."""
        return self.network({features.name: features})

    def draws(  # type: ignore[override]
        self, layers: Sequence[Mapping[str, Patterns]], prepared: Prepared, samples: Samples
    ) -> Iterator[ScoreDraws]:
        """Yield the mean score over the targets of each subject, for each network at each time."""
        samples, ids = samples.at(len(prepared.times)), prepared.stimulus_ids
        by_id = None if prepared.groups is None else dict(zip(ids, prepared.groups, strict=True))
        units = np.arange(len(ids)) if prepared.groups is None else np.asarray(prepared.groups)
        for k in range(len(prepared.times)):
            responses = [one[:, :, k] for one in prepared.content]
            owner = np.repeat(np.arange(len(responses)), [one.shape[1] for one in responses])
            brain = Patterns(np.concatenate(responses, axis=1), ids, "Responses")
            rows = [self._subjects(one, brain, by_id, owner, units, samples, prepared.groups) for one in layers]
            subjects = [ScoreDraws.stack_models([row[s] for row in rows]) for s in range(len(responses))]
            yield subjects[0] if len(subjects) == 1 else ScoreDraws.stack_subjects(subjects, samples.seed)

    def _subjects(
        self,
        layers: Mapping[str, Patterns],
        brain: Patterns,
        by_id: Groups,
        owner: np.ndarray,
        units: np.ndarray,
        samples: Samples,
        groups: tuple[int, ...] | None,
    ) -> list[ScoreDraws]:
        """Return the scores of one network for each subject."""
        whole, picked = self._fitted(layers, brain, by_id, owner)
        changes = None
        if samples.kind == "leave_one_out" and self.metric == "r":
            changes = [self._training_changes(layers[name], brain, one, units) for name, one in whole.items()]
        found = []
        for s, choice in enumerate(picked):
            own = Patterns(brain.values[:, owner == s], brain.stimulus_ids, "Responses")
            fitted = self._of_choice({name: _of(one, owner == s) for name, one in whole.items()}, choice, own)
            drawn = held_out_scores(fitted.predictions, own.values, fitted.folds, units, samples, groups, self.metric)
            if changes is not None:
                change = sum(changes[layer][fold][:, owner == s] for fold, layer in enumerate(choice))
                z = np.arctanh(np.clip(fitted.r, -LARGEST_R, LARGEST_R))
                moved = np.tanh(z + change / self.n_folds) - np.tanh(z)
                drawn = replace(drawn, training=drawn.observed + moved.mean(axis=1)[:, None, None])
            found.append(drawn)
        return found

    def _fitted(
        self, layers: Mapping[str, Patterns], responses: Patterns, groups: Groups, owner: np.ndarray
    ) -> tuple[dict[str, EncodingScores], list[list[int]]]:
        """Return the scores of every layer, and which layer each subject has in each test fold."""
        if not layers:
            msg = "There is no layer to choose, expected one or more; give layers by name."
            raise SpecError(msg)
        plain = Encoding(**{name: getattr(self, name) for name in _FIELDS})
        whole = {name: plain.score(features, responses, groups) for name, features in layers.items()}
        folds = next(iter(whole.values())).folds
        picked: list[list[int]] = [[] for _ in range(int(owner.max()) + 1)]
        for fold in range(self.n_folds):
            kept = np.flatnonzero(folds != fold)
            ids = tuple(responses.stimulus_ids[k] for k in kept)
            own = Patterns(responses.values[kept], ids, "Responses")
            inner = [plain.score(one, own, groups).r for one in layers.values()] if len(layers) > 1 else None
            for s, choice in enumerate(picked):
                scores = [0.0] if inner is None else [float(r[owner == s].mean()) for r in inner]
                choice.append(int(np.argmax(scores)))
        return whole, picked

    def _of_choice(
        self, whole: Mapping[str, EncodingScores], choice: Sequence[int], responses: Patterns
    ) -> EncodingScores:
        """Return the scores of the chosen layer of each fold."""
        each = list(whole.values())
        first = each[0]
        folds, y = first.folds, np.asarray(responses.values, np.float64)
        predictions, alphas = np.empty_like(y), np.empty_like(first.alphas)
        for fold, layer in enumerate(choice):
            predictions[folds == fold] = each[layer].predictions[folds == fold]
            alphas[fold] = each[layer].alphas[fold]
        residual, spread = ((y - predictions) ** 2).sum(axis=0), _spread(y, folds)
        r = fold_correlations(predictions, y, folds)
        edges = float(np.isin(alphas, (min(self.alphas), max(self.alphas))).mean())
        return EncodingScores(
            predictions=predictions,
            folds=folds,
            r=r,
            r2=1 - residual / spread,
            alphas=alphas,
            at_boundary=edges,
            form="chosen",
            stimulus_ids=first.stimulus_ids,
        )


_FIELDS = ("n_folds", "n_inner_folds", "alphas", "solver", "standardize", "seed", "dtype", "metric")


def _of(scores: EncodingScores, targets: np.ndarray) -> EncodingScores:
    return replace(
        scores,
        predictions=scores.predictions[:, targets],
        r=scores.r[targets],
        r2=scores.r2[targets],
        alphas=scores.alphas[:, targets],
    )


def _spread(y: np.ndarray, folds: np.ndarray) -> np.ndarray:
    labels: Sequence[int] = np.unique(folds).tolist()
    return np.sum([((y[folds == f] - y[folds != f].mean(axis=0)) ** 2).sum(axis=0) for f in labels], axis=0)
