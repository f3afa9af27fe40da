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
n_bootstrap = 100

[scoring.options]
encoding = {{ metric = "r2", n_folds = 3 }}
pls = {{ components = [2] }}
unique_encoding = {{ n_iter = 3, controls = ["gabor"] }}
"""
NAMES = {
    "rsa cosine_cov of squared euclidean distances",
    "cca 5",
    "encoding ridge, R2",
    "linear_cka",
    "pls 2",
    "procrustes",
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
    page = write_report(out).read_text(encoding="utf-8")
    assert "Debiased linear CKA" in page


def test_options_of_a_measure_that_nobody_asks_for_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, ["rsa", "encoding", "pls"])
    with pytest.raises(SpecError, match="Options of measure 'unique_encoding' are given, but no recording") as error:
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
