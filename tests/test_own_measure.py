"""A measure of one's own: one file, then a study's tables, methods and page hold it, and a joint contrast with RSA."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from brainalign.alignment.align import check_recording
from brainalign.alignment.result import AlignmentResult
from brainalign.alignment.scored import Scored
from brainalign.alignment.scoring import Scoring
from brainalign.comparisons.comparison import Comparison, comparison
from brainalign.comparisons.rsa import RSA
from brainalign.discovery import add_folder
from brainalign.errors import SpecError
from brainalign.inference.contrast import contrast
from brainalign.inference.scope import resolve_scope
from brainalign.patterns import Patterns
from brainalign.recordings.brain import Brain
from brainalign.report.figures.layer_profile import LayerProfile
from brainalign.report.methods_text import methods_text
from brainalign.report.page import write_report
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.specs import RecordingSpec, StudySpec
from brainalign.study import run_study
from brainalign.study_file import read_study
from tests.alignment.trials import of_trials
from tests.own_lab import CKA, write_lab
from tests.synthetic_world import World

STUDY = """
own = ["lab"]
name = "cka"
readout_only = false
plausibility = "none"

[training]
dataset = "digits"
network = "mlp"
network_options = { widths = [16] }
seeds = 2
epochs = 0.3
n_checkpoints = 2

[rules.untrained]
[rules.backprop]
[rules.feedback_alignment]

[[recordings]]
dataset = "simulated"
measures = ["rsa", "cka"]
[recordings.options]
layer = "hidden1"
network_options = { widths = [16] }
training = { epochs = 0.3 }
n_subjects = 6
n_stimuli = 20
n_repeats = 2
n_channels = 20

