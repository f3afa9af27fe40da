"""What the tables of ``which_rule`` hold, read for its page and figures."""

import tomllib

import pandas as pd
from which_rule import EQUAL, MAIN, ROOT, SHOWN, exceeding, results, study

import brainalign as ba

SPEARMAN, WITHIN, WHITENED = "rsa spearman", "rsa spearman within categories", "rsa corr_cov"
EACH = "rsa spearman of each category"
ENCODING = "encoding ridge"
#: Which pairs of stimuli a measure of the EEG set takes.
PAIRS = {SPEARMAN: "all pairs", WITHIN: "within categories", EACH: "each category"}
#: Place to recording, ROI, measure and title; the order of the page.
PLACES = {
    "EVC": ("cichy92", "EVC", SPEARMAN, "human EVC, 15 people"),
    "IT": ("cichy92", "IT", SPEARMAN, "human IT, 15 people"),
    "monkey IT": ("kriegeskorte92", "monkeyIT", SPEARMAN, "monkey IT"),
    "human IT (4)": ("kriegeskorte92", "humanIT", SPEARMAN, "human IT, 4 people"),
    "EEG, all pairs": ("eeg49", "scalp", SPEARMAN, "EEG at 130 to 170 ms, all pairs"),
    "EEG, within categories": ("eeg49", "scalp", WITHIN, "EEG at 130 to 170 ms, pairs within categories"),
    "EEG, each category": ("eeg49", "scalp", EACH, "EEG at 130 to 170 ms, each category alone (exploratory)"),
    "V4, 640 images": ("macaque_v4 210325", "V4", ENCODING, "macaque V4, 50 units under 640 images (encoding)"),
    "V4, 1,200 images": ("macaque_v4 201025", "V4", ENCODING, "macaque V4, 89 units under 1,200 images (encoding)"),
}
#: Rules by family, as declared.
FAMILIES = {
    "backpropagation": ("backprop",),
    "feedback weights": (
        *("feedback_alignment", "direct_feedback_alignment", "sign_symmetry", "kolen_pollack", "weight_mirror"),
    ),
    "projected targets": ("direct_random_target_projection", "delayed_feedback"),
    "target propagation": (
        *("target_propagation", "difference_target_propagation", "fixed_weight_target_propagation"),
        *("local_difference_reconstruction", "counter_current"),
    ),
    "local losses": ("local_losses",),
    "relaxation": ("predictive_coding", "dual_propagation", "equilibrium_propagation", "contrastive_hebbian"),
    "forward only": ("forward_forward", "pepita", "forward_gradient"),
    "perturbation": ("node_perturbation", "weight_perturbation"),
    "Hebbian and spikes": ("hebbian", "reward_modulated_stdp"),
    "learned credit": ("top_down_credit",),
}
FAMILY = {rule: family for family, rules in FAMILIES.items() for rule in rules}
CONTROLS = ("untrained", "readout_only", "two_views", "backprop")


