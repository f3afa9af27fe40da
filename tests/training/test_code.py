"""Which code a training, a score and a scorecard depend on."""

from dataclasses import replace
from pathlib import Path

import pytest

from brainalign import provenance
from brainalign.alignment.code import scoring_code
from brainalign.plausibility.code import probing_code
from brainalign.plausibility.probe import mechanism
from brainalign.recordings.source import recording_source
from brainalign.specs import RecordingSpec, ScoringSpec, TrainSpec
from brainalign.training.code import modules_of, training_code

SPEC = TrainSpec("sign_symmetry", "mlp", "digits")
DIRECT = replace(SPEC, rule="direct_feedback_alignment")


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths inside the package, whose modules read as if they had been changed."""
    paths: list[str] = []
    read = provenance._module

    def changed(path: Path, written: tuple[int, int]) -> provenance._Module:
        found = read(path, written)
        return found._replace(digest="edited") if any(path.match(one) for one in paths) else found

    monkeypatch.setattr(provenance, "_module", changed)
    return paths


@pytest.mark.parametrize(
    ("path", "sign_symmetry", "direct"),
    [
        ("rules/sign_symmetry.py", True, False),
        ("rules/direct_feedback_alignment.py", False, True),
        ("rules/untrained.py", False, False),
        ("credit/direct_feedback.py", False, True),
        ("networks/mlp.py", True, True),
        ("networks/cnn.py", False, False),
        ("datasets/digits.py", True, True),
        ("datasets/mnist.py", False, False),
        ("training/optimisation.py", True, True),
        ("randomness.py", True, True),
        ("report/captions.py", False, False),
        ("alignment/align.py", False, False),
        ("study.py", False, False),
    ],
)
def test_a_training_depends_on_its_own_rule_network_and_data(
    edited: list[str], path: str, sign_symmetry: bool, direct: bool
) -> None:
    before = training_code(SPEC), training_code(DIRECT)
    edited.append(f"brainalign/{path}")
    assert [one != other for one, other in zip((training_code(SPEC), training_code(DIRECT)), before, strict=True)] == [
        sign_symmetry,
        direct,
    ]


@pytest.mark.parametrize(
    ("path", "real", "simulated"),
    [
        ("alignment/score.py", True, True),
        ("alignment/place_scores.py", True, True),
        ("alignment/infer.py", False, False),
        ("inference/contrast.py", False, False),
        ("alignment/result.py", False, False),
        ("columns.py", False, True),  # of the training table of the planted network
        ("report/figures/bars.py", False, False),
        ("rdms.py", True, True),
        ("comparisons/rsa.py", True, True),
        ("comparisons/encoding.py", False, False),  # not asked for
        ("resampling/draw_units.py", True, True),
        ("dissimilarities/correlation.py", True, True),
        ("dissimilarities/cosine.py", False, False),  # not asked for
        ("activations.py", False, False),
        ("extraction/population.py", True, True),
        ("rules/sign_symmetry.py", True, True),  # how it answers
        ("networks/mlp.py", True, True),
        ("recordings/simulated.py", False, True),
        ("recordings/kriegeskorte92.py", True, False),
        ("training/train.py", False, True),  # trains the planted network
        ("rules/backprop.py", False, True),  # which is planted
        ("rules/untrained.py", False, False),
        ("report/captions.py", False, False),
        ("plausibility/tap.py", False, False),
    ],
)
def test_scores_depend_on_how_networks_answer_and_are_scored(
    edited: list[str], path: str, real: bool, simulated: bool
) -> None:
    sources = [recording_source(name) for name in ("kriegeskorte92", "simulated")]
    before = [scoring_code([SPEC], source, ScoringSpec(), RecordingSpec("any")) for source in sources]
    edited.append(f"brainalign/{path}")
    now = [scoring_code([SPEC], source, ScoringSpec(), RecordingSpec("any")) for source in sources]
    assert [one != other for one, other in zip(now, before, strict=True)] == [real, simulated]


@pytest.mark.parametrize(
    ("path", "depends"),
    [
        ("plausibility/tap.py", True),
        ("plausibility/probes/weight_transport.py", True),
        ("rules/sign_symmetry.py", True),
        ("rules/backprop.py", True),  # a control of weight transport
        ("networks/mlp.py", True),
        ("rules/stdp.py", True),  # a control of the probe for spikes
        ("rules/pepita.py", False),
        ("networks/transformer.py", False),
        ("plausibility/probes/precision.py", False),  # a short training, none of these probes
        ("report/captions.py", False),
    ],
)
def test_a_scorecard_depends_on_its_probes_and_rules(edited: list[str], path: str, depends: bool) -> None:
    before = probing_code(mechanism(), [("sign_symmetry", "mlp")])
    edited.append(f"brainalign/{path}")
    assert (probing_code(mechanism(), [("sign_symmetry", "mlp")]) != before) is depends


def test_modules_are_named_by_what_is_found_there() -> None:
    assert modules_of("backprop", "mlp") == ("brainalign.rules.backprop", "brainalign.networks.mlp")
    assert modules_of(dataset="digits") == ("brainalign.datasets.digits",)
