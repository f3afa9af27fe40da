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
from brainalign.training.readout import exceeds_readout, is_control_of

#: What decides here whether a rule exceeds readout only, in words.
ON = "validation samples at this checkpoint"


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
    unlearned
        Network to the rules that do not exceed readout only there, on validation samples, as checkpoints are chosen.
        They are scored and have no rank.
    """

    table: pd.DataFrame = field(default_factory=partial(tables.empty, "equal_accuracy"))
    checkpoints: tuple[Sequence[Checkpoint], ...] = ()
    unlearned: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        populations: Sequence[Sequence[Checkpoint]],
        left_out: Mapping[str, Collection[str]],
        cache: Path,
        data_dir: str | None = None,
        beside: Sequence[Sequence[Checkpoint]] = (),
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
        beside
            Populations of readout only that are not scored.
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
        shown = (*(one for one in untrained if one[0].network.name in networks), *chosen)
        controls = [[one for one in many if one.step] for many in (*populations, *beside)]
        unlearned: dict[str, tuple[str, ...]] = {}
        for (one,) in chosen:
            own = next((many for many in controls if many and is_control_of(many[-1].spec, one.spec)), None)
            if own is not None and _shows_nothing(one, _accuracy(kept, one), own, cache, data_dir):
                unlearned[one.network.name] = (*unlearned.get(one.network.name, ()), one.spec.rule)
        return cls(table, shown, unlearned)

    def without(self, lost: Collection[tuple[str, str]]) -> tuple[Sequence[Checkpoint], ...]:
        """Return the checkpoints without lost populations (rule and network); none where fewer than two rules stay."""
        left = tuple(one for one in self.checkpoints if (one[0].spec.rule, one[0].network.name) not in lost)
        return left if sum(role_of(one) == TRAINED for (one,) in left) > 1 else ()


def _accuracy(kept: Sequence[pd.DataFrame], one: Checkpoint) -> dict[int, float]:
    """Return the validation accuracy of each seed at a checkpoint."""
    own = (table[(table.rule == one.spec.rule) & (table.network == one.network.name)] for table in kept)
    rows = next(table for table in own if len(table))
    here = rows[rows.step == one.step]
    return dict(zip(map(int, here.seed), map(float, here.val_accuracy), strict=True))


def _shows_nothing(
    one: Checkpoint, accuracies: Mapping[int, float], control: Sequence[Checkpoint], cache: Path, data_dir: str | None
) -> bool:
    """Return whether nothing shows that a checkpoint is more accurate than readout only after as many steps.

    Where readout only has no checkpoint at that step, its next one is taken.
    """
    later = [other for other in control if other.step >= one.step] or control[-1:]
    beside = kept_accuracy(cache, later[:1], data_dir)
    return exceeds_readout(accuracies, _accuracy([beside], later[0])).shows_nothing


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
        What the study declares; its ``unlearned`` are rules that do not exceed readout only at these checkpoints
        (:attr:`EqualCheckpoints.unlearned`). A layer that no network here has declares nothing.
    alike
        Network to the rules that change it as backpropagation does.
    """
    layers = {roi: layer for roi, layer in declared.ranking_layer.items() if layer in scores.layers}
    here = replace(declared, ranking_layer=layers, clusters="none", unlearned_on=ON)
    equal = share_places(infer(scores, here), alike)
    return replace(
        found,
        contrasts_at_equal_accuracy=tables.cast("contrasts_at_equal_accuracy", equal.contrasts),
        ranks_at_equal_accuracy=tables.cast("ranks_at_equal_accuracy", equal.ranks),
        gates_at_equal_accuracy=tables.cast("gates_at_equal_accuracy", equal.gates),
    )
