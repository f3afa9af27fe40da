"""One study with every measure, its options in the file: tables, methods, page."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from brainalign.alignment.result import AlignmentResult
from brainalign.comparisons.comparison import comparisons
from brainalign.errors import SpecError
from brainalign.report.methods_text import methods_text
from brainalign.report.page import write_report
from brainalign.specs import to_dict
from brainalign.study import run_study
from brainalign.study_file import read_study

STUDY = """
name = "measures"
readout_only = false
plausibility = "none"

[training]
dataset = "digits"
network = "mlp"
network_options = {{ widths = [16] }}
seeds = 2
epochs = 0.3
n_checkpoints = 2

[rules.untrained]
[rules.backprop]

[[recordings]]
dataset = "simulated"
measures = {measures}
dissimilarity = "crossnobis"
dissimilarity_options = {{ n_folds = 3, noise = "univariate" }}
[recordings.options]
layer = "hidden1"
network_options = {{ widths = [16] }}
training = {{ epochs = 0.3 }}
n_subjects = 3
n_stimuli = 30
n_repeats = 6
n_channels = 12

[scoring]
dissimilarity = "squared_euclidean"
comparator = "cosine_cov"
resampling = "{resampling}"
ceilings = true
n_bootstrap = 100

[scoring.options]
encoding = {{ metric = "r2", n_folds = 3 }}
pls = {{ components = [2] }}
unique_encoding = {{ n_iter = 3, controls = ["gabor"] }}
banded_ridge = {{ n_iter = 3, controls = ["gabor"], n_folds = 3 }}
regression_rsa = {{ controls = ["pixels"], comparator = "spearman" }}
two_way_identification = {{ n_folds = 3 }}
layer_choice = {{ n_folds = 3, n_inner_folds = 3, alphas = [0.1, 1.0, 10.0] }}
"""
NAMES = {
    "rsa cosine_cov of squared euclidean distances",
    "banded_ridge beside gabor",
    "cca 5",
    "encoding ridge, R2",
    "layer_choice ridge",
    "linear_cka",
    "pls 2",
    "procrustes",
    "regression_rsa spearman beyond pixels",
    "two_way_identification",
    "unique_encoding beyond gabor",
    "weighted_rsa",
}


def write(folder: Path, measures: list[str], resampling: str = "leave_one_out") -> Path:
    path = folder / "study.toml"
    path.write_text(STUDY.format(measures=measures, resampling=resampling), encoding="utf-8")
    return path


@pytest.mark.parametrize("resampling", ["leave_one_out", pytest.param("bootstrap", marks=pytest.mark.slow)])
def test_every_measure_is_in_tables_methods_and_page(tmp_path: Path, resampling: str) -> None:
    out = run_study(read_study(write(tmp_path, sorted(comparisons()), resampling)), tmp_path / "results")
    scores = pd.read_csv(out / "alignment.csv")
    assert set(scores.measure) == NAMES
    assert scores.score.notna().all()
    means = scores[scores.layer == "hidden1"].groupby("measure").score.mean()
    geometry = ["rsa cosine_cov of squared euclidean distances", "linear_cka", "procrustes", "cca 5"]
    assert (means[geometry] > 0).all()  # 30 stimuli are too few for the others
    for table in ("contrasts", "ranks"):
        assert set(pd.read_csv(out / f"{table}.csv").measure) == NAMES
    assert np.isfinite(pd.read_csv(out / "contrasts.csv").se).all()
    results = AlignmentResult.load(out)
    text = " ".join(methods_text(results).paragraphs)
    assert "crossnobis distance" in text
    assert "squared Euclidean distance" in text
    assert "metric = r2" in text
    assert "n_folds = 3" in text
    assert "2 components" in text
    assert "unique variance" in text
    described = pd.read_csv(out / "measures.csv")
    assert described[["title", "axis", "unit", "sentence", "citation"]].notna().all(axis=None)
    assert set(scores[scores.measure == "layer_choice ridge"].query("role != 'low_level'").layer) == {"chosen layer"}
    ceilings = pd.read_csv(out / "ceilings.csv")
    bounds = ceilings.groupby("kind").bound.unique().map(set).to_dict()
    assert bounds["geometry"] == {"between subjects", "brain to brain", "split half"}
    assert bounds["prediction"] == {"split half", "variance of repeats"}
    assert (ceilings.ci_low < ceilings.ceiling_lower).all()
    page = write_report(out).read_text(encoding="utf-8")
    for title in described.title:
        assert title in page
    assert "Noise ceilings" in page
    assert "variance of repeats" in page


def test_options_of_a_measure_that_nobody_asks_for_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, ["rsa", "encoding", "pls"])
    with pytest.raises(SpecError, match="Options of measure 'banded_ridge' are given, but no recording") as error:
        run_study(read_study(path), tmp_path / "results")
    assert "\n" not in str(error.value)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('metric = "r2"', 'metrik = "r2"'), encoding="utf-8")
    with pytest.raises(SpecError, match="metrik"):
        run_study(read_study(path), tmp_path / "results")
    path.write_text(text.replace("pls = {", "psl = {"), encoding="utf-8")
    with pytest.raises(SpecError, match="psl"):
        read_study(path)


def test_a_study_without_options_keeps_its_key(tmp_path: Path) -> None:
    path = write(tmp_path, ["rsa"])
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("[scoring.options]")], encoding="utf-8")
    assert "options" not in to_dict(read_study(path).scoring)