class Findings:
    """The tables of one study, and what is read from them.

    Parameters
    ----------
    name
        The study.
    """

    def __init__(self, name: str = MAIN) -> None:
        self.name, self.folder = name, results(name)
        self.scores = self._with_encoding("scores")
        self.contrasts = self._with_encoding("contrasts")
        self.ranks = self._with_encoding("ranks")
        #: The same at checkpoints of equal accuracy; the main study has them alone.
        self.equal_contrasts = self._with_encoding("contrasts", EQUAL)
        self.equal_ranks = self._with_encoding("ranks", EQUAL)
        self.training = self.table("training")
        self.spec = study(name)
        self.layers = dict(self.spec.scoring.ranking_layer)
        asked = tomllib.loads((ROOT / "analyses" / f"{name}.toml").read_text(encoding="utf-8"))
        self.preset = asked["training"]["preset"]
        self.rules = [rule for rule in asked["rules"] if rule in set(self.training.rule)]
        self.untrained_yet = [rule for rule in FAMILY if rule not in self.rules]
        #: Rules that diverged with the options that their search found.
        noted = self.folder / "diverged.csv"
        self.diverged = list(pd.read_csv(noted).rule) if noted.is_file() else []
        self.learned = exceeding(self.training)
        self.about = ba.load_rdms(self.folder / f"rdms-{next(iter(SHOWN))}.safetensors")[1]
        last = self.training[self.training.step == self.training.groupby("rule").step.transform("max")]
        self.accuracy = last.groupby("rule").test_accuracy.agg(["mean", "std"])
        self.places = [place for place in PLACES if not self.at(self.scores, place).empty]

    def table(self, name: str) -> pd.DataFrame:
        """Return a table of the study."""
        return pd.read_csv(self.folder / f"{name}.csv")

    def _with_encoding(self, name: str, moment: str = "") -> pd.DataFrame:
        parts = [self.folder / f"{name}{suffix}{moment}.csv" for suffix in ("", "-encoding")]
        found = [pd.read_csv(path) for path in parts if path.is_file()]
        return pd.concat(found, ignore_index=True) if found else getattr(self, name).iloc[:0]

    def equal_accuracy(self) -> pd.Series:
        """Return rule to its validation accuracy at the checkpoint of equal accuracy."""
        return self.table(EQUAL.removeprefix("-")).set_index("rule").val_accuracy

    def at(self, table: pd.DataFrame, place: str) -> pd.DataFrame:
        """Return the rows of a table at a place and its declared layer; of low-level controls all."""
        recording, roi, measure, _ = PLACES[place]
        here = table[(table.dataset == recording) & (table.roi == roi) & (table.measure == measure)]
        if roi not in self.layers:
            return here.iloc[:0]
        control = here.role == "low_level" if "role" in here else pd.Series(False, index=here.index)
        return here[(here.layer == self.layers[roi]) | control]

    def means(self, place: str, table: pd.DataFrame | None = None) -> pd.Series:
        """Return the mean score of every rule at a place, over seeds and subjects."""
        here = self.at(self.scores if table is None else table, place)
        return here[~here.role.isin(["low_level", "own_start"])].groupby("rule").score.mean()

    def before_training(self, place: str) -> pd.Series:
        """Return the mean scores before training of rules whose networks answer otherwise than untrained ones."""
        here = self.at(self.scores, place)
        return here[here.role == "own_start"].groupby("rule").score.mean()

    def floors(self, place: str) -> pd.Series:
        """Return the scores of low-level controls."""
        here = self.at(self.scores, place)
        return here[here.role == "low_level"].groupby("layer").score.mean()

    def ceiling(self, place: str) -> tuple[float, float]:
        """Return the noise ceiling of a place; NaN where there is none."""
        here = self.at(self.scores, place)
        return float(here.ceiling_lower.mean()), float(here.ceiling_upper.mean())

    def contrast(self, place: str, rule: str, kind: str, table: pd.DataFrame | None = None) -> pd.Series | None:
        """Return the contrast of a rule with one of its two controls."""
        here = self.at(self.contrasts if table is None else table, place)
        found = here[(here.rule_a == rule) & (here.kind == kind)]
        return None if found.empty else found.iloc[0]

    def differing(self, place: str, kind: str, table: pd.DataFrame | None = None) -> list[tuple[str, float]]:
        """Return the rules that differ from a control by the largest t of the family, with the difference."""
        here = self.at(self.contrasts if table is None else table, place)
        rows = here[(here.kind == kind) & (here.p_adjusted < 0.05)].sort_values("delta", ascending=False)
        return list(zip(rows.rule_a, rows.delta, strict=True))


def plausibility() -> pd.Series:
    """Return the share of the literature's criteria that each rule meets on this network, of those decided."""
    table = pd.read_csv(ROOT / "docs" / "scorecard" / "criteria.csv")
    cnn = table[(table.network == "cnn") & table.measured.notna()]
    return cnn.groupby("rule").measured.agg(lambda marks: float((marks.astype(str) == "True").mean()))
