"""Five conditions of a comparison published in 2026: the statistics that were used, beside valid ones.

    python benchmarks/corrected_2026.py rdms OUT   # OUT: where benchmarks/which_rule.py trained which_rule
    python benchmarks/corrected_2026.py tables     # docs/results/corrected_2026/*.csv, from the committed RDMs
    python benchmarks/corrected_2026.py page       # docs/results/corrected_2026.md and its figure, from the tables

Three kinds of inference that are not valid are computed on purpose and marked INVALID. Entries of an RDM are not
independent, since each stimulus is in many of them: permuting or resampling entries takes the noise of stimuli for far
smaller than it is. A t test over three subjects leaves the stimuli out altogether.
"""

import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined
from markdown_table import table
from scipy import stats
from which_rule import ROOT, final_and_starts, population, role_of, shown
from which_rule_tables import networks_of

import brainalign as ba
from brainalign.alignment.infer import Declared, infer
from brainalign.alignment.instance import Instance
from brainalign.alignment.score import measures_of, score
from brainalign.errors import DataError
from brainalign.inference.permutation import permutation_test
from brainalign.provenance import code_hash
from brainalign.rdms import concatenate
from brainalign.report.rule_style import rule_styles
from brainalign.report.style import DOUBLE, paper, words
from brainalign.roles import LOW_LEVEL, OWN_START
from brainalign.storage import write_table, write_text
from brainalign.study_file import study_from_table
from brainalign.training.checkpoint import load_checkpoint
from brainalign.training.train import Trained

STUDY = ROOT / "analyses" / "corrected_2026.toml"
RESULTS = ROOT / "docs" / "results" / "corrected_2026"
PAGE = ROOT / "docs" / "results" / "corrected_2026.md"
TEMPLATE = Path(__file__).parent / "corrected_2026.md.j2"
RESOLUTIONS = (32, 224)
N_DRAWS, SEED, FEW_SUBJECTS = 1000, 0, 3


def study() -> ba.StudySpec:
    """Return the study."""
    return study_from_table(tomllib.loads(STUDY.read_text(encoding="utf-8")), str(STUDY), STUDY.parent)


def rdms(out: Path) -> None:
    """Write RDMs of the last networks at each resolution, and scores at every checkpoint at that of training."""
    spec = study()
    trained = [Trained.load(population(out, one)) for one in spec.populations]
    recording = spec.recordings[0]
    stimuli = ba.recording(recording.dataset).stimuli()
    about = {"code": code_hash(), "stimuli": recording.dataset}
    for side in RESOLUTIONS:
        found: list[ba.LayerRDMs] = []
        for one, role in final_and_starts(trained):
            try:
                found += shown(one, role, stimuli, (), side)
            except DataError as error:
                if role != OWN_START:
                    raise
                print(f"{one.spec.rule} before training, {side} pixels, has no RDM: {error}", flush=True)
        ba.save_rdms(RESULTS / f"rdms-{side}.safetensors", found, about)
    moments = [net for one in trained for net in _over_training(one, stimuli)]
    scoring = ba.ScoringSpec(resampling="leave_one_out", low_level=False)
    found = score(
        iter(moments), ba.recording(recording.dataset), recording, scoring, measures=measures_of(recording, scoring)
    )
    table = infer(found, Declared(recording.subjects)).scores
    declared = pd.Series(dict(spec.scoring.ranking_layer))
    table = table[table.layer.astype(str) == table.roi.astype(str).map(declared)]
    by = ["role", "rule", "roi", "layer", "checkpoint", "epoch", "seed"]
    means = table.groupby(by, observed=True, dropna=False).score.mean().reset_index()
    write_table(RESULTS / "over_training.csv", means, digits=6)


def _over_training(one: Trained, stimuli: ba.Stimuli) -> Iterator[Instance]:
    last = one.checkpoint.step
    for path in one.files:
        moment = load_checkpoint(path)
        for net in shown(moment, role_of(one.checkpoint), stimuli):
            made = Instance.of(net, (0, 0))
            yield Instance(**{**vars(made), "final": moment.step == last})


# -- tables, from RDMs ------------------------------------------------------------------------------------------------


def tables() -> None:
    """Score the committed RDMs and write the statistics side by side."""
    spec = study()
    recording, scoring = spec.recordings[0], spec.scoring
    contrasts, signs, scores = [], [], []
    for side in RESOLUTIONS:
        nets = list(networks_of(RESULTS / f"rdms-{side}.safetensors"))
        source = ba.recording(recording.dataset)
        found = infer(
            score(iter(nets), source, recording, scoring, print, measures=measures_of(recording, scoring)[:1]),
            Declared.of(scoring, recording.subjects),
        )
        scores.append(_means(found.scores, dict(scoring.ranking_layer)).assign(pixels=side))
        for roi, layer in scoring.ranking_layer.items():
            brain = source.rdms(roi)
            contrasts += [{"pixels": side, **row} for row in _contrasts(found.contrasts, nets, brain, roi, layer)]
            signs += [{"pixels": side, **row} for row in _signs(nets, brain, roi, layer)]
    write_table(RESULTS / "scores.csv", pd.concat(scores), digits=6)
    write_table(RESULTS / "contrasts.csv", pd.DataFrame(contrasts), digits=6)
    write_table(RESULTS / "above_zero.csv", pd.DataFrame(signs), digits=6)


