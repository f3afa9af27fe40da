"""A part of the findings' networks trained again: the same bits twice, and near the committed rows."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

import brainalign as ba
from brainalign.alignment.instance import role_of
from brainalign.errors import DataError
from brainalign.training.train import Trained, train

ROOT = Path(__file__).parents[1]
NAME = "which_rule_mlp"
COMMITTED = ROOT / "docs" / "results" / NAME
RULES = ("readout_only", "feedback_alignment")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        yield pytest.importorskip("which_rule")


@pytest.fixture(scope="module")
def twice(study: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> list[list[Trained]]:
    try:
        return [
            [
                train(spec, study.population(tmp_path_factory.mktemp(name), spec))
                for spec in study.study(NAME, RULES).populations
            ]
            for name in ("first", "second")
        ]
    except DataError as error:
        pytest.skip(str(error))


def _final(history: pd.DataFrame) -> pd.DataFrame:
    last = history[history.step == history.step.groupby(history.rule).transform("max")]
    return last.set_index(["rule", "seed"])[["val_accuracy", "test_accuracy", "test_loss"]].sort_index()


def test_two_trainings_give_the_same_bits(twice: list[list[Trained]]) -> None:
    first, second = (
        {(one.spec.rule, row): one.weights_hash(row) for one in (t.checkpoint for t in some) for row in range(5)}
        for some in twice
    )
    assert first == second
    # readout only keeps hidden layers, so that only whole networks differ
    assert len(set(first.values())) == len(RULES) * 5


def test_networks_trained_again_lie_within_the_seeds_of_the_committed_rows(twice: list[list[Trained]]) -> None:
    again = _final(pd.concat([one.history for one in twice[0]]))
    rows = _final(pd.read_csv(COMMITTED / "training.csv")).loc[list(RULES)]
    assert list(again.index) == list(rows.sort_index().index)
    spread = rows.groupby("rule").agg(lambda values: values.max() - values.min())
    for rule in RULES:
        assert ((again.loc[rule] - rows.loc[rule]).abs() <= spread.loc[rule]).all(axis=None), rule
        assert (again.loc[rule].mean() - rows.loc[rule].mean()).abs().le(spread.loc[rule] / 2).all(), rule


def test_their_scores_lie_within_the_seeds_of_the_committed_scores(
    study: ModuleType, twice: list[list[Trained]]
) -> None:
    source = ba.recording("cichy92")
    try:
        brain, stimuli = source.rdms("IT"), source.stimuli()
    except DataError as error:
        pytest.skip(str(error))
    scores = pd.read_csv(COMMITTED / "scores.csv")
    scores = scores[(scores.roi == "IT") & (scores.layer == "hidden2") & (scores.measure == "rsa spearman")]
    measure = ba.RSA(comparator="spearman")
    for one in (trained.checkpoint for trained in twice[0]):
        rows = scores[(scores.rule == one.spec.rule) & (scores.role == role_of(one))].set_index("seed").score
        again = {
            network.origin.seed: measure.score(network.layers["hidden2"], brain).mean()
            for network in study.shown(one, role_of(one), stimuli, ["hidden2"])
        }
        assert len(rows) == len(again) == 5
        assert (pd.Series(again) - rows).abs().max() <= rows.max() - rows.min(), one.spec.rule
