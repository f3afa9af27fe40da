"""The code that scores of a recording depend on."""

from collections.abc import Sequence

from brainalign.comparisons.comparison import comparisons
from brainalign.dissimilarities.dissimilarity import dissimilarities
from brainalign.provenance import code_hash
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec, ScoringSpec, TrainSpec
from brainalign.training.code import modules_of

#: Dissimilarities that recordings and low-level controls have, whatever is asked of layers.
OF_RECORDINGS = ("correlation", "squared_euclidean")


def scoring_code(
    populations: Sequence[TrainSpec],
    source: RecordingSource,
    scoring: ScoringSpec,
    recorded: RecordingSpec,
    measures: Sequence[str] | None = None,
) -> str:
    """Return the hash of the code that scores populations on a recording.

    It covers how rules and networks answer, what the recording does, down to the training of a planted network, the
    ``measures`` (all of the recording unless some are given), and the dissimilarities of layers and recordings. What is
    inferred from scores is no part of it. How populations were trained is in their weights, which a cache compares
    themselves.
    """
    modules = [name for one in populations for name in modules_of(one.rule, one.network)]
    modules += [f"brainalign.alignment.{name}" for name in ("score", "instance", "layer_means", "mean_rdms", "display")]
    modules += [type(source).__module__]
    of_measures = comparisons()
    modules += [of_measures[name].__module__ for name in (recorded.measures if measures is None else measures)]
    known = dissimilarities()
    modules += [
        known[name].__module__ for name in (scoring.dissimilarity, recorded.dissimilarity_of_trials, *OF_RECORDINGS)
    ]
    planted = [getattr(source, name, "") for name in ("rule", "network", "dataset")]
    if source.simulated and all(planted):
        modules += modules_of(*planted)
    return code_hash(*modules)