def _means(table: pd.DataFrame, layers: dict[str, str]) -> pd.DataFrame:
    declared = table.layer.astype(str) == table.roi.astype(str).map(layers)
    some = table[declared | (table.role == LOW_LEVEL)]
    by = ["role", "rule", "roi", "layer"]
    return some.groupby(by, observed=True)[["score", "ceiling_lower", "ceiling_upper"]].mean().reset_index()


def _contrasts(
    found: pd.DataFrame, nets: list[Instance], brain: ba.RDMs, roi: str, layer: str
) -> Iterator[dict[str, object]]:
    """Yield every pair of conditions at the declared layer: the valid test, and the invalid ones."""
    ranks = {who: _ranked(own) for who, own in _by_rule(nets, layer).items()}
    subjects = stats.rankdata(brain.dissimilarities, axis=1)
    here = found[(found.roi == roi) & (found.layer == layer) & found.kind.isin(["pair", "vs_untrained", "vs_backprop"])]
    for row in here.to_dict("records"):
        a, b = ranks[row["rule_a"], False], ranks[row["rule_b"], row["role_b"] == OWN_START]
        difference = (_correlations(a, subjects) - _correlations(b, subjects)).mean(axis=0)
        entries = _entry_error(a, b, subjects)
        yield {
            "roi": roi,
            "layer": layer,
            "rule_a": row["rule_a"],
            "rule_b": row["rule_b"],
            "role_b": row["role_b"],
            "delta": row["delta"],
            "se": row["se"],
            "p": row["p"],
            "p_adjusted": row["p_adjusted"],
            "INVALID se of pairs": entries,
            "INVALID p of pairs": 2 * stats.norm.sf(abs(difference.mean()) / entries),
            "INVALID p of three subjects": stats.ttest_1samp(difference[:FEW_SUBJECTS], 0).pvalue,
        }


def _signs(nets: list[Instance], brain: ba.RDMs, roi: str, layer: str) -> Iterator[dict[str, object]]:
    """Yield whether the mean RDM of each condition is related to the brain's: labels permuted, and entries."""
    rng = np.random.default_rng(SEED)
    subjects = stats.rankdata(brain.dissimilarities, axis=1)
    for (rule, at_start), own in _by_rule(nets, layer).items():
        if at_start:
            continue
        mean = concatenate(own).mean()
        valid = permutation_test(mean, brain, "spearman", N_DRAWS, SEED)
        ranks = stats.rankdata(mean.dissimilarities, axis=1)
        observed = float(_correlations(ranks, subjects).mean())
        null = np.array([_correlations(rng.permuted(ranks, axis=1), subjects).mean() for _ in range(N_DRAWS)])
        yield {
            "roi": roi,
            "layer": layer,
            "rule": rule,
            "score": observed,
            "p": float(valid.p[0]),
            "INVALID p of entries": (1 + int((null >= observed).sum())) / (N_DRAWS + 1),
        }


def _by_rule(nets: list[Instance], layer: str) -> dict[tuple[str, bool], list[ba.RDMs]]:
    """Return the RDMs of the seeds of each rule, and of its networks before their first step where they are here."""
    found: dict[tuple[str, bool], list[ba.RDMs]] = {}
    for one in nets:
        found.setdefault((one.rule, one.role == OWN_START), []).append(one.activations.patterns(layer))
    return found


def _ranked(rdms: list[ba.RDMs]) -> np.ndarray:
    return np.concatenate([stats.rankdata(one.dissimilarities, axis=1) for one in rdms])


def _correlations(models: np.ndarray, subjects: np.ndarray) -> np.ndarray:
    """Return the correlations of rows, ``(n_models, n_subjects)``."""
    a, b = (one - one.mean(axis=1, keepdims=True) for one in (models, subjects))
    a, b = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (a, b))
    return a @ b.T


