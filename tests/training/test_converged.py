"""Readout only on what enters the readout, computed once: as if the whole network had been run in every step."""

from pathlib import Path

import pytest

from brainalign.errors import SpecError
from brainalign.specs import TrainSpec, to_dict, train_spec
from brainalign.training.converged import converged_readout
from brainalign.training.readout import final_scores, readout_spec
from brainalign.training.train import train

SMALL = {
    "mlp": {"widths": (8, 8)},
    "rnn": {"widths": (8,), "blocks": "step"},
    "transformer": {"width": 8, "heads": 2, "depth": 1, "blocks": "sublayer"},
}


@pytest.mark.parametrize("network", SMALL)
def test_it_ends_where_training_ends(network: str, tmp_path: Path) -> None:
    spec = TrainSpec("backprop", network, "digits", network_options=SMALL[network], seeds=(1, 4), batch_size=64)
    control = train_spec({**to_dict(readout_spec(spec)), "epochs": 1.5})
    trained = final_scores(train(control, tmp_path).history)
    assert converged_readout(spec, epochs=1.5) == pytest.approx(trained, abs=0.0021)  # one of 500 samples by rounding


def test_losses_where_there_are_no_classes(tmp_path: Path) -> None:
    spec = TrainSpec("backprop", "mlp", "diabetes", network_options={"widths": (8,)}, seeds=(0,), batch_size=32)
    control = train_spec({**to_dict(readout_spec(spec)), "epochs": 2})
    trained = final_scores(train(control, tmp_path).history)
    assert converged_readout(spec, epochs=2) == pytest.approx(trained, rel=1e-4)


def test_hidden_layers_that_change_with_the_batch_are_refused() -> None:
    with pytest.raises(SpecError, match=r"Network 'cnn' is normalised over batches, so that hidden layers answer"):
        converged_readout(TrainSpec("backprop", "cnn", "digits", seeds=(0,)))
    with pytest.raises(SpecError, match=r"'mlp' is trained on augmented images \(crop\), so that"):
        converged_readout(TrainSpec("backprop", "mlp", "digits", seeds=(0,), augment="crop"))
    with pytest.raises(SpecError, match=r"'cnn' is trained on augmented images \(crop\), so that"):
        converged_readout(TrainSpec("backprop", "cnn", "digits", seeds=(0,), augment="crop"), settled=True)


def test_normalised_networks_are_settled_where_that_is_asked_for() -> None:
    options = {"channels": (4,), "hidden": 8, "normalisation": "batch"}
    spec = TrainSpec("backprop", "cnn", "digits", network_options=options, seeds=(0,))
    few, many = (converged_readout(spec, epochs=epochs, settled=True)[0] for epochs in (1, 12))
    assert many > few + 0.1
