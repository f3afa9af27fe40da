"""Checkpoints of equal accuracy of a study: chosen on validation samples, and inferred about as last ones are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pandas as pd

from brainalign import tables
from brainalign.alignment.equal_accuracy import comparable, equal_accuracy_table
from brainalign.alignment.equal_rules import share_places
from brainalign.alignment.infer import Declared, infer
from brainalign.alignment.instance import role_of
from brainalign.alignment.result import AlignmentResult
from brainalign.alignment.scores import Scores
from brainalign.roles import TRAINED, UNTRAINED
from brainalign.training.checkpoint import Checkpoint
from brainalign.training.checkpoint_accuracy import kept_accuracy


@dataclass(frozen=True, eq=False)
class EqualCheckpoints:
    """Where rules are equally accurate.

    Parameters
    ----------
    table
        Table ``equal_accuracy``.
    checkpoints
        Of every rule that can be compared its checkpoint, and the untrained networks beside them; each in a list of its
        own, as a population whose last checkpoint it is.
    """

    table: pd.DataFrame = field(default_factory=partial(tables.empty, "equal_accuracy"))
    checkpoints: tuple[Sequence[Checkpoint], ...] = ()

    @classmethod
    def of(
        cls,
        populations: Sequence[Sequence[Checkpoint]],
        left_out: Mapping[str, Collection[str]],
        cache: Path,
        data_dir: str | None = None,
    ) -> "EqualCheckpoints":
        """Choose among the checkpoints of populations, each from first to last.

        Parameters
        ----------
        populations
            All that a study scores.
        left_out
            Network to rules that take no part.
        cache, data_dir
            Where accuracies are kept, and where data sets are.
        """
        learning = [[one for one in many if one.step] for many in populations if role_of(many[-1]) == TRAINED]
        if not learning:
            return cls()
        kept = [kept_accuracy(cache, many, data_dir) for many in learning]
        table = equal_accuracy_table(pd.concat(kept, ignore_index=True), left_out)
        steps = comparable(table)
        chosen = [
            [one] for many in learning for one in many if steps.get((one.network.name, one.spec.rule)) == one.step
        ]
        networks = {network for network, _ in steps}
        untrained = [many[-1:] for many in populations if role_of(many[-1]) == UNTRAINED]
        return cls(table, (*(one for one in untrained if one[0].network.name in networks), *chosen))

    def without(self, lost: Collection[tuple[str, str]]) -> tuple[Sequence[Checkpoint], ...]:
        """Return the checkpoints without lost populations (rule and network); none where fewer than two rules stay."""
        left = tuple(one for one in self.checkpoints if (one[0].spec.rule, one[0].network.name) not in lost)
        return left if sum(role_of(one) == TRAINED for (one,) in left) > 1 else ()


def with_equal_accuracy(
    found: AlignmentResult, scores: Scores, declared: Declared, alike: Mapping[str, Sequence[str]]
) -> AlignmentResult:
    """Return a result with the contrasts, ranks and gates that scores of these checkpoints support.

    Parameters
    ----------
    found
        What is found of last checkpoints of the same recording.
    scores
        Of checkpoints of equal accuracy, scored as last ones are.
    declared
        What the study declares. A layer that no network here has declares nothing.
    alike
        Network to the rules that change it as backpropagation does.
    """
    layers = {roi: layer for roi, layer in declared.ranking_layer.items() if layer in scores.layers}
    equal = share_places(infer(scores, replace(declared, ranking_layer=layers, clusters="none")), alike)
    return replace(
        found,
        contrasts_at_equal_accuracy=tables.cast("contrasts_at_equal_accuracy", equal.contrasts),
        ranks_at_equal_accuracy=tables.cast("ranks_at_equal_accuracy", equal.ranks),
        gates_at_equal_accuracy=tables.cast("gates_at_equal_accuracy", equal.gates),
    )