def _entry_error(a: np.ndarray, b: np.ndarray, subjects: np.ndarray) -> float:
    """Return the error of a difference from resampling entries as if they were independent: wrong on purpose."""
    rng = np.random.default_rng(SEED)
    draws = rng.integers(0, a.shape[1], (N_DRAWS // 5, a.shape[1]))
    found = [
        _correlations(a[:, rows], subjects[:, rows]).mean() - _correlations(b[:, rows], subjects[:, rows]).mean()
        for rows in draws
    ]
    return float(np.std(found, ddof=1))


# -- the page ---------------------------------------------------------------------------------------------------------

_METHODS = {
    "valid, adjusted": "p_adjusted",
    "valid, not adjusted": "p",
    "INVALID, pairs of stimuli": "INVALID p of pairs",
    "INVALID, three people": "INVALID p of three subjects",
}


def page() -> str:
    """Return the page."""
    contrasts, signs, scores = (pd.read_csv(RESULTS / f"{name}.csv") for name in ("contrasts", "above_zero", "scores"))
    about = ba.load_rdms(RESULTS / f"rdms-{RESOLUTIONS[0]}.safetensors")[1]
    template = Environment(autoescape=False, keep_trailing_newline=True, undefined=StrictUndefined)
    return template.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        code=about["code"][:16],
        counts=table(_counts(contrasts)),
        contrasts=table(_rows(contrasts)),
        signs=table(_shown_signs(signs)),
        scores=table(_shown_scores(scores)),
    )


def _counts(contrasts: pd.DataFrame) -> Iterator[dict[str, object]]:
    for (pixels, roi), here in contrasts.groupby(["pixels", "roi"]):
        found = {name: f"{int((here[column] < 0.05).sum())} of {len(here)}" for name, column in _METHODS.items()}
        yield {"pixels": pixels, "ROI": roi, **found}


def _rows(contrasts: pd.DataFrame) -> Iterator[dict[str, object]]:
    for row in contrasts[contrasts.pixels == RESOLUTIONS[0]].to_dict("records"):
        yield {
            "ROI": row["roi"],
            "pair, at 32 pixels": f"{words(row['rule_a'])} minus {_control(row)}",
            "difference": f"{row['delta']:+.3f}",
            "standard error": f"{row['se']:.3f}",
            "p": _p(row["p"]),
            "p adjusted": _p(row["p_adjusted"]),
            "INVALID error, pairs": f"{row['INVALID se of pairs']:.3f}",
            "INVALID p, pairs": _p(row["INVALID p of pairs"]),
            "INVALID p, three people": _p(row["INVALID p of three subjects"]),
        }


def _control(row: Mapping[str, object]) -> str:
    start = row["role_b"] == OWN_START
    return "its own networks before training" if start else words(str(row["rule_b"]))


def _shown_signs(signs: pd.DataFrame) -> Iterator[dict[str, object]]:
    for row in signs.to_dict("records"):
        yield {
            "pixels": row["pixels"],
            "ROI": row["roi"],
            "condition": words(row["rule"]),
            "score": f"{row['score']:.3f}",
            "p, labels permuted": _p(row["p"]),
            "INVALID p, entries permuted": _p(row["INVALID p of entries"]),
        }


def _shown_scores(scores: pd.DataFrame) -> Iterator[dict[str, object]]:
    names = scores[scores.role != OWN_START]
    names = names.assign(condition=np.where(names.role == LOW_LEVEL, names.layer, names.rule))
    wide = names.pivot_table(index="condition", columns=["roi", "pixels"], values="score", sort=False)
    for condition, row in wide.iterrows():
        cells = {f"{roi}, {pixels} pixels": f"{value:.3f}" for (roi, pixels), value in row.items()}
        yield {"condition": words(str(condition)), **cells}


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def save_figure() -> None:
    """Draw scores over training."""
    moments = pd.read_csv(RESULTS / "over_training.csv")
    rules = list(dict.fromkeys(moments.rule))
    styles = rule_styles(rules)
    with paper():
        figure, axes = plt.subplots(1, 2, figsize=(DOUBLE, DOUBLE * 0.4), layout="constrained")
        for ax, (roi, here) in zip(axes, moments.groupby("roi", sort=False), strict=True):
            for k, rule in enumerate(rules):
                own = here[here.rule == rule].groupby("checkpoint").score.agg(["mean", "std"])
                style = styles[rule]
                beside = (own.index + 1) * 1.05 ** (k - (len(rules) - 1) / 2)  # errors do not hide one another
                look = {"color": style.colour, "marker": style.marker, "elinewidth": 0.7, "label": words(rule)}
                ax.errorbar(beside, own["mean"], own["std"], ls="--" if rule == "untrained" else "-", **look)
            ax.set(
                xscale="log",
                xlabel="updates + 1",
                ylabel="Spearman ρ (mean, s.d. over seeds)",
                title=f"{roi}, {here.layer.iloc[0]}",
            )
            ax.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper")
        figure.savefig(RESULTS / "over_training.png", dpi=200, metadata={"Software": None})
        plt.close(figure)


if __name__ == "__main__":
    verb, *given = sys.argv[1:] or ["help"]
    if verb == "rdms" and len(given) == 1:
        rdms(Path(given[0]))
    elif verb == "tables" and not given:
        tables()
    elif verb == "page" and not given:
        save_figure()
        write_text(PAGE, page())
    else:
        sys.exit(__doc__)
