"""Results that are hard to draw: few and many rules, layers, recordings and times, long names, holes in the tables."""

import dataclasses
import itertools
import math
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from synthetic_folder import TARGETS, SyntheticFolder

from brainalign import tables
from brainalign.alignment.result import AlignmentResult
from brainalign.plausibility.probe import probes
from brainalign.plausibility.scorecard import COLUMNS, write_scorecard
from brainalign.rules.learning_rule import learning_rules

_LONG = (
    "untrained",
    "backprop",
    "difference_target_propagation_target_rate_0.05_noise_0.3",
    "difference_target_propagation_target_rate_0.01_noise_0.1",
    "direct_random_target_projection_two_hidden_layers",
)
_EEG = dataclasses.replace(TARGETS[1], dataset="eeg", roi="occipital", n_subjects=3)
_MANY = tuple(
    dataclasses.replace(TARGETS[k % 4], dataset=f"recording_number_{k // 3 + 1}", roi=f"area {k % 3 + 1}", n_subjects=3)
    for k in range(9)
)
_SHORT = {"targets": (dataclasses.replace(TARGETS[1], n_subjects=3),), "n_layers": 3, "n_seeds": 2}
_TIMES = tuple(round(float(time), 3) for time in np.linspace(-0.1, 0.6, 200))

#: Options of the folder of each case.
CASES: dict[str, dict] = {
    "two rules": _SHORT | {"rules": ("feedback_alignment", "backprop")},
    "28 rules": _SHORT | {"targets": TARGETS[1:3], "rules": (), "n_layers": 4},
    "one of all": _SHORT | {"targets": TARGETS[2:3], "n_layers": 1, "n_seeds": 1, "rules": ("backprop", "hebbian")},
    "long names": _SHORT | {"rules": _LONG},
    "12 layers": _SHORT | {"n_layers": 12, "ranking_layer": False},
    "many recordings": _SHORT | {"targets": _MANY, "with_images": False},
    "negative": _SHORT | {"targets": (TARGETS[2], _SHORT["targets"][0])},
    "holes": _SHORT,
    "one time": _SHORT | {"targets": (_EEG,), "times": (0.17,), "with_images": False},
    "200 times": _SHORT | {"targets": (_EEG,), "times": _TIMES, "n_layers": 2, "with_images": False},
}  # fmt: skip


@cache
def hard_case(name: str) -> AlignmentResult:
    """Return the result of a case, with every table that a figure draws from."""
    options = CASES[name] | ({"rules": every_rule()} if name == "28 rules" else {})
    made = SyntheticFolder(**options)
    with tempfile.TemporaryDirectory() as place:
        folder = made.write(Path(place) / "results")
        write_scorecard(folder, _scorecard(made.rules))
        results = AlignmentResult.load(folder)
    if name == "negative":
        lower = results.scores.assign(score=results.scores.score - 0.35, floor=results.scores.floor - 0.35)
        results = dataclasses.replace(results, scores=lower.assign(ceiling_lower=np.nan, ceiling_upper=np.nan))
    if name == "holes":
        gone = (results.scores.rule == "backprop") & (results.scores.layer == "conv2")
        results = dataclasses.replace(results, scores=results.scores.assign(score=results.scores.score.mask(gone)))
    if len(made.times) > 1:
        results = dataclasses.replace(results, **_over_time(made))
    return results


def every_rule() -> tuple[str, ...]:
    """Return untrained and 27 rules."""
    return ("untrained", *[name for name in sorted(learning_rules()) if name != "untrained"][:27])


def _scorecard(names: tuple[str, ...]) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = []
    for rule, (k, code) in itertools.product(names, enumerate(probes())):
        value = math.nan if k % 7 == 3 else float(10 ** rng.uniform(-6, 3))
        value = 2.0 ** (len(rule) % 7) if code == "P12" and rule != names[-1] else value  # cost, of all but one
        mark = None if math.isnan(value) or k % 5 == 1 else bool(value < 1)
        rows.append((rule, "cnn", code, value, value / 3, value * 4, mark, k % 6 != 2, "trace", "why", 0.1))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"pass": object})


def _over_time(made: SyntheticFolder) -> dict[str, pd.DataFrame]:
    """Return latencies, clusters and temporal generalisation, with islands and corners of small p."""
    cell = {"network": "cnn", "dataset": "eeg", "roi": "occipital"}
    moments, clusters, pairs = [], [], []
    every = np.array(made.times[::4])
    for k, (rule, layer) in enumerate(itertools.product(made.rules, made.layers)):
        place = cell | {"rule": rule, "layer": layer, "role": "trained"}
        measure = {"measure": made.targets[0].measure}
        for moment, at in (("onset", 0.08), ("peak", 0.17 + 0.004 * k)):
            moments.append(
                place
                | measure
                | {"moment": moment, "seconds": at, "ci_low": at - 0.02, "ci_high": at + 0.03, "n_subjects": 3}
            )
        clusters.append(cell | measure | {
            "layer": layer, "kind": "vs_untrained", "rule_a": rule, "rule_b": "untrained",
            "seconds_first": 0.1 + 0.01 * k, "seconds_last": 0.3, "delta": 0.1 - 0.2 * (k % 2),
            "p_adjusted": 0.01, "family_size": 4, "n_subjects": 3,
        })  # fmt: skip
        fitted, tested = np.meshgrid(every, every, indexing="ij")
        late = np.exp(-(((fitted - 0.2) / 0.1) ** 2 + ((tested - 0.2 - 0.3 * (fitted - 0.2)) / 0.08) ** 2))
        score = 0.2 * late - 0.15 * np.exp(-(((fitted - 0.15) / 0.06) ** 2 + ((tested - 0.45) / 0.08) ** 2))
        for f, t, value in zip(fitted.ravel(), tested.ravel(), score.ravel(), strict=True):
            p = 0.01 if value > 0.08 or (abs(f - t) < 0.003 and f > 0.4) else 0.4
            pairs.append(place | {
                "seconds_fitted": f, "seconds_tested": t, "score": value, "se": 0.02, "p": p,
                "n_subjects": 3, "n_seeds": 2,
            })  # fmt: skip
    named = {"latencies": moments, "clusters": clusters, "time_generalisation": pairs}
    return {
        name: tables.cast(name, pd.DataFrame(rows, columns=list(tables.TABLES[name].names)))
        for name, rows in named.items()
    }