[scoring]
resampling = "leave_one_out"
"""
WORLD = World(n_stimuli=20, n_subjects=6, n_seeds=2, n_channels=10)
NAME = "cka debiased"


def _study(folder: Path) -> StudySpec:
    write_lab(folder / "lab", ["comparisons/cka.py"])
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    return read_study(folder / "study.toml")


def test_it_is_in_tables_methods_and_page_and_its_edit_scores_again(tmp_path: Path) -> None:
    spec, out, texts = _study(tmp_path), tmp_path / "results", list[str]()

    def run() -> list[str]:
        texts.clear()
        run_study(spec, out, progress=lambda done, total, text: texts.append(text))
        return [text for text in texts if not text.startswith("training ")]

    assert run() == ["simulated planted: rsa spearman", f"simulated planted: {NAME}"]
    for table in ("alignment", "measures", "contrasts", "ranks"):
        assert NAME in set(pd.read_csv(out / f"{table}.csv").measure), table
    scores = pd.read_csv(out / "alignment.csv").query("measure == @NAME and role != 'low_level'")
    assert scores.score.notna().all()
    assert (scores.ceiling_lower < scores.ceiling_upper).all()
    assert "own.comparisons.cka" in json.loads((out / "study.json").read_text())["hashes"]
    text = methods_text(AlignmentResult.load(out))
    assert "Centred kernel alignment [" in " ".join(text.paragraphs)
    assert any("Kornblith" in one for one in text.citations)
    assert "come from the scores without each stimulus (jackknife)" in " ".join(text.paragraphs)
    assert "bootstrap" not in " ".join(text.paragraphs)
    page = write_report(out).read_text(encoding="utf-8")
    assert "Linear CKA (debiased)" in page
    assert "CKA" in LayerProfile().caption(AlignmentResult.load(out), "mlp", NAME)

    assert run() == []
    before = json.loads((out / "study.json").read_text())["hashes"]["own.comparisons.cka"]
    changed = CKA.replace("    pairs = (off", "    off = np.abs(off)\n    pairs = (off")
    assert changed != CKA
    write_lab(tmp_path / "lab", ["comparisons/cka.py"], cka=changed)
    assert run() == [f"simulated planted: {NAME}"]
    assert json.loads((out / "study.json").read_text())["hashes"]["own.comparisons.cka"] != before


def test_a_figures_edit_scores_nothing_again(tmp_path: Path) -> None:
    spec, out = _study(tmp_path), tmp_path / "results"
    spec = replace(spec, recordings=(replace(spec.recordings[0], measures=("cka",)),))
    run_study(spec, out)
    (tmp_path / "lab" / "report" / "figures").mkdir(parents=True)
    text = "from brainalign.report.figures.layer_profile import LayerProfile\nclass MyPlot(LayerProfile):\n    pass\n"
    (tmp_path / "lab" / "report" / "figures" / "my_plot.py").write_text(text, encoding="utf-8")
    texts: list[str] = []
    run_study(spec, out, progress=lambda done, total, text: texts.append(text))
    assert [text for text in texts if not text.startswith("training ")] == []


# -- beside RSA -------------------------------------------------------------------------------------------------------


@pytest.fixture
def cka(tmp_path: Path) -> Comparison:
    add_folder(write_lab(tmp_path / "lab", ["comparisons/cka.py"]))
    return comparison("cka")


def _scored(measures: list[Comparison]) -> list[Scored]:
    source = of_trials(WORLD.source())
    brain = Brain(source, RecordingSpec("made_up", rois=("V1",)))
    scoring = Scoring(brain, ("V1",), measures, Samples("leave_one_out"), {})
    for one in WORLD.instances():
        scoring.show(one)
    return list(scoring.finish())


def test_its_scores_are_those_of_the_equation_with_each_stimulus_left_out(cka: Comparison) -> None:
    [scored] = _scored([cka])
    source, shown = WORLD.source(), WORLD.instances()
    features = {(one.rule, one.seed): one.activations for one in shown}
    responses = [one.average("V1")[1][:, :, 0] for one in source.recordings()]
    for row, model in enumerate(scored.models):
        x = np.asarray(features[model.rule, model.seed].layers[model.layer], dtype=float)
        for without in (None, 3):
            kept = [k for k in range(20) if k != without]
            expected = [_hsic(x[kept], y[kept]) / np.sqrt(_hsic(x[kept], x[kept]) * _hsic(y[kept], y[kept]))
                        for y in responses]  # fmt: skip
            own = scored.draws.observed[row] if without is None else scored.draws.draws[without, row]
            np.testing.assert_allclose(own, expected, atol=1e-10)


def _hsic(x: np.ndarray, y: np.ndarray) -> float:
    """Equation 5 of Song et al. (2012, J Mach Learn Res 13:1393)."""
    k, l, n = x @ x.T, y @ y.T, len(x)  # noqa: E741
    np.fill_diagonal(k, 0)
    np.fill_diagonal(l, 0)
    total = np.trace(k @ l) + k.sum() * l.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (k @ l).sum()
    return float(total / (n * (n - 3)))


def test_a_joint_contrast_with_rsa_pairs_subjects_stimuli_and_seeds(cka: Comparison) -> None:
    rsa, own = _scored([RSA(comparator="corr"), cka])
    assert rsa.models == own.models
    both, n = ScoreDraws.stack_models([rsa.draws, own.draws]), len(rsa.models)
    rows = {
        rule: [k for k, one in enumerate(rsa.models) if (one.rule, one.layer_index) == (rule, 1)]
        for rule in WORLD.rules
    }
    scope = resolve_scope({"subjects": "random"}, both.n_subjects, both.n_units, WORLD.n_seeds)
    best = rows["backprop"]
    found = contrast(both, [n + k for k in best], best, scope)
    assert found.delta == pytest.approx((own.scores[best] - rsa.scores[best]).mean())
    assert np.isfinite([found.se, found.p, found.se_stimuli, found.se_subjects]).all()
    same = contrast(ScoreDraws.stack_models([rsa.draws, rsa.draws]), [n + k for k in best], best, scope)
    assert (same.delta, same.se, same.p) == (0.0, 0.0, 1.0)  # paired: a measure does not differ from itself

    # (A - B under the own measure) - (A - B under RSA): rows of differences, with the same stimuli left out
    a, b = best, rows["untrained"]
    differences = ScoreDraws.without_each(
        np.concatenate([one.draws.observed[a] - one.draws.observed[b] for one in (own, rsa)]),
        np.concatenate([one.draws.draws[:, a] - one.draws.draws[:, b] for one in (own, rsa)], axis=1),
        np.arange(20),
    )
    first, second = np.arange(len(a)), len(a) + np.arange(len(a))
    interaction = contrast(differences, first, second, scope)
    deltas = [contrast(one.draws, a, b, scope).delta for one in (own, rsa)]
    assert interaction.delta == pytest.approx(deltas[0] - deltas[1])
    assert np.isfinite([interaction.se, interaction.p]).all()


def test_a_measure_of_trials_refuses_published_rdms_before_anything_is_trained(cka: Comparison) -> None:
    source = replace(WORLD.source(), trials=())
    said = r"comes as RDMs only; CKA needs responses\. Use measures = \['regression_rsa', 'rsa', 'weighted_rsa'\]"
    with pytest.raises(SpecError, match=said):
        check_recording(Brain(source, RecordingSpec("made_up", measures=("cka",))), 2)


def test_it_scores_patterns_by_hand_whatever_their_order(cka: Comparison) -> None:
    values, ids = np.random.default_rng(0).standard_normal((6, 4)), tuple("abcdef")
    assert cka.score(Patterns(values, ids), Patterns(values[::-1], ids[::-1])) == pytest.approx(1)
