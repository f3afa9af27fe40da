"""The support table of the documentation is the code's own."""

from pathlib import Path

import pytest

from brainalign.datasets.task import Task
from brainalign.networks.architecture import architecture
from brainalign.rules.learning_rule import LearningRule, learning_rule
from brainalign.support import equals_backpropagation, support, support_markdown


def test_documentation_agrees_with_the_code() -> None:
    page = Path(__file__).resolve().parents[1] / "docs" / "support.md"
    assert page.read_text(encoding="utf-8") == support_markdown(), "run: brainalign rules --markdown > docs/support.md"


def test_records_have_the_documented_shape() -> None:
    for record in support():
        assert set(record) == {"name", "reference", "claims", "networks"}
        assert {"mlp", "cnn", "rnn", "transformer"} <= set(record["networks"])
        assert all(value is True or isinstance(value, str) for value in record["networks"].values())


TASK = Task((1, 8, 8), 5, 64)


@pytest.mark.parametrize(
    ("rule", "options", "network", "blocks", "equal"),
    [
        ("dual_propagation", {}, "rnn", "step", True),
        ("dual_propagation", {}, "transformer", "sublayer", True),
        ("dual_propagation", {}, "mlp", "", False),  # only a nonlinearity between blocks tells two states apart
        ("equilibrium_propagation", {"energy": "prediction", "beta": 0.01}, "transformer", "layer", True),
        ("equilibrium_propagation", {"energy": "prediction", "beta": 0.5}, "rnn", "step", False),
        ("predictive_coding", {"variant": "fixed_prediction", "rate": 1.0}, "mlp", "", True),
        ("predictive_coding", {}, "mlp", "", False),
        ("feedback_alignment", {}, "rnn", "layer", False),
        ("readout_only", {}, "mlp", "", False),
        ("untrained", {}, "mlp", "", False),
    ],
)
def test_equality_with_backpropagation_is_measured(
    rule: str, options: dict[str, object], network: str, blocks: str, equal: bool
) -> None:
    small = {"mlp": {"widths": (12, 9)}, "rnn": {"widths": (10, 7)}, "transformer": {"width": 8, "heads": 2}}[network]
    built = architecture(network, {**small, **({"blocks": blocks} if blocks else {})}).build(TASK)
    assert equals_backpropagation(learning_rule(rule, dict(options)), built) is equal


def test_a_rule_under_another_name_is_found_out() -> None:
    """What counts is what a rule does: the gradient of feedback weights that are the weights themselves."""
    net = architecture("mlp", {"widths": (12, 9)}).build(TASK)

    class Disguised(type(learning_rule("feedback_alignment"))):  # type: ignore[misc]
        def init(self, network, params, generator):  # type: ignore[no-untyped-def]
            return {f"feedback/{s.weight_name}": params[s.weight_name] for s in network.synapses}

    disguised: LearningRule = Disguised()
    assert equals_backpropagation(disguised, net)


def test_no_cell_says_yes_without_a_figure_or_that_there_is_none() -> None:
    table = support_markdown().partition("## ")[0].splitlines()
    rows = [line.strip("| ").split(" | ") for line in table if line.startswith("| `")]
    said = {row[0].strip("`"): row[1:-1] for row in rows}
    assert [rule for rule, cells in said.items() if "yes" in cells] == ["readout_only", "untrained"]
    assert "equals backpropagation here" in said["dual_propagation"][2]
    assert "equals backpropagation here" not in said["dual_propagation"][1]
