"""Algorithms are found by file name; unknown names and options are refused with the alternatives."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import brainalign.rules
from brainalign.discovery import available, create, in_package, names, snake_case
from brainalign.errors import SpecError
from brainalign.networks.architecture import Architecture, architecture
from brainalign.rules.learning_rule import LearningRule, learning_rule, learning_rules


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("FeedbackAlignment", "feedback_alignment"),
        ("MLP", "mlp"),
        ("RSA", "rsa"),
        ("CIFAR10Jpeg", "cifar10_jpeg"),
        ("MacaqueV4", "macaque_v4"),
        ("RNNCell", "rnn_cell"),
        ("backprop", "backprop"),
    ],
)
def test_snake_case(name: str, expected: str) -> None:
    assert snake_case(name) == expected


def test_a_room_lists_its_algorithms_and_neither_its_base_nor_its_helpers() -> None:
    rules = available("rules", LearningRule)
    assert {"untrained", "backprop", "feedback_alignment", "direct_feedback_alignment"} <= set(rules)
    assert not {"learning_rule", "batch", "step", "claim", "credit"} & set(rules)
    assert all(issubclass(rule, LearningRule) for rule in rules.values())
    assert list(rules) == sorted(rules)


@pytest.fixture
def new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that a user adds to the rules."""
    monkeypatch.setattr(brainalign.rules, "__path__", [*brainalign.rules.__path__, str(tmp_path)])
    in_package.cache_clear()
    yield tmp_path / "slow_learner.py"
    sys.modules.pop("brainalign.rules.slow_learner", None)
    in_package.cache_clear()


def test_adding_a_file_adds_an_algorithm(new_file: Path) -> None:
    new_file.write_text(
        "from dataclasses import dataclass\n"
        "from brainalign.rules.backprop import Backprop\n\n"
        "@dataclass(frozen=True)\nclass SlowLearner(Backprop):\n    pace: float = 0.1\n\n"
        "class Other(Backprop):\n    pass\n"
    )
    assert "slow_learner" in learning_rules()
    assert learning_rule("slow_learner", {"pace": 0.5}).pace == 0.5  # type: ignore[attr-defined]
    assert "other" not in learning_rules()  # only the class that has the file's name


def test_an_unknown_name_lists_the_alternatives_in_one_line() -> None:
    with pytest.raises(
        SpecError, match=r"Unknown rule 'backprob'\. Choose one of: backprop, .*untrained.*The nearest is 'backprop'"
    ) as caught:
        learning_rule("backprob")
    assert "\n" not in str(caught.value)


def test_an_unknown_option_lists_the_alternatives() -> None:
    with pytest.raises(SpecError, match=r"Unknown option 'width' of 'mlp'\. Choose one of: widths, activation, bias"):
        architecture("mlp", {"width": 3})
    with pytest.raises(SpecError, match=r"Unknown option 'rate' of 'untrained'\. Choose one of: none"):
        learning_rule("untrained", {"rate": 3})


def test_lists_of_a_file_become_tuples() -> None:
    made = create("networks", Architecture, "mlp", {"widths": [4, 3]})
    assert made.widths == (4, 3)
    assert hash(made) == hash(create("networks", Architecture, "mlp", {"widths": (4, 3)}))


def test_names_of_a_room_need_no_contract_at_hand() -> None:
    assert {"rsa", "encoding"} <= set(names("comparisons"))
    assert {"correlation", "cosine", "euclidean"} <= set(names("dissimilarities"))
