"""The rate of readout only: searched on validation samples where nobody has."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from brainalign.__main__ import app
from brainalign.specs import TrainSpec
from brainalign.training.frozen import Frozen
from brainalign.training.readout import final_scores, readout_spec
from brainalign.training.readout_rate import RATES, found_rate, is_searched
from brainalign.training.train import train

SPEC = TrainSpec("hebbian", "mlp", "digits", network_options={"widths": (8,)}, seeds=(0, 1, 2), epochs=2)


def test_a_rate_is_known_where_it_was_searched() -> None:
    assert is_searched(readout_spec(replace(SPEC, network_options={})))
    assert is_searched(readout_spec(replace(SPEC, network="rnn", network_options={"blocks": "step"})))
    for other in (SPEC, replace(SPEC, dataset="mnist", network_options={})):
        assert not is_searched(readout_spec(other))


def test_the_rate_is_the_best_on_validation_samples_of_the_training_that_follows(tmp_path: Path) -> None:
    """Every rate, trained as a whole network is: its validation accuracy is the one that the search saw."""
    control = readout_spec(SPEC)
    found = found_rate(control)
    assert list(found.tried) == list(RATES)
    for rate in (0.001, found.rate):
        history = train(replace(control, learning_rate=rate), tmp_path / str(rate)).history
        last = history[history.step == history.step.max()].val_accuracy.mean()
        assert found.tried[rate] == pytest.approx(last, abs=0.003)  # one of 3 x 130 samples by rounding
    assert found.tried[found.rate] == max(found.tried.values()) > found.tried[0.001] + 0.1
    assert f"rate {found.rate:g}, the best" in found.sentence


def test_normalised_networks_answer_with_the_statistics_of_one_pass(tmp_path: Path) -> None:
    options = {"channels": (4,), "hidden": 8, "normalisation": "batch"}
    control = readout_spec(replace(SPEC, network="cnn", network_options=options, seeds=(0,), epochs=4))
    frozen = Frozen.load(control)
    ours = frozen.scores(frozen.trained(control), frozen.batches.test)
    assert ours[0] == pytest.approx(final_scores(train(control, tmp_path).history)[0], abs=0.06)
    assert not (frozen.states[0]["conv1.norm.mean"] == 0).any()


def test_steps_and_samples_are_bounded_and_nothing_is_searched_without_validation(monkeypatch) -> None:
    seen: list[TrainSpec] = []
    monkeypatch.setattr("brainalign.training.readout_rate.MOST_SAMPLES", 200)
    monkeypatch.setattr("brainalign.training.readout_rate.MOST_STEPS", 7)
    monkeypatch.setattr(Frozen, "trained", lambda self, spec: seen.append(spec) or _trained(self, spec))
    found_rate(replace(readout_spec(SPEC), seeds=(0, 1, 2, 3), epochs=50, batch_size=64))
    assert [(spec.n_train, spec.seeds, spec.epochs) for spec in seen] == [(200, (0, 1, 2), 7 / 3)] * len(RATES)
    with pytest.raises(ValueError, match="validation_fraction is 0"):
        found_rate(replace(readout_spec(SPEC), validation_fraction=0.0))


_trained = Frozen.trained


def test_train_searches_it_and_says_so(tmp_path: Path) -> None:
    asked = ["train", "--rule", "hebbian", "--network", "mlp", "--dataset", "digits", "--seeds", "1", "--epochs", "1"]
    said = CliRunner().invoke(app, [*asked, "--set", "network.widths=[8]", "--out", str(tmp_path), "-q"])
    assert said.exit_code == 0, said.output
    assert "the best of a search on validation samples (0.001: " in said.output
    (history,) = tmp_path.glob("readout_only-*/training.csv")
    assert pd.read_csv(history).rule.unique().tolist() == ["readout_only"]
